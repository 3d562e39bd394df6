"""`ConvexChatMessageHistory`: LangChain's chat history in a thread of Mastra's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage, ToolMessage, message_to_dict, messages_from_dict

from mastra_convex import AsyncConvexStore, ConvexStore, Message, Thread, ThreadNotFoundError
from mastra_convex._ids import new_id
from mastra_convex.adapters._faces import Faces, Given

# LangChain's types of messages, as Mastra's roles. A tool's result is a part of an assistant's message there.
ROLES = {"human": "user", "system": "system"}


class ConvexChatMessageHistory(BaseChatMessageHistory):
    """The messages of one conversation, kept as a thread that Mastra's agents read too.

    A TypeScript agent sees roles, texts and results of tools. All else that LangChain keeps with a message is in the
    metadata of its content, so messages come back here as they were added.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the memory is. This object closes only what it opened itself.
    session_id : str
        The id of the thread, which the first message makes.
    resource_id : str, default "langchain"
        The owner of the thread.
    **options
        ``connect``'s, with a target.
    """

    def __init__(self, deployment: Given, session_id: str, *, resource_id: str = "langchain", **options: Any) -> None:
        self._faces = Faces(deployment, **options)
        self._memory = ConvexStore(self._faces.blocking).memory
        self._async_memory = AsyncConvexStore(self._faces.awaited).memory
        self.session_id = session_id
        self.resource_id = resource_id

    # LangChain declares an attribute; reading it has always meant reading the store.
    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All messages, oldest first."""
        return [_from_message(message) for message in self._memory.iter_messages(self.session_id)]

    async def aget_messages(self) -> list[BaseMessage]:
        """All messages, oldest first."""
        return [_from_message(message) async for message in self._async_memory.iter_messages(self.session_id)]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, all in one transaction where Convex's limits hold it.

        A message whose id is known replaces the one that has it.
        """
        records = [self._to_message(message) for message in messages]
        try:
            self._memory.save_messages(records)
        except ThreadNotFoundError:
            self._memory.save_thread(self._thread())
            self._memory.save_messages(records)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """As `add_messages`."""
        records = [self._to_message(message) for message in messages]
        try:
            await self._async_memory.save_messages(records)
        except ThreadNotFoundError:
            await self._async_memory.save_thread(self._thread())
            await self._async_memory.save_messages(records)

    def clear(self) -> None:
        """Delete the thread with its messages."""
        self._memory.delete_thread(self.session_id)

    async def aclear(self) -> None:
        """As `clear`."""
        await self._async_memory.delete_thread(self.session_id)

    def close(self) -> None:
        """Close the deployment, if this object opened it."""
        self._faces.close()

    def _thread(self) -> Thread:
        return Thread(id=self.session_id, resource_id=self.resource_id)

    def _to_message(self, message: BaseMessage) -> Message:
        text = message.text if isinstance(message.text, str) else message.text()
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
        if isinstance(message, ToolMessage):
            result = {"state": "result", "toolCallId": message.tool_call_id, "toolName": message.name or "", "args": {}}
            parts = [{"type": "tool-invocation", "toolInvocation": {**result, "result": message.content}}]
        content = {"format": 2, "parts": parts, "content": text, "metadata": {"langchain": message_to_dict(message)}}
        # LangChain gives ids to some messages only.
        id = message.id or new_id()
        return Message(id=id, thread_id=self.session_id, role=ROLES.get(message.type, "assistant"), content=content)


def _from_message(message: Message) -> BaseMessage:
    content = message.content if isinstance(message.content, dict) else {}
    kept = (content.get("metadata") or {}).get("langchain")
    if kept is None:
        # Mastra's agents wrote it.
        kind = {"user": "human", "system": "system"}.get(message.role, "ai")
        kept = {"type": kind, "data": {"content": message.text, "id": message.id}}
    [restored] = messages_from_dict([kept])
    return restored
