"""``mastra-convex doctor``: finds problems of a deployment or a data folder, and says how to fix them."""

from __future__ import annotations

import json as json_text
import os
import platform
import shlex
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

import mastra_convex as mc
from mastra_convex._cli import failures, targets, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex._credentials import ADMIN_KEYS, AUTH_TOKEN, URLS
from mastra_convex._hints import DEPLOY
from mastra_convex._native import SQLITE_VERSION
from mastra_convex._sync.package_functions import PackageFunctions
from mastra_convex._sync.storage import Storage
from mastra_convex.errors import ConfigurationError, ConnectError, FunctionError, LockedError, MastraConvexError

EPILOG = """
\b
Examples:
  mastra-convex doctor                               CONVEX_URL if set, else the folder ./agent-data
  mastra-convex doctor ./agent-data                  a data folder
  mastra-convex doctor --functions ./convex          a folder served with your own functions
  mastra-convex doctor https://….convex.cloud        a deployment, with its key in CONVEX_ADMIN_KEY
  mastra-convex doctor ./agent-data --fix            delete vectors whose message is gone
  mastra-convex doctor --json | jq .findings         for programs

Without --fix, the checks change no documents. A data folder gets missing tables of its functions.
The exit code is 1 if there is a problem, and 0 if there are only warnings.
"""

# With more rows, a scan over a network is slow enough to compare it with Convex's own index.
MANY_ROWS = 5_000

# A document of this size will soon reach Convex's limit of 1 MiB.
LARGE_BYTES = 900 << 10

# More free space, if it is a quarter of the file, is worth giving back.
MUCH_FREE = 16 << 20

# The indexes of messages' vectors begin so.
MESSAGE_VECTORS = "memory_messages"

SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}


@dataclass(frozen=True)
class Finding:
    """The result of a check; `hint` is the next step."""

    check: str
    status: Literal["ok", "warning", "problem"]
    message: str
    hint: str | None = None


def doctor(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A data folder, or a deployment's URL.")
    ] = None,
    functions: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="The convex/ folder that the data folder is served with, if not the built-in one."
        ),
    ] = None,
    storage_function: Annotated[str, typer.Option(help="The path of the storage function.")] = "mastra/storage:handle",
    fix: Annotated[bool, typer.Option("--fix", help="Delete vectors whose message is gone.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check a deployment or a folder, and say how to fix problems.

    Checks versions, keys, functions, schema, indexes and limits, and that a folder's data is undamaged.
    """
    target = target or next(filter(None, map(os.environ.get, URLS)), "./agent-data")
    findings = list(_examine(target, functions, storage_function, fix))
    if json:
        print(json_text.dumps({"target": target, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            terminal.out.print(f"{SIGNS[finding.status]} {finding.check}: {finding.message}", soft_wrap=True)
            if finding.hint:
                terminal.out.print(f"    {finding.hint}", soft_wrap=True)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


def _examine(target: str, functions: str | None, storage_function: str, fix: bool) -> Iterator[Finding]:
    """Run the checks in order. A failed check skips the ones that depend on it."""
    file = None if "://" in target else Path(target).expanduser() / "data.sqlite3"
    if file is not None and not file.is_file():
        raise ConfigurationError(
            f"doctor: {file} doesn't exist; expected the folder of a deployment, or a URL",
            hint="`mastra-convex serve --data DIR` or connect(DIR) creates a folder.",
        )
    versions = f"mastra-convex {mc.__version__}, SQLite {SQLITE_VERSION}, Python {platform.python_version()}"
    yield Finding("versions", "ok", versions)
    yield from _keys(file)
    is_served = False
    try:
        with targets.connect(target, functions) as db:
            is_served = db.kind == "http"
            storage = Storage(PackageFunctions(db), storage_function)
            yield from _functions(storage, is_assumed=not is_served and functions is None)
            vectors = mc.ConvexVector(db, storage_function=storage_function)
            for name in vectors.list_indexes():
                yield from _index(vectors, name, db.kind)
                if name.startswith(MESSAGE_VECTORS):
                    yield from _orphans(storage, name, fix)
    except MastraConvexError as error:
        yield Finding("deployment", "problem", failures.problem(error), failures.next_step(error))
        if isinstance(error, LockedError | ConnectError):
            return
    # Not while this process has the folder open: closing a second SQLite connection here would drop the locks.
    if file is not None:
        yield from _file(file, is_served=is_served)


def _keys(file: Path | None) -> Iterator[Finding]:
    """The admin key: the one this process calls with, or the one a folder is served with."""
    if file is None:
        given = [variable for variable in (*ADMIN_KEYS, AUTH_TOKEN) if os.environ.get(variable)]
        if given:
            yield Finding("keys", "ok", f"{given[0]} is set")
        else:
            message = "no admin key and no token is set, so only public functions can be called"
            yield Finding("keys", "warning", message, f"{ADMIN_KEYS[0]} holds the key of a deployment.")
        return
    key = file.with_name("admin-key")
    if not key.exists():
        yield Finding("keys", "ok", "there is no key yet; `mastra-convex serve` or `keys show` creates it")
    elif key.stat().st_mode & 0o077:
        message = f"other users of this machine can read {key}"
        yield Finding("keys", "warning", message, f"`mastra-convex keys rotate {shlex.quote(str(key.parent))}`")
    else:
        yield Finding("keys", "ok", f"only its owner can read {key}")


def _file(path: Path, *, is_served: bool) -> Iterator[Finding]:
    """The data of a folder that this process doesn't have open, as SQLite sees it."""
    check = "data.sqlite3"
    # A folder that can't be written may have no log; a served one has one, and changes meanwhile.
    mode = "mode=ro" if is_served else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as file:
            found = [row[0] for row in file.execute("PRAGMA integrity_check(5)")]
            largest = file.execute(
                "SELECT tables.name, max(length(body) + ifnull(length(packed), 0)) FROM documents"
                " JOIN tables ON tables.number = table_number GROUP BY tables.name"
            ).fetchall()
            changed = list(_changed_documents(file))
            pages, free, bytes = (
                file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
    except sqlite3.DatabaseError as error:
        yield Finding(check, "problem", str(error), "Restore the folder from a backup.")
        return
    if found != ["ok"]:
        yield Finding(check, "problem", "; ".join(found), "Restore the folder from a backup.")
        return
    if changed:
        table, id = changed[0]
        message = f"{len(changed)} documents aren't as they were written, the first in table {table} ({id.hex()})"
        yield Finding(check, "problem", message, "Restore the folder from a backup.")
        return
    size = f"{pages * bytes / 1e6:.1f} MB, {free * bytes / 1e6:.1f} MB of them free"
    if free * bytes >= MUCH_FREE and free >= pages / 4:
        hint = f"`mastra-convex compact {shlex.quote(str(path.parent))}` gives the free space back to the disk."
        yield Finding(check, "warning", f"undamaged; {size}", hint)
    else:
        yield Finding(check, "ok", f"undamaged; {size}")
    for table, size in largest:
        if size > LARGE_BYTES:
            message = f"its largest document has {size:,} bytes; Convex's limit is 1,048,576"
            yield Finding(
                f"table {table}", "warning", message, "Store large texts elsewhere, or split them into several records."
            )


def _changed_documents(file: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Table and internal id of each document whose checksum differs; ``data/document.rs`` of the engine defines it."""
    rows = file.execute(
        "SELECT name, internal_id, creation_time, CAST(body AS BLOB), ifnull(packed, x''), checksum FROM documents"
        " JOIN tables ON number = table_number WHERE checksum IS NOT NULL"
    )
    for table, id, creation_time, body, packed, checksum in rows:
        if zlib.crc32(b"".join((id, struct.pack("<d", creation_time), body, packed))) != checksum:
            yield table, id


def _functions(storage: Storage, is_assumed: bool) -> Iterator[Finding]:
    """Whether the deployed functions are this version's. A folder doesn't record which functions it is served with."""
    deployed = storage.version()
    if deployed is None:
        message = "the functions of npm @mastra/convex are deployed; their operations work"
        hint = f"Live queries, traces and atomic claims need this package's functions: {DEPLOY}"
        yield Finding("functions", "warning", message, hint)
        return
    ours, missing = _this_version(), missing_operations(deployed)
    if missing:
        message = f"version {deployed['version']}, without {', '.join(missing)}"
        yield Finding("functions", "problem", message, f"Deploy this version's: {DEPLOY}")
    elif deployed["version"] != ours["version"]:
        message = f"version {deployed['version']}; this package has {ours['version']}"
        yield Finding("functions", "warning", message, "Deploy the functions of the version that you use.")
    else:
        message = f"version {deployed['version']}, this package's"
        if is_assumed:
            message += " (assumed; pass --functions DIR if the folder is served with its own)"
        yield Finding("functions", "ok", message)
    yield from _backend(deployed)
    yield from _schema(storage, [table for table in deployed["operations"] if table.startswith("mastra_")])


# The oldest backend that has everything that this version's functions use.
OLDEST_BACKEND = "30 July 2026"


def _backend(deployed: dict[str, Any]) -> Iterator[Finding]:
    """The backend's features by name, as the deployed functions found them. Older functions don't tell."""
    backend = deployed.get("backend")
    if backend is None:
        return
    if backend["commitTimestamps"]:
        yield Finding("backend", "ok", "commit timestamps: yes")
        return
    message = (
        f"commit timestamps: no, so it is older than {OLDEST_BACKEND}; changes of vector indexes aren't recorded, and "
        "they are searched in the deployment or read page by page"
    )
    hint = f"Upgrade the backend: one of {OLDEST_BACKEND} is the oldest with which everything works in full."
    yield Finding("backend", "warning", message, hint)


def missing_operations(deployed: dict[str, Any]) -> list[str]:
    """The operations of this version that deployed functions lack, by the word of their `version`."""
    return [
        f"{operation} of {table}"
        for table, operations in _this_version()["operations"].items()
        for operation in operations
        if operation not in deployed["operations"].get(table, [])
    ]


@cache
def _this_version() -> dict[str, Any]:
    """The version that the built-in functions report."""
    with mc.connect(":memory:") as built_in:
        return Storage(PackageFunctions(built_in), "mastra/storage:handle").version() or {}


def _schema(storage: Storage, tables: list[str]) -> Iterator[Finding]:
    """Whether the deployed schema has our tables: a record that doesn't exist is looked up in each."""
    missing = []
    for table in [*tables, "mastra_vectors", "mastra_documents"]:
        try:
            storage.load("mastra_vector_none" if table == "mastra_vectors" else table, id="none")
        except FunctionError as error:
            if f"Index {table}." not in str(error):
                raise
            missing.append(table)
    if missing:
        hint = 'In schema.ts: defineSchema({ ...mastraTables }), imported from "./mastra/schema". Then deploy again.'
        yield Finding("schema", "problem", f"the schema lacks {', '.join(missing)}, or their indexes", hint)
    else:
        yield Finding("schema", "ok", f"all {len(tables) + 2} tables exist")


def _index(vectors: mc.ConvexVector, name: str, kind: str) -> Iterator[Finding]:
    """A vector index: its size, and rows in it that no query can find."""
    index = vectors.describe_index(name)
    check = f"index {name}"
    if index.count:
        hits = vectors.query(name, [1.0] + [0.0] * (index.dimension - 1), top_k=1)
        if hits.stats.skipped:
            message = f"{hits.stats.skipped:,} of {index.count:,} rows can't rank: {_unrankable(vectors, name, index)}"
            yield Finding(check, "warning", message, "Upsert these rows again, or delete them.")
            return
    message = f"{index.count:,} rows of dimension {index.dimension}, {index.metric}"
    if kind == "http" and index.count > MANY_ROWS:
        hint = "A query reads all rows; `mastra-convex bench` compares that with ConvexNativeVector."
        yield Finding(check, "warning", message, hint)
    else:
        yield Finding(check, "ok", message)


def _orphans(storage: Storage, name: str, fix: bool) -> Iterator[Finding]:
    """Vectors whose message is gone: a client that deletes messages and vectors apart left them behind."""
    deployed = storage.version()
    if deployed is None or "countOrphans" not in deployed["operations"]["vectors"]:
        return
    number, cursor = 0, None
    while True:
        reply = storage.reply("deleteOrphans" if fix else "countOrphans", f"mastra_vector_{name}", cursor=cursor)
        number += int(reply["result"])
        if not reply["hasMore"]:
            break
        cursor = reply["continuationCursor"]
    if number:
        message = f"{number:,} rows whose message is gone"
        if fix:
            yield Finding(f"messages of {name}", "ok", f"{message} were deleted")
        else:
            yield Finding(f"messages of {name}", "warning", message, "`mastra-convex doctor --fix` deletes them.")


def _unrankable(vectors: mc.ConvexVector, name: str, index: mc.IndexStats) -> str:
    """Why rows never rank, with the id of one for each reason."""
    reasons: dict[str, list[str]] = {}
    for hit in vectors.query(name, filter={}, top_k=index.count, include_vector=True):
        if hit.vector is None:
            reason = "that aren't lists of numbers"
        elif len(hit.vector) != index.dimension:
            reason = f"of dimension {len(hit.vector)} instead of {index.dimension}"
        elif not np.isfinite(hit.vector).all():
            reason = "with a number that isn't finite"
        elif index.metric == "cosine" and not hit.vector.any():
            reason = "of zeros, which have no cosine"
        else:
            continue
        reasons.setdefault(reason, []).append(hit.id)
    return ", ".join(f"{len(ids):,} {reason} ({ids[0]!r})" for reason, ids in reasons.items())
