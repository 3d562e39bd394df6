"""An error begins with its place, such as ``ConvexVector.query: …``. The place is the method that raises it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import legacy

ASYNC = Path(mc.__file__).parent / "_async"
PUBLIC = {name: getattr(module, name) for module in (mc, legacy) for name in module.__all__}
PLACE = re.compile(r"([A-Z]\w+)\.([a-z]\w*)(?=$|[: ])")


def texts(node: ast.AST) -> Iterator[str]:
    """The texts below a node, without those of functions within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        yield from texts(child)


def places() -> Iterator[tuple[str, str, str, str]]:
    """Each class of the package with each of its methods, and each place in the method's texts."""
    for path in sorted(ASYNC.rglob("*.py")):
        module = ".".join(["mastra_convex._async", *path.relative_to(ASYNC).with_suffix("").parts])
        for cls in ast.parse(path.read_text()).body:
            for method in cls.body if isinstance(cls, ast.ClassDef) else ():
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    for text in texts(ast.Module(method.body, [])):
                        if text != ast.get_docstring(method, clean=False) and (place := PLACE.match(text)):
                            yield module, f"{cls.name}.{method.name}", place[1], place[2]


PLACES = sorted(set(places()))


def test_places_are_found() -> None:
    """Most methods name themselves as the place of their errors."""
    assert len(PLACES) > 120


@pytest.mark.parametrize(("module", "method", "name", "member"), PLACES, ids=lambda value: str(value))
def test_the_place_of_an_error_is_the_method_that_raises_it(module: str, method: str, name: str, member: str) -> None:
    """The place names a public class and the method of it that raises the error."""
    owner, _, written_in = method.partition(".")
    public = PUBLIC.get(f"Async{name}", PUBLIC.get(name)) or getattr(legacy, f"Async{name}")
    assert inspect.isfunction(getattr(public, member, None))
    assert issubclass(public, getattr(importlib.import_module(module), owner))
    # Several methods call a private one, so it can't name its caller.
    assert written_in == member or written_in.startswith("_")
