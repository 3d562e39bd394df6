"""The records of a store: what its methods take and give.

Small frozen dataclasses. Whatever takes one takes a mapping with the same names too. Every field but those that say
whose a record is has a default. Dates go in as aware ``datetime`` or as ISO text, and come out in UTC, to the
millisecond.
"""

from mastra_convex.records._pages import OrderBy
from mastra_convex.records.memory import (
    Message,
    MessagePage,
    Resource,
    Thread,
    ThreadClone,
    ThreadCopy,
    ThreadPage,
)
from mastra_convex.records.observations import (
    ActivatedChunk,
    ObservationActivation,
    ObservationalMemory,
    ObservationChunk,
)

__all__ = [
    "ActivatedChunk",
    "Message",
    "MessagePage",
    "ObservationActivation",
    "ObservationChunk",
    "ObservationalMemory",
    "OrderBy",
    "Resource",
    "Thread",
    "ThreadClone",
    "ThreadCopy",
    "ThreadPage",
]
