# Generated from _async/legacy.py by tools/unasync.py: edit that.
"""`ConvexStorage`: the interface of Mastra's first release for Convex, over today's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, overload

from mastra_convex._arguments import (
    as_integer,
    as_items,
    as_number,
    one_of,
    plain_keys,
    plain_text,
)
from mastra_convex._sync._callbacks import call_with_each
from mastra_convex._sync.deployment import Deployment, Target
from mastra_convex._sync.raw_tables import RawTables
from mastra_convex._sync.store.store import ConvexStore
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import as_record
from mastra_convex.records._pages import MOST_ROWS, Window, options
from mastra_convex.records.evals import Eval
from mastra_convex.records.memory import Message, MessagePage, Thread, ThreadPage
from mastra_convex.records.messages_v1 import MessageV1, messages_v1
from mastra_convex.records.observability import Span, TracePage
from mastra_convex.records.workflows import WorkflowRun, WorkflowRunPage

Moment = datetime | str | float

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Fields of the first release's records that have another name today.
THREAD = {"thread_id": "id"}
MESSAGE = {"message_id": "id", "message_type": "type"}
EVAL = {"eval_id": "id"}
SPAN = {"id": "span_id", "start_time": "started_at", "end_time": "ended_at"}
RUN = {"state": "snapshot"}
STATUS = {"completed": "success"}

# Fields of its spans that have no column today. They are stored in the metadata.
FOLDED = ("kind", "status", "events", "other")


class ConvexStorage(RawTables):
    """The interface of the first ``@mastra/convex``, ``ConvexStorage``, in snake_case.

    It is for programs written for that release. New programs use `ConvexStore`, whose domains do the work; the
    tables, records and errors are the same. Mappings may use the first release's names, in snake_case, and dates may be
    epoch milliseconds. Pages count from 1.

    Parameters
    ----------
    convex_url : str, or Deployment
        The deployment's URL, or any other target of ``connect``. This object closes the deployment if it opened
        it.
    api : object, optional
        The generated ``api``, an argument of the first release. It isn't used: functions are found by their paths.
    auth_token : str or callable, optional
        A user's JWT, or a function that returns one.
    admin_auth_token : str, optional
        The admin key. It takes precedence over a token.

    Attributes
    ----------
    store : ConvexStore
        The store that this class calls.
    """

    def __init__(
        self,
        convex_url: Deployment | Target,
        api: object = None,
        auth_token: Any = None,
        admin_auth_token: str | None = None,
    ) -> None:
        given: dict[str, Any] = {"auth_token": auth_token, "admin_key": admin_auth_token}
        super().__init__(convex_url, **{name: value for name, value in given.items() if value is not None})
        self.api = api
        self.store = ConvexStore(self._deployment)

    def save_thread(self, thread: Thread | Mapping[str, Any]) -> Thread:
        """Insert a thread, or replace the one with its id; return it."""
        return self.store.memory.save_thread(_record("ConvexStorage.save_thread: thread", thread, THREAD))

    def get_thread_by_id(self, thread_id: str) -> Thread | None:
        """Return a thread, or None."""
        return self.store.memory.get_thread_by_id(thread_id)

    def get_threads_by_resource_id(self, resource_id: str) -> list[Thread]:
        """Return all threads of a resource, newest first."""
        page = self.store.memory.list_threads(filter={"resource_id": resource_id}, per_page=None)
        return page.threads

    def get_threads_by_resource_id_paginated(
        self, resource_id: str, page: int = 1, per_page: int = 100
    ) -> ThreadPage:
        """Return a page of a resource's threads, newest first. `page` counts from 1."""
        number = _page("ConvexStorage.get_threads_by_resource_id_paginated", page)
        found = self.store.memory.list_threads(
            filter={"resource_id": resource_id}, page=number - 1, per_page=per_page
        )
        return replace(found, page=number)

    def update_thread(
        self, id: str, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Thread:
        """Replace a thread's title and merge into its metadata. Raises a `ThreadNotFoundError` if it doesn't exist."""
        return self.store.memory.update_thread(id, title=title, metadata=metadata)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread with its messages. Does nothing if it doesn't exist."""
        self.store.memory.delete_thread(thread_id)

    def save_message(self, message: Message | Mapping[str, Any]) -> Message:
        """Insert a message, or update the one with its id. Raises a `ThreadNotFoundError` if its thread doesn't
        exist.
        """
        return (self.save_messages([message]))[0]

    def save_messages(self, messages: Sequence[Message | Mapping[str, Any]]) -> list[Message]:
        """Insert messages, or update those with the same ids; return them in the given order.

        Content may have the first release's form: text, or a list of parts such as ``{"type": "tool-call", …}``.
        """
        return self.store.memory.save_messages(
            _records("ConvexStorage.save_messages: messages", messages, MESSAGE)
        )

    def update_messages(self, messages: Sequence[Message | Mapping[str, Any]]) -> list[Message]:
        """Update the given fields of messages. Unknown ids are ignored."""
        return self.store.memory.update_messages(
            _records("ConvexStorage.update_messages: messages", messages, MESSAGE)
        )

    def get_message(self, id: str) -> Message | None:
        """Return a message, or None."""
        return next(iter(self.store.memory.list_messages_by_id([id])), None)

    @overload
    def get_messages(self, thread_id: str, format: Literal["v2"] = "v2") -> list[Message]: ...

    @overload
    def get_messages(self, thread_id: str, format: Literal["v1"]) -> list[MessageV1]: ...

    def get_messages(self, thread_id: str, format: Literal["v1", "v2"] = "v2") -> list[Message] | list[MessageV1]:
        """Return all messages of a thread, oldest first.

        Parameters
        ----------
        thread_id : str
            The thread. An unknown thread has no messages.
        format : {"v1", "v2"}, default "v2"
            ``"v1"`` is the first release's form, in which tool calls and their results are separate messages.
        """
        one_of(("v1", "v2"), "ConvexStorage.get_messages: format", format)
        messages = (self.store.memory.list_messages(thread_id, per_page=None)).messages
        return messages_v1(messages) if format == "v1" else messages

    def get_messages_paginated(self, thread_id: str, page: int = 1, per_page: int = 40) -> MessagePage:
        """Return a page of a thread's messages, oldest first. `page` counts from 1."""
        number = _page("ConvexStorage.get_messages_paginated", page)
        found = self.store.memory.list_messages(thread_id, page=number - 1, per_page=per_page)
        return replace(found, page=number)

    def subscribe_to_thread(self, thread_id: str, callback: Callable[[Thread | None], object]) -> Callable[[], None]:
        """Call a function with a thread, or None, at once and after each change.

        Parameters
        ----------
        thread_id : str
            The thread, which need not exist yet.
        callback : callable
            Takes the newest state, one call at a time. An exception is logged, and the next state comes all the same.

        Returns
        -------
        callable
            A function that ends the subscription. If the query fails, the subscription ends with a message in the log
            ``mastra_convex.legacy``.
        """
        return call_with_each(self.store.watch_thread(thread_id), callback)

    def subscribe_to_thread_messages(
        self, thread_id: str, callback: Callable[[list[Message]], object]
    ) -> Callable[[], None]:
        """Call a function with a thread's newest 1000 messages, oldest first, as `subscribe_to_thread` does."""
        return call_with_each(self.store.watch_messages(thread_id, last=1000), callback)

    def save_trace(self, trace: Span | Mapping[str, Any]) -> Span:
        """Insert a span of a trace, which the first release called a trace; return it.

        ``kind``, ``status``, ``events`` and ``other`` become part of its metadata.
        """
        given = _record("ConvexStorage.save_trace: trace", trace, SPAN)
        if isinstance(given, Mapping):
            folded = {name: given[name] for name in FOLDED if name in given}
            kept = {name: value for name, value in given.items() if name not in FOLDED}
            given = {**kept, "metadata": {**(kept.get("metadata") or {}), **folded}} if folded else kept
        return self.store.observability.create_span(given)

    def get_traces(self) -> list[Span]:
        """Return all traces, each by its root span, latest first."""
        return (self.store.observability.list_traces(pagination={"per_page": None})).spans

    def get_traces_by_thread_id(self, thread_id: str) -> list[Span]:
        """Return the traces of a thread, each by its root span, latest first."""
        found = self.store.observability.list_traces(
            filters={"thread_id": thread_id}, pagination={"per_page": None}
        )
        return found.spans

    def get_traces_paginated(
        self, page: int = 1, per_page: int = 100, from_date: Moment | None = None, to_date: Moment | None = None
    ) -> TracePage:
        """Return a page of traces, each by its root span, latest first.

        `page` counts from 1; with dates, only traces that started between them, both included.
        """
        place = "ConvexStorage.get_traces_paginated"
        number = _page(place, page)
        found = self.store.observability.list_traces(
            filters={
                "started_at": {
                    "start": _moment(f"{place}: from_date", from_date),
                    "end": _moment(f"{place}: to_date", to_date),
                }
            },
            pagination={"page": number - 1, "per_page": per_page},
        )
        return replace(found, page=number)

    def save_eval(self, eval_data: Eval | Mapping[str, Any]) -> Eval:
        """Insert an eval, or replace the one with its id; return it."""
        return self.store.observability.save_eval(_record("ConvexStorage.save_eval: eval_data", eval_data, EVAL))

    def get_eval(self, run_id: str) -> Eval | None:
        """Return the eval of a run, or None."""
        return self.store.observability.get_eval(run_id)

    def get_evals_by_agent_name(self, agent_name: str, type: Literal["test", "live"] | None = None) -> list[Eval]:
        """Return an agent's evals, newest first: all, or only those made by tests, or only the others."""
        return self.store.observability.get_evals_by_agent_name(agent_name, type)

    def save_workflow_run(self, workflow_run: WorkflowRun | Mapping[str, Any]) -> WorkflowRun:
        """Insert a run of a workflow, or replace it.

        Parameters
        ----------
        workflow_run : mapping or WorkflowRun
            ``workflow_name``, ``run_id``, ``resource_id``; ``state``, which is the snapshot; ``state_type``, its
            status, of which ``completed`` is today's ``success``; ``error``; ``created_at``, ``updated_at``.

        Returns
        -------
        WorkflowRun
            The stored record.
        """
        place = "ConvexStorage.save_workflow_run: workflow_run"
        given = workflow_run if isinstance(workflow_run, WorkflowRun) else _run(place, workflow_run)
        run = as_record(place, WorkflowRun, given)
        self.store.workflows.persist_workflow_snapshot(
            run.workflow_name,
            run.run_id,
            # Results of steps are merged into the context.
            {"context": {}, **run.snapshot},
            resource_id=run.resource_id,
            created_at=run.created_at,
            updated_at=run.updated_at,
        )
        return self.get_workflow_run(run.run_id, run.workflow_name) or run

    def get_workflow_run(self, run_id: str, workflow_name: str | None = None) -> WorkflowRun | None:
        """Return a run, or None. Without a workflow, the newest run with this id."""
        return self.store.workflows.get_workflow_run_by_id(run_id, workflow_name)

    def get_workflow_run_by_id(self, run_id: str, workflow_name: str | None = None) -> WorkflowRun | None:
        """As `get_workflow_run`."""
        return self.get_workflow_run(run_id, workflow_name)

    def get_workflow_runs(
        self,
        workflow_name: str | None = None,
        from_date: Moment | None = None,
        to_date: Moment | None = None,
        limit: int | None = None,
        offset: int = 0,
        resource_id: str | None = None,
    ) -> WorkflowRunPage:
        """Return runs, newest first.

        Parameters
        ----------
        workflow_name, resource_id : str, optional
            Only runs of this workflow or resource.
        from_date, to_date : datetime, str or epoch milliseconds, optional
            Only runs created between these, both included.
        limit : int, optional
            The maximum number; by default all.
        offset : int, default 0
            The number of runs to skip. It needs a limit.

        Returns
        -------
        WorkflowRunPage
            Its `page` is the one that contains the offset.
        """
        place = "ConvexStorage.get_workflow_runs"
        offset = as_integer(f"{place}: offset", offset, 0, MOST_ROWS)
        if limit is not None:
            limit = as_integer(f"{place}: limit", limit, 0, MOST_ROWS)
        elif offset:
            raise InvalidArgumentError(f"{place}: offset {offset} without a limit; expected both")
        conditions = {
            "workflow_name": workflow_name,
            "resource_id": resource_id,
            "from_date": _moment(f"{place}: from_date", from_date),
            "to_date": _moment(f"{place}: to_date", to_date),
        }
        window = Window(offset // limit if limit else 0, limit, offset)
        return self.store.workflows._page(place, window, conditions)

    def get_workflow_runs_by_state_type(self, state_type: str) -> list[WorkflowRun]:
        """Return all runs in a state, such as ``running`` or ``completed``, newest first."""
        return (self.store.workflows.list_workflow_runs(status=STATUS.get(state_type, state_type))).runs

    def update_workflow_runs(self, workflow_runs: Sequence[Mapping[str, Any]]) -> None:
        """Set the given fields of runs' states, in the form of `save_workflow_run`. Unknown runs are ignored."""
        place = "ConvexStorage.update_workflow_runs: workflow_runs"
        runs = [_run(f"{place}[{n}]", given) for n, given in enumerate(as_items(place, workflow_runs))]
        for n, run in enumerate(runs):
            options(f"{place}[{n}]", run, ("workflow_name", "run_id", "snapshot"))
        for run in runs:
            workflow_name, run_id = run.get("workflow_name", ""), run.get("run_id", "")
            self.store.workflows.update_workflow_state(workflow_name, run_id, run["snapshot"])


def _record(place: str, given: Any, names: Mapping[str, str]) -> Any:
    """A mapping with today's names and dates. A record is returned unchanged."""
    if not isinstance(given, Mapping):
        return given
    record = {names.get(name, name): value for name, value in plain_keys(given).items()}
    if len(record) < len(given):
        raise InvalidArgumentError(f"{place} names a field twice, by its old and its new name")
    return {
        name: _moment(f"{place}: {name}", value) if name.endswith("_at") else value for name, value in record.items()
    }


def _records(place: str, given: Any, names: Mapping[str, str]) -> list[Any]:
    return [_record(f"{place}[{n}]", each, names) for n, each in enumerate(as_items(place, given))]


def _run(place: str, given: Any) -> dict[str, Any]:
    """The fields of a `WorkflowRun`. Fields that the first release kept beside the state become part of the
    snapshot.
    """
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a mapping")
    run: dict[str, Any] = _record(place, given, RUN)
    state, status, error = run.get("snapshot", {}), run.pop("state_type", None), run.pop("error", None)
    if not isinstance(state, Mapping):
        raise InvalidArgumentError(f"{place}: state is {state!r:.80}; expected a dict")
    if status is not None:
        status = plain_text(f"{place}: state_type", status)
    beside = {"status": STATUS.get(status, status), "error": error}
    run["snapshot"] = {**state, **{name: value for name, value in beside.items() if value is not None}}
    return run


def _moment(place: str, given: Any) -> Any:
    """A date that may be epoch milliseconds."""
    milliseconds = as_number(given)
    if milliseconds is None:
        return given
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        raise InvalidArgumentError(f"{place} is {given!r}; expected a date, or epoch milliseconds") from None


def _page(place: str, page: int) -> int:
    return as_integer(f"{place}: page", page, 1, MOST_ROWS)
