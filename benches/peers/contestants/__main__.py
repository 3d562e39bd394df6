"""A contestant: `python -m benches.peers.contestants`. The first line of its input says who it is and what to load."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import time
from typing import Any, Protocol


class Contestant(Protocol):
    """The contestants, which take turns."""

    def ask(self, number: int) -> Any:
        """Answer the query of this number, or all of them where they are asked at once. Timed."""

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        """Rows and scores out of what `ask` returned, for each query that it answered."""


def turn(asked: Contestant, task: dict[str, Any], seconds: float) -> list[float]:
    """Seconds of each call: at least four, and for so long."""
    # Where one thread works, what counts is the processor's time: a neighbour that takes the core doesn't.
    clock = time.perf_counter if task.get("threads") else time.process_time
    times: list[float] = []
    end = clock() + seconds
    numbers = itertools.cycle(range(task["queries"]))
    while len(times) < 4 or clock() < end:
        number = next(numbers)
        start = clock()
        asked.ask(number)
        times.append(clock() - start)
    return times


def reply(value: dict[str, Any]) -> None:
    """Write a line; NumPy's numbers and arrays become Python's."""
    print(json.dumps(value, default=lambda array: array.tolist()), flush=True)


def main() -> None:
    task = json.loads(sys.stdin.readline())
    try:
        # Imports of one contestant stay out of the others' processes.
        kind = importlib.import_module(f"benches.peers.contestants.{task['kind']}")
        asked: Contestant = kind.CONTESTANTS[task["contestant"]](task)
    except ImportError as error:
        reply({"missing": str(error)})
        return
    reply({})
    for line in sys.stdin:
        request = json.loads(line)
        if "turn" in request:
            reply({"times": turn(asked, task, request["turn"])})
        else:
            reply({"answers": asked.answers(asked.ask(request["number"]))})


if __name__ == "__main__":
    main()
