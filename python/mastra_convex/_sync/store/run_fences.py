# Generated from _async/store/run_fences.py by tools/unasync.py: edit that.
"""Fences of runs that write to a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import to_row
from mastra_convex.records.workflows import RunFence

MEMORY_FENCES = "mastra_memory_run_fences"


class RunFences(Domain):
    """The fences of a memory. It may be on another deployment than the workflows of the runs."""

    def raise_run_fence(self, fence: RunFence | Mapping[str, Any]) -> bool:
        """From now on admit writes with this fence, and refuse those with an earlier generation.

        Parameters
        ----------
        fence : RunFence
            The fence that ``workflows.claim_run_ownership`` gave the current owner.

        Returns
        -------
        bool
            Whether the fence stands. False if a later one stands, or another owner's fence of the same generation.
        """
        row = to_row("MemoryStorage.raise_run_fence: fence", RunFence, fence)
        reply = self._storage.call("raiseRunFence", MEMORY_FENCES, fence=row)
        return bool(reply["applied"])
