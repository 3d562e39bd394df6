"""Histories of concurrent transactions, embedded and over HTTP, and the check that they are strictly serializable."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import mastra_convex as mc
from tests.support.served import serve
from tests.trust.checker import Transaction, anomalies
from tests.trust.row import Found

FUNCTIONS = Path(__file__).parent / "functions"
THREADS, KEYS = 6, 4


def record(connect: Callable[[], mc.Deployment], random: Random, transactions: int) -> list[Transaction]:
    """The history of so many transactions by several threads on new lists."""
    base = random.randrange(2**40) * KEYS
    numbers, lock = itertools.count(1), threading.Lock()
    history: list[Transaction] = []

    def work(seed: float) -> None:
        chance = Random(seed)
        with connect() as db:
            for _ in range(transactions // THREADS):
                writes = chance.random() < 0.7
                steps, reads = [], 0
                for _ in range(chance.randint(1, 4)):
                    key = base + chance.randrange(KEYS)
                    if writes and chance.random() < 0.6:
                        with lock:
                            steps.append(("append", key, next(numbers)))
                    else:
                        steps.append(("read", key, reads))
                        reads += 1
                fails = writes and chance.random() < 0.1
                asked = [[float(key), float(value)] if kind == "append" else [float(key)] for kind, key, value in steps]
                began = time.monotonic()
                found: list[list[float]] = []
                try:
                    if writes:
                        found = db.mutation("lists:transact", {"steps": asked, "fails": fails})
                    else:
                        found = db.query("lists:look", {"keys": [float(key) for _, key, _ in steps]})
                except mc.FunctionError:
                    assert fails
                seen = tuple(tuple(int(value) for value in values) for values in found)
                done = Transaction(tuple(steps), seen, began, time.monotonic(), not fails)
                with lock:
                    history.append(done)

    threads = [threading.Thread(target=work, args=(random.random(),)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return history


def check(seed: int, amount: int, transactions: int = 300) -> Found:
    """Record histories, half of them embedded and half over HTTP, and check each."""
    random, count = Random(seed), 0
    with TemporaryDirectory() as folder, serve(data=":memory:", functions=FUNCTIONS) as served:
        places: list[Callable[[], mc.Deployment]] = [
            lambda: mc.connect(folder, functions=FUNCTIONS, synchronous="normal"),
            lambda: mc.connect(served.url, admin_key=served.admin_key),
        ]
        with places[0]():
            for number in range(amount):
                history = record(places[number % 2], random, transactions)
                found = anomalies(history)
                assert found == [], f"history {number} of seed {seed}: {found[:3]}"
                count += len(history)
    return Found(amount, f"{count:,} transactions")
