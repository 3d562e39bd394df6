"""The public names of a package: each is imported when it is first used, and a class reports where users find it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import get_annotations
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


def public(kind: Class) -> Class:
    """Have a class report `mastra_convex` as its module, from which users import it."""
    # Names in annotations belong to the module that has them.
    if "__annotations__" in vars(kind):
        kind.__annotations__ = get_annotations(kind, eval_str=True)
    kind.__module__ = "mastra_convex"
    return kind


def importer(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package, which imports the module of a name when the name is first used.

    Programs use few of the names, and the import of all modules would take longer than the first calls of a program.

    Parameters
    ----------
    package : str
        The package's name.
    modules : mapping
        The module of each name, relative to the package. The name of a module is the module itself.
    """

    def import_name(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{modules[name]}")
        value = module if modules[name] == name else getattr(module, name)
        # The next use finds it in the package.
        setattr(sys.modules[package], name, value)
        return value

    return import_name
