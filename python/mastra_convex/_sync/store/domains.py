# Generated from _async/store/domains.py by tools/unasync.py: edit that.
"""The list of a store's domains, from which its attributes, its tables and the pages of the reference derive."""

from __future__ import annotations

from typing import get_type_hints

from mastra_convex._sync.storage import Storage
from mastra_convex._sync.store.background_tasks import BackgroundTasksStorage
from mastra_convex._sync.store.channels import ChannelsStorage
from mastra_convex._sync.store.datasets import DatasetsStorage
from mastra_convex._sync.store.domain import Domain
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
    """The domains of a store, each under its name."""

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

    def _make_domains(self, storage: Storage) -> None:
        """Set each domain, over one storage function."""
        for name, domain in DOMAINS.items():
            setattr(self, name, domain(storage))


DOMAINS: dict[str, type[Domain]] = get_type_hints(Domains)
