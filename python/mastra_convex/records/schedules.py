"""Schedules, and the outcomes of their firings. Times are epoch milliseconds, as in Mastra."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from mastra_convex._arguments import finite_number
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import choice, column, from_row, json_dict, key, number, text
from mastra_convex.records._cron import cron_text, next_time, zone_name
from mastra_convex.records._record import Record
from mastra_convex.records._values import new_id, parsed

ScheduleStatus = Literal["active", "paused"]


def now_ms() -> int:
    """The current time in epoch milliseconds."""
    return int(time.time() * 1000)


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Schedule(Record):
    """A schedule on which a workflow or an agent runs.

    Attributes
    ----------
    id : str
        By default a random one.
    target : dict
        ``{"type": "workflow", "workflowId": …}`` or ``{"type": "agent", "agentId": …}``, with Mastra's keys.
    cron : str
        Five fields, six with the seconds first, or a nickname such as ``@daily``. It is checked when it is saved.
    timezone : str or None
        The name of the time zone that `cron` means, such as ``Europe/Berlin``; by default UTC.
    status : {"active", "paused"}, default "active"
    next_fire_at : float
        Epoch milliseconds; by default the next time that `cron` names.
    last_fire_at : float or None
    last_run_id : str or None
    created_at, updated_at : float
        Defaults: now, and `created_at`.
    metadata : dict or None
        Any JSON. Keys are never renamed.
    owner_type, owner_id : str or None
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    target: dict[str, Any] = field(metadata=json_dict("target"))
    cron: str = field(metadata=column("cron", cron_text))
    timezone: str | None = field(default=None, metadata=column("timezone", zone_name, keeps_null=True))
    status: ScheduleStatus = field(default="active", metadata=choice("status", ScheduleStatus))
    next_fire_at: float = field(default=None, metadata=number("next_fire_at"))  # type: ignore[assignment]
    last_fire_at: float | None = field(default=None, metadata=number("last_fire_at", keeps_null=True))
    last_run_id: str | None = field(default=None, metadata=text("last_run_id", keeps_null=True))
    created_at: float = field(default_factory=now_ms, metadata=number("created_at"))
    updated_at: float = field(default=None, metadata=number("updated_at"))  # type: ignore[assignment]
    metadata: dict[str, Any] | None = field(default=None, metadata=json_dict("metadata", keeps_null=True))
    owner_type: str | None = field(default=None, metadata=text("owner_type", keeps_null=True))
    owner_id: str | None = field(default=None, metadata=text("owner_id", keeps_null=True))

    def __post_init__(self) -> None:
        if self.updated_at is None:
            object.__setattr__(self, "updated_at", self.created_at)
        if self.next_fire_at is None:
            # An invalid expression is refused when it is saved.
            with suppress(InvalidArgumentError):
                object.__setattr__(self, "next_fire_at", self.next_fire_after())

    def next_fire_after(self, moment: float | None = None) -> int:
        """Return the first time after a moment that `cron` names in `timezone`.

        Where clocks go forward, an hour's times that don't exist come right after it; where they go back, a time that
        exists twice comes once, unless the expression is for every hour.

        Parameters
        ----------
        moment : float, optional
            Epoch milliseconds; by default now.

        Returns
        -------
        int
            Epoch milliseconds.

        Raises
        ------
        InvalidArgumentError
            The expression or the time zone is invalid, as another client may have written it, or it names no such time.
        """
        place = "Schedule.next_fire_after"
        after = now_ms() if moment is None else finite_number(f"{place}: moment", moment)
        return next_time(place, self.cron, self.timezone, after)


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ScheduleTrigger(Record):
    """The outcome of a firing.

    Attributes
    ----------
    id : str
        By default a random one.
    schedule_id : str
    run_id : str or None
    scheduled_fire_at, actual_fire_at : float
        Epoch milliseconds; `actual_fire_at` is by default now.
    outcome : str
        ``published``, ``succeeded``, ``delivered``, ``persisted``, ``discarded``, ``skipped``, ``aborted`` or
        ``failed``. Outcomes of older versions can still be read.
    error : str or None
    trigger_kind : str, default "schedule-fire"
        ``schedule-fire``, ``queue-drain`` or ``manual``.
    parent_trigger_id : str or None
    metadata : dict or None
        Any JSON. Keys are never renamed.
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    schedule_id: str = field(metadata=key("schedule_id"))
    run_id: str | None = field(default=None, metadata=text("run_id", keeps_null=True))
    scheduled_fire_at: float = field(metadata=number("scheduled_fire_at"))
    actual_fire_at: float = field(default_factory=now_ms, metadata=number("actual_fire_at"))
    outcome: str = field(metadata=key("outcome"))
    error: str | None = field(default=None, metadata=text("error", keeps_null=True))
    trigger_kind: str = field(default="schedule-fire", metadata=key("trigger_kind"))
    parent_trigger_id: str | None = field(default=None, metadata=text("parent_trigger_id", keeps_null=True))
    metadata: dict[str, Any] | None = field(default=None, metadata=json_dict("metadata", keeps_null=True))


@public
class ScheduleFilter(TypedDict, total=False):
    """A filter on schedules: all given conditions must hold. An owner of None matches schedules without one."""

    status: ScheduleStatus
    workflow_id: str
    owner_type: str | None
    owner_id: str | None


def schedule_of(row: Mapping[str, Any]) -> Schedule:
    """The schedule of a row. Older versions of Mastra called an agent's target a heartbeat."""
    target = parsed(row.get("target"))
    if isinstance(target, Mapping) and target.get("type") == "heartbeat":
        row = {**row, "target": {**target, "type": "agent"}}
    return from_row(Schedule, row)
