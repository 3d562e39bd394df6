"""The types in ``_generated/`` that ``npx convex codegen`` writes for an app's functions.

With them, a project type-checks and imports ``api`` before anything is deployed. npm's command overwrites them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

# A file without this line was written by npm's command, which knows more: the components that an app uses.
MARK = "Written by `mastra-convex init`; `npx convex dev` writes it anew."

HEADER = f"""\
/* eslint-disable */
/**
 * {MARK}
 *
 * @module
 */
"""

# `env` has the variables of every deployment.
SERVER_TYPES = """
import type {
  ActionBuilder,
  GenericActionCtx,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericMutationCtx,
  GenericQueryCtx,
  HttpActionBuilder,
  MutationBuilder,
  QueryBuilder,
} from "convex/server";
import type { DataModel } from "./dataModel.js";

export declare const query: QueryBuilder<DataModel, "public">;
export declare const internalQuery: QueryBuilder<DataModel, "internal">;
export declare const mutation: MutationBuilder<DataModel, "public">;
export declare const internalMutation: MutationBuilder<DataModel, "internal">;
export declare const action: ActionBuilder<DataModel, "public">;
export declare const internalAction: ActionBuilder<DataModel, "internal">;
export declare const httpAction: HttpActionBuilder;
export declare const env: Record<string, string | undefined>;

export type QueryCtx = GenericQueryCtx<DataModel>;
export type MutationCtx = GenericMutationCtx<DataModel>;
export type ActionCtx = GenericActionCtx<DataModel>;
export type DatabaseReader = GenericDatabaseReader<DataModel>;
export type DatabaseWriter = GenericDatabaseWriter<DataModel>;
"""

SERVER = """
export {
  actionGeneric as action,
  httpActionGeneric as httpAction,
  internalActionGeneric as internalAction,
  internalMutationGeneric as internalMutation,
  internalQueryGeneric as internalQuery,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
export const env = process.env;
"""

DATA_MODEL = """
import type {
  DataModelFromSchemaDefinition,
  DocumentByName,
  SystemTableNames,
  TableNamesInDataModel,
} from "convex/server";
import type { GenericId } from "convex/values";
import schema from "../schema.js";

export type DataModel = DataModelFromSchemaDefinition<typeof schema>;
export type TableNames = TableNamesInDataModel<DataModel>;
export type Doc<TableName extends TableNames> = DocumentByName<DataModel, TableName>;
export type Id<TableName extends TableNames | SystemTableNames> = GenericId<TableName>;
"""

API = """
import { anyApi, componentsGeneric } from "convex/server";

export const api = anyApi;
export const internal = anyApi;
export const components = componentsGeneric();
"""

API_TYPES = """
import type {{ AnyComponents, ApiFromModules, FilterApi, FunctionReference }} from "convex/server";
{imports}

declare const fullApi: ApiFromModules<{{
{modules}
}}>;
export declare const api: FilterApi<typeof fullApi, FunctionReference<any, "public">>;
export declare const internal: FilterApi<typeof fullApi, FunctionReference<any, "internal">>;
export declare const components: AnyComponents;
"""

# The rules of npm's command. A file with two dots, such as `auth.config.ts` or `notes.test.ts`, is no module.
ENDINGS = {".js", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".jsx"}
NO_MODULES = {"schema.ts", "schema.js"}
EXPORTS = re.compile(r"^\s{0,100}(import|export)", re.MULTILINE)


def files_of(root: Path, written: Mapping[str, str], removed: Collection[str] = ()) -> dict[str, str]:
    """The text of each file of ``_generated/`` for the modules of a folder once files are written and removed there."""
    kept = set(_modules_in(root)).difference(removed)
    modules = sorted(kept | {path for path, text in written.items() if _is_module(path, text)})
    names = [path.rpartition(".")[0] for path in modules]
    types = API_TYPES.format(
        imports="\n".join(f'import type * as m{n} from "../{name}.js";' for n, name in enumerate(names)),
        modules="\n".join(f'  "{name}": typeof m{n};' for n, name in enumerate(names)),
    )
    texts = {
        "dataModel.d.ts": DATA_MODEL,
        "server.d.ts": SERVER_TYPES,
        "server.js": SERVER,
        "api.d.ts": types,
        "api.js": API,
    }
    return {f"_generated/{name}": HEADER + text for name, text in texts.items()}


def _modules_in(root: Path, folder: str = "") -> Iterator[str]:
    """The paths of the modules in a folder, but those of components, which have folders of their own."""
    place = root / folder
    if not place.is_dir():
        return
    for entry in place.iterdir():
        path = f"{folder}{entry.name}"
        if entry.is_dir():
            if path != "_generated" and not (entry / "convex.config.ts").exists():
                yield from _modules_in(root, f"{path}/")
        elif _is_module(path, "export") and _is_module(path, entry.read_text(errors="replace")):
            yield path


def _is_module(path: str, text: str) -> bool:
    file = Path(path)
    return (
        file.suffix in ENDINGS
        and file.name not in NO_MODULES
        and not file.name.startswith((".", "#"))
        and file.name.count(".") == 1
        and " " not in path
        and (file.suffix not in (".ts", ".tsx") or EXPORTS.search(text) is not None)
    )
