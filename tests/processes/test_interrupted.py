"""Calls and subscriptions of a process that is interrupted or forks end at once, and nothing hangs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.served import serve

# Waits for a change until it is interrupted. Only then a change comes.
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

# A child can't use its parent's subscription. The parent's continues.
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
    """The deployment to connect to, and its key."""
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


# Calls a function that never ends, until it is interrupted.
CALLS = """
import asyncio, sys, time
import mastra_convex as mc

face, target, options, kind, path = sys.argv[1:]
options = eval(options)

async def call_async():
    async with mc.connect_async(target, **options) as db:
        print("calls", flush=True)
        await getattr(db, kind)(path)

def call():
    with mc.connect(target, **options) as db:
        print("calls", flush=True)
        getattr(db, kind)(path)

try:
    call() if face == "sync" else asyncio.run(call_async())
except KeyboardInterrupt as interrupt:
    notes = [*getattr(interrupt, "__notes__", []), *getattr(interrupt.__context__, "__notes__", [])]
    print(type(interrupt).__name__, *notes)
"""

SPINS = """
import { action, mutation, query } from "./_generated/server";
export const read = query(async () => { for (;;); });
export const write = mutation(async (ctx) => { await ctx.db.insert("notes", {}); for (;;); });
export const act = action(async () => { for (;;); });
"""


@pytest.fixture(scope="module")
def spinning(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A deployment whose functions never end, and its options."""
    functions = tmp_path_factory.mktemp("functions")
    (functions / "spin.ts").write_text(SPINS)
    return ":memory:", repr({"functions": str(functions), "limits": "off"})


def interrupted(face: str, target: str, options: str, kind: str, path: str) -> tuple[str, float]:
    """The output of a call after its interruption, and the time until then."""
    command = [sys.executable, "-c", CALLS, face, target, options, kind, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "calls\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        told = process.stdout.readline()
        seconds = time.monotonic() - began
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
        assert time.monotonic() - began < 5
    return told, seconds


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
def test_ctrl_c_is_heard_while_a_server_is_silent(face: str, kind: str) -> None:
    """Ctrl-C ends a call to a silent server. The note says that the outcome of a call that may write isn't known."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"http://127.0.0.1:{silent.getsockname()[1]}"
        told, seconds = interrupted(face, target, "{'timeout': 60}", kind, "a:b")
    note = "" if kind == "query" else " It is not known whether a:b was executed."
    assert told == f"KeyboardInterrupt{note}\n"
    assert seconds < 1


@pytest.mark.parametrize("face", ["sync", "async"])
def test_ctrl_c_is_heard_between_repetitions(face: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        target = f"http://127.0.0.1:{free.getsockname()[1]}"
    told, seconds = interrupted(face, target, "{'timeout': 60, 'retries': 100}", "query", "a:b")
    assert told.startswith("KeyboardInterrupt")
    assert seconds < 1


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    ("kind", "path", "note"),
    [
        ("query", "spin:read", ""),
        ("mutation", "spin:write", "Nothing of spin:write was committed."),
        ("action", "spin:act", "spin:act was ended early. The mutations that it had finished are committed."),
    ],
)
def test_ctrl_c_is_heard_by_a_function_that_spins(
    spinning: tuple[str, str], face: str, kind: str, path: str, note: str
) -> None:
    """Ctrl-C ends a function that spins. The note says what was committed; in an event loop it can't."""
    told, seconds = interrupted(face, *spinning, kind, path)
    if face == "async" and note:
        note = f"It is not known whether {path} was executed."
    assert told == f"KeyboardInterrupt {note}".rstrip() + "\n"
    assert seconds < 1
