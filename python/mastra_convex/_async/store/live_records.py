"""The live queries of a store: records, and the lists that hold them, as they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

# Records are imported when they are first watched, or their annotations read.
from mastra_convex import records
from mastra_convex._arguments import as_number, key_text, one_of
from mastra_convex._async.client import AsyncClient
from mastra_convex._async.subscription import AsyncSubscription
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import columns_of, from_row, from_rows
from mastra_convex.records._lists import Records

if TYPE_CHECKING:
    from mastra_convex.records._columns import Record

T = TypeVar("T")
ORDERS = ("asc", "desc")


class AsyncLiveRecords(AsyncClient):
    """The records of a store, live."""

    def watch_thread(self, thread_id: str) -> AsyncSubscription[records.Thread | None]:
        """Follow a thread: the thread, or None if it doesn't exist, again after each change."""
        args = {"threadId": key_text("ConvexStore.watch_thread: thread_id", thread_id)}
        return self._watch("watchThread", args, _one(records.Thread))

    def watch_messages(
        self,
        thread_id: str,
        *,
        last: int | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] = "asc",
    ) -> AsyncSubscription[Records[records.Message]]:
        """Follow a thread's newest messages: the list, again after each change.

        Parameters
        ----------
        thread_id : str
            The thread.
        last : int, default 100
            The number of messages, at most 1000: the newest. Older messages are cut off.
        limit : int, optional
            Instead of `last`: the first so many in the order, at most 1000. With ``"asc"`` these are the thread's
            oldest, so messages after them never show.
        order : {"asc", "desc"}, default "asc"
            The oldest of them first, or the newest, by ``created_at``.

        Returns
        -------
        AsyncSubscription of list of Message

        Raises
        ------
        InvalidArgumentError
            A number isn't positive, both numbers are given, or the order is another text.
        """
        place = "ConvexStore.watch_messages"
        one_of(ORDERS, f"{place}: order", order)
        if last is not None and limit is not None:
            raise InvalidArgumentError(f"{place}: last {last!r} and limit {limit!r}; expected one of them")
        if limit is not None:
            count, asked, is_turned = _count(place, "limit", limit), order, False
        else:
            # The newest first, then turned: functions that are deployed may be older than their argument `last`.
            count, asked, is_turned = _count(place, "last", 100 if last is None else last), "desc", order == "asc"
        args = {"threadId": key_text(f"{place}: thread_id", thread_id), "limit": count, "order": asked}
        messages = _list(records.Message)
        return self._watch("watchMessages", args, lambda rows: messages(rows[::-1] if is_turned else rows))

    def watch_threads_by_resource(
        self, resource_id: str, *, limit: int = 50, order: Literal["asc", "desc"] = "desc"
    ) -> AsyncSubscription[Records[records.Thread]]:
        """Follow a resource's threads by ``created_at``, by default its newest 50, the newest first.

        Parameters
        ----------
        resource_id : str
            Whose threads.
        limit : int, default 50
            The first so many in the order, at most 1000. The others are not among them.
        order : {"asc", "desc"}, default "desc"
            The oldest first, or the newest. With ``"asc"`` and more threads than `limit`, new ones never show.
        """
        place = "ConvexStore.watch_threads_by_resource"
        args = {
            "resourceId": key_text(f"{place}: resource_id", resource_id),
            "limit": _count(place, "limit", limit),
            "order": one_of(ORDERS, f"{place}: order", order),
        }
        return self._watch("watchThreadsByResource", args, _list(records.Thread))

    def watch_resource(self, resource_id: str) -> AsyncSubscription[records.Resource | None]:
        """Follow a resource: the resource, or None if it doesn't exist, again after each change."""
        args = {"resourceId": key_text("ConvexStore.watch_resource: resource_id", resource_id)}
        return self._watch("watchResource", args, _one(records.Resource))

    def watch_workflow_run(self, workflow_name: str, run_id: str) -> AsyncSubscription[records.WorkflowRun | None]:
        """Follow a run of a workflow: the run, or None if it doesn't exist, again after each change."""
        place = "ConvexStore.watch_workflow_run"
        args = {
            "workflowName": key_text(f"{place}: workflow_name", workflow_name),
            "runId": key_text(f"{place}: run_id", run_id),
        }
        return self._watch("watchWorkflowRun", args, _one(records.WorkflowRun))

    def watch_workflow_runs(
        self, *, workflow_name: str | None = None, resource_id: str | None = None, limit: int = 50
    ) -> AsyncSubscription[Records[records.WorkflowRun]]:
        """Follow the latest runs, newest first: of a workflow, of a resource, of both, or all.

        Parameters
        ----------
        workflow_name, resource_id : str, optional
            Only runs of it.
        limit : int, default 50
            The number of runs, at most 1000. Older runs are cut off.
        """
        place = "ConvexStore.watch_workflow_runs"
        args: dict[str, Any] = {"limit": _count(place, "limit", limit)}
        if workflow_name is not None:
            args["workflowName"] = key_text(f"{place}: workflow_name", workflow_name)
        if resource_id is not None:
            args["resourceId"] = key_text(f"{place}: resource_id", resource_id)
        return self._watch("watchWorkflowRuns", args, _list(records.WorkflowRun))

    def watch_traces(
        self,
        *,
        run_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        entity_id: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[records.Span]]:
        """Follow the latest traces, each by its root span, by ``started_at``, newest first: all, or those that equal
        what is given.

        Parameters
        ----------
        run_id, thread_id, resource_id, entity_id : str, optional
            Only traces whose root span has it.
        limit : int, default 50
            The number of traces, at most 1000. Older traces are cut off.
        """
        place = "ConvexStore.watch_traces"
        of = {"run_id": run_id, "thread_id": thread_id, "resource_id": resource_id, "entity_id": entity_id}
        return self._watch("watchTraces", _newest(place, limit, of), _list(records.Span))

    def watch_scores(
        self,
        *,
        scorer_id: str | None = None,
        run_id: str | None = None,
        entity_id: str | None = None,
        entity_type: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[records.Score]]:
        """Follow the latest scores by ``created_at``, newest first: all, or those that equal what is given.

        Parameters
        ----------
        scorer_id, run_id : str, optional
            Only scores of it.
        entity_id, entity_type : str, optional
            Only scores of this entity; both or none.
        limit : int, default 50
            The number of scores, at most 1000. Older scores are cut off.
        """
        place = "ConvexStore.watch_scores"
        if (entity_id is None) != (entity_type is None):
            raise InvalidArgumentError(
                f"{place}: entity_id {entity_id!r} and entity_type {entity_type!r}; expected both or none"
            )
        of = {"scorer_id": scorer_id, "run_id": run_id, "entity_id": entity_id, "entity_type": entity_type}
        return self._watch("watchScores", _newest(place, limit, of), _list(records.Score))

    def watch_tasks(
        self,
        *,
        status: str | None = None,
        agent_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        run_id: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[records.BackgroundTask]]:
        """Follow the latest background tasks by ``created_at``, newest first: all, or those that equal what is given.

        Tasks that older versions of Mastra stored as documents aren't among them.

        Parameters
        ----------
        status : str, optional
            Only tasks in this state, such as ``"running"``.
        agent_id, thread_id, resource_id, run_id : str, optional
            Only tasks of it.
        limit : int, default 50
            The number of tasks, at most 1000. Older tasks are cut off.
        """
        place = "ConvexStore.watch_tasks"
        _check_status(place, records.BackgroundTask, status)
        of = {"agent_id": agent_id, "thread_id": thread_id, "resource_id": resource_id, "run_id": run_id}
        args = _newest(place, limit, {"status": status, **of})
        return self._watch("watchTasks", args, _list(records.BackgroundTask))

    def watch_thread_state(self, thread_id: str, type: str) -> AsyncSubscription[records.ThreadState | None]:
        """Follow a thread's state of a type, such as its task list: the state, or None if there is none, again after
        each change.
        """
        place = "ConvexStore.watch_thread_state"
        args = {"threadId": key_text(f"{place}: thread_id", thread_id), "type": key_text(f"{place}: type", type)}
        return self._watch("watchThreadState", args, _one(records.ThreadState))

    def watch_thread_states(self, thread_id: str) -> AsyncSubscription[Records[records.ThreadState]]:
        """Follow all states of a thread, at most 1000, by their type: the list, again after each change."""
        args = {"threadId": key_text("ConvexStore.watch_thread_states: thread_id", thread_id)}
        return self._watch("watchThreadStates", args, _list(records.ThreadState))

    def watch_notifications(
        self, thread_id: str, *, status: str | None = None, limit: int = 50
    ) -> AsyncSubscription[Records[records.Notification]]:
        """Follow the notifications of a thread, those updated last first.

        Parameters
        ----------
        thread_id : str
            The thread.
        status : str, optional
            Only notifications in this state, such as ``"pending"``.
        limit : int, default 50
            The number of notifications, at most 1000. The others are cut off.
        """
        place = "ConvexStore.watch_notifications"
        of = {"thread_id": key_text(f"{place}: thread_id", thread_id), "status": status}
        _check_status(place, records.Notification, status)
        return self._watch("watchNotifications", _newest(place, limit, of), _list(records.Notification))

    def watch_experiments(
        self, *, dataset_id: str | None = None, status: str | None = None, limit: int = 50
    ) -> AsyncSubscription[Records[records.Experiment]]:
        """Follow the latest experiments and their counts of results by ``created_at``, newest first: all, or those that
        equal what is given.

        Parameters
        ----------
        dataset_id : str, optional
            Only experiments on this dataset.
        status : str, optional
            Only experiments in this state, such as ``"running"``.
        limit : int, default 50
            The number of experiments, at most 1000. Older experiments are cut off.
        """
        place = "ConvexStore.watch_experiments"
        _check_status(place, records.Experiment, status)
        args = _newest(place, limit, {"dataset_id": dataset_id, "status": status})
        return self._watch("watchExperiments", args, _list(records.Experiment))

    def _watch(self, query: str, args: dict[str, Any], shape: Callable[[Any], T]) -> AsyncSubscription[T]:
        return self._functions.watch(f"mastra/queries:{query}", args, shape)


def _one(kind: type[Record]) -> Callable[[Any], Record | None]:
    return lambda row: None if row is None else from_row(kind, row)


def _list(kind: type[Record]) -> Callable[[Any], Records[Record]]:
    return lambda rows: from_rows(kind, rows)


def _check_status(place: str, kind: type[Record], status: str | None) -> None:
    """Check that records can have a status, if one is given."""
    if status is not None:
        columns_of(kind)["status"].write(f"{place}: status", status)


def _newest(place: str, limit: int, of: dict[str, str | None]) -> dict[str, Any]:
    """The arguments of a live query of the latest records that equal what is given."""
    args: dict[str, Any] = {"limit": _count(place, "limit", limit)}
    for name, text in of.items():
        if text is not None:
            first, *others = name.split("_")
            args[first + "".join(map(str.title, others))] = key_text(f"{place}: {name}", text)
    return args


def _count(place: str, name: str, count: int) -> int:
    """How many rows."""
    number = as_number(count)
    if not isinstance(number, int) or number < 1:
        raise InvalidArgumentError(f"{place}: {name} {count!r}; expected a positive integer")
    return number
