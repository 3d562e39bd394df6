"""Messages as chat models of OpenAI and Anthropic take them.

Parts of Mastra's format 2 are text, ``file`` (an image among others) and ``tool-invocation``; others are for people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mastra_convex.records._texts import is_text
from mastra_convex.records.memory import Message

Part = Mapping[str, Any]


def said(message: Message) -> str:
    """All that a model reads of a message as text: its texts, and the arguments and results of its tool calls."""
    calls = [_json(value) for call in _calls(message) for value in (call.get("args"), call.get("result"))]
    return "\n".join([message.text, *calls])


def to_openai(system: str, messages: list[Message]) -> list[dict[str, Any]]:
    """Messages of OpenAI's chat completions. A tool call that has a result becomes a call and a message of the tool."""
    chat: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for message in messages:
        calls = list(_calls(message))
        content = _content(message, _openai_image)
        if content:
            chat.append({"role": _role(message), "content": content})
        if calls:
            requests = [
                {
                    "id": call["toolCallId"],
                    "type": "function",
                    "function": {"name": call["toolName"], "arguments": _json(call.get("args") or {})},
                }
                for call in calls
            ]
            if content and _role(message) == "assistant":
                chat[-1]["tool_calls"] = requests
            else:
                chat.append({"role": "assistant", "content": None, "tool_calls": requests})
            chat += [
                {"role": "tool", "tool_call_id": call["toolCallId"], "content": _json(call.get("result"))}
                for call in calls
            ]
    return chat


def to_anthropic(system: str, messages: list[Message]) -> list[dict[str, Any]]:
    """Messages of Anthropic's messages API; its ``system`` comes first, as a message of that role."""
    chat: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for message in messages:
        calls = list(_calls(message))
        content = _content(message, _anthropic_image)
        if not calls:
            if content:
                chat.append({"role": _role(message), "content": content})
            continue
        blocks = [{"type": "text", "text": content}] if content and isinstance(content, str) else list(content)
        uses = [
            {"type": "tool_use", "id": call["toolCallId"], "name": call["toolName"], "input": call.get("args") or {}}
            for call in calls
        ]
        results = [
            {"type": "tool_result", "tool_use_id": call["toolCallId"], "content": _json(call.get("result"))}
            for call in calls
        ]
        chat += [{"role": "assistant", "content": [*blocks, *uses]}, {"role": "user", "content": results}]
    return chat


def _role(message: Message) -> str:
    return "assistant" if message.role == "assistant" else "user"


def _parts(message: Message) -> list[Part]:
    parts = message.content.get("parts") if isinstance(message.content, Mapping) else message.content
    return [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []


def _calls(message: Message) -> Iterator[Part]:
    """The tool calls that have a result: models refuse a call without one."""
    for part in _parts(message):
        call = part.get("toolInvocation")
        if part.get("type") != "tool-invocation" or not isinstance(call, Mapping) or call.get("state") != "result":
            continue
        if isinstance(call.get("toolCallId"), str) and isinstance(call.get("toolName"), str):
            yield call


def _content(message: Message, image: Any) -> Any:
    """A message's text; a list of text and images, in their order, if it has images. It is empty if all text is blank,
    which Anthropic's API refuses.
    """
    parts = _parts(message)
    if not any(_is_image(part) for part in parts):
        return message.text if message.text.strip() else ""
    return [
        image(part) if _is_image(part) else {"type": "text", "text": part["text"]}
        for part in parts
        if _is_image(part) or _has_text(part)
    ]


def _has_text(part: Part) -> bool:
    text = part.get("text")
    return is_text(part) and isinstance(text, str) and text.strip() != ""


def _is_image(part: Part) -> bool:
    return (
        part.get("type") == "file"
        and isinstance(part.get("data"), str)
        and str(part.get("mimeType")).startswith("image/")
    )


def _openai_image(part: Part) -> dict[str, Any]:
    url = part["data"] if "://" in part["data"][:12] or part["data"].startswith("data:") else _data_url(part)
    return {"type": "image_url", "image_url": {"url": url}}


def _anthropic_image(part: Part) -> dict[str, Any]:
    if "://" in part["data"][:12]:
        return {"type": "image", "source": {"type": "url", "url": part["data"]}}
    data = part["data"].partition(",")[2] if part["data"].startswith("data:") else part["data"]
    return {"type": "image", "source": {"type": "base64", "media_type": part["mimeType"], "data": data}}


def _data_url(part: Part) -> str:
    return f"data:{part['mimeType']};base64,{part['data']}"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
