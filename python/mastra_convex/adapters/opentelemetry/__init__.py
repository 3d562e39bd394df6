"""OpenTelemetry's spans as Mastra's. Needs ``mastra-convex[opentelemetry]``."""

from mastra_convex.adapters._extras import needs

with needs("opentelemetry"):
    from mastra_convex.adapters.opentelemetry.exporter import ConvexSpanExporter

__all__ = ["ConvexSpanExporter"]
