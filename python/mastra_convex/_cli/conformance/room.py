"""The room of a run: a deployment, names of our own in it, and their deletion."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import mastra_convex as mc
from mastra_convex._cli import failures, terminal
from mastra_convex._cli.conformance.check import Checks
from mastra_convex._sync.mastra_vector import Strategy, VectorIndex
from mastra_convex._sync.package_functions import PackageFunctions
from mastra_convex._sync.storage import Storage
from mastra_convex._sync.store.items import ItemsStorage
from mastra_convex.errors import AuthenticationError, ConnectError, MastraConvexError, UnsupportedOperationError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# The table that the schema declares for `--native`.
NATIVE = mc.NativeIndex("mastra_convex_conformance_vectors", 64, filter_fields=["kind"])
# Ids in one call of `deleteMany`: some records are large.
DELETED_PER_CALL = 25
# `SETTLED_MS` of the functions' `count.ts`, and some more.
SETTLED_SECONDS = 1.2


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def texts(messages: Any) -> str:
    """The texts of messages, one after the other."""
    return " ".join(message.text for message in messages)


class Room:
    """A deployment as this package's classes see it. All names that checks use there come from `name`."""

    def __init__(self, db: mc.Deployment, storage_function: str) -> None:
        self.db = db
        self.prefix = f"conformance-{secrets.token_hex(4)}"
        self.storage_function = storage_function
        self.functions = PackageFunctions(db)
        self.storage = Storage(self.functions, storage_function)
        # The version that the deployed functions report; None if they are npm's. A wrong key shows here.
        self.deployed = self.storage.version()
        self.check = Checks(are_npms=self.deployed is None)
        self.store = mc.ConvexStore(db, storage_function=storage_function)
        self.memory = self.store.memory
        self.vectors = mc.ConvexVector(db, storage_function=storage_function)
        self.native = VectorIndex(mc.ConvexNativeVector(db, indexes={"native": NATIVE}), "native")
        self.cache = mc.ConvexServerCache(db, key_prefix=f"{self.prefix}:")
        self.items = ItemsStorage(self.storage)
        # What `--native` measured.
        self.measured: dict[str, Any] | None = None
        self._names: dict[str, list[str]] = {}

    def name(self, kind: str) -> str:
        """A new name of a kind: a key of `DELETE`, or a table, whose row has it as id."""
        names = self._names.setdefault(kind, [])
        names.append(f"{self.prefix}-{kind.removeprefix('mastra_')}-{len(names)}")
        return names[-1]

    def thread(self, **fields: Any) -> mc.Thread:
        """A new thread, of a new resource if none is given."""
        given = {"created_at": NOON, "updated_at": NOON, **fields}
        for field, kind in (("id", "thread"), ("resource_id", "mastra_resources")):
            if field not in given:
                given[field] = self.name(kind)
        return self.memory.save_thread(given)

    def chat(self, count: int, **fields: Any) -> tuple[mc.Thread, list[mc.Message]]:
        """A new thread with messages ``0``, ``1``, …, a second apart."""
        thread = self.thread()
        given = [{"thread_id": thread.id, "content": f"{n}", "created_at": at(n), **fields} for n in range(count)]
        saved = self.memory.save_messages([{"id": f"{thread.id}-{n}", **each} for n, each in enumerate(given)])
        return thread, saved

    def index(self, dimension: int = 2, metric: mc.Metric = "cosine") -> VectorIndex:
        """A new vector index."""
        return self.vectors.index(self.name("index"), dimension, metric)

    def searching_by(self, strategy: Strategy) -> mc.ConvexVector:
        """The vectors, searched in one way."""
        return mc.ConvexVector(self.db, strategy=strategy, storage_function=self.storage_function)

    def clear(self, bars: terminal.Bars) -> list[str]:
        """Delete all that has a name. Return what couldn't be deleted, with the reason."""
        left = []
        progress = bars.add("Deleting what the checks wrote", len(self._names))
        for done, (kind, names) in enumerate(self._names.items(), start=1):
            try:
                DELETE.get(kind, _rows_of(kind))(self, names)
            except UnsupportedOperationError:
                # Functions that can't delete it couldn't write it either.
                pass
            except (ConnectError, AuthenticationError) as error:
                return [f"all whose names begin with {self.prefix}: {failures.problem(error)}"]
            except MastraConvexError as error:
                left.append(f"{kind}: {len(names)} names from {names[0]} on: {failures.problem(error)}")
            progress(done, len(self._names))
        if self.deployed is not None:
            # The functions note by how much a list grew or shrank, and forget it a second later.
            time.sleep(SETTLED_SECONDS)
            with suppress(MastraConvexError):
                self.storage.repeat("tidy", "mastra_threads")
        return left


Delete = Callable[[Room, list[str]], object]


def _rows_of(table: str) -> Delete:
    def delete(room: Room, ids: list[str]) -> None:
        for begin in range(0, len(ids), DELETED_PER_CALL):
            room.storage.call("deleteMany", table, ids=ids[begin : begin + DELETED_PER_CALL])

    return delete


def _each(delete_one: Callable[[Room, str], object]) -> Delete:
    def delete(room: Room, names: list[str]) -> None:
        for name in names:
            delete_one(room, name)

    return delete


def _claims(room: Room, runs: list[str]) -> None:
    for table in ("mastra_workflow_run_owners", "mastra_memory_run_fences"):
        _rows_of(table)(room, runs)


def _rows_with(table: str, column: str) -> Delete:
    def delete(room: Room, name: str) -> None:
        _rows_of(table)(room, [row["id"] for row in room.storage.rows(table, {column: name})])

    return _each(delete)


def _indexes(room: Room, names: list[str]) -> None:
    for name in room.vectors.list_indexes():
        if name.startswith(room.prefix):
            room.vectors.delete_index(name)


# How all that belongs to names is deleted, by the kind of the names; rows of tables by their ids.
DELETE: Mapping[str, Delete] = {
    "thread": _each(lambda room, name: room.memory.delete_thread(name)),
    "observed": _each(lambda room, name: room.memory.clear_observational_memory(None, name)),
    "workflow": _rows_with("mastra_workflow_snapshots", "workflow_name"),
    "run": _claims,
    "trace": lambda room, names: room.store.observability.batch_delete_traces(names),
    "agent": _each(lambda room, name: room.store.background_tasks.delete_tasks(agent_id=name)),
    "schedule": _each(lambda room, name: room.store.schedules.delete_schedule(name)),
    "dataset": _each(lambda room, name: room.store.datasets.delete_dataset(name)),
    "experiment": _each(lambda room, name: room.store.experiments.delete_experiment(name)),
    "platform": _rows_with("mastra_channel_installations", "platform"),
    "namespace": _rows_with("mastra_items", "namespace"),
    "index": _indexes,
    "native": lambda room, names: room.native.truncate_index(),
    "table": _each(lambda room, name: room.store.clear(name)),
    "cache": lambda room, names: room.cache.clear(),
}


@contextmanager
def room_of(db: mc.Deployment, storage_function: str, left: list[str]) -> Iterator[Room]:
    """A room, emptied in the end, also after an error or Ctrl-C. `left` takes what couldn't be deleted."""
    room = Room(db, storage_function)
    room.name("cache")
    terminal.err.print(
        f"Names of this run begin with {room.prefix}. All of them are deleted at the end, even if you interrupt it.",
        soft_wrap=True,
    )
    try:
        yield room
    finally:
        try:
            with terminal.bars() as bars:
                left += room.clear(bars)
        except KeyboardInterrupt:
            terminal.err.print(f"Records whose names begin with {room.prefix} may remain.", soft_wrap=True)
            raise
        for remains in left:
            terminal.err.print(f"This remains: {remains}", soft_wrap=True)
