"""Appending messages to a thread that the first message makes."""

from __future__ import annotations

from mastra_convex import (
    AsyncConvexStore,
    AsyncDeployment,
    AsyncMemory,
    InvalidArgumentError,
    Message,
    Thread,
    UnsupportedOperationError,
)


class ThreadAppender:
    """Appends to one thread. The thread and its first messages are one transaction."""

    def __init__(self, deployment: AsyncDeployment, thread_id: str, resource_id: str) -> None:
        self._memory = AsyncMemory(deployment)
        self._records = AsyncConvexStore(deployment).memory
        self._thread_id, self._resource_id = thread_id, resource_id

    async def append(self, messages: list[Message]) -> None:
        """Save messages, as many per transaction as Convex's limits allow."""
        if not messages:
            return
        try:
            await self._memory.remember(self._thread_id, messages, resource_id=self._resource_id)
        except InvalidArgumentError as error:
            if error.code != "AnotherResource":
                raise
            # The thread is another agent's, which this one joins.
            await self._records.save_messages(messages)
        except UnsupportedOperationError:
            # The functions are npm's.
            if await self._records.get_thread_by_id(self._thread_id) is None:
                await self._records.save_thread(Thread(id=self._thread_id, resource_id=self._resource_id))
            await self._records.save_messages(messages)
