"""The import of a snapshot into a deployment."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from tempfile import TemporaryDirectory

from mastra_convex import _native
from mastra_convex._cli import snapshots, terminal
from mastra_convex._cli.export import write_snapshot
from mastra_convex.errors import AlreadyExistsError, MastraConvexError


def import_snapshot(path: Path, target: str, functions: str | None, *, replace: bool, json: bool) -> None:
    """Import a snapshot, verify it, and report its content."""
    with snapshots.file_errors("import", path), snapshots.connect(target, functions) as db:
        deployment = db._open()
        if isinstance(deployment, _native.EmbeddedDeployment):
            with snapshots.progress() as progress:
                summary = deployment.import_snapshot(path, replace=replace, progress=progress)
        else:
            summary = _send(deployment, path, target, replace=replace)
    if json:
        print(json_text.dumps({"file": str(path), "target": target, **snapshots.described(summary)}))
    else:
        snapshots.show(f"{path} is in {target}", summary)
        if summary.left_out and isinstance(deployment, _native.EmbeddedDeployment):
            left_out = ", ".join(summary.left_out)
            terminal.err.print(
                f"Not imported, because only a Convex deployment can hold it: {left_out}", soft_wrap=True
            )


def _send(deployment: _native.HttpDeployment, path: Path, target: str, *, replace: bool) -> _native.SnapshotSummary:
    """Import over HTTP, and verify the import with an export."""
    with snapshots.progress() as progress:
        summary = _native.read_snapshot(path, progress=progress)
        refused = None
        try:
            deployment.import_snapshot(path, replace=replace, progress=progress)
        except AlreadyExistsError as error:
            # Convex gives this error for any existing documents, also for those of an earlier import.
            refused = error
    with TemporaryDirectory() as folder:
        found = write_snapshot(deployment, Path(folder) / "snapshot.zip").tables
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
