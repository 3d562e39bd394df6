"""Calls of the Rust core from an event loop. The sync twin is written by hand: it just calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call on a thread of the loop's executor: the core releases the GIL, the loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
