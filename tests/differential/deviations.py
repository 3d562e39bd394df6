"""Differences between `convex-test` and Convex, which the sequences avoid.

Each has a reason, the steps that show it, and the outcome of the last step on each side: a value, or a part of the
error's message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mastra_convex import Int64

Json = dict[str, Any]


class Error(NamedTuple):
    """An error whose message has a text."""

    text: str


class Deviation(NamedTuple):
    """One way in which `convex-test` is wrong."""

    reason: str
    steps: list[Json]
    embedded: Any
    convex_test: Any


def insert(**fields: Any) -> Json:
    """A step that inserts a thing, `t`."""
    return {"op": "insert", "table": "things", "label": "t", "value": fields}


def collect(*filters: list[Any], table: str = "things", **more: Any) -> Json:
    """A step that reads a table's documents."""
    return {"op": "collect", "table": table, "filters": list(filters), **more}


def page(size: int, table: str = "things", **more: Any) -> Json:
    """A step that reads a page of a table's documents."""
    return {"op": "page", "table": table, "filters": [], "page": {"numItems": size, **more}}


def nested(levels: int) -> list[Any]:
    """Nested lists."""
    return [nested(levels - 1)] if levels else []


A = ["field", "a"]

DEVIATIONS = [
    Deviation(
        "filters compare by JavaScript's < and >, not in Convex's order",
        [insert(a="x"), collect(["gt", A, ["literal", 1.0]])],
        [{"_id": "@t", "a": "x"}],
        [],
    ),
    Deviation(
        "filters have no `neg`",
        [insert(a=1.0), collect(["lt", ["neg", A], ["literal", 0.0]])],
        [{"_id": "@t", "a": 1.0}],
        Error("not implemented"),
    ),
    Deviation(
        "conditions that aren't booleans count as true or false",
        [insert(a="x"), collect(["and", A])],
        Error("a filter's condition must be a boolean"),
        [{"_id": "@t", "a": "x"}],
    ),
    Deviation(
        "arithmetic takes any types",
        [insert(a="x"), collect(["eq", ["add", A, ["literal", "y"]], ["literal", "xy"]])],
        Error("a filter's arithmetic needs two numbers of one type"),
        [{"_id": "@t", "a": "x"}],
    ),
    Deviation(
        "integers don't overflow",
        [insert(a=Int64(2**63 - 1)), collect(["gt", ["add", A, ["literal", Int64(1)]], ["literal", Int64(0)]])],
        Error("integer overflow"),
        [{"_id": "@t", "a": Int64(2**63 - 1)}],
    ),
    Deviation(
        "equalities of a range must come in the order of the index's fields",
        [
            insert(a=1.0, b=2.0),
            collect(
                index="by_a_and_b",
                range=[{"type": "eq", "field": "b", "value": 2.0}, {"type": "eq", "field": "a", "value": 1.0}],
            ),
        ],
        [{"_id": "@t", "a": 1.0, "b": 2.0}],
        Error("Incorrect field used in `withIndex`"),
    ),
    Deviation(
        "a table that doesn't exist has an index by creation time",
        [collect(table="missing", index="by_creation_time", range=[])],
        Error("Index missing.by_creation_time not found."),
        [],
    ),
    Deviation(
        "a text that is no id finds nothing", [{"op": "get", "id": "no id"}], Error("Invalid argument `id`"), None
    ),
    Deviation(
        "null can be a document",
        [{"op": "misuse", "name": "insert null"}],
        Error("Invalid argument `value` for `db.insert`"),
        "00000000000000000000010000things",
    ),
    Deviation(
        "fields may begin with an underscore",
        [insert(_a=1.0), collect()],
        [],
        [{"_id": "@t", "_a": 1.0}],
    ),
    Deviation(
        "documents nest deeper than 16",
        [insert(a=nested(16)), collect()],
        [],
        [{"_id": "@t", "a": nested(16)}],
    ),
    Deviation(
        "to take away a field that the schema doesn't know is an error",
        [
            {
                "op": "insert",
                "table": "notes",
                "label": "n",
                "value": {"title": "", "rank": 0.0, "count": Int64(0), "done": True},
            },
            {"op": "patch", "id": "@n", "value": {}, "unset": ["other"]},
        ],
        None,
        Error("Unexpected field `other`"),
    ),
    Deviation(
        "records are not checked",
        [{"op": "arguments", "value": {"text": "", "record": {"a": "x"}}}],
        Error("ArgumentValidationError"),
        {"text": "", "record": {"a": "x"}},
    ),
    Deviation(
        "a full page knows that it is the last one",
        [insert(), page(1)],
        {"page": [{"_id": "@t"}], "isDone": False},
        {"page": [{"_id": "@t"}], "isDone": True},
    ),
    Deviation(
        "a page of no documents has one",
        [insert(), page(0)],
        Error("Must request at least 1 document"),
        {"page": [{"_id": "@t"}], "isDone": True},
    ),
    Deviation(
        "a mutation may read several pages",
        [insert(), {"op": "misuse", "name": "two pages"}],
        Error("ran multiple paginated queries"),
        [
            {"page": [{"_id": "@t"}], "isDone": True, "continueCursor": "_end_cursor"}
            | {"pageStatus": None, "splitCursor": None}
        ]
        * 2,
    ),
]
