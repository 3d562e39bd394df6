"""Writes docs/differences.md: where the embedded deployment differs from Convex, by examples that it runs.

``--check`` says whether the page is what it would write, without writing.
"""

from __future__ import annotations

import sys

from generated import ROOT, main

PAGE = ROOT / "docs/differences.md"

sys.path.insert(0, str(ROOT))

from tests.documents.differences import SECTIONS  # noqa: E402 - the tests aren't installed


def page() -> str:
    """The page, with what its examples give now."""
    parts = [
        "<!-- Generated from tests/documents/differences.py by tools/differences.py: edit that. -->\n",
        "# Where the embedded deployment differs from Convex\n",
        "The embedded deployment runs the same functions as Convex, and sequences of random operations give the same "
        "results and errors on it as under `convex-test` (`tests/differential`). This page has what is known to "
        "differ. Every example was run: below it stands what came of it.\n",
    ]
    for title, differences in SECTIONS.items():
        parts += [f"## {title}\n", *(difference.text() for difference in differences)]
    return "\n".join(parts)


if __name__ == "__main__":
    main(PAGE, page())
