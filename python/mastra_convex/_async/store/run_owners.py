"""The owner of a workflow's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._arguments import as_integer, finite_number, key_text, true_or_false
from mastra_convex._async.store.fenced_writes import AsyncFencedWrites
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import from_row, to_row
from mastra_convex.records.workflows import AppliedOwnership, RefusedOwnership, RunFence, RunOwnership

OWNERS = "mastra_workflow_run_owners"


class AsyncRunOwners(AsyncFencedWrites):
    """The owners of runs. Each has a lease, and a fence that stops writes of an owner who lost the run."""

    async def claim_run_ownership(
        self,
        run_id: str,
        owner_id: str,
        lease_ms: float,
        *,
        force: bool = False,
        expected_generation: int | None = None,
    ) -> AppliedOwnership | RefusedOwnership:
        """Own a run for a while, if it has no owner. If several ask at once, one gets it.

        Parameters
        ----------
        run_id, owner_id : str
            The run, and the claiming owner.
        lease_ms : float
            The lease in milliseconds of the deployment's clock, unless renewed.
        force : bool, default False
            Take the run from its owner, whose fenced writes fail from then on.
        expected_generation : int, optional
            Claim only if the last claim had this generation; 0 if there was no claim.

        Returns
        -------
        AppliedOwnership or RefusedOwnership
            If `applied`, with this claim's `fence`. Otherwise it names the owner and the end of the lease.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's, which have no owners of runs.
        """
        place = "WorkflowsStorage.claim_run_ownership"
        return await self._ask(
            "claimRunOwnership",
            runId=key_text(f"{place}: run_id", run_id),
            ownerId=key_text(f"{place}: owner_id", owner_id),
            leaseMs=_lease(place, lease_ms),
            force=true_or_false(f"{place}: force", force),
            expectedGeneration=(
                None
                if expected_generation is None
                else as_integer(f"{place}: expected_generation", expected_generation, 0, 2**53)
            ),
        )

    async def renew_run_ownership(self, fence: RunFence, lease_ms: float) -> AppliedOwnership | RefusedOwnership:
        """Extend the lease to `lease_ms` milliseconds from now, if the run still belongs to this claim and wasn't
        released.
        """
        place = "WorkflowsStorage.renew_run_ownership"
        lease_ms = _lease(place, lease_ms)
        return await self._ask("renewRunOwnership", fence=_fence(place, fence), leaseMs=lease_ms)

    async def release_run_ownership(self, fence: RunFence) -> AppliedOwnership | RefusedOwnership:
        """Give up a run, if it still belongs to this claim. Writes with the claim pass until another
        owner claims the run.
        """
        place = "WorkflowsStorage.release_run_ownership"
        return await self._ask("releaseRunOwnership", fence=_fence(place, fence))

    async def get_run_ownership(self, run_id: str) -> RunOwnership:
        """Return the last owner of a run, without a `fence`. To write, claim the run."""
        run_id = key_text("WorkflowsStorage.get_run_ownership: run_id", run_id)
        reply = await self._storage.call("getRunOwnership", OWNERS, runId=run_id)
        return RunOwnership(reply["applied"], None, *_owner(reply))

    async def _ask(self, op: str, **fields: Any) -> AppliedOwnership | RefusedOwnership:
        reply = await self._storage.call(op, OWNERS, **fields)
        if reply["applied"]:
            return AppliedOwnership(True, from_row(RunFence, reply["claim"]), *_owner(reply))
        return RefusedOwnership(False, None, *_owner(reply))


def _owner(reply: Mapping[str, Any]) -> tuple[str | None, int, float | None, float]:
    """The last claim on the run: its owner, generation and lease, and the time of the look-up."""
    claim, now = reply["claim"], reply["now"]
    if claim is None:
        return None, 0, None, now
    return claim["ownerId"], claim["generation"], claim["leaseExpiresAt"], now


def _lease(place: str, lease_ms: float) -> float:
    if finite_number(f"{place}: lease_ms", lease_ms) < 0:
        raise InvalidArgumentError(f"{place}: lease_ms {lease_ms!r}; expected milliseconds, zero or more")
    return lease_ms


def _fence(place: str, fence: RunFence) -> dict[str, Any]:
    return to_row(f"{place}: fence", RunFence, fence)
