"""The results of rows, kept in a JSON file after each row, so that a long run can be continued."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.support.checkout import ROOT

FILE = ROOT / "docs" / "trust.json"


@dataclass(frozen=True)
class Result:
    """A row's result, with all that is needed to repeat it."""

    date: str
    seed: int
    count: int
    seconds: float
    figures: str
    machine: str
    commit: str


# The results by column, "short" or "release", then by row.
Results = dict[str, dict[str, Result]]


def load() -> Results:
    """The results so far."""
    columns = json.loads(FILE.read_text()) if FILE.exists() else {}
    return {column: {row: Result(**result) for row, result in rows.items()} for column, rows in columns.items()}


def save(results: Results) -> None:
    """Replace the file by these results."""
    columns = {column: {row: asdict(result) for row, result in rows.items()} for column, rows in results.items()}
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps(columns, indent=1, sort_keys=True) + "\n")
    new.replace(FILE)


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).date().isoformat()


def machine() -> str:
    """The processor and the number of its cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def commit() -> str:
    """The checked-out commit; with a `+` if files of the code differ from it."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "--", ":!docs"], capture_output=True, text=True
    )
    return name + ("+" if changed.stdout.strip() else "")
