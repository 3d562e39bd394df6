"""The ``mastra-convex`` command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

COMMAND = str(Path(sysconfig.get_path("scripts")) / "mastra-convex")
# What would change how text is shown; a terminal of our own says it all by itself.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
}


def run(
    *arguments: str, command: tuple[str, ...] = (COMMAND,), environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command with neither input nor output at a terminal."""
    return subprocess.run(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT | (environment or {}),
    )
