# Generated from _async/test_notifications.py by tools/unasync.py: edit that.
"""Notifications of agents' threads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def notifications(deployment: mc.Deployment) -> mc.NotificationsStorage:
    return mc.ConvexStore(deployment).notifications


def given(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "thread_id": "t", "source": "github", "kind": "ci", "summary": f"Run {id}", **fields}


def test_a_notification_comes_back_as_it_was_created(notifications: mc.NotificationsStorage) -> None:
    """Missing fields are filled in. A record and a mapping with its names are the same."""
    fields = {"payload": {"$ref": [1]}, "attributes": {"$a": None}, "metadata": {"b": 1}, "deliver_at": NOON}
    for id, made in (("a", given("a", **fields)), ("b", mc.Notification(**given("b", **fields)))):
        created = notifications.create_notification(made)
        assert created == notifications.get_notification("t", id)
        assert (created.priority, created.status, created.coalesced_count) == ("medium", "pending", 1)
        assert (created.payload, created.attributes, created.metadata) == ({"$ref": [1]}, {"$a": None}, {"b": 1})
        assert (created.deliver_at, created.updated_at) == (NOON, created.created_at)
    assert notifications.get_notification("u", "a") is None


def test_a_notification_joins_a_pending_one_of_its_matter(notifications: mc.NotificationsStorage) -> None:
    """Fields that aren't given stay, attributes and metadata are merged, and the number grows."""
    first = notifications.create_notification(
        given("a", coalesce_key="main", priority="high", payload=1, attributes={"a": 1, "b": 1}, summary_at=NOON)
    )
    joined = notifications.create_notification(
        given("b", coalesce_key="main", attributes={"b": 2}, metadata={"m": 1}, deliver_at=NOON)
    )
    assert (joined.id, joined.summary, joined.coalesced_count) == ("a", "Run b", 2)
    assert (joined.priority, joined.payload, joined.summary_at, joined.deliver_at) == ("high", 1, NOON, NOON)
    assert (joined.attributes, joined.metadata) == ({"a": 1, "b": 2}, {"m": 1})
    assert joined.updated_at >= first.updated_at
    notifications.update_notification("t", "a", {"status": "delivered"})
    assert (notifications.create_notification(given("c", coalesce_key="main"))).id == "c"
    assert (notifications.create_notification(given("d", coalesce_key="main", agent_id="x"))).id == "d"


def test_notifications_are_listed_by_their_last_update(notifications: mc.NotificationsStorage) -> None:
    """Conditions must all hold; of several statuses or priorities, one."""
    many: list[dict[str, Any]] = [
        given("a", priority="low", resource_id="ada"),
        given("b", priority="high", agent_id="x", source="mail"),
        given("c", priority="urgent", summary="Disk FULL"),
        given("d", thread_id="u"),
    ]
    for hours, fields in enumerate(many):
        notifications.create_notification({**fields, "created_at": NOON + hours * HOUR})

    def ids(**conditions: Any) -> list[str]:
        return [found.id for found in notifications.list_notifications("t", **conditions)]

    assert ids() == ["c", "b", "a"]
    assert ids(limit=2) == ["c", "b"]
    assert ids(limit=0) == []
    assert ids(priority=["low", "high"]) == ["b", "a"]
    assert ids(priority="low", resource_id="ada") == ["a"]
    assert ids(source="mail", agent_id="x") == ["b"]
    assert ids(search="full") == ["c"]
    assert ids(search="MAIL") == ["b"]
    assert ids(status="pending", search="run") == ["b", "a"]
    notifications.update_notification("t", "a", {"status": "seen"})
    assert ids() == ["a", "c", "b"]
    assert ids(status=["seen", "failed"]) == ["a"]
    assert ids(status=[]) == []


def test_due_notifications_come_longest_due_first(notifications: mc.NotificationsStorage) -> None:
    """By the earlier of the two times, then by the update, of all threads; others aren't due."""
    for id, fields in (
        ("late", {"deliver_at": NOON}),
        ("early", {"deliver_at": NOON + HOUR, "summary_at": NOON - 2 * HOUR}),
        ("both", {"deliver_at": NOON - HOUR, "summary_at": NOON}),
        ("tie", {"thread_id": "u", "summary_at": NOON - HOUR, "created_at": NOON}),
        ("future", {"deliver_at": NOON + timedelta(milliseconds=1)}),
        ("never", {}),
        ("seen", {"deliver_at": NOON, "status": "seen"}),
    ):
        notifications.create_notification(given(id, **{"created_at": NOON + HOUR, **fields}))

    def ids(now: datetime | str = NOON, **conditions: Any) -> list[str]:
        return [found.id for found in notifications.list_due_notifications(now, **conditions)]

    assert ids() == ["early", "tie", "both", "late"]
    for limit in range(5):
        assert ids(limit=limit) == ["early", "tie", "both", "late"][:limit]
    assert ids("2026-01-01T11:00:00Z") == ["early", "tie", "both"]
    assert ids(agent_id="x") == ids(resource_id="x") == []
    notifications.update_notification("t", "early", {"summary_at": None})
    assert ids() == ["tie", "both", "late"]


def test_an_update_dates_the_status(notifications: mc.NotificationsStorage) -> None:
    """Given values replace those before, None clears one, and other fields stay."""
    created = notifications.create_notification(given("a", attributes={"a": 1}, deliver_at=NOON, created_at=NOON))
    updated = notifications.update_notification(
        "t", "a", {"status": "dismissed", "attributes": {"b": 2}, "deliver_at": None, "delivery_attempts": 2}
    )
    assert updated == notifications.get_notification("t", "a")
    assert (updated.status, updated.attributes, updated.deliver_at) == ("dismissed", {"b": 2}, None)
    assert (updated.delivery_attempts, updated.summary) == (2, created.summary)
    assert updated.dismissed_at == updated.updated_at
    assert (updated.created_at, updated.seen_at) == (NOON, None)
    with pytest.raises(mc.NotFoundError, match="thread 'u' has no notification 'a'"):
        notifications.update_notification("u", "a", {"status": "seen"})


def test_the_status_of_many_is_set_in_order(notifications: mc.NotificationsStorage) -> None:
    """Each is returned once, and unknown ids are left out; also beyond what one transaction takes."""
    ids = [f"n{n}" for n in range(300)]
    for id in ids[:3]:
        notifications.create_notification(given(id))
    wanted = ["n2", *ids[3:], "n0", "n2"]
    changed = notifications.update_notifications_status("t", wanted, "archived")
    assert [found.id for found in changed] == ["n2", "n0"]
    assert all(found.archived_at == found.updated_at for found in changed)
    untouched = notifications.get_notification("t", "n1")
    assert untouched is not None
    assert untouched.status == "pending"
    assert notifications.update_notifications_status("t", [], "seen") == []


def test_notifications_go_with_their_thread_and_their_resource(deployment: mc.Deployment) -> None:
    store = mc.ConvexStore(deployment)
    for thread, owner in (("t", "ada"), ("u", "bob")):
        store.memory.save_thread(mc.Thread(id=thread, resource_id=owner))
    for id, fields in (("a", {}), ("b", {"thread_id": "u", "resource_id": "ada"}), ("c", {"thread_id": "u"})):
        store.notifications.create_notification(given(id, **fields))
    assert store.forget("ada") == {"mastra_threads": 1, "mastra_notifications": 2}
    assert [found.id for found in store.notifications.list_notifications("u")] == ["c"]
    store.memory.delete_thread("u")
    assert store.notifications.list_notifications("u") == []


def test_old_notifications_are_pruned(deployment: mc.Deployment) -> None:
    store = mc.ConvexStore(deployment)
    store.notifications.create_notification(given("old", created_at=NOON))
    store.notifications.create_notification(given("new"))
    days = (datetime.now(UTC) - NOON).days
    report = store.prune({"mastra_notifications": {"max_age": timedelta(days=days)}})
    assert report == {"mastra_notifications": 1}
    assert [found.id for found in store.notifications.list_notifications("t")] == ["new"]


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("create_notification", [{"thread_id": "t"}], "source and kind and summary missing"),
        ("create_notification", [given("a", priority="top")], "priority is 'top'; expected one of: low, medium"),
        ("list_notifications", ["t", {"status": ["odd"]}], "status is 'odd'; expected one of: pending"),
        ("list_notifications", ["t", {"limit": -1}], "limit -1; expected an integer from 0"),
        ("list_due_notifications", ["soon"], "now is 'soon'; expected a datetime"),
        ("update_notification", ["t", "a", {"thread_id": "u"}], "update has thread_id; expected status, summary"),
        ("update_notification", ["t", "a", {"summary": None}], "summary is None"),
        ("update_notifications_status", ["t", ["a"], "odd"], "status is 'odd'"),
    ],
)
def test_invalid_arguments_change_nothing(
    notifications: mc.NotificationsStorage, method: str, arguments: list[Any], message: str
) -> None:
    created = notifications.create_notification(given("a"))
    *positional, last = arguments
    options = last if method == "list_notifications" else {}
    with pytest.raises(mc.InvalidArgumentError, match=f"NotificationsStorage.{method}.*{message}"):
        getattr(notifications, method)(*positional, *([] if options else [last]), **options)
    assert notifications.list_notifications("t") == [created]
