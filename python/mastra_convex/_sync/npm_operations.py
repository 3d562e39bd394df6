# Generated from _async/npm_operations.py by tools/unasync.py: edit that.
"""Operations that the functions of npm ``@mastra/convex`` lack, made of those that they have.

Each takes the arguments of this package's operation and gives its reply; a reply without ``ok`` is a success. But each
is several transactions, and lists end at the limit of a single read of npm's functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mastra_convex._rows import FORMS, from_bytes, vector_bytes
from mastra_convex.records._values import now, parsed
from mastra_convex.types import iso_text

Row = dict[str, Any]
Send = Callable[[str, str, Row], Row]


def query_table(send: Send, table: str, request: Row) -> Row:
    """All rows at once. Of filters and orders, npm's functions support only equality.

    They read 10,000 rows and don't report further ones, and Convex refuses to return lists of more than 8192.
    """
    filters = request.get("filters", [])
    derived = DERIVED.get(table, {})
    equal = [condition for condition in filters if "value" in condition and condition["field"] not in derived]
    rows: list[Row] = (send("queryTable", table, {"filters": equal}))["result"]
    rows = [row | {column: derive(row) for column, derive in derived.items()} for row in rows]
    order = request.get("orderBy")
    conditions = [condition for condition in filters if condition not in equal]
    rows = [row for row in rows if all(_satisfies(row, condition) for condition in [*conditions, order or {}])]
    if order is not None:
        rows.sort(key=lambda row: _rank(row, order["field"]), reverse=order["order"] == "desc")
    return {"result": rows, "hasMore": False}


def _rank(row: Row, column: str) -> tuple[bool, Any, float]:
    """The sort key of Convex's order: rows without a value first, and equal values in stored order."""
    value = row.get(column)
    return value is not None, value if value is not None else 0, row.get("_creationTime", 0)


def _satisfies(row: Row, condition: Row) -> bool:
    value = row.get(condition.get("field", ""))
    if "value" in condition:
        return bool(value == condition["value"])
    if "values" in condition:
        return value in condition["values"]
    bounds: dict[str, Callable[[Any, Any], bool]] = {
        "gt": lambda a, b: bool(a > b),
        "gte": lambda a, b: bool(a >= b),
        "lt": lambda a, b: bool(a < b),
        "lte": lambda a, b: bool(a <= b),
    }
    return all(
        value is not None and compare(value, condition[name]) for name, compare in bounds.items() if name in condition
    )


def query_page(send: Send, table: str, request: Row) -> Row:
    """A part of the rows."""
    rows = (query_table(send, table, request))["result"]
    end = request["offset"] + request["limit"]
    part = {"rows": rows[request["offset"] : end], "total": len(rows), "orderBy": request["orderBy"]}
    return {"result": part, "hasMore": False}


def count(send: Send, table: str, request: Row) -> Row:
    """The number of the rows."""
    return {"result": len((query_table(send, table, request))["result"]), "hasMore": False}


def save_messages(send: Send, table: str, request: Row) -> Row:
    """Insert messages of threads that exist, then touch those."""
    records = request["records"]
    owners = {}
    for thread_id in {record["thread_id"] for record in records}:
        thread = (send("load", "mastra_threads", {"keys": {"id": thread_id}}))["result"]
        if thread is None:
            error, details = f"Thread {thread_id} not found", {"threadId": thread_id}
            return {"ok": False, "code": "ThreadNotFound", "error": error, "details": details}
        owners[thread_id] = thread["resourceId"]
    owned = [{"resourceId": owners[record["thread_id"]], **record} for record in records]
    dates = {row["id"]: row["createdAt"] for row in _load_many(send, table, request.get("undated", []))}
    for record in owned:
        record["createdAt"] = dates.get(record["id"], record["createdAt"])
    send("batchInsert", table, {"records": owned})
    _touch(send, owners)
    return {"result": [{name: record[name] for name in ("resourceId", "createdAt")} for record in owned]}


def delete_messages(send: Send, table: str, request: Row) -> Row:
    """Delete messages, then touch their threads."""
    ids = request["ids"]
    rows = _load_many(send, table, ids)
    send("deleteMany", table, {"ids": ids})
    _touch(send, {row["thread_id"]: None for row in rows})
    return {}


def _load_many(send: Send, table: str, ids: list[str]) -> list[Row]:
    """The rows that exist among ids, as many a call as the function takes."""
    rows: list[Row] = []
    for begin in range(0, len(ids), 10):
        rows += (send("loadMany", table, {"ids": ids[begin : begin + 10]}))["result"]
    return rows


def _touch(send: Send, thread_ids: dict[str, Any]) -> None:
    for thread_id in thread_ids:
        send("patch", "mastra_threads", {"id": thread_id, "record": {"updatedAt": iso_text(now())}})


def delete_thread(send: Send, table: str, request: Row) -> Row:
    """Delete what belongs to a thread, then itself."""
    id = request["id"]
    for belongings, column, value in (
        ("mastra_messages", "thread_id", id),
        ("mastra_observational_memory", "lookupKey", f"thread:{id}"),
    ):
        rows = query_table(send, belongings, {"filters": [{"field": column, "value": value}]})
        send("deleteMany", belongings, {"ids": [row["id"] for row in rows["result"]]})
    send("deleteMany", table, {"ids": [id]})
    return {"hasMore": False}


def om_initialize(send: Send, table: str, request: Row) -> Row:
    """Insert a record, unless its key has one."""
    latest = {"lookupKey": request["record"]["lookupKey"]}
    if (send("omGetLatest", table, latest))["result"] is None:
        send("insert", table, request)
    return send("omGetLatest", table, latest)


def create_task(send: Send, table: str, request: Row) -> Row:
    """Insert a task, unless its id is taken. Npm's functions have no owners of tasks."""
    task = {name: value for name, value in request["record"].items() if value is not None or name not in OWNERSHIP}
    if (send("load", table, {"keys": {"id": task["id"]}}))["result"] is not None:
        error = f'Background task with id "{task["id"]}" already exists'
        return {"ok": False, "code": "AlreadyExists", "error": error}
    return send("insert", table, {"record": task})


def create_vector_index(send: Send, table: str, request: Row) -> Row:
    """Insert an index, unless its name is taken."""
    keys = {"keys": {"id": request["record"]["id"]}}
    if (send("load", table, keys))["result"] is None:
        send("insert", table, request)
    return send("load", table, keys)


def update_vectors(send: Send, table: str, request: Row) -> Row:
    """Write rows again, with another embedding, metadata merged into theirs, or both."""
    ids, updated = request["ids"], []
    for begin in range(0, len(ids), 10):
        rows = (send("loadMany", table, {"ids": ids[begin : begin + 10]}))["result"]
        records = [
            {"id": row["id"], "embedding": request.get("embedding", row["embedding"])}
            | {"metadata": (row.get("metadata") or {}) | (request.get("metadata") or {})}
            for row in rows
        ]
        send("batchInsert", table, {"records": records})
        updated += [record["id"] for record in records]
    return {"result": updated}


def query_vectors(send: Send, table: str, request: Row) -> Row:
    """All rows at once, with their vectors in bytes."""
    rows = (query_table(send, table, request))["result"]
    found = [row | vector_bytes(np.array([row["embedding"]], np.float64))[0] for row in rows]
    return {"result": found, "hasMore": False}


def upsert_vectors(send: Send, table: str, request: Row) -> Row:
    """Insert rows with their numbers as they are, not in bytes."""
    records = []
    for record in request["records"]:
        rest = {name: value for name, value in record.items() if name not in FORMS}
        records.append(rest | {"embedding": from_bytes(record)})
    return send("batchInsert", table, {"records": records})


def delete_state(send: Send, table: str, request: Row) -> Row:
    """Delete the state, if there is one."""
    row = (send("load", table, {"keys": request}))["result"]
    return {} if row is None else send("deleteMany", table, {"ids": [row["id"]]})


def update_seen(send: Send, table: str, request: Row) -> Row:
    """Update rows by their ids, also where they have changed since."""
    ids = [row["id"] for row in request["rows"]]
    update_vectors(send, table, {"ids": ids, "metadata": request["metadata"]})
    return {"result": []}


def delete_seen(send: Send, table: str, request: Row) -> Row:
    """Delete rows by their ids, also where they have changed since."""
    send("deleteMany", table, {"ids": [row["id"] for row in request["rows"]]})
    return {"result": []}


def delete_vector_index(send: Send, table: str, request: Row) -> Row:
    """Delete the rows of an index, then the index, then the rows that were written in between."""
    rows = f"mastra_vector_{request['id']}"
    while (send("clearTable", rows, {})).get("hasMore"):
        pass
    send("deleteMany", table, {"ids": [request["id"]]})
    while (send("clearTable", rows, {})).get("hasMore"):
        pass
    return {"hasMore": False}


def delete_tasks(send: Send, table: str, request: Row) -> Row:
    """Delete tasks by their ids, also where they have changed since."""
    return send("deleteMany", table, {"ids": request["ids"]})


def list_legacy_tasks(send: Send, table: str, request: Row) -> Row:
    """No tasks: npm's functions list them among the others."""
    return {"result": {"tasks": [], "exist": False}, "hasMore": False}


def fill_status(send: Send, table: str, request: Row) -> Row:
    """Do nothing: a run's status is read from its snapshot."""
    return {"hasMore": False}


def delete_workflow_run(send: Send, table: str, request: Row) -> Row:
    """Delete a run by the id of its row."""
    return send("deleteMany", table, {"ids": [f"{request['workflowName']}-{request['runId']}"]})


def delete_schedule(send: Send, table: str, request: Row) -> Row:
    """Delete the triggers of a schedule, then itself."""
    triggers = {"scheduleId": request["id"]}
    while (send("deleteScheduleTriggers", "mastra_schedule_triggers", triggers)).get("hasMore"):
        pass
    return send("deleteMany", table, {"ids": [request["id"]]})


# Columns that npm's schema lacks.
OWNERSHIP = ("owner_id", "leaseExpiresAt")

# Columns that this package's functions derive from others.
DERIVED: dict[str, dict[str, Callable[[Row], Any]]] = {
    "mastra_workflow_snapshot": {"status": lambda row: (parsed(row["snapshot"]) or {}).get("status")},
}

OPERATIONS: dict[str, Callable[[Send, str, Row], Row]] = {
    "count": count,
    "createTask": create_task,
    "createVectorIndex": create_vector_index,
    "deleteMessages": delete_messages,
    "deleteSchedule": delete_schedule,
    "deleteSeen": delete_seen,
    "deleteState": delete_state,
    "deleteTasks": delete_tasks,
    "deleteThread": delete_thread,
    "deleteVectorIndex": delete_vector_index,
    "deleteWorkflowRun": delete_workflow_run,
    "fillStatus": fill_status,
    "listLegacyTasks": list_legacy_tasks,
    "omInitialize": om_initialize,
    "queryPage": query_page,
    "queryTable": query_table,
    "queryVectors": query_vectors,
    "saveMessages": save_messages,
    "updateSeen": update_seen,
    "updateVectors": update_vectors,
    "upsertVectors": upsert_vectors,
}
