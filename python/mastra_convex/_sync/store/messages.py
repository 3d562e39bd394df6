# Generated from _async/store/messages.py by tools/unasync.py: edit that.
"""Messages of a memory."""

from __future__ import annotations

from mastra_convex._sync.store.domain import Domain

MESSAGES = "mastra_messages"


class Messages(Domain):
    """The messages of a memory."""
