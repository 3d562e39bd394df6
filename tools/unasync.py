"""Writes the sync twins: the modules of ``_async/`` to ``_sync/``, in the package and in the tests.

Run it after a change in ``_async``. ``--check`` only tells whether the twins are up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT / "python/mastra_convex", ROOT / "tests/contract"]

# These have a twin written by hand.
BY_HAND = {"__init__.py", "_call.py", "_callbacks.py"}

SUBSTITUTIONS = [
    (r" It opens at the first await, or by ``async with``\.", ""),
    (r"\basync def\b", "def"),
    (r"\basync for\b", "for"),
    (r"\basync with\b", "with"),
    (r"\bawait ", ""),
    (r"\banext\b", "next"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\b__aiter__\b", "__iter__"),
    (r"\b__anext__\b", "__next__"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\b_async\b", "_sync"),
    (r"\bconnect_async\b", "connect"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\bAwaitable, ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
]


def twin(source: str, name: str, used: set[str]) -> str:
    """The sync form of an async module."""
    for pattern, replacement in SUBSTITUTIONS:
        source, count = re.subn(pattern, replacement, source)
        if count:
            used.add(pattern)
    return f"# Generated from _async/{name} by tools/unasync.py: edit that.\n{source}"


def main(check: bool) -> int:
    """Write the twins, or compare them."""
    wanted: dict[Path, str] = {}
    used: set[str] = set()
    for folder in FOLDERS:
        for path in sorted((folder / "_async").rglob("*.py")):
            if path.name not in BY_HAND:
                name = path.relative_to(folder / "_async")
                wanted[folder / "_sync" / name] = twin(path.read_text(), name.as_posix(), used)
    unused = [pattern for pattern, _ in SUBSTITUTIONS if pattern not in used]
    present = {path for folder in FOLDERS for path in (folder / "_sync").rglob("*.py") if path.name not in BY_HAND}
    orphans = present - wanted.keys()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if not check:
        for path in orphans:
            path.unlink()
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
        orphans, stale = set(), []
    for path in sorted([*orphans, *stale]):
        print(f"{path.relative_to(ROOT)} is not the twin of its source: run python tools/unasync.py", file=sys.stderr)
    for pattern in unused:
        print(f"no file uses the substitution {pattern}", file=sys.stderr)
    return 1 if orphans or stale or unused else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
