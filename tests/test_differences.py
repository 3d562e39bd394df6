"""`docs/differences.md` says what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differences import SECTIONS, Difference

ROOT = Path(__file__).parent.parent
DIFFERENCES = [
    pytest.param(difference, id=difference.title) for differences in SECTIONS.values() for difference in differences
]


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_the_embedded_deployment_differs_as_the_page_says(difference: Difference) -> None:
    assert difference.text() in (ROOT / "docs/differences.md").read_text()


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_each_difference_is_shown(difference: Difference) -> None:
    """By an example, or by a test that there is."""
    assert difference.examples or difference.tests
    for test in difference.tests:
        path, name = test.split(": ")
        assert f"{name}(" in (ROOT / path).read_text()
