"""On failing networks, clients of the sync protocol end on the newest state, and no mutation runs twice."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest

import mastra_convex as mc
from tests.support.checkout import CLIENTS, FUNCTIONS
from tests.support.proxy import Proxy, proxies
from tests.support.served import Served, serve

STORM = ["node", str(CLIENTS / "sync_storm.js")]
MUTATIONS = 30
AT_ONCE = 25


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:", functions=FUNCTIONS / "chat") as served:
        yield served


def follow(name: str, proxy: Proxy, wrong: list[str]) -> None:
    """The states that our own client sees until all was counted."""
    newest = 0
    try:
        with mc.connect(proxy.url) as db, db.subscribe("chat:count", {"name": name}) as counts:
            while newest < MUTATIONS:
                count = counts.next(timeout=60)
                if count < newest:
                    wrong.append(f"{name}: from {newest} to {count}")
                newest = count
    except Exception as error:
        wrong.append(f"{name}: at {newest}: {error!r}")


@pytest.mark.parametrize(
    "seeds", [range(20), pytest.param(range(20, 520), marks=[pytest.mark.long, pytest.mark.timeout(1800)])], ids=str
)
def test_what_breaks_on_the_way_is_made_good(served: Served, seeds: range) -> None:
    """On a failing network, npm's client and ours end on the newest count, and no increment happens twice."""
    print("seeds", seeds)
    wrong: list[str] = []
    broken = 0
    for begin in range(seeds.start, seeds.stop, AT_ONCE):
        part = seeds[begin - seeds.start : begin - seeds.start + AT_ONCE]
        names = [f"seed {seed}" for seed in part]
        with proxies(served.url, part) as npms, proxies(served.url, range(-part.stop, -part.start)) as ours:
            followers = [
                threading.Thread(target=follow, args=(name, proxy, wrong))
                for name, proxy in zip(names, ours, strict=True)
            ]
            for follower in followers:
                follower.start()
            counters = [f"{name}={proxy.url}" for name, proxy in zip(names, npms, strict=True)]
            storm = subprocess.run([*STORM, str(MUTATIONS), *counters], capture_output=True, text=True, timeout=300)
            assert storm.returncode == 0, storm.stderr
            wrong += storm.stdout.splitlines()
            for follower in followers:
                follower.join()
            broken += sum(proxy.broken for proxy in [*npms, *ours])
        wrong += [name for name in names if served.call("query", "chat:count", {"name": name})["value"] != MUTATIONS]
    assert wrong == []
    print("connections broken:", broken)
    assert broken > 2 * len(seeds)
