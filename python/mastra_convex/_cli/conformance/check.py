"""Checks: each a name, a block of a group's function, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from mastra_convex._cli import failures
from mastra_convex.errors import (
    AuthenticationError,
    ConnectError,
    MastraConvexError,
    UnsupportedOperationError,
)

Status = Literal["passed", "failed", "unsupported"]

# Beyond this, a value says nothing more.
CHARACTERS = 600


class LacksError(Exception):
    """The deployment lacks something that a check needs; the text says what."""


class DiffersError(Exception):
    """Something else was found than expected."""

    def __init__(self, expected: object, found: object) -> None:
        super().__init__(expected, found)
        self.expected, self.found = (
            value if isinstance(value, str) else f"{value!r:.{CHARACTERS}}" for value in (expected, found)
        )


def same(found: object, expected: object) -> None:
    """Demand that what was found is what was expected."""
    if found != expected:
        raise DiffersError(expected, found)


@contextmanager
def refused(kind: type[MastraConvexError], code: str | None = None) -> Iterator[None]:
    """Demand that the block raises an error of a class, with a code if one is given."""
    wanted = kind.__name__ if code is None else f"{kind.__name__} ({code})"
    try:
        yield
    except kind as error:
        if code not in (None, error.code):
            raise DiffersError(wanted, _told(error)) from error
        return
    raise DiffersError(wanted, "no error")


@dataclass(frozen=True)
class Result:
    """The result of a check. A failed one has `expected` and `found`, an unsupported one its `reason`."""

    name: str
    status: Status
    seconds: float
    expected: str | None = None
    found: str | None = None
    reason: str | None = None


class Checks:
    """The checks of a run. Users report their names, so these stay from version to version."""

    def __init__(self, *, are_npms: bool) -> None:
        self.results: list[Result] = []
        self._group = ""
        # The deployed functions promise what npm's do: where they differ from ours, that is no fault.
        self._are_npms = are_npms

    @contextmanager
    def of(self, group: str) -> Iterator[None]:
        """Run a group, which begins the names of its checks. If it ends between two of them, that is a failed one."""
        self._group = group
        try:
            yield
        except (ConnectError, AuthenticationError):
            raise
        except Exception as error:
            with self("runs_to_its_end"):
                raise error

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Run a block as a check. The function goes on behind it, whatever it raised.

        Raises
        ------
        ConnectError, AuthenticationError
            The deployment can't be reached any more, or no longer takes the key, so no further check could pass.
        """
        began = perf_counter()
        status: Status = "failed"
        told: dict[str, str] = {}
        try:
            yield
            status = "passed"
        except (ConnectError, AuthenticationError):
            raise
        except (LacksError, UnsupportedOperationError) as error:
            status, told = "unsupported", {"reason": _told(error)}
        except DiffersError as error:
            told = {"expected": error.expected, "found": error.found}
        except Exception as error:
            # A reply of another shape may raise anything.
            told = {"expected": "no error", "found": _told(error)}
        if status == "failed" and self._are_npms:
            reason = f"npm's functions differ: expected {told['expected']}, found {told['found']}"
            status, told = "unsupported", {"reason": reason}
        self.results.append(Result(f"{self._group}.{name}", status, perf_counter() - began, **told))


def _told(error: Any) -> str:
    text = f"{failures.problem(error):.{CHARACTERS}}"
    if isinstance(error, LacksError):
        return str(error)
    return f"{type(error).__name__} ({error.code}): {text}" if isinstance(error, MastraConvexError) else text
