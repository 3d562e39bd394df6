"""Evaluations of agents' answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mastra_convex._public import public
from mastra_convex.records._columns import date, json_dict, key, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Record
from mastra_convex.records._values import new_id, now


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Eval(Record):
    """An evaluation of an agent's answer.

    Attributes
    ----------
    id : str
        By default a random one.
    agent_name, metric_name : str
    input, output, instructions : str, default ""
    result : dict
        Mastra's ``{"score": …, "info": …}``. Keys are never renamed.
    run_id, global_run_id : str
        By default random ones.
    test_info : dict or None
        Set if a test made the eval, such as ``{"testName", "testPath"}``.
    created_at : datetime
        In UTC, to the millisecond; by default now.
    """

    _TABLE = ("agent_name", "metric_name", "result", "created_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    agent_name: str = field(metadata=key("agentName"))
    metric_name: str = field(metadata=key("metricName"))
    input: str = field(default="", metadata=text("input"))
    output: str = field(default="", metadata=text("output"))
    instructions: str = field(default="", metadata=text("instructions"))
    result: dict[str, Any] = field(default_factory=dict, metadata=json_dict("result"))
    run_id: str = field(default_factory=new_id, metadata=key("runId"))
    global_run_id: str = field(default_factory=new_id, metadata=key("globalRunId"))
    test_info: dict[str, Any] | None = field(default=None, metadata=json_dict("testInfo", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))


@public
@dataclass(frozen=True, slots=True)
class EvalPage(Page[Eval]):
    """A page of evals, newest first. `total` counts the evals of all pages; iterating gives those of this page."""

    evals: list[Eval]
    total: int
    page: int
    per_page: int | None
    has_more: bool
