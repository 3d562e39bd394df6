"""Who a deployment is told is calling: an admin by key, a user by token."""

from __future__ import annotations

import os
from collections.abc import Callable

from mastra_convex.errors import ConfigurationError

# An admin key wins over a token; the first variable that is set counts.
ADMIN_KEYS = ("CONVEX_ADMIN_KEY", "CONVEX_SELF_HOSTED_ADMIN_KEY")
AUTH_TOKEN = "CONVEX_AUTH_TOKEN"
URLS = ("CONVEX_URL", "CONVEX_SELF_HOSTED_URL")


def authorization(admin_key: str | None, auth_token: str | Callable[[], str] | None) -> Callable[[], str] | None:
    """What gives the ``Authorization`` header, call by call; None for anonymous calls.

    Arguments win over the environment, and an admin key over a token. A function is returned rather than the text, so
    that nothing which is printed or logged holds a credential.
    """
    given_key = admin_key or (None if auth_token else _first(ADMIN_KEYS))
    if given_key:
        return lambda: f"Convex {given_key}"
    token = auth_token or os.environ.get(AUTH_TOKEN)
    if not token:
        return None
    return lambda: f"Bearer {token() if callable(token) else token}"


def user_token(auth_token: str | Callable[[], str] | None) -> Callable[[], str] | None:
    """What gives the token of the user who calls in this process; None for the owner's calls.

    Here the environment has no say: whoever opens the data owns it, unless the program says otherwise.
    """
    if auth_token is None or callable(auth_token):
        return auth_token
    return lambda: auth_token


def url_from_env() -> str:
    """The deployment's URL, where it and a credential are set."""
    url = _first(URLS)
    if not url:
        raise ConfigurationError(f"connect_from_env: none of {', '.join(URLS)} is set")
    if authorization(None, None) is None:
        raise ConfigurationError(f"connect_from_env: none of {', '.join((*ADMIN_KEYS, AUTH_TOKEN))} is set")
    return url


def _first(names: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
