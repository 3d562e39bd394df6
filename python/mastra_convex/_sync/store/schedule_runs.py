# Generated from _async/store/schedule_runs.py by tools/unasync.py: edit that.
"""Running schedules: each firing is claimed by one runner."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import Any

from mastra_convex._sync._call import StopEvent, call_given, pause, repeating
from mastra_convex._sync.storage import Storage, Row
from mastra_convex.errors import InvalidArgumentError, MastraConvexError, SchemaError, TransportError
from mastra_convex.records._columns import to_columns
from mastra_convex.records._values import new_id
from mastra_convex.records.schedules import Schedule, ScheduleTrigger, schedule_of

FIRES = "mastra_schedule_fires"

# A runner begins its lease anew so often before it ends.
RENEWALS = 3

logger = getLogger("mastra_convex.schedules")


class ScheduleRunner:
    """One of any number of runners of a deployment's schedules, known by a random id."""

    def __init__(
        self,
        storage: Storage,
        handler: Callable[[Schedule, str], Any],
        *,
        interval: float,
        lease: float,
        stop: StopEvent | None,
    ) -> None:
        self._storage = storage
        self._handler = handler
        self._interval = interval
        self._lease = lease
        self._stop = stop
        self._id = new_id()
        # Schedules that can't be fired, as they were when the log was told.
        self._told: dict[str, Row] = {}

    def run(self) -> None:
        """Fire what is due until the event is set or the deployment is closed."""
        due = self._ask("dueFires")
        try:
            while not self._is_stopped():
                has_fired = [self._fire(due["now"], one) for one in due["fires"] if not self._is_stopped()]
                # The next firing may have waited for a handler.
                if not any(has_fired) and pause(self._interval, self._stop):
                    break
                due = self._ask("dueFires")
        except MastraConvexError as error:
            if error.code != "Closed":
                raise

    def _fire(self, now: float, due: Row) -> bool:
        """Claim a firing and handle it; False if another runner has it, or it can't be fired."""
        try:
            schedule = schedule_of(due["schedule"])
            next_fire_at = schedule.next_fire_after(now)
        except (InvalidArgumentError, SchemaError) as error:
            self._tell(due["schedule"], error)
            return False
        claim = {"scheduleId": schedule.id, "scheduledFireAt": due["scheduledFireAt"], "nextFireAt": next_fire_at}
        fire = self._ask("claimFire", **claim, **self._own())
        if fire is None:
            return False
        outcome: Row = {"outcome": "succeeded"}
        with repeating(self._lease / RENEWALS, lambda: self._renew(fire["id"])):
            try:
                call_given(self._handler, schedule_of(fire["schedule"]), fire["id"])
            except Exception as failure:
                logger.exception("schedule %r: the handler failed at %s", schedule.id, fire["id"])
                outcome = {"outcome": "failed", "error": f"{type(failure).__name__}: {failure}"}
        self._finish(fire["id"], outcome)
        return True

    def _renew(self, id: str) -> None:
        try:
            if not self._storage.call("renewFire", FIRES, id=id, **self._own()):
                logger.warning("%s is another runner's now", id)
        except MastraConvexError as error:
            logger.warning("%s: the lease can't begin anew: %s", id, error)

    def _finish(self, id: str, outcome: Row) -> None:
        trigger = to_columns(id, ScheduleTrigger, {"id": new_id(), "trigger_kind": "schedule-fire", **outcome})
        if not self._ask("finishFire", id=id, ownerId=self._id, trigger=trigger):
            logger.warning("%s ended after its lease, or its schedule was deleted: its outcome isn't recorded", id)

    def _ask(self, op: str, **fields: Any) -> Any:
        """The result of an operation, which is called again while the deployment can't be reached.

        A runner may claim and finish a firing again that it has claimed and finished.
        """
        while True:
            try:
                return self._storage.call(op, FIRES, **fields)
            except TransportError as error:
                logger.warning("schedules: %s", error)
                if pause(self._interval, self._stop):
                    raise

    def _own(self) -> Row:
        return {"ownerId": self._id, "leaseMs": self._lease * 1000}

    def _is_stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def _tell(self, row: Row, error: MastraConvexError) -> None:
        """Tell the log once that a schedule can't be fired, and again if it was changed."""
        if self._told.get(row["id"]) != row:
            self._told[row["id"]] = row
            logger.error("schedule %r is due and can't be fired: %s", row["id"], error)
