"""The messages of an agent in a thread that Mastra's agents read too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from mastra_convex import Message
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.adapters._threads import ThreadAppender

# The metadata of a message's content that holds Pydantic AI's own message.
KEPT = "pydanticAi"


class ConvexMessageHistory:
    """The messages of one conversation, kept as a thread of Mastra's.

    A TypeScript agent sees the roles, the texts, the reasoning, and the tool calls with their results. It doesn't see
    images and other files, retries, usage, and what providers add. Pydantic AI's own message is kept beside them, so
    that messages come back here as they were added. A TypeScript agent's messages come back as prompts and texts.

    Parameters
    ----------
    thread_id : str
        The id of the thread, which the first message makes.
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the memory is. A history closes only what it opened itself.
    resource_id : str, default "pydantic-ai"
        The owner of the thread.
    **options
        ``connect``'s, with a target.
    """

    def __init__(self, thread_id: str, deployment: Given, *, resource_id: str = "pydantic-ai", **options: Any) -> None:
        self._faces = Faces(deployment, **options)
        self.thread_id = thread_id
        self._thread = ThreadAppender(self._faces.awaited, thread_id, resource_id)
        self._memory = self._thread.records

    def close(self) -> None:
        """Close the deployment, if this history opened it."""
        self._faces.close()

    async def messages(self) -> list[ModelMessage]:
        """Return the messages, oldest first, for ``message_history`` of an agent's run."""
        return [_given(message) async for message in self._memory.iter_messages(self.thread_id)]

    async def add(self, messages: Sequence[ModelMessage]) -> None:
        """Append messages, such as ``result.new_messages()``, all in one transaction where Convex's limits hold it."""
        await self._thread.append([self._written(message) for message in messages])

    async def clear(self) -> None:
        """Delete the thread with its messages."""
        await self._memory.delete_thread(self.thread_id)

    def _written(self, message: ModelMessage) -> Message:
        parts = [part for given in message.parts for part in _parts(given)]
        text = "".join(part["text"] for part in parts if part["type"] == "text")
        [kept] = ModelMessagesTypeAdapter.dump_python([message], mode="json")
        content = {"format": 2, "parts": parts, "content": text, "metadata": {KEPT: kept}}
        return Message(thread_id=self.thread_id, role=_role(message), content=content)


def _role(message: ModelMessage) -> str:
    """Mastra's role. Calls of tools and their results are the assistant's."""
    if isinstance(message, ModelRequest):
        if any(isinstance(part, UserPromptPart) for part in message.parts):
            return "user"
        if all(isinstance(part, SystemPromptPart) for part in message.parts):
            return "system"
    return "assistant"


def _parts(given: Any) -> list[dict[str, Any]]:
    """Mastra's parts of a part. System texts beside a prompt belong to no reader, and have none."""
    if isinstance(given, UserPromptPart):
        texts = [given.content] if isinstance(given.content, str) else given.content
        return [{"type": "text", "text": text} for text in texts if isinstance(text, str)]
    if isinstance(given, TextPart) and given.content:
        return [{"type": "text", "text": given.content}]
    if isinstance(given, ThinkingPart) and given.content:
        details = [{"type": "text", "text": given.content}]
        return [{"type": "reasoning", "reasoning": given.content, "details": details}]
    if isinstance(given, ToolCallPart):
        return [_invocation(given, state="call", args=given.args_as_dict())]
    if isinstance(given, ToolReturnPart):
        return [_invocation(given, state="result", args={}, result=given.model_response_str())]
    return []


def _invocation(given: ToolCallPart | ToolReturnPart, **fields: Any) -> dict[str, Any]:
    invocation = {"toolCallId": given.tool_call_id, "toolName": given.tool_name, **fields}
    return {"type": "tool-invocation", "toolInvocation": invocation}


def _given(message: Message) -> ModelMessage:
    content = message.content if isinstance(message.content, Mapping) else {}
    kept = (content.get("metadata") or {}).get(KEPT)
    if kept is not None:
        [given] = ModelMessagesTypeAdapter.validate_python([kept])
        return given
    # A Mastra agent's.
    if message.role == "assistant":
        return ModelResponse([TextPart(message.text)], timestamp=message.created_at)
    prompt = SystemPromptPart if message.role == "system" else UserPromptPart
    return ModelRequest([prompt(message.text, timestamp=message.created_at)])
