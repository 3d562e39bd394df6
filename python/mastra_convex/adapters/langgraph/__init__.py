"""LangGraph's checkpoints and store on a deployment. Needs ``mastra-convex[langgraph]``."""

from mastra_convex.adapters._extras import needs

with needs("langgraph"):
    from mastra_convex.adapters.langgraph.graph_store import ConvexGraphStore
    from mastra_convex.adapters.langgraph.saver import ConvexSaver

__all__ = ["ConvexGraphStore", "ConvexSaver"]
