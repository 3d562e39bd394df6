"""The effects of importing the package on a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# A program that prints the sockets that it makes or connects, and the hosts that it looks up.
WATCHED = """
import json, sys
reached = []
sys.addaudithook(lambda event, arguments: event.startswith("socket.") and reached.append(f"{event} {arguments}"))
"""


def outcome(program: str, folder: Path) -> object:
    """The last line that the program prints, as JSON."""
    command = [sys.executable, "-c", WATCHED + program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_import_leaves_logging_as_it_was(tmp_path: Path) -> None:
    """Importing the package leaves the root logger unchanged, and its own loggers have neither handlers nor levels."""
    program = """
import logging
before = [vars(logging.root).copy(), logging.getLoggerClass(), logging.lastResort]
import mastra_convex
ours = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("mastra_convex")]
bare = all(not logger.handlers and not logger.level and logger.propagate for logger in ours)
print(json.dumps([bare, before == [vars(logging.root), logging.getLoggerClass(), logging.lastResort]]))
"""
    assert outcome(program, tmp_path) == [True, True]


def test_import_brings_what_the_library_needs_and_not_the_command(tmp_path: Path) -> None:
    """Typer, Rich, Matplotlib and asyncio are imported only when used, and SQLite is the package's own."""
    program = """
import mastra_convex
others = ("typer", "rich", "matplotlib", "asyncio", "pytest", "sqlite3")
print(json.dumps([name for name in others if name in sys.modules]))
"""
    assert outcome(program, tmp_path) == []


def test_names_are_imported_when_they_are_used(tmp_path: Path) -> None:
    """The package alone brings neither NumPy nor classes and records, and a class that is used not its async twin."""
    program = """
import mastra_convex as mc

def loaded(*names):
    return [name for name in names if name in sys.modules]

package = loaded("numpy", "mastra_convex._sync.vector", "mastra_convex.records.memory")
mc.ConvexVector
print(json.dumps([package, loaded("mastra_convex._async.vector", "mastra_convex.records.memory")]))
"""
    assert outcome(program, tmp_path) == [[], []]


def test_a_domain_is_imported_when_it_is_used(tmp_path: Path) -> None:
    """A store brings no domain, and a domain that is used none of the others. Its class is the public one."""
    program = """
import mastra_convex as mc

def loaded(*names):
    return [name for name in names if name in sys.modules]

store = mc.ConvexStore(":memory:")
domains = loaded("mastra_convex._sync.store.memory", "mastra_convex._sync.store.datasets")
memory = store.memory
others = loaded("mastra_convex._sync.store.datasets", "mastra_convex.records.datasets")
print(json.dumps([domains, others, type(memory) is mc.MemoryStorage, type(memory).__module__]))
"""
    assert outcome(program, tmp_path) == [[], [], True, "mastra_convex"]


def test_an_embedded_deployment_reaches_for_no_network(tmp_path: Path) -> None:
    """An embedded deployment opens no socket, neither through Python nor through the system."""
    program = """
import os
from pathlib import Path
import mastra_convex as mc

def sockets():
    links = (os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum(link.startswith("socket:") for link in links)

with mc.connect("data") as db:
    docs = mc.ConvexVector(db).index("docs", dimension=2)
    docs.upsert([[1, 0]], ids=["a"])
    assert docs.query([1, 0])[0].id == "a"
    print(json.dumps([reached, sockets()]))
"""
    assert outcome(program, tmp_path) == [[], 0]
