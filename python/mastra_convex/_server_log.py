"""The events of a server, as records of the logger ``mastra_convex.serve``.

A record has the event's name as ``event``, and what more is known as the mapping ``fields``. Its message has both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from logging import getLogger

logger = getLogger("mastra_convex.serve")

Fields = Mapping[str, str | float]

# Other texts are quoted, so that a record is always one line whatever a client wrote.
PLAIN = re.compile(r"[\w.,:/@+\[\]-]+", re.ASCII)


def take(level: int, event: str, fields: Fields) -> None:
    """Pass an event on to the logger."""
    logger.log(level, "%s", _text(event, fields), extra={"event": event, "fields": fields})


def level() -> int:
    """The level from which the logger wants records now."""
    return logger.getEffectiveLevel()


def _text(event: str, fields: Fields) -> str:
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in fields.items()}
    return " ".join(
        [event, *(f"{name}={text if PLAIN.fullmatch(text) else json.dumps(text)}" for name, text in shown.items())]
    )
