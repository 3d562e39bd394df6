"""Writes a generated file, or with ``--check`` compares it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main(path: Path, text: str) -> None:
    """Write a file; or, to check it, end with an error if it has another text."""
    if "--check" not in sys.argv[1:]:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        sys.exit(f"{path.relative_to(ROOT)} is not up to date: run python tools/{Path(sys.argv[0]).name}")
