# Generated from _async/list_items.py by tools/unasync.py: edit that.
"""The items of a cache's list, those that are there and those to come."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from mastra_convex._sync._call import NativeDeployment, call
from mastra_convex._sync.subscription import Subscription, end_of, seconds_until
from mastra_convex._replies import from_json
from mastra_convex.errors import FunctionError, TransportTimeoutError

QUERY = "mastra/queries:watchCacheList"

# The types of the last item of Mastra's streams: of agents, and of workflows.
LAST = ("finish", "error", "abort", "workflow-finish", "workflow-canceled")

# A state has all items since the query was asked. After so many it is asked for those that follow.
MOST_REPEATED = 32


class ListItems(Subscription[Any]):
    """An iterator over the items of a list, each once and in order; `ConvexServerCache.follow` makes one."""

    def __init__(
        self,
        open_deployment: Callable[[], NativeDeployment],
        place: str,
        key: str,
        from_: int,
        is_last: Callable[[Any], bool] | None,
    ) -> None:
        self._place = place
        self._key = key
        self._is_last = is_last or ends_a_stream
        self._items: deque[Any] = deque()
        # The index that the query begins at, and that of the next item to come.
        self._first = self._next = from_
        self._list: str | None = None
        self._expires_at: float | None = None
        super().__init__(open_deployment, QUERY, self._request(), lambda state: state)

    def next(self, timeout: float | None = None) -> Any:
        """Wait for the next item.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait; 0 checks without waiting. By default there is no limit.

        Returns
        -------
        object
            The item.

        Raises
        ------
        TransportTimeoutError
            No item came in that time. The iteration continues.
        StopIteration
            The last item was returned, the list was deleted or has expired, or this is closed.
        FunctionError
            The key holds a value or a counter; code ``WrongKind``.
        MastraConvexError
            The deployment can't be reached, refuses the credential, or lacks the query.
        """
        end = end_of(timeout)
        while not self._items:
            self._read(timeout, end)
        item = self._items.popleft()
        if self._is_last(item):
            self._items.clear()
            self.close()
        return item

    def _read(self, timeout: float | None, end: float | None) -> None:
        """Wait for a state, and take its new items."""
        lives = None if self._expires_at is None else max(0.0, self._expires_at - time.time())
        left = seconds_until(end)
        is_life_shorter = lives is not None and (left is None or lives <= left)
        try:
            state = self._next_until(timeout, end_of(lives) if is_life_shorter else end)
        except TransportTimeoutError:
            if not is_life_shorter:
                raise
            # Nothing is written when a list expires.
            state = None
        if state is not None and (state["expiresAt"] or math.inf) <= time.time() * 1000:
            state = None
        if self._list is not None and (state is None or state["_id"] != self._list):
            self.close()
        elif state is not None:
            self._take(state)
            if state["hasMore"] or self._next - self._first >= MOST_REPEATED:
                self._first = self._next
                call(self._ask, self._request())

    def _take(self, state: Mapping[str, Any]) -> None:
        if state["kind"] != "list":
            raise FunctionError(f"{self._place}: {self._key} exists but is not an array", code="WrongKind")
        self._list = state["_id"]
        self._expires_at = None if state["expiresAt"] is None else state["expiresAt"] / 1000
        new = state["items"][self._next - self._first :]
        self._items += [from_json(f"{QUERY}: {self._key}", text) for text in new]
        self._next += len(new)

    def _request(self) -> dict[str, Any]:
        return {"key": self._key, "from": float(self._first)}


def ends_a_stream(item: Any) -> bool:
    """Whether an item is the last one of a stream of Mastra's."""
    return isinstance(item, Mapping) and item.get("type") in LAST
