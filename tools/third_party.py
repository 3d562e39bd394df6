"""Writes ``THIRD-PARTY.md``: the crates inside a wheel, their licences, and the texts that licences require.

Run it after a change of ``Cargo.lock``. ``--check`` only tells whether the file is up to date.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from generated import ROOT, main

NOTICES = ROOT / "THIRD-PARTY.md"

HEAD = """# Third-party software

<!-- Written by tools/third_party.py. -->

A wheel of mastra-convex contains these crates, QuickJS by `rquickjs-sys` and SQLite, which is in the public domain, by
`libsqlite3-sys`. Where a crate may be had under Apache-2.0 it is, whose text is in `LICENSE`; for each of the others
its own text is below. Those under MPL-2.0 are unchanged; their source is at the address given.

| crate | licence | source |
| --- | --- | --- |
"""

# The licence's text, for crates that have this licence but no copy of it.
MIT = """The MIT License (MIT)

Copyright (c) {authors}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def crates() -> list[dict[str, Any]]:
    """The crates linked into the extension on any platform, without build tools, test tools and our own crates."""
    cargo = ["cargo", "--quiet"]
    tree = [*cargo, "tree", "--locked", "--package", "python", "--edges", "normal,no-proc-macro", "--target", "all"]
    printed = subprocess.run(
        [*tree, "--prefix", "none", "--format", "{p}"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    linked = {tuple(line.split()[:2]) for line in printed.splitlines()}
    metadata = [*cargo, "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(metadata, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    found = [crate for crate in packages if crate["source"] and (crate["name"], f"v{crate['version']}") in linked]
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def texts(crate: dict[str, Any]) -> set[str]:
    """The licences beside a crate's manifest or its C sources, with normalised line breaks."""
    folder = Path(crate["manifest_path"]).parent
    names = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT)([-._].*)?", re.IGNORECASE)
    files = [*folder.iterdir(), *folder.glob("*/*")]
    read = {file.read_text(errors="replace").strip() for file in files if names.fullmatch(file.name) and file.is_file()}
    return {re.sub(r"[ \t\r]+\n", "\n", text) for text in read}


def notices() -> str:
    """The whole file."""
    rows: list[str] = []
    owners: dict[str, list[str]] = {}
    for crate in crates():
        name = f"{crate['name']} {crate['version']}"
        licence = (crate["license"] or "in its own text").replace("/", " OR ")
        rows.append(f"| {name} | {licence} | {crate['repository'] or 'https://crates.io/crates/' + crate['name']} |\n")
        alternatives = re.split(r" OR ", licence) if " AND " not in licence else []
        if "Apache-2.0" not in alternatives:
            own = texts(crate)
            if not own and licence != "MIT":
                sys.exit(f"{name} is under {licence}, and brings no text")
            authors = ", ".join(crate["authors"]) or f"the authors of {crate['name']}"
            for text in own or {MIT.format(authors=authors)}:
                owners.setdefault(text, []).append(name)
    parts = [f"## {', '.join(names)}\n\n```text\n{text}\n```\n" for text, names in owners.items()]
    return HEAD + "".join(rows) + "\n" + "\n".join(sorted(parts))


if __name__ == "__main__":
    main(NOTICES, notices())
