# Generated from _async/store/run_fences.py by tools/unasync.py: edit that.
"""The fences of runs that write to a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import to_row
from mastra_convex.records.workflows import RunFence

MEMORY_FENCES = "mastra_memory_run_fences"


class RunFences(Domain):
    """The fences of a memory, which may be on another deployment than the workflows whose runs they are."""

    def raise_run_fence(self, fence: RunFence | Mapping[str, Any]) -> bool:
        """Let writes with this fence pass from now on, and none with one of an earlier generation.

        Parameters
        ----------
        fence : RunFence
            The fence that ``workflows.claim_run_ownership`` gave the current owner.

        Returns
        -------
        bool
            Whether the fence stands; False where a later one does, or another owner's of its generation.
        """
        row = to_row("MemoryStorage.raise_run_fence: fence", RunFence, fence)
        reply = self._storage.call("raiseRunFence", MEMORY_FENCES, fence=row)
        return bool(reply["applied"])
