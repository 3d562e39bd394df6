"""LangChain's vector store, chat history, byte store and cache on a deployment. Needs ``mastra-convex[langchain]``."""

from mastra_convex.adapters._extras import needs

with needs("langchain"):
    from mastra_convex.adapters.langchain.byte_store import ConvexByteStore
    from mastra_convex.adapters.langchain.cache import ConvexCache
    from mastra_convex.adapters.langchain.chat_history import ConvexChatMessageHistory
    from mastra_convex.adapters.langchain.vector_store import ConvexVectorStore

__all__ = ["ConvexByteStore", "ConvexCache", "ConvexChatMessageHistory", "ConvexVectorStore"]
