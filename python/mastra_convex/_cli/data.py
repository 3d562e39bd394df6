"""``mastra-convex data``: the tables of a deployment, and their documents."""

from __future__ import annotations

import base64
import json as json_text
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

import mastra_convex as mc
from mastra_convex._cli import system_queries, targets, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex._cli.system_queries import Document, Order, Question, Table
from mastra_convex._sync.deployment import TABLES
from mastra_convex.errors import ConfigurationError

EPILOG = """
\b
Examples:
  mastra-convex data ./agent-data                              the tables, with their sizes
  mastra-convex data ./agent-data mastra_messages              the newest 100 documents of a table
  mastra-convex data ./agent-data mastra_messages --where thread_id=t1 --order asc
  mastra-convex data http://127.0.0.1:3210 mastra_threads --watch
  mastra-convex data ./agent-data mastra_threads --json | jq .documents

\b
The value of --where is JSON, or else text: --where n=1 finds the number 1, --where 'n="1"' the text. A field in an
object has dots in its name: metadata.lang=en. Several conditions must all hold.

\b
A URL needs its admin key in CONVEX_ADMIN_KEY. A Convex deployment tells the numbers of documents, but not their bytes.
"""

# A column is as wide as this at most, so that several fit into a line.
WIDEST = 40


def data(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, or a deployment's URL.")],
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="List the documents of this table.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Only documents whose field has this value. Repeatable."),
    ] = None,
    order: Annotated[
        Order | None, typer.Option(metavar="asc|desc", help="By time of creation.", show_default="desc")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The most documents to show.", show_default="100")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show them again after each change, until interrupted.")
    ] = False,
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the tables of a deployment, or the documents of a table."""
    for option, value in {"--where": where, "--order": order, "--limit": limit}.items():
        if table is None and value:
            raise ConfigurationError(f"data: {option} applies to a table's documents; expected a TABLE")
    conditions = dict(read_condition(condition) for condition in where or [])
    targets.check("data", target)
    with targets.connect(target, functions) as db:
        system_queries.check_owner("data", db)
        ours = system_queries.is_ours(db)
        if watch and not ours:
            raise ConfigurationError(
                f"data: --watch follows a data folder or a `mastra-convex serve`, and {target} is neither",
                hint="`npx convex run --watch` follows a query of a Convex deployment.",
            )
        if table is None:
            for found in watched_tables(db) if watch else [system_queries.tables(db, ours=ours)]:
                print_tables(found) if json else show_tables(found)
            return
        system_queries.check_table(db, table)
        question = Question(table, conditions, order or "desc", limit or 100)
        states = watched_documents(db, question) if watch else [system_queries.documents(db, question, ours=ours)]
        for documents, more in states:
            if json:
                print_json({"table": table, "documents": documents, "more": more})
            else:
                show_documents(question, documents, more=more)


def read_condition(text: str) -> tuple[str, Any]:
    """The field and the value of `field=value`."""
    field, equals, value = text.partition("=")
    if not field or not equals:
        raise ConfigurationError(f"data: --where {text!r}; expected FIELD=VALUE, such as thread_id=t1")
    try:
        return field, json_text.loads(value)
    except ValueError:
        return field, value


def watched_tables(db: mc.Deployment) -> Iterator[list[Table]]:
    """The tables now, and after each change."""
    with db.subscribe(TABLES) as states:
        for found in states:
            yield [system_queries.read_table(table) for table in found]


def watched_documents(db: mc.Deployment, question: Question) -> Iterator[tuple[list[Document], bool]]:
    """The documents now, and after each change of the first page."""
    with db.subscribe(system_queries.DOCUMENTS, question.args()) as states:
        for page in states:
            found = page["page"]
            if len(found) > question.limit or page["isDone"]:
                yield found[: question.limit], len(found) > question.limit
            else:
                yield system_queries.documents(db, question, ours=True)


def print_tables(tables: list[Table]) -> None:
    """Print the tables for programs."""
    print_json({"tables": [asdict(table) for table in tables]})


def print_json(report: dict[str, Any]) -> None:
    """Print one line. Bytes are written as Convex's JSON has them."""
    print(json_text.dumps(report, default=encoded, ensure_ascii=False), flush=True)


def encoded(value: object) -> object:
    """The JSON form of a Convex value that JSON lacks."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is no Convex value")


def show_tables(tables: list[Table]) -> None:
    """Print a line for each table."""
    name_width = max((len(table.name) for table in tables), default=0)
    for table in tables:
        documents = "?" if table.documents is None else f"{table.documents:,}"
        size = "" if table.bytes is None else shown_bytes(table.bytes)
        terminal.out.print(f"{table.name:{name_width}}  {documents:>11}  {size:>9}".rstrip(), soft_wrap=True)
    if not tables:
        terminal.err.print("There are no tables yet.")


def shown_bytes(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    if count < 1000:
        return f"{count} B"
    size, unit = next((count / n, unit) for n, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= n)
    return f"{size:,.1f} {unit}"


def show_documents(question: Question, documents: list[Document], *, more: bool) -> None:
    """Print the documents as a table whose columns fit into the terminal."""
    names = columns(documents)
    rows = [[cell(document[name]) if name in document else "" for name in names] for document in documents]
    widths = [max(map(cell_len, [name, *cells])) for name, *cells in zip(names, *rows, strict=True)]
    fitting = len(names)
    if terminal.out.is_terminal:
        while fitting > 1 and sum(widths[:fitting]) + 2 * (fitting - 1) > terminal.out.width:
            fitting -= 1
    for line in [names, *rows] if documents else []:
        padded = [text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)]
        terminal.out.print("  ".join(padded[:fitting]).rstrip(), soft_wrap=True)
    notes = []
    if not documents:
        notes.append(f"{question.table} has no documents{' with these values' if question.where else ''}.")
        notes += [
            f"--where {field}={json_text.dumps(value)} finds the JSON value {json_text.dumps(value)}; the text is "
            f"--where '{field}=\"{json_text.dumps(value)}\"'."
            for field, value in question.where.items()
            if isinstance(value, int | float)
        ]
    if more:
        notes.append(f"There are more than these {question.limit:,}; --limit shows more.")
    if names[fitting:]:
        notes.append(f"Columns that don't fit: {', '.join(names[fitting:])}. --json shows all.")
    for note in notes:
        terminal.err.print(note, soft_wrap=True)


def columns(documents: list[Document]) -> list[str]:
    """The fields of the documents, the system's last."""
    names = {name: None for document in documents for name in document}
    own = [name for name in names if not name.startswith("_")]
    return own + [name for name in names if name.startswith("_")]


def cell(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json_text.dumps(value, default=encoded, ensure_ascii=False)
    # A document can't move the cursor, or hide anything.
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: 2 * WIDEST])
    return set_cell_size(text, WIDEST - 1) + "…" if cell_len(text) > WIDEST else text
