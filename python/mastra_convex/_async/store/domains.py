"""The list of a store's domains, from which its attributes, its tables and the pages of the reference derive."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mastra_convex._async.store.domain import AsyncDomain

if TYPE_CHECKING:
    from mastra_convex._async.store.background_tasks import AsyncBackgroundTasksStorage
    from mastra_convex._async.store.channels import AsyncChannelsStorage
    from mastra_convex._async.store.datasets import AsyncDatasetsStorage
    from mastra_convex._async.store.experiments import AsyncExperimentsStorage
    from mastra_convex._async.store.harness import AsyncHarnessStorage
    from mastra_convex._async.store.memory import AsyncMemoryStorage
    from mastra_convex._async.store.notifications import AsyncNotificationsStorage
    from mastra_convex._async.store.observability import AsyncObservabilityStorage
    from mastra_convex._async.store.schedules import AsyncSchedulesStorage
    from mastra_convex._async.store.scores import AsyncScoresStorage
    from mastra_convex._async.store.thread_state import AsyncThreadStateStorage
    from mastra_convex._async.store.workflows import AsyncWorkflowsStorage


class AsyncDomains:
    """The domains of a store, each under its name, which is its module's too. A domain is made when it is first used,
    because the import of all of them takes longer than the first calls of most programs.
    """

    memory: AsyncMemoryStorage
    workflows: AsyncWorkflowsStorage
    scores: AsyncScoresStorage
    background_tasks: AsyncBackgroundTasksStorage
    schedules: AsyncSchedulesStorage
    channels: AsyncChannelsStorage
    observability: AsyncObservabilityStorage
    thread_state: AsyncThreadStateStorage
    notifications: AsyncNotificationsStorage
    datasets: AsyncDatasetsStorage
    experiments: AsyncExperimentsStorage
    harness: AsyncHarnessStorage

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> AsyncDomain:
            if name not in _CLASSES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            domain = domain_class(name)(self._storage)
            # Another thread may have been faster.
            return vars(self).setdefault(name, domain)


# The name of each domain's class. As annotations they would fail to resolve before they are imported.
_CLASSES = AsyncDomains.__annotations__
AsyncDomains.__annotations__ = {}


def domain_class(name: str) -> type[AsyncDomain]:
    """The class of a domain."""
    domain: type[AsyncDomain] = getattr(import_module(f"{__package__}.{name}"), _CLASSES[name])
    return domain


def all_domains() -> dict[str, type[AsyncDomain]]:
    """Each domain's class, by the domain's name."""
    return {name: domain_class(name) for name in _CLASSES}
