"""The checker of histories finds each kind of anomaly that is put into a history."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

import mastra_convex as mc
from tests.trust.checker import Transaction, anomalies
from tests.trust.histories import FUNCTIONS, check


def done(*steps: object, began: float = 0.0, ended: float = 1e9, committed: bool = True) -> Transaction:
    """A transaction: ``("a", key, value)`` appends, ``("r", key, [values])`` reads."""
    made, reads = [], []
    for kind, key, value in steps:  # type: ignore[misc]
        if kind == "a":
            made.append(("append", key, value))
        else:
            made.append(("read", key, len(reads)))
            reads.append(tuple(value))
    return Transaction(tuple(made), tuple(reads), began, ended, committed)


GOOD = [
    [done(("a", 1, 1)), done(("a", 1, 2)), done(("r", 1, [1, 2]))],
    [done(("a", 1, 1), ("r", 1, [1]), ("a", 1, 2)), done(("r", 1, [1, 2])), done(("r", 1, []))],
    [done(("a", 1, 1), committed=False), done(("r", 1, []))],
    [done(("a", 1, 1), began=0, ended=1), done(("r", 1, [1]), began=2, ended=3)],
    # Concurrent, so either order will do.
    [done(("a", 1, 1), began=0, ended=2), done(("r", 1, []), began=1, ended=3)],
]
BAD = {
    "aborted read": [done(("a", 1, 1), committed=False), done(("r", 1, [1]))],
    "intermediate read": [done(("a", 1, 1), ("a", 1, 2)), done(("r", 1, [1])), done(("r", 1, [1, 2]))],
    "unknown": [done(("r", 1, [7]))],
    "twice": [done(("a", 1, 1)), done(("r", 1, [1, 1]))],
    "internal": [done(("a", 1, 1), ("r", 1, []))],
    "unrepeatable read": [done(("a", 1, 1)), done(("r", 1, []), ("r", 1, [1]))],
    # A lost update: both saw the list empty, and one append is gone.
    "incompatible": [done(("a", 1, 1)), done(("a", 1, 2)), done(("r", 1, [1])), done(("r", 1, [2]))],
    "write cycle (G0)": [
        done(("a", 1, 1), ("a", 2, 1)),
        done(("a", 1, 2), ("a", 2, 2)),
        done(("r", 1, [1, 2])),
        done(("r", 2, [2, 1])),
    ],
    "circular information flow (G1c)": [done(("a", 1, 1), ("r", 2, [1])), done(("a", 2, 1), ("r", 1, [1]))],
    # Write skew: each read what the other wrote later.
    "anti-dependency cycle (G2)": [
        done(("r", 1, []), ("a", 2, 1)),
        done(("r", 2, []), ("a", 1, 1)),
        done(("r", 1, [1]), ("r", 2, [1])),
    ],
    # A read of an old snapshot.
    "against the order of time": [
        done(("a", 1, 1), began=0, ended=1),
        done(("r", 1, []), began=2, ended=3),
        done(("r", 1, [1]), began=4, ended=5),
    ],
}


@pytest.mark.parametrize("history", GOOD)
def test_a_serializable_history_is_found_to_be_one(history: list[Transaction]) -> None:
    assert anomalies(history) == []


@pytest.mark.parametrize("kind", BAD)
def test_each_anomaly_is_found_and_named(kind: str) -> None:
    found = anomalies(BAD[kind])
    assert any(kind in text for text in found), found


def test_every_fault_put_into_a_recorded_history_is_found() -> None:
    """A read of a recorded history that lacks its last append, or shows one of a failed transaction, is found."""
    with mc.connect(":memory:", functions=FUNCTIONS) as db:
        history = alone(db)
    assert anomalies(history) == []
    read = [n for n, one in enumerate(history) if one.committed and any(one.reads)]
    assert len(read) > 20
    failed = {key: value for one in history if not one.committed for kind, key, value in one.steps if kind == "append"}
    for number in read:
        one = history[number]
        position = next(position for position, values in enumerate(one.reads) if values)
        key = next(key for kind, key, value in one.steps if kind == "read" and value == position)
        wrongs = [one.reads[position][:-1], (*one.reads[position], one.reads[position][-1])]
        if key in failed:
            wrongs.append((*one.reads[position], failed[key]))
        for wrong in wrongs:
            reads = tuple(wrong if n == position else values for n, values in enumerate(one.reads))
            changed = [replace(one, reads=reads) if n == number else other for n, other in enumerate(history)]
            assert anomalies(changed), (number, wrong)


def alone(db: mc.Deployment) -> list[Transaction]:
    """A history without concurrency, in which each fault shows."""
    random, history, value = Random(3), [], 0
    for number in range(120):
        steps: list[tuple[str, int, int]] = []
        reads = 0
        for _ in range(random.randint(1, 3)):
            if random.random() < 0.5:
                value += 1
                steps.append(("append", random.randrange(2), value))
            else:
                steps.append(("read", random.randrange(2), reads))
                reads += 1
        fails = random.random() < 0.15
        asked = [[float(key), float(value)] if kind == "append" else [float(key)] for kind, key, value in steps]
        found: list[list[float]] = []
        try:
            found = db.mutation("lists:transact", {"steps": asked, "fails": fails})
        except mc.FunctionError:
            assert fails
        seen = tuple(tuple(int(value) for value in values) for values in found)
        history.append(Transaction(tuple(steps), seen, 2.0 * number, 2.0 * number + 1, not fails))
    return history


def test_histories_of_the_engine_are_strictly_serializable() -> None:
    assert check(seed=7, amount=4).count == 4
