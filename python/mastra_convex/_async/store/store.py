"""`AsyncConvexStore`: Mastra's storage, domain by domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from mastra_convex._arguments import as_integer, as_seconds, key_text, plain
from mastra_convex._async.deployment import AsyncDeployment, ConnectOptions, Target
from mastra_convex._async.storage import AsyncStorage
from mastra_convex._async.store import erasure
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._async.store.domains import AsyncDomains
from mastra_convex._async.store.erasure import Progress
from mastra_convex._async.store.live_records import AsyncLiveRecords
from mastra_convex._async.vector import AsyncConvexVector
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records.erasure import DeletionReport


@public
class AsyncConvexStore(AsyncLiveRecords, AsyncDomains):
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
        domain = getattr(self, plain(name), None)
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

        Its threads with their messages, observations, working memory, state and notifications; its messages in threads
        of others; its workflow runs, background tasks, scores, notifications and harness sessions; each trace with one
        of its spans; rows of all vector indexes whose metadata has its id as ``resource_id`` or ``resourceId``; and the
        resource itself. Some rows go per transaction, the resource last. After a failure, or if others write meanwhile,
        call again to complete it.

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

        The age of threads, messages, resources, scores, evaluations and notifications counts from ``created_at``, that
        of spans from their start, of workflow runs and states of threads from their last update, of background tasks
        and experiments from their completion, of a schedule's triggers from their firing, of harness sessions from
        their last activity. Tasks and experiments that aren't completed stay. A thread goes with all that belongs to
        it, a message with its vectors, an experiment with its results. ``mastra-convex compact`` gives the space back
        to the disk.

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
