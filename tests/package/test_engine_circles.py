"""The engine's files import each other in small circles only, so that they can be read one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.checkout import ROOT

Graph = dict[str, set[str]]
"""The files that each file imports, all by the names of their modules."""


def test_the_largest_circle_is_the_border_to_javascript() -> None:
    """The largest circle: converting a value needs the host, whose methods take values."""
    largest = circles(of_rust(ROOT / "rust" / "engine" / "src"))[0]
    assert largest == {
        f"functions::{file}" for file in ("arguments", "border", "database", "globals", "host", "numbers")
    }


def test_a_circle_has_the_files_that_reach_each_other() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a", "e"}}
    assert circles(graph) == [{"b", "c"}]


def test_imports_are_read_from_trees_and_from_paths(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "lib.rs").write_text("mod a;\nmod b;\nmod room;\npub use a::A;\n")
    (tmp_path / "a.rs").write_text("use crate::{b::{self, B as C}, room::inner::Inner};\n// crate::room\n")
    (tmp_path / "b.rs").write_text("fn f() { crate::a::A::new() }\n#[cfg(test)]\nmod tests { use crate::room; }\n")
    (tmp_path / "room" / "mod.rs").write_text("mod inner;\npub(crate) use inner::Inner;\n")
    (tmp_path / "room" / "inner.rs").write_text("use super::super::a;\nuse std::fs;\n")
    assert of_rust(tmp_path) == {
        "": {"a"},
        "a": {"b", "room::inner"},
        "b": {"a"},
        "room": {"room::inner"},
        "room::inner": {"a"},
    }


def circles(graph: Graph) -> list[set[str]]:
    """The largest sets of more than one file in which each file reaches all others."""
    reached = {name: _reached(graph, name) for name in graph}
    found = {frozenset({name} | {other for other in reached[name] if name in reached[other]}) for name in graph}
    return sorted((set(circle) for circle in found if len(circle) > 1), key=lambda circle: (-len(circle), min(circle)))


def _reached(graph: Graph, start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting.extend(graph[name])
    return reached


def of_rust(source: Path) -> Graph:
    """The files of a Rust crate, without tests within files and paths in comments."""
    files = {_rust_module(file.relative_to(source)): file for file in source.rglob("*.rs")}
    return {
        "::".join(name): {"::".join(path) for path in _rust_imports(name, file.read_text(), files)} - {"::".join(name)}
        for name, file in files.items()
    }


def _rust_module(file: Path) -> tuple[str, ...]:
    parts = file.with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def _rust_imports(name: tuple[str, ...], text: str, files: dict[tuple[str, ...], Path]) -> Iterator[tuple[str, ...]]:
    text = re.split(r"#\[cfg\(test\)\]\s*mod ", re.sub(r"//.*", "", text))[0]
    uses = re.findall(r"^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+([\w:{}\s,*]+);", text, re.MULTILINE)
    code = re.sub(r"\buse\s+[\w:{}\s,*]+;", "", text)
    paths = [path for tree in uses for path in _use_tree(tree)]
    paths += [path.split("::") for path in re.findall(r"(?<![\w:])\w+(?:::\w+)+", code)]
    for path in paths:
        found = list(name)
        match path[0]:
            case "crate":
                found = path[1:]
            case "super":
                while path[0] == "super":
                    found, path = found[:-1], path[1:]
                found += path
            case "self":
                found += path[1:]
            case child if (*name, child) in files:
                found += path
            case _:
                continue
        while found and tuple(found) not in files:
            found.pop()
        if found:
            yield tuple(found)


def _use_tree(tree: str) -> Iterator[list[str]]:
    """The paths of ``a::{b, c::{d, e as f}}``."""
    head, brace, rest = tree.partition("{")
    steps = [step.strip() for step in re.split(r"\sas\s", head)[0].split("::") if step.strip()]
    if not brace:
        yield steps
        return
    depth, begin = 0, 0
    inside = rest[: rest.rindex("}")] + ","
    for position, character in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            if branch := inside[begin:position].strip():
                yield from (steps + path for path in _use_tree(branch))
            begin = position + 1
