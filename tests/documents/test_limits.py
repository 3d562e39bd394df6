"""`docs/limits.md` agrees with the errors that its limits raise."""

from __future__ import annotations

import pytest

from tests.documents.limits import SECTIONS, Limit, row
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs/limits.md").read_text()
LIMITS = [pytest.param(limit, functions, id=limit.what) for limits, functions in SECTIONS.values() for limit in limits]


@pytest.mark.parametrize(("limit", "functions"), LIMITS)
def test_passing_a_limit_raises_what_the_page_says(limit: Limit, functions: str | None) -> None:
    """Exceeding each limit raises the class and code on the page."""
    assert row(limit, functions) in PAGE
