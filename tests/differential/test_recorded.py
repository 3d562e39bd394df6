"""A served deployment answers as a real Convex backend did.

``recorded/cases.jsonl`` has calls of the functions beside it, in the order in which they were made on an empty
deployment, each with the answer of Convex's open source backend of August 2026. In an answer an id reads ``<id>``, or
the name under which it is kept; times of creation read ``#``; stack traces are left out. Texts are there to be read.
The outcome must agree: the status, success or failure, the value, the code, and whether the function threw.

``CONVEX_TEST_URL`` and ``CONVEX_TEST_ADMIN_KEY`` name another deployment to hold to them, empty, with the functions of
``recorded/``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.documents.differences import SECTIONS
from tests.support.served import JSON, Served, serve

RECORDED = Path(__file__).parent / "recorded"
CASES: list[dict[str, Any]] = [json.loads(line) for line in (RECORDED / "cases.jsonl").read_text().splitlines()]

# The data stored before the first case, by the names that cases use for the ids.
KEPT = {
    "a": ("ins", {"text": "one", "n": 1.0}),
    "b": ("ins", {"text": "two", "n": 2.0, "any": "z"}),
    "c": ("ins", {"text": "three"}),
    "p": ("insPerson", {"name": "1"}),
}

# Cases whose outcome depends on the host or its speed.
HOST = {"http version", "http instance_name", "query manyReads 4000", "query manyReads 5000"}

# Cases with another outcome on the embedded deployment, each with its part of `docs/differences.md`.
DIFFERENT = {
    "query intl": "Globals",
    "query metrics": "Metadata",
    "http GET query": "Queries by GET",
}

Outcome = tuple[Any, ...]


class Answer(NamedTuple):
    """A reply: its status, and its body as JSON or text."""

    status: int
    body: Any


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, Answer]]:
    """The deployment's answer in each case."""
    with ExitStack() as stack:
        if url := os.environ.get("CONVEX_TEST_URL"):
            served = Served(url, os.environ["CONVEX_TEST_ADMIN_KEY"])
        else:
            served = stack.enter_context(serve(data=":memory:", functions=RECORDED))
        yield dict(answered(served))


def answered(served: Served) -> Iterator[tuple[str, Answer]]:
    """Make the calls of all cases, one after the other."""
    admin = {**JSON, "Authorization": f"Convex {served.admin_key}"}
    ids = {}
    for name, (function, value) in KEPT.items():
        body = json.dumps({"path": f"p:{function}", "args": {"x": value}})
        ids[name] = served.send("POST", "/api/mutation", body, admin)[1]["value"]
    for case in CASES:
        text = case["text"] if "text" in case else json.dumps(case["json"]) if "json" in case else None
        headers = {name: value for name, value in {**admin, **case.get("headers", {})}.items() if value is not None}
        status, body, _ = served.send(case.get("method", "POST"), case["path"], with_ids(text, ids), headers)
        yield case["case"], Answer(status, json.loads(without_ids(json.dumps(body), ids)))


def with_ids(text: str | None, ids: dict[str, str]) -> str | None:
    """A request in which ids replace their names."""
    for name, id in ids.items():
        forms = {f"<{name}>": id, f"<{name} in capitals>": id.upper(), f"<{name} without its last character>": id[:-1]}
        for form, written in forms.items():
            text = text and text.replace(form, written)
    return text


def without_ids(text: str, ids: dict[str, str]) -> str:
    """An answer in which names replace ids, without the parts that differ from run to run."""
    for name, id in ids.items():
        text = text.replace(id, f"<{name}>")
    text = re.sub(r"\b[a-z0-9]{31,32}\b", "<id>", text)
    text = re.sub(r"\\n +at [^\"]*?(?=\\n|\")", "", text)
    return re.sub(r'"_creationTime": [0-9.]+', '"_creationTime": "#"', text)


def outcome(answer: Answer) -> Outcome:
    """The parts of an answer that must agree."""
    status, body = answer
    if not isinstance(body, dict):
        return status, type(body).__name__
    if body.get("status") == "success":
        return status, "success", json.dumps(comparable(body["value"]), sort_keys=True)
    if "status" in body:
        return (
            status,
            body["status"],
            json.dumps(body.get("errorData"), sort_keys=True),
            "Uncaught" in body["errorMessage"],
        )
    return status, body.get("code")


def comparable(value: Any) -> Any:
    """A value without cursors, whose form differs between deployments, and with scores to float32's six digits."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        fields = {name: comparable(field) for name, field in value.items()}
        return {name: field for name, field in fields.items() if name not in ("continueCursor", "splitCursor")}
    return round(value, 6) if isinstance(value, float) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_an_outcome_is_that_of_a_real_backend(answers: dict[str, Answer], case: dict[str, Any]) -> None:
    answer = answers[case["case"]]
    if case["case"] in HOST:
        return
    if "begins" in case:
        same = json.dumps(list(answer)).startswith(case["begins"])
    else:
        same = outcome(answer) == outcome(Answer(case["status"], case["answer"]))
    assert same == (case["case"] not in DIFFERENT), f"{case.get('answer')}\n{answer.body}"[:2000]


def test_each_difference_is_documented() -> None:
    titles = {difference.title for differences in SECTIONS.values() for difference in differences}
    assert set(DIFFERENT.values()) <= titles
    assert set(DIFFERENT) <= {case["case"] for case in CASES}
    assert len(CASES) - len(DIFFERENT) >= 225
