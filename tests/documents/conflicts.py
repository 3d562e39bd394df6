"""Operations of the storage functions, and their conflicts on Convex. `docs/conflicts.md` is generated from them."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from mastra_convex import _native
from mastra_convex._sync.store.domains import all_domains
from mastra_convex.records._columns import to_row

Request = dict[str, Any]

STORAGE = "mastra/storage:handle"
CACHE = "mastra/cache:handle"
AT = "2026-01-01T00:00:00.000Z"

# Records of number 1 and 2 belong to different threads, runs, schedules and keys of one resource, one agent, one
# workflow, one platform, one vector index and one prefix of keys. Number 3 and 4 aren't stored yet.
NUMBERS = (1, 2, 3, 4)
STORED = (1, 2)


@dataclass(frozen=True)
class Operation:
    """An operation on the record with a number."""

    name: str
    table: str
    request: Callable[[int], Request]
    function: str = STORAGE

    def __str__(self) -> str:
        return f"{self.table} {self.name}"

    def arguments(self, number: int) -> Request:
        """The arguments of the call."""
        return {"op": self.name.split(",")[0], "tableName": self.table, **self.request(number)}


def plain_rows(n: int) -> dict[str, Request]:
    """Row `n` of each table that has no record class in Python."""
    checkpoint = {"thread_id": f"c{n}", "namespace": "", "checkpoint_id": f"c{n}", "type": "json"}
    return {
        "mastra_vector_indexes": {"indexName": f"index{n}", "dimension": 2, "metric": "cosine", "createdAt": AT},
        "mastra_checkpoints": {**checkpoint, "metadata": "{}", "createdAt": AT},
        "mastra_checkpoint_writes": {**checkpoint, "task_id": "t", "task_path": "", "position": 0, "channel": "x"},
        "mastra_items": {
            "namespace": "n",
            "key": f"k{n}",
            "value": "1",
            "revision": 1,
            "createdAt": AT,
            "updatedAt": AT,
        },
        "mastra_schedule_fires": {
            "schedule_id": f"mastra_schedules{n}",
            "scheduled_fire_at": n,
            "actual_fire_at": n,
            "owner_id": f"runner{n}",
            "lease_expires_at": n,
        },
        "mastra_blobs": {"blob": f"b{n}", "position": 0, "data": b"x", "createdAt": AT},
    }


# The tables whose record of the same number a row names.
BELONGS_TO = {
    "thread_id": "mastra_threads",
    "dataset_id": "mastra_datasets",
    "item_id": "mastra_dataset_items",
    "experiment_id": "mastra_experiments",
}


def row(table: str, n: int) -> Request:
    """The row of record `n`, with a value in every column that must have one."""
    plain = plain_rows(n).get(table)
    if plain is not None:
        return {"id": f"{table}{n}", **plain}
    [kind] = [tables[table] for tables in (domain._TABLES for domain in all_domains().values()) if table in tables]
    assert kind is not None
    values: dict[str, Any] = {"float": n, "int": n, "dict": {"type": "workflow", "workflowId": "w"}}
    shared = {"resource_id": "ada", "workflow_name": "w", "agent_id": "a", "platform": f"p{n}", "cron": "* * * * *"}
    given: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.name == "id":
            given["id"] = f"{table}{n}"
        elif field.name in shared:
            given[field.name] = shared[field.name]
        elif field.name == "next_fire_at":
            given["next_fire_at"] = n
        elif field.name in BELONGS_TO:
            given[field.name] = f"{BELONGS_TO[field.name]}{n}"
        elif field.name == "dataset_version":
            given["dataset_version"] = 1
        elif is_required:
            matching = (value for name, value in values.items() if name in str(field.type))
            given[field.name] = next(matching, f"{field.name}{n}")
    if table == "mastra_workflow_snapshot":
        given["snapshot"] = {"status": "running", "context": {}}
    if table == "mastra_harness_sessions":
        given["pending"] = [{"id": "p", "kind": "question"}]
    columns = to_row("row", kind, kind(**given))
    named = {"lookupKey": f"thread:{n}"} if table == "mastra_observational_memory" else {}
    return {"id": columns.get("id", given.get("platform", f"{table}{n}")), **columns, **named}


RECORD_TABLES = [
    table for domain in all_domains().values() for table, kind in domain._TABLES.items() if kind is not None
]
RECORD_TABLES += plain_rows(1)
CLAIMS = "mastra_workflow_run_owners"
VECTORS = "mastra_vector_docs"


def name_of(table: str, n: int) -> str:
    """The id of a row."""
    return str(row(table, n)["id"])


def vector(n: int) -> Request:
    """A row of a vector index."""
    return {"id": f"v{n}", "embedding": [1, n], "metadata": {"n": n}}


def seen(n: int) -> Request:
    """A row of a vector index as a client saw it."""
    return {"id": f"v{n}", "metadata": {"n": n}}


def remembered(n: int, thread: int) -> Request:
    """A message of a thread, with its vector."""
    message = row("mastra_messages", n) | {"thread_id": name_of("mastra_threads", thread)}
    embedding = struct.pack("<2d", 1, n)
    return {
        "threadId": message["thread_id"],
        "records": [message],
        "index": {"indexName": "memory_messages_2", "dimension": 2, "metric": "cosine"},
        "vectors": [{"id": message["id"], "float64": embedding, "metadata": {"message_id": message["id"]}}],
    }


def fence(n: int) -> Request:
    """The fence of run `n`, as it is stored."""
    return {"fence": {"runId": f"run{n}", "generation": 1, "ownerId": "me"}}


def every_table(table: str) -> Iterator[Operation]:
    """The operations that all tables of records have."""
    yield Operation("insert", table, lambda n: {"record": row(table, n)})
    yield Operation("insert, new", table, lambda n: {"record": row(table, n + 2)})
    yield Operation("batchInsert", table, lambda n: {"records": [row(table, n)]})
    yield Operation("patch", table, lambda n: {"id": name_of(table, n), "record": patched(table, n)})
    yield Operation("deleteMany", table, lambda n: {"ids": [name_of(table, n)]})


def patched(table: str, n: int) -> Request:
    """A column of a row, with another value if there is a text without a meaning."""
    columns = row(table, n)
    [column] = [name for name in ("title", "reason", "updatedAt", "error", "createdAt") if name in columns][:1] or [
        "id"
    ]
    return {column: AT}


def run(n: int) -> Request:
    """Names of a workflow's run."""
    return {"workflowName": "w", "runId": f"run_id{n}"}


def om(n: int) -> str:
    """The id of a thread's observational memory."""
    return name_of("mastra_observational_memory", n)


def chunk(n: int) -> Request:
    """A buffered chunk."""
    return {"id": f"ombuf-{n}", "cycleId": f"c{n}", "observations": "x", "tokenCount": 1, "messageIds": []}


def dataset(n: int) -> Request:
    """The dataset of an operation on its items."""
    return {"datasetId": name_of("mastra_datasets", n)}


def dataset_item(n: int) -> Request:
    """An item of a dataset."""
    return {**dataset(n), "id": name_of("mastra_dataset_items", n)}


def session(n: int) -> Request:
    """A session of a harness, and when it was active."""
    return {"id": name_of("mastra_harness_sessions", n), "lastActivityAt": AT}


def own(table: str, **requests: Callable[[int], Request]) -> list[Operation]:
    """The operations of one noun."""
    return [Operation(name.replace("_new", ", new"), table, request) for name, request in requests.items()]


def cached(**requests: Callable[[int], Request]) -> list[Operation]:
    """The operations of the cache."""
    return [Operation(name, "mastra_cache", request, CACHE) for name, request in requests.items()]


KEY = {"keyPrefix": "p:", "expiresAt": None}
OM = {"updatedAt": AT}

OPERATIONS = [
    *(operation for table in RECORD_TABLES for operation in every_table(table)),
    *own(
        "mastra_threads",
        updateThread=lambda n: {"id": name_of("mastra_threads", n), "title": "x"},
        deleteThread=lambda n: {"id": name_of("mastra_threads", n)},
        setWorkingMemory=lambda n: {"id": name_of("mastra_threads", n), "scope": "thread", "text": "x"},
        copyThread=lambda n: {
            "sourceThreadId": name_of("mastra_threads", n),
            "newThreadId": f"copy{n}",
            "ids": [f"copied{n}"],
        },
    ),
    *own(
        "mastra_messages",
        saveMessages=lambda n: {"records": [row("mastra_messages", n)]},
        saveMessages_new=lambda n: {
            "records": [row("mastra_messages", n + 2) | {"thread_id": name_of("mastra_threads", n)}]
        },
        rememberMessages=lambda n: remembered(n, n),
        rememberMessages_new=lambda n: remembered(n + 2, n),
        updateMessages=lambda n: {"records": [{"id": name_of("mastra_messages", n), "role": "user"}]},
        deleteMessages=lambda n: {"ids": [name_of("mastra_messages", n)]},
        popMessage=lambda n: {"threadId": name_of("mastra_threads", n)},
    ),
    *own(
        "mastra_resources",
        updateResource=lambda n: {"resourceId": name_of("mastra_resources", n), "metadata": {}},
        forgetResource=lambda n: {"id": name_of("mastra_resources", n)},
    ),
    *own(
        "mastra_workflow_snapshot",
        mergeWorkflowStepResult=lambda n: {**run(n), "stepId": "s", "result": "{}", "requestContext": "{}"},
        mergeWorkflowState=lambda n: {**run(n), "opts": json.dumps({"status": "success"})},
        deleteWorkflowRun=run,
    ),
    *own(
        "mastra_schedules",
        createSchedule=lambda n: {"record": row("mastra_schedules", n + 2)},
        updateSchedule=lambda n: {"id": name_of("mastra_schedules", n), "patch": {"status": "paused"}},
        updateScheduleNextFire=lambda n: {
            "id": name_of("mastra_schedules", n),
            "expectedNextFireAt": n,
            "newNextFireAt": n + 60,
            "lastFireAt": n,
            "lastRunId": "r",
        },
        deleteSchedule=lambda n: {"id": name_of("mastra_schedules", n)},
    ),
    *own(
        "mastra_schedule_triggers",
        recordScheduleTrigger=lambda n: {"record": row("mastra_schedule_triggers", n + 2)},
        deleteScheduleTriggers=lambda n: {"scheduleId": f"schedule_id{n}"},
    ),
    *own(
        "mastra_schedule_fires",
        claimFire=lambda n: {
            "scheduleId": name_of("mastra_schedules", n),
            "scheduledFireAt": n,
            "nextFireAt": n + 60,
            "ownerId": f"runner{n}",
            "leaseMs": 60_000,
        },
        renewFire=lambda n: {
            "id": name_of("mastra_schedule_fires", n),
            "ownerId": f"runner{n}",
            "leaseMs": 60_000,
        },
        finishFire=lambda n: {
            "id": name_of("mastra_schedule_fires", n),
            "ownerId": f"runner{n}",
            "trigger": {"id": f"t{n}", "outcome": "succeeded", "trigger_kind": "schedule-fire"},
        },
    ),
    *own(
        "mastra_background_tasks",
        createTask=lambda n: {"record": row("mastra_background_tasks", n + 2)},
        claimTask=lambda n: {"ownerId": f"worker{n}", "id": name_of("mastra_background_tasks", n)},
        deleteTasks=lambda n: {"ids": [name_of("mastra_background_tasks", n)], "filters": []},
    ),
    *own(
        "mastra_observational_memory",
        omInitialize=lambda n: {"record": row("mastra_observational_memory", n + 2)},
        omUpdateActive=lambda n: {"id": om(n), "observations": "x", "tokenCount": 1, "lastObservedAt": AT, **OM},
        omAppendBufferedChunk=lambda n: {"id": om(n), "chunk": chunk(n), **OM},
        omSwapBuffered=lambda n: {
            "id": om(n),
            "activationRatio": 1,
            "messageTokensThreshold": 1,
            "currentPendingTokens": 1,
            "now": AT,
        },
        omUpdateConfig=lambda n: {"id": om(n), "config": "{}", **OM},
        omUpdateBufferedReflection=lambda n: {
            "id": om(n),
            "reflection": "x",
            "tokenCount": 1,
            "inputTokenCount": 1,
            "reflectedObservationLineCount": 1,
            **OM,
        },
    ),
    *own(
        "mastra_ai_spans",
        createSpans=lambda n: {"records": [row("mastra_ai_spans", n)]},
        createSpans_new=lambda n: {"records": [row("mastra_ai_spans", n + 2)]},
        updateSpans=lambda n: {"records": [{"traceId": f"trace_id{n}", "spanId": f"span_id{n}", "endedAt": AT}]},
        deleteTraces=lambda n: {"traceIds": [f"trace_id{n}"]},
    ),
    *own("mastra_thread_state", deleteState=lambda n: {"threadId": f"mastra_threads{n}", "type": f"type{n}"}),
    *own(
        "mastra_notifications",
        createNotification=lambda n: {"record": {**row("mastra_notifications", n + 2), "dedupeKey": "k"}},
        updateNotifications=lambda n: {
            "threadId": f"mastra_threads{n}",
            "ids": [name_of("mastra_notifications", n)],
            "record": {"status": "seen", "seenAt": AT, "updatedAt": AT},
        },
    ),
    *own(
        "mastra_datasets",
        createDataset=lambda n: {"record": row("mastra_datasets", n + 2)},
        deleteDataset=lambda n: {"id": name_of("mastra_datasets", n)},
    ),
    *own(
        "mastra_dataset_items",
        insertItems=lambda n: {**dataset(n), "items": [{"id": f"new{n}", "input": n, "externalId": "x"}]},
        updateItem=lambda n: {**dataset_item(n), "record": {"input": 2}},
        deleteItem=lambda n: dataset_item(n),
        deleteItems=lambda n: {**dataset(n), "ids": [dataset_item(n)["id"]]},
        purgeItem=lambda n: {**dataset_item(n), "purgedAt": AT},
    ),
    *own(
        "mastra_experiments",
        createExperiment=lambda n: {"record": row("mastra_experiments", n + 2)},
        updateExperiment=lambda n: {"id": name_of("mastra_experiments", n), "record": {"status": "running"}},
        deleteExperiment=lambda n: {"id": name_of("mastra_experiments", n)},
    ),
    *own(
        "mastra_experiment_results",
        addResult=lambda n: {"record": row("mastra_experiment_results", n + 2)},
        upsertResult=lambda n: {"record": row("mastra_experiment_results", n)},
        upsertResult_new=lambda n: {"record": row("mastra_experiment_results", n + 2)},
        reviewResult=lambda n: {"id": name_of("mastra_experiment_results", n), "record": {"comment": "x"}},
        purgeResults=lambda n: {**dataset(n), "itemId": dataset_item(n)["id"]},
        deleteResults=lambda n: {"experimentId": name_of("mastra_experiments", n)},
    ),
    *own(
        "mastra_harness_sessions",
        updateSession=lambda n: {**session(n), "record": {"title": "x"}},
        appendPendingItem=lambda n: {**session(n), "item": {"id": "new", "kind": "question"}},
        updatePendingItem=lambda n: {**session(n), "itemId": "p", "fields": {"status": "responded"}},
        removePendingItem=lambda n: {**session(n), "itemId": "p"},
    ),
    *own("mastra_checkpoint_writes", putWrites=lambda n: {"records": [row("mastra_checkpoint_writes", n + 2)]}),
    *own(
        "mastra_items",
        readItems=lambda n: {"items": [{"namespace": "n", "key": f"k{n}"}]},
        putItems=lambda n: {"items": [{"namespace": "n", "key": f"k{n}", "value": "2"}]},
        putItems_new=lambda n: {"items": [{"namespace": "n", "key": f"k{n + 2}", "value": "2"}]},
    ),
    *own(
        "mastra_vector_indexes",
        createVectorIndex=lambda n: {"record": row("mastra_vector_indexes", n + 2)},
        deleteVectorIndex=lambda n: {"id": name_of("mastra_vector_indexes", n)},
    ),
    *own(
        VECTORS,
        insert=lambda n: {"record": vector(n)},
        insert_new=lambda n: {"record": vector(n + 2)},
        batchInsert=lambda n: {"records": [vector(n)]},
        patch=lambda n: {"id": f"v{n}", "record": {"metadata": {}}},
        upsertVectors=lambda n: {"records": [{"id": f"v{n}", "float64": struct.pack("<2d", 1, n)}]},
        updateVectors=lambda n: {"ids": [f"v{n}"], "metadata": {"a": 1}},
        updateSeen=lambda n: {"rows": [seen(n)], "metadata": {"a": 1}},
        deleteMany=lambda n: {"ids": [f"v{n}"]},
        deleteSeen=lambda n: {"rows": [seen(n)]},
    ),
    *own(
        "mastra_traces",
        insert=lambda n: {"record": {"id": f"d{n}"}},
        insert_new=lambda n: {"record": {"id": f"d{n + 2}"}},
        batchInsert=lambda n: {"records": [{"id": f"d{n}"}]},
        patch=lambda n: {"id": f"d{n}", "record": {"a": 1}},
        deleteMany=lambda n: {"ids": [f"d{n}"]},
    ),
    *own(
        CLAIMS,
        claimRunOwnership=lambda n: {"runId": f"run{n + 2}", "ownerId": "me", "leaseMs": 1000},
        renewRunOwnership=lambda n: {**fence(n), "leaseMs": 1000},
        releaseRunOwnership=fence,
        raiseRunFence=lambda n: {"fence": {"runId": f"run{n}", "generation": 2, "ownerId": "me"}},
        fenced=lambda n: {
            **fence(n),
            "request": {"op": "insert", "tableName": "mastra_evals", "record": row("mastra_evals", n)},
        },
    ),
    *cached(
        set=lambda n: {"key": f"p:v{n}", "value": n, **KEY},
        delete=lambda n: {"key": f"p:v{n}"},
        listPush=lambda n: {"key": f"p:l{n}", "value": n, **KEY},
        increment=lambda n: {"key": f"p:c{n}", **KEY},
        listPushIndexed=lambda n: {"key": f"p:l{n}", "counterKey": f"p:c{n}", "value": {}, **KEY},
    ),
]

# Operations that aren't about one record. They read data that writers of any record write.
WHOLE = {
    "clearTable": "deletes all rows of a table, some per call. It is called again until none is left.",
    "dropTable": "is `clearTable`.",
    "prune": "deletes old rows, some per call. Of other calls it meets only changes of old rows. It is called again.",
    "tidy": "brings counts in order. Clients ignore its failures; the next one goes on.",
    "fillStatus": "completes runs that older functions wrote.",
    "deleteOrphans": "deletes the vectors of an index whose message is gone, some per call.",
    "clear": "deletes all keys of a prefix, some per call. It is called again until none is left.",
    "sweep": "deletes the expired keys of a prefix. It is called again later.",
    "omCreateReflectionGeneration": "makes the next generation of one thread's memory, in which all writers of that "
    "memory meet.",
    "omSwapBufferedReflection": "makes the next generation of one thread's memory, in which all writers of that memory "
    "meet.",
}


def lists_of(columns: Request) -> list[tuple[str, str | bool]]:
    """The columns by which lists of a row may be counted, and their values."""
    texts = [(name, value) for name, value in columns.items() if isinstance(value, str)]
    return [*texts, ("isRoot", True), ("currentIn", str(columns.get("datasetId")))]


@cache
def deployment() -> _native.EmbeddedDeployment:
    """A deployment with the stored records."""
    native = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="normal")

    def call(function: str, op: str, table: str, **fields: Any) -> None:
        reply = native.call("mutation", function, {"op": op, "tableName": table, **fields})
        assert reply["ok"], (op, table, reply)

    for name in ("docs", "memory_messages_2"):
        index = {"id": name, "indexName": name, "dimension": 2, "metric": "cosine", "createdAt": AT}
        call(STORAGE, "createVectorIndex", "mastra_vector_indexes", record=index)
    for n in STORED:
        for table in RECORD_TABLES:
            call(STORAGE, "insert", table, record=row(table, n))
            # Writers of a list that is counted write more than others.
            for filters in ([], *([{"field": name, "value": value}] for name, value in lists_of(row(table, n)))):
                call(STORAGE, "tidy", table, filters=filters)
        call(STORAGE, "insert", VECTORS, record=vector(n))
        call(STORAGE, "insert", "mastra_traces", record={"id": f"d{n}"})
        call(STORAGE, "claimRunOwnership", CLAIMS, runId=f"run{n}", ownerId="me", leaseMs=3_600_000)
        call(CACHE, "set", "", key=f"p:v{n}", value=n, **KEY)
        call(CACHE, "listPush", "", key=f"p:l{n}", value=n, **KEY)
        call(CACHE, "increment", "", key=f"p:c{n}", **KEY)
    return native


@cache
def footprint(operation: Operation, number: int) -> _native.Footprint:
    """The footprint of an operation on a record. Each of them succeeds."""
    taken = deployment().footprint(operation.function, operation.arguments(number))
    assert taken.value["ok"], (str(operation), taken.value)
    return taken


def conflicts(operation: Operation) -> list[Operation]:
    """The operations on other records that an operation conflicts with."""
    first, second = STORED
    return [
        other
        for other in OPERATIONS
        if footprint(operation, first).conflicts_with(footprint(other, second))
        or footprint(operation, second).conflicts_with(footprint(other, first))
    ]


@dataclass(frozen=True)
class Meeting:
    """Two calls that meet at one record."""

    first: tuple[str, Request]
    second: tuple[str, Request]
    record: str
    advice: str

    def happens(self) -> bool:
        """Whether the two calls conflict."""
        first, second = (deployment().footprint(*call) for call in (self.first, self.second))
        return first.conflicts_with(second)


def save(message: int) -> tuple[str, Request]:
    """Saves a new message in the first thread."""
    record = row("mastra_messages", message) | {"thread_id": name_of("mastra_threads", 1)}
    return STORAGE, {"op": "saveMessages", "tableName": "mastra_messages", "records": [record]}


def claim(owner: str) -> tuple[str, Request]:
    """Claims the oldest pending task."""
    return STORAGE, {"op": "claimTask", "tableName": "mastra_background_tasks", "ownerId": owner}


def merge(step: str) -> tuple[str, Request]:
    """Merges a step's result into the first run."""
    fields = {**run(1), "stepId": step, "result": "{}", "requestContext": "{}"}
    return STORAGE, {"op": "mergeWorkflowStepResult", "tableName": "mastra_workflow_snapshot", **fields}


def push(value: int) -> tuple[str, Request]:
    """Appends to the first list."""
    return CACHE, {"op": "listPush", "key": "p:l1", "value": value, **KEY}


INCREMENT = (CACHE, {"op": "increment", "key": "p:c1", **KEY})
UPDATE = (
    STORAGE,
    {"op": "updateThread", "tableName": "mastra_threads", "id": name_of("mastra_threads", 1), "title": "x"},
)

MEETINGS = {
    "messages saved in one thread": Meeting(
        save(3),
        save(4),
        "the thread, whose `updatedAt` both set: Mastra's clients read it there",
        "save the messages of a turn in one call",
    ),
    "updates of one thread": Meeting(
        UPDATE, UPDATE, "the thread", "nothing to do: the repeated call merges into the newer metadata"
    ),
    "steps merged into one run": Meeting(
        merge("a"), merge("b"), "the run's snapshot", "nothing to do: the repeated call merges into the newer snapshot"
    ),
    "claims of the oldest task": Meeting(
        claim("a"), claim("b"), "the oldest pending task, which one of both gets", "claim by id, or by agent"
    ),
    "items pushed to one list": Meeting(push(1), push(2), "the list's length", "push to a list per writer"),
    "one counter, incremented": Meeting(INCREMENT, INCREMENT, "the counter", "count per writer, and add up"),
}
