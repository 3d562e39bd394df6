"""`AsyncConvexStore`: Mastra's storage, domain by domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, get_args

from mastra_convex._arguments import (
    as_integer,
    as_number,
    as_seconds,
    key_text,
    one_of,
    plain,
)
from mastra_convex._async.client import AsyncClient
from mastra_convex._async.deployment import AsyncDeployment, ConnectOptions, Target
from mastra_convex._async.storage import AsyncStorage
from mastra_convex._async.store import erasure
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._async.store.domains import AsyncDomains
from mastra_convex._async.store.erasure import Progress
from mastra_convex._async.subscription import AsyncSubscription
from mastra_convex._async.vector import AsyncConvexVector
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import from_row, from_rows
from mastra_convex.records._lists import Records
from mastra_convex.records.background_tasks import BackgroundTask, TaskStatus, task_of
from mastra_convex.records.erasure import DeletionReport
from mastra_convex.records.memory import Message, Resource, Thread
from mastra_convex.records.observability import Span
from mastra_convex.records.scores import Score
from mastra_convex.records.workflows import WorkflowRun

if TYPE_CHECKING:
    from mastra_convex.records._columns import Record

T = TypeVar("T")
ORDERS = ("asc", "desc")


class AsyncConvexStore(AsyncClient, AsyncDomains):
    """Mastra's storage on a deployment, which npm ``@mastra/convex`` shares.

    Each domain is an attribute, such as ``memory``.

    Parameters
    ----------
    deployment : AsyncDeployment, or what ``connect_async`` takes
        Where the data is. This object closes the deployment if it opened it.
    id : str, default "convex-store"
        A label.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    disable_init : bool, default False
        Accepted for programs that call `init` themselves. This class never calls it.
    **options
        ``connect``'s, with a target.

    Notes
    -----
    Arguments are checked before anything is sent. An `InvalidArgumentError` names the method, the argument, its value
    and the expected form, and nothing has changed. A record holds up to 1 MiB, Convex's limit for a document. That
    holds with ``limits="off"`` too, so that records can move to any deployment.

    Pages count from 0. Records of equal times come in stored order, or in its reverse if the newest come first. Totals
    are exact. The totals of whole lists, of a resource's threads, and of all messages of a thread or a resource are
    kept up to date by writes. The total of a filtered list is counted by reading index entries, 1,000 rows per
    transaction.

    Older functions, and those of npm ``@mastra/convex``, serve every method as far as they can. The rest raises an
    `UnsupportedOperationError`, which names the supported operations and what to deploy. Behaviour: as Mastra's
    storage domains
    (``@mastra/core``, ``src/storage/domains``) and ``@mastra/convex``, ``src/storage``.
    """

    def __init__(
        self,
        deployment: AsyncDeployment | Target,
        *,
        id: str = "convex-store",
        storage_function: str = "mastra/storage:handle",
        disable_init: bool = False,
        **options: Unpack[ConnectOptions],
    ) -> None:
        super().__init__(deployment, **options)
        if not isinstance(id, str) or not id:
            raise InvalidArgumentError(f"ConvexStore: id {id!r}; expected text, not empty")
        self.id = plain(id)
        self.storage_function = plain(storage_function)
        self.disable_init = disable_init
        self._storage = AsyncStorage(self._functions, storage_function)
        self._make_domains(self._storage)

    async def init(self) -> None:
        """Check that the deployment has a storage function. Its schema creates the tables.

        Raises
        ------
        FunctionNotFoundError
            It has no storage function. The hint says how to deploy it.
        """
        await self._storage.version()

    def get_store(self, name: str) -> AsyncDomain | None:
        """Return a domain by its name, such as ``"memory"`` or ``"background_tasks"``: the attribute of that name.

        None for Mastra's domains that this store doesn't have, such as ``"agents"``, and for any other name.
        """
        domain = vars(self).get(plain(name))
        return domain if isinstance(domain, AsyncDomain) else None

    async def clear(self, table_name: str) -> None:
        """Delete every row of a table, 25 per transaction.

        Parameters
        ----------
        table_name : str
            Mastra's name, such as ``"mastra_threads"``; runs of workflows are ``"mastra_workflow_snapshot"``. An
            unknown table is empty.
        """
        await self._storage.repeat("clearTable", key_text("ConvexStore.clear: table_name", table_name))

    async def forget(self, resource_id: str, *, progress: Progress | None = None) -> DeletionReport:
        """Delete everything of a resource, such as a person who asks for it.

        Its threads with their messages, observations and working memory; its messages in threads of others; its
        workflow runs, background tasks and scores; each trace with one of its spans; rows of all vector indexes whose
        metadata has its id as ``resource_id`` or ``resourceId``; and the resource itself. Some rows go per
        transaction, the resource last. After a failure, or if others write meanwhile, call again to complete it.

        Native vector tables, tables of one's own, and values of the adapters' tables aren't searched. The deleted
        words stay in free pages of a data folder's file until ``mastra-convex compact`` rewrites it.

        Parameters
        ----------
        resource_id : str
            The resource. An unknown one has nothing to delete.
        progress : callable, optional
            Called with the report so far after each transaction that deleted rows. An exception that it raises ends
            the call; what was deleted stays deleted.

        Returns
        -------
        DeletionReport
            The number of deleted rows by table.
        """
        id = key_text("ConvexStore.forget: resource_id", resource_id)
        vectors = AsyncConvexVector(self._deployment, storage_function=self.storage_function)
        return await erasure.forget(self._storage, vectors, id, progress)

    async def prune(
        self,
        policies: Mapping[str, Mapping[str, Any]],
        *,
        max_rows: int | None = None,
        pause: float = 0.0,
        progress: Progress | None = None,
    ) -> DeletionReport:
        """Delete the rows that are older than a policy allows, as Mastra's ``storage.prune``.

        The age of threads, messages, resources, scores and evaluations counts from ``created_at``, that of spans from
        their start, of workflow runs from their last update, of background tasks from their completion, of a
        schedule's triggers from their firing. Tasks that aren't completed stay. A thread goes with all that belongs to
        it, a message with its vectors. Whoever wants the disk space back calls ``mastra-convex compact`` afterwards.

        Parameters
        ----------
        policies : mapping
            By table, ``{"mastra_messages": {"max_age": timedelta(days=90)}}``. ``max_age`` is a timedelta or text such
            as ``"90d"``; ``batch_size``, at most 1000 and by default so many, is the number of rows per transaction.
        max_rows : int, optional
            The most rows to delete of each table. The report then tells whether there are more.
        pause : float, default 0
            Seconds from the beginning of a transaction to the next one, to leave time to others.
        progress : callable, optional
            As for `forget`.

        Returns
        -------
        DeletionReport
            The number of deleted rows by table, those that belong to pruned rows too.

        Raises
        ------
        InvalidArgumentError
            A policy is invalid, or a table has no date to prune by. Nothing was deleted.
        """
        place = "ConvexStore.prune"
        if not isinstance(policies, Mapping):
            raise InvalidArgumentError(f"{place}: policies is {policies!r:.80}; expected a mapping by table")
        most = None if max_rows is None else as_integer(f"{place}: max_rows", max_rows, 1, 2**53)
        seconds = 0.0 if pause == 0 else as_seconds(f"{place}: pause", pause)
        return await erasure.prune(place, self._storage, policies, most, seconds, progress)

    def watch_thread(self, thread_id: str) -> AsyncSubscription[Thread | None]:
        """Follow a thread: the thread, or None if it doesn't exist, again after each change."""
        args = {"threadId": key_text("ConvexStore.watch_thread: thread_id", thread_id)}
        return self._watch("watchThread", args, _one(Thread))

    def watch_messages(
        self,
        thread_id: str,
        *,
        last: int | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] = "asc",
    ) -> AsyncSubscription[Records[Message]]:
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
        messages = _list(Message)
        return self._watch("watchMessages", args, lambda rows: messages(rows[::-1] if is_turned else rows))

    def watch_threads_by_resource(
        self, resource_id: str, *, limit: int = 50, order: Literal["asc", "desc"] = "desc"
    ) -> AsyncSubscription[Records[Thread]]:
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
        return self._watch("watchThreadsByResource", args, _list(Thread))

    def watch_resource(self, resource_id: str) -> AsyncSubscription[Resource | None]:
        """Follow a resource: the resource, or None if it doesn't exist, again after each change."""
        args = {"resourceId": key_text("ConvexStore.watch_resource: resource_id", resource_id)}
        return self._watch("watchResource", args, _one(Resource))

    def watch_workflow_run(self, workflow_name: str, run_id: str) -> AsyncSubscription[WorkflowRun | None]:
        """Follow a run of a workflow: the run, or None if it doesn't exist, again after each change."""
        place = "ConvexStore.watch_workflow_run"
        args = {
            "workflowName": key_text(f"{place}: workflow_name", workflow_name),
            "runId": key_text(f"{place}: run_id", run_id),
        }
        return self._watch("watchWorkflowRun", args, _one(WorkflowRun))

    def watch_workflow_runs(
        self, *, workflow_name: str | None = None, resource_id: str | None = None, limit: int = 50
    ) -> AsyncSubscription[Records[WorkflowRun]]:
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
        return self._watch("watchWorkflowRuns", args, _list(WorkflowRun))

    def watch_traces(
        self,
        *,
        run_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        entity_id: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[Span]]:
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
        return self._watch("watchTraces", _newest(place, limit, of), _list(Span))

    def watch_scores(
        self,
        *,
        scorer_id: str | None = None,
        run_id: str | None = None,
        entity_id: str | None = None,
        entity_type: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[Score]]:
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
        return self._watch("watchScores", _newest(place, limit, of), _list(Score))

    def watch_tasks(
        self,
        *,
        status: str | None = None,
        agent_id: str | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
        run_id: str | None = None,
        limit: int = 50,
    ) -> AsyncSubscription[Records[BackgroundTask]]:
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
        if status is not None:
            one_of(get_args(TaskStatus), f"{place}: status", status)
        of = {"agent_id": agent_id, "thread_id": thread_id, "resource_id": resource_id, "run_id": run_id}
        args = _newest(place, limit, {"status": status, **of})
        return self._watch("watchTasks", args, lambda rows: from_rows(BackgroundTask, rows, task_of))

    def _watch(self, query: str, args: dict[str, Any], shape: Callable[[Any], T]) -> AsyncSubscription[T]:
        return self._functions.watch(f"mastra/queries:{query}", args, shape)


def _one(kind: type[Record]) -> Callable[[Any], Record | None]:
    return lambda row: None if row is None else from_row(kind, row)


def _list(kind: type[Record]) -> Callable[[Any], Records[Record]]:
    return lambda rows: from_rows(kind, rows)


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
