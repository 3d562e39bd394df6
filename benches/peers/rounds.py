"""Rounds in which contestants take turns at a workload, and their results."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

from .workloads import JAVASCRIPT, Answer, Workload

ASKED_SECONDS = 5
"""How long ours is asked before it is timed, so that what it learns of being asked is there."""

ROOT = Path(__file__).parents[2]


class MissingError(Exception):
    """A contestant that isn't installed."""


class Figures(TypedDict):
    """The results of one contestant in a workload."""

    hot: list[float]
    """Seconds a unit: of each turn, the median of all calls but the first."""
    cold: list[float]
    """Seconds a unit: of each turn, the first call, after all the others have had theirs."""
    lists: float | None
    """The share of the queries whose rows are the reference's, in its order; None of a bound."""
    recall: float | None
    """The share of the reference's rows among those found."""


class Process:
    """A contestant's process, which answers each line with one."""

    def __init__(self, name: str, task: dict[str, Any]) -> None:
        program = [sys.executable, "-m", "benches.peers.contestants"]
        if name == JAVASCRIPT:
            node = shutil.which("node")
            if node is None:
                raise MissingError("no node on the path")
            program = [node, "--max-old-space-size=8000", str(Path(__file__).parent / "contestants" / "original.js")]
        threads = str(task.get("threads") or 1)
        environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)}
        self.program = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )
        reply = self.ask(contestant=name, **task)
        if "missing" in reply:
            raise MissingError(reply["missing"])

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        print(json.dumps(request), file=self.program.stdin, flush=True)
        line = self.program.stdout.readline()
        if not line:
            raise RuntimeError(f"the contestant ended with status {self.program.wait()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        self.program.communicate()


def check(name: str, process: Process, right: dict[int, Answer], at_once: bool) -> tuple[float, float]:
    """The shares of right lists and of right rows. Ours must be right to the bits of each score."""
    if at_once:
        answers = process.ask(number=0)["answers"]
        found = {number: answers[number] for number in right}
    else:
        found = {number: process.ask(number=number)["answers"][0] for number in right}
    for number, (rows, scores) in found.items():
        if name.startswith("ours") and (rows != right[number].rows or scores != right[number].scores):
            raise AssertionError(f"query {number} of {name}: {rows}, {scores} instead of {right[number]}")
    lists = statistics.mean(found[number][0] == answer.rows for number, answer in right.items())
    recall = statistics.mean(
        len(set(found[number][0]) & set(answer.rows)) / len(answer.rows) for number, answer in right.items()
    )
    return lists, recall


def measure(workload: Workload, *, rounds: int, seconds: float) -> dict[str, Figures | str]:
    """Let contestants take turns of so many seconds each. A missing contestant has its reason."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="peers-"))
        task, right = workload.prepare(Path(folder))
        task["folder"] = folder
        processes: dict[str, Process] = {}
        results: dict[str, Figures | str] = {}
        for name in ("ours", *workload.contestants, *task["bounds"]):
            its_task = task
            if name in task["bounds"]:
                its_task = {**task, "kind": "bound", "amount": task["bounds"][name]}
            try:
                process = Process(name, its_task)
            except MissingError as error:
                results[name] = f"missing: {error}"
                continue
            stack.callback(process.close)
            processes[name] = process
            lists, recall = None, None
            if name not in task["bounds"]:
                lists, recall = check(name, process, right, task.get("at_once", 1) > 1)
                if name.startswith("ours"):
                    # A batch that is asked often gets outlines. They mustn't change an answer.
                    process.ask(turn=ASKED_SECONDS)
                    check(name, process, right, task.get("at_once", 1) > 1)
            results[name] = Figures(hot=[], cold=[], lists=lists, recall=recall)
        names = list(processes)
        for number in range(rounds):
            # A contestant finds the caches in its predecessor's state, so each round begins with another contestant.
            for name in names[number % len(names) :] + names[: number % len(names)]:
                first, *others = processes[name].ask(turn=seconds)["times"]
                figures = results[name]
                assert not isinstance(figures, str)
                figures["cold"].append(first / workload.units)
                figures["hot"].append(statistics.median(others) / workload.units)
        return results
