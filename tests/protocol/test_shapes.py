"""Replies of an unexpected shape are errors of this package, in every method."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.peer import Peer, answer

REPLIES: list[Any] = [
    5,
    "text",
    None,
    [],
    [5],
    {},
    {"ok": 1},
    {"ok": True},
    {"ok": True, "result": 5},
    {"ok": True, "result": "text"},
    {"ok": True, "result": [5]},
    {"ok": True, "result": {}},
    {"ok": True, "result": {"rows": 5, "orderBy": {}, "total": "many"}, "hasMore": False},
    {"ok": True, "result": [], "hasMore": True},
    {"ok": False},
    {"ok": False, "error": 5},
    {"isDone": False, "page": 5},
    {"isDone": False, "page": [], "continueCursor": 5},
]

INDEX = mc.NativeIndex("docs_vectors", dimension=2)
METHODS: dict[str, Callable[[mc.Deployment], object]] = {
    "list_indexes": lambda db: mc.ConvexVector(db).list_indexes(),
    "create_index": lambda db: mc.ConvexVector(db).create_index("a", 2),
    "describe_index": lambda db: mc.ConvexVector(db).describe_index("a"),
    "query": lambda db: mc.ConvexVector(db).query("a", [1, 0]),
    "upsert": lambda db: mc.ConvexVector(db).upsert("a", [[1, 0]]),
    "native query": lambda db: mc.ConvexNativeVector(db, indexes={"a": INDEX}).query("a", [1, 0]),
    "native describe_index": lambda db: mc.ConvexNativeVector(
        db, indexes={"a": INDEX}, describe_count_limit=1
    ).describe_index("a"),
    "native upsert": lambda db: mc.ConvexNativeVector(db, indexes={"a": INDEX}).upsert("a", [[1, 0]]),
    "get_thread_by_id": lambda db: mc.ConvexStore(db).memory.get_thread_by_id("t"),
    "list_threads": lambda db: mc.ConvexStore(db).memory.list_threads(),
    "list_messages": lambda db: mc.ConvexStore(db).memory.list_messages("t"),
    "save_messages": lambda db: mc.ConvexStore(db).memory.save_messages([mc.Message(thread_id="t", content="Hi")]),
    "update_resource": lambda db: mc.ConvexStore(db).memory.update_resource("r", working_memory="x"),
    "get_observational_memory": lambda db: mc.ConvexStore(db).memory.get_observational_memory("t", "r"),
    "list_workflow_runs": lambda db: mc.ConvexStore(db).workflows.list_workflow_runs(),
    "get_run_ownership": lambda db: mc.ConvexStore(db).workflows.get_run_ownership("r"),
    "list_tasks": lambda db: mc.ConvexStore(db).background_tasks.list_tasks(),
    "list_schedules": lambda db: mc.ConvexStore(db).schedules.list_schedules(),
    "cache get": lambda db: mc.ConvexServerCache(db).get("k"),
    "cache increment": lambda db: mc.ConvexServerCache(db).increment("k"),
    "cache list_from_to": lambda db: mc.ConvexServerCache(db).list_from_to("k", 0),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", REPLIES, ids=json.dumps)
def test_a_reply_of_another_shape_is_an_error_of_this_package(method: str, value: Any) -> None:
    """A reply of an unexpected shape is an error of this package, or none if the method needs nothing more."""
    there = Peer(lambda connection, _, __: answer(connection, 200, {"status": "success", "value": value}))
    try:
        with mc.connect(there.url, retries=0, timeout=2) as db:
            METHODS[method](db)
    except mc.MastraConvexError:
        pass
    finally:
        there.close()


@pytest.mark.parametrize("value", [5, [], {}, {"ok": True, "result": [5]}, {"ok": False}], ids=json.dumps)
def test_it_is_a_protocol_error_that_shows_the_reply(value: Any) -> None:
    there = Peer(lambda connection, _, __: answer(connection, 200, {"status": "success", "value": value}))
    with mc.connect(there.url) as db, pytest.raises(mc.ProtocolError, match="expected") as caught:
        mc.ConvexStore(db).memory.get_thread_by_id("t")
    there.close()
    assert "mastra/storage:handle: load: the deployment replied" in str(caught.value)
