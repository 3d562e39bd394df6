"""Folders of functions: ours, with a user's modules added."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from mastra_convex._cli.init import files_of
from tests.support.checkout import ROOT

OURS = ROOT / "convex"


def functions_with(folder: Path, modules: dict[str, str]) -> Path:
    """A copy of our functions. The given modules are added, or replace ours, by their paths."""
    shutil.copytree(OURS, folder, ignore=shutil.ignore_patterns("*.test.ts", "test.setup.ts"))
    for path, source in modules.items():
        (folder / path).write_text(source)
    return folder


def component(folder: Path, vector_tables: dict[str, dict[str, Any]] | None = None) -> Path:
    """Our functions as a component, as `mastra-convex init --component` writes them, with native vector tables."""
    for path, source in files_of(is_component=True).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source)
    if vector_tables:
        tables = [
            f"  {name}: defineMastraNativeVectorTable({json.dumps(options)}),"
            for name, options in vector_tables.items()
        ]
        (folder / "schema.ts").write_text(
            'import { defineSchema } from "convex/server";\n'
            'import { defineMastraNativeVectorTable, mastraTables } from "./mastra/schema";\n'
            "export default defineSchema({\n  ...mastraTables,\n" + "\n".join(tables) + "\n});\n"
        )
    return folder
