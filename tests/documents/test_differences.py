"""`docs/differences.md` agrees with new runs of its examples."""

from __future__ import annotations

import pytest

from tests.documents.differences import SECTIONS, Difference
from tests.support.checkout import ROOT

DIFFERENCES = [
    pytest.param(difference, id=difference.title) for differences in SECTIONS.values() for difference in differences
]


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_the_embedded_deployment_differs_as_the_page_says(difference: Difference) -> None:
    assert difference.text() in (ROOT / "docs/differences.md").read_text()


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_each_difference_is_shown(difference: Difference) -> None:
    """Each difference is shown by an example or by an existing test."""
    assert difference.examples or difference.tests
    for test in difference.tests:
        path, name = test.split(": ")
        assert f"{name}(" in (ROOT / path).read_text()
