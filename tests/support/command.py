"""The ``mastra-convex`` command, run as a user runs it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sysconfig
import termios
from pathlib import Path

COMMAND = str(Path(sysconfig.get_path("scripts")) / "mastra-convex")
# Variables that change the output are removed. The tests' terminal sets its own.
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


def run_in_terminal(
    *arguments: str, columns: int, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run the command in a pseudo-terminal, and return its exit code and its output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    terminal = ENVIRONMENT | {"TERM": "xterm-256color"} | (environment or {})
    process = subprocess.Popen([COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=terminal)
    os.close(theirs)
    written = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # On Linux: the other side is closed.
            break
        written += some
    os.close(ours)
    return process.wait(), written.decode()
