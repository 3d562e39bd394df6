"""Slow, idle and greedy clients, and how long an honest one waits meanwhile."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.protocol import attackers
from tests.trust.row import Found


def check(_seed: int, amount: int) -> Found:
    """Attack a server in each way, with so many connections; an honest client's p99 stays below five times the calm."""
    figures = []
    for name, attack in attackers.ATTACKS.items():
        with TemporaryDirectory() as folder, attackers.serving(Path(folder) / "data") as server:
            calm, attacked = attackers.latencies(server, attack, amount)
            usual = max(calm, 0.05)
            assert attacked < 5 * usual, f"{name}: p99 {attacked:.3f} s, calm {calm:.3f} s"
            assert server.memory() < 512 << 20, name
            figures.append(f"{name} {1000 * calm:.0f}/{1000 * attacked:.0f}")
    return Found(len(figures), "p99 calm/attacked in ms: " + ", ".join(figures))
