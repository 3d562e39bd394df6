# Generated from _async/storage.py by tools/unasync.py: edit that.
"""The storage function of a deployment. Every class calls it through here."""

from __future__ import annotations

from collections.abc import Iterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mastra_convex._arguments import key_text
from mastra_convex._sync import npm_operations
from mastra_convex._sync.package_functions import PackageFunctions
from mastra_convex._hints import DEPLOY
from mastra_convex._replies import checked_reply, next_cursor
from mastra_convex.errors import (
    AlreadyExistsError,
    DimensionMismatchError,
    FunctionError,
    IndexNotFoundError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    OutcomeUnknownError,
    ThreadNotFoundError,
    TransportError,
    UnsupportedOperationError,
    WriteConflictError,
)
from mastra_convex.records._pages import Window

Row = dict[str, Any]
Admits = Callable[[Row], bool]

ERRORS: dict[str, type[MastraConvexError]] = {
    "AlreadyExists": AlreadyExistsError,
    "AnotherResource": InvalidArgumentError,
    "DatasetItemConflict": AlreadyExistsError,
    "DimensionMismatch": DimensionMismatchError,
    "IndexNotFound": IndexNotFoundError,
    "ModelMismatch": InvalidArgumentError,
    "NotFound": NotFoundError,
    "RevisionConflict": WriteConflictError,
    "ThreadNotFound": ThreadNotFoundError,
    "WorkingMemoryConflict": WriteConflictError,
}


class Storage:
    """Operations of the storage function at a path of a deployment.

    Rows are dicts by column. A filter maps a column to the value it must equal, ``{"thread_id": "t1"}``, to a list of
    allowed values, or to a mapping of bounds ``gt``, ``gte``, ``lt``, ``lte``. An order is the function's ``orderBy``:
    ``{"field", "order"}`` and bounds.
    """

    def __init__(self, functions: PackageFunctions, function: str) -> None:
        self._functions = functions
        self.function = key_text("storage_function", function)
        self._is_ours = False
        # The operations that only read, once the deployed functions were asked.
        self._reads: frozenset[str] | None = None

    def call(self, op: str, table: str, **fields: Any) -> Any:
        """The result of an operation on a table."""
        return (self.reply(op, table, **fields)).get("result")

    def reply(self, op: str, table: str, *, place: str | None = None, **fields: Any) -> dict[str, Any]:
        """The whole reply, for operations that continue while it says ``hasMore``. Fields that are None aren't sent.

        Errors begin with the place; without one, with the function and the operation.
        """
        place = place or f"{self.function}: {op}"

        def send(op: str, table: str, request: Row) -> Row:
            return checked(place, self._send(op, table, request))

        request = {name: value for name, value in fields.items() if value is not None}
        reply = self._send(op, table, request)
        if not self._is_unsupported(op, reply):
            return checked(place, reply)
        operation = npm_operations.OPERATIONS.get(op)
        if operation is None or self.version() is not None:
            raise self._unsupported(op, table)
        return checked(place, operation(send, table, request))

    def _send(self, op: str, table: str, request: Row) -> Row:
        """The reply. If it got lost, an operation that only reads is called again."""
        call = self._functions.call
        if op == "version" or (self._reads is not None and op in self._reads):
            call = self._functions.read
        arguments = {"op": op, "tableName": table, **request}
        try:
            reply = call("mutation", self.function, arguments)
        except OutcomeUnknownError:
            if not self._only_reads(op):
                raise
            reply = self._functions.read("mutation", self.function, arguments)
        done = request["request"]["op"] if op == "fenced" else op
        return checked_reply(f"{self.function}: {op}", done, reply)

    def _only_reads(self, op: str) -> bool:
        """Whether an operation only reads, by the word of the deployed functions.

        They are asked once, when an answer got lost. Npm's functions and older ones don't say: their operations count
        as writes. So do all operations while the functions can't be reached.
        """
        if self._reads is None:
            try:
                deployed = self.version()
            except TransportError:
                return False
            self._reads = frozenset(deployed.get("reads", ()) if deployed else ())
        return op in self._reads

    def _is_unsupported(self, op: str, reply: Row) -> bool:
        """Whether the deployed functions are npm's or older ones, without this operation."""
        if reply["ok"]:
            # Npm's functions ignore unknown orders and cursors, and never say whether there is more.
            return op == "queryTable" and "hasMore" not in reply
        return str(reply["error"]).startswith("Unsupported operation")

    def load(self, table: str, **keys: Any) -> Row | None:
        """The first row with these columns."""
        row: Row | None = self.call("load", table, keys=keys)
        return row

    def load_many(self, table: str, ids: Sequence[str]) -> list[Row]:
        """The existing rows with these ids, in the order of the ids, each once."""
        rows: list[Row] = []
        # The function's limit.
        for begin in range(0, len(ids), 10):
            rows += self.call("loadMany", table, ids=list(ids[begin : begin + 10]))
        return rows

    def rows(
        self,
        table: str,
        filters: Mapping[str, Any] | None = None,
        order: Mapping[str, Any] | None = None,
        page_size: int = 256,
    ) -> Iterator[Row]:
        """All rows that satisfy filters, paged by cursor."""
        for page in self.pages(table, filters, order, page_size):
            for row in page:
                yield row

    def pages(
        self,
        table: str,
        filters: Mapping[str, Any] | None = None,
        order: Mapping[str, Any] | None = None,
        page_size: int | None = 256,
        op: str = "queryTable",
    ) -> Iterator[list[Row]]:
        """As `rows`, page by page, by an operation that reads pages."""
        request: Row = {"filters": as_filters(filters), "orderBy": order, "pageSize": page_size}
        page = self.reply(op, table, **request)
        while True:
            yield page["result"]
            if not page.get("hasMore"):
                return
            page = self.reply(op, table, **request, cursor=next_cursor(self.function, page))

    def page(
        self,
        table: str,
        filters: Mapping[str, Any] | None,
        order: Mapping[str, Any],
        window: Window,
        admits: Admits | None = None,
    ) -> tuple[list[Row], int]:
        """The rows of a page, and how many there are in all.

        The function finds them by the number of the page. With `admits`, or if all rows are wanted, all rows are read
        one after the other, and only those of the page are kept.
        """
        if admits is not None or window.per_page is None:
            return part_of(self.rows(table, filters, order), window, admits)
        request: Row = {"filters": as_filters(filters)}
        part: Row = {"orderBy": order, "offset": window.offset, "limit": window.per_page}
        rows: list[Row] = []
        total: int | None = None
        cursor, is_untidy = None, False
        while True:
            reply = self.reply(
                "queryPage",
                table,
                **request,
                orderBy=part["orderBy"],
                offset=part["offset"],
                limit=part["limit"],
                cursor=cursor,
            )
            part = reply["result"]
            rows += part["rows"]
            is_untidy = is_untidy or reply.get("isUntidy", False)
            total = part["total"] if total is None else total
            if not reply.get("hasMore"):
                break
            cursor = next_cursor(self.function, reply)
        # The function begins at the end with fewer rows to skip.
        if part["orderBy"]["order"] != order["order"]:
            rows.reverse()
        if total is None:
            return rows, self.count(table, filters, order)
        if is_untidy:
            self._tidy(table, filters)
        return rows, total

    def count(
        self, table: str, filters: Mapping[str, Any] | None = None, order: Mapping[str, Any] | None = None
    ) -> int:
        """The number of rows that match filters and the bounds of an order."""
        request: Row = {"filters": as_filters(filters), "orderBy": order}
        reply = self.reply("count", table, **request)
        total: int = reply["result"]
        is_untidy = reply.get("isUntidy", False)
        while reply.get("hasMore"):
            reply = self.reply("count", table, **request, cursor=next_cursor(self.function, reply))
            total += reply["result"]
        if is_untidy:
            self._tidy(table, filters)
        return total

    def _tidy(self, table: str, filters: Mapping[str, Any] | None) -> None:
        """Let the functions bring the count of a list in order, some of it per call. It is no loss if that fails."""
        with suppress(MastraConvexError):
            self._send("tidy", table, {"filters": as_filters(filters) or []})
            self._send("tidy", table, {})

    def repeat(self, op: str, table: str, **fields: Any) -> None:
        """Call an operation that does a part of its work per call until it is done."""
        while (self.reply(op, table, **fields)).get("hasMore"):
            pass

    def version(self) -> dict[str, Any] | None:
        """The deployed functions: ``{"version", "operations"}``, operations by table. None if they
        aren't this package's.
        """
        reply = self._send("version", "mastra_documents", {})
        return reply["result"] if reply["ok"] else None

    def need_ours(self, op: str, table: str) -> None:
        """Refuse an operation that the functions of npm ``@mastra/convex`` would accept but perform differently."""
        if not self._is_ours and self.version() is None:
            raise self._unsupported(op, table)
        self._is_ours = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._functions.url!r}, {self.function!r})"

    def _unsupported(self, op: str, table: str) -> UnsupportedOperationError:
        """The error, with the operations that the deployed functions support."""
        deployed = self.version()
        if deployed is None:
            whose, operations = "npm @mastra/convex's", []
        else:
            whose, operations = f"this package's version {deployed['version']}", deployed["operations"].get(table, [])
        works = f"; {table} has: {', '.join(operations)}" if operations else ""
        return UnsupportedOperationError(
            f"{self.function}: the deployed functions, {whose}, have no {op!r} for {table}{works}",
            details={"operation": op, "table": table, "operations": operations},
            hint=f"Deploy newer ones: {DEPLOY}",
        )


def checked(place: str, reply: Row) -> Row:
    """The reply, unless it is a refusal, which raises an error."""
    if reply.get("ok", True):
        return reply
    kind = ERRORS.get(reply.get("code", ""), FunctionError)
    raise kind(f"{place}: {reply['error']}", code=reply.get("code"), details=reply.get("details") or {})


def part_of(rows: Iterator[Row], window: Window, admits: Admits | None = None) -> tuple[list[Row], int]:
    """The rows of a list that are in a window, and how many the list has."""
    found: list[Row] = []
    total = 0
    for row in rows:
        if admits is not None and not admits(row):
            continue
        if total >= window.offset and (window.per_page is None or len(found) < window.per_page):
            found.append(row)
        total += 1
    return found, total


def first_of(rows: Iterator[Row], window: Window) -> list[Row]:
    """The rows of a list that are in a window; reading stops at the window's end."""
    end = None if window.per_page is None else window.offset + window.per_page
    found: list[Row] = []
    passed = 0
    for row in rows:
        if passed >= window.offset:
            found.append(row)
        passed += 1
        if passed == end:
            break
    return found


def as_filters(filters: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """The storage function's ``filters``."""
    return [{"field": column} | _condition(value) for column, value in filters.items()] if filters else None


def _condition(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {"values": value} if isinstance(value, list) else {"value": value}
