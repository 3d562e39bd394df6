"""Measures the adapters beside the frameworks' own stores: checkpoints of LangGraph, sessions of the Agents SDK.

`just bench-frameworks` runs it. Each contestant does the same work in turn, many rounds,
and gives the same answers, which are compared first. PostgreSQL takes part if `DATABASE_URL` names one.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import mastra_convex as mc

ROUNDS, CALLS = 30, 20

Contestant = Callable[[], object]


def main() -> None:
    """Measure what is installed, and print a table."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        for title, contestants in (
            ("checkpoint `put` and `get_tuple`", savers(stack, Path(folder))),
            ("session `add_items` of two and `get_items`", sessions(stack, Path(folder))),
        ):
            times: dict[str, list[float]] = {name: [] for name in contestants}
            for _ in range(ROUNDS):
                for name, work in contestants.items():
                    began = perf_counter()
                    for _ in range(CALLS):
                        work()
                    times[name].append((perf_counter() - began) / CALLS)
            print(f"\n| {title} | µs |\n| --- | --- |")
            for name, took in times.items():
                print(f"| {name} | {statistics.median(took) * 1e6:,.0f} |")


def savers(stack: ExitStack, folder: Path) -> dict[str, Contestant]:
    """A graph's checkpoint of some messages, put and read again."""
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite import SqliteSaver

    from mastra_convex.adapters.langgraph import ConvexSaver

    messages = [{"role": "user", "content": "Where is my parcel? " * 5} for _ in range(10)]
    made: dict[str, Any] = {
        "SqliteSaver, file": stack.enter_context(SqliteSaver.from_conn_string(str(folder / "c.db")))
    }
    if url := os.environ.get("DATABASE_URL"):
        from langgraph.checkpoint.postgres import PostgresSaver

        made["PostgresSaver"] = stack.enter_context(PostgresSaver.from_conn_string(url))
        made["PostgresSaver"].setup()
    for name, target, synchronous in (
        ("ConvexSaver, memory", ":memory:", "full"),
        ("ConvexSaver, folder, normal", folder / "normal", "normal"),
        ("ConvexSaver, folder, full", folder / "full", "full"),
    ):
        made[name] = ConvexSaver(stack.enter_context(mc.connect(target, synchronous=synchronous)))  # type: ignore[arg-type]

    def work(saver: Any, thread: str) -> Any:
        checkpoint = {**empty_checkpoint(), "channel_values": {"messages": messages}}
        checkpoint["channel_versions"] = {"messages": "1"}
        config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        metadata = {"source": "loop", "step": 1, "parents": {}}
        written = saver.put(config, checkpoint, metadata, {"messages": "1"})
        found = saver.get_tuple(written)
        assert found.checkpoint["channel_values"] == {"messages": messages}
        return found

    return {name: lambda saver=saver: work(saver, str(uuid4())) for name, saver in made.items()}  # type: ignore[misc]


def sessions(stack: ExitStack, folder: Path) -> dict[str, Contestant]:
    """Two items more of a conversation that begins anew, and all of its items."""
    from agents import SQLiteSession

    from mastra_convex.adapters.openai_agents import ConvexSession

    runner = stack.enter_context(asyncio.Runner())
    items: list[Any] = [
        {"role": "user", "content": "Where is my parcel?"},
        {"role": "assistant", "content": "In Oslo."},
    ]

    async def work(session: Any) -> None:
        await session.add_items(items)
        assert await session.get_items() == items

    made: dict[str, Callable[[str], Any]] = {
        "SQLiteSession, memory": SQLiteSession,
        "SQLiteSession, file": lambda session: SQLiteSession(session, folder / "s.db"),
    }
    for name, target, synchronous in (
        ("ConvexSession, memory", ":memory:", "full"),
        ("ConvexSession, folder, normal", folder / "s-normal", "normal"),
        ("ConvexSession, folder, full", folder / "s-full", "full"),
    ):
        db = mc.connect_async(target, synchronous=synchronous)  # type: ignore[arg-type]
        stack.callback(lambda db=db: runner.run(db.close()))  # type: ignore[misc]
        made[name] = lambda session, db=db: ConvexSession(session, db)  # type: ignore[misc]
    return {name: lambda make=make: runner.run(work(make(str(uuid4())))) for name, make in made.items()}  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main())
