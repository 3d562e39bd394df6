"""Cron expressions and time zones of schedules, checked, and the times that they name."""

from datetime import UTC, datetime
from typing import Any

from mastra_convex._arguments import key_text
from mastra_convex.errors import InvalidArgumentError

# Mastra's own parser knows these names.
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def cron_text(place: str, given: Any) -> str:
    """A cron expression: five fields, six with the seconds first, or a nickname such as ``@daily``."""
    # Few programs save schedules, so the package's import goes without this one.
    from cronsim import CronSim, CronSimError

    text = key_text(place, given)
    try:
        CronSim(_fields(text), datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise InvalidArgumentError(
            f"{place} is {text!r:.80} ({error}); expected a cron expression, such as '*/5 * * * *' or '@daily'"
        ) from None
    return text


def next_time(place: str, cron: Any, timezone: Any, after: float) -> int:
    """The first time after another that an expression names in a time zone, by default UTC: epoch milliseconds."""
    from zoneinfo import ZoneInfo

    from cronsim import CronSim

    text = cron_text(f"{place}: cron", cron)
    zone = UTC if timezone is None else ZoneInfo(zone_name(f"{place}: timezone", timezone))
    try:
        moment = next(CronSim(_fields(text), datetime.fromtimestamp(after / 1000, zone)))
    except (OverflowError, OSError, StopIteration):
        raise InvalidArgumentError(f"{place}: cron {text!r:.80} names no time after {after!r}") from None
    return round(moment.timestamp() * 1000)


def _fields(text: str) -> str:
    """The fields that a nickname stands for; ``?`` is another way to write ``*``."""
    return NICKNAMES.get(text.strip().lower(), text.replace("?", "*"))


def zone_name(place: str, given: Any) -> str:
    """The name of a time zone, as the IANA database has it."""
    from zoneinfo import ZoneInfo

    name = key_text(place, given)
    try:
        ZoneInfo(name)
    # The zone doesn't exist, is a folder of zones, or would lead out of the database.
    except (OSError, ValueError, LookupError):
        raise InvalidArgumentError(
            f"{place} is {name!r:.80}; expected the name of a time zone, such as 'Europe/Berlin'"
        ) from None
    return name
