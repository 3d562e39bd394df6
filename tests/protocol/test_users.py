"""Users call with their tokens, in process and over HTTP, and reach the functions that `auth.ts` opens to them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.command import COMMAND
from tests.support.folders import functions_with
from tests.support.served import serve
from tests.support.tokens import auth_config, token

WATCH = "mastra/queries:watchThread"
OPEN = """
import type { Access } from "./model/access";
export const access = {
  queries: (user, resourceId) => user.subject === resourceId,
  storage: (user) => user.subject === "agent",
  nativeVector: (user, tableName) => user.subject === "agent" && tableName === "docs_vectors",
} satisfies Access;
"""
SCHEMA = """
import { defineSchema } from "convex/server";
import { defineMastraNativeVectorTable, mastraTables } from "./mastra/schema";
const vectors = () => defineMastraNativeVectorTable({ dimensions: 2, filterFields: [] });
export default defineSchema({ ...mastraTables, docs_vectors: vectors(), other_vectors: vectors() });
"""
WHO = """
import { query } from "./_generated/server";
export const who = query(async (ctx) => (await ctx.auth.getUserIdentity())?.tokenIdentifier ?? null);
"""


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Functions that accept the tests' provider, and open only the user's own functions."""
    return functions_with(tmp_path / "closed", {"auth.config.ts": auth_config(), "users.ts": WHO})


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """Functions that open live queries to owners, storage and a native index to the agent."""
    modules = {"auth.config.ts": auth_config(), "mastra/auth.ts": OPEN, "schema.ts": SCHEMA, "users.ts": WHO}
    return functions_with(tmp_path / "opened", modules)


@pytest.fixture(params=["embedded", "http"])
def connect(request: pytest.FixtureRequest, tmp_path: Path, opened: Path) -> Iterator[type]:
    """A function that connects a user to a deployment with a thread of ada."""
    options = {"functions": opened, "limits": "convex", "synchronous": "full"}
    data = tmp_path / "data"
    owner = _native.EmbeddedDeployment(data, **options)
    server = _native.HttpServer(owner, host="127.0.0.1", port=0, folder=None)

    class Connect:
        @staticmethod
        def owner() -> mc.Deployment:
            if request.param == "http":
                return mc.connect(server.url, admin_key=server.admin_key)
            return mc.connect(data, functions=opened)

        @staticmethod
        def user(subject: str) -> mc.Deployment:
            if request.param == "http":
                return mc.connect(server.url, auth_token=token(subject))
            return mc.connect(data, functions=opened, auth_token=token(subject))

    with Connect.user("agent") as agent:
        mc.ConvexStore(agent).memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
    yield Connect
    server.stop()
    owner.close()


def test_a_user_sees_what_is_theirs(connect: type) -> None:
    """A thread's owner sees it; others are refused, and can't find out what exists."""
    with connect.user("ada") as ada:
        assert ada.query(WATCH, {"threadId": "t1"})["title"] == "Hello"
        assert ada.query("mastra/queries:watchThreadsByResource", {"resourceId": "ada"})[0]["id"] == "t1"
    with connect.user("eve") as eve:
        refused = []
        for thread in ("t1", "none"):
            with pytest.raises(mc.ApplicationError) as caught:
                eve.query(WATCH, {"threadId": thread})
            refused.append(caught.value.data)
        assert refused[0] == refused[1]
        assert refused[0]["code"] == "Forbidden"


def test_storage_is_open_to_whom_the_rule_admits(connect: type) -> None:
    """The agent that a rule admits uses storage without an admin key, and a user is refused."""
    with connect.user("agent") as agent:
        assert mc.ConvexStore(agent).memory.get_thread_by_id("t1").title == "Hello"
    with connect.user("ada") as ada, pytest.raises(mc.ApplicationError) as caught:
        mc.ConvexStore(ada).memory.get_thread_by_id("t1")
    assert caught.value.data["code"] == "Forbidden"


def test_a_file_says_whose_tokens_to_believe(tmp_path: Path) -> None:
    """`serve --auth-config` reads the accepted providers from a file at the user's path."""
    (tmp_path / "app" / "convex").mkdir(parents=True)
    (tmp_path / "app" / "convex" / "users.ts").write_text(WHO)
    (tmp_path / "app" / "providers.ts").write_text(auth_config())
    options = ["--functions", "convex", "--auth-config", "providers.ts"]
    with serve(data="data", options=options, folder=tmp_path / "app") as served:
        with mc.connect(served.url, auth_token=token("ada")) as ada:
            assert ada.query("users:who") == "https://users.example|ada"
            assert ada.subscribe("users:who").next(timeout=30) == "https://users.example|ada"
        with (
            mc.connect(served.url, auth_token=token("ada", iss="https://other.example")) as stranger,
            pytest.raises(mc.AuthenticationError),
        ):
            stranger.query("users:who")
    (tmp_path / "app" / "providers.ts").write_text("export default { providers: [{}] };")
    done = subprocess.run(
        [COMMAND, "serve", "--port", "0", *options], cwd=tmp_path / "app", capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "providers[0].domain is missing" in done.stderr


def test_a_native_index_is_open_to_whom_the_rule_admits(connect: type) -> None:
    """A rule admits users to native indexes by table."""
    indexes = {name: mc.NativeIndex(f"{name}_vectors", 2) for name in ("docs", "other")}
    with connect.user("agent") as agent, mc.ConvexNativeVector(agent, indexes=indexes) as native:
        native.upsert("docs", [[1, 0], [0, 1]], ids=["a", "b"])
        assert [hit.id for hit in native.query("docs", [1, 0])] == ["a", "b"]
        for call in (lambda: native.upsert("other", [[1, 0]]), lambda: native.query("other", [1, 0])):
            with pytest.raises(mc.ApplicationError) as caught:
                call()
            assert caught.value.data["code"] == "Forbidden"


def test_the_owner_goes_on_where_areas_are_opened(connect: type) -> None:
    """This package's classes act as an administrator. Functions called by name run without a user, as on Convex."""
    with connect.owner() as owner:
        store = mc.ConvexStore(owner)
        with store.watch_thread("t1") as threads, store.watch_workflow_runs() as runs:
            assert threads.next(timeout=30).title == "Hello"
            assert runs.next(timeout=30) == []
            store.memory.update_thread("t1", title="Hi", metadata={})
            assert threads.next(timeout=30).title == "Hi"
        docs = mc.ConvexVector(owner).index("docs", dimension=2)
        docs.upsert([[1, 0]], ids=["a"])
        assert [hit.id for hit in docs.query([1, 0])] == ["a"]
        native = mc.ConvexNativeVector(owner, indexes={"docs": mc.NativeIndex("docs_vectors", 2)})
        native.upsert("docs", [[1, 0]], ids=["a"])
        assert [hit.id for hit in native.query("docs", [1, 0])] == ["a"]
        cache = mc.ConvexServerCache(owner)
        cache.set("key", 1)
        assert cache.get("key") == 1
        legacy = mc.legacy.ConvexStorage(owner)
        assert legacy.get_thread_by_id("t1").title == "Hi"
        assert owner.query("users:who") is None
        for call in (
            lambda: owner.query(WATCH, {"threadId": "t1"}),
            lambda: owner.subscribe(WATCH, {"threadId": "t1"}).next(timeout=30),
            lambda: owner.mutation("mastra/storage:handleAsUser", {"op": "version"}),
        ):
            with pytest.raises(mc.ApplicationError) as caught:
                call()
            assert caught.value.data["code"] == "Unauthenticated"


@pytest.mark.parametrize("area", ["storage", "cache"])
def test_clients_with_an_admin_key_go_on_where_storage_is_open(connect: type, area: str) -> None:
    """Clients with an admin key, npm's too, use the same path when storage is open. Users have their own."""
    path, request = f"mastra/{area}:handle", {"op": "version", "tableName": "mastra_threads"}
    with connect.owner() as owner:
        assert owner.mutation(path, request)["ok"]
    with connect.user("agent") as agent:
        assert agent.mutation(f"{path}AsUser", request)["ok"]
        with pytest.raises(mc.FunctionNotFoundError):
            agent.mutation(path, request)
    with connect.user("ada") as ada, pytest.raises(mc.ApplicationError, match="not this user's to call"):
        ada.mutation(f"{path}AsUser", request)


def test_native_functions_serve_an_admin_key_where_they_are_open(connect: type) -> None:
    """Opened native functions serve an admin key, as npm's client calls them."""
    config = {"tableName": "docs_vectors", "vectorIndexName": "by_embedding", "dimension": 2}
    with connect.owner() as owner:
        rows = {"ids": ["a"], "vectors": [[1.0, 0.0]]}
        assert owner.mutation("mastra/nativeVector:write", {"op": "upsert", "config": config, **rows})["ok"]
        [hit] = owner.action("mastra/nativeVector:query", {"config": config, "vector": [1.0, 0.0], "limit": 1})
        ids = {"op": "getByConvexIds", "config": config, "ids": [hit["id"]]}
        assert [row["id"] for row in owner.query("mastra/nativeVector:read", ids)] == ["a"]


def test_closed_functions_are_not_there_for_users(closed: Path) -> None:
    """Users reach public functions only; the owner without a token reaches all."""
    with mc.connect(":memory:", functions=closed, auth_token=lambda: token("ada")) as ada:
        assert ada.query("users:who") == "https://users.example|ada"
        for path in (WATCH, "mastra/storage:handle"):
            with pytest.raises(mc.FunctionNotFoundError, match="public function"):
                ada.query(path, {"threadId": "t1"})
        with pytest.raises(mc.FunctionNotFoundError):
            ada.subscribe(WATCH, {"threadId": "t1"}).next()
    with mc.connect(":memory:", functions=closed) as owner:
        assert owner.query("users:who") is None
        assert owner.query(WATCH, {"threadId": "t1"}) is None


def test_vectors_are_for_whom_storage_is_open_to(connect: type) -> None:
    """Vectors in this process are readable only for users whom storage admits, even if the owner has read them."""
    with connect.user("agent") as agent, connect.user("ada") as ada:
        docs = mc.ConvexVector(agent).index("docs", dimension=2)
        docs.upsert([[1, 0]], ids=["a"])
        strangers = mc.ConvexVector(ada)
        for _ in range(2):
            assert [hit.id for hit in docs.query([1, 0])] == ["a"]
            with pytest.raises(mc.ApplicationError, match="not this user's to call"):
                strangers.query("docs", [1, 0])


def test_the_schema_is_not_a_users_to_extend() -> None:
    with mc.connect(":memory:", auth_token=token("ada")) as ada:
        native = mc.ConvexNativeVector(ada, indexes={"docs": mc.NativeIndex("docs_vectors", 3)})
        with pytest.raises(mc.AuthenticationError):
            native.query("docs", [1, 0, 0])


@pytest.mark.parametrize(
    "bad",
    ["no token", token("ada", seconds=-10), token("ada")[:-4] + "AAAA", token("ada", iss="https://other.example")],
    ids=["malformed", "expired", "forged", "another provider's"],
)
def test_a_bad_token_is_refused_and_not_shown(closed: Path, bad: str) -> None:
    """Calls and subscriptions refuse a bad token, and don't show it."""
    with mc.connect(":memory:", functions=closed, auth_token=lambda: bad) as user:
        for call in (lambda: user.query("users:who"), lambda: user.subscribe("users:who").next()):
            with pytest.raises(mc.AuthenticationError) as caught:
                call()
            assert bad not in str(caught.value)
        assert bad not in repr(user)


@pytest.mark.parametrize("nothing", [None, "", " \n"], ids=["None", "empty", "blank"])
def test_a_function_that_gives_no_token_is_a_mistake(connect: type, closed: Path, nothing: Any) -> None:
    """A function that returns no token is an error, in process and over HTTP, in calls and subscriptions."""
    with mc.connect(":memory:", functions=closed, auth_token=lambda: nothing) as user:
        for call in (lambda: user.query("users:who"), lambda: user.subscribe("users:who").next()):
            with pytest.raises(mc.ConfigurationError, match="auth_token gave no token; expected a JWT"):
                call()
    with connect.owner() as owner:
        url = owner.url
    if url.startswith("http"):
        with mc.connect(url, auth_token=lambda: nothing) as user:
            with pytest.raises(mc.ConfigurationError, match="auth_token gave no token"):
                user.query("users:who")
            with pytest.raises(mc.ConfigurationError, match="auth_token gave no token"):
                user.subscribe("users:who").next(timeout=30)


def test_an_error_of_the_token_function_is_the_cause_in_subscriptions(connect: type, closed: Path) -> None:
    """Calls raise the error itself. Its text may hold a secret, so the subscription's error doesn't repeat it."""
    stolen = OSError("the vault, with the password hunter2, is closed")

    def give() -> str:
        raise stolen

    with connect.owner() as owner:
        url = owner.url
    connections = [mc.connect(":memory:", functions=closed, auth_token=give)]
    if url.startswith("http"):
        connections.append(mc.connect(url, auth_token=give))
    for user in connections:
        with user:
            with pytest.raises(OSError, match="the vault"):
                user.query("users:who")
            with pytest.raises(mc.AuthenticationError, match="auth_token raised OSError") as caught:
                user.subscribe("users:who").next(timeout=30)
            assert caught.value.__cause__ is stolen
            assert "hunter2" not in str(caught.value)


def test_a_subscription_renews_its_token(tmp_path: Path, opened: Path) -> None:
    """A subscription asks for a new token when the last one has expired, and refuses an unchanged one."""
    # Clocks may differ by five seconds.
    tokens = [token("ada", seconds=-3), token("ada")]
    spent = tokens[0]
    asked = []

    def give() -> str:
        asked.append(tokens[len(asked)])
        return asked[-1]

    data = tmp_path / "data"
    with (
        mc.connect(data, functions=opened, auth_token=token("agent")) as agent,
        mc.connect(data, functions=opened, auth_token=give) as renewing,
        mc.connect(data, functions=opened, auth_token=spent) as spending,
    ):
        memory = mc.ConvexStore(agent).memory
        memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="one"))
        renewed = renewing.subscribe(WATCH, {"threadId": "t1"})
        refused = spending.subscribe(WATCH, {"threadId": "t1"})
        assert renewed.next()["title"] == refused.next()["title"] == "one"
        with pytest.raises(mc.TransportTimeoutError):
            renewed.next(timeout=2.5)
        assert len(asked) == 1
        memory.update_thread("t1", title="two", metadata={})
        assert renewed.next(timeout=20)["title"] == "two"
        assert len(asked) == 2
        with pytest.raises(mc.AuthenticationError):
            refused.next(timeout=20)
