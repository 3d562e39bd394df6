"""Snapshots: the tables of a deployment in a file, and back.

These functions block. `place` is what errors begin with: the caller's method or command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from mastra_convex import _native
from mastra_convex._files import file_errors, replacing
from mastra_convex.errors import (
    AlreadyExistsError,
    ConfigurationError,
    FunctionError,
    InvalidArgumentError,
    MastraConvexError,
)

# Takes a phase, the amount done and the total: documents for "export" and "check", bytes for the others.
Progress = Callable[[str, int, int], object]
ImportMode = Literal["requireEmpty", "replace", "replaceAll"]
NativeDeployment = _native.EmbeddedDeployment | _native.HttpDeployment

# The error of a deployment in which another table has the number that the ids of a snapshot's table hold.
NUMBER_TAKEN = "has IDs that conflict with existing table"


def without_progress(phase: str, done: int, total: int) -> None:
    """Report nothing."""


def export_snapshot(
    place: str, deployment: NativeDeployment, path: Path, progress: Progress
) -> _native.SnapshotSummary:
    """Write a new file completely or not at all, read it again, and summarise it."""
    if path.exists():
        raise ConfigurationError(f"{place}: {path} already exists; choose another name, or delete the file")
    with _snapshot_errors(place, path), replacing(path) as part:
        written = deployment.export_snapshot(part, progress=progress)
        found = _native.read_snapshot(part, progress=progress)
        if written is not None and written.tables != found.tables:
            raise MastraConvexError(f"{place}: {path}: the file's content differs from the exported tables")
    return found


def import_snapshot(
    place: str, deployment: NativeDeployment, target: str, path: Path, mode: ImportMode, progress: Progress
) -> _native.SnapshotSummary:
    """Import a snapshot, verify the import, and summarise it. `target` names the deployment in errors."""
    with _snapshot_errors(place, path):
        if isinstance(deployment, _native.EmbeddedDeployment):
            return deployment.import_snapshot(path, mode=mode, progress=progress)
        return _send(place, deployment, target, path, mode, progress)


def _send(
    place: str,
    deployment: _native.HttpDeployment,
    target: str,
    path: Path,
    mode: ImportMode,
    progress: Progress,
) -> _native.SnapshotSummary:
    """Import over HTTP, and verify the import with an export."""
    summary = _native.read_snapshot(path, progress=progress)
    refused = None
    try:
        deployment.import_snapshot(path, mode=mode, progress=progress)
    except AlreadyExistsError as error:
        # Convex gives this error for any existing documents, also for those of an earlier import.
        refused = error
    except FunctionError as error:
        if NUMBER_TAKEN not in str(error):
            raise
        _check_empty(place, deployment, target, error)
        deployment.import_snapshot(path, mode="replaceAll", progress=progress)
    found = _content(place, deployment, progress)
    differing = [name for name, content in summary.tables.items() if found.get(name, (0, "0" * 32)) != content]
    if differing and refused:
        raise refused
    if differing:
        raise MastraConvexError(
            f"{place}: after the import, {target} and {path} differ in {', '.join(differing)}",
            hint=(
                "Other programs that write to these tables are one cause. If there are none, import again "
                "with --replace."
            ),
        )
    return summary


def _check_empty(place: str, deployment: _native.HttpDeployment, target: str, refused: FunctionError) -> None:
    """Raise an error unless all tables are empty, so that their numbers don't matter."""
    content = _content(place, deployment, without_progress)
    held = {name: documents for name, (documents, _) in content.items() if documents}
    if held:
        tables = ", ".join(f"{name} ({documents:,})" for name, documents in held.items())
        raise AlreadyExistsError(
            f"{place}: {target} can't take the ids of the snapshot, and has documents in {tables}. It said: {refused}",
            hint=(
                "--replace-all deletes the documents of all tables first. To keep them, import into a deployment whose "
                "tables are empty."
            ),
        ) from refused


def _content(place: str, deployment: _native.HttpDeployment, progress: Progress) -> dict[str, tuple[int, str]]:
    """The number of documents of each table, and their hash."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return export_snapshot(place, deployment, Path(folder) / "snapshot.zip", progress).tables


@contextmanager
def _snapshot_errors(place: str, path: Path) -> Iterator[None]:
    """Add the file to errors of its content, and of reading or writing it."""
    try:
        with file_errors(place, path):
            yield
    except InvalidArgumentError as error:
        if error.code != "InvalidSnapshot":
            raise
        raise InvalidArgumentError(f"{place}: {path}: {error}", code=error.code) from error
