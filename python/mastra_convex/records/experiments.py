"""Experiments: trials of agents on datasets, and their results."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex._public import public
from mastra_convex.records._columns import anything, choice, date, key, metadata, number, text, texts
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import new_id, now

ExperimentStatus = Literal["pending", "running", "completed", "failed"]
ReviewStatus = Literal["needs-review", "reviewed", "complete"]
# An experiment tries one of these; a dataset may be made for one.
TargetType = Literal["agent", "workflow", "scorer", "processor"]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Experiment(Dated):
    """A trial of an agent, a workflow, a scorer or a processor.

    Attributes
    ----------
    id : str
        By default a random one.
    name, description : str or None
    metadata : dict or None
        Any JSON. Keys are never renamed.
    provenance, runner_attestation : dict or None
        Where it comes from, by the caller's word: Mastra's ``{"source", "sourceId", "sourceVersion", "metadata"}``; and
        who ran it: ``{"runnerId", "invocationId", "runnerVersion"}``.
    experiment_set_id, comparison_id, variant_id : str or None
        The study, the comparison in it, and the variant that this one tries.
    trial_index : int or None
        Which repetition of the variant it is, from 0 on.
    dataset_id : str or None
        None also if the dataset was deleted.
    dataset_version : int or None
    target_type : {"agent", "workflow", "scorer", "processor"} or None
    target_id, agent_version : str or None
    scorer_ids : list of str or None
    status : str, default "pending"
        ``pending``, ``running``, ``completed`` or ``failed``.
    total_items, succeeded_count, failed_count, skipped_count : int, default 0
    organization_id, project_id : str or None
    started_at, completed_at : datetime or None
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    """

    _TABLE = ("name", "dataset_id", "target_id", "status", "total_items", "created_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    name: str | None = field(default=None, metadata=text("name", keeps_null=True))
    description: str | None = field(default=None, metadata=text("description", keeps_null=True))
    provenance: dict[str, Any] | None = field(default=None, metadata=metadata("provenance", keeps_null=True))
    runner_attestation: dict[str, Any] | None = field(
        default=None, metadata=metadata("runnerAttestation", keeps_null=True)
    )
    experiment_set_id: str | None = field(default=None, metadata=text("experimentSetId", keeps_null=True))
    comparison_id: str | None = field(default=None, metadata=text("comparisonId", keeps_null=True))
    variant_id: str | None = field(default=None, metadata=text("variantId", keeps_null=True))
    trial_index: int | None = field(default=None, metadata=number("trialIndex", keeps_null=True))
    dataset_id: str | None = field(default=None, metadata=text("datasetId", keeps_null=True))
    dataset_version: int | None = field(default=None, metadata=number("datasetVersion", keeps_null=True))
    target_type: TargetType | None = field(default=None, metadata=choice("targetType", TargetType, keeps_null=True))
    target_id: str | None = field(default=None, metadata=text("targetId", keeps_null=True))
    agent_version: str | None = field(default=None, metadata=text("agentVersion", keeps_null=True))
    scorer_ids: list[str] | None = field(default=None, metadata=texts("scorerIds", keeps_null=True))
    status: ExperimentStatus = field(default="pending", metadata=choice("status", ExperimentStatus))
    total_items: int = field(default=0, metadata=number("totalItems"))
    succeeded_count: int = field(default=0, metadata=number("succeededCount"))
    failed_count: int = field(default=0, metadata=number("failedCount"))
    skipped_count: int = field(default=0, metadata=number("skippedCount"))
    organization_id: str | None = field(default=None, metadata=text("organizationId", keeps_null=True))
    project_id: str | None = field(default=None, metadata=text("projectId", keeps_null=True))
    started_at: datetime | None = field(default=None, metadata=date("startedAt", keeps_null=True))
    completed_at: datetime | None = field(default=None, metadata=date("completedAt", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExperimentResult(Record):
    """The result of an attempt at an item.

    Attributes
    ----------
    id : str
        By default a random one.
    experiment_id, item_id : str
    item_dataset_version : int or None
    input, output, ground_truth : object
        Any JSON. Keys are never renamed.
    metadata : dict or None
        Any JSON. Keys are never renamed.
    error : dict or None
        Mastra's ``{"message", "stack", "code"}``.
    started_at, completed_at : datetime
        In UTC, to the millisecond; by default now.
    retry_count : int, default 0
    attempt : int, default 0
        Which repetition of the item it is, from 0 on.
    trace_id : str or None
    status : {"needs-review", "reviewed", "complete"} or None
        How far its review is.
    tags : list of str or None
    comment : str or None
        The reviewer's.
    tool_mock_report : dict or None
        Mastra's report on the use of an item's tool mocks.
    organization_id, project_id : str or None
    created_at : datetime
        By default now.
    """

    _TABLE = ("item_id", "attempt", "output", "status", "started_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    experiment_id: str = field(metadata=key("experimentId"))
    item_id: str = field(metadata=key("itemId"))
    item_dataset_version: int | None = field(default=None, metadata=number("itemDatasetVersion", keeps_null=True))
    input: Any = field(default=None, metadata=anything("input", keeps_null=True))
    output: Any = field(default=None, metadata=anything("output", keeps_null=True))
    ground_truth: Any = field(default=None, metadata=anything("groundTruth", keeps_null=True))
    error: dict[str, Any] | None = field(default=None, metadata=metadata("error", keeps_null=True))
    started_at: datetime = field(default_factory=now, metadata=date("startedAt"))
    completed_at: datetime = field(default_factory=now, metadata=date("completedAt"))
    retry_count: int = field(default=0, metadata=number("retryCount"))
    attempt: int = field(default=0, metadata=number("attempt"))
    trace_id: str | None = field(default=None, metadata=text("traceId", keeps_null=True))
    status: ReviewStatus | None = field(default=None, metadata=choice("status", ReviewStatus, keeps_null=True))
    tags: list[str] | None = field(default=None, metadata=texts("tags", keeps_null=True))
    comment: str | None = field(default=None, metadata=text("comment", keeps_null=True))
    tool_mock_report: dict[str, Any] | None = field(default=None, metadata=metadata("toolMockReport", keeps_null=True))
    organization_id: str | None = field(default=None, metadata=text("organizationId", keeps_null=True))
    project_id: str | None = field(default=None, metadata=text("projectId", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCounts:
    """How far the review of an experiment's results is, in numbers of results."""

    experiment_id: str
    total: int = 0
    needs_review: int = 0
    reviewed: int = 0
    complete: int = 0


@public
@dataclass(frozen=True, slots=True)
class ExperimentPage(Page[Experiment]):
    """A page of experiments. `total` counts those of all pages; iterating gives those of this page."""

    experiments: list[Experiment]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
@dataclass(frozen=True, slots=True)
class ExperimentResultPage(Page[ExperimentResult]):
    """A page of results. `total` counts the results of all pages; iterating gives those of this page."""

    results: list[ExperimentResult]
    total: int
    page: int
    per_page: int | None
    has_more: bool
