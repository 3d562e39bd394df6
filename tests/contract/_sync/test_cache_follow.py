# Generated from _async/test_cache_follow.py by tools/unasync.py: edit that.
"""`follow`: the items of a list, those that are there and those to come."""

from __future__ import annotations

from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._sync._call import together


@pytest.fixture
def cache(deployment: mc.Deployment) -> mc.ConvexServerCache:
    return mc.ConvexServerCache(deployment)


def event(n: int, type: str = "chunk") -> dict[str, Any]:
    """An event as Mastra's durable agents publish it, with its text."""
    return {"type": type, "runId": "r", "data": {"$text": f"naïve {n}"}}


def test_a_stream_is_replayed_then_live_and_ends(cache: mc.ConvexServerCache) -> None:
    """Each item comes once and in order: those that were there, then each new one, until the stream says that it
    ended.
    """
    for n in range(3):
        cache.list_push_indexed("l", "n", event(n))
    items = cache.follow("l")
    assert [items.next(timeout=20) for _ in range(3)] == [{**event(n), "index": n} for n in range(3)]
    with pytest.raises(mc.TransportTimeoutError, match=r"did not change within 0.02 s"):
        items.next(timeout=0.02)
    for n in range(3, 100):
        cache.list_push_indexed("l", "n", event(n))
        assert (items.next(timeout=20))["index"] == n
    cache.list_push_indexed("l", "n", event(100, "finish"))
    cache.list_push_indexed("l", "n", event(101))
    assert [item["index"] for item in items] == [100]
    assert [item["index"] for item in items] == []


def test_a_client_goes_on_where_it_stopped(cache: mc.ConvexServerCache) -> None:
    """A client that returns names the index of the next item, which may not exist yet."""
    for n in range(60):
        cache.list_push("l", event(n))
    cache.list_push("l", event(60, "finish"))
    assert [item["data"] for item in cache.follow("l", 58)] == [event(n)["data"] for n in (58, 59, 60)]
    items = cache.follow("l", 62)
    with pytest.raises(mc.TransportTimeoutError):
        items.next(timeout=0.1)
    cache.list_push("l", event(61))
    cache.list_push("l", event(62, "abort"))
    assert [item["type"] for item in items] == ["abort"]


def test_more_items_than_a_state_holds_come_whole(cache: mc.ConvexServerCache) -> None:
    """A list that is longer than a transaction reads comes whole and in order."""
    texts = [f"{n}{'x' * 500_000}" for n in range(20)]
    for text in texts:
        cache.list_push("l", text)
    cache.list_push("l", None)
    assert [item for item in cache.follow("l", is_last=lambda item: item is None)] == [*texts, None]


def test_a_list_is_awaited(cache: mc.ConvexServerCache) -> None:
    """A client may follow a list before it begins, while others write it."""
    with cache.follow("l") as items:
        with pytest.raises(mc.TransportTimeoutError):
            items.next(timeout=0)

        def write() -> list[Any]:
            for n in range(200):
                cache.list_push("l", {"n": n})
            cache.list_push("l", {"type": "workflow-finish"})
            return []

        def read() -> list[Any]:
            return [item for item in items]

        _, found = together([write, read])
    assert found == [*({"n": n} for n in range(200)), {"type": "workflow-finish"}]


@pytest.mark.parametrize("ending", ["delete", "clear", "set", "again", "expire"])
def test_a_list_that_is_gone_ends(cache: mc.ConvexServerCache, ending: str) -> None:
    """A list that was deleted, was replaced, began anew or has expired has no more items. Those that came, came."""
    cache.list_push("l", 1)
    items = cache.follow("l")
    assert items.next(timeout=20) == 1
    with pytest.raises(mc.TransportTimeoutError):
        items.next(timeout=0)
    if ending == "delete":
        cache.delete("l")
    elif ending == "clear":
        cache.clear()
    elif ending == "set":
        cache.set("l", 2)
    elif ending == "again":
        cache.delete("l")
        cache.list_push("l", 2)
    else:
        short = mc.ConvexServerCache(cache._deployment, ttl_ms=300)
        short.list_push("l", 2)
        assert items.next(timeout=20) == 2
    assert [item for item in items] == []


def test_a_list_that_has_expired_is_none(cache: mc.ConvexServerCache) -> None:
    """A list that expired before is not replayed; the next one at its key is followed."""
    mc.ConvexServerCache(cache._deployment, ttl_ms=1).list_push("l", 1)
    items = cache.follow("l")
    with pytest.raises(mc.TransportTimeoutError):
        items.next(timeout=0.2)
    cache.list_push("l", {"type": "finish"})
    assert [item for item in items] == [{"type": "finish"}]


def test_a_key_without_a_list_is_refused(cache: mc.ConvexServerCache) -> None:
    """A key that holds a value or a counter raises an error with the key and the kind."""
    cache.set("v", 1)
    cache.increment("n")
    for key in ("v", "n"):
        with pytest.raises(mc.FunctionError, match=f"mastra:cache:{key} exists but is not an array") as caught:
            cache.follow(key).next(timeout=20)
        assert caught.value.code == "WrongKind"


def test_a_closed_iteration_ends(cache: mc.ConvexServerCache) -> None:
    """Closing ends the iteration, whatever was there."""
    cache.list_push("l", 1)
    items = cache.follow("l")
    items.close()
    assert [item for item in items] == []


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("",), {}, "key ''; expected text, not empty"),
        (("l", -1), {}, "from_ -1; expected an integer from 0"),
        (("l", 0.5), {}, "from_ 0.5; expected an integer from 0"),
        (("l",), {"is_last": "finish"}, "is_last is 'finish'; expected a function of an item"),
    ],
)
def test_invalid_arguments_are_named(
    cache: mc.ConvexServerCache, arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    """An invalid argument raises an error with the argument, its value and the expected form."""
    with pytest.raises(mc.InvalidArgumentError, match=f"^ConvexServerCache.follow: {message}"):
        cache.follow(*arguments, **options)
