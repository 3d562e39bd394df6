"""Credentials: an admin's key, or a user's token."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mastra_convex._target import is_path, read_target, without_password
from mastra_convex.errors import ConfigurationError

# An admin key takes precedence over a token, and the first variable that is set over the others.
ADMIN_KEYS = ("CONVEX_ADMIN_KEY", "CONVEX_SELF_HOSTED_ADMIN_KEY")
AUTH_TOKEN = "CONVEX_AUTH_TOKEN"
URLS = ("CONVEX_URL", "CONVEX_SELF_HOSTED_URL")


@dataclass(frozen=True)
class Authorization:
    """Gives the ``Authorization`` header for each call.

    It holds a function rather than the text, so that printing or logging it shows no credential.
    """

    kind: Literal["admin_key", "auth_token"]
    header: Callable[[], str]

    def __call__(self) -> str:
        return self.header()


def authorization(admin_key: str | None, auth_token: str | Callable[[], str] | None) -> Authorization | None:
    """The authorization of calls over HTTP; None for anonymous calls.

    Arguments take precedence over the environment, and an admin key over a token.
    """
    key = _credential("admin_key", admin_key) or (None if auth_token else _set_credential(ADMIN_KEYS))
    if key:
        return Authorization("admin_key", lambda: f"Convex {key}")
    if callable(auth_token):
        return Authorization("auth_token", lambda: f"Bearer {_token_of(auth_token)}")
    token = _credential("auth_token", auth_token) or _set_credential((AUTH_TOKEN,))
    return Authorization("auth_token", lambda: f"Bearer {token}") if token else None


def user_token(auth_token: str | Callable[[], str] | None) -> Callable[[], str] | None:
    """A function that returns the token of the user who calls in this process; None if the owner calls.

    The environment isn't read here: a program that opens the data owns it, unless it passes a token.
    """
    if auth_token is None:
        return None
    return lambda: _token_of(auth_token if callable(auth_token) else lambda: auth_token)


def _token_of(auth_token: Callable[[], str | None]) -> str:
    """The token that a program's function returns now."""
    token = _credential("auth_token", auth_token())
    if not token:
        raise ConfigurationError("connect: auth_token gave no token; expected a JWT")
    return token


def url_from_env() -> str:
    """The deployment's URL, if the environment has it and a credential; or a folder, written as a path.

    A bare name is more likely a URL that went wrong than a folder.
    """
    url = _first(URLS)
    if not url:
        raise ConfigurationError(f"connect_from_env: none of {', '.join(URLS)} is set")
    name = next(name for name in URLS if os.environ.get(name))
    if read_target(url).kind == "embedded":
        if is_path(url):
            return url
        shown = without_password(url)
        raise ConfigurationError(
            f'connect_from_env: {name} is {shown!r}; expected a URL, or a folder written as a path, "./{shown}"'
        )
    if authorization(None, None) is None:
        raise ConfigurationError(f"connect_from_env: none of {', '.join((*ADMIN_KEYS, AUTH_TOKEN))} is set")
    return url


def _first(names: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _set_credential(names: tuple[str, ...]) -> str | None:
    """The credential of the first variable that holds one."""
    return next(filter(None, (_credential(name, os.environ.get(name)) for name in names)), None)


def _credential(name: str, given: str | None) -> str | None:
    """A credential for a header, without the line end of the file that it was read from."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise ConfigurationError(f"connect: {name} is of type {type(given).__name__}; expected text")
    credential = given.strip()
    if not (credential.isascii() and credential.isprintable()):
        raise ConfigurationError(
            f"connect: {name} has characters that an HTTP header can't hold; expected printable ASCII"
        )
    return credential
