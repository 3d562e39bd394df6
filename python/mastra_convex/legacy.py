"""The interface of Mastra's first release for Convex: `ConvexStorage`, for programs written for it."""

from mastra_convex._async.legacy import AsyncConvexStorage
from mastra_convex._sync.legacy import ConvexStorage
from mastra_convex.records.messages_v1 import MessageV1

__all__ = ["AsyncConvexStorage", "ConvexStorage", "MessageV1"]

# Classes report the module that users import them from.
for _class in (AsyncConvexStorage, ConvexStorage, MessageV1):
    _class.__module__ = __name__

del _class
