# Generated from _async/change_by_filter.py by tools/unasync.py: edit that.
"""A change of the rows that match a filter: one transaction if Convex's limits allow it, else several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mastra_convex import _native
from mastra_convex._sync.batches import in_halves
from mastra_convex._sync.mastra_vector import Filter
from mastra_convex._sync.storage import Storage
from mastra_convex._rows import CALL_ROWS, batches, row_sizes
from mastra_convex.errors import InvalidArgumentError, WriteConflictError

# How often rows that others change meanwhile are looked at again.
MOST_ROUNDS = 100

# Rows' ``id`` and ``metadata``, as a filter saw them.
SeenRows = list[dict[str, Any]]


class ChangeByFilter:
    """A change by a filter, which must not be empty.

    A row may have changed since it was seen. The operation applies the filter to it, unless the filter has an operator
    that only clients have: then it returns the row's id, and the client looks at the row again.
    """

    def __init__(self, storage: Storage, place: str, table: str, dimension: int, filter: Filter) -> None:
        self._storage = storage
        self._place = place
        self._table = table
        self._dimension = dimension
        self._filter = filter

    def make(self, op: str, matching: Callable[[], SeenRows], **fields: object) -> None:
        """Change the rows by an operation on rows as they were seen. `matching` returns those that match now."""
        if not isinstance(self._filter, Mapping) or _native.matches_everything(self._filter):
            verb = "update" if op == "updateSeen" else "delete"
            raise InvalidArgumentError(
                f"{self._place}: cannot {verb} with empty filter {self._filter!r}",
                hint="truncate_index deletes all rows.",
            )
        text = _native.filter_text(self._filter)
        if text is not None:
            fields["filter"] = text
        seen = matching()
        for _ in range(MOST_ROUNDS):
            undecided: set[str] = set()

            def send(rows: SeenRows, undecided: set[str] = undecided) -> None:
                undecided.update(self._storage.call(op, self._table, place=self._place, rows=rows, **fields))

            for part in batches(self._sizes(seen), CALL_ROWS):
                in_halves(send, seen[part])
            if not undecided:
                return
            seen = [row for row in matching() if row["id"] in undecided]
        raise WriteConflictError(
            f"{self._place}: {len(seen)} rows that match the filter were changed by others each of {MOST_ROUNDS} times",
            hint="Call it again: rows that were changed already are as they should be.",
        )

    def _sizes(self, rows: SeenRows) -> list[int]:
        """The bytes of rows: of their metadata, and of vectors of the index's length, 9 a number."""
        ids, metadata = [row["id"] for row in rows], [row["metadata"] for row in rows]
        return [size + 9 * self._dimension for size in row_sizes(self._place, ids, metadata, 0)]
