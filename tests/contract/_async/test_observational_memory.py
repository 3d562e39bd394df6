"""Observational memory: generations, buffered chunks, reflections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def begun(memory: mc.AsyncMemoryStorage, **fields: Any) -> mc.ObservationalMemory:
    """The first generation of thread t."""
    return await memory.insert_observational_memory_record(
        {"id": "a", "thread_id": "t", "resource_id": "ada", **fields}
    )


async def latest(memory: mc.AsyncMemoryStorage) -> mc.ObservationalMemory:
    """The latest generation of thread t."""
    record = await memory.get_observational_memory("t", "ada")
    assert record is not None
    return record


def chunk(n: int, **fields: Any) -> mc.ObservationChunk:
    """Chunk n, with n tokens about 100 n tokens of message m<n>."""
    given = {"id": f"c{n}", "cycle_id": f"cycle{n}", "observations": f"o{n}", "token_count": n, "created_at": NOON}
    return mc.ObservationChunk(**{**given, "message_ids": [f"m{n}"], "message_tokens": 100 * n, **fields})


async def test_a_memory_begins_once(memory: mc.AsyncMemoryStorage) -> None:
    """A thread has its own memory, and a resource's is shared. Initializing again returns the existing one."""
    assert await memory.get_observational_memory("t", "ada") is None
    first = await memory.initialize_observational_memory(
        thread_id="t", resource_id="ada", config={"$a": {"ü": 1}}, observed_timezone="Europe/Berlin"
    )
    assert (first.scope, first.thread_id, first.resource_id) == ("thread", "t", "ada")
    assert (first.generation_count, first.origin_type, first.active_observations) == (0, "initial", "")
    assert (first.config, first.observed_timezone, first.metadata) == ({"$a": {"ü": 1}}, "Europe/Berlin", None)
    assert not (first.is_observing)
    assert not (first.is_reflecting)
    assert not first.is_buffering_observation
    assert await memory.initialize_observational_memory(thread_id="t", resource_id="ada", config={}) == first
    assert await latest(memory) == first
    shared = await memory.initialize_observational_memory(thread_id=None, resource_id="ada", scope="resource")
    assert (shared.scope, shared.thread_id) == ("resource", None)
    assert await memory.get_observational_memory(None, "ada") == shared
    assert shared.id != first.id


async def test_a_record_comes_back_whole(memory: mc.AsyncMemoryStorage) -> None:
    """Every field comes back as it was set."""
    given = mc.ObservationalMemory(
        id="a",
        scope="thread",
        thread_id="t",
        resource_id="ada",
        origin_type="reflection",
        generation_count=3,
        active_observations="text",
        buffered_observation_chunks=[chunk(1, extracted_values={"$k": [1]}, thread_title="T"), chunk(2)],
        buffered_observations="pending",
        buffered_observation_tokens=5,
        buffered_message_ids=["m1"],
        buffered_reflection="reflection",
        buffered_reflection_tokens=1,
        buffered_reflection_input_tokens=2,
        reflected_observation_line_count=3,
        observed_message_ids=["m2"],
        observed_timezone="UTC",
        pending_message_tokens=1,
        observation_token_count=2,
        total_tokens_observed=3,
        is_observing=True,
        is_reflecting=True,
        is_buffering_observation=True,
        is_buffering_reflection=True,
        last_observed_at=NOON,
        last_reflection_at=NOON,
        last_buffered_at_tokens=9,
        last_buffered_at_time=NOON,
        config={"$k": {"": 1}},
        metadata={"ü": None},
        created_at=NOON,
        updated_at=NOON,
    )
    assert await memory.insert_observational_memory_record(given) == given
    assert await latest(memory) == given


async def test_history_comes_newest_first(memory: mc.AsyncMemoryStorage) -> None:
    """History comes newest first, within dates that are both included, and in parts."""
    for n in range(12):
        await begun(memory, id=f"g{n}", generation_count=n, created_at=NOON + timedelta(days=n))
    await begun(memory, id="other", thread_id="u")

    async def history(*limit: Any, **asked: Any) -> list[int]:
        return [g.generation_count for g in await memory.get_observational_memory_history("t", None, *limit, **asked)]

    assert await history() == list(range(11, 1, -1))
    assert await history(None) == list(range(11, -1, -1))
    assert await history(2, offset=3) == [8, 7]
    assert await history(0) == []
    assert await history(from_=NOON + timedelta(days=9), to=NOON + timedelta(days=10)) == [10, 9]
    await memory.clear_observational_memory("t", None)
    assert await history() == []
    assert await memory.get_observational_memory("u", None) is not None


async def test_observing_counts_tokens(memory: mc.AsyncMemoryStorage) -> None:
    """Observing adds tokens, and keeps message ids and the time zone that aren't given."""
    await begun(memory, pending_message_tokens=50)
    await memory.update_active_observations(
        "a", "one", 5, NOON, observed_message_ids=["m1"], observed_timezone="Asia/Tokyo"
    )
    await memory.update_active_observations("a", "two", -7, NOON + timedelta(hours=1))
    record = await latest(memory)
    assert (record.active_observations, record.last_observed_at) == ("two", NOON + timedelta(hours=1))
    assert (record.observed_message_ids, record.observed_timezone) == (["m1"], "Asia/Tokyo")
    assert record.total_tokens_observed == 5
    assert (record.observation_token_count, record.pending_message_tokens) == (0, 0)


async def test_a_cycle_buffers_one_chunk(memory: mc.AsyncMemoryStorage) -> None:
    """A cycle buffers one chunk, which may have any keys."""
    await begun(memory)
    first = chunk(1, extracted_values={"$k": "ü"})
    for given in (first, chunk(1, id="again"), chunk(2)):
        await memory.update_buffered_observations("a", given, last_buffered_at_time=NOON)
    record = await latest(memory)
    assert record.buffered_observation_chunks == [first, chunk(2)]
    assert record.last_buffered_at_time == NOON


async def test_buffered_chunks_become_active(memory: mc.AsyncMemoryStorage) -> None:
    """As many chunks as the target needs become active, and the hints are the last chunk's."""
    chunks = [
        chunk(1, suggested_continuation="old"),
        chunk(2, last_observed_at=NOON, suggested_continuation="go on", current_task="task"),
        chunk(3),
    ]
    await begun(
        memory,
        active_observations="before",
        buffered_observation_chunks=chunks,
        pending_message_tokens=600,
        observation_token_count=10,
    )
    done = await memory.swap_buffered_to_active("a", 0.5, 600, 600)
    assert (done.chunks_activated, done.messages_activated) == (2, 2)
    assert (done.message_tokens_activated, done.observation_tokens_activated) == (300, 3)
    assert (done.activated_cycle_ids, done.activated_message_ids) == (["cycle1", "cycle2"], ["m1", "m2"])
    assert (done.observations, done.suggested_continuation, done.current_task) == ("o1\n\no2", "go on", "task")
    assert [(part.cycle_id, part.message_count) for part in done.per_chunk] == [("cycle1", 1), ("cycle2", 1)]
    record = await latest(memory)
    boundary = "--- message boundary (2026-01-01T12:00:00.000Z) ---"
    assert record.active_observations == f"before\n\n{boundary}\n\no1\n\no2"
    assert record.buffered_observation_chunks == chunks[2:]
    assert (record.pending_message_tokens, record.observation_token_count) == (300, 13)
    assert record.last_observed_at == NOON


async def test_nothing_buffered_activates_nothing(memory: mc.AsyncMemoryStorage) -> None:
    await begun(memory)
    before = await latest(memory)
    assert await memory.swap_buffered_to_active("a", 0.5, 600, 600) == mc.ObservationActivation()
    assert await latest(memory) == before


async def test_chunks_buffered_meanwhile_stay(memory: mc.AsyncMemoryStorage) -> None:
    """Activating known chunks keeps the ones buffered meanwhile."""
    await begun(memory, buffered_observation_chunks=[chunk(1), chunk(2)])
    known = [chunk(1, message_tokens=500, extracted_values={"$": 1})]
    done = await memory.swap_buffered_to_active("a", 1, 500, 500, buffered_chunks=known, force_max_activation=True)
    assert (done.activated_cycle_ids, done.message_tokens_activated) == (["cycle1"], 500)
    assert (await latest(memory)).buffered_observation_chunks == [chunk(2)]


async def test_a_reflection_is_the_next_generation(memory: mc.AsyncMemoryStorage) -> None:
    """A reflection follows the latest generation. Configuration and totals are kept; flags and counters restart."""
    first = await begun(memory, config={"$a": 1}, metadata={"m": 1}, total_tokens_observed=9, is_observing=True)
    second = await memory.create_reflection_generation(first, "reflection", 4)
    assert (second.generation_count, second.origin_type) == (1, "reflection")
    assert (second.active_observations, second.observation_token_count) == ("reflection", 4)
    assert (second.config, second.metadata, second.total_tokens_observed) == ({"$a": 1}, {"m": 1}, 9)
    assert not second.is_observing
    assert second.last_reflection_at == second.created_at
    assert second == await latest(memory)
    # This one was made from a record that is no longer the latest.
    assert (await memory.create_reflection_generation(first, "other", 1)).generation_count == 2


async def test_a_buffered_reflection_is_the_next_generation(memory: mc.AsyncMemoryStorage) -> None:
    """A buffered reflection becomes the next generation, with the lines observed since it was made."""
    first = await begun(memory, active_observations="one\ntwo\nthree")
    await memory.update_buffered_reflection("a", "both", 2, 10, 1)
    await memory.update_buffered_reflection("a", "more", 3, 10, 2)
    buffered = await latest(memory)
    assert (buffered.buffered_reflection, buffered.buffered_reflection_tokens) == ("both\n\nmore", 5)
    assert (buffered.buffered_reflection_input_tokens, buffered.reflected_observation_line_count) == (20, 2)
    second = await memory.swap_buffered_reflection_to_active(first, 7)
    assert second.active_observations == "both\n\nmore\n\nthree"
    assert (second.generation_count, second.observation_token_count) == (1, 7)
    assert second == await latest(memory)
    [_, old] = await memory.get_observational_memory_history("t", "ada")
    assert (old.buffered_reflection, old.reflected_observation_line_count) == (None, None)
    with pytest.raises(mc.NotFoundError, match="No buffered reflection to swap"):
        await memory.swap_buffered_reflection_to_active(first, 7)


async def test_flags_and_counters_are_set(memory: mc.AsyncMemoryStorage) -> None:
    await begun(memory)
    await memory.set_observing_flag("a", True)
    await memory.set_reflecting_flag("a", True)
    await memory.set_buffering_reflection_flag("a", True)
    await memory.set_buffering_observation_flag("a", True, 17)
    await memory.set_buffering_observation_flag("a", True)
    await memory.set_pending_message_tokens("a", 5)
    record = await latest(memory)
    assert record.is_observing
    assert record.is_reflecting
    assert record.is_buffering_reflection
    assert record.is_buffering_observation
    assert (record.last_buffered_at_tokens, record.pending_message_tokens) == (17, 5)
    await memory.set_observing_flag("a", False)
    assert not (await latest(memory)).is_observing


async def test_a_configuration_is_merged_at_every_depth(memory: mc.AsyncMemoryStorage) -> None:
    await begun(memory, config={"a": {"b": 1, "list": [1, 2]}, "$c": 1})
    await memory.update_observational_memory_config("a", {"a": {"list": [3], "ü": 1}})
    assert (await latest(memory)).config == {"a": {"b": 1, "list": [3], "ü": 1}, "$c": 1}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("update_active_observations", ("x", "", 0, NOON)),
        ("update_buffered_observations", ("x", {"cycle_id": "c", "observations": ""})),
        ("swap_buffered_to_active", ("x", 1, 1, 1)),
        ("create_reflection_generation", ({"id": "x"}, "", 0)),
        ("update_buffered_reflection", ("x", "", 0, 0, 0)),
        ("swap_buffered_reflection_to_active", ({"id": "x", "thread_id": "t"}, 0)),
        ("set_observing_flag", ("x", True)),
        ("set_reflecting_flag", ("x", True)),
        ("set_buffering_observation_flag", ("x", True)),
        ("set_buffering_reflection_flag", ("x", True)),
        ("set_pending_message_tokens", ("x", 1)),
        ("update_observational_memory_config", ("x", {})),
    ],
)
async def test_a_record_that_is_not_there_is_an_error(
    memory: mc.AsyncMemoryStorage, method: str, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(mc.NotFoundError, match=r"(?i)observational memory record.* 'x' not found|not found: x"):
        await getattr(memory, method)(*arguments)


@pytest.mark.parametrize(
    ("method", "arguments", "problem"),
    [
        ("get_observational_memory", (None, None), "resource_id is None; expected text"),
        ("get_observational_memory", (5, None), "thread_id is 5; expected text"),
        ("get_observational_memory_history", ("t", None, -1), "limit -1; expected an integer from 0"),
        ("update_active_observations", ("", "", 0, NOON), "id is ''"),
        ("update_active_observations", ("a", 5, 0, NOON), "observations is 5; expected text"),
        ("update_active_observations", ("a", "", float("nan"), NOON), "token_count is nan; expected a finite number"),
        ("update_active_observations", ("a", "", 0, "soon"), "last_observed_at is 'soon'"),
        ("update_buffered_observations", ("a", {"cycle_id": "c"}), "chunk: observations missing"),
        ("swap_buffered_to_active", ("a", "x", 1, 1), "activation_ratio is 'x'"),
        (
            "insert_observational_memory_record",
            ({"id": "b", "thread_id": "t", "scope": "all"},),
            "record: scope is 'all'",
        ),
        ("set_observing_flag", ("a", 1), "is_observing is 1; expected True or False"),
        ("set_pending_message_tokens", ("a", -1), "token_count -1; expected a number, zero or more"),
        ("set_pending_message_tokens", ("a", None), "token_count is None"),
        ("update_observational_memory_config", ("a", {"x": {1}}), r"config\['x'\] is \{1\}"),
    ],
)
async def test_invalid_arguments_are_named_and_change_nothing(
    memory: mc.AsyncMemoryStorage, method: str, arguments: tuple[Any, ...], problem: str
) -> None:
    before = await begun(memory)
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.{method}: {problem}"):
        await getattr(memory, method)(*arguments)
    assert await latest(memory) == before
