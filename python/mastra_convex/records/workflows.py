"""Runs of workflows, and their owners."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from mastra_convex._public import public
from mastra_convex.records._columns import date, json_dict, key, number, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Dated, as_created
from mastra_convex.records._values import now


def pending_snapshot() -> dict[str, Any]:
    """The snapshot of a run that hasn't begun."""
    return {
        "context": {},
        "activePaths": [],
        "activeStepsPath": {},
        "timestamp": int(time.time() * 1000),
        "suspendedPaths": {},
        "resumeLabels": {},
        "serializedStepGraph": [],
        "value": {},
        "waitingPaths": {},
        "status": "pending",
        "runId": "",
    }


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkflowRun(Dated):
    """A run of a workflow.

    Attributes
    ----------
    workflow_name, run_id : str
        Together they identify the run.
    snapshot : dict
        The run's state. Keys are never renamed. By default the state of a run that hasn't begun.
    resource_id : str or None
        The resource that owns it.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`. No update changes `created_at`.
    """

    _TABLE = ("workflow_name", "run_id", "resource_id", "updated_at")

    workflow_name: str = field(metadata=key("workflow_name"))
    run_id: str = field(metadata=key("run_id"))
    snapshot: dict[str, Any] = field(default_factory=pending_snapshot, metadata=json_dict("snapshot"))
    resource_id: str | None = field(default=None, metadata=key("resourceId"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


@public
class WorkflowRunFilter(TypedDict, total=False):
    """A filter on runs: all given conditions must hold."""

    workflow_name: str | None
    resource_id: str | None
    from_date: datetime | str | None
    to_date: datetime | str | None
    status: str | None
    thread_id: str | None


@public
@dataclass(frozen=True, slots=True)
class WorkflowRunPage(Page[WorkflowRun]):
    """A page of runs. `total` counts the runs of all pages; iterating gives those of this page."""

    runs: list[WorkflowRun]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
@dataclass(frozen=True, slots=True)
class RunFence:
    """The fence of a run's owner. A write with it fails once another owner has claimed the run.

    Attributes
    ----------
    run_id : str
    generation : int
        The number of the claim. It grows with each claim.
    owner_id : str
    """

    run_id: str = field(metadata=key("runId"))
    generation: int = field(metadata=number("generation"))
    owner_id: str = field(metadata=text("ownerId"))


@public
@dataclass(frozen=True, slots=True)
class RunOwnership:
    """The outcome of a claim on a run, and the run's owner.

    Claims give an `AppliedOwnership` or a `RefusedOwnership`, so that a type checker knows the fence is there where
    `applied` is True. (mypy follows ``if own.applied:``, pyright ``if own.applied is True:``.)

    Attributes
    ----------
    applied : bool
        Whether the request succeeded.
    fence : RunFence or None
        The fence to write with, if the claim succeeded. Only the owner gets it.
    owner_id : str or None
        The last owner to claim the run; None if there was none.
    generation : int
        The number of that claim; 0 if there was none.
    lease_expires_at : float or None
        The end of the owner's lease, in epoch milliseconds; None once released.
    now : float
        The deployment's clock, in epoch milliseconds.
    """

    applied: bool
    fence: RunFence | None
    owner_id: str | None
    generation: int
    lease_expires_at: float | None
    now: float


@public
@dataclass(frozen=True, slots=True)
class AppliedOwnership(RunOwnership):
    """A `RunOwnership` of a call that did what it was asked for: it has a fence."""

    applied: Literal[True]
    fence: RunFence


@public
@dataclass(frozen=True, slots=True)
class RefusedOwnership(RunOwnership):
    """A `RunOwnership` of a call that was refused: it has no fence."""

    applied: Literal[False]
    fence: None
