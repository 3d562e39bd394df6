# Generated from _async/store/erasure.py by tools/unasync.py: edit that.
"""Erasing: all that belongs to a resource, and the rows of a table that are older than a policy allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from mastra_convex._arguments import as_integer
from mastra_convex._sync._call import pause
from mastra_convex._sync.storage import Storage
from mastra_convex._sync.vector import ConvexVector
from mastra_convex.errors import InvalidArgumentError, LimitExceededError
from mastra_convex.records.erasure import DeletionReport, as_duration

Progress = Callable[[DeletionReport], object]
Policies = Mapping[str, Mapping[str, Any]]

RESOURCES = "mastra_resources"

# The most rows that one call deletes.
BATCH_ROWS = 1000

# Of a policy.
FIELDS = {"max_age", "batch_size"}


def forget(
    storage: Storage, vectors: ConvexVector, resource_id: str, progress: Progress | None
) -> DeletionReport:
    """Delete all of a resource, the vectors that name it first: their filter needs no other row."""
    report = DeletionReport()
    for index in vectors.list_indexes():
        named = {"$or": [{"resource_id": resource_id}, {"resourceId": resource_id}]}
        count = vectors.count(index, named)
        if count:
            vectors.delete_vectors(index, filter=named)
            _add(report, {"mastra_vectors": count}, progress)
    has_more = True
    while has_more:
        reply = storage.reply("forgetResource", RESOURCES, id=resource_id)
        # Older functions don't count.
        _add(report, reply.get("result") or {}, progress)
        has_more = reply.get("hasMore", False)
    return report


def prune(
    place: str,
    storage: Storage,
    policies: Policies,
    max_rows: int | None,
    seconds: float,
    progress: Progress | None,
) -> DeletionReport:
    """Delete the rows of each table that are older than its policy allows."""
    checked = [_checked(f"{place}: policies[{table!r}]", table, policy) for table, policy in policies.items()]
    _check_tables(place, storage, [table for table, _, _ in checked])
    now = datetime.now(UTC)
    report = DeletionReport()
    for table, max_age, batch_size in checked:
        before = (now - max_age).timestamp() * 1000
        left, limit, has_more = max_rows, batch_size, True
        while has_more:
            if left is not None and left <= 0:
                report.is_complete = False
                break
            limit = limit if left is None else min(limit, left)
            began = monotonic()
            try:
                reply = storage.reply("prune", table, place=place, before=before, limit=limit)
            except LimitExceededError:
                if limit == 1:
                    raise
                # Only the deployment knows how large the rows are.
                limit = -(-limit // 2)
                continue
            deleted = reply["result"]
            _add(report, deleted, progress)
            left = None if left is None else left - sum(deleted.values())
            has_more = reply["hasMore"]
            if has_more and seconds:
                pause(max(0.0, seconds - (monotonic() - began)))
    return report


def _checked(place: str, table: str, policy: Any) -> tuple[str, timedelta, int]:
    if not isinstance(policy, Mapping) or "max_age" not in policy or policy.keys() - FIELDS:
        raise InvalidArgumentError(
            f'{place}: {policy!r:.80}; expected {{"max_age": timedelta or "90d"}}, and optionally "batch_size"'
        )
    max_age = as_duration(f"{place}: max_age", policy["max_age"])
    return table, max_age, as_integer(f"{place}: batch_size", policy.get("batch_size", BATCH_ROWS), 1, BATCH_ROWS)


def _check_tables(place: str, storage: Storage, tables: list[str]) -> None:
    """Refuse tables that can't be pruned before anything is deleted."""
    can = prunable(storage)
    for table in tables:
        if table not in can:
            if not can:
                raise storage._unsupported("prune", table)
            raise InvalidArgumentError(f"{place}: table {table!r} can't be pruned; expected one of {', '.join(can)}")


def prunable(storage: Storage) -> list[str]:
    """The tables whose rows have an age, by the word of the deployed functions."""
    deployed = storage.version()
    operations = deployed["operations"] if deployed else {}
    return sorted(table for table, names in operations.items() if "prune" in names)


def _add(report: DeletionReport, deleted: Mapping[str, float], progress: Progress | None) -> None:
    for table, count in deleted.items():
        report[table] = report.get(table, 0) + int(count)
    if deleted and progress is not None:
        progress(report)
