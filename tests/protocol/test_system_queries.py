"""System queries: a deployment's tables, documents, functions and variables, for its admins, and live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.served import JSON, Served, serve

ENVIRONMENT = FUNCTIONS / "environment"


@pytest.fixture(params=["memory", "folder", "http"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[mc.Deployment]:
    if request.param == "http":
        with serve(data=":memory:") as served, mc.connect(served.url, admin_key=served.admin_key) as db:
            yield db
    else:
        with mc.connect(":memory:" if request.param == "memory" else tmp_path / "data") as db:
            yield db


def fill(db: mc.Deployment) -> None:
    memory = mc.ConvexStore(db).memory
    for name in ("a", "b"):
        memory.save_thread(mc.Thread(id=name, resource_id="ada", title=name.upper()))
        memory.save_messages([mc.Message(thread_id=name, id=f"{name}{i}", content=f"{i}") for i in range(5)])


def documents(db: mc.Deployment, table: str, **args: Any) -> list[Any]:
    """The documents of all pages, three at a time."""
    found, cursor = [], None
    while True:
        options = {"cursor": cursor, "numItems": 3}
        page = db.query("_system/mastra/documents", {"table": table, **args, "paginationOpts": options})
        found += page["page"]
        if page["isDone"]:
            return found
        cursor = page["continueCursor"]


def test_tables_have_counts_sizes_and_indexes(db: mc.Deployment) -> None:
    fill(db)
    tables = {table["name"]: table for table in db.query("_system/mastra/tables")}
    assert list(tables) == sorted(tables)
    assert tables["mastra_messages"]["documents"] == 10
    assert tables["mastra_messages"]["bytes"] > 1000
    assert tables["mastra_scorers"] | {"indexes": []} == {
        "name": "mastra_scorers",
        "documents": 0,
        "bytes": 0,
        "indexes": [],
        "vectorIndexes": [],
    }
    assert {"name": "by_thread", "fields": ["thread_id"]} in tables["mastra_messages"]["indexes"]
    assert db.query("_system/cli/tableSize", {"tableName": "mastra_messages"}) == 10
    assert db.query("_system/cli/tableSize", {"tableName": "none"}) == 0


def test_documents_meet_all_conditions_in_order(db: mc.Deployment) -> None:
    """Conditions compare as index ranges do; a condition without a value asks for a missing field."""
    fill(db)
    of_a = [{"field": "thread_id", "value": "a"}]

    def ids(**args: Any) -> list[str]:
        return [message["id"] for message in documents(db, "mastra_messages", **args)]

    assert ids(where=of_a) == ["a0", "a1", "a2", "a3", "a4"]
    assert ids(where=of_a, order="desc") == ["a4", "a3", "a2", "a1", "a0"]
    assert ids(where=[*of_a, {"field": "id", "op": "gte", "value": "a3"}]) == ["a3", "a4"]
    assert ids(where=[{"field": "id", "op": "neq", "value": "a0"}, {"field": "id", "op": "lt", "value": "b1"}]) == [
        *("a1", "a2", "a3", "a4", "b0")
    ]
    assert ids(where=of_a, index="by_thread_created", order="desc") == ["a4", "a3", "a2", "a1", "a0"]
    assert ids(where=[{"field": "nothing"}, {"field": "id", "value": "b2"}]) == ["b2"]
    [one] = documents(db, "mastra_messages", where=[{"field": "id", "value": "b2"}])
    assert documents(db, "mastra_messages", where=[{"field": "_id", "value": one["_id"]}]) == [one]
    assert db.query("_system/mastra/documents:get", {"id": one["_id"]}) == one


def test_long_fields_are_cut_where_asked(db: mc.Deployment) -> None:
    text = "é" * 1000
    mc.ConvexStore(db).memory.save_thread(mc.Thread(id="t", resource_id="ada", title=text))
    [thread] = documents(db, "mastra_threads", brief=101)
    assert thread["id"] == "t"
    # Twice a hundred bytes is a hundred letters; no letter is cut in two.
    assert thread["title"] == {"_cut": {"type": "string", "bytes": 2002, "length": 1000, "text": "é" * 50}}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"table": "none"}, 'There is no table "none"'),
        ({"table": 1}, "table: found number, expected text"),
        ({}, "table: missing, expected text"),
        ({"order": "up"}, 'order: found string, expected "asc" or "desc"'),
        ({"index": "by_nothing"}, "mastra_threads.by_nothing"),
        ({"where": [{"value": 1}]}, "field: missing, expected text"),
        ({"where": [{"field": "id", "op": "like"}]}, "op: found string"),
        ({"paginationOpts": {"numItems": 0}}, "numItems: found number, expected a whole number of at least 1"),
        ({"more": 1}, "more: there is no such argument"),
    ],
)
def test_wrong_arguments_say_what_was_expected(args: dict[str, Any], expected: str) -> None:
    table = {} if args == {} else {"table": "mastra_threads"}
    with mc.connect(":memory:") as db, pytest.raises(mc.FunctionError) as raised:
        db.query("_system/mastra/documents", {**table, "paginationOpts": {}, **args})
    assert expected in str(raised.value)


def test_an_admin_follows_tables_and_documents(db: mc.Deployment) -> None:
    fill(db)
    opts = {"paginationOpts": {"cursor": None, "numItems": 10}}
    of_a = {"table": "mastra_messages", "where": [{"field": "thread_id", "value": "a"}], **opts}
    with db.subscribe("_system/mastra/documents", of_a) as states, db.subscribe("_system/mastra/tables") as all_tables:
        assert len(states.next(10)["page"]) == 5
        all_tables.next(10)
        memory = mc.ConvexStore(db).memory
        memory.save_messages([mc.Message(thread_id="a", id="a5", content="5")])
        assert len(states.next(10)["page"]) == 6
        counted = {table["name"]: table["documents"] for table in all_tables.next(10)}
        assert counted["mastra_messages"] == 11


def test_a_new_table_reaches_those_who_follow_the_list() -> None:
    opts = {"paginationOpts": {"cursor": None, "numItems": 10}}
    with (
        serve(data=":memory:", functions=FUNCTIONS / "plain") as served,
        mc.connect(served.url, admin_key=served.admin_key) as db,
        db.subscribe("_system/cli/tables", opts) as states,
    ):
        assert states.next(10)["page"] == []
        db.mutation("notes:add", {"text": "one"})
        assert states.next(10)["page"] == [{"name": "notes"}]


def test_others_than_admins_see_no_system_queries() -> None:
    with serve(data=":memory:") as served, mc.connect(served.url) as db:
        for path in ("_system/cli/tables", "_system/mastra/tables", "_system/cli/modules:apiSpec"):
            with pytest.raises(mc.FunctionNotFoundError):
                db.query(path, {"paginationOpts": {"cursor": None, "numItems": 1}})
        with pytest.raises(mc.FunctionNotFoundError):
            db.action("_system/mastra/vectors:search", {"index": "docs", "id": "a"})


def test_rows_like_a_row_or_a_vector_are_found(db: mc.Deployment) -> None:
    docs = mc.ConvexVector(db).index("docs", dimension=2)
    docs.upsert([[1, 0], [0.9, 0.1], [0, 1]], ids=["a", "b", "c"], metadata=[{"n": n} for n in range(3)])
    found = db.action("_system/mastra/vectors:search", {"index": "docs", "id": "a", "topK": 2})
    assert [(hit["id"], hit["metadata"]) for hit in found["results"]] == [("a", {"n": 0}), ("b", {"n": 1})]
    assert (found["strategy"], found["metric"], found["dimension"], found["rows"]) == ("embedded", "cosine", 2, 3)
    hits = docs.query([0.2, 1], top_k=3, filter={"n": {"$gte": 1}})
    args = {"index": "docs", "vector": [0.2, 1], "filter": '{"n": {"$gte": 1}}'}
    found = db.action("_system/mastra/vectors:search", args)
    assert [(hit["id"], hit["score"]) for hit in found["results"]] == [(hit.id, hit.score) for hit in hits]
    for wrong, expected in [
        ({"index": "none", "id": "a"}, "There is no vector index"),
        ({"index": "docs", "id": "z"}, 'no vector with the id "z"'),
        ({"index": "docs"}, "expected either a vector or an id"),
        ({"index": "docs", "vector": [1]}, "1 dimensions, the index has 2"),
        ({"index": "docs", "id": "a", "filter": '{"n": {"$near": 1}}'}, "filter at n"),
        ({"index": "docs", "id": "a", "filter": "{n"}, "filter: not JSON"),
    ]:
        with pytest.raises(mc.FunctionError) as raised:
            db.action("_system/mastra/vectors:search", wrong)
        assert expected in str(raised.value)


def change(served: Served, *changes: dict[str, Any]) -> tuple[int, Any]:
    """Change environment variables, as npm's command line does."""
    headers = {**JSON, "Authorization": f"Convex {served.admin_key}"}
    status, reply, _ = served.send(
        "POST", "/api/update_environment_variables", json.dumps({"changes": changes}), headers
    )
    return status, reply


def test_a_changed_variable_reaches_live_queries_and_the_auth_config() -> None:
    with (
        serve(data=":memory:", functions=ENVIRONMENT) as served,
        mc.connect(served.url, admin_key=served.admin_key) as db,
    ):
        with db.subscribe("settings:read", {"name": "GREETING"}) as states:
            assert states.next(10) is None
            assert change(served, {"name": "GREETING", "value": "hello"})[0] == 200
            assert states.next(10) == "hello"
        assert db.query("_system/cli/queryEnvironmentVariables") == [{"name": "GREETING", "value": "hello"}]
        assert change(served, {"name": "ISSUER", "value": "https://issuer.example"})[0] == 200
        status, reply, _ = served.send(
            "POST", "/api/query", '{"path": "settings:read", "args": {}}', {**JSON, "Authorization": "Bearer a.b.c"}
        )
        assert status == 401
        # An issuer that isn't one would close the deployment to its users, so the change is refused.
        status, reply = change(served, {"name": "ISSUER", "value": "no url"}, {"name": "GREETING", "value": "bye"})
        assert (status, reply["code"]) == (400, "InvalidAuthConfig")
        assert db.query("settings:read", {"name": "GREETING"}) == "hello"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("1A", "x", "EnvironmentVariableNameInvalid"),
        ("A-B", "x", "EnvironmentVariableNameInvalid"),
        ("", "x", "EnvironmentVariableNameInvalid"),
        ("A" * 257, "x", "EnvironmentVariableNameTooLong"),
        ("A", "x" * 8193, "EnvironmentVariableValueTooLarge"),
        ("A", 1, "BadJsonBody"),
        (1, "x", "BadJsonBody"),
    ],
)
def test_a_wrong_variable_changes_nothing(name: Any, value: Any, code: str) -> None:
    with serve(data=":memory:") as served, mc.connect(served.url, admin_key=served.admin_key) as db:
        status, reply = change(served, {"name": "GOOD", "value": "x"}, {"name": name, "value": value})
        assert (status, reply["code"]) == (400, code)
        many = [{"name": f"V{i}", "value": "x"} for i in range(257)]
        assert change(served, *many)[1]["code"] == "EnvVarLimitMet"
        assert db.query("_system/cli/queryEnvironmentVariables") == []
