"""The link between sync and async classes: each refuses the other's deployment."""

from __future__ import annotations

from mastra_convex.errors import ConfigurationError


class AnyDeployment:
    """A deployment, whether its calls are awaited or not."""


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
