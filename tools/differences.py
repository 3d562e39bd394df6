"""Writes docs/differences.md: the differences between the embedded deployment and Convex, with examples that it runs.

``--check`` only tells whether the page is up to date.
"""

from __future__ import annotations

import sys

from generated import ROOT, main

PAGE = ROOT / "docs/differences.md"

sys.path.insert(0, str(ROOT))

from tests.documents.differences import SECTIONS  # noqa: E402 - the tests aren't installed


def page() -> str:
    """The page, with new results of its examples."""
    parts = [
        "<!-- Generated from tests/documents/differences.py by tools/differences.py: edit that. -->\n",
        "# Where the embedded deployment differs from Convex\n",
        "The embedded deployment runs the same functions as Convex, and sequences of random operations give the same "
        "results and errors on it as under `convex-test` (`tests/differential`). This page lists the known "
        "differences. Every example was run; its result is below it.\n",
    ]
    for title, differences in SECTIONS.items():
        parts += [f"## {title}\n", *(difference.text() for difference in differences)]
    return "\n".join(parts)


if __name__ == "__main__":
    main(PAGE, page())
