# Generated from _async/test_channels.py by tools/unasync.py: edit that.
"""Installations of agents on chat platforms, and the platforms' configurations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract.deployed import STORAGE

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def channels(deployment: mc.Deployment) -> mc.ChannelsStorage:
    return mc.ConvexStore(deployment).channels


def test_an_installation_comes_back_as_it_was_saved(channels: mc.ChannelsStorage) -> None:
    """An installation comes back as it was saved, with unchanged keys in its data and a new time of update."""
    given = mc.ChannelInstallation(
        platform="slack", agent_id="a", status="active", webhook_id="w", data={"$token": "ü"}, config_hash="h"
    )
    stored = channels.save_installation(given)
    assert channels.get_installation(given.id) == stored
    assert (stored.data, stored.webhook_id, stored.error) == ({"$token": "ü"}, "w", None)
    assert stored.updated_at >= given.updated_at
    assert channels.get_installation("other") is None


def test_saving_again_replaces_all_but_when_it_was_made(channels: mc.ChannelsStorage) -> None:
    """Saving again replaces all fields but the time of creation, and removes fields that aren't given."""
    first = {"id": "i", "platform": "slack", "agent_id": "a", "created_at": DAY, "updated_at": DAY, "error": "no"}
    channels.save_installation({**first, "webhook_id": "w", "data": {"a": 1}})
    second = channels.save_installation({**first, "error": None, "created_at": DAY + timedelta(days=3)})
    assert second == channels.get_installation("i")
    assert (second.created_at, second.webhook_id, second.error, second.data) == (DAY, None, None, {})
    assert second.updated_at > DAY


def test_the_best_installation_is_the_active_one_updated_last(channels: mc.ChannelsStorage) -> None:
    """Active installations come first, then pending ones, then those with an error, each the latest first."""
    platform = {"platform": "slack", "agent_id": "a"}
    for id, status in [("odd", "paused"), ("error", "error"), ("pending", "pending"), ("1", "active"), ("2", "active")]:
        channels.save_installation({**platform, "id": id, "status": status})
    while (channels.save_installation({**platform, "id": "1", "status": "active"})).updated_at <= (
        saved(channels, "2")
    ).updated_at:
        pass
    channels.save_installation({"platform": "discord", "agent_id": "a", "status": "active"})
    for expected in ("1", "2", "pending", "error", "odd"):
        best = channels.get_installation_by_agent("slack", "a")
        assert best is not None
        assert best.id == expected
        channels.delete_installation(expected)
    assert channels.get_installation_by_agent("slack", "a") is None
    channels.delete_installation("odd")


def saved(channels: mc.ChannelsStorage, id: str) -> mc.ChannelInstallation:
    """A stored installation."""
    installation = channels.get_installation(id)
    assert installation is not None
    return installation


def test_installations_are_found_by_webhook_and_platform(channels: mc.ChannelsStorage) -> None:
    """Installations are found by their webhook, and listed by platform, newest first."""
    for n in range(3):
        channels.save_installation(
            {
                "id": f"i{n}",
                "platform": "slack",
                "agent_id": f"a{n}",
                "webhook_id": f"w{n}",
                "created_at": DAY - timedelta(days=n),
            }
        )
    found = channels.get_installation_by_webhook_id("w1")
    assert found is not None
    assert found.id == "i1"
    assert channels.get_installation_by_webhook_id("w9") is None
    assert [installation.id for installation in channels.list_installations("slack")] == ["i0", "i1", "i2"]
    assert channels.list_installations("discord") == []


def test_a_platform_has_one_configuration(channels: mc.ChannelsStorage) -> None:
    """A platform has one configuration, which saving replaces."""
    assert channels.get_config("slack") is None
    channels.save_config({"platform": "slack", "data": {"$a": 1, "b": 2}})
    second = channels.save_config(mc.ChannelConfig(platform="slack", data={"$c": 3}, updated_at=DAY))
    assert channels.get_config("slack") == second
    assert (second.data, second.updated_at) == ({"$c": 3}, DAY)
    channels.delete_config("slack")
    channels.delete_config("slack")
    assert channels.get_config("slack") is None


def test_data_that_is_no_json_is_named(deployment: mc.Deployment, channels: mc.ChannelsStorage) -> None:
    """Data of another client that isn't JSON raises an error that names the row."""
    channels.save_config({"platform": "slack"})
    channels.save_installation({"id": "i", "platform": "slack", "agent_id": "a"})
    for table, id in (("mastra_channel_config", "slack"), ("mastra_channel_installations", "i")):
        deployment.mutation(STORAGE, {"op": "patch", "tableName": table, "id": id, "record": {"data": "{"}})
    with pytest.raises(mc.MastraConvexError, match="Invalid channel data JSON for config slack"):
        channels.get_config("slack")
    with pytest.raises(mc.MastraConvexError, match="Invalid channel data JSON for installation i") as caught:
        channels.list_installations("slack")
    assert caught.value.code == "InvalidChannelData"


BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("save_installation", ({"agent_id": "a"},), "platform missing"),
    ("save_installation", ({"agent_id": "", "platform": "slack"},), "agent_id is ''"),
    ("save_installation", ({"agent_id": "a", "platform": "slack", "data": {"x": {1}}},), r"data\['x'\] is .* a set"),
    ("save_installation", ({"agent_id": "a", "platform": "slack", "data": {"x": "x" * (1 << 20)}},), "of which data"),
    (
        "save_installation",
        ({"agent_id": "a", "platform": "slack", "data": "secret"},),
        "data is 'secret'; expected a d",
    ),
    ("save_config", ({"platform": "slack", "data": 5},), "data is 5; expected a dict"),
    ("save_config", ({"platform": "slack", "updated_at": "soon"},), "updated_at is 'soon'"),
    ("get_installation", ("",), "id is ''"),
    ("get_installation_by_agent", ("slack", ""), "agent_id is ''"),
    ("get_installation_by_webhook_id", (None,), "webhook_id is None"),
    ("list_installations", ("",), "platform is ''"),
    ("delete_config", ("",), "platform is ''"),
]


@pytest.mark.parametrize(("method", "arguments", "message"), BAD_CALLS)
def test_invalid_arguments_are_named_and_change_nothing(
    channels: mc.ChannelsStorage, method: str, arguments: tuple[Any, ...], message: str
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    with pytest.raises(mc.InvalidArgumentError, match=rf"ChannelsStorage\.{method}.*{message}"):
        getattr(channels, method)(*arguments)
    assert channels.list_installations("slack") == []
    assert channels.get_config("slack") is None
