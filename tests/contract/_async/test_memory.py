"""An agent's memory: what it stores, recalls, tells a model and forgets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.conftest import Docstrings
from tests.contract._async._remembered import INDEX, letters, texts, vectors
from tests.support.checkout import DATA
from tests.support.reference import scores, top_k

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def memory(deployment: mc.AsyncDeployment) -> mc.AsyncMemory:
    """A memory on an empty deployment."""
    return mc.AsyncMemory(deployment, letters)


async def test_messages_are_remembered_with_their_vectors(
    deployment: mc.AsyncDeployment, memory: mc.AsyncMemory
) -> None:
    """Text, records and mappings are stored as messages of a thread that is made, each with a vector."""
    [first] = await memory.remember("t", "Where is my parcel?", resource_id="ada")
    assert (first.thread_id, first.resource_id, first.role, first.text) == ("t", "ada", "user", "Where is my parcel?")
    record = mc.Message(id="m", thread_id="t", role="assistant", content="In the post.")
    rest = await memory.remember("t", ["Thanks", record, {"content": "Bye", "role": "assistant"}])
    assert [(one.role, one.text) for one in rest] == [
        ("user", "Thanks"),
        ("assistant", "In the post."),
        ("assistant", "Bye"),
    ]
    stored = mc.AsyncConvexStore(deployment).memory
    page = await stored.list_messages("t", resource_id="ada")
    assert page.messages == [first, *rest]
    [row] = await mc.AsyncConvexVector(deployment).get(INDEX, ["m"], include_vector=True)
    assert row is not None
    assert row.vector is not None
    assert row.vector.tolist() == letters(["In the post."])[0]
    assert row.metadata == {
        "message_id": "m",
        "thread_id": "t",
        "resource_id": "ada",
        "role": "assistant",
        "content": "In the post.",
        "part": 0,
        "created_at": rest[1].created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    assert await vectors(deployment) == sorted((one.id, 0) for one in [first, *rest])
    [alone] = await memory.remember("alone", "Hi")
    assert alone.resource_id == "alone"


async def test_a_new_thread_belongs_to_its_messages_resource(memory: mc.AsyncMemory) -> None:
    """A message's own resource counts where none is given: its thread can be read as that resource's."""
    await memory.remember("t", ["a", {"content": "b", "resource_id": "ada"}])
    assert texts((await memory.context("t", "a", resource_id="ada")).messages) == ["a", "b"]


async def test_messages_without_dates_stay_in_the_given_order(memory: mc.AsyncMemory) -> None:
    """A record is dated when it is made, which may be before the messages that precede it in a list."""
    record = mc.Message(thread_id="t", content="b")
    while mc.Message(thread_id="t").created_at == record.created_at:
        pass
    await memory.remember("t", ["a", record, {"content": "c"}, mc.Message(thread_id="t", content="d")])
    assert texts((await memory.context("t")).messages) == ["a", "b", "c", "d"]


async def test_a_context_recalls_and_goes_on_with_the_last_messages(memory: mc.AsyncMemory) -> None:
    """Recalled messages come first with their neighbours, then the last ones: each once, both oldest first."""
    await memory.remember("old", [f"{letter * 3}" for letter in "abcdefghij"], resource_id="ada")
    await memory.remember("new", ["kkk", "lll", "mmm"], resource_id="ada")
    await memory.remember("his", "ccc", resource_id="bob")
    some = mc.AsyncMemory(memory._deployment, letters, last_messages=2, recall=2)
    context = await some.context("new", "clc", resource_id="ada")
    assert texts(context.messages) == ["bbb", "ccc", "ddd", "kkk", "lll", "mmm"]
    assert [(hit.message.text, texts(hit.before), texts(hit.after)) for hit in context.recalled] == [
        ("ccc", ["bbb"], ["ddd"]),
        ("lll", ["kkk"], ["mmm"]),
    ]
    assert (context.working_memory, context.left_out) == (None, [])
    assert await some.context("new", "clc") == context, "the thread's resource is the default"
    assert texts((await some.context("new", "b", resource_id="ada")).messages) == ["aaa", "bbb", "ccc", "lll", "mmm"]
    assert texts((await some.context("new")).messages) == ["lll", "mmm"]
    assert texts((await some.context("another", "b", resource_id="ada")).messages)[:3] == ["aaa", "bbb", "ccc"]
    alone = mc.AsyncMemory(memory._deployment, letters, last_messages=0, recall=1, around=0, scope="thread")
    assert texts((await alone.context("new", "ck")).messages) == ["kkk"]
    assert await some.context("unknown", "c") == mc.MemoryContext(messages=[])


async def test_messages_of_low_scores_are_left_out(memory: mc.AsyncMemory) -> None:
    """`min_score` bounds what a context recalls, and what `recall` returns; each part of a long message counts."""
    await memory.remember("t", ["aaa", "aab", "ccc", "bb " * 6000 + "aa " * 6000], resource_id="ada")
    hits = await memory.recall("a", thread_id="t", min_score=0.8)
    assert [(hit.message.text[:3], hit.part) for hit in hits] == [("aaa", 0), ("bb ", 2), ("aab", 0)]
    assert await memory.recall("z", thread_id="t", min_score=0.5) == []
    some = mc.AsyncMemory(memory._deployment, letters, last_messages=0, around=0, min_score=0.9)
    assert [text[:3] for text in texts((await some.context("t", "a")).messages)] == ["aaa", "bb "]


async def test_a_context_is_a_model_s_messages(memory: mc.AsyncMemory) -> None:
    """The working memory and system messages come first; tool calls and images have the form of each API."""
    call = {"state": "result", "toolCallId": "c1", "toolName": "find", "args": {"id": 7}, "result": ["post"]}
    parts = [{"type": "text", "text": "I look."}, {"type": "tool-invocation", "toolInvocation": call}]
    open_call = {"type": "tool-invocation", "toolInvocation": {**call, "state": "call"}}
    image = [
        {"type": "text", "text": "This?"},
        {"type": "file", "mimeType": "image/png", "data": "aGk="},
        {"type": "text", "text": ""},
    ]
    stored = await memory.remember(
        "t",
        [
            {"role": "system", "content": "Be kind."},
            {"content": "Where is it?"},
            {"role": "assistant", "content": {"format": 2, "parts": parts}},
            {"content": {"format": 2, "parts": image}},
            {"role": "assistant", "content": {"format": 2, "parts": [open_call, {"type": "text", "text": "Yes."}]}},
            {"role": "assistant", "content": {"format": 2, "parts": [open_call]}},
            " \n",
        ],
        resource_id="ada",
    )
    assert stored[2].content["parts"] == parts
    await memory.set_working_memory("t", "Ada likes tea.")
    context = await memory.context("t")
    system = {"role": "system", "content": "Ada likes tea.\n\nBe kind."}
    assert context.to_openai() == [
        system,
        {"role": "user", "content": "Where is it?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": json.dumps({"id": 7})}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '["post"]'},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "This?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
        {"role": "assistant", "content": "Yes."},
    ]
    assert context.to_anthropic() == [
        system,
        {"role": "user", "content": "Where is it?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"id": 7}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": '["post"]'}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "This?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            ],
        },
        {"role": "assistant", "content": "Yes."},
    ]
    assert mc.MemoryContext(messages=[]).to_openai() == mc.MemoryContext(messages=[]).to_anthropic() == []


async def test_recall_by_memory_is_recall_by_hand(deployment: mc.AsyncDeployment, docstrings: Docstrings) -> None:
    """Over 500 dialogues, recall gives the messages with the best exact cosines, scores to the bit, and neighbours."""
    questions = dict(zip(json.loads((DATA / "queries.json").read_text()), docstrings.questions, strict=True))
    rows = docstrings.rows[:1000]
    embeddings = {row["text"]: vector for row, vector in zip(rows, docstrings.embeddings, strict=False)} | questions
    memory = mc.AsyncMemory(deployment, lambda texts: np.array([embeddings[text] for text in texts]))
    asked = list(questions)
    said: dict[str, list[mc.Message]] = {}
    for n in range(500):
        owner = f"owner {n % 3}"
        dialogue = [asked[n % 10], rows[2 * n]["text"], asked[n % 7], rows[2 * n + 1]["text"]]
        messages = [
            mc.Message(
                id=f"{n}-{turn}",
                thread_id=f"t{n}",
                role=("user", "assistant")[turn % 2],
                content=text,
                created_at=NOON + timedelta(milliseconds=4 * n + turn // 2),
            )
            for turn, text in enumerate(dialogue)
        ]
        said.setdefault(owner, []).extend(await memory.remember(f"t{n}", messages, resource_id=owner))
    for owner, messages in said.items():
        matrix = np.array([embeddings[one.text] for one in messages])
        for question in asked[::3]:
            found = scores(questions[question], matrix)
            hits = await memory.recall(question, resource_id=owner, top_k=40)
            assert [(hit.message, hit.score) for hit in hits] == [
                (messages[row], found[row]) for row in top_k(found, 40)
            ]
            for hit, row in zip(hits, top_k(found, 40), strict=True):
                place = row % 4
                assert hit.before == messages[row - min(place, 1) : row]
                assert hit.after == messages[row + 1 : row + 1 + min(3 - place, 1)]
                assert (hit.part, hit.text) == (0, hit.message.text)


BAD_CALLS: dict[str, tuple[Callable[[mc.AsyncMemory], Any], str]] = {
    "embed": (lambda m: mc.AsyncMemory(m._deployment, "model"), "Memory: embed is 'model'; expected a function"),
    "scope": (lambda m: mc.AsyncMemory(m._deployment, scope="all"), "Memory: scope is 'all'; expected one of"),  # type: ignore[arg-type]
    "thread": (lambda m: m.remember("", "Hi"), "Memory.remember: thread_id is ''"),
    "message": (lambda m: m.remember("t", [7]), r"Memory.remember: message\[0\] is 7; expected a Message"),  # type: ignore[list-item]
    "no message": (
        lambda m: m.remember("t", None),  # type: ignore[arg-type]
        "Memory.remember: message is None; expected text, a Message, a mapping with its names, or a list of these",
    ),
    "half a character": (
        lambda m: m.remember("t", ["Hi", "\ud800"]),
        r"Memory.remember: message\[1\]: content\['parts'\]\[0\]\['text'\] is '\\ud800', which has a lone surrogate",
    ),
    "role": (lambda m: m.remember("t", "Hi", role="bot"), "Memory.remember: message: role is 'bot'"),
    "of another thread": (
        lambda m: m.remember("t", [mc.Message(thread_id="u")]),
        r"Memory.remember: message\[0\]: thread_id is 'u'; expected 't'",
    ),
    "of another resource": (
        lambda m: m.remember("t", "Hi", resource_id="bob"),
        'Memory.remember: thread "t" does not belong to resource "bob"',
    ),
    "context of another resource": (
        lambda m: m.context("t", resource_id="bob"),
        'Memory.context: thread "t" does not belong to resource "bob"',
    ),
    "least score": (
        lambda m: m.recall("Hi", thread_id="t", min_score=float("nan")),
        "Memory.recall: min_score is nan; expected a finite number",
    ),
    "nowhere": (lambda m: m.recall("Hi"), "Memory.recall: neither thread_id nor resource_id is given"),
    "no embed": (
        lambda m: mc.AsyncMemory(m._deployment).recall("Hi", thread_id="t"),
        "Memory.recall: the memory has no embed",
    ),
    "forget nothing": (lambda m: m.forget(), "Memory.forget: 0 of message_ids"),
    "forget two": (lambda m: m.forget(thread_id="t", resource_id="ada"), "Memory.forget: 2 of message_ids"),
    "too large": (
        lambda m: m.remember(
            "t",
            {
                "content": {
                    "format": 2,
                    "parts": [{"type": "text", "text": "Hi"}, {"type": "file", "data": "x" * 2**20}],
                }
            },
        ),
        r"Memory.remember: message: \d+ bytes, .*; the largest part is content.parts\[1\] of type 'file', \d+ bytes",
    ),
    "too large beside the parts": (
        lambda m: m.remember(
            "t",
            {"content": {"format": 2, "parts": [{"type": "text", "text": "Hi"}], "metadata": {"log": "x" * 2**20}}},
        ),
        r"Memory.remember: message: \d+ bytes, .*; the largest part is content.metadata, \d+ bytes",
    ),
    "count_tokens": (
        lambda m: mc.AsyncMemory(m._deployment, max_tokens=9, count_tokens=str.split).context("t"),  # type: ignore[arg-type]
        r"Memory: count_tokens' answer is \['Hello'\]; expected a finite number",
    ),
}


@pytest.mark.parametrize(("call", "words"), BAD_CALLS.values(), ids=BAD_CALLS)
async def test_bad_arguments_change_nothing(
    deployment: mc.AsyncDeployment, memory: mc.AsyncMemory, call: Callable[[mc.AsyncMemory], Any], words: str
) -> None:
    """An error names the place and what was expected, and nothing has changed."""
    await memory.remember("t", "Hello", resource_id="ada")
    before = await memory.context("t"), await vectors(deployment)
    with pytest.raises(mc.InvalidArgumentError, match=f"^{words}"):
        await call(memory)
    assert (await memory.context("t"), await vectors(deployment)) == before


async def test_of_messages_with_one_id_the_last_is_remembered(
    deployment: mc.AsyncDeployment, memory: mc.AsyncMemory
) -> None:
    """A list may have a message twice: the last one is stored, with its vector."""
    both = await memory.remember("t", [{"id": "m", "content": "aaa"}, "bbb", {"id": "m", "content": "ccc"}])
    assert texts(both) == ["ccc", "bbb", "ccc"]
    assert await vectors(deployment) == sorted([("m", 0), (both[1].id, 0)])
    assert [hit.message.id for hit in await memory.recall("c", thread_id="t", top_k=1)] == ["m"]


async def test_working_memory_is_the_resource_s_or_the_thread_s(deployment: mc.AsyncDeployment) -> None:
    """By scope, working memory is where npm keeps it: in the resource, or in the thread's metadata."""
    store = mc.AsyncConvexStore(deployment).memory
    await store.save_thread(mc.Thread(id="t", resource_id="ada", metadata={"a": 1}))
    await store.save_thread(mc.Thread(id="odd", resource_id="ada", metadata={"$a": 1}))
    ofs = mc.AsyncMemory(deployment), mc.AsyncMemory(deployment, scope="thread")
    for memory in ofs:
        assert await memory.working_memory("t") is None
    await ofs[0].set_working_memory("t", "likes tea")
    await ofs[1].set_working_memory("t", "wants a parcel")
    await ofs[1].set_working_memory("odd", "odd")
    assert [await memory.working_memory("t") for memory in ofs] == ["likes tea", "wants a parcel"]
    assert [(await memory.context("t")).working_memory for memory in ofs] == ["likes tea", "wants a parcel"]
    assert [await memory.working_memory("odd") for memory in ofs] == ["likes tea", "odd"]
    resource, thread = await store.get_resource_by_id("ada"), await store.get_thread_by_id("t")
    assert resource is not None
    assert thread is not None
    assert (resource.working_memory, thread.metadata) == ("likes tea", {"a": 1, "workingMemory": "wants a parcel"})
    for memory in ofs:
        await memory.set_working_memory("t", None)
        assert await memory.working_memory("t") is None
    assert [(await memory.working_memory("unknown")) for memory in ofs] == [None, None]
    with pytest.raises(mc.ThreadNotFoundError, match=r"^Memory.set_working_memory: Thread unknown not found"):
        await ofs[0].set_working_memory("unknown", "x")


@pytest.mark.parametrize("scope", ["resource", "thread"])
async def test_of_two_writers_of_a_working_memory_one_learns_of_the_other(
    deployment: mc.AsyncDeployment, scope: Any
) -> None:
    """With `expected`, a newer working memory is an error that names it, and it stays."""
    memory = mc.AsyncMemory(deployment, scope=scope)
    await memory.remember("t", "Hi", resource_id="ada")
    await memory.set_working_memory("t", "tea", expected=None)
    await memory.set_working_memory("t", "coffee", expected="tea")
    for stale in ("tea", None):
        with pytest.raises(mc.WriteConflictError, match=r'^Memory.set_working_memory: .* is "coffee" by now') as caught:
            await memory.set_working_memory("t", "milk", expected=stale)
        assert caught.value.details["working_memory"] == "coffee"
    assert await memory.working_memory("t") == "coffee"


async def test_forgetting_leaves_nothing_behind(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """Messages, threads and resources are forgotten with all their vectors; other data stays."""
    store = mc.AsyncConvexStore(deployment).memory
    await memory.remember("t", [{"id": f"t{n}", "content": f"text {n}"} for n in range(60)], resource_id="ada")
    await memory.remember("u", [{"id": f"u{n}", "content": "long " * 9000} for n in range(6)], resource_id="ada")
    await memory.remember("v", [{"id": "v0", "content": "hers"}], resource_id="bob")
    # In a thread of bob's, a message of ada's.
    await memory.remember("v", {"id": "v1", "content": "ada's", "resource_id": "ada"})
    await memory.set_working_memory("t", "likes tea")
    # Documents of the program's own that name a thread too.
    docs = await mc.AsyncConvexVector(deployment).index("docs", 2)
    await docs.upsert([[1, 2]], ids=["d"], metadata=[{"thread_id": "t", "message_id": "t0"}])
    # Observations of npm's memory.
    observed = await mc.AsyncConvexVector(deployment).index("memory_observations_2", 2)
    await observed.upsert([[1, 2], [1, 2]], ids=["t", "v"], metadata=[{"thread_id": "t"}, {"thread_id": "v"}])

    await memory.forget(message_ids=["t0", "u0", "unknown"])
    left = await vectors(deployment)
    assert [id for id, _ in left if id in ("t0", "u0")] == []
    assert len(left) == 59 + 5 * 3 + 2
    await memory.forget(thread_id="t")
    assert {id for id, _ in await vectors(deployment)} == {*(f"u{n}" for n in range(1, 6)), "v0", "v1"}
    assert await store.get_thread_by_id("t") is None
    assert [row.id async for row in observed.iter()] == ["v"]
    assert await memory.working_memory("u") == "likes tea"
    await memory.forget(resource_id="ada")
    assert await vectors(deployment) == [("v0", 0)]
    assert await store.get_resource_by_id("ada") is None
    assert [thread.id async for thread in store.iter_threads()] == ["v"]
    assert texts((await memory.context("v", "hers")).messages) == ["hers"]
    assert await docs.count() == 1
    await memory.forget(resource_id="ada")


async def test_storage_deletes_vectors_with_messages(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """The store's methods delete messages with their vectors, unless they are told to keep those."""
    store = mc.AsyncConvexStore(deployment).memory
    for thread in ("t", "u"):
        await memory.remember(thread, [{"id": f"{thread}{n}", "content": f"text {n}"} for n in range(5)])
    await store.delete_messages(["t0"])
    popped = await store.pop_message("t")
    assert popped is not None
    assert {id for id, _ in await vectors(deployment)} == {"t1", "t2", "t3", *(f"u{n}" for n in range(5))}
    await store.delete_thread("t")
    assert {id for id, _ in await vectors(deployment)} == {f"u{n}" for n in range(5)}
    await store.delete_messages(["u0"], keep_vectors=True)
    await store.delete_thread("u", keep_vectors=True)
    assert {id for id, _ in await vectors(deployment)} == {f"u{n}" for n in range(5)}
    assert await memory.recall("text", thread_id="u") == [], "a vector without a message is no hit"


async def test_moved_messages_are_recalled_where_they_are(
    deployment: mc.AsyncDeployment, memory: mc.AsyncMemory
) -> None:
    """A thread that moves to another resource takes its vectors along."""
    await memory.remember("t", ["aaa", "bbb"], resource_id="ada")
    await mc.AsyncConvexStore(deployment).memory.update_thread_resource_id("t", "bob")
    assert await memory.recall("a", resource_id="ada") == []
    assert texts([hit.message for hit in await memory.recall("a", resource_id="bob")]) == ["aaa", "bbb"]
    await memory.forget(thread_id="t")
    assert await vectors(deployment) == []


async def test_recall_passes_over_vectors_without_messages(
    deployment: mc.AsyncDeployment, memory: mc.AsyncMemory
) -> None:
    """As many messages are recalled as there are, whatever a client left behind nearer by."""
    store = mc.AsyncConvexStore(deployment).memory
    gone = await memory.remember("t", ["aaa"] * 30, resource_id="ada")
    await memory.remember("t", ["aab", "abb", "bbb"])
    await store.delete_messages([one.id for one in gone], keep_vectors=True)
    hits = await memory.recall("a", resource_id="ada", top_k=2)
    assert texts([hit.message for hit in hits]) == ["aab", "abb"]
    assert len(await memory.recall("a", resource_id="ada", top_k=9)) == 3


async def test_a_context_of_few_tokens_says_what_it_left_out(deployment: mc.AsyncDeployment) -> None:
    """The oldest recalled messages go first, then the oldest of the last ones."""
    options: Any = {"last_messages": 2, "recall": 1, "count_tokens": len}
    memory = mc.AsyncMemory(deployment, letters, **options)
    await memory.remember("t", ["aaa", "bbb", "ccc", "ddd", "eee", "fff"], resource_id="ada")
    await memory.set_working_memory("t", "tea")
    whole = (await memory.context("t", "b")).messages
    assert texts(whole) == ["aaa", "bbb", "ccc", "eee", "fff"]
    for tokens, left in ((100, 0), (18, 0), (17, 1), (10, 3), (6, 4), (0, 5)):
        some = mc.AsyncMemory(deployment, letters, max_tokens=tokens, **options)
        context = await some.context("t", "b")
        assert (context.left_out, context.messages) == (whole[:left], whole[left:])
        assert (len(context.recalled), context.working_memory) == (1, "tea")
    quarter = mc.AsyncMemory(deployment, max_tokens=2, last_messages=9)
    assert texts((await quarter.context("t")).messages) == ["fff"]


async def test_a_context_is_watched(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """A watched context is the one that `context` returns, whenever that changes."""
    some = mc.AsyncMemory(deployment, letters, last_messages=1, recall=1, around=0)
    states = some.watch("t", "a", resource_id="ada")
    assert await states.next() == mc.MemoryContext(messages=[])
    changes: list[Callable[[], Any]] = [
        lambda: memory.remember("t", ["abb", "ccc"], resource_id="ada"),
        # In another thread of the resource.
        lambda: memory.remember("u", {"id": "m", "content": "aab"}, resource_id="ada"),
        lambda: memory.set_working_memory("t", "likes tea"),
        lambda: memory.forget(message_ids=["m"]),
    ]
    for change in changes:
        await change()
        assert await states.next(timeout=20) == await some.context("t", "a", resource_id="ada")
    await memory.remember("v", "aaa", resource_id="bob")
    with pytest.raises(mc.TransportTimeoutError):
        await states.next(timeout=0.3)
    await states.close()


async def test_thread_metadata_goes_with_vectors(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """As in npm's memory, vectors have their thread's metadata, by which its recall can be filtered."""
    store = mc.AsyncConvexStore(deployment).memory
    metadata = {"project": "p", "workingMemory": "tea", "thread_id": "x", "part": "y"}
    await store.save_thread(mc.Thread(id="t", resource_id="ada", metadata=metadata))
    await memory.remember("t", {"id": "m", "content": "aaa"})
    [row] = await mc.AsyncConvexVector(deployment).get(INDEX, ["m"])
    assert row is not None
    assert (row.metadata["project"], row.metadata["thread_id"], row.metadata.get("workingMemory")) == ("p", "t", None)


async def test_a_message_that_is_remembered_again_keeps_its_date(memory: mc.AsyncMemory) -> None:
    """A message that is remembered again without a date keeps the stored one."""
    [saved] = await memory.remember("t", mc.Message(id="m", thread_id="t", content="a", created_at=NOON))
    [again] = await memory.remember("t", mc.Message(id="m", thread_id="t", content="b"))
    assert again == replace(saved, content=again.content)
    assert again.created_at == NOON


async def test_many_messages_are_remembered_in_batches(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """A list of any length is stored, in order, each message with its vectors."""
    saved = await memory.remember("t", [f"text {'a' * (n % 50)}" for n in range(1200)], resource_id="ada")
    assert len(await vectors(deployment)) == 1200
    stored = mc.AsyncConvexStore(deployment).memory
    assert [message async for message in stored.iter_messages("t")] == saved
