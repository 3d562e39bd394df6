"""The basis of all other checks: values, errors, limits, transactions, cursors, and each table with its columns."""

from __future__ import annotations

import math
from dataclasses import fields
from datetime import datetime
from typing import Any

import mastra_convex as mc
from mastra_convex._cli.conformance.check import LacksError, refused, same
from mastra_convex._cli.conformance.room import NOON, Room
from mastra_convex._cli.doctor import missing_operations
from mastra_convex._sync.raw_tables import TABLES
from mastra_convex.errors import (
    ApplicationError,
    ArgumentValidationError,
    FunctionError,
    FunctionNotFoundError,
    LimitExceededError,
    SchemaError,
    ThreadNotFoundError,
)
from mastra_convex.records._columns import from_row, to_row

WATCH_THREAD, WATCH_MESSAGES = "mastra/queries:watchThread", "mastra/queries:watchMessages"
MIB = 1 << 20

VALUES: dict[str, Any] = {
    "null": None,
    "booleans": [True, False],
    "zero": 0,
    "minus_zero": -0.0,
    "largest_whole": 2**53,
    "largest_number": 1.7976931348623157e308,
    "smallest_number": 5e-324,
    "infinities": [math.inf, -math.inf],
    "nan": math.nan,
    "int64_largest": mc.Int64(2**63 - 1),
    "int64_smallest": mc.Int64(-(2**63)),
    "bytes_all": bytes(range(256)),
    "text_unicode": "naïve é 中 \U0001f600 \uffff",
    "text_control": "\0\x01\t\r\n\x7f\u2028",
    "text_like_json": '{"$integer": "AQ=="}\\',
    "text_long": "ü" * 100_000,
    "array_mixed": [None, [], [1, [b"\1"]], {"a": -0.0}],
    "array_longest": [0.5] * 8192,
    "object_empty": {},
    "object_keys": {"with blank": 1, "a.b": 2, "constructor": 3, "9": 4},
}


def _exact(value: Any) -> Any:
    """A value so that only the very same is equal: 0 and -0 aren't, NaN is."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return type(value).__name__, value.hex() if isinstance(value, float) else value


def platform(room: Room) -> None:
    """The platform, through the storage function and documents of a table of ours."""
    check, storage, table, thread = room.check, room.storage, room.name("table"), room.thread()
    load = storage.load

    with check("functions.are_complete"):
        if room.deployed is None:
            raise LacksError("the functions of npm @mastra/convex are deployed")
        same(missing_operations(room.deployed), [])

    for name, value in VALUES.items():
        with check(f"values.{name}"):
            storage.call("insert", table, record={"id": name, "value": value})
            same(_exact((load(table, id=name) or {}).get("value")), _exact(value))

    errors: dict[str, tuple[type[mc.MastraConvexError], str, dict[str, Any]]] = {
        "unknown_function": (FunctionNotFoundError, "mastra/nothing:there", {}),
        "kind_of_function": (FunctionError, room.storage_function, {"op": "version", "tableName": table}),
        "argument_of_another_type": (ArgumentValidationError, WATCH_THREAD, {"threadId": 5}),
        "argument_missing": (ArgumentValidationError, WATCH_THREAD, {}),
        "argument_unknown": (ArgumentValidationError, WATCH_THREAD, {"threadId": thread.id, "other": 1}),
    }
    for name, (kind, path, args) in errors.items():
        with check(f"errors.{name}"), refused(kind):
            room.functions.call("query", path, args)
    with check("errors.thrown_data"):
        try:
            data = room.functions.call("query", WATCH_MESSAGES, {"threadId": thread.id, "last": 1, "limit": 1})
        except ApplicationError as error:
            data = error.data
        same(data, {"code": "InvalidArgument", "message": "last: 1 and limit: 1; expected one of them"})
    with check("errors.unknown_operation"):
        request = {"op": "nothing", "tableName": "mastra_threads"}
        reply = room.functions.call("mutation", room.functions.path(room.storage_function), request)
        same((reply["ok"], reply["error"]), (False, "Unsupported operation nothing"))
    with check("errors.schema"):
        with refused(SchemaError):
            storage.call("insert", "mastra_resources", record={"id": thread.resource_id, "workingMemory": 5})
        same(load("mastra_resources", id=thread.resource_id), None)
    with check("errors.broken_cursor"), refused(FunctionError):
        storage.call("queryTable", "mastra_resources", pageSize=2, cursor="nothing of ours")

    deep: dict[str, Any] = {}
    for _ in range(16):
        deep = {"a": deep}
    for name, kind, value in (
        ("document_size", LimitExceededError, "x" * MIB),
        ("document_nesting", FunctionError, deep),
    ):
        with check(f"limits.{name}"):
            with refused(kind):
                storage.call("insert", table, record={"id": "beyond", "value": value})
            same(load(table, id="beyond"), None)
    with check("limits.document_just_below"):
        storage.call("insert", table, record={"id": "below", "value": "x" * (MIB - 1000)})
        same(len((load(table, id="below") or {}).get("value", "")), MIB - 1000)
    with check("limits.ids_of_a_load"), refused(FunctionError):
        storage.call("loadMany", "mastra_resources", ids=[f"{n}" for n in range(11)])

    with check("transactions.batch_is_whole"):
        ids = [room.name("mastra_resources") for _ in range(2)]
        good, bad = {"createdAt": "2026", "updatedAt": "2026"}, {"createdAt": 1}
        with refused(SchemaError):
            storage.call("batchInsert", "mastra_resources", records=[{"id": ids[0], **good}, {"id": ids[1], **bad}])
        same(storage.load_many("mastra_resources", ids), [])
    with check("transactions.refusal_writes_nothing"):
        messages = [{"id": f"{thread.id}-{n}", "thread_id": id} for n, id in enumerate((thread.id, room.prefix))]
        with refused(ThreadNotFoundError, "ThreadNotFound"):
            room.memory.save_messages(messages)
        same(room.memory.list_messages(thread.id).total, 0)

    rows, ids = room.name("table"), [f"{n}" for n in range(7)]
    storage.call("batchInsert", rows, records=[{"id": id} for id in ids])
    with check("pages.follow_each_other"):
        found = [[row["id"] for row in page] for page in storage.pages(rows, page_size=3)]
        same([id for page in found for id in page], ids)
    with check("pages.survive_writes"):
        pages = storage.pages(rows, page_size=2)
        seen = [row["id"] for row in next(pages)]
        storage.call("deleteMany", rows, ids=ids[:3])
        storage.call("insert", rows, record={"id": "later"})
        same(seen + [row["id"] for page in pages for row in page], [*ids[:2], *ids[3:], "later"])


ODD = {"$schema": {"ключ": [1, None, "é"], "": True}}
CHUNK = mc.ObservationChunk(id="c", cycle_id="cycle", observations="seen", created_at=NOON)
# A value that isn't the default, by the type of a record's field.
SAMPLES: dict[Any, Any] = {
    str: "text",
    bool: True,
    int: 7,
    float: 1234.5,
    datetime: NOON,
    Any: ODD,
    dict[str, Any]: ODD,
    list[str]: ["a", "é"],
    list[mc.ObservationChunk]: [CHUNK],
}
SAMPLES |= {kind | None: value for kind, value in SAMPLES.items() if kind is not Any}
# Fields that admit some values only.
CHOSEN = {
    "role": "assistant",
    "cron": "*/5 * * * *",
    "timezone": "Europe/Berlin",
    "target": {"type": "workflow", "workflowId": "w"},
    "content": {"format": 2, "parts": [{"type": "text", "text": "é"}], "metadata": ODD},
}
# Columns that name a row together; of these its id is made.
NAMES = (("workflow_name", "run_id"), ("traceId", "spanId"), ("threadId", "type"))


def _inserted(table: str, kind: Any, room: Room) -> tuple[str, Any]:
    """A row of ours with all columns: its id, and its record."""
    id = room.name(table)
    given = {field.name: CHOSEN.get(field.name, SAMPLES.get(field.type)) for field in fields(kind)}
    given |= {name: id for name in ("id", "platform") if name in given}
    row = to_row(table, kind, {name: value for name, value in given.items() if value is not None})
    for first, second in NAMES:
        if {first, second} <= row.keys():
            row |= {first: id, second: "1"}
    if table == "mastra_observational_memory":
        row["lookupKey"] = f"thread:{id}"
    room.storage.call("insert", table, record={"id": id, **row})
    return id, from_row(kind, row)


def tables(room: Room) -> None:
    """Every table of records: all columns, pages, counts and deletes."""
    storage = room.storage
    for table, kind in TABLES.items():
        name = table.removeprefix("mastra_")
        with room.check(f"{name}.every_column"):
            id, record = _inserted(table, kind, room)
            row = storage.load(table, id=id)
            same(row and as_dict(from_row(kind, row)), as_dict(record))
        with room.check(f"{name}.pages"):
            ids = [_inserted(table, kind, room)[0] for _ in range(3)]
            found = [row["id"] for row in storage.rows(table, {"id": ids}, page_size=2)]
            same((found, storage.count(table, {"id": ids})), (ids, 3))
            storage.call("deleteMany", table, ids=[*ids[:2], "unknown"])
            same([row["id"] for row in storage.load_many(table, ids)], ids[2:])


def as_dict(record: Any) -> dict[str, Any]:
    """The fields of a record; its repr leaves out defaults."""
    return {field.name: getattr(record, field.name) for field in fields(record)}
