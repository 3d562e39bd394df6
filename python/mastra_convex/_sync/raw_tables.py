# Generated from _async/raw_tables.py by tools/unasync.py: edit that.
"""The first release's access to tables by name, and to rows by columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mastra_convex._arguments import as_items, key_text
from mastra_convex._sync.client import Client
from mastra_convex._sync.storage import Row
from mastra_convex._sync.store.domains import all_domains
from mastra_convex._sync.store.store import ConvexStore
from mastra_convex._json import to_json
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import columns_of
from mastra_convex.records._values import new_id

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# The record that each table of a store keeps. A table that isn't here keeps any columns.
TABLES: dict[str, type[DataclassInstance]] = {
    table: record for domain in all_domains().values() for table, record in domain._TABLES.items() if record is not None
}

# Columns that Convex adds to each row.
SYSTEM_FIELDS = ("_id", "_creationTime")


class RawTables(Client):
    """Rows as they are stored: mappings of columns to values, checked by the schema only."""

    store: ConvexStore

    def insert(self, table_name: str, record: Mapping[str, Any]) -> None:
        """Insert a row, or update the one with its id.

        Parameters
        ----------
        table_name : str
            Mastra's name, such as ``"mastra_threads"``. A table with another name takes rows with any columns.
        record : mapping
            Values by column. Datetimes become ISO text; a missing ``id`` becomes a random one.
        """
        row = _row("ConvexStorage.insert: record", record)
        self.store._storage.call("insert", key_text("ConvexStorage.insert: table_name", table_name), record=row)

    def batch_insert(self, table_name: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or update those with the same ids, in one transaction."""
        place = "ConvexStorage.batch_insert"
        rows = [
            _row(f"{place}: records[{n}]", record) for n, record in enumerate(as_items(f"{place}: records", records))
        ]
        self.store._storage.call("batchInsert", key_text(f"{place}: table_name", table_name), records=rows)

    def load(self, table_name: str, keys: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the first row whose columns equal these, or None."""
        place = "ConvexStorage.load"
        wanted = _json(f"{place}: keys", keys)
        row = self.store._storage.load(key_text(f"{place}: table_name", table_name), **wanted)
        return None if row is None else {name: value for name, value in row.items() if name not in SYSTEM_FIELDS}

    def create_table(self, table_name: str, schema: object = None) -> None:
        """Do nothing: the deployed schema creates the tables."""

    def alter_table(self, table_name: str, schema: object = None, if_not_exists: Sequence[str] = ()) -> None:
        """Do nothing: the deployed schema creates the columns."""

    def ensure_tables(self) -> None:
        """Check that the functions, and so the tables, are deployed. Raises a `FunctionNotFoundError` if they
        aren't.
        """
        self.store.init()

    def get_table_columns(self, table_name: str) -> list[str]:
        """Return the columns that this package writes in a table; none for an unknown table."""
        kind = TABLES.get(key_text("ConvexStorage.get_table_columns: table_name", table_name))
        return [] if kind is None else [column.name for column in columns_of(kind).values()]

    def clear_table(self, table_name: str) -> None:
        """Delete every row of a table, 25 per transaction."""
        self.store.clear(table_name)

    def clear_all_tables(self) -> None:
        """Delete every row of all tables of a store."""
        for table_name in TABLES:
            self.store.clear(table_name)

    def drop_all_tables(self) -> None:
        """Do the same as `clear_all_tables`; the deployed schema keeps the tables."""
        self.clear_all_tables()


def _row(place: str, record: Mapping[str, Any]) -> Row:
    row = _json(place, record)
    # These identify the row of a run, whatever its id is.
    is_named = row.get("id") or (row.get("workflow_name") and row.get("run_id"))
    return row if is_named else {**row, "id": new_id()}


def _json(place: str, given: Mapping[str, Any]) -> Row:
    """A mapping whose values are JSON."""
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a mapping of columns to values")
    row: Row = json.loads(to_json(place, dict(given)))
    return row
