"""The list of a store's domains, from which its attributes, its tables and the pages of the reference derive."""

from __future__ import annotations

from typing import get_type_hints

from mastra_convex._async.storage import AsyncStorage
from mastra_convex._async.store.background_tasks import AsyncBackgroundTasksStorage
from mastra_convex._async.store.channels import AsyncChannelsStorage
from mastra_convex._async.store.datasets import AsyncDatasetsStorage
from mastra_convex._async.store.domain import AsyncDomain
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
    """The domains of a store, each under its name."""

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

    def _make_domains(self, storage: AsyncStorage) -> None:
        """Set each domain, over one storage function."""
        for name, domain in DOMAINS.items():
            setattr(self, name, domain(storage))


DOMAINS: dict[str, type[AsyncDomain]] = get_type_hints(AsyncDomains)
