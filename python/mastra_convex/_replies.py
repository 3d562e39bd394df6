"""Replies of this package's functions, checked before anything looks inside them.

A reply of another shape comes from functions of the same path that aren't this package's or npm's, or from something
between here and the deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mastra_convex.errors import ProtocolError

Shape = Callable[[Any], bool]


def _is_row(value: Any) -> bool:
    return isinstance(value, dict)


def _is_row_or_none(value: Any) -> bool:
    return value is None or _is_row(value)


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_row, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has(**shapes: Shape) -> Shape:
    """A row with fields of these shapes."""
    return lambda value: (
        _is_row(value) and all(name in value and is_shape(value[name]) for name, is_shape in shapes.items())
    )


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_version(value: Any) -> bool:
    """The cache function's version is a number; the storage function's says its operations, too."""
    return _is_number(value) or _has(version=_is_number, operations=_is_row)(value)


_OWNERSHIP = _has(applied=_is_bool, claim=_is_row_or_none, now=_is_number)

# The results of operations that are looked into, and how an error describes them.
_RESULTS: dict[str, tuple[Shape, str]] = {
    "version": (_is_version, "the version of the functions"),
    "createVectorIndex": (_has(dimension=_is_number, metric=_is_text), "the index"),
    "load": (_is_row_or_none, "a row or null"),
    "loadMany": (_are_rows, "a list of rows"),
    "queryTable": (_are_rows, "a list of rows"),
    "queryPage": (_has(rows=_are_rows, orderBy=_has(order=_is_text), total=_is_number_or_none), "a page"),
    "count": (_is_number, "a number"),
    "saveMessages": (_is_list, "a list"),
    "updateMessages": (_are_rows, "a list of rows"),
    "updateThread": (_is_row_or_none, "a row or null"),
    "updateResource": (_is_row, "a row"),
    "omGetLatest": (_is_row_or_none, "a row or null"),
    "omGetHistory": (_are_rows, "a list of rows"),
    "omInitialize": (_is_row, "a row"),
    "omSwapBuffered": (_is_row, "a row"),
    "omCreateReflectionGeneration": (_is_row, "a row"),
    "omSwapBufferedReflection": (_is_row, "a row"),
    "raiseRunFence": (_has(applied=_is_bool), "whether the fence was applied"),
    "claimRunOwnership": (_OWNERSHIP, "a claim"),
    "renewRunOwnership": (_OWNERSHIP, "a claim"),
    "releaseRunOwnership": (_OWNERSHIP, "a claim"),
    "getRunOwnership": (_OWNERSHIP, "a claim"),
    "listLegacyTasks": (_has(tasks=_are_rows, exist=_is_bool), "a list of tasks"),
    "increment": (_is_number, "a number"),
    "listPushIndexed": (_is_number, "a number"),
    "listLength": (_is_number, "a number"),
    "listFromTo": (_is_list, "a list"),
}


def _are_hits(value: Any) -> bool:
    return isinstance(value, list) and all(map(_has(id=_is_text, score=_is_number), value))


def _are_rows_or_none(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_row_or_none, value))


def _are_scored_rows(value: Any) -> bool:
    return isinstance(value, list) and all(map(_has(row=_is_row, score=_is_number), value))


_NATIVE_RESULTS: dict[str, tuple[Shape, str]] = {
    "query": (_are_hits, "a list of hits"),
    "search": (_are_scored_rows, "a list of rows with scores"),
    "getByConvexIds": (_are_rows, "a list of rows"),
    "listByIds": (_are_rows_or_none, "a list of rows and nulls"),
    "listPage": (_has(page=_are_rows, isDone=_is_bool, continueCursor=_is_text), "a page"),
    "clear": (_has(hasMore=_is_bool), "whether there is more"),
}


def checked_reply(place: str, op: str, reply: Any) -> dict[str, Any]:
    """A reply with ``ok`` and a result of the operation's shape, or a refusal with its text."""
    if not isinstance(reply, dict) or not isinstance(reply.get("ok"), bool):
        raise _other(place, reply, "a reply with `ok`")
    if not reply["ok"]:
        if not isinstance(reply.get("error"), str):
            raise _other(place, reply, "a refusal with its `error`")
        return reply
    if op in _RESULTS:
        is_shape, expected = _RESULTS[op]
        if not is_shape(reply.get("result")):
            raise _other(place, reply.get("result"), expected)
    return reply


def checked_native(place: str, op: str, result: Any) -> Any:
    """The return value of a native vector function, checked for the operation's shape."""
    if op in _NATIVE_RESULTS:
        is_shape, expected = _NATIVE_RESULTS[op]
        if not is_shape(result):
            raise _other(place, result, expected)
    return result


def next_cursor(place: str, reply: dict[str, Any]) -> str:
    """Where the next page begins, of a reply that says that there is more."""
    cursor = reply.get("continuationCursor")
    if not isinstance(cursor, str):
        raise _other(place, cursor, "a `continuationCursor`")
    return cursor


def from_json(place: str, text: Any) -> Any:
    """The value that a reply holds as JSON text."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise _other(place, text, "JSON text") from None


def _other(place: str, found: Any, expected: str) -> ProtocolError:
    return ProtocolError(
        f"{place}: the deployment replied {found!r:.80}; expected {expected}",
        hint="Other functions may be deployed at this path: `mastra-convex doctor` says which.",
    )
