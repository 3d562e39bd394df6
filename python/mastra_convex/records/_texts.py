"""Texts of messages that are embedded: what is text in a content, in parts that a model can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Mastra's size: 4,096 tokens of some four characters.
PART_CHARACTERS = 4 * 4096


def embedded_text(content: Any) -> str:
    """The text of a content for which it is found, as npm ``@mastra/memory`` takes it; empty if it has none."""
    if isinstance(content, str):
        return content
    parts = content
    if isinstance(content, Mapping):
        text = content.get("content")
        if isinstance(text, str) and text.strip():
            return text
        parts = content.get("parts")
    texts = [part.get("text") for part in parts if is_text(part)] if isinstance(parts, list) else []
    return " ".join(text for text in texts if isinstance(text, str)).strip()


def is_text(part: Any) -> bool:
    """Whether a part of a content is text."""
    return isinstance(part, Mapping) and part.get("type") == "text"


def parts_of(text: str) -> list[str]:
    """A text in parts of at most `PART_CHARACTERS`, cut at white space where there is some; none of a blank text."""
    parts, begin = [], 0
    while len(text) - begin > PART_CHARACTERS:
        end = begin + PART_CHARACTERS
        cut = next((n for n in range(end, begin, -1) if text[n].isspace()), end)
        parts.append(text[begin:cut])
        begin = cut
    parts.append(text[begin:])
    if len(parts) > 1:
        parts = [part.strip() for part in parts]
    return [part for part in parts if part.strip()]
