"""Scores of runs' outputs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mastra_convex._public import public
from mastra_convex.records._columns import anything, date, key, number, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Dated, as_created
from mastra_convex.records._values import new_id, now


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Score(Dated):
    """A scorer's score of a run's output. Keys inside JSON values are never renamed.

    Attributes
    ----------
    id : str
        By default a random one.
    scorer_id, run_id : str
        The scorer, and the subject of the score.
    score : float
        The score on the scorer's own scale; Mastra's scorers use [0, 1].
    scorer, input, output : object
        The scorer's description, and the input and output that it scored.
    source : str, default "LIVE"
        ``LIVE`` or ``TEST``.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`. No update changes `created_at`.
    entity_id, entity_type, trace_id, span_id, thread_id, resource_id, … : str or None
        The subject of the score.
    """

    _TABLE = ("scorer_id", "run_id", "score", "created_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    scorer_id: str = field(metadata=key("scorerId"))
    run_id: str = field(metadata=key("runId"))
    score: float = field(metadata=number("score"))
    scorer: Any = field(default_factory=dict, metadata=anything("scorer", keeps_null=True))
    input: Any = field(default=None, metadata=anything("input", keeps_null=True))
    output: Any = field(default=None, metadata=anything("output", keeps_null=True))
    source: str = field(default="LIVE", metadata=key("source"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
    entity_id: str | None = field(default=None, metadata=text("entityId"))
    entity_type: str | None = field(default=None, metadata=text("entityType"))
    entity: Any = field(default=None, metadata=anything("entity"))
    trace_id: str | None = field(default=None, metadata=text("traceId"))
    span_id: str | None = field(default=None, metadata=text("spanId"))
    thread_id: str | None = field(default=None, metadata=text("threadId"))
    resource_id: str | None = field(default=None, metadata=text("resourceId"))
    organization_id: str | None = field(default=None, metadata=text("organizationId"))
    project_id: str | None = field(default=None, metadata=text("projectId"))
    batch_id: str | None = field(default=None, metadata=text("batchId"))
    dataset_id: str | None = field(default=None, metadata=text("datasetId"))
    dataset_item_id: str | None = field(default=None, metadata=text("datasetItemId"))
    reason: str | None = field(default=None, metadata=text("reason"))
    preprocess_step_result: Any = field(default=None, metadata=anything("preprocessStepResult"))
    preprocess_prompt: str | None = field(default=None, metadata=text("preprocessPrompt"))
    extract_step_result: Any = field(default=None, metadata=anything("extractStepResult"))
    extract_prompt: str | None = field(default=None, metadata=text("extractPrompt"))
    analyze_step_result: Any = field(default=None, metadata=anything("analyzeStepResult"))
    analyze_prompt: str | None = field(default=None, metadata=text("analyzePrompt"))
    generate_score_prompt: str | None = field(default=None, metadata=text("generateScorePrompt"))
    generate_reason_prompt: str | None = field(default=None, metadata=text("generateReasonPrompt"))
    reason_prompt: str | None = field(default=None, metadata=text("reasonPrompt"))
    metadata: Any = field(default=None, metadata=anything("metadata"))
    additional_context: Any = field(default=None, metadata=anything("additionalContext"))
    request_context: Any = field(default=None, metadata=anything("requestContext"))


@public
@dataclass(frozen=True, slots=True)
class ScorePage(Page[Score]):
    """A page of scores, newest first. `total` counts the scores of all pages; iterating gives those of this page."""

    scores: list[Score]
    total: int
    page: int
    per_page: int | None
    has_more: bool
