"""Differences between the embedded deployment and Convex: a table whose examples run.

``tools/differences.py`` writes ``docs/differences.md`` from it; `test_differences.py` checks the page against new runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import mastra_convex as mc
from mastra_convex.errors import ConfigurationError, FunctionError
from tests.support.checkout import FUNCTIONS
from tests.support.served import JSON, serve


@dataclass(frozen=True)
class Code:
    """The body of a function: statements that may use `ctx`."""

    source: str
    kind: str = "mutation"
    imports: str = ""

    @property
    def shown(self) -> str:
        """The example as the page shows it."""
        return f"// in {'an' if self.kind == 'action' else 'a'} {self.kind}\n{self.source}"

    def result(self) -> str:
        """The outcome: the error's first line, or the value as JSON."""
        module = (
            f'import {{ {self.kind} }} from "./_generated/server";\n{self.imports}\n'
            f"export const example = {self.kind}(async (ctx) => {{\n{self.source}\n}});\n"
        )
        with TemporaryDirectory() as folder:
            Path(folder, "examples.ts").write_text(module)
            with mc.connect(":memory:", functions=folder) as db:
                try:
                    return json.dumps(getattr(db, self.kind)("examples:example"))
                except FunctionError as error:
                    return str(error).split("\n")[0]


@dataclass(frozen=True)
class Module:
    """A file of a functions folder."""

    path: str
    source: str

    @property
    def shown(self) -> str:
        """The example as the page shows it."""
        return f"// {self.path}\n{self.source}"

    def result(self) -> str:
        """The error with which the folder fails to load."""
        with TemporaryDirectory() as folder:
            Path(folder, self.path).write_text(self.source)
            try:
                mc.connect(":memory:", functions=folder).query("none:none")
            except ConfigurationError as error:
                return str(error)
        raise AssertionError(f"{self.path} loads")


@dataclass(frozen=True)
class Request:
    """A request to `mastra-convex serve`."""

    method: str
    path: str
    body: str = ""

    @property
    def shown(self) -> str:
        """The example as the page shows it."""
        return f"// {self.method} {self.path}\n{self.body}".rstrip()

    def result(self) -> str:
        """The status and the reply."""
        with serve(data=":memory:", functions=FUNCTIONS / "plain") as served:
            status, reply, _ = served.send(self.method, self.path, self.body, JSON)
        return f"{status} {reply if isinstance(reply, str) else json.dumps(reply)}".rstrip()


@dataclass(frozen=True)
class Difference:
    """The behaviour of a Convex deployment, that of the embedded one, and the proof.

    That is examples, or tests of other files: ``"path: name"``.
    """

    title: str
    convex: str
    embedded: str
    examples: list[Code | Module | Request] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The difference's part of the page."""
        parts = [f"### {self.title}", f"Convex: {self.convex}", f"Embedded: {self.embedded}"]
        for example in self.examples:
            parts.append(f"```ts\n{example.shown}\n```\n\n```text\n{example.result()}\n```")
        parts += [f"Test: `{test}`" for test in self.tests]
        return "\n\n".join(parts) + "\n"


NAMED = "an error that names it."

LEFT_OUT = [
    Difference(
        "Scheduled functions and crons",
        "`ctx.scheduler` runs functions later, and `crons.ts` runs them repeatedly.",
        NAMED,
        [
            Code('await ctx.scheduler.runAfter(1000, "notes:add", {});'),
            Module("crons.ts", 'import { cronJobs } from "convex/server";\nexport default cronJobs();'),
        ],
    ),
    Difference(
        "Full-text search",
        "tables can have search indexes, and queries can rank by relevance.",
        NAMED,
        [
            Code('await ctx.db.query("notes").withSearchIndex("by_text", (q) => q.search("text", "a")).collect();'),
            Module(
                "schema.ts",
                'import { defineSchema, defineTable } from "convex/server";\n'
                'import { v } from "convex/values";\n'
                "export default defineSchema({\n"
                '  notes: defineTable({ text: v.string() }).searchIndex("by_text", { searchField: "text" }),\n'
                "});",
            ),
        ],
    ),
    Difference(
        "File storage",
        "functions use `ctx.storage`, and clients upload over HTTP.",
        "an error that names it. The route doesn't exist.",
        [Code("await ctx.storage.generateUploadUrl();"), Request("POST", "/api/storage/upload")],
    ),
    Difference(
        "System tables",
        "`ctx.db.system` reads `_scheduled_functions` and `_storage`.",
        NAMED,
        [Code('await ctx.db.system.query("_storage").collect();', "query")],
    ),
    Difference(
        "HTTP actions",
        "`http.ts` routes requests to actions.",
        "an error that names it. The routes don't exist.",
        [
            Module("http.ts", 'import { httpRouter } from "convex/server";\nexport default httpRouter();'),
            Module(
                "hooks.ts",
                'import { httpAction } from "./_generated/server";\n'
                "export const hook = httpAction(async () => new Response());",
            ),
            Request("GET", "/http/hook"),
        ],
    ),
    Difference(
        "Node actions",
        'files that begin with `"use node"` run in Node.',
        NAMED,
        [Module("files.ts", '"use node";\nexport const one = 1;')],
    ),
    Difference(
        "Components",
        "an app includes components by `convex.config.ts`, and function handles work across them.",
        f"{NAMED} A component's own folder runs: `serve --functions` takes calls of its functions by its name, and "
        "checks the key, but no app is around them. Such a folder's functions are internal.",
        [
            Module("convex.config.ts", 'import { defineApp } from "convex/server";\nexport default defineApp();'),
            Module(
                "agents.ts", 'import { components } from "./_generated/api";\nexport const agent = components.agent;'
            ),
            Code(
                'await createFunctionHandle("notes:add");',
                imports='import { createFunctionHandle } from "convex/server";',
            ),
        ],
    ),
    Difference(
        "The network and time, from actions",
        "actions can `fetch` and wait.",
        NAMED,
        [
            Code('await fetch("https://example.com");', "action"),
            Code("await new Promise((resolve) => setTimeout(resolve, 10));", "action"),
        ],
    ),
    Difference(
        "Queries of the past",
        "`/api/query_at_ts` takes any timestamp of the last seconds.",
        "it takes the current timestamp only, which `/api/query_ts` returns.",
        [Request("POST", "/api/query_at_ts", '{"path": "notes:list", "args": {}, "ts": "AQAAAAAAAAA="}')],
    ),
]

OTHERWISE = [
    Difference(
        "Transactions don't conflict",
        "mutations run concurrently. If another mutation changes data that one has read, that one runs again.",
        "one mutation runs at a time, and each runs once. Queries run beside it, each at a snapshot.",
        tests=["rust/engine/tests/engine/concurrency.rs: increments_of_many_threads_are_all_counted"],
    ),
    Difference(
        "A commit's timestamp can be read back at once",
        "in the mutation that writes `ctx.db.vars.commitTs`, the document has a placeholder until the commit.",
        "the document has the timestamp at once, since only one mutation commits at a time.",
        [
            Code(
                'const id = await ctx.db.insert("notes", { at: ctx.db.vars.commitTs });\n'
                "return typeof (await ctx.db.get(id)).at;"
            )
        ],
    ),
    Difference(
        "Vector search is exact",
        "`ctx.vectorSearch` is approximate on large indexes.",
        "every vector is compared; scores are computed in float64.",
        tests=["rust/engine/tests/engine/vector_search.rs: a_search_is_exact_and_ties_go_to_the_larger_id"],
    ),
    Difference(
        "Errors say what they are",
        "an error has only a text. A client takes it for a limit, a schema's error or a conflict if the text begins "
        "with Convex's whole sentence for that. So it can't recognise a function that throws a copy of such a "
        "sentence.",
        "a kind and a code are sent beside the text. A thrown copy is a `FunctionError` with the code `Error`.",
        [Code('throw new Error("Too many writes in a single function execution (limit: 16000)");')],
        tests=[
            "tests/property/test_thrown_errors.py: test_a_thrown_error_has_one_class_and_code_everywhere",
        ],
    ),
    Difference(
        "Functions are loaded when the deployment opens",
        "`npx convex dev` and `npx convex deploy` push them. If the functions don't load, the push changes nothing.",
        "`connect` and `serve` read the folder once, TypeScript as it is. If it doesn't load, they raise an error.",
        [Module("notes.ts", "export const text: string = = 1;")],
    ),
    Difference(
        "Calls in the same process reach every function",
        "only other functions and clients with an admin key can call internal functions.",
        "the same holds over HTTP. `connect` in the process that has the data needs no key.",
        tests=["tests/protocol/test_serve.py: test_internal_functions_need_the_key"],
    ),
    Difference(
        "Where a page should be split",
        "`paginate` returns a `pageStatus` if a page has read much.",
        "`pageStatus` is always null. A page ends at its limits, and has a `splitCursor`.",
        [
            Code(
                'return (await ctx.db.query("notes").paginate({ cursor: null, numItems: 1 })).pageStatus;',
                "query",
            )
        ],
    ),
    Difference(
        "Globals",
        "functions have many of the Web's globals, `Intl` and `WebAssembly`.",
        "functions have JavaScript's own, `console`, `crypto`, `URL`, `URLSearchParams`, `Blob`, `AbortController`, "
        "`EventTarget`, `TextEncoder`, `TextDecoder`, `atob`, `btoa`, `structuredClone`, `performance`. "
        "`crypto.subtle` has digests and HMAC. Other globals raise an error that names them, or are not defined. "
        "Without `Intl`, texts of numbers and dates have one form.",
        [
            Code('return ["Intl", "WebAssembly"].filter((name) => !(name in globalThis));', "action"),
            Code('new Request("https://example.com");', "action"),
            Code('await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);', "action"),
            Code('return [(1234.5).toLocaleString(), new Date(0).toLocaleDateString("en-US")];', "query"),
        ],
    ),
    Difference(
        "Environment variables",
        "`process.env` has the variables that `npx convex env set` has set.",
        "`process.env` is empty.",
        [Code("return Object.keys(process.env);", "query")],
    ),
    Difference(
        "Metadata",
        "`ctx.meta` also describes the deployment and the request.",
        "`ctx.meta` describes the snapshot, the function and the transaction's limits. `databaseQueries` counts the "
        "ranges that were read; Convex also counts some of its own. Nothing can be scheduled, so the limits on "
        "scheduling are 0.",
        [
            Code("return await ctx.meta.getFunctionMetadata();"),
            Code("return (await ctx.meta.getTransactionMetrics()).databaseQueries;"),
            Code("await ctx.meta.getRequestMetadata();"),
            Code("await ctx.meta.getDeploymentMetadata();"),
        ],
    ),
    Difference(
        "Limits of a call within a call",
        "`ctx.runQuery` and `ctx.runMutation` take `transactionLimits`; `useStaleSnapshot` may read an older snapshot.",
        "`transactionLimits` is an error that names it. Every snapshot is the newest one.",
        [Code('await ctx.runQuery("notes:list", {}, { transactionLimits: { documentsRead: 1 } });')],
    ),
    Difference(
        "Queries by GET",
        "`GET /api/query` refuses any `args`, as of August 2026.",
        "it takes `args` as JSON.",
        [Request("GET", "/api/query?path=notes:list&args=%7B%7D")],
    ),
    Difference(
        "Validators with a field that begins with `$`",
        "`npx convex deploy` refuses them.",
        "the validator is used without the field, since no value can have it.",
        tests=["tests/protocol/test_official_clients.py: test_mastras_client_gets_what_it_expects"],
    ),
    Difference(
        "Staged validators",
        "`table.staged(…)` checks the stored documents in the background; the dashboard lists those that don't match.",
        "the argument must be a validator, but documents aren't checked against it.",
        tests=["tests/differential/test_exports.py: test_each_export_gives_the_same_as_npms"],
    ),
]

SECTIONS = {"Left out": LEFT_OUT, "Otherwise": OTHERWISE}
