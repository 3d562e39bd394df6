"""Subscriptions of a process that is interrupted, or forks: it hears of it at once, and nothing hangs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.served import serve

# Waits for a change that doesn't come, until it is interrupted; then one comes.
WAITS = """
import sys
import mastra_convex as mc

target, key = sys.argv[1:]
with mc.ConvexStore(target, **({"admin_key": key} if key else {})) as store:
    threads = store.watch_thread("t1")
    assert threads.next(timeout=30) is None
    try:
        print("waits", flush=True)
        threads.next()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    store.memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
    print(threads.next(timeout=30).title)
    store.memory.delete_thread("t1")
"""

# A child has its parent's subscription, and can do nothing with it; the parent goes on.
FORKS = """
import os, sys
import mastra_convex as mc

target, key = sys.argv[1:]
with mc.ConvexStore(target, **({"admin_key": key} if key else {})) as store:
    threads = store.watch_thread("t1")
    assert threads.next(timeout=30) is None
    child = os.fork()
    if child == 0:
        try:
            threads.next(timeout=30)
        except mc.MastraConvexError as error:
            print(type(error).__name__, error.code, flush=True)
        threads.close()
        del threads
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
    print(threads.next(timeout=30).title)
    store.memory.delete_thread("t1")
"""


@pytest.fixture(scope="module", params=["memory", "folder", "served"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where to connect, and with which key."""
    match request.param:
        case "memory":
            yield ":memory:", ""
        case "folder":
            yield str(tmp_path_factory.mktemp("data")), ""
        case _:
            with serve(data=":memory:") as served:
                yield served


def run(source: str, target: tuple[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", source, *target],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_the_wait_and_not_the_subscription(target: tuple[str, str]) -> None:
    with run(WAITS, target) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "interrupted\nHello\n", "")


def test_a_forked_child_is_told_that_the_subscription_is_not_its_own(target: tuple[str, str]) -> None:
    with run(FORKS, target) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "MastraConvexError Forked\nHello\n", "")
