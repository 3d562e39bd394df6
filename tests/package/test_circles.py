"""Imports of the package go one way."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import mastra_convex as mc

PACKAGE = Path(mc.__file__).parent


def test_no_modules_import_each_other() -> None:
    """The modules can be ordered so that each comes after its imports, including those for types."""
    modules = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    imports = {name: imported(path, name, modules) for name, path in modules.items()}
    assert sum(map(len, imports.values())) > 400
    try:
        order = list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
    assert order[-1].startswith("mastra_convex")


def name_of(path: Path) -> str:
    """A module's name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, name: str, modules: dict[str, Path]) -> set[str]:
    """The modules of the package that a module imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            # An imported name that isn't a module is defined in the module. `_native` is a module that isn't Python.
            found |= {one if one in modules else node.module for one in below if not one.endswith("._native")}
    return (found & modules.keys()) - {name}
