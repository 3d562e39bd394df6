"""Sync classes take sync deployments, and async classes async ones."""

from __future__ import annotations

from typing import Any

import pytest

import mastra_convex as mc

SYNC: list[Any] = [mc.ConvexStore, mc.ConvexVector, mc.ConvexServerCache, mc.legacy.ConvexStorage]
ASYNC: list[Any] = [mc.AsyncConvexStore, mc.AsyncConvexVector, mc.AsyncConvexServerCache, mc.legacy.AsyncConvexStorage]


@pytest.mark.parametrize("kind", SYNC)
def test_a_sync_class_refuses_an_async_deployment(kind: Any) -> None:
    """A sync class refuses an async deployment and names the class and the function to use instead."""
    with pytest.raises(
        mc.ConfigurationError, match=r"AsyncDeployment\(':memory:'\) comes from connect_async"
    ) as caught:
        kind(mc.connect_async(":memory:"))
    assert caught.value.hint == f"Give it to Async{kind.__name__}, or give {kind.__name__} what connect() makes."


@pytest.mark.parametrize("kind", ASYNC)
def test_an_async_class_refuses_a_sync_deployment(kind: Any) -> None:
    with (
        mc.connect(":memory:") as deployment,
        pytest.raises(mc.ConfigurationError, match=r"Deployment\(':memory:'\) comes from connect\(\)") as caught,
    ):
        kind(deployment)
    name = kind.__name__
    assert caught.value.hint == f"Give it to {name.removeprefix('Async')}, or give {name} what connect_async() makes."
