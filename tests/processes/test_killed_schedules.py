"""A runner of schedules whose process is killed: another one takes its firing over, once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import mastra_convex as mc
from tests.support.served import Served, serve

RUNNER = """
import sys, threading, mastra_convex as mc
def handle(schedule, fire_id):
    print(fire_id, flush=True)
    threading.Event().wait()
with mc.connect(sys.argv[1], admin_key=sys.argv[2]) as db:
    mc.ConvexStore(db).schedules.run(handle, interval=0.05, lease=1.0)
"""


def kill_runner(served: Served) -> str:
    """Kill a process while its handler runs, after it renewed its lease; the firing that it had claimed."""
    program = [sys.executable, "-c", RUNNER, *served]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        claimed = process.stdout.readline().strip()
        threading.Event().wait(1.5)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return claimed


def test_a_firing_of_a_killed_runner_is_handled_by_another(tmp_path: Path) -> None:
    """The handler of one of two other runners gets the same firing, when the lease of the killed one has ended."""
    with serve(data=tmp_path) as served, mc.connect(served.url, admin_key=served.admin_key) as db:
        schedules = mc.ConvexStore(db).schedules
        due = {"id": "s", "target": {"type": "agent", "agentId": "a"}, "cron": "0 0 29 2 *", "next_fire_at": 1000}
        schedules.create_schedule(due)
        claimed = kill_runner(served)
        assert schedules.list_triggers("s") == []
        stop = threading.Event()
        handled: list[str] = []

        def handle(schedule: mc.Schedule, fire_id: str) -> None:
            handled.append(fire_id)

        runners = [
            threading.Thread(
                target=schedules.run, args=(handle,), kwargs={"interval": 0.05, "lease": 1.0, "stop": stop}
            )
            for _ in range(2)
        ]
        for runner in runners:
            runner.start()
        while not schedules.list_triggers("s"):
            threading.Event().wait(0.05)
        stop.set()
        for runner in runners:
            runner.join()
        assert handled == [claimed] == ["sched_s_1000"]
        [trigger] = schedules.list_triggers("s")
        assert (trigger.run_id, trigger.outcome) == (claimed, "succeeded")
