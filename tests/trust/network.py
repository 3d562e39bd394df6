"""Calls, live queries and mirrors through a network that delays, cuts and resets connections."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np

import mastra_convex as mc
from tests.protocol.storms import storm
from tests.support.checkout import FUNCTIONS
from tests.support.proxy import Proxy, proxies
from tests.support.served import Served, serve
from tests.trust.row import Found

AT_ONCE = 25
CALLS = 12


def check_live(seed: int, amount: int) -> Found:
    """Live queries and mutations of npm's client and ours, over the WebSocket, through a proxy for each seed."""
    broken = 0
    with serve(data=":memory:", functions=FUNCTIONS / "chat") as served:
        for begin in range(seed * 1_000_000, seed * 1_000_000 + amount, AT_ONCE):
            wrong, cut = storm(served, range(begin, min(begin + AT_ONCE, seed * 1_000_000 + amount)))
            assert wrong == [], wrong[:5]
            broken += cut
    return Found(broken, f"{amount} seeds, with two clients each")


def check_calls(seed: int, amount: int) -> Found:
    """Writes that aren't idempotent, and searches of a mirror, through a proxy for each seed.

    An acknowledged increment happened once, one with an unknown outcome at most once, any other failed one never. A
    search gives the answer that it gives without faults, or an error of the package.
    """
    outcomes: Counter[str] = Counter()
    broken = 0
    random = np.random.default_rng(seed)
    rows, query = random.standard_normal((40, 8)), random.standard_normal(8)
    with serve(data=":memory:") as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            docs = mc.ConvexVector(db).index("docs", 8)
            docs.upsert(rows, ids=[f"{row}" for row in range(len(rows))])
            expected = [(hit.id, hit.score) for hit in docs.query(query, top_k=10)]
        number = 0
        while broken < amount:
            seeds = range(number, number + AT_ONCE)
            number += AT_ONCE
            with proxies(served.url, range(seed * 1_000_000 + seeds.start, seed * 1_000_000 + seeds.stop)) as ways:
                wrong: list[str] = []
                threads = [
                    threading.Thread(target=use, args=(served, way, f"{seed} {one}", query, expected, wrong, outcomes))
                    for way, one in zip(ways, seeds, strict=True)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert wrong == [], wrong[:5]
                broken += sum(way.broken for way in ways)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
    return Found(broken, told)


def use(
    served: Served,
    way: Proxy,
    name: str,
    query: np.ndarray,
    expected: list[tuple[str, float]],
    wrong: list[str],
    outcomes: Counter[str],
) -> None:
    """Call through one proxy, and compare the counters without it."""
    least, most = [0] * CALLS, [0] * CALLS
    try:
        with mc.connect(way.url, admin_key=served.admin_key, timeout=20) as db:
            cache, docs = mc.ConvexServerCache(db), mc.ConvexVector(db)
            for call in range(CALLS):
                try:
                    cache.increment(f"{name} {call}")
                    least[call] = most[call] = 1
                    outcomes["calls acknowledged"] += 1
                except mc.OutcomeUnknownError:
                    most[call] = 1
                    outcomes["calls of unknown outcome"] += 1
                except mc.TransportError:
                    outcomes["calls failed"] += 1
                try:
                    hits = docs.query("docs", query, top_k=10, strategy="mirror" if call % 2 else "server")
                    if [(hit.id, hit.score) for hit in hits] != expected:
                        wrong.append(f"{name}: another answer to search {call}")
                    outcomes["searches answered"] += 1
                except mc.TransportError:
                    outcomes["searches failed"] += 1
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            cache = mc.ConvexServerCache(db)
            for call, (fewest, highest) in enumerate(zip(least, most, strict=True)):
                count = cache.increment(f"{name} {call}") - 1
                if not fewest <= count <= highest:
                    wrong.append(f"{name}: counter {call} is {count}, expected {fewest} to {highest}")
    except Exception as error:
        wrong.append(f"{name}: {error!r}")
