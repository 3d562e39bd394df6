"""The hits of a memory, and the context that a model is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mastra_convex._public import public
from mastra_convex.records import _chat
from mastra_convex.records.memory import Message


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryHit:
    """A message that was recalled.

    Attributes
    ----------
    message : Message
    score : float
        The similarity of its nearest part, in the index's metric: by default the cosine.
    before, after : list of Message
        Its neighbours in its thread, oldest first.
    part : int
        The number of the nearest part, from 0 on. A message of up to 16,384 characters is one part.
    text : str
        That part's text.
    """

    message: Message
    score: float
    before: list[Message] = field(default_factory=list)
    after: list[Message] = field(default_factory=list)
    part: int = 0
    text: str = ""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryContext:
    """All that a memory tells a model at one moment.

    Attributes
    ----------
    messages : list of Message
        Recalled messages with their neighbours, then the thread's last ones; each once, both oldest first.
    working_memory : str or None
    recalled : list of MemoryHit
        By descending score.
    left_out : list of Message
        Messages that `max_tokens` had no room for, oldest first.
    """

    messages: list[Message]
    working_memory: str | None = None
    recalled: list[MemoryHit] = field(default_factory=list)
    left_out: list[Message] = field(default_factory=list)

    def to_openai(self) -> list[dict[str, Any]]:
        """Return messages of OpenAI's chat completions.

        The working memory and messages of the role ``system`` come first, as one message of that role. Images and tool
        calls with their results have OpenAI's form. Messages that have nothing of these, such as one whose only tool
        call has no result yet, are left out.
        """
        return _chat.to_openai(*self._split())

    def to_anthropic(self) -> list[dict[str, Any]]:
        """Return messages of Anthropic's API, as `to_openai`.

        Their API takes the first one, if its role is ``system``, by the argument ``system``.
        """
        return _chat.to_anthropic(*self._split())

    def _split(self) -> tuple[str, list[Message]]:
        """The text for the role ``system``, and the other messages."""
        system = [message.text for message in self.messages if message.role == "system"]
        texts = [self.working_memory or "", *system]
        return "\n\n".join(filter(None, texts)), [message for message in self.messages if message.role != "system"]
