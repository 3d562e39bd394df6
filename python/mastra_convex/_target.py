"""Targets: which deployment a text or a path names, and which only look as if they did."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from mastra_convex._arguments import plain
from mastra_convex.errors import ConfigurationError

MEMORY = ":memory:"

# A host with a port, or one of Convex's: a URL, but for its beginning.
UNSCHEMED = re.compile(
    r"([^/@\s]*@)?((\[[\da-f:]+\]|[\w.-]+):\d+(/|$)|[\w.-]+\.convex\.(cloud|site)(/|$))", re.IGNORECASE
)

# A mistyped URL: "https//x", "http:x", "https:\\x", "://x". A drive has one letter.
MISTYPED = re.compile(r"https?([:;]|[/\\]{2})|[\w+.-]{2,}:[/\\]|://|//[\w.-]+\.\w|\\\\", re.IGNORECASE)

# A target whose variable was not set, or whose template was not filled in.
UNSET = re.compile(r"undefined|null|none|nil|nan|\$.*|%.*%|.*\{\{.*|.*\$\{.*|<.*>", re.IGNORECASE)

# How a folder is written so that it can't be anything else.
AS_PATH = re.compile(r"\.{0,2}[/\\]|\.{1,2}$|~|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deployment is. `folder` is absolute, and None for a deployment in memory or behind a URL."""

    text: str
    kind: Literal["embedded", "http"]
    folder: Path | None


def read_target(given: Any) -> Target:
    """The deployment that the argument of ``connect`` names."""
    if not isinstance(given, str | os.PathLike):
        raise ConfigurationError(f'connect: {given!r}; expected a URL, a folder, or ":memory:"')
    text = plain(os.fsdecode(os.fspath(given)))
    if not text:
        raise ConfigurationError('connect: the target is empty; expected a URL, a folder, or ":memory:"')
    if text == MEMORY:
        return Target(text, "embedded", None)
    if not isinstance(given, str):
        # A path has lost one of the slashes.
        if re.match(r"[\w+.-]{2,}:/", text):
            raise ConfigurationError(f"connect: {without_password(text)!r} is a path; expected a URL as text")
        return Target(text, "embedded", absolute("connect", given))
    if re.match(r"https?://", text, re.IGNORECASE):
        _check_url(text)
        scheme, _, rest = text.partition(":")
        return Target(f"{scheme.lower()}:{rest}", "http", None)
    _refuse_no_folder(text)
    return Target(text, "embedded", absolute("connect", text))


def is_path(text: str) -> bool:
    """Whether a text is written as a path, and no bare name."""
    return AS_PATH.match(text) is not None


def absolute(place: str, given: str | os.PathLike[str]) -> Path:
    """The folder that a path names now, wherever the program goes later. ``~`` at its beginning is a home."""
    text = plain(os.fsdecode(os.fspath(given)))
    # The text itself: a Path of "./~" is one of "~", which is the home.
    expanded = os.path.expanduser(text)
    if text.startswith("~") and expanded == text and isinstance(given, str):
        raise ConfigurationError(f"{place}: {text!r} names the home of no user; expected './{text}' for that folder")
    return Path(expanded).absolute()


def without_password(text: str) -> str:
    """A text as an error may show it: of what stands before an ``@`` only the scheme."""
    before, at, host = text.rpartition("@")
    scheme = re.match(r"\W*(https?|\w+(?=:[/\\]))?:?[/\\]*", before, re.IGNORECASE)
    return f"{scheme[0]}***@{host}" if at and scheme else text


def _check_url(text: str) -> None:
    shown = repr(without_password(text))
    try:
        url = urlsplit(text)
        has_host = bool(url.hostname) and url.port != 0
    except ValueError:
        raise ConfigurationError(f"connect: {shown} is no URL; expected http:// or https://, a host, a port") from None
    if not has_host or not text.isprintable() or any(character in text for character in " \"'<>\\^`{|}"):
        raise ConfigurationError(f"connect: {shown} is no URL; expected http:// or https:// and a host")
    for name in ("query", "fragment"):
        if getattr(url, name) or text.endswith("?#"[name == "fragment"]):
            raise ConfigurationError(f"connect: {shown} has a {name}; expected a URL without")
    if _has_user(url):
        raise ConfigurationError(
            f"connect: {shown} has a user or password; expected a URL without, "
            "and a credential as admin_key, auth_token or one of headers"
        )


def _has_user(url: SplitResult) -> bool:
    return "@" in url.netloc


def _refuse_no_folder(text: str) -> None:
    """A folder may have any name, but one that looks like another thing has to be written as a path."""
    shown = without_password(text)
    if text != text.strip() or text[0] in "\"'`" or text[-1] in "\"'`" or not text.isprintable():
        problem = "has quotes, blanks or control characters around it"
        raise ConfigurationError(f'connect: {shown!r} {problem}; expected a URL, a folder, or ":memory:"')
    if UNSCHEMED.match(text):
        raise ConfigurationError(
            f'connect: {shown!r} has no scheme; expected "http://{shown}" or "https://{shown}" for a '
            f'deployment, "./{shown}" for a folder of that name'
        )
    if MISTYPED.match(text):
        raise ConfigurationError(f"connect: {shown!r}; expected a URL as text, http:// or https://, or a folder")
    if UNSET.fullmatch(text):
        raise ConfigurationError(
            f'connect: {shown!r} looks like a variable that is not set; expected a URL, or "./{shown}" for a folder '
            "of that name"
        )
    if text.strip(":").lower() == "memory" and ":" in text:
        raise ConfigurationError(f'connect: {shown!r}; expected ":memory:", or "./{shown}" for a folder of that name')
