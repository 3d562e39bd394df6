"""Files that are generated: one is written, or with ``--check`` compared."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main(path: Path, text: str) -> None:
    """Write a file, or end with an error where it holds another text."""
    if "--check" not in sys.argv[1:]:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        sys.exit(f"{path.relative_to(ROOT)} is not up to date: run python tools/{Path(sys.argv[0]).name}")
