"""Check what `docs/trust.md` promises, and write the figures into it.

``python -m tests.trust`` checks the short column, with ``--release`` the long one. A row that has a result of this
commit and seed is passed over, so a run that was ended continues where it was. Names of rows choose those alone.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.trust import page, results
from tests.trust.results import Result
from tests.trust.rows import ROWS


def main() -> int:
    """Run the rows; the exit code is 1 if one of them found something."""
    parser = argparse.ArgumentParser(prog="just trust", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--release", action="store_true", help="the long column: hours")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    column = "release" if options.release else "short"
    rows = [row for row in ROWS if getattr(row, column) is not None]
    unknown = set(options.rows) - {row.name for row in rows}
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    commit, broken = results.commit(), 0
    for row in rows:
        if options.rows and row.name not in options.rows:
            continue
        known = results.load().get(column, {}).get(row.name)
        if known is not None and (known.commit, known.seed) == (commit, options.seed) and not commit.endswith("+"):
            print(f"{row.name}: known", flush=True)
            continue
        began, result = time.monotonic(), None
        try:
            outcome = row.check(options.seed, getattr(row, column))
        except Exception:
            broken += 1
            print(f"{row.name}: BROKEN with seed {options.seed}\n{traceback.format_exc()}", flush=True)
        else:
            seconds = round(time.monotonic() - began, 1)
            result = Result(
                date=results.today(),
                seed=options.seed,
                count=outcome.count,
                seconds=seconds,
                figures=outcome.figures,
                machine=results.machine(),
                commit=commit,
            )
            print(f"{row.name}: {outcome.count:,} held in {seconds:.0f} s. {outcome.figures}", flush=True)
        # Other rows may have been checked meanwhile.
        found = results.load()
        done = found.setdefault(column, {})
        done.pop(row.name, None)
        if result is not None:
            done[row.name] = result
        results.save(found)
        page.PAGE.write_text(page.page(page.PAGE.read_text(), ROWS, found))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
