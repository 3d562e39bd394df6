"""What can go wrong, with the same class and code on every kind of deployment.

::

    MastraConvexError
    ├─ ConfigurationError                   no target, bad URL, missing credentials
    ├─ InvalidArgumentError (ValueError)    raised before anything is sent
    │  ├─ DimensionMismatchError
    │  └─ FilterError
    ├─ DataFolderError
    │  ├─ LockedError
    │  ├─ DamagedError
    │  ├─ NewerFormatError
    │  └─ DiskFullError
    ├─ TransportError                       the deployment can't be reached, or not understood
    │  ├─ ConnectError                      nothing was executed
    │  ├─ TransportTimeoutError (TimeoutError)
    │  ├─ ProtocolError                     a reply that isn't one
    │  └─ OutcomeUnknownError               a write that may have happened
    ├─ AuthenticationError
    ├─ PermissionDeniedError (PermissionError)
    ├─ FunctionError                        it ran and failed
    │  ├─ ApplicationError                  a thrown ConvexError, with `data`
    │  ├─ ArgumentValidationError
    │  ├─ SchemaError
    │  ├─ LimitExceededError
    │  ├─ WriteConflictError
    │  └─ AlreadyExistsError
    ├─ NotFoundError (LookupError)
    │  ├─ IndexNotFoundError
    │  ├─ ThreadNotFoundError
    │  └─ FunctionNotFoundError
    └─ UnsupportedOperationError (NotImplementedError)
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AlreadyExistsError",
    "ApplicationError",
    "ArgumentValidationError",
    "AuthenticationError",
    "ConfigurationError",
    "ConnectError",
    "DamagedError",
    "DataFolderError",
    "DimensionMismatchError",
    "DiskFullError",
    "FilterError",
    "FunctionError",
    "FunctionNotFoundError",
    "IndexNotFoundError",
    "InvalidArgumentError",
    "LimitExceededError",
    "LockedError",
    "MastraConvexError",
    "NewerFormatError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "ProtocolError",
    "SchemaError",
    "ThreadNotFoundError",
    "TransportError",
    "TransportTimeoutError",
    "UnsupportedOperationError",
    "WriteConflictError",
]


class MastraConvexError(Exception):
    """The base of every error of this package.

    Attributes
    ----------
    code : str
        A stable name: Convex's short name where a function failed, the class's name without ``Error`` elsewhere.
    details : dict
        The values the message speaks of.
    hint : str or None
        What to do next; it ends the message.
    is_retryable : bool
        Whether the same call may succeed later.
    retry_after : float or None
        Seconds to wait before that, where the other side said so.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        hint: str | None = None,
        is_retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__.removesuffix("Error")
        self.details = details or {}
        self.hint = hint
        self.is_retryable = is_retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n{self.hint}" if self.hint else message


class ConfigurationError(MastraConvexError):
    """There is no target, or it can't be one; options contradict each other; functions don't load."""


class InvalidArgumentError(MastraConvexError, ValueError):
    """An argument can't be; nothing was sent or written."""


class DimensionMismatchError(InvalidArgumentError):
    """A vector's length differs from the index's; both are named."""


class FilterError(InvalidArgumentError):
    """A metadata filter is not one; the place in it is named."""


class DataFolderError(MastraConvexError):
    """The data folder can't be made, read or written."""


class LockedError(DataFolderError):
    """Another process holds the data folder; ``details["pid"]`` is it."""


class DamagedError(DataFolderError):
    """The folder's file is broken, or not one of this package's. Nothing was changed."""


class NewerFormatError(DataFolderError):
    """The folder was written by a newer version of this package."""


class DiskFullError(DataFolderError):
    """There is no room for what was to be written; nothing of that call was."""


class TransportError(MastraConvexError):
    """The deployment could not be reached, or not understood."""


class ProtocolError(TransportError):
    """A reply is not what Convex's protocol says."""


class ConnectError(TransportError):
    """There was no connection, or it broke while reading: nothing was executed that writes."""


class TransportTimeoutError(TransportError, TimeoutError):
    """A call that only reads had no answer in time."""

    # TimeoutError is an OSError, whose text is made of an errno and a reason.
    __str__ = MastraConvexError.__str__


class OutcomeUnknownError(TransportError):
    """A write was sent, and its answer got lost: it may have happened. Read before writing again."""


class AuthenticationError(MastraConvexError):
    """The credential is missing or wrong."""


class PermissionDeniedError(MastraConvexError, PermissionError):
    """The credential is known, and doesn't reach that far."""

    # PermissionError is an OSError, as above.
    __str__ = MastraConvexError.__str__


class FunctionError(MastraConvexError):
    """A function ran, or was about to, and failed. A failed mutation leaves no trace."""


class ApplicationError(FunctionError):
    """A function threw a ``ConvexError``."""

    @property
    def data(self) -> Any:
        """What the error was thrown with, as Python values."""
        return self.details.get("data")


class ArgumentValidationError(FunctionError):
    """The arguments don't match the function's validator."""


class SchemaError(FunctionError):
    """A document doesn't match the schema, or the schema lacks what is needed."""


class LimitExceededError(FunctionError):
    """One of Convex's limits was passed; the message names it."""


class WriteConflictError(FunctionError):
    """Other writers kept changing what the mutation read; nothing of it was written."""


class AlreadyExistsError(FunctionError):
    """What was to be made is there already, and stayed as it was."""


class NotFoundError(MastraConvexError, LookupError):
    """What was asked for does not exist."""

    # LookupError comes with KeyError's habit of quoting; the message is a sentence.
    __str__ = MastraConvexError.__str__


class IndexNotFoundError(NotFoundError):
    """There is no vector index of that name; those that exist are named."""


class ThreadNotFoundError(NotFoundError):
    """There is no thread of that id; nothing was written."""


class FunctionNotFoundError(NotFoundError):
    """The deployment has no function at that path."""


class UnsupportedOperationError(MastraConvexError, NotImplementedError):
    """This class can't do that; the message names what can."""
