"""An error that a function throws has one class and code on every kind of deployment, whatever its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import mastra_convex as mc
from mastra_convex import _native
from tests.support.websocket import SyncSocket, add

FUNCTIONS = """
import { action, mutation, query } from "./_generated/server";
import { ConvexError } from "convex/values";

async function fail(_ctx, { how, name, text }) {
  if (how === "text") throw text;
  if (how === "object") throw { name, message: text, code: text, hostError: 1 };
  if (how === "application") throw new ConvexError(text);
  throw Object.assign(new Error(text), { name });
}
export const ask = query(fail);
export const change = mutation(fail);
export const act = action(fail);
export const outer = action(async (ctx, args) => await ctx.runQuery("errors:ask", args));
"""

# Sentences of Convex and of the engine. Said by the deployment itself, each means another class or code.
SENTENCES = [
    "the parcel is too large",
    "payment timed out",
    "Too many documents read in a single function execution (limit: 32000).",
    "Too many bytes read in a single function execution (limit: 16777216 bytes).",
    "Too many reads in a single function execution (limit: 4096)",
    "Too many writes in a single function execution (limit: 16000)",
    "Too many bytes written in a single function execution (limit: 16777216 bytes)",
    "Value is too large (1.91 MiB > maximum size 1 MiB)",
    "Array length is too long (8193 > maximum length 8192)",
    "Value is too nested (nested 65 levels deep > maximum nesting 64)",
    "Object has too many fields (1025 > maximum number 1024)",
    "Function execution timed out (maximum duration: 1s)",
    "JavaScript execution ran out of memory (maximum memory usage: 64 MB)",
    "out of memory",
    "Could not find public function for 'errors:missing'.",
    "ArgumentValidationError: Value does not match validator.\nPath: .s\nValue: 5.0\nValidator: v.string()",
    'Failed to insert or update a document in table "t" because it does not match the schema: Value is wrong',
    'Documents read from or written to the "t" table changed while this mutation was being run and on every subsequent '
    "retry.",
    "table t holds documents that the snapshot doesn't have",
    "Table t already exists.",
    "Index t.by_x not found.",
    "InvalidCursor: too old",
    "[Request ID: 0123456789abcdef] Server Error",
]
ends = st.sampled_from(["", "Uncaught Error: ", "\n", " ", "it says: ", "[Request ID: 0a] Server Error\n"]) | st.text()
texts = st.text() | st.builds(lambda *parts: "".join(parts), ends, st.sampled_from(SENTENCES), ends)
names = st.sampled_from(["Error", "TypeError", "ConvexError", "InternalError", "LimitExceededError"]) | st.text()
ways = st.sampled_from(["error", "text", "object", "application"])


@pytest.fixture(scope="module")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[mc.Deployment, mc.Deployment, SyncSocket]]:
    """One deployment: in process, over HTTP, and over its WebSocket."""
    functions = tmp_path_factory.mktemp("functions")
    (functions / "errors.ts").write_text(FUNCTIONS)
    shared = _native.EmbeddedDeployment(None, functions=str(functions), limits="convex", synchronous="full")
    server = _native.HttpServer(shared, host="127.0.0.1", port=0, folder=None)
    with (
        mc.connect(":memory:", functions=functions) as embedded,
        mc.connect(server.url, admin_key=server.admin_key) as served,
        SyncSocket(server.url) as socket,
    ):
        yield embedded, served, socket
    server.stop()


def raised(db: mc.Deployment, kind: str, path: str, args: dict[str, Any]) -> tuple[str, str]:
    """The class and code of a call's error."""
    with pytest.raises(mc.MastraConvexError) as failed:
        getattr(db, kind)(path, args)
    return type(failed.value).__name__, failed.value.code


def followed(db: mc.Deployment, path: str, args: dict[str, Any]) -> tuple[str, str]:
    """The class and code of a live query's error."""
    with db.subscribe(path, args) as states, pytest.raises(mc.MastraConvexError) as failed:
        states.next(timeout=20)
    return type(failed.value).__name__, failed.value.code


def told(socket: SyncSocket, args: dict[str, Any]) -> tuple[str, str]:
    """The class and code of a failed query in the WebSocket's message."""
    socket.modify(add(0, "errors:ask", args))
    socket.expect("Transition")
    failed = socket.results[0]
    socket.modify({"type": "Remove", "queryId": 0})
    socket.expect("Transition")
    return f"{failed['errorKind']}Error", failed["errorCode"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(how=ways, name=names, text=texts)
@example(how="error", name="Error", text="the parcel is too large")
@example(how="error", name="Error", text="payment timed out")
@example(how="error", name="Error", text="Too many writes in a single function execution (limit: 16000)")
@example(how="error", name="InternalError", text="out of memory")
@example(how="text", name="Error", text="Function execution timed out (maximum duration: 1s)")
def test_a_thrown_error_has_one_class_and_code_everywhere(
    deployments: tuple[mc.Deployment, mc.Deployment, SyncSocket], how: str, name: str, text: str
) -> None:
    """A thrown error is the function's own, and never counts as a limit, even if it copies a limit's sentence."""
    embedded, served, socket = deployments
    args = {"how": how, "name": name, "text": text}
    expected = ("ApplicationError", "ConvexError") if how == "application" else ("FunctionError", "Error")
    for kind, path in [("query", "ask"), ("mutation", "change"), ("action", "act"), ("action", "outer")]:
        assert raised(embedded, kind, f"errors:{path}", args) == expected
        assert raised(served, kind, f"errors:{path}", args) == expected
    assert told(socket, args) == expected
    assert followed(served, "errors:ask", args) == expected
