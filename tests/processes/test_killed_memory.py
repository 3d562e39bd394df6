"""A memory whose process is killed: no message without its vectors, and no vectors without their message."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import mastra_convex as mc

PROGRAM = """
import sys, mastra_convex as mc
embed = lambda texts: [[1.0, float(len(text))] for text in texts]
with mc.connect(sys.argv[1], synchronous="normal") as db:
    memory = mc.Memory(db, embed)
    print("open", flush=True)
    for turn in range(int(sys.argv[2]), 1_000_000):
        thread, owner = f"t{turn % 7}", f"r{turn % 7}"
        few = [{"id": f"{turn}-{n}", "content": "word " * (4000 * (n % 3) + 1)} for n in range(8)]
        memory.remember(thread, few, resource_id=owner)
        # The same messages, with other vectors.
        memory.remember(thread, [{**one, "content": one["content"][::2]} for one in few[::2]])
        memory.forget(message_ids=[f"{turn}-{n}" for n in range(3)])
        if turn % 5 == 0:
            memory.forget(thread_id=thread)
        elif turn % 7 == 0:
            memory.forget(resource_id=owner)
"""


def kill(folder: Path, turn: int, seconds: float) -> None:
    """Kill a process that remembers and forgets."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(turn)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        threading.Event().wait(seconds)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def parts(text: str) -> int:
    """How many vectors a message of this text has."""
    return 1 + (len(text) - 1) // (4 * 4096)


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_messages_and_vectors_are_stored_and_deleted_together(tmp_path: Path, kills: int) -> None:
    """After each kill, every message has the vectors of its text, and every vector has its message."""
    random = np.random.default_rng(11)
    most = 0
    for turn in range(kills):
        kill(tmp_path, 1000 * turn + 1, float(random.uniform(0, 0.8)))
        with mc.connect(tmp_path) as db:
            memory, vectors = mc.ConvexStore(db).memory, mc.ConvexVector(db)
            messages = {
                message.id: message.text
                for thread in memory.iter_threads()
                for message in memory.iter_messages(thread.id)
            }
            if "memory_messages_2" not in vectors.list_indexes():
                assert messages == {}
                continue
            found: dict[str, list[str]] = {}
            for row in vectors.iter("memory_messages_2"):
                found.setdefault(row.metadata["message_id"], []).append(row.metadata["content"])
        assert found.keys() == messages.keys()
        for id, text in messages.items():
            assert len(found[id]) == parts(text)
            assert sum(len(part.replace(" ", "")) for part in found[id]) == len(text.replace(" ", ""))
        most = max(most, len(messages))
    assert most > 20
