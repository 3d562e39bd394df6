"""Compares the outcomes of a step on the embedded deployment and under `convex-test`."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

Json = dict[str, Any]


class Kind(NamedTuple):
    """A kind of error: Convex's codes, and parts of each side's text."""

    codes: set[str]
    embedded: str
    convex_test: str


# convex-test has no codes, and texts of its own for most errors.
KINDS = [
    Kind(
        {"SchemaEnforcementError"}, r"does not match the schema", r"^Validator error|Cannot convert undefined or null"
    ),
    Kind(
        {"ArgumentValidationError"},
        r"^ArgumentValidationError",
        r"^Validator error|arguments to a Convex function must be an object",
    ),
    Kind({"ReturnsValidationError"}, r"^ReturnsValidationError", r"^Return value validation failed"),
    Kind({"InvalidId", "InvalidTable"}, r"Invalid argument `id`", r"Invalid argument `id`"),
    Kind({"NonexistentDocument"}, r" on nonexistent document ID ", r" on non-existent doc"),
    Kind({"IndexNotFoundError"}, r"^Index \S+ not found\.", r"is not declared in the schema"),
    Kind(
        {"FieldNotInIndex", "InvalidIndexRange", "AlreadyDefinedBound", "BoundsOnMultipleFields"},
        r"^Index \S+: ",
        r"used in `withIndex`",
    ),
    Kind({"InvalidFilter"}, r"in a filter$|a filter's ", r"Cannot mix BigInt|Division by zero"),
    Kind({"Error"}, r"unique\(\) query returned more than one", r"unique\(\) query returned more than one"),
    Kind({"Error"}, r"is not a supported Convex value", r"is not a (supported|valid) Convex|64-bit signed integer"),
    Kind({"InvalidFieldNameError"}, r"can't have this field: ", r"^Field name "),
    Kind({"MultiplePaginatedDatabaseQueries"}, r"ran multiple paginated queries", r"Only a single paginated query"),
    Kind({"Error"}, r"not a function$", r"is not a function$"),
    Kind({"Error"}, r"on purpose", r"^on purpose"),
]


def disagreement(step: Json, embedded: Json, convex_test: Json) -> str | None:
    """Say how the outcomes of a step differ; None if they don't."""
    errors = embedded.get("error"), convex_test.get("error")
    if errors[0] is None and errors[1] is None:
        if step["op"] == "run":
            return first_disagreement(step["steps"], embedded["value"], convex_test["value"])
        same = json.dumps(embedded, sort_keys=True) == json.dumps(convex_test, sort_keys=True)
    elif errors[0] is None or errors[1] is None:
        same = False
    elif "data" in errors[0] or "data" in errors[1]:
        same = json.dumps(errors[0].get("data", "none")) == json.dumps(errors[1].get("data", "none"))
    else:
        # A misuse must be an error on both sides; the texts may differ.
        same = step["op"] == "misuse" or is_of_one_kind(errors[0], errors[1]["message"])
    if same:
        return None
    return f"{_text(step)}\n  embedded:    {_text(embedded)}\n  convex-test: {_text(convex_test)}"


def first_disagreement(steps: list[Json], embedded: list[Json], convex_test: list[Json]) -> str | None:
    """Find the first step of a call whose outcomes differ, and say how."""
    for step, *outcomes in zip(steps, embedded, convex_test, strict=True):
        found = disagreement(step, *outcomes)
        if found is not None:
            return found
    return None


def is_of_one_kind(embedded: Json, convex_test: str) -> bool:
    """Whether two errors are of one kind. A known code must be one of that kind's."""
    text = _sentence(embedded["message"])
    return any(
        re.search(kind.embedded, text)
        and (re.search(kind.convex_test, convex_test) or re.search(kind.embedded, _sentence(convex_test)))
        and embedded.get("code", min(kind.codes)) in kind.codes
        for kind in KINDS
    )


def _sentence(message: str) -> str:
    """The error's own sentence, without the prefixes of the calls that passed it on."""
    return re.sub(r"^(Uncaught \w*Error: )+", "", message.split("\n")[0])


def _text(outcome: Json) -> str:
    return json.dumps(outcome, ensure_ascii=False, default=repr)
