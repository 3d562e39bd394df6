"""Calls of the Rust core. The twin of ``_async/_call.py``, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call, and wait; the core releases the GIL meanwhile."""
    return function(*args, **kwargs)
