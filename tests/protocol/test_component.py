"""A component of a deployment: its functions, reached with an admin key only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex.errors import (
    ConfigurationError,
    FunctionNotFoundError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    UnsupportedOperationError,
)
from tests.support.folders import component
from tests.support.peer import Peer, answer
from tests.support.served import JSON, Served, serve
from tests.support.websocket import SyncSocket, add

STORAGE = "mastra/storage:handle"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(data=":memory:", functions=component(tmp_path_factory.mktemp("component"))) as server:
        yield server


@pytest.fixture
def db(served: Served) -> Iterator[mc.Deployment]:
    with mc.connect(served.url, admin_key=served.admin_key, component="mastra") as deployment:
        yield deployment


def test_every_class_works_over_a_component(db: mc.Deployment) -> None:
    """Vectors by every strategy, records in pages, the cache, an agent's memory, and live queries."""
    assert db.component == "mastra"
    assert "component='mastra'" in repr(db)
    docs = mc.ConvexVector(db).index("docs", dimension=2)
    docs.upsert([[1, n] for n in range(600)], ids=[str(n) for n in range(600)])
    for strategy in ("server", "mirror", "pages", "auto"):
        hits = docs.query([1, 0], top_k=3, strategy=strategy)
        assert [hit.id for hit in hits] == ["0", "1", "2"], strategy
        # The first query reads what the mirror then holds.
        assert hits.stats.strategy == {"mirror": "pages", "auto": "mirror"}.get(strategy, strategy)
    memory = mc.ConvexStore(db).memory
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    memory.save_messages([mc.Message(id=str(n), thread_id="t", content=f"text {n}") for n in range(600)])
    assert [message.id for message in memory.iter_messages("t")] == [str(n) for n in range(600)]
    assert [message.id for message in memory.list_messages("t", page=58, per_page=10)] == [
        str(n) for n in range(580, 590)
    ]
    cache = mc.ConvexServerCache(db)
    for n in range(3):
        cache.list_push("list", n)
    assert cache.list_from_to("list", 0, -1) == [0, 1, 2]
    agent = mc.Memory(db, lambda texts: [[float(len(text)), 1.0] for text in texts])
    agent.remember("chat", "Where is my parcel?", resource_id="ada")
    assert "Where is my parcel?" in str(agent.context("chat", "parcel?").to_openai())


def test_live_queries_follow_a_component(db: mc.Deployment) -> None:
    store = mc.ConvexStore(db)
    with store.watch_thread("live") as states, db.subscribe("mastra/queries:countThreads", {}) as counts:
        assert next(states) is None
        before = next(counts)["count"]
        store.memory.save_thread(mc.Thread(id="live", resource_id="ada"))
        changed = states.next(timeout=10)
        assert changed is not None
        assert changed.id == "live"
        assert counts.next(timeout=10)["count"] == before + 1


def test_a_component_that_is_not_mounted_is_named_with_those_that_are(served: Served) -> None:
    with mc.connect(served.url, admin_key=served.admin_key, component="chat/memory") as db:
        calls: list[Any] = [
            lambda: mc.ConvexStore(db).memory.get_thread_by_id("t"),
            lambda: mc.ConvexVector(db).query("docs", [1, 0]),
            lambda: next(db.subscribe("mastra/queries:countThreads", {})),
        ]
        for call in calls:
            with pytest.raises(NotFoundError) as raised:
                call()
            error = raised.value
            assert str(error).startswith(f'{served.url} has no component "chat/memory": its app mounts mastra')
            assert (error.code, error.details) == (
                "ComponentNotFound",
                {"component": "chat/memory", "mounted": ["mastra"]},
            )
            assert "app.use(mastra)" in (error.hint or "")


def test_an_app_without_components_says_so() -> None:
    with (
        serve(data=":memory:") as server,
        mc.connect(server.url, admin_key=server.admin_key, component="mastra") as db,
        pytest.raises(NotFoundError, match="its app mounts none"),
    ):
        mc.ConvexVector(db).list_indexes()


def test_functions_that_a_component_lacks_are_functions_that_are_not_found(db: mc.Deployment) -> None:
    with pytest.raises(FunctionNotFoundError):
        db.query("mastra/storage:none")


def test_requests_to_a_component_have_the_form_that_convex_takes() -> None:
    """All calls go to one route with the component's path, and by the key alone: an acting user isn't an admin there.
    A deployment that doesn't list its components is no reason for another error.
    """
    sent: list[tuple[str, str, dict[str, Any]]] = []

    def behave(connection: Any, body: bytes, _: int) -> None:
        head = peer.requests[-1].partition(b"\r\n\r\n")[0].decode()
        key = next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization"))
        request = json.loads(body)
        sent.append((head.split()[1], key, request))
        if request["path"].startswith("_system"):
            answer(connection, 400, {"code": "X", "message": "no system"})
        elif request["path"] == "a:gone":
            answer(connection, 400, {"code": "ComponentPathNotFound", "message": "Component path 'x/y' not found"})
        else:
            answer(connection, 200, {"status": "success", "value": {"ok": True, "result": None}})

    peer = Peer(behave)
    try:
        with mc.connect(peer.url, admin_key="key", component="x/y") as db:
            for kind in (db.query, db.mutation, db.action):
                kind("a:b", {"n": 1})
            mc.ConvexStore(db).memory.get_thread_by_id("t")
            with pytest.raises(NotFoundError, match="its app doesn't mount it") as raised:
                db.query("a:gone")
            assert raised.value.details == {"component": "x/y", "mounted": None}
    finally:
        peer.close()
    calls = [entry for entry in sent if not entry[2]["path"].startswith("_system")]
    assert {(path, key, request["componentPath"]) for path, key, request in calls} == {
        ("/api/function", "Convex key", "x/y")
    }
    assert [request["path"] for *_, request in calls] == ["a:b", "a:b", "a:b", STORAGE, "a:gone"]
    [(path, _, asked)] = [entry for entry in sent if entry not in calls]
    assert (path, "componentPath" in asked) == ("/api/query", False)


def test_a_target_that_has_no_components_and_a_missing_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="an embedded deployment has no option 'component'"):
        mc.connect(":memory:", component="mastra")
    for options in ({}, {"auth_token": "x"}):
        with pytest.raises(ConfigurationError, match="component is 'mastra', and no admin key was given") as raised:
            mc.connect("http://127.0.0.1:1", component="mastra", **options)  # type: ignore[arg-type]
        assert "CONVEX_ADMIN_KEY" in (raised.value.hint or "")
    for name in ("", " ", "a b", "/a", "a/", "a//b", "ä", "a.b", 7):
        with pytest.raises(InvalidArgumentError, match="connect: component is"):
            mc.connect("http://127.0.0.1:1", admin_key="k", component=name)  # type: ignore[arg-type]
    monkeypatch.setenv("CONVEX_ADMIN_KEY", "k")
    with mc.connect("http://127.0.0.1:1", component="_a1/b") as db:
        assert db.component == "_a1/b"
    with mc.connect("http://127.0.0.1:1") as db:
        assert db.component is None


def test_a_snapshot_and_a_compaction_are_of_the_whole_deployment(
    served: Served, db: mc.Deployment, tmp_path: Path
) -> None:
    """Through the handle of a component it is refused, and through the deployment's it has the component's tables."""
    for act, name in ((db.export, "export"), (db.import_snapshot, "import_snapshot")):
        with pytest.raises(UnsupportedOperationError, match=rf"^Deployment\.{name}: it is for a whole deployment"):
            act(tmp_path / "a.zip")
    with pytest.raises(UnsupportedOperationError, match=r"^Deployment\.compact: it is for a whole deployment"):
        db.compact()
    assert list(tmp_path.iterdir()) == []
    with mc.connect(served.url, admin_key=served.admin_key) as whole:
        assert "mastra_threads" in whole.export(tmp_path / "a.zip").tables


def test_clients_without_the_key_reach_no_function_of_a_component(served: Served) -> None:
    """The component's functions are public to an app. Here there is none, so only the key reaches them."""
    call = {"path": "mastra/queries:countThreads", "args": {}}
    for route in ("query", "mutation", "action"):
        status, reply, _ = served.send("POST", f"/api/{route}", json.dumps(call), JSON)
        assert status == 200
        assert "Could not find public function" in reply["errorMessage"]
    named = json.dumps({**call, "componentPath": "mastra"})
    assert served.send("POST", "/api/function", named, JSON)[0] == 401
    headers = {**JSON, "Authorization": f"Convex {served.admin_key}"}
    # As on Convex, one route takes a component.
    assert served.send("POST", "/api/query", named, headers)[0] == 400
    assert served.send("POST", "/api/function", named, headers)[1]["status"] == "success"
    other = json.dumps({**call, "componentPath": "other"})
    status, reply, _ = served.send("POST", "/api/function", other, headers)
    assert (status, reply["code"]) == (400, "ComponentPathNotFound")
    assert "Component path 'other' not found." in reply["message"]
    assert "'mastra'" in reply["message"]


@pytest.mark.parametrize("impersonating", [None, {"issuer": "https://issuer.example", "subject": "ada"}])
def test_a_socket_follows_a_component_for_the_key_alone(served: Served, impersonating: dict[str, str] | None) -> None:
    with SyncSocket(served.url) as client:
        who = {} if impersonating is None else {"impersonating": impersonating}
        client.authenticate("Admin", value=served.admin_key, **who)
        query = {**add(0, "mastra/queries:countThreads"), "componentPath": "mastra"}
        client.send("ModifyQuerySet", baseVersion=0, newVersion=1, modifications=[query])
        while 0 not in client.results:
            message = client.receive()
            if message["type"] == "FatalError":
                assert impersonating
                assert "admin who acts as no user" in message["error"]
                return
        assert impersonating is None
        assert client.results[0]["value"]["isEstimate"] is False


def test_an_app_does_not_run_the_components_in_its_folder(tmp_path: Path) -> None:
    """Functions of a component in an app's folder would be open to everyone. As on Convex, they aren't the app's."""
    component(tmp_path / "components" / "mastra")
    (tmp_path / "notes.ts").write_text(
        'import { query } from "./_generated/server";\nexport const one = query(() => 1);\n'
    )
    with serve(data=":memory:", functions=tmp_path) as server:
        assert server.call("query", "notes:one")["value"] == 1
        with (
            mc.connect(server.url, admin_key=server.admin_key) as db,
            pytest.raises(FunctionNotFoundError, match=r"There are: notes:one\."),
        ):
            db.query("components/mastra/mastra/queries:countThreads")


@pytest.mark.parametrize(
    "config",
    [
        'import { defineApp } from "convex/server";\nexport default defineApp();\n',
        'import { defineComponent } from "convex/server";\nconst c = defineComponent("a");\nc.use(other);\n',
        "export default defineComponent(name);",
    ],
)
def test_a_configuration_other_than_one_named_component_is_left_out(tmp_path: Path, config: str) -> None:
    (tmp_path / "convex.config.ts").write_text(config)
    with pytest.raises(
        MastraConvexError, match=r"convex\.config\.ts: components: the embedded deployment leaves it out"
    ):
        mc.connect(":memory:", functions=tmp_path)
