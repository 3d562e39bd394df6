"""Any text is a cron expression with times that follow one another, or an error of this package."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._cron import next_time

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
FIELD = st.from_regex(
    r"(\*|[0-9]{1,2}|[A-Za-z]{3}|L|\?)(-[0-9]{1,2})?(/[0-9]{1,3})?(,[0-9]{1,2})?(#[0-9])?", fullmatch=True
)
EXPRESSIONS = st.one_of(st.lists(FIELD, min_size=4, max_size=7).map(" ".join), st.text(max_size=40))


@settings(max_examples=200, deadline=None)
@example("0 0 30 2 *", "UTC", 0)
@example("30 2 * * *", "Europe/Berlin", 1_774_746_000_000)
@example("@Daily", "Asia/Kathmandu", 0)
@example("*/0 * * * *", "UTC", 0)
@given(EXPRESSIONS, st.sampled_from(ZONES), st.integers(0, 4_000_000_000_000))
def test_a_time_comes_after_the_one_before(text: str, zone: str, after: int) -> None:
    """Two times in a row are later than what they come after, and whole seconds."""
    try:
        first = next_time("here", text, zone, after)
    except InvalidArgumentError:
        return
    assert first > after - 1000
    assert first % 1000 == 0
    assert datetime.fromtimestamp(first / 1000, UTC).year < 2200
    assert next_time("here", text, zone, first) > first
