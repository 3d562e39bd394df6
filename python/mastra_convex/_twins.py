"""The link between sync and async classes: each refuses the other's deployment."""

from __future__ import annotations

from typing import TypeVar

from mastra_convex.errors import ConfigurationError


class AnyDeployment:
    """A deployment, whether its calls are awaited or not."""


D = TypeVar("D", bound=AnyDeployment)


def face_of(kind: type[D], deployment: AnyDeployment) -> D:
    """A deployment with the calls of the sync or the async class. Both faces are one handle, with one state."""
    if isinstance(deployment, kind):
        return deployment
    face = kind.__new__(kind)
    # The sync class is generated from the async one, so both have the same attributes.
    face.__dict__ = deployment.__dict__
    return face


def refuse_twin(client: str, deployment: object) -> None:
    """Refuse an async deployment for a sync class, and a sync deployment for an async class."""
    if not isinstance(deployment, AnyDeployment):
        return
    if client.startswith("Async"):
        twin, made_by, wanted = client.removeprefix("Async"), "connect", "connect_async"
    else:
        twin, made_by, wanted = f"Async{client}", "connect_async", "connect"
    raise ConfigurationError(
        f"{client}: {deployment!r} comes from {made_by}()",
        hint=f"Give it to {twin}, or give {client} what {wanted}() makes.",
    )
