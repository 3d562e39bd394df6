"""The import of a snapshot into a deployment."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from mastra_convex import _native
from mastra_convex._cli import snapshots, terminal
from mastra_convex._cli.export import write_snapshot
from mastra_convex.errors import AlreadyExistsError, FunctionError, MastraConvexError

ImportMode = Literal["requireEmpty", "replace", "replaceAll"]

# The error of a deployment in which another table has the number that the ids of a snapshot's table hold.
NUMBER_TAKEN = "has IDs that conflict with existing table"


def import_snapshot(path: Path, target: str, functions: str | None, mode: ImportMode, *, json: bool) -> None:
    """Import a snapshot, verify it, and report its content."""
    with snapshots.file_errors("import", path), snapshots.connect(target, functions) as db:
        deployment = db._open()
        if isinstance(deployment, _native.EmbeddedDeployment):
            with snapshots.progress() as progress:
                summary = deployment.import_snapshot(path, mode=mode, progress=progress)
        else:
            summary = _send(deployment, path, target, mode)
    if json:
        print(json_text.dumps({"file": str(path), "target": target, **snapshots.described(summary)}))
    else:
        snapshots.show(f"{path} is in {target}", summary)
        if summary.left_out and isinstance(deployment, _native.EmbeddedDeployment):
            left_out = ", ".join(summary.left_out)
            terminal.err.print(
                f"Not imported, because only a Convex deployment can hold it: {left_out}", soft_wrap=True
            )


def _send(deployment: _native.HttpDeployment, path: Path, target: str, mode: ImportMode) -> _native.SnapshotSummary:
    """Import over HTTP, and verify the import with an export."""
    with snapshots.progress() as progress:
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
            _check_empty(deployment, target, error)
            deployment.import_snapshot(path, mode="replaceAll", progress=progress)
    found = _content(deployment)
    differing = [name for name, content in summary.tables.items() if found.get(name, (0, "0" * 32)) != content]
    if differing and refused:
        raise refused
    if differing:
        raise MastraConvexError(
            f"import: after the import, {target} and {path} differ in {', '.join(differing)}",
            hint=(
                "Other programs that write to these tables are one cause. If there are none, import again "
                "with --replace."
            ),
        )
    return summary


def _check_empty(deployment: _native.HttpDeployment, target: str, refused: FunctionError) -> None:
    """Raise an error unless all tables are empty, so that their numbers don't matter."""
    held = {name: documents for name, (documents, _) in _content(deployment).items() if documents}
    if held:
        tables = ", ".join(f"{name} ({documents:,})" for name, documents in held.items())
        raise AlreadyExistsError(
            f"import: {target} can't take the ids of the snapshot, and has documents in {tables}. It said: {refused}",
            hint=(
                "--replace-all deletes the documents of all tables first. To keep them, import into a deployment whose "
                "tables are empty."
            ),
        ) from refused


def _content(deployment: _native.HttpDeployment) -> dict[str, tuple[int, str]]:
    """The number of documents of each table, and their hash."""
    with TemporaryDirectory() as folder:
        return write_snapshot(deployment, Path(folder) / "snapshot.zip").tables
