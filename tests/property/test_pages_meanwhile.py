"""A list that is read in pages while others write has each lasting item once, and no item twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

# With few times, new messages come before, between and after others, or have equal times.
seconds = st.integers(0, 8)
# By the number of rows read before: messages to save, by their times, and messages to delete, by their numbers.
writes = st.dictionaries(
    st.integers(0, 12), st.tuples(st.lists(seconds, max_size=3), st.lists(st.integers(0, 11), max_size=2)), max_size=5
)


some = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def memory() -> Iterator[mc.MemoryStorage]:
    """A memory that all examples share, each with a thread of its own."""
    with mc.ConvexStore(":memory:") as store:
        yield store.memory


class Thread:
    """A thread of each example's own, whose messages have short names."""

    def __init__(self, memory: mc.MemoryStorage) -> None:
        self.memory = memory
        self.id = memory.save_thread(mc.Thread(resource_id="ada")).id

    def save(self, names: Sequence[str], times: Sequence[int]) -> None:
        """Save messages of these names and times."""
        self.memory.save_messages(
            [
                mc.Message(id=self.id + name, thread_id=self.id, created_at=NOON + timedelta(seconds=second))
                for name, second in zip(names, times, strict=True)
            ]
        )

    def delete(self, names: Iterable[str]) -> None:
        """Delete the messages of these names."""
        self.memory.delete_messages([self.id + name for name in names])

    def name(self, id: str) -> str:
        """The name of a message."""
        return id.removeprefix(self.id)


@some
@given(
    first=st.lists(seconds, min_size=1, max_size=12),
    meanwhile=writes,
    direction=st.sampled_from(["asc", "desc"]),
    page_size=st.integers(1, 6),
)
def test_a_list_read_by_cursor_has_all_that_stays_once(
    memory: mc.MemoryStorage,
    first: list[int],
    meanwhile: dict[int, tuple[list[int], list[int]]],
    direction: str,
    page_size: int,
) -> None:
    """A list read by cursor has each lasting item once and in order, whatever is saved and deleted between pages."""
    thread = Thread(memory)
    thread.save([f"m{n}" for n in range(len(first))], first)
    deleted: set[str] = set()
    rows: list[dict[str, Any]] = []
    order = {"field": "createdAt", "order": direction}
    for row in memory._storage.rows("mastra_messages", {"thread_id": thread.id}, order, page_size):
        times, numbers = meanwhile.get(len(rows), ([], []))
        rows.append(row)
        thread.save([f"new{len(rows)}-{n}" for n in range(len(times))], times)
        gone = {f"m{n}" for n in numbers}
        thread.delete(gone)
        deleted |= gone

    names = [thread.name(row["id"]) for row in rows]
    assert len(set(names)) == len(names)
    ranks = [(row["createdAt"], row["_creationTime"]) for row in rows]
    assert ranks == sorted(ranks, reverse=direction == "desc")
    assert {f"m{n}" for n in range(len(first))} - deleted <= set(names)


@some
@given(
    batches=st.lists(st.integers(0, 7), min_size=1, max_size=8),
    per_page=st.integers(1, 9),
    is_iterated=st.booleans(),
)
def test_pages_of_a_list_that_grows_at_its_end_make_the_list(
    memory: mc.MemoryStorage, batches: list[int], per_page: int, is_iterated: bool
) -> None:
    """Pages read while a list grows at its end make the whole list."""
    thread = Thread(memory)
    waiting = list(batches)
    written: list[str] = []

    def write() -> None:
        names = [f"m{len(written) + n}" for n in range(waiting.pop(0) if waiting else 0)]
        thread.save(names, [len(written) + n for n in range(len(names))])
        written.extend(names)

    read: list[str] = []
    write()
    if is_iterated:
        for message in memory.iter_messages(thread.id):
            read.append(thread.name(message.id))
            write()
        # Rows added after the list had ended can't be in it.
        assert read == written[: len(read)]
        assert len(read) >= batches[0]
        return
    while True:
        # After a full page, the next page is read; a page that wasn't full is read again.
        number = len(read) // per_page
        page = memory.list_messages(thread.id, per_page=per_page, page=number)
        assert page.total == len(written)
        read[number * per_page :] = [thread.name(message.id) for message in page]
        if not page.has_more and not waiting:
            break
        write()
    assert read == written
