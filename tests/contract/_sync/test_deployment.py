# Generated from _async/test_deployment.py by tools/unasync.py: edit that.
"""A deployment calls functions and stores their writes."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.contract.deployed import STORAGE
from tests.support.checkout import FUNCTIONS


def thread(metadata: Any) -> dict[str, Any]:
    now = "2026-01-01T00:00:00.000Z"
    return {
        "id": "t1",
        "resourceId": "ada",
        "title": "Hello",
        "metadata": metadata,
        "createdAt": now,
        "updatedAt": now,
    }


def save(deployment: mc.Deployment, metadata: Any) -> Any:
    record = thread(metadata)
    return deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_threads", "record": record})


def load(deployment: mc.Deployment) -> Any:
    reply = deployment.mutation(STORAGE, {"op": "load", "tableName": "mastra_threads", "keys": {"id": "t1"}})
    return reply["result"]


def test_a_record_goes_to_the_store_and_back(deployment: mc.Deployment) -> None:
    """A stored document comes back with the fields that Convex adds."""
    assert (save(deployment, {"mood": "bright"}))["ok"]
    stored = load(deployment)
    assert stored.items() >= thread({"mood": "bright"}).items()
    assert len(stored["_id"]) == 32
    assert stored["_creationTime"] > 1.7e12


VALUES = [
    None,
    True,
    False,
    0,
    -1,
    2**53,
    0.5,
    -0.0,
    1e-300,
    -(2.0**63),
    math.inf,
    mc.Int64(2**62),
    mc.Int64(-1),
    "",
    "naïve 🙂 \0",
    b"",
    b"\x00\xff",
    [],
    [1, 2.5, "x"],
    [float(x) / 3 for x in range(40)],
    {"a": {"b": [None, {"c": 1}]}},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_were_sent(deployment: mc.Deployment, value: Any) -> None:
    """Every type of Convex value comes back unchanged from a function and from the store."""
    save(deployment, {"value": value})
    found = (load(deployment))["metadata"]["value"]
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


def test_numpy_arrays_are_lists_of_numbers(deployment: mc.Deployment) -> None:
    """NumPy arrays of any layout are sent as lists of numbers."""
    matrix = np.arange(60, dtype=np.float32).reshape(20, 3)
    save(deployment, {"row": matrix[:, 1], "scalar": np.float32(0.5), "count": np.int64(3)})
    assert (load(deployment))["metadata"] == {"row": matrix[:, 1].tolist(), "scalar": 0.5, "count": 3}


def cyclic() -> list[Any]:
    """A list that contains itself."""
    items: list[Any] = []
    items.append(items)
    return items


def deep(levels: int) -> Any:
    """Nested lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


BAD_VALUES = [
    ({"a": cyclic()}, "deeper than 64 levels"),
    ({"a": deep(200_000)}, "deeper than 64 levels"),
    ({"a": np.longdouble(1)}, "Convex can't hold a longdouble"),
    ({"a": np.ones(3, np.longdouble)}, "Convex can't hold a longdouble"),
    ({"\ud800": 1}, "lone surrogate"),
    ({"a": {1, 2}}, r"args\.record\.metadata\.a: Convex can't hold a set"),
    ({"a": [1, object()]}, r"metadata\.a\[1\]: Convex can't hold a object"),
    ({"a": 2**53 + 1}, r"beyond ±2\^53.*Int64"),
    ({"a": "\ud800"}, "lone surrogate"),
    ({1: "a"}, "keys must be text, not int"),
]


@pytest.mark.parametrize(("metadata", "message"), BAD_VALUES)
def test_a_value_that_convex_cannot_hold_is_refused_with_its_place(
    deployment: mc.Deployment, metadata: Any, message: str
) -> None:
    """A value that Convex can't hold is refused before anything is sent, and the error names its place."""
    with pytest.raises(mc.InvalidArgumentError, match=message):
        save(deployment, metadata)
    assert load(deployment) is None


@pytest.mark.parametrize("key", ["$schema", "ключ", "tab\t"])
def test_field_names_convex_refuses_store_nothing(deployment: mc.Deployment, key: str) -> None:
    """A field name that Convex refuses is an error before anything is sent."""
    with pytest.raises(mc.InvalidArgumentError, match="field name"):
        save(deployment, {key: 1})
    assert load(deployment) is None


def test_documents_over_one_mebibyte_are_refused(deployment: mc.Deployment) -> None:
    """A document over 1 MiB is refused with its size and the limit."""
    with pytest.raises(mc.FunctionError, match=r"1\.00 MiB > maximum size 1 MiB"):
        save(deployment, {"text": "x" * (1 << 20)})
    assert load(deployment) is None


def test_unknown_functions_are_named_beside_those_that_exist(deployment: mc.Deployment) -> None:
    """The error for an unknown path lists the existing functions."""
    with pytest.raises(mc.FunctionNotFoundError, match=r"mastra/storage:hande.*mastra/storage:handle") as caught:
        deployment.mutation("mastra/storage:hande", {})
    assert isinstance(caught.value, LookupError)
    assert caught.value.code == "FunctionNotFound"


def test_a_function_is_called_as_what_it_is(deployment: mc.Deployment) -> None:
    """Calling a mutation as a query is an error."""
    with pytest.raises(mc.FunctionError, match="as Query, but it is defined as Mutation"):
        deployment.query(STORAGE, {})


def test_arguments_are_validated(deployment: mc.Deployment) -> None:
    """A function doesn't run with arguments that its validator refuses."""
    with pytest.raises(mc.ArgumentValidationError) as caught:
        deployment.query("mastra/nativeVector:read", {"op": "describe"})
    assert caught.value.code == "ArgumentValidationError"


def test_documents_must_match_the_schema(deployment: mc.Deployment) -> None:
    """A document that doesn't match the schema is refused with the table and the field."""
    record = {**thread({}), "title": 1}
    with pytest.raises(mc.SchemaError, match=r"(?s)mastra_threads.*Path: \.title"):
        deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_threads", "record": record})
    assert load(deployment) is None


def test_a_closed_deployment_says_so(deployment: mc.Deployment) -> None:
    """Closing twice does nothing, and a call on a closed deployment raises an error."""
    deployment.close()
    deployment.close()
    with pytest.raises(mc.MastraConvexError, match="closed"):
        load(deployment)


def test_handles_of_one_process_share_a_folder(tmp_path: Path) -> None:
    """Each handle reads the other's writes, and closing one leaves the other open."""
    first = mc.connect(tmp_path)
    second = mc.connect(str(tmp_path))
    save(first, {"by": "first"})
    assert (load(second))["metadata"] == {"by": "first"}
    first.close()
    assert (load(second))["metadata"] == {"by": "first"}
    second.close()


def test_handles_with_other_options_are_refused(tmp_path: Path) -> None:
    """A folder that is open in this process can't be opened with other options."""
    with mc.connect(tmp_path):
        with pytest.raises(mc.ConfigurationError, match=r'synchronous is "full", asked for "normal"'):
            with mc.connect(tmp_path, synchronous="normal"):
                pass


def test_a_folder_keeps_what_was_written(tmp_path: Path) -> None:
    """A folder that is closed and opened again holds all data."""
    with mc.connect(tmp_path / "new" / "folder") as deployment:
        save(deployment, {"kept": True})
    with mc.connect(tmp_path / "new" / "folder") as deployment:
        assert (load(deployment))["metadata"] == {"kept": True}


@pytest.mark.parametrize("target", ["", "ftp://example.convex.cloud", "https://", Path("https://example.convex.cloud")])
def test_targets_that_cannot_be_are_refused(target: str | Path) -> None:
    """An invalid target is refused with the expected ones."""
    with pytest.raises(mc.ConfigurationError):
        with mc.connect(target):
            pass


@pytest.mark.parametrize(
    ("option", "says"), [("timout", "did you mean timeout?"), ("x", "there are: admin_key, auth_token, timeout, ")]
)
def test_an_unknown_option_is_refused_with_the_near_one(option: str, says: str) -> None:
    with pytest.raises(TypeError, match=rf"connect: unknown options \['{option}'\]; {re.escape(says)}"):
        mc.connect(":memory:", **{option: 1})  # type: ignore[misc]


def test_functions_may_be_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of functions may begin with ``~``."""
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(FUNCTIONS.parent))
    with mc.connect(":memory:", functions="~/functions/plain") as deployment:
        assert deployment.query("notes:list") == []


def test_console_lines_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Console lines of functions go to the logger."""
    functions = FUNCTIONS / "plain"
    with mc.connect(":memory:", functions=functions) as deployment:
        with caplog.at_level("INFO", "mastra_convex.functions"):
            deployment.query("notes:log")
    assert caplog.messages == ["notes:log: [LOG] 'one' 2", "notes:log: [WARN] { three: 3 }"]
