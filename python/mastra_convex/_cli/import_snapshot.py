"""The import of a snapshot into a deployment."""

from __future__ import annotations

import json as json_text
from pathlib import Path

from mastra_convex._cli import snapshots, targets, terminal
from mastra_convex._snapshots import ImportMode, import_snapshot


def import_file(path: Path, target: str, functions: str | None, mode: ImportMode, *, json: bool) -> None:
    """Import a snapshot, verify it, and report its content."""
    with targets.connect(target, functions) as db, snapshots.progress() as progress:
        summary = import_snapshot("import", db._open(), target, path, mode, progress)
        is_embedded = db.kind == "embedded"
    if json:
        print(json_text.dumps({"file": str(path), "target": target, **snapshots.described(summary)}))
    else:
        snapshots.show(f"{path} is in {target}", summary)
        if summary.left_out and is_embedded:
            left_out = ", ".join(summary.left_out)
            terminal.err.print(
                f"Not imported, because only a Convex deployment can hold it: {left_out}", soft_wrap=True
            )
