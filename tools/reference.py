"""The reference: one page per noun, made of the docstrings and the output of ``--help``.

``tools/website.py`` adds the pages to those that are written by hand.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
import typer

from mastra_convex._cli import app

ROOT = Path(__file__).parent.parent

# Griffe can't read a type in words, such as "array_like of float, shape (n, dimension)", and warns about it.
logging.getLogger("griffe").setLevel(logging.ERROR)
package = griffe.load(
    "mastra_convex", search_paths=[ROOT / "python"], docstring_parser="numpy", resolve_aliases=True, submodules=True
)

# Each domain of a store with its class.
DOMAINS = {name: domain.annotation for name, domain in package["_sync.store.domains.Domains"].attributes.items()}

# Each page with the objects that it shows, in addition to the records of its own module in `records/`.
PAGES = {
    "connect": (
        "Deployments",
        [
            "connect",
            "connect_async",
            "connect_from_env",
            "Deployment",
            "Server",
            "import_snapshot",
            "SnapshotSummary",
            "Subscription",
            "Int64",
        ],
    ),
    "vectors": (
        "Vectors",
        [
            "ConvexVector",
            "VectorIndex",
            "ConvexNativeVector",
            "NativeIndex",
            "QueryResults",
            "QueryResult",
            "QueryStats",
            "IndexStats",
            "VectorBatch",
        ],
    ),
    "agent_memory": ("A memory for agents", ["Memory"]),
    "store": ("The store", ["ConvexStore", "Records", "OrderBy"]),
    **{name: (name.replace("_", " ").capitalize(), [str(domain)]) for name, domain in DOMAINS.items()},
    "cache": ("Cache", ["ConvexServerCache"]),
    "testing": ("Testing", []),
    "legacy": ("The first release's interface", []),
    "errors": ("Errors", []),
    "command_line": ("Command line", []),
}
PAGES["observability"][1].append("RunningSpan")
# Modules of `records/` that go to another module's page.
RECORDS = {"observations": "memory", "evals": "observability", "recall": "agent_memory", "erasure": "store"}
# Names of types, which have nothing else to show.
UNSHOWN = {"Metric"}


def pages() -> dict[str, str]:
    """Each page's path in the folder, and its text."""
    names = {page: list(names) for page, (_, names) in PAGES.items()}
    for name in _public():
        module = _named(name).canonical_path.split(".")[-2]
        if ".records." in _named(name).canonical_path and module not in ("_lists", "_pages"):
            names[RECORDS.get(module, module)].append(name)
    _check_complete(names)
    home = {name: page for page, shown in names.items() for name in shown} | dict.fromkeys(_errors(), "errors")
    texts = {"index.md": _index(home)}
    for page, (title, _) in PAGES.items():
        links = Links(page, home)
        if page == "command_line":
            body = list(_command_line())
        elif page == "errors":
            body = list(_error_tree(links))
        elif page == "testing":
            body = list(_fixtures(links))
        elif page == "legacy":
            module = package["legacy"]
            body = [links.prose(module.docstring.value), *_class("ConvexStorage", module["ConvexStorage"], links)]
        else:
            body = [part for name in names[page] for part in _shown(name, links)]
            if page == "store":
                body.append(_domains())
        texts[f"{page}.md"] = "\n\n".join([f"# {title}", *body]) + "\n"
    return texts


def _public() -> list[str]:
    """The package's public names, as `__all__` lists them."""
    return [str(name) for name in package.exports or []]


def _errors() -> list[str]:
    return [str(name) for name in package["errors"].exports or []]


def _check_complete(names: dict[str, list[str]]) -> None:
    shown = {name for page in names.values() for name in page} | set(_errors()) | UNSHOWN
    twins = {f"Async{name}" for name in shown}
    missing = set(_public()) - shown - twins
    if missing:
        sys.exit(f"tools/reference.py: no page shows {sorted(missing)}; name them in PAGES")


def _domains() -> str:
    """The domains of a store as a table."""
    rows = ["## Domains", "", "| attribute | class | |", "| --- | --- | --- |"]
    for name, domain in DOMAINS.items():
        docstring = _named(str(domain)).docstring
        summary = docstring.value.partition("\n\n")[0] if docstring else ""
        rows.append(f"| `{name}` | [`{domain}`]({name}.md#{domain}) | {' '.join(summary.split())} |")
    return "\n".join(rows)


def _named(name: str) -> griffe.Object:
    # A domain's class may be reached by its store alone.
    paths = {str(domain): domain.canonical_path.removeprefix("mastra_convex.") for domain in DOMAINS.values()}
    # Griffe leaves out the names of an import with a star that is for type checkers.
    paths |= {record: f"records.{record}" for record in package["records"].exports or []}
    found = package[name if name in package.members else paths[name]]
    return found.final_target if isinstance(found, griffe.Alias) else found


class Links:
    """Turns names between backticks in docstrings into links, relative to one page."""

    def __init__(self, page: str, home: dict[str, str]) -> None:
        self._page = page
        self._home = home
        self.members: dict[str, str] = {}

    def prose(self, text: str) -> str:
        """A docstring's text as Markdown."""
        text = re.sub(r"(\S?)::\n\n((?:    .*\n?|\n)+)", _literal_block, text)
        parts = re.split(r"(```.*?```|``.*?``)", text, flags=re.DOTALL)
        for position, part in enumerate(parts):
            if part.startswith("```"):
                continue
            if part.startswith("``"):
                parts[position] = f"`{part[2:-2]}`"
            else:
                part = re.sub(r"<(?=[a-z])", "\\<", part)
                parts[position] = re.sub(r"`([^`\n]+)`", lambda found: self.reference(found[1]), part)
        return "".join(parts)

    def reference(self, name: str) -> str:
        """A name as code, with a link if a page shows it."""
        first = name.partition(".")[0]
        if name in self.members:
            return f"[`{name}`](#{self.members[name]})"
        if first in self._home and not first.startswith("_"):
            page = "" if self._home[first] == self._page else f"{self._home[first]}.md"
            return f"[`{name}`]({page}#{name})"
        return f"`{name}`"


def heading(level: int, shown: str, name: str) -> str:
    """A heading with an anchor for links."""
    return f"{'#' * level} {shown} {{ #{name} }}"


def _literal_block(found: re.Match[str]) -> str:
    code = re.sub(r"^    ", "", found[2], flags=re.MULTILINE).rstrip()
    language = "text" if "├" in code else "python"
    return f"{found[1] and found[1] + ':'}\n\n```{language}\n{code}\n```\n\n"


def _index(home: dict[str, str]) -> str:
    """The page and anchor of each name."""
    rows = []
    for page, (title, _) in PAGES.items():
        shown = [name for name, at in home.items() if at == page and page != "errors"]
        names = ", ".join(f"[`{name}`]({page}.md#{name})" for name in shown)
        rows.append(f"| [{title}]({page}.md) | {names} |")
    return (
        "# Reference\n\nEverything public is in `mastra_convex`, imported as `mc` in these pages. Each "
        "class that calls a deployment has a twin with `Async` before its name and the same methods to `await`; "
        "shown is the one without.\n\n| page | names |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    )


def _shown(name: str, links: Links) -> Iterator[str]:
    """A class or a function of the package."""
    thing = _named(name)
    if isinstance(thing, griffe.Class):
        yield from _class(name, thing, links)
    else:
        assert isinstance(thing, griffe.Function)
        yield heading(2, name, name)
        yield _signature(name, thing)
        yield from _docstring(thing, links)


def _class(name: str, cls: griffe.Class, links: Links) -> Iterator[str]:
    members = {
        member: found.final_target if isinstance(found, griffe.Alias) else found
        for member, found in _in_order(cls)
        if not member.startswith("_")
    }
    methods = {member: found for member, found in members.items() if isinstance(found, griffe.Function)}
    links.members = {member: f"{name}.{member}" for member in methods}
    yield heading(2, name, name)
    if f"Async{name}" in package.members or f"Async{name}" in package["legacy"].members:
        yield f"The same to `await`: `Async{name}`."
    fields = {
        member: found
        for member, found in members.items()
        if isinstance(found, griffe.Attribute) and "property" not in found.labels
    }
    is_record = any(str(decorator.value).startswith("dataclass") for decorator in cls.decorators)
    if is_record or any(str(base).startswith(("TypedDict", "NamedTuple")) for base in cls.bases):
        yield from _record(name, cls, fields, links)
    else:
        constructor = cls.all_members.get("__init__") or cls.all_members.get("__new__")
        if constructor and cls.docstring and "Parameters\n" in cls.docstring.value:
            target = constructor.final_target if isinstance(constructor, griffe.Alias) else constructor
            yield _signature(name, target)
        yield from _docstring(cls, links)
    for member, found in members.items():
        if isinstance(found, griffe.Attribute) and "property" in found.labels and found.docstring:
            yield f"- **`{member}`** : `{_annotation(found.annotation)}`  \n  " + _indented(
                found.docstring.value, links
            )
    for member, found in methods.items():
        yield heading(3, member, f"{name}.{member}")
        yield _signature(member, found)
        yield from _docstring(found, links)


def _in_order(cls: griffe.Class) -> list[tuple[str, griffe.Object | griffe.Alias]]:
    """Members: a class's own first, then those of its bases, in order."""
    order = {ancestor.canonical_path: position for position, ancestor in enumerate([cls, *cls.mro()])}
    return sorted(cls.all_members.items(), key=lambda item: order.get(item[1].canonical_path.rpartition(".")[0], 0))


def _record(name: str, cls: griffe.Class, fields: dict[str, griffe.Attribute], links: Links) -> Iterator[str]:
    """A record: its description, then its fields with their types and defaults."""
    sections = cls.docstring.parsed if cls.docstring else []
    said: dict[str, str] = {}
    for section in sections:
        if isinstance(section, griffe.DocstringSectionText):
            yield links.prose(section.value)
        elif isinstance(section, griffe.DocstringSectionAttributes | griffe.DocstringSectionParameters):
            for item in section.value:
                said |= dict.fromkeys(re.split(r",\s*", item.name), item.description)
    rows = []
    for field, attribute in fields.items():
        if field == "_":
            continue
        description = " ".join(links.prose(said.get(field, "")).split())
        annotation = str(attribute.annotation).replace("|", "\\|")
        rows.append(f"| `{field}` | `{annotation}` | {_default(attribute)} | {description} |")
    yield "\n".join(["| field | type | default | |", "| --- | --- | --- | --- |", *rows])


def _default(attribute: griffe.Attribute) -> str:
    """The default of a field."""
    value = attribute.value
    if value is None:
        return ""
    if isinstance(value, griffe.ExprCall) and str(value.function) == "field":
        for argument in value.arguments:
            if isinstance(argument, griffe.ExprKeyword) and argument.name == "default":
                return f"`{argument.value}`"
            if isinstance(argument, griffe.ExprKeyword) and argument.name == "default_factory":
                factories = {"dict": "`{}`", "list": "`[]`", "new_id": "a random one", "now": "now"}
                return factories.get(str(argument.value), "made")
        return ""
    return f"`{value}`"


def _signature(name: str, function: griffe.Object) -> str:
    """The signature, with one parameter per line if they don't fit into one line."""
    assert isinstance(function, griffe.Function)
    parts: list[str] = []
    kinds = griffe.ParameterKind
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is kinds.keyword_only and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(parameter.kind, "")
        text = f"{stars}{parameter.name}"
        if parameter.annotation and not stars:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not None and not stars:
            text += f" = {parameter.default}"
        parts.append(text)
        if parameter.kind is kinds.positional_only and parameter.name != "self":
            parts.append("/")
    parts = [part for position, part in enumerate(parts) if part != "/" or "/" not in parts[position + 1 :]]
    returns = "" if function.name in ("__init__", "__new__") else f" -> {_annotation(function.returns)}"
    line = f"{name}({', '.join(parts)}){returns}"
    if len(line) > 88:
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"
    return f"```python\n{line}\n```"


def _annotation(annotation: str | griffe.Expr | None) -> str:
    return str(annotation or "None")


def _docstring(thing: griffe.Object, links: Links) -> Iterator[str]:
    """A docstring, section by section."""
    if thing.docstring is None:
        return
    for section in thing.docstring.parsed:
        if isinstance(section, griffe.DocstringSectionText):
            yield links.prose(section.value)
        elif isinstance(section, griffe.DocstringSectionAdmonition):
            yield links.prose(section.value.description)
        elif isinstance(section, griffe.DocstringSectionExamples):
            yield "\n\n".join(str(text) for _, text in section.value)
        else:
            yield f"**{section.kind.value.replace('_', ' ').capitalize()}**"
            yield "\n".join(_items(section, thing.docstring.value, links))


def _items(section: griffe.DocstringSection, docstring: str, links: Links) -> Iterator[str]:
    """Parameters, attributes, results or errors as a list."""
    for item in section.value:
        if isinstance(section, griffe.DocstringSectionRaises):
            head = links.reference(_annotation(item.annotation))
        elif isinstance(section, griffe.DocstringSectionReturns):
            head = links.prose(_annotation(item.annotation))
        else:
            # The type as it is written, since shapes, choices and defaults in words aren't annotations.
            said = re.search(rf"^(?:.*, )?{re.escape(item.name)}(?:, .*)? : (.+)$", docstring, re.MULTILINE)
            head = f"**`{item.name}`**" + (f" : {links.prose(said[1])}" if said else "")
        # Two spaces at the end break the line.
        yield f"- {head}" + (f"  \n  {_indented(item.description, links)}" if item.description else "")


def _indented(text: str, links: Links) -> str:
    return links.prose(text.strip()).replace("\n", "\n  ")


def _error_tree(links: Links) -> Iterator[str]:
    """The tree of errors, then each class with its code and its description."""
    module = package["errors"]
    yield links.prose(module.docstring.value)
    base = _named("MastraConvexError")
    yield heading(2, "MastraConvexError", "MastraConvexError")
    yield from _docstring(base, links)
    yield "## Classes"
    rows = []
    for name in _errors():
        error = _named(name)
        if name == "MastraConvexError" or not error.docstring:
            continue
        assert isinstance(error, griffe.Class)
        is_convexs = any(ancestor.name == "FunctionError" for ancestor in [error, *error.mro()])
        code = "Convex's" if is_convexs else f"`{name.removesuffix('Error')}`"
        when = " ".join(links.prose(error.docstring.value).split())
        rows.append(f'| <a id="{name}"></a>`{name}` | {code} | {when} |')
    yield "\n".join(["| class | usual code | when |", "| --- | --- | --- |", *rows])


def _fixtures(links: Links) -> Iterator[str]:
    """The module's introduction, then its fixtures."""
    module = package["testing"]
    yield links.prose(module.docstring.value)
    for name, fixture in module.members.items():
        if isinstance(fixture, griffe.Function):
            yield heading(2, name, name)
            yield f"`{_annotation(fixture.returns)}`"
            yield from _docstring(fixture, links)


def _command_line() -> Iterator[str]:
    """Each command of the program, as its help presents it."""
    yield "Data goes to stdout, messages to stderr."
    for command in _commands("mastra-convex", typer.main.get_command(app)):
        program = [sys.executable, "-m", "mastra_convex", *command.split()[1:], "--help"]
        shown = subprocess.run(program, check=True, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"})
        yield f"## {command}"
        yield f"```text\n{shown.stdout.strip()}\n```"


def _commands(name: str, command: object) -> Iterator[str]:
    """A command and its subcommands, by their full names."""
    yield name
    for below, found in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {below}", found)
