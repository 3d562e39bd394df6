"""Clients of the sync protocol in a storm: each follows a counter, and one of each pair increments it."""

from __future__ import annotations

import subprocess
import threading
import time

import mastra_convex as mc
from tests.support.checkout import CLIENTS
from tests.support.proxy import Proxy, proxies
from tests.support.served import Served

STORM = ["node", str(CLIENTS / "sync_storm.js")]
MUTATIONS = 30


def follow(name: str, proxy: Proxy, wrong: list[str]) -> None:
    """The states that our own client sees until all was counted.

    A program is told when its first state is late because connections break, and may ask again. After a first state,
    connections break unnoticed.
    """
    newest = None
    end = time.monotonic() + 60
    try:
        with mc.connect(proxy.url) as db, db.subscribe("chat:count", {"name": name}) as counts:
            while newest is None or newest < MUTATIONS:
                try:
                    count = counts.next(timeout=max(0, end - time.monotonic()))
                except mc.ConnectError:
                    if newest is not None:
                        raise
                    time.sleep(0.1)
                    continue
                if newest is not None and count < newest:
                    wrong.append(f"{name}: from {newest} to {count}")
                newest = count
    except Exception as error:
        wrong.append(f"{name}: at {newest}: {error!r}")


def storm(served: Served, seeds: range) -> tuple[list[str], int]:
    """Run npm's client and ours through a proxy for each seed, and return what went wrong, and how many connections
    broke.
    """
    wrong: list[str] = []
    names = [f"seed {seed}" for seed in seeds]
    with proxies(served.url, seeds) as npms, proxies(served.url, range(-seeds.stop, -seeds.start)) as ours:
        followers = [
            threading.Thread(target=follow, args=(name, proxy, wrong)) for name, proxy in zip(names, ours, strict=True)
        ]
        for follower in followers:
            follower.start()
        counters = [f"{name}={proxy.url}" for name, proxy in zip(names, npms, strict=True)]
        ran = subprocess.run([*STORM, str(MUTATIONS), *counters], capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        wrong += ran.stdout.splitlines()
        for follower in followers:
            follower.join()
        broken = sum(proxy.broken for proxy in [*npms, *ours])
    wrong += [name for name in names if served.call("query", "chat:count", {"name": name})["value"] != MUTATIONS]
    return wrong, broken
