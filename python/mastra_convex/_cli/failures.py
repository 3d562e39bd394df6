"""How errors end: what is said, what to do next, with which exit code."""

from __future__ import annotations

from mastra_convex.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DataFolderError,
    FunctionNotFoundError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)

INTERRUPTED = 130

# The first that fits an error; 1 where none does.
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
  1    it failed, and the message says how
  2    an option or argument can't be
  3    a data folder is locked, damaged, of a newer version, or full
  4    a deployment can't be reached
  5    what was asked for doesn't exist, or not without a key
  6    a deployment doesn't take the key or token
  130  interrupted
"""

_KEYS = "CONVEX_ADMIN_KEY holds a deployment's key; `mastra-convex keys show` prints the one of a data folder."
_NEXT_STEPS: list[tuple[type[MastraConvexError], str]] = [
    (ConnectError, "Is it running, and is that its URL? `mastra-convex serve` prints its own."),
    (AuthenticationError, _KEYS),
    (FunctionNotFoundError, f"Functions may be internal, or not deployed (`mastra-convex init`). {_KEYS}"),
]


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
        return error.hint or next((step for kind, step in _NEXT_STEPS if isinstance(error, kind)), None)
    if isinstance(error, OSError):
        return None
    return "That is a mistake of this program: --debug shows where; please report it."
