"""The tables of `docs/trust.md`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.checkout import ROOT
from tests.trust.results import Result, Results
from tests.trust.row import Row

PAGE = ROOT / "docs" / "trust.md"
BEGIN, END = "<!-- The tables are written by `just trust`. -->", "<!-- End of the tables. -->"
TITLES = {"short": "The short column", "release": "The release column"}


def table(rows: Sequence[Row], column: str, results: dict[str, Result]) -> str:
    """A column's results as a table. A row without a result says so."""
    lines = [
        f"### {TITLES[column]}: `just trust{' --release' if column == 'release' else ''}`",
        "",
        "| Row | Asked for | Checked, all held | Figures | Seed | Date | Time | Commit | Machine |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        amount = getattr(row, column)
        if amount is None:
            continue
        asked = f"{amount:,} {row.unit}"
        result = results.get(row.name)
        if result is None:
            lines.append(f"| {row.name} | {asked} | not run | | | | | | |")
            continue
        lines.append(
            f"| {row.name} | {asked} | {result.count:,} | {result.figures} | {result.seed} | {result.date} "
            f"| {result.seconds:.0f} s | {result.commit} | {result.machine} |"
        )
    return "\n".join(lines)


def page(text: str, rows: Sequence[Row], results: Results) -> str:
    """The page with the tables of these results in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    promises = "\n".join(["| Row | Promise |", "| --- | --- |", *(f"| {row.name} | {row.promise} |" for row in rows)])
    tables = [table(rows, column, results.get(column, {})) for column in TITLES]
    return f"{before}{BEGIN}\n\n" + "\n\n".join([promises, *tables]) + f"\n\n{END}{after}"
