"""How the program ends after an error: message, next step and exit code."""

from __future__ import annotations

from mastra_convex.errors import (
    AuthenticationError,
    ConfigurationError,
    DataFolderError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)

INTERRUPTED = 130

# The first class that matches an error decides; without a match it is 1.
_EXIT_CODES: list[tuple[type[MastraConvexError], int]] = [
    (ConfigurationError, 2),
    (InvalidArgumentError, 2),
    (DataFolderError, 3),
    (TransportError, 4),
    (NotFoundError, 5),
    (AuthenticationError, 6),
    (PermissionDeniedError, 6),
]

# The end of every command's help.
EXIT_CODES = """
\b
Exit codes:
  0    done
  1    the command failed; the message says why
  2    an option or argument is invalid
  3    a data folder is locked, damaged or of a newer version, or the disk is full
  4    a deployment can't be reached
  5    the requested thing doesn't exist, or needs a key
  6    a deployment refuses the key or token
  130  interrupted
"""


def exit_code(error: Exception) -> int:
    """How the program ends."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def problem(error: Exception) -> str:
    """The problem, as a sentence."""
    if isinstance(error, MastraConvexError):
        return str(error.args[0])
    if isinstance(error, OSError):
        return f"{error.filename or 'the output'}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def next_step(error: Exception) -> str | None:
    """The next step, if there is one."""
    if isinstance(error, MastraConvexError):
        return error.hint
    if isinstance(error, OSError):
        return None
    return "This is a bug in mastra-convex. --debug shows where; please report it."
