"""The part of the docstrings that the package carries: rows of well-known modules, public and private."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DEMO = HERE.parent / "python/mastra_convex/_cli/demo_data"
MOST_BYTES = 2_000_000

# What the ten questions are about, and what most people have imported. `_csv` and the like are where the C parts live.
# fmt: off
MODULES = {
    "argparse", "array", "asyncio", "base64", "bisect", "_bisect", "builtins", "bz2", "cmd", "codecs",
    "collections", "configparser", "contextlib", "copy", "csv", "_csv", "dataclasses", "datetime", "difflib",
    "email", "enum", "fnmatch", "functools", "getopt", "glob", "gzip", "hashlib", "_hashlib", "heapq", "hmac",
    "html", "io", "itertools", "json", "_json", "lzma", "marshal", "operator", "os", "pathlib", "pickle", "_pickle",
    "_posixsubprocess", "pprint", "queue", "random", "re", "secrets", "select", "_sha3", "shelve", "shlex",
    "shutil", "smtplib", "socket", "socketserver", "sqlite3", "string", "_struct", "subprocess", "sys", "tempfile",
    "textwrap", "threading", "time", "tomllib", "types", "urllib", "uuid", "weakref", "xml", "zipfile", "zlib",
}
# fmt: on


def main() -> None:
    """Write the demo's files; the same input gives the same bytes."""
    lines = (HERE / "stdlib_docs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    chosen = [position for position, line in enumerate(lines) if json.loads(line)["module"] in MODULES]
    embeddings = np.load(HERE / "stdlib_docs.npz")["embeddings"][chosen]

    DEMO.mkdir(parents=True, exist_ok=True)
    text = "".join(lines[position] for position in chosen)
    (DEMO / "stdlib_docs.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    # The low bytes of numbers don't compress, the high ones do: so they stand apart.
    halves = np.moveaxis(embeddings[..., np.newaxis].view(np.uint8), -1, 0)
    np.savez_compressed(DEMO / "stdlib_docs.npz", halves=halves)
    for name in ("queries.json", "queries.npy", "LICENSE-PSF.txt"):
        shutil.copyfile(HERE / name, DEMO / name)

    size = sum(file.stat().st_size for file in DEMO.iterdir())
    print(f"{len(chosen)} rows, {size:,} bytes in {DEMO}")
    if size > MOST_BYTES:
        raise SystemExit(f"more than {MOST_BYTES:,} bytes; choose fewer modules")


if __name__ == "__main__":
    main()
