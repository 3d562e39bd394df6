"""Messages of a memory: what Mastra promises, and more where its Convex adapter falls short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract.deployed import STORAGE

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment some seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def message(n: int, thread_id: str = "t", **fields: Any) -> mc.Message:
    """Message m<n>, written n seconds after noon."""
    return mc.Message(**{"id": f"m{n}", "thread_id": thread_id, "content": f"text {n}", "created_at": at(n), **fields})


async def saved(memory: mc.AsyncMemoryStorage, count: int, **fields: Any) -> list[mc.Message]:
    """Ada's thread t with messages m0, m1 and so on."""
    await memory.save_thread(mc.Thread(id="t", resource_id="ada", updated_at=NOON))
    return await memory.save_messages([message(n, **fields) for n in range(count)])


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


async def test_a_message_comes_back_as_it_was_saved(memory: mc.AsyncMemoryStorage) -> None:
    """Text becomes format 2, and a missing id, the time and the thread's resource are filled in."""
    await memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    before = datetime.now(UTC) - timedelta(seconds=5)
    [hi, whole] = await memory.save_messages(
        [
            mc.Message(thread_id="t", content="Hi"),
            {
                "id": "m",
                "thread_id": "t",
                "resource_id": "bob",
                "role": "assistant",
                "type": "text",
                "content": {"format": 2, "parts": [{"$odd": "ü"}, {"type": "text", "text": "a"}], "metadata": {"": 1}},
                "created_at": "2199-01-01T00:00:00Z",
            },
        ]
    )
    assert (hi.thread_id, hi.resource_id, hi.role, hi.type, hi.text) == ("t", "ada", "user", "v2", "Hi")
    assert hi.content == {"format": 2, "parts": [{"type": "text", "text": "Hi"}], "content": "Hi"}
    assert before < hi.created_at < datetime.now(UTC) + timedelta(seconds=5)
    assert (whole.id, whole.resource_id, whole.role, whole.type, whole.text) == ("m", "bob", "assistant", "text", "a")
    assert whole.content["parts"][0] == {"$odd": "ü"}
    assert [message async for message in memory.iter_messages("t")] == [hi, whole]
    assert await memory.list_messages_by_id(["m", hi.id, "stranger", "m"]) == [hi, whole]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            {
                "format": 2,
                "parts": [{"type": "text", "text": "a"}, {"type": "step-start"}, {"type": "text", "text": "b"}],
            },
            "ab",
        ),
        ({"format": 2, "parts": [{"type": "tool-invocation"}], "content": "said"}, ""),
        ({"format": 2, "parts": [], "content": "said"}, "said"),
        ({}, ""),
        ([{"type": "text", "text": "v1"}, {"type": "tool-call"}], "v1"),
        ("", ""),
    ],
)
def test_text_is_what_a_message_says(content: Any, text: str) -> None:
    assert mc.Message(thread_id="t", content=content).text == text


async def test_messages_touch_their_threads(memory: mc.AsyncMemoryStorage) -> None:
    """Saving, updating, moving and deleting messages sets their threads' time of update."""
    await saved(memory, 2)

    async def is_touched(thread_id: str) -> bool:
        thread = await memory.get_thread_by_id(thread_id)
        assert thread is not None
        await memory.save_thread({"id": "t", "resource_id": "ada", "updated_at": NOON})
        await memory.save_thread({"id": "u", "resource_id": "ada", "updated_at": NOON})
        return thread.updated_at > NOON

    assert await is_touched("t")
    await memory.update_messages([{"id": "m0", "role": "assistant"}])
    assert await is_touched("t")
    await memory.update_messages([{"id": "m0", "thread_id": "u"}])
    assert await is_touched("t")
    await memory.update_messages([{"id": "m0", "thread_id": "t"}])
    assert await is_touched("u")
    await memory.delete_messages(["m0"])
    assert await is_touched("t")


async def test_messages_of_an_unknown_thread_are_not_saved(memory: mc.AsyncMemoryStorage) -> None:
    """If a message's thread is unknown, no message of the call is saved."""
    await saved(memory, 0)
    with pytest.raises(mc.ThreadNotFoundError, match="Thread x not found") as raised:
        await memory.save_messages([message(1), message(2, "x")])
    assert raised.value.code == "ThreadNotFound"
    assert str(raised.value).startswith("MemoryStorage.save_messages: ")
    assert raised.value.hint == "Save the thread first, by save_thread."
    assert (await memory.list_messages("t")).total == 0


async def test_an_error_says_what_calls_before_it_wrote(memory: mc.AsyncMemoryStorage) -> None:
    await saved(memory, 0)
    with pytest.raises(mc.ThreadNotFoundError, match=r"\(500 of 501 rows had been written\)") as raised:
        await memory.save_messages([message(n, "t" if n < 500 else "x") for n in range(501)])
    assert raised.value.details["written"] == 500
    assert (await memory.list_messages("t")).total == 500


async def test_saving_again_updates(memory: mc.AsyncMemoryStorage) -> None:
    """Saving a message again updates it, also into another thread, and the counts follow."""
    await saved(memory, 3)
    await memory.save_thread(mc.Thread(id="u", resource_id="bob"))
    await memory.save_messages([message(1, content="new"), message(2, "u")])
    assert [m.text for m in await memory.list_messages("t")] == ["text 0", "new"]
    assert (await memory.list_messages("t")).total == 2
    assert (await memory.list_messages("u")).total == 1


async def test_many_messages_are_saved_in_one_call(memory: mc.AsyncMemoryStorage) -> None:
    """One call saves more messages than a transaction holds, and equal times keep the given order."""
    await saved(memory, 0)
    messages = await memory.save_messages([message(n, created_at=NOON) for n in range(1201)])
    page = await memory.list_messages("t", per_page=None)
    assert page.messages == messages
    assert page.total == 1201
    assert [m async for m in memory.iter_messages("t")] == messages
    backwards = await memory.list_messages("t", per_page=3, order_by={"direction": "DESC"})
    assert backwards.messages == messages[:-4:-1]
    await memory.delete_messages(ids(messages[1:]))
    assert ids(await memory.list_messages("t")) == ["m0"]


async def test_large_messages_are_saved_and_listed(memory: mc.AsyncMemoryStorage) -> None:
    """Calls and pages are also cut by the size of messages."""
    await saved(memory, 0)
    messages = await memory.save_messages([message(n, content="ü" * 200_000) for n in range(30)])
    assert [m async for m in memory.iter_messages("t")] == messages
    assert (await memory.list_messages("t", per_page=20, page=1)).messages == messages[20:]
    assert (await memory.list_messages("t", per_page=2, page=7)).messages == messages[14:16]
    assert (await memory.list_messages("t", per_page=15, order_by={"direction": "DESC"})).messages == messages[:14:-1]


async def test_updates_merge_content(memory: mc.AsyncMemoryStorage) -> None:
    """Updates merge content and one level of its metadata, keep times, and ignore unknown ids."""
    await saved(memory, 2, content={"format": 2, "parts": [1], "metadata": {"a": {"x": 1}, "b": 1}})
    [updated, said] = await memory.update_messages(
        [
            {"id": "m0", "content": {"metadata": {"a": {"$y": 1}}}, "created_at": at(99)},
            {"id": "x", "role": "user"},
            {"id": "m1", "content": "new", "resource_id": "bob"},
        ]
    )
    assert updated.content == {"format": 2, "parts": [1], "metadata": {"a": {"$y": 1}, "b": 1}}
    assert (updated.created_at, updated.resource_id) == (NOON, "ada")
    assert (said.text, said.resource_id, said.content["metadata"]) == ("new", "bob", {"a": {"x": 1}, "b": 1})
    assert (await memory.list_messages("t")).messages == [updated, said]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"date_range": {"start": at(2), "end": at(4)}}, [2, 3, 4]),
        ({"date_range": {"start": at(2), "end": at(4), "start_exclusive": True, "end_exclusive": True}}, [3]),
        ({"date_range": {"start": "2026-01-01T14:00:05+02:00"}}, [5]),
        ({"date_range": {"end": at(0)}}, [0]),
        ({"date_range": {"end": at(0), "end_exclusive": True}}, []),
        ({"date_range": {"start": "2026-01-01", "end": "2026-01-02", "end_exclusive": True}}, [0, 1, 2, 3, 4, 5]),
        ({"date_range": None, "metadata": {}}, [0, 1, 2, 3, 4, 5]),
        ({"roles": ["assistant"]}, [1, 4]),
        ({"roles": ["assistant", "system"]}, [1, 2, 4, 5]),
        ({"roles": ["user"], "date_range": {"start": at(1)}}, [3]),
        ({"metadata": {"n": 1}}, [1, 4]),
        ({"metadata": {"n": None}}, []),
        ({"metadata": {"n": 1}, "date_range": {"start": at(2)}, "roles": ["assistant"]}, [4]),
    ],
)
async def test_lists_are_filtered(
    memory: mc.AsyncMemoryStorage, direction: Any, filter: Any, expected: list[int]
) -> None:
    """Every page and the iteration give the same messages."""
    await saved(memory, 0)
    roles = ["user", "assistant", "system"]
    await memory.save_messages(
        [message(n, role=roles[n % 3], content={"parts": [], "metadata": {"n": n % 3}}) for n in range(6)]
    )
    if direction == "DESC":
        expected = expected[::-1]
    wanted = [f"m{n}" for n in expected]
    asked: Any = {"filter": filter, "order_by": {"direction": direction}}
    assert ids([m async for m in memory.iter_messages("t", **asked)]) == wanted
    for list_all in (memory.list_messages, memory.list_messages_by_resource_id):
        owner = "t" if list_all == memory.list_messages else "ada"
        page = await list_all(owner, **asked)
        assert (ids(page), page.total, page.has_more) == (wanted, len(wanted), False)
        page = await list_all(owner, **asked, per_page=1, page=1)
        assert (ids(page), page.total, page.has_more) == (wanted[1:2], len(wanted), len(wanted) > 2)


async def test_lists_hold_messages_of_one_resource(memory: mc.AsyncMemoryStorage) -> None:
    await saved(memory, 0)
    await memory.save_messages([message(n, resource_id="ada" if n % 2 else "bob") for n in range(4)])
    assert ids(await memory.list_messages("t", "bob")) == ["m0", "m2"]
    assert (await memory.list_messages("t", "bob", per_page=1)).total == 2
    assert ids([m async for m in memory.iter_messages("t", "bob")]) == ["m0", "m2"]
    assert ids(await memory.list_messages_by_resource_id("bob", order_by={"direction": "DESC"})) == ["m2", "m0"]


async def test_lists_of_several_threads_are_one_list(memory: mc.AsyncMemoryStorage) -> None:
    """The messages of several threads are one list by time, with any page size."""
    threads = ["a", "b", "c"]
    for id in threads:
        await memory.save_thread(mc.Thread(id=id, resource_id="ada"))
    await memory.save_messages([message(n, threads[n % 3]) for n in range(9)])
    everything = [f"m{n}" for n in range(9)]
    assert ids(await memory.list_messages([*threads, "a", "unknown"])) == everything
    assert ids(await memory.list_messages(threads, order_by={"direction": "DESC"})) == everything[::-1]
    page = await memory.list_messages(threads, per_page=4, page=1)
    assert (ids(page), page.total, page.has_more) == (everything[4:8], 9, True)
    page = await memory.list_messages(["a", "b"], include=[{"id": "m8"}], per_page=2)
    assert (ids(page), page.total, page.has_more) == (["m0", "m1", "m8"], 6, True)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ([{"id": "m5"}], ["m5"]),
        ([{"id": "m5", "with_previous_messages": 2, "with_next_messages": 1}], ["m3", "m4", "m5", "m6"]),
        ([{"id": "m1", "with_previous_messages": 9}], ["m0", "m1"]),
        ([{"id": "m2", "with_next_messages": 1}, {"id": "m3", "with_previous_messages": 1}], ["m2", "m3"]),
        ([{"id": "m2"}, {"id": "m2", "with_next_messages": 1}], ["m2", "m3"]),
        ([{"id": "m2", "with_next_messages": 1}, {"id": "m2"}], ["m2", "m3"]),
        ([{"id": "u1", "thread_id": "u", "with_previous_messages": 1}], ["u0", "u1"]),
        ([{"id": "stranger", "with_next_messages": 1}], []),
        ([], []),
    ],
)
async def test_messages_are_included_with_their_neighbours(
    memory: mc.AsyncMemoryStorage, include: Any, expected: list[str]
) -> None:
    """Included messages of any thread come once, in order, and don't count in the total."""
    await saved(memory, 10)
    await memory.save_thread(mc.Thread(id="u", resource_id="ada"))
    await memory.save_messages([message(n, "u", id=f"u{n}", created_at=at(20 + n)) for n in range(2)])
    page = await memory.list_messages("t", per_page=0, include=include)
    assert (ids(page), page.total, page.has_more) == (expected, 0, False)
    page = await memory.list_messages("t", per_page=1, include=include)
    assert (ids(page), page.total, page.has_more) == (sorted({"m0", *expected}), 10, True)
    page = await memory.list_messages("t", per_page=1, include=include, order_by={"direction": "DESC"})
    assert ids(page) == sorted({"m9", *expected}, reverse=True)
    page = await memory.list_messages_by_resource_id("ada", per_page=1, include=include)
    assert (ids(page), page.total) == (sorted({"m0", *expected}), 12)


async def test_neighbours_of_one_time_are_those_stored_beside(memory: mc.AsyncMemoryStorage) -> None:
    await saved(memory, 20, created_at=NOON)
    page = await memory.list_messages(
        "t", per_page=0, include=[{"id": "m9", "with_previous_messages": 2, "with_next_messages": 2}]
    )
    assert ids(page) == ["m7", "m8", "m9", "m10", "m11"]


async def test_included_messages_belong_to_the_resource(memory: mc.AsyncMemoryStorage) -> None:
    """Included messages and their neighbours belong to the requested resource."""
    await saved(memory, 0)
    await memory.save_messages([message(n, resource_id="bob" if n == 2 else "ada") for n in range(5)])
    include: Any = [{"id": "m1", "with_next_messages": 2}, {"id": "m2", "with_previous_messages": 1}]
    assert ids(await memory.list_messages("t", "ada", per_page=0, include=include)) == ["m1", "m3", "m4"]
    assert ids(await memory.list_messages_by_resource_id("bob", per_page=0, include=include)) == ["m2"]
    assert ids(await memory.list_messages("t", per_page=0, include=include)) == ["m1", "m2", "m3"]


async def test_messages_of_other_clients_are_read(deployment: mc.AsyncDeployment) -> None:
    """Messages of other clients can be read: content as text or JSON text, without metadata or a resource."""
    memory = mc.AsyncConvexStore(deployment).memory
    contents = ['"hello"', "hello", '{"format":2,"parts":[{"type":"text","text":"hello"}]}', "[1]", "5"]
    records = [
        {"id": f"m{n}", "thread_id": "t", "content": content, "role": "user", "type": "text"}
        | {"createdAt": f"2026-01-01T00:00:0{n}.000Z"}
        for n, content in enumerate(contents)
    ]
    await deployment.mutation(STORAGE, {"op": "batchInsert", "tableName": "mastra_messages", "records": records})
    messages = (await memory.list_messages("t")).messages
    assert [m.text for m in messages] == ["hello", "hello", "hello", "", ""]
    assert [m.resource_id for m in messages] == [None] * 5
    assert await memory.list_messages_by_id(ids(messages)) == messages
    assert (await memory.list_messages("t", filter={"metadata": {"a": 1}})).total == 0


@pytest.mark.parametrize("per_page", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_are_the_list_whatever_their_size_while_others_write(
    memory: mc.AsyncMemoryStorage, per_page: int, direction: Any
) -> None:
    """Messages written before the page that was read don't move it, by number or by cursor."""
    expected = ids(await saved(memory, 23))
    written = 0

    async def write() -> None:
        # New messages come at the end that pages reach last, and in other threads.
        nonlocal written
        written += 1
        n = 100 + written if direction == "ASC" else -written
        await memory.save_messages([message(n)])
        await memory.save_thread(mc.Thread(id=f"u{written}", resource_id="ada"))

    order_by: Any = {"direction": direction}
    if direction == "DESC":
        expected.reverse()
    found: list[str] = []
    for page in range(100):
        got = await memory.list_messages("t", per_page=per_page, page=page, order_by=order_by)
        found += ids(got)
        if len(found) >= 23:
            break
        assert got.has_more
        await write()
    assert found[:23] == expected
    assert len(set(found)) == len(found)

    iterated: list[str] = []
    async for m in memory.iter_messages("t", order_by=order_by):
        iterated.append(m.id)
        if len(iterated) % 10 == 1:
            await memory.delete_messages(iterated[-1:])
    assert iterated[:23] == expected
    assert len(set(iterated)) == len(iterated)


async def test_the_newest_of_more_than_ten_thousand_are_seen(memory: mc.AsyncMemoryStorage) -> None:
    """A list shows the newest of more than 10,000 messages, where npm's reads stop."""
    await saved(memory, 0)
    await memory.save_messages([message(n) for n in range(10_050)])
    page = await memory.list_messages("t", per_page=50, page=200)
    assert (page.total, page.has_more) == (10_050, False)
    assert ids(page) == [f"m{n}" for n in range(10_000, 10_050)]
    assert (await memory.list_messages("t", filter={"date_range": {"start": at(1)}}, per_page=1)).total == 10_049


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, r"messages\[0\]: thread_id missing"),
        ({"thread_id": ""}, r"messages\[0\]: thread_id is ''"),
        ({"thread_id": "t", "id": ""}, r"messages\[0\]: id is ''"),
        ({"thread_id": "t", "text": "x"}, r"messages\[0\]: a Message has no 'text'; it has: id, thread_id"),
        ({"thread_id": "t", "content": {"a": object()}}, r"messages\[0\]: content\['a'\] is <object"),
        ({"thread_id": "t", "content": 5}, r"messages\[0\]: content is 5; expected text, a dict or a list of parts"),
        ({"thread_id": "t", "created_at": 5}, r"messages\[0\]: created_at is 5"),
        ({"thread_id": "t", "content": "x" * 2**20}, r"messages\[0\]: .*of which content has"),
        ("hi", r"messages\[0\] is 'hi'; expected a Message or a mapping"),
    ],
)
async def test_a_message_that_cannot_be_is_refused(memory: mc.AsyncMemoryStorage, given: Any, problem: str) -> None:
    """An invalid message is refused, and nothing of the call is written."""
    await saved(memory, 0)
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.save_messages: {problem}"):
        await memory.save_messages([given, message(1)])
    assert (await memory.list_messages("t")).total == 0


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"thread_id": ""}, "thread_id is ''; expected text"),
        ({"thread_id": " "}, "thread_id is ' '"),
        ({"thread_id": []}, "thread_id is empty"),
        ({"thread_id": ["t", ""]}, "thread_id is ''"),
        ({"thread_id": None}, "thread_id is None; expected text"),
        ({"page": -1}, "page -1; expected an integer from 0"),
        ({"per_page": -1}, "per_page -1; expected an integer from 0"),
        ({"order_by": {"field": "updated_at"}}, "order_by field 'updated_at'; expected 'created_at'"),
        ({"filter": {"date_range": {"start": "soon"}}}, "filter date_range start is 'soon'"),
        ({"filter": {"date_range": {"from": NOON}}}, "filter date_range has no 'from'; it has: start, end"),
        (
            {"filter": {"date_range": {"start": NOON, "start_exclusive": "no"}}},
            "filter date_range start_exclusive is 'no'",
        ),
        ({"filter": {"roles": "user"}}, "filter roles is 'user'; expected a list"),
        ({"filter": {"metadata": {"a": [1]}}}, r"filter metadata: a is \[1\]; expected None, a bool"),
        ({"filter": {"metadata": {"a": float("nan")}}}, "filter metadata: a is nan, which equals no value"),
        ({"include": [{"with_next_messages": 1}]}, r"include\[0\]: id is None"),
        ({"include": [{"id": "m", "with_next_messages": -1}]}, r"include\[0\]: with_next_messages -1; expected"),
        ({"include": [{"id": "m", "next": 1}]}, r"include\[0\] has no 'next'"),
    ],
)
async def test_a_list_that_cannot_be_is_refused(memory: mc.AsyncMemoryStorage, asked: Any, problem: str) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.list_messages: {problem}"):
        await memory.list_messages(**{"thread_id": "t", **asked})


async def test_changes_that_cannot_be_are_refused(memory: mc.AsyncMemoryStorage) -> None:
    [stored] = await saved(memory, 1)
    for changes in ({"role": "user"}, {"id": "m0", "role": 5}, {"id": "m0", "colour": "red"}, None):
        with pytest.raises(mc.InvalidArgumentError, match=r"^MemoryStorage.update_messages: messages\[1\]"):
            await memory.update_messages([{"id": "m0", "role": "assistant"}, changes])  # type: ignore[list-item]
    with pytest.raises(mc.InvalidArgumentError, match="message_ids is 'm0'; expected a list"):
        await memory.delete_messages("m0")
    assert (await memory.list_messages("t")).messages == [stored]


async def test_a_message_saved_again_without_a_date_keeps_the_stored_one(memory: mc.AsyncMemoryStorage) -> None:
    """A message saved again without a date keeps the stored date. A given date replaces it."""
    await memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    await memory.save_messages([mc.Message(id="a", thread_id="t", content="At", created_at=NOON)])
    given: list[Any] = [
        mc.Message(id="a", thread_id="t", content="At six"),
        {"id": "a", "thread_id": "t", "content": "At six."},
        {"id": "a", "thread_id": "t", "content": "At six.", "created_at": None},
    ]
    for message in given:
        [saved] = await memory.save_messages([message])
        assert saved.created_at == NOON
        [stored] = await memory.list_messages_by_id(["a"])
        assert stored == saved
    assert stored.text == "At six."
    new = mc.Message(id="b", thread_id="t", content="Tea?")
    [b, again] = await memory.save_messages([new, {"id": "b", "thread_id": "t", "content": "Tea!"}])
    assert b.created_at == again.created_at == new.created_at
    later = NOON + timedelta(hours=1)
    [saved] = await memory.save_messages([mc.Message(id="a", thread_id="t", created_at=later)])
    assert saved.created_at == later


async def test_messages_without_dates_stay_in_the_given_order(memory: mc.AsyncMemoryStorage) -> None:
    """A record is dated when it is made, which may be before the messages that precede it in a list."""
    await memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    record = mc.Message(thread_id="t", content="b")
    while mc.Message(thread_id="t").created_at == record.created_at:
        pass
    await memory.save_messages([{"thread_id": "t", "content": "a"}, record])
    assert [message.text for message in (await memory.list_messages("t")).messages] == ["a", "b"]


async def test_only_roles_that_mastra_names_are_saved(memory: mc.AsyncMemoryStorage) -> None:
    """Only Mastra's roles are saved. A message of another client keeps its own role."""
    await memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    roles = ["user", "assistant", "system", "signal", "tool"]
    await memory.save_messages([mc.Message(id=role, thread_id="t", role=role) for role in roles])
    bad: Any
    for bad in ("robot", "User", "", 1):
        with pytest.raises(
            mc.InvalidArgumentError, match=r"messages\[0\]: role is .*; expected one of: user, assistant"
        ):
            await memory.save_messages([mc.Message(thread_id="t", role=bad)])
        with pytest.raises(
            mc.InvalidArgumentError, match=r"messages\[0\]: role is .*; expected one of: user, assistant"
        ):
            await memory.update_messages([{"id": "user", "role": bad}])
    assert [message.role for message in await memory.list_messages_by_id(roles)] == roles
