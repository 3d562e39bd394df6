# Generated from _async/store/domains.py by tools/unasync.py: edit that.
"""The list of a store's domains, from which its attributes, its tables and the pages of the reference derive."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mastra_convex._sync.store.domain import Domain

if TYPE_CHECKING:
    from mastra_convex._sync.store.background_tasks import BackgroundTasksStorage
    from mastra_convex._sync.store.channels import ChannelsStorage
    from mastra_convex._sync.store.datasets import DatasetsStorage
    from mastra_convex._sync.store.experiments import ExperimentsStorage
    from mastra_convex._sync.store.harness import HarnessStorage
    from mastra_convex._sync.store.memory import MemoryStorage
    from mastra_convex._sync.store.notifications import NotificationsStorage
    from mastra_convex._sync.store.observability import ObservabilityStorage
    from mastra_convex._sync.store.schedules import SchedulesStorage
    from mastra_convex._sync.store.scores import ScoresStorage
    from mastra_convex._sync.store.thread_state import ThreadStateStorage
    from mastra_convex._sync.store.workflows import WorkflowsStorage


class Domains:
    """The domains of a store, each under its name, which is its module's too. A domain is made when it is first used,
    because the import of all of them takes longer than the first calls of most programs.
    """

    memory: MemoryStorage
    workflows: WorkflowsStorage
    scores: ScoresStorage
    background_tasks: BackgroundTasksStorage
    schedules: SchedulesStorage
    channels: ChannelsStorage
    observability: ObservabilityStorage
    thread_state: ThreadStateStorage
    notifications: NotificationsStorage
    datasets: DatasetsStorage
    experiments: ExperimentsStorage
    harness: HarnessStorage

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Domain:
            if name not in _CLASSES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            domain = domain_class(name)(self._storage)
            # Another thread may have been faster.
            return vars(self).setdefault(name, domain)


# The name of each domain's class. As annotations they would fail to resolve before they are imported.
_CLASSES = Domains.__annotations__
Domains.__annotations__ = {}


def domain_class(name: str) -> type[Domain]:
    """The class of a domain."""
    domain: type[Domain] = getattr(import_module(f"{__package__}.{name}"), _CLASSES[name])
    return domain


def all_domains() -> dict[str, type[Domain]]:
    """Each domain's class, by the domain's name."""
    return {name: domain_class(name) for name in _CLASSES}
