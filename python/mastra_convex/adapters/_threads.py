"""Appending messages to a thread that the first message makes."""

from __future__ import annotations

from mastra_convex import (
    AsyncDeployment,
    AsyncMemory,
    InvalidArgumentError,
    Message,
    Thread,
    UnsupportedOperationError,
)


class ThreadAppender:
    """Appends to one thread, beside the other `records` of its memory. The thread and its first messages are one
    transaction.
    """

    def __init__(self, deployment: AsyncDeployment, thread_id: str, resource_id: str) -> None:
        self._memory = AsyncMemory(deployment)
        self.records = self._memory._records
        self._thread_id, self._resource_id = thread_id, resource_id

    async def append(self, messages: list[Message]) -> None:
        """Save messages, as many per transaction as Convex's limits allow."""
        if not messages:
            return
        try:
            await self._memory._remember(self._thread_id, messages, resource_id=self._resource_id)
        except InvalidArgumentError as error:
            if error.code != "AnotherResource":
                raise
            # The thread is another agent's, which this one joins.
            await self.records.save_messages(messages)
        except UnsupportedOperationError:
            # The functions are npm's.
            if await self.records.get_thread_by_id(self._thread_id) is None:
                await self.records.save_thread(Thread(id=self._thread_id, resource_id=self._resource_id))
            await self.records.save_messages(messages)
