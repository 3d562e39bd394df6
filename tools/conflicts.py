"""Writes docs/conflicts.md: the operations that conflict on Convex, from new footprints of their calls.

``--check`` only tells whether the page is up to date.
"""

from __future__ import annotations

import sys

from generated import ROOT, main

PAGE = ROOT / "docs/conflicts.md"

sys.path.insert(0, str(ROOT))

from tests.documents.conflicts import MEETINGS, OPERATIONS, WHOLE, conflicts  # noqa: E402 - the tests aren't installed

BEGINNING = """\
<!-- Generated from tests/documents/conflicts.py by tools/conflicts.py: edit that. -->

# Conflicts

Convex runs mutations side by side. If a mutation read a part of an index that another one, committed meanwhile, \
wrote into, Convex runs it again. After some attempts it gives up, with the error \
`OptimisticConcurrencyControlFailure` (status 503); nothing has happened then. This package's client repeats such a \
call within its deadline.

The embedded deployment has one writer, so nothing conflicts there. For this page each pair of calls was run at one \
snapshot, and what each read was compared with what the other wrote.

## Different records

These operations were compared with each other, on two records of each table that share all they can: the resource, \
the workflow, the agent, the vector index, the prefix of keys. ", new" is an operation on a record that isn't stored \
yet.
"""

COUNTS = """\
Numbers of rows are no place where writers meet: each writer inserts a document with the difference. The operation \
`tidy` folds these into the counts later, in transactions of its own. Of these only the first of a list, which begins \
to count it, conflicts with writers of its rows. Nor do writers of vectors delete the old changes \
of their index: one of 64 has Convex's scheduler do it, in a transaction of its own.
"""


def page() -> str:
    """The page, from new footprints."""
    parts = [BEGINNING, "| table | operation | conflicts with |\n| --- | --- | --- |"]
    for operation in OPERATIONS:
        others = ", ".join(f"`{other}`" for other in conflicts(operation)) or "none"
        parts[-1] += f"\n| `{operation.table}` | `{operation.name}` | {others} |"
    parts[-1] += "\n"
    parts.append(COUNTS)
    parts.append("## Where calls meet\n\n| calls | meet at | advice |\n| --- | --- | --- |")
    for name, meeting in MEETINGS.items():
        assert meeting.happens(), name
        parts[-1] += f"\n| {name} | {meeting.record} | {meeting.advice} |"
    parts[-1] += "\n"
    parts.append("## Operations on more than one record\n\n| operation | |\n| --- | --- |")
    parts[-1] += "".join(f"\n| `{name}` | {what} |" for name, what in WHOLE.items()) + "\n"
    return "\n".join(parts)


if __name__ == "__main__":
    main(PAGE, page())
