"""`ConvexServerCache`: values, lists and counters that expire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.folders import functions_with

HANDLE = "mastra/cache:handle"


@pytest.fixture
def cache(deployment: mc.AsyncDeployment) -> mc.AsyncConvexServerCache:
    return mc.AsyncConvexServerCache(deployment)


async def as_npm(deployment: mc.AsyncDeployment, op: str, **fields: Any) -> Any:
    """The result of an operation, called as the npm client calls it."""
    reply = await deployment.mutation(HANDLE, {"op": op, **fields})
    assert reply["ok"], reply
    return reply.get("result")


VALUES = [
    None,
    True,
    0,
    -1.5,
    "",
    "naïve 🙂",
    [],
    [1, [None]],
    {"$schema": "https://example.org", "ключ": {"": 1}},
    {"a": {"b": ["x", {"c": None}]}},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_a_value_comes_back_whatever_its_keys(cache: mc.AsyncConvexServerCache, value: Any) -> None:
    """A value comes back unchanged, even with keys that Convex refuses."""
    await cache.set("k", value)
    assert await cache.get("k") == value
    await cache.list_push("l", value)
    assert await cache.list_from_to("l", 0) == [value]


async def test_dates_become_iso_text(cache: mc.AsyncConvexServerCache) -> None:
    """Dates in a value are stored as JSON.stringify writes them."""
    await cache.set("k", {"at": datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=UTC)})
    assert await cache.get("k") == {"at": "2026-01-02T03:04:05.678Z"}


async def test_npm_reads_what_python_writes_and_the_other_way_round(
    deployment: mc.AsyncDeployment, cache: mc.AsyncConvexServerCache
) -> None:
    """Values written in Python can be read by npm's functions, and the other way round."""
    await cache.set("a", {"n": [1]})
    assert await as_npm(deployment, "get", key="mastra:cache:a") == {"n": [1]}
    await as_npm(
        deployment, "set", key="mastra:cache:b", keyPrefix="mastra:cache:", value={"text": "1"}, expiresAt=None
    )
    assert await cache.get("b") == {"text": "1"}


async def test_a_key_that_is_missing_or_of_another_kind_has_no_value(cache: mc.AsyncConvexServerCache) -> None:
    """Reading a missing key or one of another kind returns None, and raises only if Mastra does."""
    assert await cache.get("nothing") is None
    assert await cache.list_length("nothing") == 0
    assert await cache.list_from_to("nothing", 0) == []
    await cache.delete("nothing")
    await cache.list_push("l", 1)
    await cache.increment("n")
    assert [await cache.get("l"), await cache.get("n")] == [None, None]
    assert await cache.list_from_to("n", 0) == []


async def test_writing_to_another_kind_changes_nothing(cache: mc.AsyncConvexServerCache) -> None:
    """Writing to a key of another kind raises an error with the key and the kind. Only `set` replaces it."""
    await cache.set("v", 1)
    await cache.increment("n")
    for call, message in [
        (lambda: cache.list_push("v", 1), "mastra:cache:v exists but is not an array"),
        (lambda: cache.list_length("n"), "mastra:cache:n exists but is not an array"),
        (lambda: cache.increment("v"), "mastra:cache:v exists but is not a number"),
        (lambda: cache.list_push_indexed("l", "v", {}), "mastra:cache:v exists but is not a number"),
    ]:
        with pytest.raises(mc.FunctionError, match=message) as caught:
            await call()
        assert caught.value.code == "WrongKind"
    assert await cache.get("v") == 1
    assert await cache.list_length("l") == 0
    await cache.set("n", "text")
    assert await cache.get("n") == "text"


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [(0, -1, [0, 1, 2, 3]), (1, 2, [1, 2]), (-2, -1, [2, 3]), (-9, 0, [0]), (2, 99, [2, 3]), (3, 2, []), (9, 12, [])],
)
async def test_both_ends_of_a_range_are_included(
    cache: mc.AsyncConvexServerCache, from_: int, to: int, expected: list[int]
) -> None:
    """A range of a list includes both ends, and negative indexes count from the end."""
    for item in range(4):
        await cache.list_push("l", item)
    assert await cache.list_from_to("l", from_, to) == expected


async def test_a_list_longer_than_a_transaction_reads_comes_whole(cache: mc.AsyncConvexServerCache) -> None:
    """A list that is longer than one transaction can read comes back whole and in order, and can be deleted."""
    items = [f"{item}{'x' * 1_000_000}" for item in range(20)]
    for text in items:
        await cache.list_push("l", text)
    assert await cache.list_from_to("l", 1) == items[1:]
    await cache.delete("l")
    assert await cache.list_length("l") == 0


async def test_list_push_indexed_gives_each_item_its_index(cache: mc.AsyncConvexServerCache) -> None:
    """An appended item contains its index, which is the counter's number minus 1."""
    given = {"type": "text", "$delta": "Hi", "index": "overwritten"}
    assert [await cache.list_push_indexed("l", "n", given) for _ in range(3)] == [0, 1, 2]
    assert await cache.list_from_to("l", 1) == [{**given, "index": 1}, {**given, "index": 2}]
    assert await cache.increment("n") == 4
    assert given["index"] == "overwritten"


async def stored(deployment: mc.AsyncDeployment) -> mc.AsyncConvexServerCache:
    """A cache with two keys that have expired, one that will, and one that won't."""
    cache = mc.AsyncConvexServerCache(deployment, ttl_ms=0)
    await cache.set("never", 1)
    await cache.set("later", 1, ttl_ms=1_000_000)
    for key in ("gone", "gone too"):
        await as_npm(
            deployment, "set", key=f"mastra:cache:{key}", keyPrefix="mastra:cache:", value=1, expiresAt=1_000_000
        )
    return cache


async def test_a_key_expires_and_begins_anew(deployment: mc.AsyncDeployment) -> None:
    """An expired key counts as missing, for each kind of value."""
    cache = await stored(deployment)
    assert [await cache.get(key) for key in ("never", "later", "gone")] == [1, 1, None]
    assert await cache.increment("gone") == 1
    await cache.list_push("gone too", "a")
    assert await cache.list_from_to("gone too", 0) == ["a"]


async def test_sweep_deletes_what_has_expired(deployment: mc.AsyncDeployment) -> None:
    """Sweeping deletes the expired keys and no others."""
    cache = await stored(deployment)
    await cache.sweep()
    assert [await cache.get(key) for key in ("never", "later")] == [1, 1]
    # Setting the key would replace an expired row that wasn't deleted.
    key = {"key": "mastra:cache:gone", "keyPrefix": "mastra:cache:", "expiresAt": None}
    assert await as_npm(deployment, "increment", **key) == 1


async def test_the_last_write_decides_when_a_key_expires(deployment: mc.AsyncDeployment) -> None:
    """The last write sets the time to expire; with a ttl_ms of 0 the key never expires."""
    short = mc.AsyncConvexServerCache(deployment, ttl_ms=1)
    endless = mc.AsyncConvexServerCache(deployment, ttl_ms=0)
    # The counter comes first, since reading whether it has expired increments it.
    await short.increment("n")
    await short.set("v", 1)
    await short.list_push("l", 1)
    while await endless.get("v") is not None or await endless.list_length("l"):
        pass
    assert await endless.increment("n") == 1
    await endless.list_push("l", 2)
    await short.set("v", 3, ttl_ms=0)
    await short.set("w", 3)
    while await short.get("w") is not None:
        pass
    assert [await short.get("v"), await short.list_from_to("l", 0), await short.increment("n")] == [3, [2], 2]
    past = {"keyPrefix": "mastra:cache:", "expiresAt": 1}
    await as_npm(deployment, "listPush", key="mastra:cache:l", value=3, **past)
    await as_npm(deployment, "increment", key="mastra:cache:n", **past)
    assert [await endless.list_length("l"), await endless.increment("n")] == [0, 1]


async def test_clear_deletes_the_keys_of_exactly_its_prefix(deployment: mc.AsyncDeployment) -> None:
    """Clearing deletes the keys of exactly this prefix, lists too long for one transaction included."""
    cache = mc.AsyncConvexServerCache(deployment, key_prefix="mastra:")
    other = mc.AsyncConvexServerCache(deployment, key_prefix="mastra:cache:")
    for number in range(60):
        await cache.list_push("l", number)
        await cache.set(f"v{number}", number)
        await other.list_push("l", number)
    await cache.clear()
    await cache.clear()
    assert [await cache.get("v0"), await cache.list_length("l")] == [None, 0]
    assert await other.list_length("l") == 60
    await cache.list_push("l", "new")
    assert await cache.list_from_to("l", 0) == ["new"]


async def test_a_cleanup_that_takes_too_long_stops_and_says_how_to_continue(deployment: mc.AsyncDeployment) -> None:
    """An operation that cleans up for too long raises an error, and calling it again continues the work."""
    cache = mc.AsyncConvexServerCache(deployment, timeout=1e-9)
    for number in range(60):
        await cache.list_push("l", number)
    with pytest.raises(mc.TransportTimeoutError, match="Call it again") as caught:
        await cache.delete("l")
    assert caught.value.is_retryable
    assert await cache.list_length("l") == 0
    await mc.AsyncConvexServerCache(deployment, timeout=0).delete("l")


CYCLE: list[Any] = []
CYCLE.append(CYCLE)

BAD_VALUES = [
    ({"a": CYCLE}, r"ConvexServerCache\.set: value\['a'\]\[0\] contains itself"),
    ({"a": [1, {2}]}, r"value\['a'\]\[1\] is \{2\}, a set"),
    (float("nan"), "value is nan; expected a finite number"),
    ({(1,): 1}, r"value: key \(1,\); expected text"),
    (datetime(2026, 1, 1), "no time zone"),
    ("\ud800", "lone surrogate"),
]


@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
async def test_a_value_that_is_not_json_is_refused_with_its_place(
    cache: mc.AsyncConvexServerCache, value: Any, message: str
) -> None:
    """A value that isn't JSON is refused before anything is sent, and the error names the place in it."""
    await cache.set("k", "before")
    with pytest.raises(mc.InvalidArgumentError, match=message):
        await cache.set("k", value)
    assert await cache.get("k") == "before"


async def test_a_value_over_one_mebibyte_is_refused(cache: mc.AsyncConvexServerCache) -> None:
    """The value is refused before anything is sent, and the message has the limit. Convex counts the key's size too."""
    with pytest.raises(mc.InvalidArgumentError, match=r"set: value has 1048578 bytes as JSON; .* 1048576 bytes"):
        await cache.set("k", "x" * (1 << 20))
    with pytest.raises(mc.LimitExceededError, match="maximum size 1 MiB"):
        await cache.set("k", "x" * ((1 << 20) - 2))
    assert await cache.get("k") is None


async def test_arguments_that_cannot_be_are_named(deployment: mc.AsyncDeployment) -> None:
    """An invalid argument raises an error with the method, the value and the expected form."""
    cache = mc.AsyncConvexServerCache(deployment)
    not_text: Any = 1
    for call, message in [
        (lambda: cache.get(""), r"ConvexServerCache\.get: key ''; expected text"),
        (lambda: cache.set(not_text, 1), r"set: key 1; expected text"),
        (lambda: cache.set("k", 1, ttl_ms=-1), "set: ttl_ms -1; expected a number, 0 for no end"),
        (lambda: cache.set("k", 1, ttl_ms=float("nan")), "ttl_ms nan"),
        (lambda: mc.AsyncConvexServerCache(deployment, cache_function="").get("k"), "cache_function is ''"),
        (lambda: cache.list_from_to("k", True), "list_from_to: from_ True; expected an integer"),
        (lambda: cache.list_push_indexed("k", "k", {}), "list_push_indexed: list_key and counter_key are both 'k'"),
        (lambda: cache.list_push_indexed("l", "n", not_text), "list_push_indexed: value 1; expected a mapping"),
    ]:
        with pytest.raises(mc.InvalidArgumentError, match=message):
            await call()
    # A key that is refused can still be used.
    assert await cache.increment("k") == 1
    for options, message in [
        ({"ttl_ms": -5}, "ttl_ms -5"),
        ({"timeout": "5"}, "timeout '5'"),
        ({"key_prefix": 1}, "prefix"),
    ]:
        with pytest.raises(mc.InvalidArgumentError, match=message):
            mc.AsyncConvexServerCache(deployment, **options)


UPSTREAM = """
import { cache } from "./operations/cache";
import { answer, prepareFor } from "./operations/operation";
import { internalMutationGeneric as internalMutation } from "convex/server";

const { version, sweep, listPushIndexed, ...known } = cache;

export const handle = internalMutation({
  handler: async (ctx, { valueJson, asJson, cursor, ...request }) =>
    await answer(ctx, () => prepareFor(request, known, "mastra_cache")),
});
"""


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[mc.AsyncConvexServerCache]:
    """A cache whose functions have only the features of ``@mastra/convex``: no version, no JSON text."""
    functions = functions_with(tmp_path / "convex", {"mastra/cache.ts": UPSTREAM})
    async with mc.AsyncConvexServerCache(":memory:", functions=functions) as cache:
        yield cache


async def test_functions_of_npm_serve_all_but_keys_that_convex_refuses(upstream: mc.AsyncConvexServerCache) -> None:
    """With npm's functions everything works except keys that Convex refuses. These store nothing."""
    await upstream.set("v", {"text": "1"})
    assert await upstream.get("v") == {"text": "1"}
    assert [await upstream.list_push_indexed("l", "n", {"a": 1}) for _ in range(2)] == [0, 1]
    assert await upstream.list_from_to("l", -1) == [{"a": 1, "index": 1}]
    with pytest.raises(mc.InvalidArgumentError, match=r"\$schema"):
        await upstream.set("v", {"$schema": 1})
    with pytest.raises(mc.FunctionError, match="Unsupported operation sweep"):
        await upstream.sweep()
    assert await upstream.get("v") == {"text": "1"}


AGENT = """
import os, sys
import mastra_convex as mc

with mc.ConvexServerCache(sys.argv[1]) as cache:
    for word in ["The", "kettle", "is", "on"]:
        cache.list_push_indexed("run-1:events", "run-1:count", {"type": "text-delta", "text": word})
    print("told", flush=True)
    os._exit(1)
"""


async def test_a_stream_is_replayed_after_a_restart(tmp_path: Path) -> None:
    """A reader who saw two events of an agent that died gets the other events, and those of the next process."""
    folder = tmp_path / "data"
    died = subprocess.run([sys.executable, "-c", AGENT, str(folder)], capture_output=True, text=True, timeout=60)
    assert (died.returncode, died.stdout) == (1, "told\n"), died.stderr
    async with mc.AsyncConvexServerCache(folder) as cache:
        await cache.list_push_indexed("run-1:events", "run-1:count", {"type": "finish"})
        replayed = await cache.list_from_to("run-1:events", 2)
    assert replayed == [
        {"type": "text-delta", "text": "is", "index": 2},
        {"type": "text-delta", "text": "on", "index": 3},
        {"type": "finish", "index": 4},
    ]
