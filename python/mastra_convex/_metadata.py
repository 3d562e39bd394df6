"""Vector metadata: the values that Convex can hold, and the text of those that it can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from mastra_convex._arguments import Metadata, as_metadata
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.types import iso_text

# Most metadata holds nothing else, and goes on as it is.
PLAIN = {type(None), bool, int, float, str, bytes}

# Convex's limit for values within values; what goes deeper is refused where it is read.
MOST_LEVELS = 64


def stored_metadata(place: str, metadata: Sequence[Metadata | None] | None, count: int) -> list[dict[str, Any]]:
    """One dict a row, with dates and UUIDs as the text that filters compare with."""
    return [
        row if PLAIN.issuperset(map(type, row.values())) else stored_value(f"{place}: metadata[{position}]", row)
        for position, row in enumerate(as_metadata(place, metadata, count))
    ]


def stored_value(place: str, value: Any, level: int = 0) -> Any:
    """A value in which dates are ISO text in UTC, to the millisecond, and UUIDs text.

    A date alone is its midnight in UTC. A moment without a time zone is an error.
    """
    if type(value) in PLAIN or level > MOST_LEVELS:
        return value
    if isinstance(value, Mapping):
        return {key: stored_value(f"{place}.{key}", part, level + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [stored_value(f"{place}[{position}]", part, level + 1) for position, part in enumerate(value)]
    if isinstance(value, datetime):
        try:
            return iso_text(value)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{place}: {error}") from None
    if isinstance(value, date):
        return iso_text(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return str(value) if isinstance(value, UUID) else value
