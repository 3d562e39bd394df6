"""The records of a store: the arguments and results of its methods.

They are small frozen dataclasses. Methods that take a record also take a mapping with the same names. All fields have
defaults, except the ones that identify a record. Dates go in as aware ``datetime`` or as ISO text, and come out in
UTC, to the
millisecond.
"""

from typing import TYPE_CHECKING

from mastra_convex._public import importer as _importer

if TYPE_CHECKING:
    from mastra_convex.records._lists import Records
    from mastra_convex.records._pages import OrderBy
    from mastra_convex.records.background_tasks import BackgroundTask, TaskFilter, TaskPage
    from mastra_convex.records.channels import ChannelConfig, ChannelInstallation
    from mastra_convex.records.datasets import (
        Dataset,
        DatasetItem,
        DatasetItemPage,
        DatasetPage,
        DatasetVersion,
        DatasetVersionPage,
    )
    from mastra_convex.records.erasure import DeletionReport
    from mastra_convex.records.evals import Eval, EvalPage
    from mastra_convex.records.experiments import (
        Experiment,
        ExperimentPage,
        ExperimentResult,
        ExperimentResultPage,
        ReviewCounts,
    )
    from mastra_convex.records.harness import HarnessPendingItem, HarnessSession
    from mastra_convex.records.memory import (
        Message,
        MessagePage,
        Resource,
        Thread,
        ThreadClone,
        ThreadCopy,
        ThreadPage,
    )
    from mastra_convex.records.notifications import Notification
    from mastra_convex.records.observability import Span, Trace, TraceOrderBy, TracePage
    from mastra_convex.records.observations import (
        ActivatedChunk,
        ObservationActivation,
        ObservationalMemory,
        ObservationChunk,
    )
    from mastra_convex.records.recall import MemoryContext, MemoryHit
    from mastra_convex.records.schedules import Schedule, ScheduleFilter, ScheduleTrigger
    from mastra_convex.records.scores import Score, ScorePage
    from mastra_convex.records.thread_state import ThreadState
    from mastra_convex.records.workflows import (
        AppliedOwnership,
        RefusedOwnership,
        RunFence,
        RunOwnership,
        WorkflowRun,
        WorkflowRunFilter,
        WorkflowRunPage,
    )

__all__ = [
    "ActivatedChunk",
    "AppliedOwnership",
    "BackgroundTask",
    "ChannelConfig",
    "ChannelInstallation",
    "Dataset",
    "DatasetItem",
    "DatasetItemPage",
    "DatasetPage",
    "DatasetVersion",
    "DatasetVersionPage",
    "DeletionReport",
    "Eval",
    "EvalPage",
    "Experiment",
    "ExperimentPage",
    "ExperimentResult",
    "ExperimentResultPage",
    "HarnessPendingItem",
    "HarnessSession",
    "MemoryContext",
    "MemoryHit",
    "Message",
    "MessagePage",
    "Notification",
    "ObservationActivation",
    "ObservationChunk",
    "ObservationalMemory",
    "OrderBy",
    "Records",
    "RefusedOwnership",
    "Resource",
    "ReviewCounts",
    "RunFence",
    "RunOwnership",
    "Schedule",
    "ScheduleFilter",
    "ScheduleTrigger",
    "Score",
    "ScorePage",
    "Span",
    "TaskFilter",
    "TaskPage",
    "Thread",
    "ThreadClone",
    "ThreadCopy",
    "ThreadPage",
    "ThreadState",
    "Trace",
    "TraceOrderBy",
    "TracePage",
    "WorkflowRun",
    "WorkflowRunFilter",
    "WorkflowRunPage",
]

_MODULES = {
    "ActivatedChunk": "observations",
    "AppliedOwnership": "workflows",
    "BackgroundTask": "background_tasks",
    "ChannelConfig": "channels",
    "ChannelInstallation": "channels",
    "Dataset": "datasets",
    "DatasetItem": "datasets",
    "DatasetItemPage": "datasets",
    "DatasetPage": "datasets",
    "DatasetVersion": "datasets",
    "DatasetVersionPage": "datasets",
    "DeletionReport": "erasure",
    "Eval": "evals",
    "EvalPage": "evals",
    "Experiment": "experiments",
    "ExperimentPage": "experiments",
    "ExperimentResult": "experiments",
    "ExperimentResultPage": "experiments",
    "HarnessPendingItem": "harness",
    "HarnessSession": "harness",
    "MemoryContext": "recall",
    "MemoryHit": "recall",
    "Message": "memory",
    "MessagePage": "memory",
    "Notification": "notifications",
    "ObservationActivation": "observations",
    "ObservationChunk": "observations",
    "ObservationalMemory": "observations",
    "OrderBy": "_pages",
    "Records": "_lists",
    "RefusedOwnership": "workflows",
    "Resource": "memory",
    "ReviewCounts": "experiments",
    "RunFence": "workflows",
    "RunOwnership": "workflows",
    "Schedule": "schedules",
    "ScheduleFilter": "schedules",
    "ScheduleTrigger": "schedules",
    "Score": "scores",
    "ScorePage": "scores",
    "Span": "observability",
    "TaskFilter": "background_tasks",
    "TaskPage": "background_tasks",
    "Thread": "memory",
    "ThreadClone": "memory",
    "ThreadCopy": "memory",
    "ThreadPage": "memory",
    "ThreadState": "thread_state",
    "Trace": "observability",
    "TraceOrderBy": "observability",
    "TracePage": "observability",
    "WorkflowRun": "workflows",
    "WorkflowRunFilter": "workflows",
    "WorkflowRunPage": "workflows",
}

if not TYPE_CHECKING:
    # For a type checker, it would make every name a name of the package.
    __getattr__ = _importer(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


del TYPE_CHECKING
