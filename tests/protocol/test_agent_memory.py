"""One memory, two languages: npm `@mastra/memory` recalls what Python remembers, and the other way round."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.checkout import CLIENTS
from tests.support.served import Served, serve

# As `mc.Memory`'s defaults.
OPTIONS = {
    "lastMessages": 2,
    "semanticRecall": {"topK": 2, "messageRange": 1, "scope": "resource"},
    "workingMemory": {"enabled": True, "scope": "resource"},
}
OF_THREAD = {
    "lastMessages": 0,
    "semanticRecall": {"topK": 1, "messageRange": 0, "scope": "thread"},
    "workingMemory": {"enabled": True, "scope": "thread"},
}


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of how often texts have each letter, as the client in JavaScript makes them."""
    return [[float(text.lower().count(chr(97 + n))) for n in range(26)] for text in texts]


@pytest.fixture
def served() -> Iterator[Served]:
    with serve(data=":memory:") as served:
        yield served


@pytest.fixture
def memory(served: Served) -> Iterator[mc.Memory]:
    """A memory of Python's there."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        yield mc.Memory(db, letters, last_messages=2, recall=2)


def npm(served: Served, *calls: tuple[dict[str, Any], str, Any]) -> list[Any]:
    """The results of calls of npm's memory: its options, the method, the argument."""
    listed = [{"options": options, "method": method, "args": args} for options, method, args in calls]
    done = subprocess.run(
        ["node", str(CLIENTS / "agent_memory.js"), *served],
        input=json.dumps(listed),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def of_npm(id: str, text: str, n: int, thread_id: str = "npm") -> dict[str, Any]:
    """A message as npm's memory takes it."""
    content = {"format": 2, "parts": [{"type": "text", "text": text}]}
    fields = {"id": id, "threadId": thread_id, "resourceId": "ada", "role": "user", "type": "v2"}
    return {**fields, "content": content, "createdAt": {"$date": f"2026-01-01T12:00:{n:02}.000Z"}}


def recalled(result: dict[str, Any]) -> list[str]:
    return [message["id"] for message in result["messages"]]


def test_npm_recalls_what_python_remembers(served: Served, memory: mc.Memory) -> None:
    """By the same index, scopes and neighbours; and the last messages, and working memory of both scopes."""
    words = ["aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg"]
    at = "2026-01-01T12:00:0{}.000Z"
    memory.remember(
        "t", [{"id": word[0], "content": word, "created_at": at.format(n)} for n, word in enumerate(words)],
        resource_id="ada",
    )  # fmt: skip
    memory.remember("u", {"id": "bb", "content": "bbz", "created_at": "2026-01-01T13:00:00Z"}, resource_id="ada")
    memory.remember("his", {"id": "his", "content": "bbb"}, resource_id="bob")
    memory.remember("t", {"id": "long", "content": "x " * 20_000, "created_at": "2026-01-01T11:00:00Z"})
    memory.set_working_memory("t", "likes tea")
    mc.Memory(memory._deployment, scope="thread").set_working_memory("t", "wants a parcel")
    ours = [message.id for message in memory.context("t", "b", resource_id="ada").messages]
    asked = {"threadId": "t", "resourceId": "ada", "vectorSearchString": "b"}
    whole, of_thread, long, *memories = npm(
        served,
        (OPTIONS, "recall", asked),
        (OF_THREAD, "recall", {**asked, "vectorSearchString": "d"}),
        (OF_THREAD, "recall", {**asked, "vectorSearchString": "xx"}),
        (OPTIONS, "getWorkingMemory", {"threadId": "t", "resourceId": "ada"}),
        (OF_THREAD, "getWorkingMemory", {"threadId": "t", "resourceId": "ada"}),
    )
    assert set(recalled(whole)) == {"a", "b", "c", "bb", "f", "g"} == set(ours)
    assert (recalled(of_thread), recalled(long)) == (["d"], ["long"])
    assert memories == ["likes tea", "wants a parcel"]


def test_python_recalls_what_npm_remembers(served: Served, memory: mc.Memory) -> None:
    """And updates, moves and forgets it with npm's vectors."""
    thread = {"id": "npm", "resourceId": "ada", "title": "", "metadata": {}}
    dates = {"createdAt": {"$date": "2026-01-01T12:00:00.000Z"}, "updatedAt": {"$date": "2026-01-01T12:00:00.000Z"}}
    messages = [of_npm(f"m{n}", text, n) for n, text in enumerate(["aaa", "bbb", "ccc", "dd " * 10_000])]
    key = {"threadId": "npm", "resourceId": "ada"}
    npm(
        served,
        (OPTIONS, "saveThread", {"thread": {**thread, **dates}}),
        (OPTIONS, "saveMessages", {"messages": messages}),
        (OPTIONS, "updateWorkingMemory", {**key, "workingMemory": "likes tea"}),
        (OF_THREAD, "updateWorkingMemory", {**key, "workingMemory": "wants a parcel"}),
    )
    vectors = mc.ConvexVector(memory._deployment)
    assert vectors.list_indexes() == ["memory_messages_26"]
    [hit] = memory.recall("b", resource_id="ada", top_k=1)
    assert (hit.message.id, [one.id for one in hit.before], [one.id for one in hit.after]) == ("m1", ["m0"], ["m2"])
    assert [hit.message.id for hit in memory.recall("d", thread_id="npm", top_k=1)] == ["m3"]
    assert memory.working_memory("npm") == "likes tea"
    assert mc.Memory(memory._deployment, scope="thread").working_memory("npm") == "wants a parcel"

    [updated] = memory.remember("npm", {"id": "m1", "content": "zzz"})
    assert updated.created_at.second == 1
    found = npm(served, (OF_THREAD, "recall", {**key, "vectorSearchString": "z"}))
    assert recalled(found[0]) == ["m1"]
    assert [hit.message.id for hit in memory.recall("b", thread_id="npm", top_k=1)] != ["m1"]
    memory.forget(message_ids=["m3"])
    assert {row.metadata["message_id"] for row in vectors.iter("memory_messages_26")} == {"m0", "m1", "m2"}
    mc.ConvexStore(memory._deployment).memory.delete_thread("npm")
    assert vectors.count("memory_messages_26") == 0


def test_an_agent_of_npm_shares_the_memory(served: Served, memory: mc.Memory) -> None:
    """Its model is told what Python remembered and the working memory; Python recalls the question and the answer."""
    memory.remember("py", ["zzz", "My parcel has number 4711.", "kkk", "qqq", "jjj"], resource_id="ada")
    memory.set_working_memory("py", "Ada lives in Leeds.")
    question = "Where is my parcel?"
    asked = {"question": question, "thread": "npm", "resource": "ada"}
    [prompt] = npm(served, (OPTIONS, "ask", asked))
    told = "\n".join(message["content"] for message in prompt if message["role"] == "system")
    assert "number 4711" in told
    assert "Ada lives in Leeds." in told
    assert "qqq" not in told
    assert [(one.role, one.text) for one in memory.context("npm").messages] == [
        ("user", question),
        ("assistant", "At the depot."),
    ]
    found = {hit.message.text: hit.message.thread_id for hit in memory.recall(question, resource_id="ada", top_k=2)}
    assert found == {question: "npm", "My parcel has number 4711.": "py"}


def test_npm_forgets_what_python_remembers(served: Served, memory: mc.Memory) -> None:
    """Its deletion of messages and threads finds the vectors that Python wrote."""
    memory.remember("t", [{"id": f"m{n}", "content": f"text {n}"} for n in range(3)], resource_id="ada")
    vectors = mc.ConvexVector(memory._deployment)
    npm(served, (OPTIONS, "deleteMessages", ["m0"]))
    assert {row.id for row in vectors.iter("memory_messages_26")} == {"m1", "m2"}
    npm(served, (OPTIONS, "deleteThread", "t"))
    assert vectors.count("memory_messages_26") == 0
