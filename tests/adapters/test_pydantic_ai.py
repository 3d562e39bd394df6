"""The store of Pydantic AI's conversations, compared with its own in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic_ai import Agent, UserError
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict, ConversationStore, InMemoryConversationStore
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.test import TestModel

import mastra_convex as mc
from mastra_convex.adapters.pydantic_ai import ConvexConversationStore, ConvexMessageHistory
from tests.adapters.pages import follow


def turn(n: int) -> list[ModelMessage]:
    """A question and its answer."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    question = ModelRequest([UserPromptPart(f"question {n}", timestamp=then)])
    return [question, ModelResponse([TextPart(f"answer {n}")], timestamp=then)]


async def test_an_agent_goes_on_with_a_conversation(deployment: mc.Deployment) -> None:
    """An agent continues a conversation with another store object, as in another process."""
    agent = Agent(TestModel())
    conversation = Conversation(conversation_id="c")
    result = await agent.run("Hello", conversation=conversation)
    await ConvexConversationStore(deployment).save(result)
    loaded = await ConvexConversationStore(deployment).load("c")
    assert loaded is not None
    assert loaded.messages == result.all_messages()


async def test_a_history_is_a_thread_of_mastras(deployment: mc.Deployment) -> None:
    """Messages come back as they were, tools included. Others see roles, texts, and tool calls with results."""
    agent = Agent(TestModel(custom_output_text="Rain."), system_prompt="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> dict[str, str]:
        return {"city": city, "sky": "grey"}

    history = ConvexMessageHistory("t", deployment, resource_id="ada")
    result = await agent.run("How is the weather?")
    await history.add(result.new_messages())
    assert await ConvexMessageHistory("t", deployment).messages() == result.all_messages()
    again = await agent.run("And now?", message_history=await history.messages())
    await history.add(again.new_messages())
    await history.add([])
    assert await history.messages() == again.all_messages()
    memory = mc.ConvexStore(deployment).memory
    messages = memory.list_messages("t").messages
    assert memory.get_thread_by_id("t").resource_id == "ada"  # type: ignore[union-attr]
    assert (messages[0].role, messages[0].text) == ("user", "How is the weather?")
    assert (messages[-1].role, messages[-1].text) == ("assistant", "Rain.")
    states = [
        part["toolInvocation"]["state"]
        for message in messages
        for part in message.content["parts"]
        if part["type"] == "tool-invocation"
    ]
    assert states[:2] == ["call", "result"]
    await history.clear()
    assert await history.messages() == []


async def test_a_history_has_what_other_agents_wrote(deployment: mc.Deployment) -> None:
    """A TypeScript agent's messages come back as prompts and texts."""
    memory = mc.ConvexStore(deployment).memory
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    roles = ["system", "user", "assistant"]
    memory.save_messages([mc.Message(thread_id="t", role=role, content=f"from {role}") for role in roles])
    messages = await ConvexMessageHistory("t", deployment).messages()
    assert [type(message) for message in messages] == [ModelRequest, ModelRequest, ModelResponse]
    assert [message.parts[0].content for message in messages] == [f"from {role}" for role in roles]  # type: ignore[union-attr]


async def test_random_programs_end_as_in_memory(deployment: mc.Deployment) -> None:
    """Random saves, branches, forks, deletes and lists, some of them stale, give the results of the store in memory."""
    random = np.random.default_rng(11)
    stores: list[ConversationStore] = [ConvexConversationStore(deployment), InMemoryConversationStore()]
    held: list[dict[str, Conversation]] = [{}, {}]
    for n in range(120):
        name, other = f"c{random.integers(4)}", f"c{random.integers(4)}"
        kind, at = random.integers(6), int(random.integers(4))
        outcomes = []
        for store, conversations in zip(stores, held, strict=True):
            outcomes.append(await outcome(store, conversations, int(kind), name, other, at, n))
        assert outcomes[0] == outcomes[1], (n, kind)


async def outcome(
    store: ConversationStore, held: dict[str, Conversation], kind: int, name: str, other: str, at: int, n: int
) -> Any:
    """The result of an operation without ids and times, or the class of its error."""
    try:
        if kind <= 1:
            conversation = held.setdefault(name, Conversation(conversation_id=name))
            conversation.messages.extend(turn(n))
            return len(await store.save(conversation, scope=["ada", "bob"][n % 2] if kind else None))
        if kind == 2:
            loaded = await store.load(name)
            if loaded is not None:
                held[name] = loaded
            return None if loaded is None else loaded.messages
        if kind == 3:
            revision = held[name].revision if name in held else "none"
            held[name] = await store.branch(name, at=at, expected_revision=revision or "none")
            return held[name].messages
        if kind == 4:
            return (await store.fork(name, at=at, new_conversation_id=other)).messages
        if n % 4 == 0:
            await store.delete(name)
        records = await store.list_conversations(scope=[None, "ada"][n % 2])
        return sorted((record.conversation_id, record.scope, len(record.branches)) for record in records)
    except UserError as error:
        return type(error)


async def test_concurrent_savers_lose_no_turn(deployment: mc.Deployment) -> None:
    """Sixteen concurrent savers, each repeated until it isn't stale, lose no turn."""
    store = ConvexConversationStore(deployment)

    async def save(n: int) -> None:
        while True:
            conversation = await store.load("c") or Conversation(conversation_id="c")
            conversation.messages.extend(turn(n))
            try:
                await store.save(conversation)
            except ConversationConflict:
                continue
            return

    await asyncio.gather(*(save(n) for n in range(16)))
    loaded = await store.load("c")
    assert loaded is not None
    questions = [str(message.parts[0].content) for message in loaded.messages[::2]]  # type: ignore[union-attr]
    assert sorted(questions) == sorted(f"question {n}" for n in range(16))


async def test_a_purge_deletes_what_no_conversation_reaches(deployment: mc.Deployment) -> None:
    """A purge deletes unreachable entries, and keeps those that a fork shares."""
    store = ConvexConversationStore(deployment)
    for name in ("kept", "gone"):
        await store.save(Conversation(conversation_id=name, messages=turn(1)))
    fork = await store.fork("kept", at=1, new_conversation_id="fork")
    await store.delete("kept")
    await store.delete("gone")
    assert await store.purge() == 3
    loaded = await store.load("fork")
    assert loaded is not None
    assert loaded.messages == fork.messages


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
async def test_the_newest_messages_are_loaded(deployment: mc.Deployment, limit: int) -> None:
    """Loading returns as many of the newest messages as requested."""
    store = ConvexConversationStore(deployment)
    messages = [message for n in range(3) for message in turn(n)]
    await store.save(Conversation(conversation_id="c", messages=messages))
    loaded = await store.load("c", limit=limit)
    assert loaded is not None
    assert loaded.messages == messages[len(messages) - min(limit, len(messages)) :]


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each block of the adapter's page runs and prints the output on the page."""
    follow("pydantic_ai", tmp_path)
