"""The runner writes its results into the page, continues where it was, and says which rows weren't run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.trust import __main__, page, results
from tests.trust.row import Found, Row
from tests.trust.rows import ROWS


def test_the_page_has_the_results_of_its_file() -> None:
    text = page.PAGE.read_text()
    assert page.page(text, ROWS, results.load()) == text, "run `just trust`, or write the page again"


def test_each_row_is_told_apart_and_says_what_it_promises() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.promise.endswith(".") for row in ROWS)


def test_a_run_continues_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row that held isn't checked again at the same commit and seed. A row that broke says its seed, and is."""
    ran: list[tuple[str, int, int]] = []

    def good(seed: int, amount: int) -> Found:
        ran.append(("good", seed, amount))
        return Found(amount, "well")

    def bad(seed: int, amount: int) -> Found:
        ran.append(("bad", seed, amount))
        raise AssertionError("lost")

    rows = [
        Row("good", "It is good.", "cases", 2, 9, good),
        Row("bad", "It is bad.", "cases", 3, 9, bad),
        Row("long", "It is long.", "cases", None, 9, bad),
    ]
    file, text = tmp_path / "trust.json", tmp_path / "trust.md"
    text.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    monkeypatch.setattr(__main__, "ROWS", rows)
    monkeypatch.setattr(page, "PAGE", text)
    monkeypatch.setattr(results, "FILE", file)
    monkeypatch.setattr(results, "commit", lambda: "c0ffee")
    monkeypatch.setattr(sys, "argv", ["trust", "--seed", "5"])
    assert __main__.main() == 1
    assert "bad: BROKEN with seed 5" in capsys.readouterr().out
    assert __main__.main() == 1
    assert ran == [("good", 5, 2), ("bad", 5, 3), ("bad", 5, 3)]
    written = text.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "| good | 2 cases | 2 | well | 5 |" in written
    assert "| bad | 3 cases | not run |" in written
    assert "| good | 9 cases | not run |" in written
    assert written.count("| long |") == written.count("| long | 9 cases | not run |") + 1
