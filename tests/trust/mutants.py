"""Faults that `cargo mutants` puts into the code one by one; tests must find each.

`.cargo/mutants.toml` lists the files. `survivors.toml` explains the faults that no test has to find.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.checkout import ROOT
from tests.trust.row import Found

# Faults are put into a copy, which keeps what it has compiled. Results are kept by what a crate is made of, so that a
# crate is tried again only after a change.
COPY = ROOT / "target" / "mutants" / "copy"
RESULTS = ROOT / "target" / "mutants" / "results"
COPIED = ["Cargo.toml", "Cargo.lock", ".cargo", "rust", "fuzz", "convex"]
# Parts of every crate, and the functions that the engine compiles.
SHARED, FUNCTIONS = ("Cargo.toml", "Cargo.lock", ".cargo/"), "convex/"
# The tests that should find the faults of each crate, as cargo-mutants is told.
UNITS = ["--cargo-arg=--lib"]
# The engine's other tests take long: in them something has to run out of time.
TRANSACTIONS = ["commits", "declared_tables", "live", "nested", "requests", "snapshots", "storage", "system", "tidying"]
TRANSACTIONS += ["transactions", "vectors"]
TESTS = {
    "value": UNITS,
    "client": UNITS,
    "scan": UNITS,
    "engine": ["--cargo-arg=--test=engine", "--", "--", *(f"{module}::" for module in TRANSACTIONS)],
}
SURVIVORS = Path(__file__).parent / "survivors.toml"
# Behind each change that it makes.
MARK = re.compile(r"/\* ~ changed by cargo-mutants ~ \*/ ?")


class Fault(NamedTuple):
    """A fault, told apart from others by words that stay when lines move."""

    file: str
    # Empty for a constant.
    function: str
    # The line with the fault; the new body, if it replaces a function's.
    code: str


def crate_mutants(crate: str) -> Callable[[int, int], Found]:
    """A check that puts all faults into the files of a crate, and runs its tests with each."""

    def check(_seed: int, _amount: int) -> Found:
        needed = "this row needs cargo-mutants: `cargo install --locked cargo-mutants`"
        assert shutil.which("cargo-mutants"), needed
        results = RESULTS / f"{crate} {digest(crate, copied())}"
        found, missed = Counter[str](), set[Fault]()
        for outcome in outcomes(crate, results):
            found[outcome["summary"]] += 1
            if outcome["summary"] == "MissedMutant":
                missed.add(fault(outcome["scenario"]["Mutant"], results / "mutants.out" / outcome["diff_path"]))
        explained = {one for one in survivors() if one.file.split("/")[1] == crate}
        assert missed <= explained, f"no test finds {sorted(missed - explained)}"
        assert explained <= missed, f"explained, but found or gone: {sorted(explained - missed)}"
        return Found(
            found.total() - found["Unviable"],
            f"{found['CaughtMutant']} failed a test, {found['Timeout']} didn't end, {found['MissedMutant']} are "
            f"explained; {found['Unviable']} more didn't compile",
        )

    return check


def copied() -> list[str]:
    """Bring the copy up to date, and return the names of its files. Equal files keep their times, so cargo too."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED],
        capture_output=True,
        check=True,
    )
    names = sorted(name.decode() for name in listed.stdout.split(b"\0") if name)
    for name in names:
        new, copy = (ROOT / name).read_bytes(), COPY / name
        if not copy.exists() or copy.read_bytes() != new:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(new)
    gone = (copy for top in COPIED for copy in (COPY / top).rglob("*") if copy.is_file())
    for copy in gone:
        if copy.relative_to(COPY).as_posix() not in names:
            copy.unlink()
    return names


def digest(crate: str, files: list[str]) -> str:
    """A digest of what a crate is made of: of these files, its own, and those of all crates that it uses."""
    described = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"], cwd=COPY, capture_output=True, check=True
    )
    packages = {package["name"]: package for package in json.loads(described.stdout)["packages"]}
    used, rest = set[str](), [crate]
    while rest:
        used.add(one := rest.pop())
        rest += {dependency["name"] for dependency in packages[one]["dependencies"]} & packages.keys() - used
    parts = (*SHARED, *(f"rust/{one}/" for one in used), *([FUNCTIONS] if "engine" in used else []))
    made = hashlib.sha256()
    for name in files:
        if name.startswith(parts):
            content = (COPY / name).read_bytes()
            made.update(f"{name}\0{len(content)}\0".encode() + content)
    return made.hexdigest()[:10]


def outcomes(crate: str, folder: Path) -> list[dict[str, Any]]:
    """The outcome of each fault in a crate, from an earlier run that came to its end, or from a new one."""
    report = folder / "mutants.out" / "outcomes.json"
    if not report.exists() or json.loads(report.read_text())["end_time"] is None:
        # A compiler that was ended in the middle may have left parts of another fault.
        shutil.rmtree(COPY / "target" / "mutants" / "incremental", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        command = ["cargo", "mutants", "--in-place", "--colors=never", f"--output={folder}", f"--package={crate}"]
        command += TESTS[crate]
        ran = subprocess.run(command, cwd=COPY, capture_output=True, text=True)
        # 2 and 3 mean that faults were missed, or didn't end.
        assert ran.returncode in (0, 2, 3), ran.stdout[-4000:] + ran.stderr[-2000:]
    tried: list[dict[str, Any]] = json.loads(report.read_text())["outcomes"]
    return [outcome for outcome in tried if outcome["scenario"] != "Baseline"]


def fault(mutant: dict[str, Any], diff: Path) -> Fault:
    """The fault of a mutant, whose diff is in this file."""
    lines = [line[1:] for line in diff.read_text().splitlines() if line.startswith("+") and not line.startswith("+++")]
    function = mutant["function"]["function_name"] if mutant["function"] else ""
    return Fault(mutant["file"], function, " ".join(MARK.sub("", line).strip() for line in lines))


def survivors() -> list[Fault]:
    """The faults that are explained."""
    listed = tomllib.loads(SURVIVORS.read_text())["survivors"]
    return [Fault(one["file"], one["function"], code) for one in listed for code in one["code"]]
