"""A contestant: `python -m benches.peers.contestants`. The first line of input names it and the data to load."""

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
        """Answer the query with this number, or all queries if they are asked at once. This is timed."""

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        """Rows and scores in the result of `ask`, for each query that it answered."""


def turn(asked: Contestant, task: dict[str, Any], seconds: float) -> list[float]:
    """The seconds of each call, of at least four calls within the time."""
    # With one thread, the processor's time counts, so that another process on the core doesn't.
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
        # Imported here, so that other contestants' processes don't import it.
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
