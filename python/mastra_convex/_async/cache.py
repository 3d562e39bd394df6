"""`AsyncConvexServerCache`: values, lists and counters that expire, shared by all processes of a program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from mastra_convex._arguments import (
    as_duration,
    as_integer,
    as_number,
    as_seconds,
    key_text,
    plain,
)
from mastra_convex._async.client import AsyncClient
from mastra_convex._async.deployment import AsyncDeployment, Target
from mastra_convex._async.list_items import AsyncListItems
from mastra_convex._async.subscription import AsyncSubscription
from mastra_convex._json import to_json
from mastra_convex._public import public
from mastra_convex._replies import checked_reply, from_json, next_cursor
from mastra_convex.errors import FunctionError, InvalidArgumentError, TransportTimeoutError
from mastra_convex.records._columns import MOST_BYTES

# An operation that first cleans up asks to be called again. Each such call deletes at least one row, usually 25.
MAX_CALLS = 1000


@public
class AsyncConvexServerCache(AsyncClient):
    """Mastra's server cache. It replays an agent's stream to a returning client, and keeps responses.

    Keys live in the table ``mastra_cache``, where npm ``@mastra/convex`` reads them. A key holds a value, a list or a
    counter until it expires. Each method is one transaction, unless it must first delete a list of more than 25 items.

    Parameters
    ----------
    deployment : AsyncDeployment, or what ``connect_async`` takes
        Where the cache is. This object closes the deployment if it opened it.
    key_prefix : str, default "mastra:cache:"
        The beginning of all keys. `clear` deletes the keys that were written with exactly this prefix. If one prefix
        begins another, two caches can share a key, so end prefixes with a separator.
    ttl_ms : float, default 300_000
        Milliseconds from the last write until a key expires, by this machine's clock. 0 means never.
    cache_function : str, default "mastra/cache:handle"
        The path of the cache function.
    timeout : float, default 30
        Seconds that a method may take with all its calls; 0 for no limit. With a target, this is also ``connect``'s
        timeout. If an open deployment was passed, its own timeout applies to each call.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: AsyncDeployment | Target,
        *,
        key_prefix: str = "mastra:cache:",
        ttl_ms: float = 300_000,
        cache_function: str = "mastra/cache:handle",
        timeout: float = 30,
        **options: Any,
    ) -> None:
        if not isinstance(key_prefix, str):
            raise InvalidArgumentError(f"ConvexServerCache: key_prefix {key_prefix!r}; expected text")
        self.key_prefix = plain(key_prefix)
        self.ttl_ms = as_duration("ConvexServerCache: ttl_ms", ttl_ms)
        self._timeout = as_seconds("ConvexServerCache: timeout", timeout)
        self._function = key_text("ConvexServerCache: cache_function", cache_function)
        self._takes_json: bool | None = None
        if timeout and not isinstance(deployment, AsyncDeployment):
            options["timeout"] = timeout
        super().__init__(deployment, **options)

    async def get(self, key: str) -> Any:
        """Return the value of a key. None if it is missing, has expired, or holds a list or counter."""
        key = self._key("ConvexServerCache.get", key)
        if await self._json():
            text = await self._settle("get", key=key, asJson=True)
            return None if text is None else from_json(f"{self._function}: get", text)
        return await self._settle("get", key=key)

    async def set(self, key: str, value: object, ttl_ms: float | None = None) -> None:
        """Set a key to a value, replacing anything it held.

        Parameters
        ----------
        key : str
            Any text that isn't empty.
        value : object
            Any JSON, with any keys; dates become ISO text. At most 1 MiB, Convex's limit.
        ttl_ms : float, optional
            Milliseconds until the key expires, by default the cache's. 0 means never.

        Raises
        ------
        InvalidArgumentError
            The value isn't JSON (the error names the place in it), or it is too large.
        """
        key = self._key("ConvexServerCache.set", key)
        ttl_ms = self.ttl_ms if ttl_ms is None else as_duration("ConvexServerCache.set: ttl_ms", ttl_ms)
        await self._write("set", ttl_ms, key=key, **await self._value("ConvexServerCache.set", value))

    async def delete(self, key: str) -> None:
        """Delete a key. Does nothing if it is missing."""
        await self._settle("delete", key=self._key("ConvexServerCache.delete", key))

    async def clear(self) -> None:
        """Delete all keys that were written with exactly this prefix, in several transactions if there are many."""
        await self._settle("clear", keyPrefix=self.key_prefix)

    async def sweep(self) -> None:
        """Delete the expired keys of this prefix. Until then they are only hidden."""
        await self._settle("sweep", keyPrefix=self.key_prefix)

    async def increment(self, key: str) -> int:
        """Add 1 to a counter, which begins at 0, and return it. This restarts its time to expire.

        Raises
        ------
        FunctionError
            The key holds a value or a list; code ``WrongKind``.
        """
        return int(await self._write("increment", self.ttl_ms, key=self._key("ConvexServerCache.increment", key)))

    async def list_push(self, key: str, value: object) -> None:
        """Append a value, as in `set`, to a list, which begins empty. This restarts the list's time to expire.

        Raises
        ------
        InvalidArgumentError
            The value isn't JSON (the error names the place in it), or it is too large.
        FunctionError
            The key holds a value or a counter; code ``WrongKind``.
        """
        key = self._key("ConvexServerCache.list_push", key)
        await self._write("listPush", self.ttl_ms, key=key, **await self._value("ConvexServerCache.list_push", value))

    async def list_push_indexed(self, list_key: str, counter_key: str, value: Mapping[str, Any]) -> int:
        """Append a mapping with an ``index`` from a counter, and return the index. This restarts both times to expire.

        Each writer gets its own index, from 0 on, and the list is in the order of the indexes.

        Raises
        ------
        InvalidArgumentError
            The keys are equal, or the value isn't a mapping, isn't JSON, or is too large.
        FunctionError
            `list_key` holds no list, or `counter_key` no counter; code ``WrongKind``.
        """
        place = "ConvexServerCache.list_push_indexed"
        if list_key == counter_key:
            raise InvalidArgumentError(f"{place}: list_key and counter_key are both {list_key!r}; expected two keys")
        list_key, counter_key = self._key(place, list_key), self._key(place, counter_key)
        if not isinstance(value, Mapping):
            raise InvalidArgumentError(f"{place}: value {value!r}; expected a mapping")
        fields = await self._value(place, value)
        if await self._json():
            index = await self._write("listPushIndexed", self.ttl_ms, key=list_key, counterKey=counter_key, **fields)
            return int(index)
        index = int(await self._write("increment", self.ttl_ms, key=counter_key)) - 1
        await self._write("listPush", self.ttl_ms, key=list_key, value={**value, "index": index})
        return index

    async def list_length(self, key: str) -> int:
        """Return the number of a list's items; 0 if it is missing or has expired.

        Raises
        ------
        FunctionError
            The key holds a value or a counter; code ``WrongKind``.
        """
        return int(await self._settle("listLength", key=self._key("ConvexServerCache.list_length", key)))

    async def list_from_to(self, key: str, from_: int, to: int = -1) -> list[Any]:
        """Return a list's items from one index to another, both included.

        Parameters
        ----------
        key : str
            The list.
        from_, to : int
            Counted from 0. Negative numbers count from the end: -1 is the last item. Positions outside the list are
            ignored.

        Returns
        -------
        list
            The items in the order in which they were appended; empty if the key is missing, has expired, or holds no
            list. If there are more items than a transaction may read, several transactions read them. They see the same
            list unless it is deleted meanwhile.
        """
        key = self._key("ConvexServerCache.list_from_to", key)
        for name, index in (("from_", from_), ("to", to)):
            if not isinstance(as_number(index), int):
                raise InvalidArgumentError(f"ConvexServerCache.list_from_to: {name} {index!r}; expected an integer")
        request: dict[str, Any] = {"op": "listFromTo", "key": key, "from": int(from_), "to": int(to)}
        if not await self._json():
            return list((await self._reply(request))["result"])
        items: list[Any] = []
        cursor = None
        while True:
            reply = await self._reply({**request, "asJson": True, "cursor": cursor})
            items += [from_json(f"{self._function}: listFromTo", text) for text in reply["result"]]
            if not reply.get("hasMore"):
                return items
            cursor = next_cursor(self._function, reply)

    def follow(
        self, key: str, from_: int = 0, *, is_last: Callable[[Any], bool] | None = None
    ) -> AsyncSubscription[Any]:
        """Follow a list: replay its items, then get each one as it is appended.

        The list needn't exist yet. The iteration ends behind the last item of the stream. It also ends if the list is
        deleted, begins anew or expires, for instance because its writer died.

        Parameters
        ----------
        key : str
            The list. Mastra's durable agents keep their streams at ``f"pubsub:agent.stream.{run_id}"``.
        from_ : int, default 0
            The index of the first item, counted from 0: a client that returns goes on behind the items that it has.
        is_last : callable, optional
            Tells whether an item is the last one. By default it is one with a ``type`` that ends Mastra's streams:
            ``finish``, ``error``, ``abort``, ``workflow-finish`` or ``workflow-canceled``.

        Returns
        -------
        AsyncSubscription
            An iterator over the items, each once and in order; a context manager; ``next(timeout=…)``; ``close()``.
            Nothing is read before the first item is requested. Errors come with ``next``: a `FunctionError` with the
            code ``WrongKind`` if the key holds a value or a counter.
        """
        place = "ConvexServerCache.follow"
        first = as_integer(f"{place}: from_", from_, 0, 2**53)
        if is_last is not None and not callable(is_last):
            raise InvalidArgumentError(f"{place}: is_last is {is_last!r:.80}; expected a function of an item")
        return AsyncListItems(self._functions._open, place, self._key(place, key), first, is_last)

    def _key(self, place: str, key: str) -> str:
        if not isinstance(key, str) or not key:
            raise InvalidArgumentError(f"{place}: key {key!r}; expected text, not empty")
        return self.key_prefix + key

    async def _value(self, place: str, value: object) -> dict[str, object]:
        """The request's fields for a value."""
        text = to_json(f"{place}: value", value)
        size = len(text.encode(errors="replace"))
        if size > MOST_BYTES:
            raise InvalidArgumentError(
                f"{place}: value has {size} bytes as JSON; Convex's limit for a document is {MOST_BYTES} bytes"
            )
        return {"valueJson": text} if await self._json() else {"value": json.loads(text)}

    async def _json(self) -> bool:
        """Whether the functions accept JSON text. Those of ``@mastra/convex`` don't, and have no version."""
        if self._takes_json is None:
            self._takes_json = (await self._call({"op": "version"}))["ok"]
        return self._takes_json

    async def _write(self, op: str, ttl_ms: float, **fields: object) -> Any:
        expires_at = time.time() * 1000 // 1 + ttl_ms if ttl_ms else None
        return await self._settle(op, keyPrefix=self.key_prefix, expiresAt=expires_at, **fields)

    async def _settle(self, op: str, **fields: object) -> Any:
        """The result of an operation, called again while it only cleans up."""
        began = time.monotonic()
        for _ in range(MAX_CALLS):
            reply = await self._reply({"op": op, **fields})
            if not reply.get("hasMore"):
                return reply.get("result")
            if self._timeout and time.monotonic() - began > self._timeout:
                raise TransportTimeoutError(
                    f"ConvexServerCache: {op} had not cleaned up after {self._timeout} seconds",
                    hint="Call it again: it continues where it stopped.",
                    is_retryable=True,
                )
        raise FunctionError(
            f"ConvexServerCache: {op} had not cleaned up after {MAX_CALLS} calls",
            code="TooManyCalls",
            hint="Call it again: it continues where it stopped.",
            is_retryable=True,
        )

    async def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        reply = await self._call(request)
        if not reply["ok"]:
            raise FunctionError(f"{self._function}: {request['op']}: {reply['error']}", code=reply.get("code"))
        return reply

    async def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        reads = request["op"] in ("get", "listLength", "listFromTo", "version")
        send = self._functions.read if reads else self._functions.call
        reply = await send("mutation", self._function, request)
        return checked_reply(f"{self._function}: {request['op']}", request["op"], reply)
