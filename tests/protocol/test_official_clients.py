"""The official clients, unmodified, against `mastra-convex serve`: PyPI and npm `convex`, and npm `@mastra/convex`.

The calls and expected answers of the JavaScript clients are in `clients/`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from convex import ConvexError
from convex.http_client import ConvexHttpClient
from convex.values import ConvexInt64

from tests.support.checkout import CLIENTS, FUNCTIONS
from tests.support.command import run
from tests.support.served import Served, serve


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    """The functions of `functions/plain`."""
    with serve(data=":memory:", functions=FUNCTIONS / "plain") as served:
        yield served


@pytest.fixture(scope="module", params=["ours", "original"])
def mastra(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Mastra's functions: those that `init` writes, and the original ones; two native tables in either schema."""
    folder = tmp_path_factory.mktemp("convex")
    if request.param == "ours":
        shutil.copytree(FUNCTIONS / "native", folder, dirs_exist_ok=True)
        assert run("init", str(folder)).returncode == 0
    else:
        node(FUNCTIONS / "original" / "bundle.js", str(folder))
    with serve(data=":memory:", functions=folder) as served:
        yield served


def node(script: Path, *arguments: str) -> None:
    """Run a script, and check that it succeeds."""
    done = subprocess.run(["node", str(script), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_python_client_reads_and_writes(plain: Served) -> None:
    """PyPI's client gets values, errors and refusals of internal functions."""
    client = ConvexHttpClient(plain.url)
    id = client.mutation("notes:add", {"text": "from Python"})
    assert isinstance(id, str)
    assert len(id) == 32
    assert "from Python" in client.query("notes:list", {})
    value = [None, True, 1.5, 3, "x", b"\x00\xff", ConvexInt64(7), {"a": []}]
    assert client.action("notes:echo", {"value": value}) == value
    with pytest.raises(ConvexError) as caught:
        client.mutation("notes:fail", {})
    assert caught.value.data == {"reason": "on purpose", "at": [1, 2.5]}
    assert "never seen" not in client.query("notes:list", {})
    with pytest.raises(Exception, match="Could not find public function for 'notes:secret'"):
        client.query("notes:secret", {})
    client.set_admin_auth(plain.admin_key)
    assert client.query("notes:secret", {}) == "for admins"


def test_the_javascript_client_reads_and_writes(plain: Served) -> None:
    """Npm's client gets values, errors, refusals of internal functions, and queries at a timestamp."""
    node(CLIENTS / "http_client.js", *plain)


@pytest.mark.parametrize(
    "domain",
    [
        *("memory", "observational_memory", "workflows", "scores", "background_tasks", "schedules", "channels"),
        *("vector", "native_vector", "cache"),
    ],
)
def test_mastras_client_gets_what_it_expects(mastra: Served, domain: str) -> None:
    """Mastra's store, vector and cache classes behave the same with npm's functions and ours."""
    node(CLIENTS / f"{domain}.js", *mastra)
