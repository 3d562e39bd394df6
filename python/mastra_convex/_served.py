"""The address at which a data folder is served, in a file of the folder.

Programs that can't open the folder, because a process has it open, find here where that process serves it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from mastra_convex._files import replacing

NAME = "served.json"


def announce(folder: Path, url: str) -> None:
    """Write that this process serves the folder at a URL."""
    with replacing(folder / NAME) as part:
        part.write_text(json.dumps({"url": url, "pid": os.getpid()}))


def withdraw(folder: Path, url: str) -> None:
    """Delete the announcement, if it is still the one of this URL."""
    if address(folder, os.getpid()) == url:
        (folder / NAME).unlink(missing_ok=True)


def address(folder: Path, pid: int | None) -> str | None:
    """The URL at which a process serves the folder, or None. A killed process may have left its announcement."""
    try:
        served = json.loads((folder / NAME).read_text())
        return str(served["url"]) if served["pid"] == pid else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
