"""A token provider that doesn't answer delays only its own users."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.served import JSON, Served, serve
from tests.support.tokens import auth_config, token

SILENT = "https://silent.example"
CALLERS = 100


class Silence:
    """A server that takes and counts requests, and answers none."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=CALLERS)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/keys"
        self.requests: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.requests.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """Abandon the waiting calls."""
        self.listener.close()
        for request in self.requests:
            request.close()


@pytest.fixture
def silence() -> Iterator[Silence]:
    silence = Silence()
    yield silence
    silence.close()


@pytest.fixture
def served(silence: Silence, tmp_path: Path) -> Iterator[Served]:
    """Functions of a user's own, for users of a provider that answers and of one that doesn't."""
    providers = json.loads(auth_config().removeprefix("export default ").removesuffix(";\n"))
    silent = {"type": "customJwt", "issuer": SILENT, "algorithm": "RS256", "jwks": silence.url}
    providers["providers"].append(silent)
    config = tmp_path / "auth.config.ts"
    config.write_text(f"export default {json.dumps(providers)};\n")
    functions = ROOT / "tests/support/functions/plain"
    with serve(data=":memory:", functions=functions, options=["--auth-config", str(config)]) as served:
        yield served


def test_a_provider_that_does_not_answer_delays_its_own_users_only(served: Served, silence: Silence) -> None:
    """Users of a silent provider share one fetch. The owner and users of other providers are answered at once."""
    statuses: list[int] = []
    silent, answering = token("ann", iss=SILENT), token("ada")

    def echo(authorization: str) -> int:
        body = json.dumps({"path": "notes:echo", "args": {"value": 1}})
        headers = {**JSON, "Authorization": authorization}
        return served.send("POST", "/api/action", body, headers)[0]

    def call() -> None:
        statuses.append(echo(f"Bearer {silent}"))

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    deadline = time.monotonic() + 10
    while not silence.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    assert not statuses, "the provider's users wait"
    for authorization in [f"Convex {served.admin_key}", f"Bearer {answering}"]:
        began = time.monotonic()
        assert echo(authorization) == 200
        assert time.monotonic() - began < 2
    for caller in callers:
        caller.join(20)
    assert statuses == [503] * CALLERS
    assert len(silence.requests) == 1
    began = time.monotonic()
    assert echo(f"Bearer {silent}") == 503, "the failure is remembered"
    assert time.monotonic() - began < 1
