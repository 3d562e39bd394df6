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
        "`ctx.scheduler` runs functions later, `crons.ts` again and again.",
        NAMED,
        [
            Code('await ctx.scheduler.runAfter(1000, "notes:add", {});'),
            Module("crons.ts", 'import { cronJobs } from "convex/server";\nexport default cronJobs();'),
        ],
    ),
    Difference(
        "Full-text search",
        "search indexes, and queries by relevance.",
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
        "`ctx.storage`, and uploads over HTTP.",
        "an error that names it, and no such route.",
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
        "an error that names it, and no such routes.",
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
        "an app uses others by `convex.config.ts`; function handles reach across.",
        NAMED,
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
        "`/api/query_at_ts` takes timestamps of the last seconds.",
        "the current timestamp only, which `/api/query_ts` gives.",
        [Request("POST", "/api/query_at_ts", '{"path": "notes:list", "args": {}, "ts": "AQAAAAAAAAA="}')],
    ),
]

OTHERWISE = [
    Difference(
        "Transactions don't conflict",
        "mutations run side by side; one that read what another has changed meanwhile runs again.",
        "one mutation at a time, each of them once. Queries run side by side with it, each at a snapshot.",
        tests=["rust/engine/tests/engine/concurrency.rs: increments_of_many_threads_are_all_counted"],
    ),
    Difference(
        "A commit's timestamp can be read back at once",
        "in the mutation that writes `ctx.db.vars.commitTs`, a document has what stands for it until the commit.",
        "it has the timestamp: one mutation commits at a time, and its turn is known.",
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
        "an error is told by its text alone. A client takes it for a limit, a schema's error or a conflict where the "
        "text begins with the whole sentence that Convex has for that, so it can't tell a function that throws a copy "
        "of such a sentence.",
        "a kind and a code travel beside the text. A thrown copy is a `FunctionError` with the code `Error`.",
        [Code('throw new Error("Too many writes in a single function execution (limit: 16000)");')],
        tests=[
            "tests/property/test_thrown_errors.py: test_a_thrown_error_has_one_class_and_code_everywhere",
        ],
    ),
    Difference(
        "Functions are loaded when the deployment opens",
        "`npx convex dev` and `npx convex deploy` push them; a push that doesn't load changes nothing.",
        "`connect` and `serve` read the folder once, TypeScript as it is; one that doesn't load isn't opened.",
        [Module("notes.ts", "export const text: string = = 1;")],
    ),
    Difference(
        "Calls in the same process reach every function",
        "internal functions are for other functions and for clients with an admin key.",
        "so they are over HTTP; `connect` in the process that has the data needs no key.",
        tests=["tests/protocol/test_serve.py: test_internal_functions_need_the_key"],
    ),
    Difference(
        "Where a page should be split",
        "`paginate` gives `pageStatus` where a page has read much.",
        "`pageStatus` is always null: a page is cut short where its bounds say so. `splitCursor` is there.",
        [
            Code(
                'return (await ctx.db.query("notes").paginate({ cursor: null, numItems: 1 })).pageStatus;',
                "query",
            )
        ],
    ),
    Difference(
        "Globals",
        "much of the Web's, `Intl` and `WebAssembly`.",
        "JavaScript's own, and `console`, `crypto`, `URL`, `URLSearchParams`, `Blob`, `AbortController`, "
        "`EventTarget`, `TextEncoder`, `TextDecoder`, `atob`, `btoa`, `structuredClone`, `performance`. "
        "`crypto.subtle` has digests and HMAC. Others say so where they are used, or are not defined; without `Intl`, "
        "texts of numbers and dates have one form.",
        [
            Code('return ["Intl", "WebAssembly"].filter((name) => !(name in globalThis));', "action"),
            Code('new Request("https://example.com");', "action"),
            Code('await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);', "action"),
            Code('return [(1234.5).toLocaleString(), new Date(0).toLocaleDateString("en-US")];', "query"),
        ],
    ),
    Difference(
        "Environment variables",
        "`process.env` has what was set by `npx convex env set`.",
        "it is empty.",
        [Code("return Object.keys(process.env);", "query")],
    ),
    Difference(
        "Metadata",
        "`ctx.meta` also tells of the deployment and of the request.",
        "it tells of the snapshot, the function and the transaction's limits. `databaseQueries` counts ranges that "
        "were read; Convex counts some of its own. Nothing can be scheduled, so nothing is left of the limits on that.",
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
        "`GET /api/query` refuses any `args`, as its backend of August 2026 does.",
        "it takes `args` as JSON.",
        [Request("GET", "/api/query?path=notes:list&args=%7B%7D")],
    ),
    Difference(
        "Validators with a field that begins with `$`",
        "`npx convex deploy` refuses them.",
        "the field is left out of the validator: no value can have it.",
        tests=["tests/protocol/test_official_clients.py: test_mastras_client_gets_what_it_expects"],
    ),
    Difference(
        "Staged validators",
        "`table.staged(…)` checks the stored documents in the background; the dashboard lists those that don't match.",
        "it must be a validator; documents aren't checked against it.",
        tests=["tests/differential/test_exports.py: test_what_an_export_gives_is_what_npms_gives"],
    ),
]

SECTIONS = {"Left out": LEFT_OUT, "Otherwise": OTHERWISE}
