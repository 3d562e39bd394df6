"""Values of records: checks and conversions in both directions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mastra_convex import _native
from mastra_convex._ids import new_id as new_id
from mastra_convex._json import to_json
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.types import iso_text


def now() -> datetime:
    """The current time, to the millisecond, as it will be read again."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def date_text(place: str, given: Any) -> str:
    """The stored text of an aware datetime or of ISO text; a date alone begins at midnight in UTC."""
    moment = given
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            moment = None
        if moment is not None and len(given) == len("2026-01-31"):
            moment = moment.replace(tzinfo=UTC)
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidArgumentError(
            f"{place} is {given!r:.80}; expected a datetime with a time zone, or ISO text such as "
            "'2026-01-31T12:00:00.000Z'"
        )
    try:
        return iso_text(moment)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{place}: {error}") from None


def date_of(stored: str) -> datetime:
    """The time of a stored text, in any form of ISO that other clients write."""
    moment = datetime.fromisoformat(stored)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parsed(stored: Any) -> Any:
    """The value of stored JSON text. Text that isn't JSON, and values that aren't text, come back as they are."""
    if not isinstance(stored, str):
        return stored
    try:
        return json.loads(stored)
    except ValueError:
        return stored


def convex_value(place: str, given: Any) -> Any:
    """A JSON value as Convex can hold it: unchanged, or as its JSON text. Texts that look like such JSON text are
    encoded too.
    """
    json_text = to_json(place, given)
    plain = json.loads(json_text)
    return json_text if _is_carried(plain) else plain


def _is_carried(value: Any) -> bool:
    """Whether a value is stored as its JSON text."""
    if isinstance(value, str):
        inner = parsed(value)
        return inner is not value and isinstance(inner, str | dict | list) and _is_carried(inner)
    return isinstance(value, dict | list) and not convex_holds({"value": value})


def value_of(stored: Any) -> Any:
    return json.loads(stored) if isinstance(stored, str) and _is_carried(stored) else stored


def convex_dict(place: str, given: Any) -> dict[str, Any] | str:
    """A JSON object: as a Convex value, or as its JSON text if it has keys that Convex refuses."""
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a dict")
    json_text = to_json(place, dict(given))
    plain: dict[str, Any] = json.loads(json_text)
    return plain if convex_holds(plain) else json_text


def convex_holds(value: dict[str, Any]) -> bool:
    try:
        _native.row_sizes([""], [value], 0, "")
    except InvalidArgumentError:
        return False
    return True


def dict_of(stored: Any) -> dict[str, Any]:
    value = parsed(stored)
    return value if isinstance(value, dict) else {}
