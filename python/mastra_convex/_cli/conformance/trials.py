"""State and notifications of threads; datasets and experiments; sessions of a harness."""

from __future__ import annotations

from typing import Any

from mastra_convex._cli.conformance.check import refused, same
from mastra_convex._cli.conformance.room import NOON, Room, at
from mastra_convex.errors import AlreadyExistsError, NotFoundError

ODD = {"$ref": {"ключ": [None, -1.5]}}


def states(room: Room) -> None:
    """State of threads. It is deleted with its thread."""
    check, states = room.check, room.store.thread_state
    thread, other = room.thread().id, room.thread().id
    values: dict[str, Any] = {"null": None, "number": -1.5, "text": "[1]", "list": [], "object": ODD}
    for name, value in values.items():
        with check(f"values.{name}"):
            states.set_state(thread, name, value)
            same(states.get_state(thread, name), value)
    with check("set.replaces_the_whole"):
        states.set_state(thread, "object", {"new": 1})
        states.set_state(other, "object", 2)
        same((states.get_state(thread, "object"), states.get_state(other, "object")), ({"new": 1}, 2))
    with check("list.by_type"):
        same([state.type for state in states.list_states(thread)], ["list", "null", "number", "object", "text"])
    with check("delete.one"):
        states.delete_state(thread, "list")
        same((states.get_state(thread, "list"), states.get_state(thread, "text")), (None, "[1]"))
    with check("delete.with_the_thread"):
        room.memory.delete_thread(thread)
        same((list(states.list_states(thread)), states.get_state(other, "object")), ([], 2))


def notifications(room: Room) -> None:
    """Notifications of threads. They are deleted with their thread."""
    check, notes, thread = room.check, room.store.notifications, room.thread().id

    def note(id: str, **fields: Any) -> dict[str, Any]:
        return {"id": id, "thread_id": thread, "source": "github", "kind": "ci", "summary": id, **fields}

    with check("create.round_trip"):
        created = notes.create_notification(note("a", payload=ODD, metadata=ODD, deliver_at=NOON))
        same(created, notes.get_notification(thread, "a"))
        same((created.payload, created.priority, created.deliver_at), (ODD, "medium", NOON))
    with check("create.joins_the_same_matter"):
        first = notes.create_notification(note("b", dedupe_key="k", attributes={"x": 1}))
        joined = notes.create_notification(note("c", dedupe_key="k", attributes={"y": 2}, summary="later"))
        same((joined.id, joined.summary, joined.coalesced_count), (first.id, "later", 2))
        same(joined.attributes, {"x": 1, "y": 2})
    with check("list.due_before_a_time"):
        notes.create_notification(note("d", deliver_at=at(60)))
        due = [found.id for found in notes.list_due_notifications(at(1)) if found.thread_id == thread]
        same(due, ["a"])
    with check("update.sets_the_date_of_a_status"):
        seen = notes.update_notification(thread, "a", {"status": "seen"})
        same((seen.status, seen.seen_at is not None, seen.payload), ("seen", True, ODD))
        with refused(NotFoundError):
            notes.update_notification(thread, "none", {"status": "seen"})
    with check("update.many"):
        updated = notes.update_notifications_status(thread, ["b", "d"], "dismissed")
        same(sorted(found.id for found in updated), ["b", "d"])
    for name, conditions, expected in (
        ("status", {"status": "dismissed"}, ["b", "d"]),
        ("several_statuses", {"status": ["seen", "dismissed"]}, ["a", "b", "d"]),
        ("text", {"search": "LATER"}, ["b"]),
    ):
        with check(f"list.{name}"):
            same(sorted(found.id for found in notes.list_notifications(thread, **conditions)), expected)
    with check("delete.with_the_thread"):
        room.memory.delete_thread(thread)
        same(list(notes.list_notifications(thread)), [])


def datasets(room: Room) -> None:
    """Datasets, and each version of their items."""
    check, datasets, id = room.check, room.store.datasets, room.name("dataset")
    dataset = datasets.create_dataset({"id": id, "name": id, "metadata": ODD, "organization_id": room.prefix})
    with check("create.round_trip"):
        same(datasets.get_dataset_by_id(id), dataset)
        same((dataset.metadata, dataset.version), (ODD, 0))
    with check("create.of_another_tenant"), refused(AlreadyExistsError):
        datasets.create_dataset({"id": id, "name": id, "organization_id": "other"})
    with check("tenant.of_another_sees_nothing"):
        same(datasets.get_dataset_by_id(id, filters={"organization_id": "other"}), None)
    with check("list.of_a_tenant"):
        page = datasets.list_datasets(filters={"organization_id": room.prefix})
        same(([found.id for found in page], page.total), ([id], 1))
    first, second = datasets.batch_insert_items(id, [{"input": ODD, "external_id": "x"}, {"input": "b"}])
    with check("items.round_trip"):
        same((datasets.get_item_by_id(first.id), first.dataset_version), (first, 1))
    with check("items.of_one_external_id"):
        [again] = datasets.batch_insert_items(id, [{"input": ODD, "external_id": "x"}])
        same(again.id, first.id)
    with check("items.update_leaves_older_versions"):
        updated = datasets.update_item(id, second.id, {"input": "b2"})
        older = datasets.get_item_by_id(second.id, dataset_version=1)
        same((updated.input, older and older.input), ("b2", "b"))
    with check("items.delete_leaves_older_versions"):
        datasets.delete_item(id, first.id)
        same([item.input for item in datasets.list_items(id)], ["b2"])
        same([item.input for item in datasets.get_items_by_version(id, 1) if item.id == first.id], [ODD])
    with check("items.purge"):
        datasets.purge_item(id, second.id)
        same([item.input for item in datasets.get_item_history(second.id)], [None, None])
    with check("delete.whole"):
        datasets.delete_dataset(id)
        same((datasets.get_dataset_by_id(id), datasets.get_item_by_id(second.id)), (None, None))


def experiments(room: Room) -> None:
    """Experiments, their results, and the reviews of these."""
    check, experiments, id = room.check, room.store.experiments, room.name("experiment")
    experiment = experiments.create_experiment({"id": id, "name": id, "metadata": ODD, "created_at": NOON})
    with check("create.round_trip"):
        same(experiments.get_experiment_by_id(id), experiment)
    with check("create.twice"), refused(AlreadyExistsError):
        experiments.create_experiment({"id": id})
    with check("update.keeps_other_fields"):
        updated = experiments.update_experiment(id, {"status": "running", "total_items": 2})
        same((updated.status, updated.total_items, updated.metadata), ("running", 2, ODD))

    def result(name: str, **fields: Any) -> dict[str, Any]:
        return {"id": f"{id}-{name}", "experiment_id": id, "item_id": "i", "input": 1, "started_at": NOON, **fields}

    with check("results.repeated_submission"):
        first = experiments.upsert_experiment_result(result("a", output=ODD, status="needs-review"))
        experiments.update_experiment_result(first.id, {"comment": "good"})
        second = experiments.upsert_experiment_result(result("b", output=2))
        same((first.output, second.id, second.output, second.comment), (ODD, first.id, 2, "good"))
    with check("results.in_order"):
        experiments.add_experiment_result(result("later", item_id="j", started_at=at(1), tags=["t"]))
        page = experiments.list_experiment_results(id)
        same(([found.id for found in page], page.total), ([f"{id}-a", f"{id}-later"], 2))
        tagged = experiments.list_experiment_results(id, tags=["t"])
        same([found.id for found in tagged], [f"{id}-later"])
    with check("delete.with_its_results"):
        experiments.delete_experiment(id)
        same((experiments.get_experiment_by_id(id), experiments.list_experiment_results(id).total), (None, 0))


def sessions(room: Room) -> None:
    """Sessions of a harness, and what they wait for."""
    check, harness, id = room.check, room.store.harness, room.name("mastra_harness_sessions")
    needed = {"owner_id": id, "resource_id": id, "thread_id": id, "mode_id": "build", "model_id": "m"}
    saved = harness.save_session({"id": id, "state": ODD, "last_activity_at": NOON, **needed})
    with check("save.round_trip"):
        same(harness.load_session(id), saved)
        same(saved.state, ODD)
    with check("update.is_an_activity"):
        updated = harness.update_session(id, {"title": "x"})
        same((updated.title, updated.state, updated.last_activity_at > NOON), ("x", ODD, True))
        with refused(NotFoundError):
            harness.update_session(room.prefix, {"title": "x"})
    with check("pending.append"):
        for name in ("a", "b"):
            harness.append_pending_item(id, {"id": name, "kind": "question", "payload": ODD})
        loaded = harness.load_session(id)
        same([(item.id, item.payload) for item in loaded.pending] if loaded else None, [("a", ODD), ("b", ODD)])
        with refused(AlreadyExistsError):
            harness.append_pending_item(id, {"id": "a", "kind": "question"})
    with check("pending.update"):
        answered = harness.update_pending_item(id, "a", {"status": "responded", "response": ODD})
        same([(item.status, item.response) for item in answered.pending], [("responded", ODD), ("pending", None)])
    with check("pending.remove"):
        same([item.id for item in harness.remove_pending_item(id, "a").pending], ["b"])
