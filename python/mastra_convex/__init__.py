"""Mastra's storage and vector search on Convex: exact, fast, and embedded to begin with."""

import os as _os
from typing import TYPE_CHECKING

from mastra_convex import _native, errors, records
from mastra_convex._public import importer as _importer
from mastra_convex.errors import *  # noqa: F403

if TYPE_CHECKING:
    from mastra_convex import legacy as legacy
    from mastra_convex._async.cache import AsyncConvexServerCache
    from mastra_convex._async.deployment import AsyncDeployment
    from mastra_convex._async.mastra_vector import AsyncVectorIndex
    from mastra_convex._async.memory.memory import AsyncMemory
    from mastra_convex._async.native_vector import AsyncConvexNativeVector
    from mastra_convex._async.server import AsyncServer
    from mastra_convex._async.store.background_tasks import AsyncBackgroundTasksStorage
    from mastra_convex._async.store.channels import AsyncChannelsStorage
    from mastra_convex._async.store.datasets import AsyncDatasetsStorage
    from mastra_convex._async.store.experiments import AsyncExperimentsStorage
    from mastra_convex._async.store.harness import AsyncHarnessStorage
    from mastra_convex._async.store.memory import AsyncMemoryStorage
    from mastra_convex._async.store.notifications import AsyncNotificationsStorage
    from mastra_convex._async.store.observability import AsyncObservabilityStorage
    from mastra_convex._async.store.running_spans import AsyncRunningSpan
    from mastra_convex._async.store.schedules import AsyncSchedulesStorage
    from mastra_convex._async.store.scores import AsyncScoresStorage
    from mastra_convex._async.store.store import AsyncConvexStore
    from mastra_convex._async.store.thread_state import AsyncThreadStateStorage
    from mastra_convex._async.store.workflows import AsyncWorkflowsStorage
    from mastra_convex._async.subscription import AsyncSubscription
    from mastra_convex._async.vector import AsyncConvexVector
    from mastra_convex._connect import connect, connect_async, connect_from_env
    from mastra_convex._import import import_snapshot
    from mastra_convex._native import SnapshotSummary, VectorBatch
    from mastra_convex._sync.cache import ConvexServerCache
    from mastra_convex._sync.deployment import Deployment
    from mastra_convex._sync.mastra_vector import VectorIndex
    from mastra_convex._sync.memory.memory import Memory
    from mastra_convex._sync.native_vector import ConvexNativeVector
    from mastra_convex._sync.server import Server
    from mastra_convex._sync.store.background_tasks import BackgroundTasksStorage
    from mastra_convex._sync.store.channels import ChannelsStorage
    from mastra_convex._sync.store.datasets import DatasetsStorage
    from mastra_convex._sync.store.experiments import ExperimentsStorage
    from mastra_convex._sync.store.harness import HarnessStorage
    from mastra_convex._sync.store.memory import MemoryStorage
    from mastra_convex._sync.store.notifications import NotificationsStorage
    from mastra_convex._sync.store.observability import ObservabilityStorage
    from mastra_convex._sync.store.running_spans import RunningSpan
    from mastra_convex._sync.store.schedules import SchedulesStorage
    from mastra_convex._sync.store.scores import ScoresStorage
    from mastra_convex._sync.store.store import ConvexStore
    from mastra_convex._sync.store.thread_state import ThreadStateStorage
    from mastra_convex._sync.store.workflows import WorkflowsStorage
    from mastra_convex._sync.subscription import Subscription
    from mastra_convex._sync.vector import ConvexVector
    from mastra_convex.records import *  # noqa: F403
    from mastra_convex.types import IndexStats, Int64, Metric, NativeIndex, QueryResult, QueryResults, QueryStats

__all__ = [
    "AsyncBackgroundTasksStorage",
    "AsyncChannelsStorage",
    "AsyncConvexNativeVector",
    "AsyncConvexServerCache",
    "AsyncConvexStore",
    "AsyncConvexVector",
    "AsyncDatasetsStorage",
    "AsyncDeployment",
    "AsyncExperimentsStorage",
    "AsyncHarnessStorage",
    "AsyncMemory",
    "AsyncMemoryStorage",
    "AsyncNotificationsStorage",
    "AsyncObservabilityStorage",
    "AsyncRunningSpan",
    "AsyncSchedulesStorage",
    "AsyncScoresStorage",
    "AsyncServer",
    "AsyncSubscription",
    "AsyncThreadStateStorage",
    "AsyncVectorIndex",
    "AsyncWorkflowsStorage",
    "BackgroundTasksStorage",
    "ChannelsStorage",
    "ConvexNativeVector",
    "ConvexServerCache",
    "ConvexStore",
    "ConvexVector",
    "DatasetsStorage",
    "Deployment",
    "ExperimentsStorage",
    "HarnessStorage",
    "IndexStats",
    "Int64",
    "Memory",
    "MemoryStorage",
    "Metric",
    "NativeIndex",
    "NotificationsStorage",
    "ObservabilityStorage",
    "QueryResult",
    "QueryResults",
    "QueryStats",
    "RunningSpan",
    "SchedulesStorage",
    "ScoresStorage",
    "Server",
    "SnapshotSummary",
    "Subscription",
    "ThreadStateStorage",
    "VectorBatch",
    "VectorIndex",
    "WorkflowsStorage",
    "connect",
    "connect_async",
    "connect_from_env",
    "import_snapshot",
    *errors.__all__,
    *records.__all__,
]

__version__ = _native.__version__

# The modules of the classes that call a deployment, in `_sync`. Their twins are in `_async`.
_CLIENTS = {
    "BackgroundTasksStorage": "store.background_tasks",
    "ChannelsStorage": "store.channels",
    "ConvexNativeVector": "native_vector",
    "ConvexServerCache": "cache",
    "ConvexStore": "store.store",
    "ConvexVector": "vector",
    "DatasetsStorage": "store.datasets",
    "Deployment": "deployment",
    "ExperimentsStorage": "store.experiments",
    "HarnessStorage": "store.harness",
    "Memory": "memory.memory",
    "MemoryStorage": "store.memory",
    "NotificationsStorage": "store.notifications",
    "ObservabilityStorage": "store.observability",
    "RunningSpan": "store.running_spans",
    "SchedulesStorage": "store.schedules",
    "ScoresStorage": "store.scores",
    "Server": "server",
    "Subscription": "subscription",
    "ThreadStateStorage": "store.thread_state",
    "VectorIndex": "mastra_vector",
    "WorkflowsStorage": "store.workflows",
}

# The modules of all names but those of errors.
_MODULES = {
    "IndexStats": "types",
    "Int64": "types",
    "Metric": "types",
    "NativeIndex": "types",
    "QueryResult": "types",
    "QueryResults": "types",
    "QueryStats": "types",
    "SnapshotSummary": "_native",
    "VectorBatch": "types",
    "connect": "_connect",
    "connect_async": "_connect",
    "connect_from_env": "_connect",
    "import_snapshot": "_import",
    "legacy": "legacy",
    **{name: f"_sync.{module}" for name, module in _CLIENTS.items()},
    **{f"Async{name}": f"_async.{module}" for name, module in _CLIENTS.items()},
    **dict.fromkeys(records.__all__, "records"),
}

if not TYPE_CHECKING:
    # For a type checker, it would make every name a name of the package.
    __getattr__ = _importer(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(
        before=_native.before_fork,
        after_in_parent=_native.after_fork_in_parent,
        after_in_child=_native.after_fork_in_child,
    )

del TYPE_CHECKING, _os
