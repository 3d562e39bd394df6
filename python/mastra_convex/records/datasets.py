"""Datasets, on which agents are tried, with their items and versions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex._public import public
from mastra_convex.records._columns import anything, choice, date, flag, key, metadata, number, text, texts
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import new_id, now
from mastra_convex.records.experiments import TargetType


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dataset(Dated):
    """A dataset: items on which agents, workflows, scorers or processors are tried.

    Attributes
    ----------
    id : str
        By default a random one.
    name : str
    description : str or None
    metadata : dict or None
        Any JSON. Keys are never renamed.
    input_schema, ground_truth_schema : dict or None
        JSON Schemas that items must satisfy.
    request_context_schema : dict or None
        A JSON Schema, which isn't checked.
    tags, scorer_ids : list of str or None
    target_type : {"agent", "workflow", "scorer", "processor"} or None
    target_ids : list of str or None
        The targets that are tried on it.
    organization_id, project_id : str or None
        The tenant, which its items have too. It can't change.
    candidate_key, candidate_id : str or None
        The problem and the incident that it comes from. They can't change.
    version : int, default 0
        Counts the changes of its items.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`. A change of items isn't an update.
    """

    _TABLE = ("name", "target_type", "version", "created_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    name: str = field(metadata=key("name"))
    description: str | None = field(default=None, metadata=text("description", keeps_null=True))
    input_schema: dict[str, Any] | None = field(default=None, metadata=metadata("inputSchema", keeps_null=True))
    ground_truth_schema: dict[str, Any] | None = field(
        default=None, metadata=metadata("groundTruthSchema", keeps_null=True)
    )
    request_context_schema: dict[str, Any] | None = field(
        default=None, metadata=metadata("requestContextSchema", keeps_null=True)
    )
    tags: list[str] | None = field(default=None, metadata=texts("tags", keeps_null=True))
    target_type: TargetType | None = field(default=None, metadata=choice("targetType", TargetType, keeps_null=True))
    target_ids: list[str] | None = field(default=None, metadata=texts("targetIds", keeps_null=True))
    scorer_ids: list[str] | None = field(default=None, metadata=texts("scorerIds", keeps_null=True))
    organization_id: str | None = field(default=None, metadata=text("organizationId", keeps_null=True))
    project_id: str | None = field(default=None, metadata=text("projectId", keeps_null=True))
    candidate_key: str | None = field(default=None, metadata=text("candidateKey", keeps_null=True))
    candidate_id: str | None = field(default=None, metadata=text("candidateId", keeps_null=True))
    version: int = field(default=0, metadata=number("version"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DatasetItem(Dated):
    """An item of a dataset, as it was in some versions of the dataset.

    Attributes
    ----------
    id : str
        The same in all versions.
    dataset_id : str
    dataset_version : int
        The version of the dataset that made the item this one.
    valid_to : int or None
        The version from which on it isn't; None if it still is.
    is_deleted : bool
        Whether the version deleted it.
    external_id : str or None
        A name of the caller's, by which an item is inserted once.
    input, ground_truth, expected_trajectory : object
        Any JSON. Keys are never renamed.
    tool_mocks : list of dict or None
        Mastra's ``[{"toolName", "args", "output", "matchArgs"}]``.
    unmocked_tool_policy : {"allow", "deny"} or None
    scorer_ids : list of str or None
    request_context, metadata, source : dict or None
        Any JSON; Mastra's source is ``{"type", "referenceId"}``.
    organization_id, project_id : str or None
        The dataset's.
    created_at, updated_at : datetime
        In UTC, to the millisecond.
    """

    _TABLE = ("id", "dataset_version", "input", "ground_truth")

    id: str = field(default_factory=new_id, metadata=key("id"))
    dataset_id: str = field(metadata=key("datasetId"))
    dataset_version: int = field(default=0, metadata=number("datasetVersion"))
    valid_to: int | None = field(default=None, metadata=number("validTo", keeps_null=True))
    is_deleted: bool = field(default=False, metadata=flag("isDeleted"))
    external_id: str | None = field(default=None, metadata=text("externalId", keeps_null=True))
    input: Any = field(default=None, metadata=anything("input", keeps_null=True))
    ground_truth: Any = field(default=None, metadata=anything("groundTruth", keeps_null=True))
    expected_trajectory: Any = field(default=None, metadata=anything("expectedTrajectory", keeps_null=True))
    tool_mocks: list[dict[str, Any]] | None = field(default=None, metadata=anything("toolMocks", keeps_null=True))
    unmocked_tool_policy: Literal["allow", "deny"] | None = field(
        default=None, metadata=choice("unmockedToolPolicy", Literal["allow", "deny"], keeps_null=True)
    )
    scorer_ids: list[str] | None = field(default=None, metadata=texts("scorerIds", keeps_null=True))
    request_context: dict[str, Any] | None = field(default=None, metadata=metadata("requestContext", keeps_null=True))
    source: dict[str, Any] | None = field(default=None, metadata=metadata("source", keeps_null=True))
    organization_id: str | None = field(default=None, metadata=text("organizationId", keeps_null=True))
    project_id: str | None = field(default=None, metadata=text("projectId", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DatasetVersion(Record):
    """A version of a dataset: a change of its items.

    Attributes
    ----------
    id, dataset_id : str
    version : int
        From 1 on.
    created_at : datetime
        In UTC, to the millisecond.
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    dataset_id: str = field(metadata=key("datasetId"))
    version: int = field(metadata=number("version"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))


@public
@dataclass(frozen=True, slots=True)
class DatasetPage(Page[Dataset]):
    """A page of datasets. `total` counts the datasets of all pages; iterating gives those of this page."""

    datasets: list[Dataset]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
@dataclass(frozen=True, slots=True)
class DatasetItemPage(Page[DatasetItem]):
    """A page of items. `total` counts the items of all pages; iterating gives those of this page."""

    items: list[DatasetItem]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
@dataclass(frozen=True, slots=True)
class DatasetVersionPage(Page[DatasetVersion]):
    """A page of versions, newest first. `total` counts those of all pages; iterating gives those of this page."""

    versions: list[DatasetVersion]
    total: int
    page: int
    per_page: int | None
    has_more: bool
