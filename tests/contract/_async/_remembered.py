"""What a memory's tests share: an embedding without a model, and what is stored."""

from __future__ import annotations

from collections.abc import Sequence

import mastra_convex as mc

INDEX = "memory_messages_26"


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of how often texts have each letter."""
    return [[float(text.lower().count(chr(97 + n))) for n in range(26)] for text in texts]


def texts(messages: Sequence[mc.Message]) -> list[str]:
    return [message.text for message in messages]


async def vectors(deployment: mc.AsyncDeployment, index: str = INDEX) -> list[tuple[str, int]]:
    """The message of each vector and its part, sorted."""
    found = mc.AsyncConvexVector(deployment).iter(index)
    return sorted([(row.metadata["message_id"], int(row.metadata.get("part", 0))) async for row in found])
