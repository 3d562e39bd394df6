"""The log of ``serve`` on stderr: lines of text, or of JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum

from mastra_convex._server_log import logger


class Level(StrEnum):
    """The events that are logged: those of a level, and of the following ones."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Format(StrEnum):
    """The form of a line."""

    TEXT = "text"
    JSON = "json"


def write(level: Level, format: Format) -> None:
    """Write the server's events to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if format is Format.JSON else _TextLines())
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname:<7} {record.getMessage()}"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        known = {"time": _time(record), "level": record.levelname.lower()}
        return json.dumps(known | {"event": record.event, **record.fields})  # type: ignore[attr-defined]
