# Generated from _async/test_memory_concurrency.py by tools/unasync.py: edit that.
"""Memory with many concurrent writers: nothing is lost or duplicated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._sync._call import together

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WRITERS = 8


def test_messages_of_many_writers_are_all_there(memory: mc.MemoryStorage) -> None:
    """All messages of many writers are stored, and a reader by cursor and by page sees its lists only grow."""
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    first = memory.save_messages(
        [mc.Message(thread_id="t", id=f"first{n:02}", created_at=NOON + timedelta(seconds=n)) for n in range(30)]
    )
    ids = [message.id for message in first]

    def writer(name: int) -> Callable[[], None]:
        def write() -> None:
            for n in range(10):
                memory.save_messages([mc.Message(thread_id="t", id=f"{name}-{n}")])

        return write

    def read() -> None:
        for per_page in (1, 7):
            paged: list[str] = []
            for page in range(30 // per_page + 1):
                paged += [m.id for m in memory.list_messages("t", per_page=per_page, page=page)]
            assert paged[:30] == ids
            assert len(set(paged)) == len(paged)
        iterated = [message.id for message in memory.iter_messages("t")]
        assert iterated[:30] == ids
        assert len(set(iterated)) == len(iterated)

    together([*map(writer, range(WRITERS)), read])
    everything = memory.list_messages("t", per_page=None)
    assert everything.total == 30 + 10 * WRITERS
    assert {m.id for m in everything} == {*ids, *(f"{name}-{n}" for name in range(WRITERS) for n in range(10))}
    assert (memory.list_messages("t", per_page=1)).total == everything.total


def test_an_owner_who_lost_a_run_writes_nothing_to_a_memory(memory: mc.MemoryStorage) -> None:
    """An owner who lost a run can't write: fences only rise, and each write compares its fence in its transaction."""
    first, second = mc.RunFence("r", 1, "a"), mc.RunFence("r", 2, "b")
    assert memory.raise_run_fence(first)
    thread = memory.save_thread(mc.Thread(id="t", resource_id="ada"), fence=first)
    assert memory.raise_run_fence(first)
    assert not memory.raise_run_fence(mc.RunFence("r", 1, "b"))
    assert memory.raise_run_fence(second)
    assert not memory.raise_run_fence(first)
    for write in (
        lambda: memory.save_thread(mc.Thread(id="u", resource_id="ada"), fence=first),
        lambda: memory.update_thread("t", title="lost", fence=first),
        lambda: memory.patch_thread("t", title="lost", fence=first),
        lambda: memory.save_messages([mc.Message(id="lost", thread_id="t")], fence=first),
        lambda: memory.update_messages([{"id": "m", "content": "lost"}], fence=first),
        lambda: memory.save_resource(mc.Resource(id="ada"), fence=first),
        lambda: memory.update_resource("ada", working_memory="lost", fence=first),
        lambda: memory.save_thread(mc.Thread(id="u", resource_id="ada"), fence=mc.RunFence("never raised", 1, "a")),
    ):
        with pytest.raises(mc.FunctionError, match="no longer claimed by generation 1 of a") as caught:
            write()
        assert caught.value.code == "STORAGE_RUN_FENCE_CONFLICT"
    assert (memory.list_threads()).threads == [thread]
    assert (memory.list_messages("t")).total == 0
    assert memory.get_resource_by_id("ada") is None
    with pytest.raises(mc.ThreadNotFoundError, match="Thread x not found"):
        memory.save_messages([mc.Message(thread_id="x")], fence=second)

    assert (memory.update_thread("t", title="mine", fence=second)).title == "mine"
    [message] = memory.save_messages([mc.Message(id="m", thread_id="t", content="a")], fence=second)
    assert message.resource_id == "ada"
    [message] = memory.update_messages([{"id": "m", "content": "b"}], fence=second)
    assert message == (memory.list_messages("t")).messages[0]
    memory.save_resource(mc.Resource(id="ada"), fence=second)
    assert (memory.update_resource("ada", working_memory="x", fence=second)).working_memory == "x"
    memory.dangerously_clear_all()
    assert memory.raise_run_fence(first)


OBSERVATION = {"id": "o", "thread_id": "t", "active_observations": "seen", "buffered_reflection": "so far"}

FENCED: list[tuple[str, tuple[Any, ...]]] = [
    ("update_thread_metadata", ("t", lambda thread: {"lost": True})),
    ("update_thread_resource_id", ("t", "bob")),
    ("delete_thread", ("t",)),
    ("copy_thread", ("t",)),
    ("clone_thread", ("t",)),
    ("delete_messages", (["m"],)),
    ("initialize_observational_memory", ()),
    ("insert_observational_memory_record", ({"id": "p", "thread_id": "t"},)),
    ("update_active_observations", ("o", "lost", 1, NOON)),
    ("update_buffered_observations", ("o", {"cycle_id": "c", "observations": "lost"})),
    ("swap_buffered_to_active", ("o", 1, 5, 5)),
    ("create_reflection_generation", (OBSERVATION, "lost", 1)),
    ("update_buffered_reflection", ("o", "lost", 1, 1, 1)),
    ("swap_buffered_reflection_to_active", (OBSERVATION, 1)),
    ("set_observing_flag", ("o", True)),
    ("set_reflecting_flag", ("o", True)),
    ("set_buffering_observation_flag", ("o", True, 5)),
    ("set_buffering_reflection_flag", ("o", True)),
    ("set_pending_message_tokens", ("o", 5)),
    ("update_observational_memory_config", ("o", {"lost": True})),
    ("clear_observational_memory", ("t", None)),
]


@pytest.mark.parametrize(("method", "arguments"), FENCED)
def test_each_write_is_compared_with_the_fence(
    memory: mc.MemoryStorage, method: str, arguments: tuple[Any, ...]
) -> None:
    """Every fenced write works with the standing fence, and changes nothing with an earlier one."""
    lost, held = mc.RunFence("r", 1, "a"), mc.RunFence("r", 2, "b")
    memory.raise_run_fence(held)
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    memory.save_messages([mc.Message(id="m", thread_id="t")])
    memory.insert_observational_memory_record(OBSERVATION)

    def everything() -> list[Any]:
        observed = memory.get_observational_memory_history("t", None)
        return [(memory.list_threads()).threads, memory.list_messages_by_id(["m"]), observed]

    before = everything()
    options = {"thread_id": "t", "resource_id": None} if not arguments else {}
    with pytest.raises(mc.FunctionError) as caught:
        getattr(memory, method)(*arguments, **options, fence=lost)
    assert caught.value.code == "STORAGE_RUN_FENCE_CONFLICT"
    assert everything() == before
    getattr(memory, method)(*arguments, **options, fence=held)


def test_every_write_takes_a_fence() -> None:
    others = {"dangerously_clear_all", "raise_run_fence"}
    writes = [
        name
        for name in dir(mc.MemoryStorage)
        if not name.startswith(("_", "get_", "list_", "iter_")) and name not in others
    ]
    assert len(writes) > len(FENCED)
    for name in writes:
        assert "fence" in signature(getattr(mc.MemoryStorage, name)).parameters, name


def test_functions_that_make_metadata_take_turns(memory: mc.MemoryStorage) -> None:
    """Each of several concurrent metadata functions sees the result of the previous one."""
    memory.save_thread(mc.Thread(id="t", resource_id="ada", metadata={"n": 0}))

    def increment() -> None:
        for _ in range(5):
            memory.update_thread_metadata("t", lambda thread: {"n": thread.metadata["n"] + 1})

    together([increment] * WRITERS)
    thread = memory.get_thread_by_id("t")
    assert thread is not None
    assert thread.metadata == {"n": 5 * WRITERS}


def test_updates_of_many_writers_are_merged(memory: mc.MemoryStorage) -> None:
    """Concurrent updates of threads, messages, resources and configurations are merged."""
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    memory.save_messages([mc.Message(id="m", thread_id="t")])
    memory.insert_observational_memory_record({"id": "o", "thread_id": "t"})

    def writer(n: int) -> Callable[[], None]:
        def write() -> None:
            memory.update_thread("t", metadata={f"k{n}": n})
            memory.update_messages([{"id": "m", "content": {"metadata": {f"k{n}": n}}}])
            memory.update_resource("ada", metadata={f"k{n}": n})
            memory.update_observational_memory_config("o", {f"k{n}": n})

        return write

    together([writer(n) for n in range(WRITERS)])
    expected = {f"k{n}": n for n in range(WRITERS)}
    thread = memory.get_thread_by_id("t")
    resource = memory.get_resource_by_id("ada")
    record = memory.get_observational_memory("t", None)
    [message] = memory.list_messages_by_id(["m"])
    assert thread is not None
    assert resource is not None
    assert record is not None
    assert thread.metadata == resource.metadata == record.config == message.content["metadata"] == expected


def test_a_memory_begun_by_many_is_one(memory: mc.MemoryStorage) -> None:
    def begin() -> str:
        return (memory.initialize_observational_memory(thread_id="t", resource_id="ada")).id

    assert len(set(together([begin] * WRITERS))) == 1
    assert len(memory.get_observational_memory_history("t", None)) == 1


def test_chunks_are_activated_once_while_others_are_buffered(memory: mc.MemoryStorage) -> None:
    """Each chunk ends either in the active text or in the buffer."""
    memory.insert_observational_memory_record({"id": "o", "thread_id": "t"})

    def writer(name: int) -> Callable[[], Awaitable[list[str]]]:
        def write() -> list[str]:
            activated: list[str] = []
            for n in range(5):
                chunk = mc.ObservationChunk(cycle_id=f"{name}-{n}", observations=f"<{name}-{n}>", message_tokens=10)
                memory.update_buffered_observations("o", chunk)
                if n % 2:
                    done = memory.swap_buffered_to_active("o", 1, 10, 10, force_max_activation=True)
                    activated += done.activated_cycle_ids
            return activated

        return write

    activated = [cycle for cycles in together([writer(n) for n in range(WRITERS)]) for cycle in cycles]
    record = memory.get_observational_memory("t", None)
    assert record is not None
    buffered = [chunk.cycle_id for chunk in record.buffered_observation_chunks]
    everything = [f"{name}-{n}" for name in range(WRITERS) for n in range(5)]
    assert sorted(activated + buffered) == everything
    assert all((f"<{cycle}>" in record.active_observations) == (cycle in activated) for cycle in everything)


def test_reflections_of_many_are_generations_in_a_row(memory: mc.MemoryStorage) -> None:
    """Concurrent reflections become consecutive generations, and a buffered reflection becomes one."""
    first = memory.insert_observational_memory_record({"id": "o", "thread_id": "t"})

    def reflect() -> int:
        return (memory.create_reflection_generation(first, "reflection", 1)).generation_count

    assert sorted(together([reflect] * WRITERS)) == list(range(1, WRITERS + 1))
    memory.update_buffered_reflection("o", "buffered", 1, 1, 0)

    def swap() -> bool:
        try:
            memory.swap_buffered_reflection_to_active(first, 1)
        except mc.NotFoundError:
            return False
        return True

    assert (together([swap] * WRITERS)).count(True) == 1
    [latest] = memory.get_observational_memory_history("t", None, 1)
    assert (latest.generation_count, latest.active_observations) == (WRITERS + 1, "buffered")
