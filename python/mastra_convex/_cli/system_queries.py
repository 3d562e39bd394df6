"""The tables, documents and functions of a deployment, by its system queries.

A data folder and `serve` have queries of this package. A Convex deployment has those that `npx convex data` calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import mastra_convex as mc
from mastra_convex._sync.deployment import TABLES
from mastra_convex.errors import AuthenticationError, FunctionNotFoundError, NotFoundError

DOCUMENTS = "_system/mastra/documents"
FUNCTIONS = "_system/cli/modules:apiSpec"

# As many documents as a page of a transaction's limits usually has.
PAGE = 1000

Order = Literal["asc", "desc"]
Document = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table; the numbers of its documents and of their bytes are None where the deployment doesn't tell them."""

    name: str
    documents: int | None
    bytes: int | None


@dataclass(frozen=True)
class Question:
    """The documents to show: those of a table whose fields have these values, in order of creation."""

    table: str
    where: dict[str, Any]
    order: Order
    limit: int

    def args(self, cursor: str | None = None) -> dict[str, Any]:
        """The arguments of this package's query."""
        where = [{"field": field, "value": value} for field, value in self.where.items()]
        page = {"cursor": cursor, "numItems": min(self.limit + 1, PAGE)}
        return {"table": self.table, "where": where, "order": self.order, "paginationOpts": page}

    def admits(self, document: Document) -> bool:
        """Whether a document has the values. `true` is not 1."""
        for path, value in self.where.items():
            found: Any = document
            for step in path.split("."):
                found = found.get(step) if isinstance(found, dict) else None
            if found != value or isinstance(found, bool) != isinstance(value, bool):
                return False
        return True


def check_owner(command: str, db: mc.Deployment) -> None:
    """Refuse a deployment that was opened without its admin key."""
    if not db._is_owners:
        raise AuthenticationError(
            f"{command}: {db.url} shows this only with its admin key, and none was given",
            hint="Set CONVEX_ADMIN_KEY. `mastra-convex keys show FOLDER` prints the key of a folder that is served; a "
            "Convex deployment's is in its dashboard.",
        )


def is_ours(db: mc.Deployment) -> bool:
    """Whether the deployment has this package's system queries."""
    try:
        db.query(TABLES, {"sizes": False})
    except FunctionNotFoundError:
        return False
    return True


def tables(db: mc.Deployment, *, ours: bool) -> list[Table]:
    """All tables by name."""
    if ours:
        return [read_table(table) for table in db.query(TABLES)]
    return [Table(name, count(db, name), None) for name in table_names(db)]


def table_names(db: mc.Deployment) -> list[str]:
    """The names of all tables, in order."""
    return sorted(found["name"] for found in pages(lambda cursor: db.query("_system/cli/tables", page_args(cursor))))


def read_table(found: dict[str, Any]) -> Table:
    """A table as this package's query describes it."""
    return Table(found["name"], found["documents"], found["bytes"])


def count(db: mc.Deployment, table: str) -> int | None:
    """The number of a table's documents; None where the deployment doesn't tell it."""
    try:
        return int(db.query("_system/cli/tableSize", {"tableName": table}))
    except (mc.FunctionError, FunctionNotFoundError):
        return None


def check_table(db: mc.Deployment, table: str) -> None:
    """Refuse a table that the deployment doesn't have."""
    names = table_names(db)
    if table not in names:
        raise NotFoundError(f"data: {db.url} has no table {table!r}", hint=near(table, names, "tables"))


def documents(db: mc.Deployment, question: Question, *, ours: bool) -> tuple[list[Document], bool]:
    """The first documents, at most the question's limit, and whether there are more."""
    if ours:
        found = pages(lambda cursor: db.query(DOCUMENTS, question.args(cursor)))
    else:
        args = {"table": question.table, "order": question.order}
        all_documents = pages(lambda cursor: db.query("_system/cli/tableData", {**args, **page_args(cursor)}))
        found = filter(question.admits, all_documents)
    first: list[Document] = []
    for document in found:
        if len(first) == question.limit:
            return first, True
        first.append(document)
    return first, False


def page_args(cursor: str | None) -> dict[str, Any]:
    """The arguments of a page of one of Convex's queries."""
    return {"paginationOpts": {"cursor": cursor, "numItems": PAGE}}


def pages(page: Callable[[str | None], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items of all pages of a query."""
    cursor = None
    while True:
        found = page(cursor)
        yield from found["page"]
        if found["isDone"]:
            return
        cursor = found["continueCursor"]


def near(name: str, names: list[str], of: str) -> str:
    """The next step after an unknown name: similar names, or all."""
    if matches := get_close_matches(name, names, n=3, cutoff=0.5):
        return f"Did you mean {' or '.join(matches)}?"
    return f"It has the {of} {', '.join(names)}." if names else f"It has no {of} yet."
