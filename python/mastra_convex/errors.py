"""The package's errors, with the same class and code on every kind of deployment.

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
    ├─ TransportError                       the deployment can't be reached, or gives no valid reply
    │  ├─ ConnectError                      nothing was executed
    │  ├─ TransportTimeoutError (TimeoutError)
    │  ├─ ProtocolError                     a reply that isn't Convex's
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

from mastra_convex._hints import Credential, hint_for
from mastra_convex._public import public

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


@public
class MastraConvexError(Exception):
    """The base of every error of this package.

    Attributes
    ----------
    code : str
        A stable name: Convex's short name if a function failed, otherwise the class's name without ``Error``.
    details : dict
        The values in the message.
    hint : str or None
        The next step. It is the last line of the message.
    is_retryable : bool
        Whether the same call may succeed later.
    retry_after : float or None
        Seconds to wait before the next call, if the deployment gave a number.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        hint: str | None = None,
        credential: Credential | None = None,
        is_retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__.removesuffix("Error")
        self.details = details or {}
        classes = [base.__name__ for base in type(self).__mro__]
        self.hint = hint or hint_for(classes, self.code, credential, self.details)
        self.is_retryable = is_retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n{self.hint}" if self.hint else message


@public
class ConfigurationError(MastraConvexError):
    """The target is missing or invalid, options contradict each other, or functions don't load."""


@public
class InvalidArgumentError(MastraConvexError, ValueError):
    """An argument is invalid. Nothing was sent or written."""


@public
class DimensionMismatchError(InvalidArgumentError):
    """A vector's length differs from the index's. The error names both."""


@public
class FilterError(InvalidArgumentError):
    """A metadata filter is invalid. The error names the place in it."""


@public
class DataFolderError(MastraConvexError):
    """The data folder can't be created, read or written."""


@public
class LockedError(DataFolderError):
    """Another process has the data folder open; ``details["pid"]`` is its process id."""


@public
class DamagedError(DataFolderError):
    """The folder's file is damaged, or another program's. Nothing was changed."""


@public
class NewerFormatError(DataFolderError):
    """The folder was written by a newer version of this package."""


@public
class DiskFullError(DataFolderError):
    """The disk is full. Nothing of the call was written."""


@public
class TransportError(MastraConvexError):
    """The deployment couldn't be reached, or gave no valid reply."""


@public
class ProtocolError(TransportError):
    """A reply doesn't follow Convex's protocol."""


@public
class ConnectError(TransportError):
    """There was no connection, or it broke during a call that only reads. Nothing was written."""


@public
class TransportTimeoutError(TransportError, TimeoutError):
    """A call that only reads got no answer in time."""

    # TimeoutError is an OSError, which makes its text of an errno and a reason.
    __str__ = MastraConvexError.__str__


@public
class OutcomeUnknownError(TransportError):
    """A write was sent and its answer got lost, so it may have happened. Check before you write again."""


@public
class AuthenticationError(MastraConvexError):
    """The credential is missing or wrong."""


@public
class PermissionDeniedError(MastraConvexError, PermissionError):
    """The credential is valid, but doesn't allow this; or the data folder is read-only."""

    # PermissionError is an OSError, as above.
    __str__ = MastraConvexError.__str__


@public
class FunctionError(MastraConvexError):
    """A function failed, or couldn't start. A failed mutation writes nothing."""


@public
class ApplicationError(FunctionError):
    """A function threw a ``ConvexError``."""

    @property
    def data(self) -> Any:
        """The data of the thrown ``ConvexError``, as Python values."""
        return self.details.get("data")


@public
class ArgumentValidationError(FunctionError):
    """The arguments don't match the function's validator."""


@public
class SchemaError(FunctionError):
    """A document doesn't match the schema, or the schema lacks a table or an index."""


@public
class LimitExceededError(FunctionError):
    """The call exceeded one of Convex's limits. The message names it."""


@public
class WriteConflictError(FunctionError):
    """Other writers kept changing the data that the mutation read. Nothing was written."""


@public
class AlreadyExistsError(FunctionError):
    """The thing to create already exists. It wasn't changed."""


@public
class NotFoundError(MastraConvexError, LookupError):
    """The requested thing doesn't exist."""

    # A LookupError may quote its message as KeyError does; this message is a sentence.
    __str__ = MastraConvexError.__str__


@public
class IndexNotFoundError(NotFoundError):
    """There is no vector index of this name. The error lists the existing ones."""


@public
class ThreadNotFoundError(NotFoundError):
    """There is no thread with this id. Nothing was written."""


@public
class FunctionNotFoundError(NotFoundError):
    """The deployment has no function at that path."""


@public
class UnsupportedOperationError(MastraConvexError, NotImplementedError):
    """This class doesn't support the operation. The message names an alternative."""
