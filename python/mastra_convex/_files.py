"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mastra_convex.errors import ConfigurationError, DiskFullError, MastraConvexError


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A new file, readable by its owner only, that takes the place of another one at the end, or is deleted."""
    # Importing it takes ten milliseconds, which importing the package doesn't need.
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".mastra-convex-", suffix=".part")
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def file_errors(place: str, path: Path) -> Iterator[None]:
    """Turn errors of reading or writing a file into errors that name it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, MastraConvexError):
            raise
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise DiskFullError(
                f"{place}: no space left for {path}; the partial file was deleted",
                hint="Free some space and try again.",
            ) from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(f"{place}: {path}: {reason}") from error
