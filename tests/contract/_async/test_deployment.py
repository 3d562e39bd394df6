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


async def save(deployment: mc.AsyncDeployment, metadata: Any) -> Any:
    record = thread(metadata)
    return await deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_threads", "record": record})


async def load(deployment: mc.AsyncDeployment) -> Any:
    reply = await deployment.mutation(STORAGE, {"op": "load", "tableName": "mastra_threads", "keys": {"id": "t1"}})
    return reply["result"]


async def test_a_record_goes_to_the_store_and_back(deployment: mc.AsyncDeployment) -> None:
    """A stored document comes back with the fields that Convex adds."""
    assert (await save(deployment, {"mood": "bright"}))["ok"]
    stored = await load(deployment)
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
async def test_values_come_back_as_they_were_sent(deployment: mc.AsyncDeployment, value: Any) -> None:
    """Every type of Convex value comes back unchanged from a function and from the store."""
    await save(deployment, {"value": value})
    found = (await load(deployment))["metadata"]["value"]
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


async def test_numpy_arrays_are_lists_of_numbers(deployment: mc.AsyncDeployment) -> None:
    """NumPy arrays of any layout are sent as lists of numbers."""
    matrix = np.arange(60, dtype=np.float32).reshape(20, 3)
    await save(deployment, {"row": matrix[:, 1], "scalar": np.float32(0.5), "count": np.int64(3)})
    assert (await load(deployment))["metadata"] == {"row": matrix[:, 1].tolist(), "scalar": 0.5, "count": 3}


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
async def test_a_value_that_convex_cannot_hold_is_refused_with_its_place(
    deployment: mc.AsyncDeployment, metadata: Any, message: str
) -> None:
    """A value that Convex can't hold is refused before anything is sent, and the error names its place."""
    with pytest.raises(mc.InvalidArgumentError, match=message):
        await save(deployment, metadata)
    assert await load(deployment) is None


@pytest.mark.parametrize("key", ["$schema", "ключ", "tab\t"])
async def test_field_names_convex_refuses_store_nothing(deployment: mc.AsyncDeployment, key: str) -> None:
    """A field name that Convex refuses is an error before anything is sent."""
    with pytest.raises(mc.InvalidArgumentError, match="field name"):
        await save(deployment, {key: 1})
    assert await load(deployment) is None


async def test_documents_over_one_mebibyte_are_refused(deployment: mc.AsyncDeployment) -> None:
    """A document over 1 MiB is refused with its size and the limit."""
    with pytest.raises(mc.FunctionError, match=r"1\.00 MiB > maximum size 1 MiB"):
        await save(deployment, {"text": "x" * (1 << 20)})
    assert await load(deployment) is None


async def test_unknown_functions_are_named_beside_those_that_exist(deployment: mc.AsyncDeployment) -> None:
    """The error for an unknown path lists the existing functions."""
    with pytest.raises(mc.FunctionNotFoundError, match=r"mastra/storage:hande.*mastra/storage:handle") as caught:
        await deployment.mutation("mastra/storage:hande", {})
    assert isinstance(caught.value, LookupError)
    assert caught.value.code == "FunctionNotFound"


async def test_a_function_is_called_as_what_it_is(deployment: mc.AsyncDeployment) -> None:
    """Calling a mutation as a query is an error."""
    with pytest.raises(mc.FunctionError, match="as Query, but it is defined as Mutation"):
        await deployment.query(STORAGE, {})


async def test_arguments_are_validated(deployment: mc.AsyncDeployment) -> None:
    """A function doesn't run with arguments that its validator refuses."""
    with pytest.raises(mc.ArgumentValidationError) as caught:
        await deployment.query("mastra/nativeVector:read", {"op": "describe"})
    assert caught.value.code == "ArgumentValidationError"


async def test_documents_must_match_the_schema(deployment: mc.AsyncDeployment) -> None:
    """A document that doesn't match the schema is refused with the table and the field."""
    record = {**thread({}), "title": 1}
    with pytest.raises(mc.SchemaError, match=r"(?s)mastra_threads.*Path: \.title"):
        await deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_threads", "record": record})
    assert await load(deployment) is None


async def test_a_closed_deployment_says_so(deployment: mc.AsyncDeployment) -> None:
    """Closing twice does nothing, and a call on a closed deployment raises an error."""
    await deployment.close()
    await deployment.close()
    with pytest.raises(mc.MastraConvexError, match="closed"):
        await load(deployment)


async def test_handles_of_one_process_share_a_folder(tmp_path: Path) -> None:
    """Each handle reads the other's writes, and closing one leaves the other open."""
    first = mc.connect_async(tmp_path)
    second = mc.connect_async(str(tmp_path))
    await save(first, {"by": "first"})
    assert (await load(second))["metadata"] == {"by": "first"}
    await first.close()
    assert (await load(second))["metadata"] == {"by": "first"}
    await second.close()


async def test_handles_with_other_options_are_refused(tmp_path: Path) -> None:
    """A folder that is open in this process can't be opened with other options."""
    async with mc.connect_async(tmp_path):
        with pytest.raises(mc.ConfigurationError, match=r'synchronous is "full", asked for "normal"'):
            async with mc.connect_async(tmp_path, synchronous="normal"):
                pass


async def test_a_folder_keeps_what_was_written(tmp_path: Path) -> None:
    """A folder that is closed and opened again holds all data."""
    async with mc.connect_async(tmp_path / "new" / "folder") as deployment:
        await save(deployment, {"kept": True})
    async with mc.connect_async(tmp_path / "new" / "folder") as deployment:
        assert (await load(deployment))["metadata"] == {"kept": True}


@pytest.mark.parametrize("target", ["", "ftp://example.convex.cloud", "https://", Path("https://example.convex.cloud")])
async def test_targets_that_cannot_be_are_refused(target: str | Path) -> None:
    """An invalid target is refused with the expected ones."""
    with pytest.raises(mc.ConfigurationError):
        async with mc.connect_async(target):
            pass


@pytest.mark.parametrize(
    ("option", "says"), [("timout", "did you mean timeout?"), ("x", "there are: admin_key, auth_token, timeout, ")]
)
async def test_an_unknown_option_is_refused_with_the_near_one(option: str, says: str) -> None:
    with pytest.raises(TypeError, match=rf"connect: unknown options \['{option}'\]; {re.escape(says)}"):
        mc.connect_async(":memory:", **{option: 1})  # type: ignore[misc]


async def test_functions_may_be_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of functions may begin with ``~``."""
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(FUNCTIONS.parent))
    async with mc.connect_async(":memory:", functions="~/functions/plain") as deployment:
        assert await deployment.query("notes:list") == []


async def test_console_lines_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Console lines of functions go to the logger."""
    functions = FUNCTIONS / "plain"
    async with mc.connect_async(":memory:", functions=functions) as deployment:
        with caplog.at_level("INFO", "mastra_convex.functions"):
            await deployment.query("notes:log")
    assert caplog.messages == ["notes:log: [LOG] 'one' 2", "notes:log: [WARN] { three: 3 }"]
