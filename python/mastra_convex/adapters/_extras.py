"""Extras: a framework that isn't installed is named with the line that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import an adapter's modules; where their framework is missing, the error says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "mastra_convex":
            raise
        raise ModuleNotFoundError(
            f"mastra_convex.adapters: {error.name!r} isn't installed. "
            f"Install it by: pip install 'mastra-convex[{extra}]'",
            name=error.name,
        ) from error
