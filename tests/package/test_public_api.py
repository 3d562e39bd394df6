"""`__all__` lists exactly the public names, and classes report the package as their home."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from importlib import import_module
from types import ModuleType

import pytest

import mastra_convex as mc
from mastra_convex import errors, legacy, records
from mastra_convex._sync.mastra_vector import QueryOptions


def test_all_lists_every_public_name_and_nothing_else() -> None:
    """`__all__` lists every name of the package that doesn't begin with an underscore and isn't a module."""
    names = {name: getattr(mc, name) for name in dir(mc)}
    public = {name for name, value in names.items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(mc.__all__)


@pytest.mark.parametrize("package", [mc, records], ids=["mastra_convex", "records"])
def test_type_checkers_see_the_names_that_programs_import(package: ModuleType) -> None:
    """The imports for type checkers are those of `__all__`, and give the same objects as the first use of a name."""
    [block] = [node for node in ast.parse(inspect.getsource(package)).body if isinstance(node, ast.If)][:1]
    imports = [node for node in ast.walk(block) if isinstance(node, ast.ImportFrom)]
    named = {alias.name: node.module for node in imports for alias in node.names if node.module != package.__name__}
    assert named.pop("*", "mastra_convex.records") == "mastra_convex.records"
    others = {*errors.__all__, *records.__all__} if package is mc else set()
    assert named.keys() | others == set(package.__all__)
    for name, module in named.items():
        assert getattr(package, name) is getattr(import_module(str(module)), name)
    assert set(package.__all__) <= set(dir(package))


def test_classes_report_the_package_as_their_home() -> None:
    """Classes report `mastra_convex` as their module, so that reprs show what users import."""
    for name in mc.__all__:
        value = getattr(mc, name)
        if inspect.isclass(value):
            assert value.__module__ == "mastra_convex", name


def test_help_has_a_text_for_every_public_name_and_method() -> None:
    """`help()` has a text for every public function, class, method and property, in Python and Rust."""
    public = [getattr(module, name) for module in (mc, legacy) for name in module.__all__ if name != "Metric"]
    documented = {value.__name__: value for value in public}
    for cls in filter(inspect.isclass, public):
        fields = [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
        ours = [base for base in cls.__mro__ if base.__module__.startswith("mastra_convex")]
        members = {name for base in ours for name in vars(base)} - set(fields)
        documented |= {f"{cls.__name__}.{name}": getattr(cls, name) for name in members if not name.startswith("_")}
    assert len(documented) > 500
    assert [name for name, value in documented.items() if not inspect.getdoc(value)] == []


def test_sync_and_async_classes_have_the_same_methods() -> None:
    """Each client class has a twin with the same methods and parameters."""
    for name in mc.__all__:
        if name.startswith("Async"):
            methods = [
                {
                    method: list(inspect.signature(function).parameters)
                    for method, function in inspect.getmembers(cls, inspect.isfunction)
                    if not method.startswith("_")
                }
                for cls in (getattr(mc, name), getattr(mc, name.removeprefix("Async")))
            ]
            assert methods[0] == methods[1], name


def test_an_option_of_query_is_declared_once() -> None:
    """The `query` of each vector class names options that `QueryOptions` declares, and the other methods pass them
    on.
    """
    declared = set(QueryOptions.__annotations__)
    for cls in (mc.ConvexVector, mc.ConvexNativeVector):
        keywords = {
            name
            for name, parameter in inspect.signature(cls.query).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        assert keywords <= declared
        assert "options" in inspect.signature(cls.query_many).parameters
    for method in (mc.VectorIndex.query, mc.VectorIndex.query_many):
        assert "options" in inspect.signature(method).parameters
