"""The row of mutants holds if the faults that no test finds are those that are explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trust import mutants

FILE, FUNCTION = "rust/value/src/sort_key.rs", "width"
DIFF = f"""--- {FILE}
+++ replace - with + in {FUNCTION}
@@ -126,5 +126,5 @@
     match steps {{
         0 => 0,
-        steps => 1 << (steps - 1),
+        steps => 1 << (steps + /* ~ changed by cargo-mutants ~ */ 1),
     }}
 }}
"""
FAULT = mutants.Fault(FILE, FUNCTION, "steps => 1 << (steps + 1),")


def outcome(summary: str) -> dict[str, Any]:
    """A fault as cargo-mutants reports it."""
    mutant = {"file": FILE, "function": {"function_name": FUNCTION}}
    return {"summary": summary, "scenario": {"Mutant": mutant}, "diff_path": "diff/one.diff"}


@pytest.mark.parametrize(
    ("summary", "explained", "wrong"),
    [
        ("CaughtMutant", [], None),
        ("Timeout", [], None),
        ("MissedMutant", [FAULT], None),
        ("MissedMutant", [], "no test finds"),
        ("CaughtMutant", [FAULT], "explained, but found or gone"),
    ],
)
def test_each_fault_is_found_or_explained(
    summary: str, explained: list[mutants.Fault], wrong: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults are told apart by their code, so they stay the same when lines above them come or go."""
    diff = tmp_path / "copy" / "value" / "mutants.out" / "diff" / "one.diff"
    diff.parent.mkdir(parents=True)
    diff.write_text(DIFF)
    monkeypatch.setattr(mutants, "RESULTS", tmp_path)
    monkeypatch.setattr(mutants, "copied", lambda: "copy")
    monkeypatch.setattr("shutil.which", lambda _: "/bin/cargo-mutants")
    monkeypatch.setattr(mutants, "outcomes", lambda *_: [outcome(summary), outcome("Unviable")])
    monkeypatch.setattr(mutants, "survivors", lambda: explained)
    if wrong is None:
        assert mutants.check(1, 1).count == 1
    else:
        with pytest.raises(AssertionError, match=f"{wrong}.*steps \\+ 1"):
            mutants.check(1, 1)
