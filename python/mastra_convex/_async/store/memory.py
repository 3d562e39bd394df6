"""`AsyncMemoryStorage`: what agents remember, made of its parts."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex._async.store.cloning import AsyncCloning
from mastra_convex._async.store.messages import AsyncMessages
from mastra_convex._async.store.observations import AsyncObservations
from mastra_convex._async.store.resources import AsyncResources
from mastra_convex._async.store.run_fences import MEMORY_FENCES, AsyncRunFences
from mastra_convex._async.store.threads import AsyncThreads
from mastra_convex._public import public
from mastra_convex.records.memory import Message, Resource, Thread
from mastra_convex.records.observations import ObservationalMemory


@public
class AsyncMemoryStorage(AsyncThreads, AsyncCloning, AsyncMessages, AsyncResources, AsyncObservations, AsyncRunFences):
    """A store's memory: threads, their messages, resources, and what agents observed.

    Records and mappings with their names are accepted alike. Dates come out in UTC, to the millisecond.

    Every write takes a `fence`, which `raise_run_fence` put up: such a write fails with the code
    ``STORAGE_RUN_FENCE_CONFLICT``, and changes nothing, once a later fence of the run stands. One that takes several
    transactions is compared in each.

    Notes
    -----
    Behaviour: as ``MemoryStorage`` of ``@mastra/core``, ``src/storage/domains/memory``.
    """

    _TABLES: ClassVar = {
        "mastra_threads": Thread,
        "mastra_messages": Message,
        "mastra_resources": Resource,
        "mastra_observational_memory": ObservationalMemory,
        MEMORY_FENCES: None,
    }
    _FENCES = MEMORY_FENCES
