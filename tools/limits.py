"""Writes docs/limits.md: each limit with the error that passing it raised just now.

``--check`` says whether the page is what it would write, without writing.
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

What is too much, who says so, and what one gets. Each limit was passed to write this page: the error's class and \
`code` are what came of it. The message names the place, the value and the limit, and nothing was changed.

By "deployment" is Convex and the embedded deployment alike, so that what works here works there; their \
numbers are [Convex's](https://docs.convex.dev/production/state/limits). Over HTTP a failed function arrives as \
words: a `LimitExceededError` then has the code `LimitExceeded`. By "client" is this package, before anything is sent.
"""

END = """\
## What lifts them

`connect(folder, limits="off")` lifts those of one transaction and of a call's arguments and results; a function then \
has ten minutes and 1 GiB. What a document or a value may be stays, so that data can move to any deployment.

Methods that take many rows or records cut them into calls that these limits hold, and halve a call that passes one \
all the same. Lists are read page by page. So of these limits you meet few by this package's methods, and all in \
functions of your own.

## Not limited here

Rows of an index, `top_k` of `ConvexVector`, threads, messages, lengths of lists: what the disk and the memory hold. \
Over HTTP, rows of vector indexes are kept within `connect`'s `mirror_bytes`; one that doesn't fit is read anew by \
each query.

Names in the metadata of threads and other records, in contents, snapshots and values of the cache: these are stored \
as JSON text.
"""


def page() -> str:
    """The page, with what comes of passing each limit now."""
    parts = [BEGINNING]
    for title, (limits, functions) in SECTIONS.items():
        rows = [row(limit, functions) for limit in limits]
        heads = ["| of | at most | by | error | code |", "| --- | --- | --- | --- | --- |"]
        parts.append(f"## {title}\n\n" + "\n".join([*heads, *rows]) + "\n")
    return "\n".join([*parts, END])


if __name__ == "__main__":
    main(PAGE, page())
