"""On failing networks, clients of the sync protocol end on the newest state, and no mutation runs twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.protocol.storms import storm
from tests.support.checkout import FUNCTIONS
from tests.support.served import Served, serve


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:", functions=FUNCTIONS / "chat") as served:
        yield served


def test_broken_connections_lose_and_repeat_no_write(served: Served) -> None:
    """On a failing network, npm's client and ours end on the newest count, and no increment happens twice."""
    wrong, broken = storm(served, range(20))
    assert wrong == []
    print("connections broken:", broken)
    assert broken > 40
