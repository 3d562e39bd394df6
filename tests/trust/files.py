"""The workload above a recorder of its file calls, which can also make one of them fail."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.support.checkout import ROOT

# The file in which the workload writes what was acknowledged. It is in the folder, so that the record has its order.
ACKNOWLEDGED = "acknowledged"


@cache
def shim() -> Path:
    """The recorder, built by the system's C compiler."""
    built = Path(mkdtemp()) / "shim.so"
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    source = Path(__file__).parent / "shim.c"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(built), str(source), "-ldl", "-lpthread"], check=True
    )
    return built


@dataclass(frozen=True)
class Change:
    """A call that changed a file, or made its changes durable."""

    op: str
    path: str
    offset: int
    data: bytes


def run(folder: Path, first: int, last: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run operations of the workload on a folder, above the recorder."""
    folder = folder.resolve()
    command = [sys.executable, "-m", "tests.trust.workload", str(folder), str(first), str(last)]
    variables = {"LD_PRELOAD": str(shim()), "TRUST_FOLDER": str(folder), **environment}
    return subprocess.run(
        [*command, str(folder / ACKNOWLEDGED)],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def record(log: Path) -> list[Change]:
    """The recorded calls, in order."""
    content, at, changes = log.read_bytes(), 0, []
    while at < len(content):
        end = content.index(b"\n", at)
        called, offset, length = content[at:end].decode().rsplit(" ", 2)
        op, path = called.split(" ", 1)
        at = end + 1
        data = content[at : at + int(length)] if op == "write" else b""
        at += len(data)
        changes.append(Change(op, path, int(offset), data))
    return changes
