"""The embedded deployment's `convex/server` and `convex/values` have npm's exports, with the same results."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc

HERE = Path(__file__).parent

# Members that npm's declarations hide from users, or that exist in types only.
PRIVATE = {
    "convex/server": set(),
    "defineTable": {
        "indexes",
        "searchIndexes",
        "self",
        "stagedDbIndexes",
        "stagedSearchIndexes",
        "stagedValidator",
        "stagedVectorIndexes",
        "vectorIndexes",
    },
}
TYPES_ONLY = {"fieldPaths", "type"}


@pytest.fixture(scope="module")
def npm() -> dict[str, Any]:
    """The exports of npm's package, and the results of their uses."""
    run = subprocess.run(["node", str(HERE / "exports.js")], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    described = json.loads(run.stdout)
    assert isinstance(described, dict)
    return described


@pytest.fixture(scope="module")
def embedded() -> Iterator[mc.Deployment]:
    """The embedded deployment with functions that describe and use its own."""
    with mc.connect(":memory:", functions=HERE / "exports") as db:
        yield db


def test_every_export_and_every_member_is_there(npm: dict[str, Any], embedded: mc.Deployment) -> None:
    offered = embedded.query("exports:describe")
    for name, members in npm["offered"].items():
        private = PRIVATE.get(name, set()) | TYPES_ONLY
        assert set(members) - private - set(offered[name]) == set(), name


def test_each_export_gives_the_same_as_npms(npm: dict[str, Any], embedded: mc.Deployment) -> None:
    assert embedded.query("exports:use") == npm["uses"]


def test_exports_that_are_left_out_say_so(embedded: mc.Deployment) -> None:
    for name, text in embedded.query("exports:useLeftOut").items():
        assert "the embedded deployment leaves it out; a Convex deployment has it." in text
        assert name.removesuffix("Generic") in text
