"""Runs the blocks of the adapters' pages, in environments that have the frameworks."""

from __future__ import annotations

from pathlib import Path

from tests.documents.pages import Reader, blocks
from tests.support.checkout import ROOT


def follow(adapter: str, folder: Path) -> None:
    """Run a page's blocks in a folder; each prints the output on the page."""
    reader = Reader(folder)
    for block in blocks(ROOT / "docs" / "adapters" / f"{adapter}.md"):
        assert (block.code, reader.follow(block)) == (block.code, block.printed)
    reader.close()
