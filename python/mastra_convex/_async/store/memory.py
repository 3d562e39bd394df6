"""`AsyncMemoryStorage`: what agents remember, made of its parts."""

from __future__ import annotations

from mastra_convex._async.store.cloning import AsyncCloning
from mastra_convex._async.store.messages import AsyncMessages
from mastra_convex._async.store.observations import AsyncObservations
from mastra_convex._async.store.resources import AsyncResources
from mastra_convex._async.store.threads import AsyncThreads


class AsyncMemoryStorage(AsyncThreads, AsyncCloning, AsyncMessages, AsyncResources, AsyncObservations):
    """A store's memory: threads, their messages, resources, and what agents observed.

    Records and mappings with their names are accepted alike. Dates come out in UTC, to the millisecond.
    """

    TABLES = ("mastra_threads", "mastra_messages", "mastra_resources", "mastra_observational_memory")
