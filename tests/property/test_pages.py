"""Pages are slices of the list, for any earlier writes in any order and with any times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
THREADS = ["a", "b"]
ROLES = ["user", "assistant"]

# With few ids and times, messages move, have equal times, and are written again.
ids_of_messages = st.integers(0, 30).map("m{}".format)
messages = st.fixed_dictionaries(
    {
        "id": ids_of_messages,
        "thread_id": st.sampled_from(THREADS),
        "created_at": st.integers(0, 6).map(lambda second: NOON + timedelta(seconds=second)),
        "role": st.sampled_from(ROLES),
    }
)
writes = st.lists(
    st.one_of(
        st.lists(messages, max_size=12, unique_by=lambda message: message["id"]),
        st.lists(ids_of_messages, max_size=4),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(
    writes=writes,
    threads=st.lists(st.sampled_from(THREADS), min_size=1, unique=True),
    direction=st.sampled_from(["ASC", "DESC"]),
    role=st.sampled_from([None, *ROLES]),
    start=st.one_of(st.none(), st.integers(0, 6)),
    per_page=st.integers(1, 9),
)
def test_pages_are_slices_of_the_list(
    writes: list[list[Any]], threads: list[str], direction: Any, role: str | None, start: int | None, per_page: int
) -> None:
    """Pages are slices of the list: of one thread or several, filtered or not, in both directions, by number and
    cursor.
    """
    # Each message by its id, with its place in stored order, which an update keeps.
    stored: dict[str, tuple[dict[str, Any], int]] = {}
    places = iter(range(1000))
    with mc.ConvexStore(":memory:") as store:
        memory = store.memory
        for id in THREADS:
            memory.save_thread(mc.Thread(id=id, resource_id="ada"))
        for write in writes:
            if write and isinstance(write[0], str):
                memory.delete_messages(write)
                for id in write:
                    stored.pop(id, None)
            else:
                memory.save_messages(write)
                for message in write:
                    _, place = stored.get(message["id"]) or ({}, next(places))
                    stored[message["id"]] = message, place

        expected = sorted(
            (message["created_at"], place, message["id"])
            for message, place in stored.values()
            if message["thread_id"] in threads
            and role in (None, message["role"])
            and (start is None or message["created_at"] >= NOON + timedelta(seconds=start))
        )
        ids = [id for _, _, id in expected]
        if direction == "DESC":
            ids.reverse()

        asked: dict[str, Any] = {
            "order_by": {"direction": direction},
            "filter": {
                "roles": None if role is None else [role],
                "date_range": None if start is None else {"start": NOON + timedelta(seconds=start)},
            },
        }
        for page in range(len(ids) // per_page + 2):
            got = memory.list_messages(threads, per_page=per_page, page=page, **asked)
            end = (page + 1) * per_page
            assert [message.id for message in got] == ids[end - per_page : end]
            assert (got.total, got.has_more) == (len(ids), end < len(ids))
        assert [message.id for message in memory.list_messages(threads, per_page=None, **asked)] == ids
        if len(threads) == 1:
            assert [message.id for message in memory.iter_messages(threads[0], **asked)] == ids
