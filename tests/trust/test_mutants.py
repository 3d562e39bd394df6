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
    diff = tmp_path / "value digest" / "mutants.out" / "diff" / "one.diff"
    diff.parent.mkdir(parents=True)
    diff.write_text(DIFF)
    monkeypatch.setattr(mutants, "RESULTS", tmp_path)
    monkeypatch.setattr(mutants, "copied", list[str])
    monkeypatch.setattr(mutants, "digest", lambda *_: "digest")
    monkeypatch.setattr("shutil.which", lambda _: "/bin/cargo-mutants")
    monkeypatch.setattr(mutants, "outcomes", lambda *_: [outcome(summary), outcome("Unviable")])
    monkeypatch.setattr(mutants, "survivors", lambda: explained)
    check = mutants.crate_mutants("value")
    if wrong is None:
        assert check(1, 1).count == 1
    else:
        with pytest.raises(AssertionError, match=f"{wrong}.*steps \\+ 1"):
            check(1, 1)


def test_a_crate_is_made_of_itself_and_of_what_it_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of one crate leaves the results of those that don't use it."""
    monkeypatch.setattr(mutants, "COPY", tmp_path)
    files = mutants.copied()
    made = {crate: mutants.digest(crate, files) for crate in mutants.TESTS}

    def after(changed: str) -> set[str]:
        before = (tmp_path / changed).read_bytes()
        (tmp_path / changed).write_bytes(before + b"\n")
        others = {crate for crate in made if mutants.digest(crate, files) != made[crate]}
        (tmp_path / changed).write_bytes(before)
        return others

    assert after("rust/client/src/backoff.rs") == {"client"}
    assert after("rust/scan/src/lib.rs") == {"client", "engine", "scan"}
    assert after("convex/mastra/vectors.ts") == {"engine"}
    assert after("rust/python/src/lib.rs") == set()
    assert after("Cargo.lock") == set(made)
