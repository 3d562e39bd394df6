"""Folders of functions: ours, with a user's modules added."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.checkout import ROOT

OURS = ROOT / "convex"


def functions_with(folder: Path, modules: dict[str, str]) -> Path:
    """A copy of our functions. The given modules are added, or replace ours, by their paths."""
    shutil.copytree(OURS, folder, ignore=shutil.ignore_patterns("*.test.ts", "test.setup.ts"))
    for path, source in modules.items():
        (folder / path).write_text(source)
    return folder
