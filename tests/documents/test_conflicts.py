"""Operations on different records don't conflict on Convex, and `docs/conflicts.md` lists those that do."""

from __future__ import annotations

import pytest

from tests.documents.conflicts import (
    CACHE,
    CLAIMS,
    MEETINGS,
    OPERATIONS,
    STORAGE,
    VECTORS,
    WHOLE,
    Meeting,
    Operation,
    conflicts,
    deployment,
)
from tests.support.checkout import ROOT


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_operations_on_different_records_do_not_conflict(operation: Operation) -> None:
    """Neither of two mutations that begin at one snapshot reads an index range that the other one writes into."""
    assert [str(other) for other in conflicts(operation)] == []


@pytest.mark.parametrize("meeting", MEETINGS.values(), ids=MEETINGS)
def test_operations_meet_at_one_record_as_the_page_says(meeting: Meeting) -> None:
    """Two operations that change one record conflict."""
    assert meeting.happens()


def test_every_operation_that_writes_is_compared() -> None:
    """Each writing operation that the functions name is compared, or reads whole tables by its nature."""
    version = deployment().call("mutation", STORAGE, {"op": "version", "tableName": ""})["result"]
    tables = {"mastra_workflow_snapshots": "mastra_workflow_snapshot", "vectors": VECTORS, "claims": CLAIMS}
    tables["documents"] = "mastra_traces"
    compared = {(operation.table, operation.name.split(",")[0]) for operation in OPERATIONS}
    documents = set(version["operations"]["documents"])
    missing = {
        (tables.get(table, table), name)
        for table, names in version["operations"].items()
        for name in names
        if name not in {*version["reads"], *WHOLE} and not (table == "claims" and name in documents)
    } - compared
    assert missing == set()


def test_a_conflict_is_found() -> None:
    """A write into a range that was read conflicts; reads alone don't."""
    native = deployment()
    insert = {"op": "insert", "tableName": "mastra_traces", "record": {"id": "another"}}
    listing = {"op": "queryTable", "tableName": "mastra_traces"}
    written = native.footprint(STORAGE, insert)
    read = native.footprint(STORAGE, listing)
    assert written.conflicts_with(read)
    assert read.conflicts_with(written)
    assert not read.conflicts_with(read)
    assert not written.conflicts_with(native.footprint(CACHE, {"op": "get", "key": "p:v1"}))
    # A footprint writes nothing.
    assert (
        native.call("mutation", STORAGE, {"op": "load", "tableName": "mastra_traces", "keys": {"id": "another"}})[
            "result"
        ]
        is None
    )


def test_the_page_names_every_operation() -> None:
    """The page lists the compared operations and the meetings."""
    page = (ROOT / "docs/conflicts.md").read_text()
    assert [str(operation) for operation in OPERATIONS if f"`{operation.name}`" not in page] == []
    assert [name for name in MEETINGS if name not in page] == []
