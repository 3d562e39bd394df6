"""Writes docs/differences.md: where the embedded deployment differs from Convex, by examples that it runs.

``--check`` says whether the page is what it would write, without writing.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/differences.md"

sys.path.insert(0, str(ROOT))

from tests.differences import SECTIONS  # noqa: E402 - the tests aren't installed


def page() -> str:
    """The page, with what its examples give now."""
    parts = [
        "<!-- Generated from tests/differences.py by tools/differences.py: edit that. -->\n",
        "# Where the embedded deployment differs from Convex\n",
        "The embedded deployment runs the same functions as Convex, and sequences of random operations give the same "
        "results and errors on it as under `convex-test` (`tests/differential`). This page has what is known to "
        "differ. Every example was run: below it stands what came of it.\n",
    ]
    for title, differences in SECTIONS.items():
        parts += [f"## {title}\n", *(difference.text() for difference in differences)]
    return "\n".join(parts)


def main(check: bool) -> int:
    """Write the page, or compare it."""
    text = page()
    if not check:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        print(f"{PAGE.relative_to(ROOT)} is not what happens: run python tools/differences.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
