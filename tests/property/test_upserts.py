"""Native code that writes many rows in place of `mastra/model/upserts.ts` does what that module does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mastra_convex as mc
from mastra_convex import _native

MODULE = "mastra/model/upserts.ts"
INDEX = "mastra_vector_docs"

# Writes rows past the functions, so that two of them may have one name.
TWIN = """
import { mutation } from "./_generated/server";
import { v } from "convex/values";

export const insert = mutation({
  args: { rows: v.array(v.any()) },
  handler: async ({ db }, { rows }) => {
    for (const row of rows) await db.insert("mastra_vectors", row);
  },
});
"""

ids = st.sampled_from(["a", "b", "c", "é"])
metadata = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["x", "y"]), st.one_of(st.integers(-3, 3), st.just("t"), st.lists(st.integers(0, 2)))
    ),
    st.just("text"),
    # Convex refuses documents of this size.
    st.just({"x": "t" * (1 << 20)}),
)
embeddings = st.one_of(
    st.lists(st.sampled_from([0, 0.1, 1, -2.5]), min_size=0, max_size=3),
    st.just("no numbers"),
    st.just(["no number"]),
    st.none(),
)
rows = st.fixed_dictionaries(
    {"id": st.one_of(ids, st.just(7))}, optional={"embedding": embeddings, "metadata": metadata}
)
requests = st.one_of(
    st.fixed_dictionaries({"op": st.just("batchInsert"), "records": st.lists(rows, max_size=4)}),
    st.fixed_dictionaries({"op": st.just("insert"), "record": rows}),
    st.fixed_dictionaries({"twin": ids}),
)


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[mc.Deployment]]:
    """One deployment with the module as it comes with the package, one with the same code that isn't replaced."""
    opened = []
    for name in ("native", "typescript"):
        folder = tmp_path_factory.mktemp(name)
        files = dict(_native.builtin_files())
        files["twin.ts"] = TWIN
        if name == "typescript":
            files[MODULE] += "// Another text.\n"
        for path, text in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        opened.append(mc.connect(":memory:", functions=folder))
    yield opened
    for db in opened:
        db.close()


def send(db: mc.Deployment, request: dict[str, Any]) -> object:
    """The answer, or what is said about the error, which names no id that another deployment gives another row."""
    try:
        if "twin" in request:
            row = {"id": request["twin"], "indexName": "docs", "embedding": [1], "metadata": {}}
            return db.mutation("twin:insert", {"rows": [row, row]})
        return db.mutation("mastra/storage:handle", {"tableName": INDEX, **request})
    except mc.MastraConvexError as error:
        said = str(error).split("\n", 1)[0]
        return type(error).__name__, error.code, said.split("[", 1)[0] if "unique()" in said else said


def stored(db: mc.Deployment) -> list[dict[str, Any]]:
    """All rows in stored order, without the fields that Convex adds."""
    request = {"op": "queryTable", "tableName": INDEX, "pageSize": 100}
    found = db.mutation("mastra/storage:handle", request)["result"]
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in found]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=st.lists(requests, min_size=1, max_size=6))
def test_native_upserts_are_those_of_the_module(
    deployments: list[mc.Deployment], program: list[dict[str, Any]]
) -> None:
    """Rows, their order, and the errors are the same, whatever the program."""
    index = {"id": "docs", "indexName": "docs", "dimension": 3, "metric": "cosine", "createdAt": "2026"}
    for db in deployments:
        clear = {"op": "clearTable", "tableName": INDEX}
        while db.mutation("mastra/storage:handle", clear)["hasMore"]:
            pass
        made = {"op": "insert", "tableName": "mastra_vector_indexes", "record": index}
        db.mutation("mastra/storage:handle", made)
    for request in program:
        native, typescript = (send(db, request) for db in deployments)
        assert native == typescript
    native_rows, typescript_rows = map(stored, deployments)
    assert native_rows == typescript_rows


def test_only_the_module_as_it_comes_is_native(deployments: list[mc.Deployment]) -> None:
    """The two deployments differ as this test needs: only one runs the module."""
    request = {"op": "insert", "tableName": INDEX, "record": {"id": "a", "embedding": "x"}}
    traces = []
    for db in deployments:
        with pytest.raises(mc.MastraConvexError) as refused:
            db.mutation("mastra/storage:handle", request)
        traces.append(MODULE in str(refused.value))
    assert traces == [False, True]
