"""Memory: threads, messages, resources and observational memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import mastra_convex as mc
from mastra_convex._cli.conformance.check import refused, same
from mastra_convex._cli.conformance.room import NOON, Room, at, texts
from mastra_convex.errors import AlreadyExistsError, FunctionError, ThreadNotFoundError

ODD = {"$schema": {"ключ": [None, 1.5]}}
OLDEST: mc.OrderBy = {"field": "created_at", "direction": "ASC"}


def threads(room: Room) -> None:
    """Threads, and copies of them."""
    check, memory = room.check, room.memory
    thread = room.thread(title="Grüße \U0001f600", metadata=ODD)

    with check("save.round_trip"):
        same(memory.get_thread_by_id(thread.id), thread)
    with check("get.of_its_resource"):
        same(memory.get_thread_by_id(thread.id, thread.resource_id), thread)
        same(memory.get_thread_by_id(thread.id, room.prefix), None)
    with check("update.merges_metadata"):
        updated = memory.update_thread(thread.id, metadata={"b": {"d": 2}})
        same((updated.title, updated.metadata), (thread.title, {**ODD, "b": {"d": 2}}))
        same(memory.get_thread_by_id(thread.id), updated)

    owner = room.name("mastra_resources")
    ids = [room.thread(resource_id=owner, created_at=at(n), metadata={"n": n, "deep": ODD}).id for n in (0, 2, 1, 1)]
    of_owner = {"resource_id": owner}
    newest = [ids[n] for n in (1, 3, 2, 0)]
    with check("list.newest_first"):
        page = memory.list_threads(filter=of_owner)
        same(([t.id for t in page], page.total), (newest, 4))
    with check("list.oldest_first"):
        page = memory.list_threads(filter=of_owner, order_by=OLDEST, per_page=3)
        same(([t.id for t in page], page.total, page.has_more), (newest[:0:-1], 4, True))
    with check("list.total_follows_deletes"):
        memory.delete_thread(ids[0])
        same(memory.list_threads(filter=of_owner, per_page=1).total, 3)

    chat, saved = room.chat(4)
    with check("copy.whole"):
        clone = memory.clone_thread(chat.id, new_thread_id=room.name("thread"), metadata={"$mine": 1})
        same(list(clone.message_id_map), [m.id for m in saved])
        same([(m.text, m.created_at) for m in clone.cloned_messages], [(m.text, m.created_at) for m in saved])
        same(clone.thread.metadata["clone"]["lastMessageId"], saved[-1].id)
    with check("copy.the_last"):
        clone = memory.clone_thread(chat.id, new_thread_id=room.name("thread"), options={"message_limit": 2})
        same(texts(clone.cloned_messages), "2 3")
    with check("copy.refused"):
        with refused(ThreadNotFoundError):
            memory.copy_thread(room.prefix, new_thread_id=room.name("thread"))
        with refused(AlreadyExistsError):
            memory.copy_thread(chat.id, new_thread_id=chat.id)
    with check("move.with_its_messages"):
        same(memory.update_thread_resource_id(chat.id, owner).resource_id, owner)
        same([m.id for m in memory.list_messages_by_resource_id(owner)], [m.id for m in saved])
    with check("delete.with_all_of_it"):
        long, _ = room.chat(30)
        memory.initialize_observational_memory(thread_id=long.id, resource_id=owner)
        for _ in range(2):
            memory.delete_thread(long.id)
        same((memory.get_thread_by_id(long.id), memory.list_messages(long.id).total), (None, 0))
        same(memory.get_observational_memory(long.id, None), None)


def messages(room: Room) -> None:
    """Messages of threads."""
    check, memory = room.check, room.memory
    thread, saved = room.chat(7)

    def listed(**asked: Any) -> tuple[str, int]:
        page = memory.list_messages(thread.id, **asked)
        return texts(page), page.total

    with check("save.round_trip"):
        content = {"format": 2, "parts": [{"type": "tool", "$args": ODD}], "content": "\0 é"}
        other = room.thread()
        [stored] = memory.save_messages([{"id": f"{other.id}-m", "thread_id": other.id, "content": content}])
        same((stored.content, stored.resource_id), (content, other.resource_id))
        same(memory.list_messages(other.id).messages, [stored])
    with check("save.again_keeps_the_date"):
        [again] = memory.save_messages([{"id": saved[0].id, "thread_id": thread.id, "content": "streamed"}])
        same((again.created_at, listed(per_page=2)), (NOON, ("streamed 1", 7)))
        memory.save_messages(saved[:1])
    with check("save.more_than_a_page"):
        many, all_of_them = room.chat(100)
        page = memory.list_messages(many.id, per_page=30, page=3)
        same((texts(page), page.total, page.has_more), (texts(all_of_them[90:]), 100, False))
        same(texts(memory.iter_messages(many.id)), texts(all_of_them))
    for direction, expected in (("asc", ["0 1 2", "3 4 5", "6", ""]), ("desc", ["6 5 4", "3 2 1", "0", ""])):
        with check(f"list.pages_{direction}"):
            order: Any = {"direction": direction.upper()}
            pages = [memory.list_messages(thread.id, per_page=3, page=n, order_by=order) for n in range(4)]
            same([texts(page) for page in pages], expected)
            same([page.has_more for page in pages], [True, True, False, False])
    with check("list.ties"):
        tied, _ = room.chat(5, created_at=NOON)
        newest: Any = {"direction": "DESC"}
        found_of = [texts(memory.list_messages(tied.id, order_by=order)) for order in (None, newest)]
        same(found_of, ["0 1 2 3 4", "4 3 2 1 0"])
    dates = {"start": at(1), "end": at(3)}
    for name, more, expected_texts in (
        ("dates", {}, "1 2 3"),
        ("dates_after", {"start_exclusive": True}, "2 3"),
        ("dates_before", {"end_exclusive": True}, "1 2"),
    ):
        with check(f"list.{name}"):
            asked = {"date_range": {**dates, **more}}
            same(listed(filter=asked), (expected_texts, len(expected_texts.split())))
    with check("list.roles"):
        memory.update_messages([{"id": saved[n].id, "role": "assistant"} for n in (2, 4)])
        same(listed(filter={"roles": ["assistant", "system"]}, per_page=1), ("2", 2))
    with check("update.merges_content"):
        memory.update_messages([{"id": saved[1].id, "content": {"metadata": {"a": 1}}}])
        [updated] = memory.update_messages([{"id": saved[1].id, "content": {"metadata": {"b": 2}}}])
        same((updated.content["metadata"], updated.text, updated.created_at), ({"a": 1, "b": 2}, "1", at(1)))
        same(memory.update_messages([{"id": room.prefix, "role": "user"}]), [])
    with check("list.include"):
        around = {"id": saved[4].id, "with_previous_messages": 1, "with_next_messages": 1}
        same(listed(per_page=1, include=[around]), ("0 3 4 5", 7))
    with check("list.by_id"):
        asked_ids = [*(m.id for m in reversed(all_of_them[:12])), all_of_them[0].id, room.prefix]
        same(memory.list_messages_by_id(asked_ids), all_of_them[:12])
    with check("delete.some"):
        memory.delete_messages([saved[0].id, saved[1].id, room.prefix])
        same(listed(), ("2 3 4 5 6", 5))
    with check("pop.newest"):
        popped = [memory.pop_message(thread.id) for _ in range(6)]
        same([message.text if message else None for message in popped], ["6", "5", "4", "3", "2", None])
    with check("fence.refuses_who_lost_the_run"):
        run = room.name("run")
        first, second = mc.RunFence(run, 1, "a"), mc.RunFence(run, 2, "b")
        same([memory.raise_run_fence(fence) for fence in (first, second, first)], [True, True, False])
        with refused(FunctionError, "STORAGE_RUN_FENCE_CONFLICT"):
            memory.save_messages(saved[:1], fence=first)
        same(listed()[1], 0)
        memory.save_messages(saved[:1], fence=second)
        same(listed()[1], 1)


def resources(room: Room) -> None:
    """Resources: the owners of threads."""
    check, memory, id = room.check, room.memory, room.name("mastra_resources")

    with check("update.creates"):
        updated = memory.update_resource(id, working_memory="tea \U0001f375", metadata={"a": 1, "b": 1})
        same(memory.get_resource_by_id(id), updated)
    with check("update.merges_metadata"):
        updated = memory.update_resource(id, metadata={"b": 2})
        same((updated.working_memory, updated.metadata), ("tea \U0001f375", {"a": 1, "b": 2}))
    with check("save.keeps_working_memory"):
        memory.save_resource({"id": id, "metadata": ODD})
        found = memory.get_resource_by_id(id)
        same(found and (found.working_memory, found.metadata), ("tea \U0001f375", ODD))


def _chunk(n: int, **more: Any) -> mc.ObservationChunk:
    """Chunk n: n tokens about 100 n tokens of message m<n>."""
    given = {"id": f"c{n}", "cycle_id": f"cycle{n}", "observations": f"o{n}", "token_count": n, "created_at": NOON}
    return mc.ObservationChunk(**{**given, "message_ids": [f"m{n}"], "message_tokens": 100 * n, **more})


def observations(room: Room) -> None:
    """Observational memory, in generations."""
    check, memory, owner = room.check, room.memory, room.name("observed")

    def begun(**more: Any) -> mc.ObservationalMemory:
        id = room.thread(resource_id=owner).id
        given = {"id": id, "thread_id": id, "resource_id": owner, "created_at": NOON}
        return memory.insert_observational_memory_record({**given, **more})

    def latest(of: mc.ObservationalMemory) -> Any:
        return memory.get_observational_memory(of.thread_id, of.resource_id)

    with check("initialize.once"):
        id = room.thread(resource_id=owner).id
        first, again = (
            memory.initialize_observational_memory(thread_id=id, resource_id=owner, config={"n": n}) for n in (1, 2)
        )
        same((first.generation_count, first.config, again), (0, {"n": 1}, first))
    with check("initialize.of_a_resource"):
        same(memory.get_observational_memory(None, owner), None)
        shared = memory.initialize_observational_memory(thread_id=None, resource_id=owner)
        same((shared.scope, latest(shared)), ("resource", shared))
    with check("update.counts_tokens"):
        record = begun(pending_message_tokens=50)
        memory.update_active_observations(record.id, "one", 5, NOON, observed_message_ids=["m1"])
        memory.update_active_observations(record.id, "two", 2, at(1))
        found = latest(record)
        same((found.active_observations, found.total_tokens_observed, found.pending_message_tokens), ("two", 7, 0))
        same((found.observed_message_ids, found.last_observed_at), (["m1"], at(1)))
    with check("buffer.one_chunk_a_cycle"):
        chunk = _chunk(1, extracted_values=ODD)
        for given in (chunk, _chunk(1, id="again"), _chunk(2)):
            memory.update_buffered_observations(record.id, given)
        same(latest(record).buffered_observation_chunks, [chunk, _chunk(2)])
    with check("activate.as_many_as_needed"):
        chunks = [_chunk(1), _chunk(2, last_observed_at=NOON), _chunk(3)]
        record = begun(buffered_observation_chunks=chunks, pending_message_tokens=600)
        done = memory.swap_buffered_to_active(record.id, 0.5, 600, 600)
        same((done.activated_cycle_ids, done.message_tokens_activated), (["cycle1", "cycle2"], 300))
        found = latest(record)
        same((found.buffered_observation_chunks, found.pending_message_tokens), (chunks[2:], 300))
    with check("reflection.is_the_next_generation"):
        record = begun(config=ODD, is_observing=True)
        second = memory.create_reflection_generation(record, "reflection", 4)
        same((second.generation_count, second.config, second.is_observing), (1, ODD, False))
        same((latest(record), memory.create_reflection_generation(record, "more", 1).generation_count), (second, 2))
    with check("config.merges"):
        record = begun(config={"a": {"b": 1, "c": [1, 2]}})
        memory.update_observational_memory_config(record.id, {"a": {"c": [3], "$d": None}})
        same(latest(record).config, {"a": {"b": 1, "c": [3], "$d": None}})
    with check("history.newest_first"):
        for n in (1, 2, 3):
            row = {"id": f"{record.id}-{n}", "thread_id": record.thread_id, "created_at": NOON + timedelta(days=n)}
            memory.insert_observational_memory_record({**row, "generation_count": n})

        def history(**asked: Any) -> list[int]:
            of_thread = memory.get_observational_memory_history(record.thread_id, None, **asked)
            return [generation.generation_count for generation in of_thread]

        same((history(), history(limit=2, offset=1)), ([3, 2, 1, 0], [2, 1]))
        same(history(from_=NOON + timedelta(days=1), to=NOON + timedelta(days=2)), [2, 1])
