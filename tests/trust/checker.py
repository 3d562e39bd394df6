"""Strict serializability of histories of transactions on lists, to which each appended number is new.

As in Elle (Kingsbury and Alvaro, VLDB 2020): a read of a list shows all appends before it in their order. So the order
of a list's versions, the writer of each, and the readers of each are known. Each pair of transactions that they order
is an edge of a graph. A transaction that had ended before another began comes before it, too. The history is strictly
serializable if the graph has no cycle.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

Steps = list[tuple[str, int, int]]


@dataclass(frozen=True)
class Transaction:
    """A transaction, and when it began and ended.

    Steps in their order: ``("append", key, value)``, and ``("read", key, position)`` of a list in `reads`.
    """

    steps: tuple[tuple[str, int, int], ...]
    reads: tuple[tuple[int, ...], ...]
    began: float
    ended: float
    committed: bool


def anomalies(history: Sequence[Transaction]) -> list[str]:
    """The errors of a history, in words; none if it is strictly serializable."""
    wrong: list[str] = []
    writer = {
        (key, value): number
        for number, transaction in enumerate(history)
        for kind, key, value in transaction.steps
        if kind == "append"
    }
    last_own = {
        number: {key: value for kind, key, value in transaction.steps if kind == "append"}
        for number, transaction in enumerate(history)
    }
    order: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for transaction in history:
        for key, seen in shown(transaction):
            order[key] = max(order[key], seen, key=len)
    for number, transaction in enumerate(history):
        if not transaction.committed:
            continue
        own: dict[int, list[int]] = defaultdict(list)
        first: dict[int, tuple[int, ...]] = {}
        for kind, key, value in transaction.steps:
            if kind == "append":
                own[key].append(value)
                continue
            seen = transaction.reads[value]
            tail = tuple(own[key])
            if seen[len(seen) - len(tail) :] != tail:
                wrong.append(f"internal: transaction {number} doesn't see its own appends to {key}")
                continue
            before = seen[: len(seen) - len(tail)]
            if first.setdefault(key, before) != before:
                wrong.append(f"unrepeatable read: transaction {number} sees {key} change")
            if len(set(seen)) < len(seen):
                wrong.append(f"twice: list {key} has an append twice")
            if order[key][: len(seen)] != seen:
                wrong.append(f"incompatible orders of list {key}")
            for other in before:
                by = writer.get((key, other))
                if by is None:
                    wrong.append(f"unknown: list {key} has {other}, which no transaction appended")
                elif not history[by].committed:
                    wrong.append(f"aborted read (G1a): transaction {number} sees an append of {by}, which failed")
            if before and (by := writer.get((key, before[-1]))) is not None and last_own[by][key] != before[-1]:
                wrong.append(f"intermediate read (G1b): transaction {number} sees a part of transaction {by}")
    return wrong or cycles(history, order, writer)


def shown(transaction: Transaction) -> list[tuple[int, tuple[int, ...]]]:
    """The lists that a committed transaction read."""
    steps = transaction.steps if transaction.committed else ()
    return [(key, transaction.reads[value]) for kind, key, value in steps if kind == "read"]


def observed(transaction: Transaction) -> list[tuple[int, tuple[int, ...]]]:
    """The lists that a committed transaction read, without its own appends."""
    if not transaction.committed:
        return []
    own: dict[int, int] = defaultdict(int)
    found = []
    for kind, key, value in transaction.steps:
        if kind == "append":
            own[key] += 1
        else:
            seen = transaction.reads[value]
            found.append((key, seen[: len(seen) - own[key]]))
    return found


def cycles(
    history: Sequence[Transaction], order: dict[int, tuple[int, ...]], writer: dict[tuple[int, int], int]
) -> list[str]:
    """A cycle of transactions, named by the edges that it needs."""
    graphs: dict[str, set[tuple[int, int]]] = {"ww": set(), "wr": set(), "rw": set(), "time": set()}
    for key, values in order.items():
        by = [writer[key, value] for value in values]
        graphs["ww"].update((a, b) for a, b in itertools.pairwise(by) if a != b)
    for number, transaction in enumerate(history):
        for key, seen in observed(transaction):
            if seen and writer[key, seen[-1]] != number:
                graphs["wr"].add((writer[key, seen[-1]], number))
            if len(order[key]) > len(seen) and (by_next := writer[key, order[key][len(seen)]]) != number:
                graphs["rw"].add((number, by_next))
    # Appends that no read showed come after all that were shown.
    for number, transaction in enumerate(history):
        if transaction.committed:
            for kind, key, value in transaction.steps:
                if kind == "append" and value not in order[key] and order[key]:
                    graphs["ww"].add((writer[key, order[key][-1]], number))
    committed = [number for number, transaction in enumerate(history) if transaction.committed]
    by_end = sorted(committed, key=lambda number: history[number].ended)
    for number in committed:
        # The last few that had ended before it; the others come before those.
        ended = [other for other in by_end if history[other].ended < history[number].began]
        latest = max((history[other].began for other in ended), default=0.0)
        graphs["time"].update((other, number) for other in ended if history[other].ended >= latest)
    edges: set[tuple[int, int]] = set()
    names = {"ww": "write cycle (G0)", "wr": "circular information flow (G1c)", "rw": "anti-dependency cycle (G2)"}
    for kind, name in [*names.items(), ("time", "against the order of time")]:
        edges |= {(a, b) for a, b in graphs[kind] if a != b}
        cycle = in_cycle(edges)
        if cycle:
            return [f"{name}: among transactions {cycle[:6]}"]
    return []


def in_cycle(edges: set[tuple[int, int]]) -> list[int]:
    """Nodes of which each is before another one; none if the graph has an order."""
    after, before = defaultdict(list), defaultdict(int)
    for a, b in edges:
        after[a].append(b)
        before[b] += 1
    free = [node for node in after if not before[node]]
    while free:
        for node in after.pop(free.pop(), []):
            before[node] -= 1
            if not before[node]:
                free.append(node)
    return sorted(node for node, count in before.items() if count)
