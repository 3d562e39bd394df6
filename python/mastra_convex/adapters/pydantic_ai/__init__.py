"""Pydantic AI's conversations and message histories on a deployment. Needs ``mastra-convex[pydantic-ai]``."""

from mastra_convex.adapters._extras import needs

with needs("pydantic-ai"):
    from mastra_convex.adapters.pydantic_ai.conversation_store import ConvexConversationStore
    from mastra_convex.adapters.pydantic_ai.message_history import ConvexMessageHistory

__all__ = ["ConvexConversationStore", "ConvexMessageHistory"]
