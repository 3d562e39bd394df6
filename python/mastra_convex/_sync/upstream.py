# Generated from _async/upstream.py by tools/unasync.py: edit that.
"""Newer operations over the functions of npm ``@mastra/convex``, made of the operations those have.

Each takes what the operation of this package's functions takes, and replies as it does. But it is several transactions,
and lists end where one read of those functions does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mastra_convex.errors import LimitExceededError, ThreadNotFoundError
from mastra_convex.records._columns import now
from mastra_convex.types import iso_text

Row = dict[str, Any]
Send = Callable[[str, str, Row], Row]

# What those functions read at most, without saying that there is more.
MOST_ROWS = 10_000


def query_table(send: Send, table: str, request: Row) -> Row:
    """All rows at once: of filters and orders those functions know equality alone."""
    filters = request.get("filters", [])
    equal = [condition for condition in filters if "value" in condition]
    rows: list[Row] = (send("queryTable", table, {"filters": equal}))["result"]
    if len(rows) >= MOST_ROWS:
        raise LimitExceededError(
            f"{table}: npm @mastra/convex's functions read {MOST_ROWS} rows at most, and there may be more",
            hint="This package's functions have no such bound: deploy them, see `mastra-convex init`.",
        )
    order = request.get("orderBy")
    conditions = [condition for condition in filters if "value" not in condition]
    rows = [row for row in rows if all(_satisfies(row, condition) for condition in [*conditions, order or {}])]
    if order is not None:
        rows.sort(key=lambda row: (row[order["field"]], row["_creationTime"]), reverse=order["order"] == "desc")
    return {"result": rows, "hasMore": False}


def _satisfies(row: Row, condition: Row) -> bool:
    value = row.get(condition.get("field", ""))
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
    part = {"rows": rows[request["offset"] : end], "total": len(rows), "order": request["orderBy"]["order"]}
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
            raise ThreadNotFoundError(f"saveMessages: Thread {thread_id} not found", details={"threadId": thread_id})
        owners[thread_id] = thread["resourceId"]
    owned = [{"resourceId": owners[record["thread_id"]], **record} for record in records]
    send("batchInsert", table, {"records": owned})
    _touch(send, owners)
    return {"result": [record["resourceId"] for record in owned]}


def delete_messages(send: Send, table: str, request: Row) -> Row:
    """Delete messages, then touch their threads."""
    ids = request["ids"]
    rows: list[Row] = []
    for begin in range(0, len(ids), 10):
        rows += (send("loadMany", table, {"ids": ids[begin : begin + 10]}))["result"]
    send("deleteMany", table, {"ids": ids})
    _touch(send, {row["thread_id"]: None for row in rows})
    return {}


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


OPERATIONS: dict[str, Callable[[Send, str, Row], Row]] = {
    "count": count,
    "deleteMessages": delete_messages,
    "deleteThread": delete_thread,
    "omInitialize": om_initialize,
    "queryPage": query_page,
    "queryTable": query_table,
    "saveMessages": save_messages,
}
