"""Sessions of the OpenAI Agents SDK, compared with its own on SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
from agents.memory import SQLiteSession
from agents.memory.session import Session

import mastra_convex as mc
from mastra_convex.adapters.openai_agents import ConvexSession
from tests.adapters.pages import follow


def item(n: int) -> Any:
    """A message, a call of a tool, or its result."""
    return [
        {"role": "user", "content": f"question {n}"},
        {"type": "function_call", "call_id": f"c{n}", "name": "find", "arguments": '{"$n": 1}'},
        {"type": "function_call_output", "call_id": f"c{n}", "output": "found"},
        {"role": "assistant", "content": [{"type": "output_text", "text": f"answer {n}"}]},
    ][n % 4]


async def test_random_programs_give_what_sqlite_gives(deployment: mc.Deployment) -> None:
    """Random adds, gets with and without a limit, pops and clears give the results of the SDK's own session."""
    random = np.random.default_rng(5)
    sessions: list[Session] = [ConvexSession("t", deployment), SQLiteSession("t")]
    assert isinstance(sessions[0], Session)
    for n in range(120):
        kind, count = random.integers(10), int(random.integers(5))
        outcomes = []
        for session in sessions:
            if kind < 4:
                outcomes.append(await session.add_items([item(n + m) for m in range(count)]))
            elif kind < 6:
                outcomes.append(await session.get_items(limit=count or None))
            elif kind < 9:
                outcomes.append(await session.pop_item())
            elif count == 0:
                outcomes.append(await session.clear_session())
        assert len(outcomes) != 2 or outcomes[0] == outcomes[1]


async def test_each_item_is_popped_once(deployment: mc.Deployment) -> None:
    """Forty concurrent callers pop each item once."""
    session = ConvexSession("t", deployment)
    await session.add_items([{"role": "user", "content": str(n)} for n in range(40)])
    popped = await asyncio.gather(*(ConvexSession("t", deployment).pop_item() for _ in range(45)))
    assert sorted(int(item["content"]) for item in popped if item) == list(range(40))  # type: ignore[typeddict-item]
    assert await session.get_items() == []


async def test_many_sessions_start_at_once(deployment: mc.Deployment) -> None:
    """160 sessions start at once, and each has its own items."""

    async def start(n: int) -> None:
        await ConvexSession(f"t{n}", deployment).add_items([{"role": "user", "content": str(n)}])

    await asyncio.gather(*(start(n) for n in range(160)))
    for n in (0, 80, 159):
        assert await ConvexSession(f"t{n}", deployment).get_items() == [{"role": "user", "content": str(n)}]


async def test_a_typescript_agent_reads_the_conversation(deployment: mc.Deployment) -> None:
    """A TypeScript agent sees roles and texts, and its messages are items of the session."""
    session = ConvexSession("t", deployment, resource_id="ada")
    await session.add_items([item(0), item(3)])
    memory = mc.ConvexStore(deployment).memory
    stored = list(memory.iter_messages("t"))
    assert [(message.role, message.text) for message in stored] == [("user", "question 0"), ("assistant", "answer 3")]
    memory.save_messages([mc.Message(thread_id="t", role="user", content="Thanks")])
    assert (await session.get_items())[-1] == {"role": "user", "content": "Thanks"}


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each block of the adapter's page runs and prints the output on the page."""
    follow("openai_agents", tmp_path)
