"""Writes docs/limits.md: each limit with the error that exceeding it raises, from a new run.

``--check`` only tells whether the page is up to date.
"""

from __future__ import annotations

import sys

from generated import ROOT, main

PAGE = ROOT / "docs/limits.md"

sys.path.insert(0, str(ROOT))

from tests.documents.limits import SECTIONS, row  # noqa: E402 - the tests aren't installed

BEGINNING = """\
<!-- Generated from tests/documents/limits.py by tools/limits.py: edit that. -->

# Limits

This page lists the limits, where each is checked, and the error. Each limit was exceeded to write this page; the \
error's class and `code` are the results. The message names the place, the value and the limit, and nothing changes.

The deployment checks limits marked "deployment". Convex and the embedded deployment have the same ones, so a \
program that works here works there; the numbers are [Convex's](https://docs.convex.dev/production/state/limits). \
Over HTTP a failed function arrives as words: a `LimitExceededError` then has the code `LimitExceeded`. This \
package checks limits marked "client" before it sends anything.
"""

END = """\
## Lifting limits

`connect(folder, limits="off")` lifts the limits of a transaction and of a call's arguments and results. A function \
then has ten minutes and 1 GiB. The limits of documents and values stay, so that data can move to any deployment.

Methods that take many rows or records cut them into calls within these limits, and halve a call that still exceeds \
one. Lists are read page by page. So this package's methods rarely reach these limits; your own functions can reach \
all of them.

## Not limited here

Rows of an index, `top_k` of `ConvexVector`, threads, messages and lengths of lists are limited by disk and memory \
only. Over HTTP, rows of vector indexes are kept within `connect`'s `mirror_bytes`; each query reads an index that \
doesn't fit again.

Names of fields in metadata of threads and other records, in contents, snapshots and values of the cache are not \
limited, because these are stored as JSON text.
"""


def page() -> str:
    """The page, with new errors of the limits."""
    parts = [BEGINNING]
    for title, (limits, functions) in SECTIONS.items():
        rows = [row(limit, functions) for limit in limits]
        heads = ["| of | at most | by | error | code |", "| --- | --- | --- | --- | --- |"]
        parts.append(f"## {title}\n\n" + "\n".join([*heads, *rows]) + "\n")
    return "\n".join([*parts, END])


if __name__ == "__main__":
    main(PAGE, page())
