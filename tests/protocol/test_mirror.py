"""Mirrors of vector indexes over HTTP: rows are kept, and only changes are transferred."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.checkout import FUNCTIONS
from tests.support.command import run
from tests.support.folders import OURS, functions_with
from tests.support.served import Served, serve
from tests.support.tokens import auth_config, token

DIMENSION = 24
TWICE = """
import { mutation } from "./_generated/server";
export const twice = mutation(async ({ db }) => {
  for (const number of [1, 2]) {
    await db.insert("mastra_vectors", { indexName: "docs", id: "a", embedding: [number, 0] });
  }
});
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:") as server:
        yield server


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """An index of the test's own."""
    return str(request.node.name)


def connected(served: Served, **options: Any) -> mc.Deployment:
    return mc.connect(served.url, admin_key=served.admin_key, **options)


def results(hits: mc.QueryResults) -> list[tuple[str, float, dict[str, Any]]]:
    return [(hit.id, hit.score, hit.metadata) for hit in hits]


class Counted(BaseHTTPRequestHandler):
    """Passes requests on, and counts them."""

    protocol_version = "HTTP/1.1"
    target = ""
    sizes: list[int]

    def do_POST(self) -> None:
        """One request there and back."""
        body = self.rfile.read(int(self.headers["content-length"]))
        request = Request(self.target + self.path, body, dict(self.headers))
        with urlopen(request, timeout=30) as reply:
            answer = reply.read()
            self.sizes.append(len(answer))
            self.send_response(reply.status)
            self.send_header("content-type", reply.headers["content-type"])
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def counted(served: Served) -> Iterator[tuple[Served, list[int]]]:
    """The same deployment through a proxy, and the sizes of its answers."""
    sizes: list[int] = []
    handler = type("Handler", (Counted,), {"target": served.url, "sizes": sizes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.server_port}", served.admin_key), sizes
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_second_query_takes_one_small_round_trip(
    counted: tuple[Served, list[int]], name: str, random: np.random.Generator
) -> None:
    there, sizes = counted
    vectors = random.standard_normal((700, 384)).astype(np.float32)
    with connected(there) as db:
        index = mc.ConvexVector(db, strategy="mirror").index(name, dimension=384)
        ids = index.upsert(vectors)
        sizes.clear()
        first = index.query(vectors[0])
        assert (first.stats.strategy, first[0].id) == ("pages", ids[0])
        # One page is read, and at the same time what the backend offers.
        assert len(sizes) == 2
        sizes.clear()
        second = index.query(vectors[0])
        assert results(second) == results(first)
        assert (second.stats.strategy, second.stats.bytes_received, len(sizes)) == ("mirror", sizes[0], 1)
        assert sizes[0] < 500

        index.upsert(vectors[:1], ids=["new"], metadata=[{"kind": "new"}])
        sizes.clear()
        third = index.query(vectors[0])
        assert {third[0].id, third[1].id} == {ids[0], "new"}
        assert len(sizes) == 1
        row = json.dumps({"id": "new", "embedding": vectors[0].astype(float).tolist(), "metadata": {"kind": "new"}})
        assert third.stats.bytes_received == sizes[0] < len(row) + 1024


@pytest.mark.parametrize("rows", [700, 1300])
def test_rows_are_counted_updated_and_deleted_without_their_vectors(
    counted: tuple[Served, list[int]], name: str, random: np.random.Generator, rows: int
) -> None:
    """The deployment counts and finds them. Where a thousand match or more, they are found here."""
    there, sizes = counted
    with connected(there) as db:
        index = mc.ConvexVector(db, strategy="server").index(name, dimension=384)
        vectors = random.standard_normal((rows, 384)).astype(np.float32)
        index.upsert(vectors, metadata=[{"kind": "a" if row else "b"} for row in range(rows)])
        sizes.clear()
        assert index.describe_index().count == index.count() == rows
        assert index.count({"kind": "b"}) == 1
        assert sum(sizes) < 2000
        index.update_vectors({"kind": "b"}, metadata={"kind": "c"})
        index.delete_vectors(filter={"kind": "c"})
        assert sum(sizes) < 5000
        assert index.count({"kind": "a"}) == rows - 1
        index.delete_vectors(filter={"kind": "a"})
        assert index.count() == 0
        if rows <= 1000:
            assert sum(sizes) < rows * 384


def test_a_mirror_is_what_all_pages_say(served: Served, name: str, random: np.random.Generator) -> None:
    """After writes of any client, a mirror gives the ids, order, score bits and metadata of the stored rows."""
    kept = mc.ConvexVector(connected(served), strategy="mirror")
    fresh = mc.ConvexVector(connected(served, mirror_bytes=0), strategy="mirror")
    writer = mc.ConvexVector(connected(served), strategy="mirror")
    writer.create_index(name, DIMENSION)
    ids = [str(number) for number in range(60)]
    # Few different vectors make many ties.
    vectors = random.integers(-1, 2, (8, DIMENSION)).astype(float) + 0.5

    def some(most: int) -> list[str]:
        return [str(id) for id in random.choice(ids, int(random.integers(1, most)), replace=False)]

    for step in range(150):
        choice = random.integers(6)
        if choice <= 1:
            chosen = some(20)
            rows = vectors[random.integers(0, 8, len(chosen))]
            writer.upsert(name, rows, ids=chosen, metadata=[{"step": step}] * len(chosen))
        elif choice == 2:
            writer.delete_vectors(name, ids=some(20))
        elif choice == 3:
            with suppress(mc.NotFoundError):
                writer.update_vector(name, some(2)[0], vector=vectors[0], metadata={"updated": step})
        elif choice == 4 and step % 5 == 0:
            writer.truncate_index(name)
        elif step % 10 == 0:
            writer.delete_index(name)
            writer.create_index(name, DIMENSION, "dotproduct" if step % 20 else "euclidean")
        found, expected = (vector.query(name, vectors[1], top_k=100) for vector in (kept, fresh))
        assert results(found) == results(expected)
        assert expected.stats.strategy == "pages"
        assert kept.describe_index(name) == fresh.describe_index(name)
    for vector in (kept, fresh, writer):
        vector._deployment.close()


def test_a_query_never_misses_an_acknowledged_write(served: Served, name: str) -> None:
    """While three threads write and delete, queries through two handles never miss an acknowledged write."""
    written: set[str] = set()
    deleting: set[str] = set()
    deleted: set[str] = set()
    done = threading.Event()
    with connected(served) as db, connected(served) as other:
        mc.ConvexVector(db, strategy="mirror").create_index(name, DIMENSION)

        def write(number: int) -> None:
            index = mc.ConvexVector(db, strategy="mirror").index(name)
            for step in range(60):
                ids = [f"{number}-{step}-{row}" for row in range(3)]
                index.upsert(np.ones((3, DIMENSION)), ids=ids)
                written.update(ids)
                deleting.add(ids[0])
                index.delete_vectors(ids=ids[:1])
                deleted.add(ids[0])

        def read(db: mc.Deployment) -> int:
            index, queries = mc.ConvexVector(db, strategy="mirror").index(name), 0
            while not done.is_set():
                gone, there = set(deleted), set(written)
                found = {hit.id for hit in index.query(np.ones(DIMENSION), top_k=10_000)}
                assert there - set(deleting) <= found
                assert not gone & found
                queries += 1
            return queries

        with ThreadPoolExecutor(7) as pool:
            readers = [pool.submit(read, deployment) for deployment in (db, db, db, other)]
            writers = [pool.submit(write, number) for number in range(3)]
            try:
                for future in writers:
                    future.result(timeout=60)
            finally:
                done.set()
            assert all(future.result(timeout=60) > 0 for future in readers)
        assert (
            len(mc.ConvexVector(other, strategy="mirror").query(name, np.ones(DIMENSION), top_k=10_000)) == 3 * 60 * 2
        )


def test_mirrors_stay_within_their_memory(served: Served, name: str) -> None:
    vectors = np.ones((100, DIMENSION), np.float32)
    with connected(served, mirror_bytes=100_000) as db:
        vector = mc.ConvexVector(db, strategy="mirror")
        names = [f"{name}-{number}" for number in range(4)]
        for index in names:
            vector.create_index(index, DIMENSION)
            vector.upsert(index, vectors)

        def strategies() -> list[str]:
            return [vector.query(index, vectors[0]).stats.strategy for index in names[:2]]

        assert strategies() == ["pages", "pages"]
        assert strategies() == ["mirror", "mirror"]
        # 100 rows take some 38 kB, so the third index evicts the one that was queried longest ago.
        vector.query(names[2], vectors[0])
        assert vector.query(names[1], vectors[0]).stats.strategy == "mirror"
        assert vector.query(names[0], vectors[0]).stats.strategy == "pages"
        # This one is too large by itself.
        vector.upsert(names[3], np.ones((300, DIMENSION)))
        for _ in range(2):
            hits = vector.query(names[3], vectors[0], top_k=500)
            assert (hits.stats.strategy, len(hits)) == ("pages", 400)


def test_an_index_on_another_deployment_at_the_same_url_is_another_index(tmp_path: Path) -> None:
    """After a server in memory restarts at the same URL, its index is read again."""

    def start(port: int) -> tuple[_native.EmbeddedDeployment, _native.HttpServer]:
        deployment = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
        return deployment, _native.HttpServer(deployment, host="127.0.0.1", port=port, folder=tmp_path)

    deployment, server = start(0)
    with mc.connect(server.url, admin_key=server.admin_key) as db:
        vector = mc.ConvexVector(db, strategy="mirror")
        vector.create_index("docs", 2)
        vector.upsert("docs", [[1, 0]], ids=["old"])
        vector.query("docs", [1, 0])
        server.stop()
        deployment.close()
        deployment, server = start(urlsplit(server.url).port or 0)
        with pytest.raises(mc.IndexNotFoundError):
            vector.query("docs", [1, 0])
        vector.create_index("docs", 2)
        vector.upsert("docs", [[1, 0]], ids=["new"])
        assert [hit.id for hit in vector.query("docs", [1, 0])] == ["new"]
    server.stop()
    deployment.close()


def test_rows_that_share_an_id_are_read_page_by_page(tmp_path: Path) -> None:
    """A user's own functions may write such rows, and a change can't be attributed to one of them by id."""
    assert run("init", str(tmp_path)).returncode == 0
    (tmp_path / "twice.ts").write_text(TWICE)
    with serve(data=":memory:", functions=tmp_path) as served, connected(served) as db:
        index = mc.ConvexVector(db, strategy="mirror").index("docs", dimension=2)
        db.mutation("twice:twice")
        for _ in range(2):
            hits = index.query([1, 0])
            assert (hits.stats.strategy, [hit.id for hit in hits]) == ("pages", ["a", "a"])


def test_functions_of_npm_are_read_page_by_page_unless_staleness_is_allowed(tmp_path: Path) -> None:
    subprocess.run(
        ["node", FUNCTIONS / "original" / "bundle.js", tmp_path], check=True, capture_output=True, timeout=60
    )
    with serve(data=":memory:", functions=tmp_path) as served, connected(served) as db:
        patient = mc.ConvexVector(db, max_staleness=3600, strategy="mirror")
        vector = mc.ConvexVector(db, strategy="mirror")
        vector.create_index("docs", 2)
        vector.upsert("docs", [[1, 0]], ids=["a"])
        assert [hit.id for hit in patient.query("docs", [1, 0])] == ["a"]
        vector.upsert("docs", [[1, 0]], ids=["b"])
        stale = patient.query("docs", [1, 0])
        assert ([hit.id for hit in stale], stale.stats.bytes_received) == (["a"], 0)
        for _ in range(2):
            hits = vector.query("docs", [1, 0])
            assert (hits.stats.strategy, [hit.id for hit in hits]) == ("pages", ["a", "b"])
        with pytest.raises(mc.DimensionMismatchError):
            vector.create_index("docs", 3)
        vector.update_vector("docs", "a", metadata={"kind": "x"})
        vector.update_vector("docs", "b", vector=[0, 2])
        with pytest.raises(mc.NotFoundError):
            vector.update_vector("docs", "nobody", vector=[0, 2])
        found = vector.query("docs", [1, 0], include_vector=True)
        assert [(hit.id, hit.metadata, list(hit.vector)) for hit in found] == [
            ("a", {"kind": "x"}, [1, 0]),
            ("b", {}, [0, 2]),
        ]
        vector.delete_vectors("docs", filter={"kind": "x"})
        assert vector.describe_index("docs").count == 1


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True, 1e19, 1e300])
def test_staleness_is_seconds(seconds: Any) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=r"ConvexVector: max_staleness .*; expected seconds"):
        mc.ConvexVector(":memory:", max_staleness=seconds)


@pytest.mark.parametrize("mirror_bytes", [-1, 1.5, "1 GiB"])
def test_the_memory_of_mirrors_is_a_number_of_bytes(mirror_bytes: Any) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=r"connect: mirror_bytes .*; expected an integer"):
        mc.connect("http://127.0.0.1:1", mirror_bytes=mirror_bytes)


def test_one_user_s_answer_is_never_given_to_another(tmp_path: Path) -> None:
    """Threads that query at once with different tokens get only what their own user may see."""
    rule = (
        'import type { Access } from "./model/access";\n'
        'export const access = { storage: (user) => user.subject === "agent" } satisfies Access;\n'
    )
    folder = functions_with(tmp_path / "convex", {"auth.config.ts": auth_config(), "mastra/auth.ts": rule})
    asking = threading.local()
    tokens = {user: token(user) for user in ("agent", "stranger")}
    with serve(data=":memory:", functions=folder) as served, connected(served) as owner:
        mc.ConvexVector(owner, strategy="mirror").index("docs", dimension=2).upsert([[1, 0]], ids=["a"])
        with mc.connect(served.url, auth_token=lambda: tokens[asking.user]) as db:
            vector = mc.ConvexVector(db, strategy="mirror")

            def ask(user: str) -> None:
                asking.user = user
                for _ in range(60):
                    if user == "agent":
                        assert [hit.id for hit in vector.query("docs", [1, 0])] == ["a"]
                    else:
                        with pytest.raises(mc.ApplicationError, match="not this user's to call"):
                            vector.query("docs", [1, 0])

            ask("agent")
            with ThreadPoolExecutor(6) as pool:
                for future in [pool.submit(ask, user) for user in ("agent", "stranger") * 3]:
                    future.result(timeout=60)


def test_metadata_counts_as_memory(served: Served, name: str) -> None:
    with connected(served, mirror_bytes=1 << 20) as db:
        index = mc.ConvexVector(db, strategy="mirror").index(name, dimension=2)
        index.upsert(np.ones((100, 2)), metadata=[{"text": "x" * 20_000}] * 100)
        for _ in range(2):
            assert index.query([1, 0]).stats.strategy == "pages"


def test_rows_that_outgrow_what_can_be_read_at_once_are_read_anew(served: Served, name: str) -> None:
    """If the rows of one transaction have grown beyond a single read, the index is read again."""
    with connected(served) as db:
        index = mc.ConvexVector(db, strategy="mirror").index(name, dimension=2)
        index.query([1, 0])
        ids = [str(number) for number in range(100)]
        index.upsert(np.ones((100, 2)), ids=ids)
        for id in ids:
            index.update_vector(id, metadata={"text": "x" * 250_000})
        assert len(index.query([1, 0], top_k=200)) == 100
        assert index.query([1, 0]).stats.strategy == "mirror"


CROWD = """
    import sys, threading, time, mastra_convex as mc
    with mc.connect(sys.argv[1], admin_key=sys.argv[2]) as db:
        index = mc.ConvexVector(db).index(sys.argv[3], dimension=3)
        index.upsert([[1, 0, 0]], ids=["a"])
        index.query([1, 0, 0], strategy="mirror")
        done = threading.Event()

        def query(number):
            for step in range(10):
                time.sleep(0.01 * (number * 7 + step * 3 % 11))
                assert index.query([1, 0, 0])[0].id == "a"

        def burn():
            while not done.is_set():
                sum(range(1000))

        burning = threading.Thread(target=burn)
        queries = [threading.Thread(target=query, args=(number,)) for number in range(8)]
        for thread in [burning, *queries]:
            thread.start()
        for thread in queries:
            thread.join()
        done.set()
        burning.join()
"""


def test_threads_that_wait_for_one_reading_hold_up_no_other(served: Served, name: str) -> None:
    """They look for Ctrl-C now and then, which needs Python's lock. Others hold that, and ask for the same index."""

    class Slow(Counted):
        target = served.url
        sizes: list[int] = []  # noqa: RUF012

        def do_POST(self) -> None:
            time.sleep(0.2)
            super().do_POST()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    command = [sys.executable, "-c", textwrap.dedent(CROWD), url, served.admin_key, name]
    subprocess.run(command, check=True, timeout=60)
    server.shutdown()
    server.server_close()


def test_old_changes_are_deleted_after_writes(tmp_path: Path) -> None:
    """A transaction of its own deletes them soon after a write: here after each write, and all changes."""
    source = (OURS / "mastra/model/vectorChanges.ts").read_text()
    for constant, value in {"KEPT_MILLISECONDS = 3_600_000": "-60_000", "WRITES_PER_CLEANING = 64": "1"}.items():
        assert constant in source
        source = source.replace(constant, f"{constant.partition(' = ')[0]} = {value}")
    count = (
        'import { query } from "./_generated/server";\n'
        'export const count = query(async ({ db }) => (await db.query("mastra_vector_changes").collect()).length);\n'
    )
    functions = functions_with(tmp_path / "convex", {"mastra/model/vectorChanges.ts": source, "changes.ts": count})
    with mc.connect(":memory:", functions=functions) as db:
        docs = mc.ConvexVector(db).index("docs", dimension=2)
        for n in range(10):
            docs.upsert([[1, n]], ids=[str(n)])
        # The last change stays, without its ids.
        with db.subscribe("changes:count") as states:
            while next(states) > 2:
                pass
        assert len(docs.query([1, 0])) == 10
