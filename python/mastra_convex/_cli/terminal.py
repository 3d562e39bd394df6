"""The terminal: data goes to stdout, messages and progress to stderr, either of which may be a file or a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mastra_convex._files import replacing
from mastra_convex._sync.mastra_vector import Progress as Report
from mastra_convex.errors import ConfigurationError

# Texts are shown as they are: brackets in them are no markup, and numbers get no colour.
out = Console(markup=False, highlight=False, emoji=False)
err = Console(markup=False, highlight=False, emoji=False, stderr=True)

SECONDS_A_LINE = 5


def open_streams() -> None:
    """Give a stream that the caller closed a place where its text is lost.

    Otherwise the next file that is opened, such as the data's, takes its number, and the text goes there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 -- open as long as the program runs


def take_any_text() -> None:
    """Print a question mark for a character that the encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


class Bars:
    """Progress bars on a terminal. Elsewhere a line when a task begins, then one every five seconds."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def add(self, description: str, total: int) -> Report:
        """Begin a task. The returned function takes the amount done and the total."""
        if err.is_terminal:
            task = self._progress.add_task(description, total=total)
            return lambda done, total: self._progress.update(task, completed=done, total=total)
        err.print(f"{description} ({total:,})", soft_wrap=True)
        said = monotonic()

        def say(done: int, total: int) -> None:
            nonlocal said
            if monotonic() - said >= SECONDS_A_LINE:
                said = monotonic()
                err.print(f"{description}: {done:,} of {total:,}", soft_wrap=True)

        return say


@contextmanager
def bars() -> Iterator[Bars]:
    """Show progress while this is open."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        yield Bars(progress)


def write(file: Path, content: bytes) -> None:
    """Write a file completely, or raise an error and leave the old file."""
    try:
        with replacing(file) as part:
            part.write_bytes(content)
            # As any other file that a program makes.
            mask = os.umask(0)
            os.umask(mask)
            part.chmod(0o666 & ~mask)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; expected a writable file") from error
