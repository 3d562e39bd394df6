# Generated from _async/test_harness.py by tools/unasync.py: edit that.
"""Sessions of a harness, and what they wait for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def harness(deployment: mc.Deployment) -> mc.HarnessStorage:
    return mc.ConvexStore(deployment).harness


def session(id: str, **fields: Any) -> dict[str, Any]:
    needed = {"owner_id": "o", "resource_id": "ada", "thread_id": "t", "mode_id": "build", "model_id": "m"}
    return {"id": id, **needed, **fields}


def test_a_session_comes_back_as_it_was_saved(harness: mc.HarnessStorage) -> None:
    """Missing fields are filled in. Saving again replaces the session as a whole."""
    pending: list[Any] = [{"id": "p", "kind": "question", "payload": {"$q": "Why?"}}]
    given = mc.HarnessSession(**session("s", state={"$s": 1}, title="x", pending=pending, closing_at=NOON))
    saved = harness.save_session(given)
    assert saved == harness.load_session("s")
    assert (saved.state, saved.origin, saved.closing_at) == ({"$s": 1}, "top-level", NOON)
    [item] = saved.pending
    assert (item.session_id, item.status, item.payload, item.response) == ("s", "pending", {"$q": "Why?"}, None)
    again = harness.save_session(session("s", created_at=NOON))
    assert again == harness.load_session("s")
    assert (again.state, again.title, again.pending, again.created_at) == (None, None, [], NOON)
    assert harness.load_session("none") is None


def test_sessions_are_listed_in_stored_order(harness: mc.HarnessStorage) -> None:
    for id in ("b", "a", "c"):
        harness.save_session(session(id))
    harness.update_session("b", {"title": "x"})
    assert [found.id for found in harness.list_sessions()] == ["b", "a", "c"]


def test_an_update_is_an_activity(harness: mc.HarnessStorage) -> None:
    """Other fields stay. The id and the time of creation can't change."""
    harness.save_session(session("s", title="x", created_at=NOON, last_activity_at=NOON))
    updated = harness.update_session("s", {"mode_id": "plan", "title": None, "metadata": {"$m": 1}})
    assert updated == harness.load_session("s")
    assert (updated.mode_id, updated.title, updated.metadata, updated.created_at) == ("plan", None, {"$m": 1}, NOON)
    assert updated.last_activity_at > NOON
    assert (harness.update_session("s", {"last_activity_at": NOON + HOUR})).last_activity_at == NOON + HOUR
    with pytest.raises(mc.InvalidArgumentError, match="updates has created_at, which can't change"):
        harness.update_session("s", {"created_at": NOON})


def test_items_are_appended_updated_and_removed(harness: mc.HarnessStorage) -> None:
    """Each is an activity of the session. Keys that Convex refuses are kept."""
    harness.save_session(session("s", last_activity_at=NOON))
    harness.append_pending_item("s", {"id": "a", "kind": "question", "created_at": NOON, "updated_at": NOON})
    appended = harness.append_pending_item("s", mc.HarnessPendingItem(id="b", kind="tool-approval", run_id="r"))
    assert [(item.id, item.session_id) for item in appended.pending] == [("a", "s"), ("b", "s")]
    assert appended.last_activity_at > NOON
    updates = {"status": "responded", "response": {"$answer": [1]}}
    updated = harness.update_pending_item("s", "a", updates)
    first, second = updated.pending
    assert (first.status, first.response, first.created_at) == ("responded", {"$answer": [1]}, NOON)
    assert first.updated_at > NOON
    assert second == appended.pending[1]
    removed = harness.remove_pending_item("s", "a")
    assert removed.pending == [second]
    assert (harness.remove_pending_item("s", "a")).pending == [second]
    assert (harness.load_session("s")) is not None


def test_missing_sessions_and_items_are_errors(harness: mc.HarnessStorage) -> None:
    """They are named, and nothing changes."""
    harness.save_session(session("s"))
    saved = harness.append_pending_item("s", {"id": "a", "kind": "question"})
    with pytest.raises(mc.NotFoundError, match='update_session: Harness session "none" was not found'):
        harness.update_session("none", {})
    with pytest.raises(mc.NotFoundError, match='Harness session "none" was not found'):
        harness.append_pending_item("none", {"kind": "question"})
    with pytest.raises(mc.NotFoundError, match='pending item "x" was not found on session "s"'):
        harness.update_pending_item("s", "x", {"status": "failed"})
    with pytest.raises(mc.AlreadyExistsError, match='pending item "a" already exists on session "s"'):
        harness.append_pending_item("s", {"id": "a", "kind": "question"})
    with pytest.raises(mc.InvalidArgumentError, match="update_pending_item: updates has id, which can't change"):
        harness.update_pending_item("s", "a", {"id": "b"})
    with pytest.raises(mc.InvalidArgumentError, match="append_pending_item: item: kind is 'odd'; expected one of"):
        harness.append_pending_item("s", {"kind": "odd"})
    with pytest.raises(mc.InvalidArgumentError, match=r"save_session: session: pending\[0\]: kind missing"):
        harness.save_session(session("t", pending=[{}]))
    assert harness.list_sessions() == [saved]


def test_sessions_are_forgotten_and_pruned(deployment: mc.Deployment) -> None:
    """With their resource, or when their last activity is long ago."""
    store = mc.ConvexStore(deployment)
    for id, fields in (("a", {}), ("b", {"resource_id": "bob"}), ("c", {"last_activity_at": NOON})):
        store.harness.save_session(session(id, **fields))
    days = (datetime.now(UTC) - NOON).days
    report = store.prune({"mastra_harness_sessions": {"max_age": timedelta(days=days)}})
    assert report == {"mastra_harness_sessions": 1}
    assert store.forget("ada") == {"mastra_harness_sessions": 1}
    assert [found.id for found in store.harness.list_sessions()] == ["b"]
