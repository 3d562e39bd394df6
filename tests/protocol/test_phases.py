"""The outcome of a call that fails, in each of its phases."""

from __future__ import annotations

import pytest

import mastra_convex as mc
from tests.protocol.phases import FAILURES, RETRIES, TIMEOUT, Failure


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: f"{failure.phase}: {failure.failure}")
def test_a_failure_is_told_by_its_phase(failure: Failure, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class of the error, and the number of attempts."""
    error, attempts = failure.read if kind == "query" else failure.write
    with failure.where() as place:
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        with mc.connect(place.url, retries=RETRIES, timeout=TIMEOUT) as db, pytest.raises(error) as caught:
            getattr(db, kind)("a:b")
        assert type(caught.value) is error
        made = place.attempts()
    assert made is None or (made > RETRIES + 1 if attempts is None else made == attempts)
