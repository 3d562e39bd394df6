"""Writes the docstrings that the package carries for `mastra-convex demo`: rows of well-known modules.

They are a part of ``data/``. ``--check`` compares the files' content, not their bytes, which depend on the compressor.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data"
DEMO = ROOT / "python/mastra_convex/_cli/demo_data"
COPIED = ("queries.json", "queries.npy", "LICENSE-PSF.txt")
MOST_BYTES = 2_000_000

# Modules that the ten questions are about, and those that most people have imported. The C parts live in `_csv` and the
# like.
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


def chosen() -> tuple[str, NDArray[np.uint8]]:
    """The lines, and the embeddings. Low bytes and high bytes are separate, since only high bytes compress."""
    lines = (DATA / "stdlib_docs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    positions = [position for position, line in enumerate(lines) if json.loads(line)["module"] in MODULES]
    embeddings = np.load(DATA / "stdlib_docs.npz")["embeddings"][positions]
    halves = np.moveaxis(embeddings[..., np.newaxis].view(np.uint8), -1, 0)
    return "".join(lines[position] for position in positions), halves


def write(text: str, halves: NDArray[np.uint8]) -> None:
    """Write the files; more than the package may carry is an error."""
    DEMO.mkdir(parents=True, exist_ok=True)
    (DEMO / "stdlib_docs.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    np.savez_compressed(DEMO / "stdlib_docs.npz", halves=halves)
    for name in COPIED:
        shutil.copyfile(DATA / name, DEMO / name)
    size = sum(file.stat().st_size for file in DEMO.iterdir())
    if size > MOST_BYTES:
        sys.exit(f"{DEMO} has {size:,} bytes; expected at most {MOST_BYTES:,}: choose fewer modules")


def is_written(text: str, halves: NDArray[np.uint8]) -> bool:
    """Whether the files have this content."""
    return (
        all((DEMO / name).is_file() for name in ("stdlib_docs.jsonl.gz", "stdlib_docs.npz", *COPIED))
        and gzip.decompress((DEMO / "stdlib_docs.jsonl.gz").read_bytes()).decode() == text
        and np.array_equal(np.load(DEMO / "stdlib_docs.npz")["halves"], halves)
        and all((DEMO / name).read_bytes() == (DATA / name).read_bytes() for name in COPIED)
    )


if __name__ == "__main__":
    text, halves = chosen()
    if not is_written(text, halves):
        if "--check" in sys.argv[1:]:
            sys.exit(f"{DEMO.relative_to(ROOT)} is not up to date: run python tools/demo_data.py")
        write(text, halves)
