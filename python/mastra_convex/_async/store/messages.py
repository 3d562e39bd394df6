"""Messages of a memory."""

from __future__ import annotations

from mastra_convex._async.store.domain import AsyncDomain

MESSAGES = "mastra_messages"


class AsyncMessages(AsyncDomain):
    """The messages of a memory."""
