"""The interface of Mastra's first release for Convex: `ConvexStorage`, for programs that were written for it."""

from mastra_convex._async.legacy import AsyncConvexStorage
from mastra_convex._sync.legacy import ConvexStorage

__all__ = ["AsyncConvexStorage", "ConvexStorage"]

# Users see classes where they import them from.
for _class in (AsyncConvexStorage, ConvexStorage):
    _class.__module__ = __name__

del _class
