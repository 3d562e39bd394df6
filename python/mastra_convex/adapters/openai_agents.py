"""Sessions of the OpenAI Agents SDK on a deployment. Needs ``mastra-convex[openai-agents]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mastra_convex import Message
from mastra_convex.adapters._extras import needs
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.adapters._threads import ThreadAppender

with needs("openai-agents"):
    from agents.items import TResponseInputItem
    from agents.memory import SessionSettings
    from agents.memory.session import SessionABC
    from agents.memory.session_settings import resolve_session_limit

__all__ = ["ConvexSession"]

# The SDK's roles as Mastra's. Items without a role, calls of tools and their results, are the assistant's.
ROLES = {"user": "user", "system": "system", "developer": "system"}


class ConvexSession(SessionABC):
    """The items of one conversation, kept as a thread that Mastra's agents read too.

    A TypeScript agent sees roles and texts. The item itself is in the metadata of the message's content, so that items
    come back here as they were added.

    Parameters
    ----------
    session_id : str
        The id of the thread, which the first item makes.
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the memory is. A session closes only what it opened itself.
    resource_id : str, default "openai-agents"
        The owner of the thread.
    session_settings : SessionSettings, optional
        The SDK's settings, such as how many items `get_items` returns by default.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        session_id: str,
        deployment: Given,
        *,
        resource_id: str = "openai-agents",
        session_settings: SessionSettings | None = None,
        **options: Any,
    ) -> None:
        self._faces = Faces(deployment, **options)
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()
        self._thread = ThreadAppender(self._faces.awaited, session_id, resource_id)
        self._memory = self._thread.records

    def close(self) -> None:
        """Close the deployment, if this session opened it."""
        self._faces.close()

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the items, oldest first; with a limit the newest of them."""
        wanted = resolve_session_limit(limit, self.session_settings)
        if wanted is None:
            return [_item(message) async for message in self._memory.iter_messages(self.session_id)]
        if wanted <= 0:
            return []
        page = await self._memory.list_messages(
            self.session_id, per_page=wanted, order_by={"field": "created_at", "direction": "DESC"}
        )
        return [_item(message) for message in reversed(page.messages)]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items, all in one transaction where Convex's limits hold it."""
        await self._thread.append([self._message(item) for item in items])

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove the newest item and return it, None where there is none. Each item is given to one caller only."""
        message = await self._memory.pop_message(self.session_id)
        return None if message is None else _item(message)

    async def clear_session(self) -> None:
        """Delete the thread with its items."""
        await self._memory.delete_thread(self.session_id)

    def _message(self, item: TResponseInputItem) -> Message:
        given = cast(Mapping[str, Any], item)
        text = _text(given.get("content", given.get("output")))
        parts = [{"type": "text", "text": text}] if text else []
        content = {"format": 2, "parts": parts, "content": text, "metadata": {"openai": dict(given)}}
        return Message(thread_id=self.session_id, role=ROLES.get(str(given.get("role")), "assistant"), content=content)


def _text(content: Any) -> str:
    """The text of an item, from all its parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def _item(message: Message) -> TResponseInputItem:
    content = message.content if isinstance(message.content, dict) else {}
    kept = (content.get("metadata") or {}).get("openai")
    # Mastra's agents wrote what has none.
    return cast(TResponseInputItem, kept or {"role": message.role, "content": message.text})
