"""What is public is what `__all__` says, and it says where it lives."""

from __future__ import annotations

import inspect

import mastra_convex as mc


def test_all_lists_every_public_name_and_nothing_else() -> None:
    """Modules aside, what doesn't begin with an underscore is listed."""
    public = {name for name, value in vars(mc).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(mc.__all__)


def test_classes_report_the_package_as_their_home() -> None:
    """A repr or a traceback shows what users import."""
    for name in mc.__all__:
        value = getattr(mc, name)
        if inspect.isclass(value):
            assert value.__module__ == "mastra_convex", name


def test_every_public_class_and_method_is_documented() -> None:
    """The stub documents what Rust exports."""
    for name in mc.__all__:
        value = getattr(mc, name)
        if not inspect.isclass(value) or value.__doc__ is None:
            continue
        for method, function in inspect.getmembers(value, inspect.isfunction):
            assert method.startswith("_") or function.__doc__, f"{name}.{method}"


def test_sync_and_async_classes_have_the_same_methods() -> None:
    """Each client class has a twin."""
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
