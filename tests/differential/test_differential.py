"""Random sequences of operations give the same results on the embedded deployment, under `convex-test` and on Convex.

A failure names its seed and the shortest failing sequence that was found. More sequences:
``DIFFERENTIAL_SEQUENCES=10000 pytest tests/differential``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.differential.agreement import disagreement, first_disagreement
from tests.differential.deviations import DEVIATIONS, Deviation, Error
from tests.differential.sequences import VALUES, Sequences
from tests.differential.sides import ConvexTest, Deployed, Embedded, Side, encoded

SEQUENCES = int(os.environ.get("DIFFERENTIAL_SEQUENCES", "300"))
METHODS = {"queries": "query", "mutations": "mutation", "actions": "action"}

Json = dict[str, Any]


# The embedded deployment is compared with `convex-test`, and with the deployment that the environment names.
OTHERS: dict[str, type[Side]] = {"convex-test": ConvexTest}
if "CONVEX_TEST_URL" in os.environ:
    OTHERS["deployed"] = Deployed


class Sides(NamedTuple):
    """Two deployments."""

    embedded: Side
    other: Side


@pytest.fixture(scope="module", params=OTHERS)
def sides(request: pytest.FixtureRequest) -> Iterator[Sides]:
    """The embedded deployment and another one, with any content."""
    sides = Sides(Embedded(), OTHERS[request.param]())
    yield sides
    for side in sides:
        side.close()


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_a_sequence_gives_the_same_on_both(sides: Sides, seed: int) -> None:
    calls = Sequences(seed).sequence()
    found = difference(sides, calls)
    if found is not None:
        calls = shortened(sides, calls)
        text = json.dumps(calls, indent=1, ensure_ascii=False, default=repr)
        pytest.fail(f"seed {seed}: {difference(sides, calls)}\nin the sequence\n{text}")


def difference(sides: Sides, calls: list[Json]) -> str | None:
    """Run a sequence on both, each empty, and return the first difference, if any."""
    states: list[Json] = []
    for side in sides:
        side.clear()
        states.append({"ids": {}, "times": {}, "cursors": {}})
    for call in calls:
        kind = call["kind"]
        replies = [
            side.call(METHODS[kind], f"sequences:{kind}", {"steps": call["steps"], "state": state})
            for side, state in zip(sides, states, strict=True)
        ]
        if any("error" in reply for reply in replies):
            found = disagreement({"op": "call", **call}, *replies)
        else:
            values = [reply["value"] for reply in replies]
            found = first_disagreement(call["steps"], *(value["outcomes"] for value in values))
            states = [value["state"] for value in values]
        if found is not None:
            return found
    return None


def shortened(sides: Sides, calls: list[Json]) -> list[Json]:
    """A sequence without the steps that it doesn't need to fail. The first call stays."""
    for call in range(1, len(calls)):
        for step in reversed(range(len(calls[call]["steps"]))):
            steps = calls[call]["steps"]
            fewer = [*calls[:call], {**calls[call], "steps": steps[:step] + steps[step + 1 :]}, *calls[call + 1 :]]
            if difference(sides, fewer) is not None:
                calls = fewer
    return [call for call in calls if call["steps"]]


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda deviation: deviation.reason)
def test_convex_test_is_known_to_deviate(sides: Sides, deviation: Deviation) -> None:
    other = deviation.convex_test if isinstance(sides.other, ConvexTest) else deviation.embedded
    for side, expected in zip(sides, [deviation.embedded, other], strict=True):
        side.clear()
        args = {"steps": deviation.steps, "state": {"ids": {}, "times": {}, "cursors": {}}}
        outcome = side.call("mutation", "sequences:mutations", args)["value"]["outcomes"][-1]
        if isinstance(expected, Error):
            assert expected.text in outcome["error"]["message"]
        else:
            assert outcome == {"value": encoded(expected)}


@pytest.mark.parametrize("comparison", ["eq", "gt", "gte", "lt", "lte"])
def test_filters_compare_as_index_ranges_do(sides: Sides, comparison: str) -> None:
    inserts = [
        {"op": "insert", "table": "things", "label": str(position), "value": {"a": value}}
        for position, value in enumerate(VALUES)
    ]
    without = {"op": "insert", "table": "things", "label": "without", "value": {}}
    sides.embedded.clear()
    state: Json = {"ids": {}, "times": {}, "cursors": {}}
    reply = sides.embedded.call("mutation", "sequences:mutations", {"steps": [*inserts, without], "state": state})
    state = reply["value"]["state"]
    for value in ({}, *({"value": value} for value in VALUES)):
        literal = ["literal", *value.values()]
        steps = [
            {"op": "collect", "table": "things", "filters": filters, "index": "by_a", "range": bounds}
            for filters, bounds in [
                ([[comparison, ["field", "a"], literal]], []),
                ([], [{"type": comparison, "field": "a", **value}]),
            ]
        ]
        reply = sides.embedded.call("query", "sequences:queries", {"steps": steps, "state": state})
        filtered, ranged = reply["value"]["outcomes"]
        assert filtered == ranged
        assert "value" in filtered
