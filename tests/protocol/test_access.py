"""Every route with every credential, on functions of each kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.support.folders import functions_with
from tests.support.served import JSON, Served, serve
from tests.support.tokens import ISSUER, auth_config, token
from tests.support.websocket import SyncSocket, add

# Functions that return their caller. Each kind has a public one, an internal one, and one with a rule.
DOORS = """
import { action, internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";
import { checkAccess, liveQuery, nativeVectorAction, storageMutation } from "./mastra/model/access";
const who = async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? "nobody";
const asked = (area, ...of) => async (ctx) => {
  await checkAccess(ctx, area, ...of);
  return await who(ctx);
};
export const publicQuery = query(who);
export const publicMutation = mutation(who);
export const publicAction = action(who);
export const closedQuery = internalQuery(who);
export const closedMutation = internalMutation(who);
export const closedAction = internalAction(who);
export const ruledQuery = liveQuery(asked("queries", "r"));
export const ruledMutation = storageMutation(asked("storage"));
export const ruledAction = nativeVectorAction(asked("nativeVector", "t"));
"""
RULES = """
export const access = {
  queries: (user, resourceId) => user.subject === "ada" && resourceId === "r",
  storage: (user) => user.subject === "ada",
  nativeVector: (user, tableName) => user.subject === "ada" && tableName === "t",
};
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    modules = {"doors.ts": DOORS, "mastra/auth.ts": RULES, "auth.config.ts": auth_config(applicationID="app")}
    with serve(data=":memory:", functions=functions_with(tmp_path_factory.mktemp("doors") / "convex", modules)) as it:
        yield it


class Credential(NamedTuple):
    """A credential in the sync protocol's form."""

    type: str
    value: str = ""
    user: dict[str, str] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this credential over HTTP."""
        if self.type == "None":
            return JSON
        scheme = "Convex" if self.type == "Admin" else "Bearer"
        suffix = "" if self.user is None else ":" + base64.b64encode(json.dumps(self.user).encode()).decode()
        return {**JSON, "Authorization": f"{scheme} {self.value}{suffix}"}


def user(subject: str, **options: Any) -> Callable[[str], Credential]:
    return lambda _: Credential("User", token(subject, **{"aud": "app", **options}))


def admin_as(issuer: str, subject: str) -> Callable[[str], Credential]:
    return lambda key: Credential("Admin", key, {"issuer": issuer, "subject": subject})


REFUSED = "the credential"
HIDDEN, UNAUTHENTICATED, FORBIDDEN = "Could not find public function", "Unauthenticated", "Forbidden"

# The outcomes of the public function, the internal one, and the one with a rule.
GRANTS: dict[str, tuple[Callable[[str], Credential], tuple[str, str, str]]] = {
    "none": (lambda _: Credential("None"), ("nobody", HIDDEN, UNAUTHENTICATED)),
    "a wrong key": (lambda key: Credential("Admin", key[:-1] + "x"), (REFUSED,) * 3),
    "another deployment's key": (lambda _: Credential("Admin", "mastra-convex|" + "0" * 64), (REFUSED,) * 3),
    "the key as a token": (lambda key: Credential("User", key), (REFUSED,) * 3),
    "a token as a key": (lambda _: Credential("Admin", token("ada", aud="app")), (REFUSED,) * 3),
    "expired": (user("ada", seconds=-10), (REFUSED,) * 3),
    "not valid yet": (user("ada", nbf=2**32), (REFUSED,) * 3),
    "wrong issuer": (user("ada", iss="https://other.example"), (REFUSED,) * 3),
    "the administrator's issuer": (user("admin", iss="mastra-convex"), (REFUSED,) * 3),
    "wrong audience": (user("ada", aud="other"), (REFUSED,) * 3),
    "no audience": (user("ada", aud=[]), (REFUSED,) * 3),
    "algorithm none": (user("ada", algorithm="none"), (REFUSED,) * 3),
    "signed with the public key": (user("ada", algorithm="HS256"), (REFUSED,) * 3),
    "user": (user("ada"), ("ada", HIDDEN, "ada")),
    "another user": (user("eve"), ("eve", HIDDEN, FORBIDDEN)),
    "a user called admin": (user("admin", tokenIdentifier="mastra-convex|admin"), ("admin", HIDDEN, FORBIDDEN)),
    "admin": (lambda key: Credential("Admin", key), ("nobody", "nobody", UNAUTHENTICATED)),
    "admin as user": (admin_as(ISSUER, "ada"), ("ada", "ada", "ada")),
    "admin as another user": (admin_as(ISSUER, "eve"), ("eve", "eve", FORBIDDEN)),
    "admin as administrator": (admin_as("mastra-convex", "admin"), ("admin", "admin", "admin")),
    "wrong key as user": (
        lambda _: Credential("Admin", "mastra-convex|0", {"issuer": ISSUER, "subject": "ada"}),
        (REFUSED,) * 3,
    ),
}


def outcome(status: int, reply: Any) -> str:
    """The caller that the function saw, or the refusal."""
    if status == 401:
        return REFUSED
    assert status == 200, reply
    if reply["status"] == "success":
        return str(reply["value"])
    return HIDDEN if HIDDEN in reply["errorMessage"] else str(reply["errorData"]["code"])


def post(route: str, **more: Any) -> Callable[[Served, Credential, str], str]:
    def call(served: Served, credential: Credential, path: str) -> str:
        body = json.dumps({"path": path, "args": {}, **more})
        return outcome(*served.send("POST", f"/api/{route}", body, credential.headers)[:2])

    return call


def get(served: Served, credential: Credential, path: str) -> str:
    return outcome(*served.send("GET", f"/api/query?path={path}&args={quote('{}')}", None, credential.headers)[:2])


def run(served: Served, credential: Credential, path: str) -> str:
    return outcome(*served.send("POST", f"/api/run/{path.replace(':', '/')}", '{"args": {}}', credential.headers)[:2])


def query_at(served: Served, credential: Credential, path: str) -> str:
    status, reply, _ = served.send("POST", "/api/query_ts", None, credential.headers)
    return post("query_at_ts", ts=reply["ts"])(served, credential, path) if status == 200 else outcome(status, reply)


def query_batch(served: Served, credential: Credential, path: str) -> str:
    body = json.dumps({"queries": [{"path": path, "args": {}}]})
    status, reply, _ = served.send("POST", "/api/query_batch", body, credential.headers)
    return outcome(status, reply["results"][0] if status == 200 else reply)


def socket(kind: str) -> Callable[[Served, Credential, str], str]:
    def call(served: Served, credential: Credential, path: str) -> str:
        with SyncSocket(served.url) as client:
            who: dict[str, Any] = {"value": credential.value} if credential.type != "None" else {}
            if credential.user is not None:
                who["impersonating"] = credential.user
            client.authenticate(credential.type, **who)
            if kind == "Query":
                client.send("ModifyQuerySet", baseVersion=0, newVersion=1, modifications=[add(0, path)])
            else:
                client.send(kind, requestId=0, udfPath=path, args=[{}])
            while True:
                message = client.receive()
                if message["type"] == "AuthError":
                    assert client.results == {}
                    return REFUSED
                if message["type"] == f"{kind}Response":
                    message["errorMessage"] = message["value"] = message["result"]
                    return outcome(200, {**message, "status": "success" if message["success"] else "error"})
                if 0 in client.results:
                    result = client.results[0]
                    return outcome(200, {**result, "status": "success" if "value" in result else "error"})

    return call


ROUTES: dict[str, tuple[Callable[[Served, Credential, str], str], tuple[str, ...]]] = {
    "POST /api/query": (post("query"), ("Query",)),
    "GET /api/query": (get, ("Query",)),
    "/api/query_at_ts": (query_at, ("Query",)),
    "/api/query_batch": (query_batch, ("Query",)),
    "/api/mutation": (post("mutation"), ("Mutation",)),
    "/api/action": (post("action"), ("Action",)),
    "/api/run": (run, ("Query", "Mutation", "Action")),
    "/api/function": (post("function"), ("Query", "Mutation", "Action")),
    "a socket's query": (socket("Query"), ("Query",)),
    "a socket's mutation": (socket("Mutation"), ("Mutation",)),
    "a socket's action": (socket("Action"), ("Action",)),
}


@pytest.mark.parametrize("credential", GRANTS)
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_grants_what_a_credential_is_good_for(served: Served, route: str, credential: str) -> None:
    """Every route lets each credential call the functions that it may call. `/api/function` needs an admin."""
    call, kinds = ROUTES[route]
    make, expected = GRANTS[credential]
    given = make(served.admin_key)
    if route == "/api/function" and given.type != "Admin":
        expected = (REFUSED,) * 3
    for kind in kinds:
        found = tuple(call(served, given, f"doors:{door}{kind}") for door in ("public", "closed", "ruled"))
        assert found == expected, kind
