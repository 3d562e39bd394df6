"""Chat platforms that agents are installed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._arguments import key_text
from mastra_convex._async.storage import Row
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._public import public
from mastra_convex.errors import MastraConvexError
from mastra_convex.records._columns import as_record, from_row, from_rows, to_columns, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._values import now, parsed
from mastra_convex.records.channels import ChannelConfig, ChannelInstallation

INSTALLATIONS = "mastra_channel_installations"
CONFIGS = "mastra_channel_config"

# The order in which an agent's installations are tried.
BEST_STATUS = ["active", "pending", "error"]


@public
class AsyncChannelsStorage(AsyncDomain):
    """Installations of agents on chat platforms, and a configuration for each platform.

    Raises
    ------
    MastraConvexError
        Raised when reading a row whose data isn't JSON, with the code ``InvalidChannelData``.

    Notes
    -----
    Behaviour: as ``ChannelsStorage`` of ``@mastra/core``, ``src/storage/domains/channels``.
    """

    _TABLES: ClassVar = {INSTALLATIONS: ChannelInstallation, CONFIGS: ChannelConfig}

    async def save_installation(self, installation: ChannelInstallation | Mapping[str, Any]) -> ChannelInstallation:
        """Insert an installation, or replace the one with its id, keeping ``created_at``. Sets ``updated_at`` to now.

        Returns
        -------
        ChannelInstallation
            The stored record.
        """
        place = "ChannelsStorage.save_installation: installation"
        record = as_record(place, ChannelInstallation, installation)
        row = to_row(place, ChannelInstallation, record) | to_columns(place, ChannelInstallation, {"updated_at": now()})
        await self._storage.call("insert", INSTALLATIONS, record=row)
        return await self.get_installation(record.id) or from_row(ChannelInstallation, row)

    async def get_installation(self, id: str) -> ChannelInstallation | None:
        """Return an installation, or None."""
        row = await self._storage.load(INSTALLATIONS, id=key_text("ChannelsStorage.get_installation: id", id))
        return None if row is None else _installation(row)

    async def get_installation_by_agent(self, platform: str, agent_id: str) -> ChannelInstallation | None:
        """Return an agent's best installation: active before pending before error, then the one updated last."""
        place = "ChannelsStorage.get_installation_by_agent"
        rows = await self._rows(
            {
                "platform": key_text(f"{place}: platform", platform),
                "agentId": key_text(f"{place}: agent_id", agent_id),
            }
        )
        rows.sort(key=lambda row: str(row["updatedAt"]), reverse=True)
        rows.sort(key=lambda row: [*BEST_STATUS, row["status"]].index(row["status"]))
        return _installation(rows[0]) if rows else None

    async def get_installation_by_webhook_id(self, webhook_id: str) -> ChannelInstallation | None:
        """Return the installation that a webhook belongs to, the one updated last."""
        place = "ChannelsStorage.get_installation_by_webhook_id: webhook_id"
        rows = await self._rows({"webhookId": key_text(place, webhook_id)})
        return _installation(max(rows, key=lambda row: str(row["updatedAt"]))) if rows else None

    async def list_installations(self, platform: str) -> Records[ChannelInstallation]:
        """Return a platform's installations, newest first."""
        rows = await self._rows({"platform": key_text("ChannelsStorage.list_installations: platform", platform)})
        rows.sort(key=lambda row: str(row["createdAt"]), reverse=True)
        return from_rows(ChannelInstallation, rows, _installation)

    async def delete_installation(self, id: str) -> None:
        """Delete an installation. Does nothing if it doesn't exist."""
        await self._storage.call(
            "deleteMany", INSTALLATIONS, ids=[key_text("ChannelsStorage.delete_installation: id", id)]
        )

    async def save_config(self, config: ChannelConfig | Mapping[str, Any]) -> ChannelConfig:
        """Insert a platform's configuration, or replace it.

        Returns
        -------
        ChannelConfig
            The stored record.
        """
        row = to_row("ChannelsStorage.save_config: config", ChannelConfig, config)
        await self._storage.call("insert", CONFIGS, record={"id": row["platform"], **row})
        return from_row(ChannelConfig, row)

    async def get_config(self, platform: str) -> ChannelConfig | None:
        """Return a platform's configuration, or None."""
        row = await self._storage.load(CONFIGS, id=key_text("ChannelsStorage.get_config: platform", platform))
        return None if row is None else from_row(ChannelConfig, _checked(row, "config", row["platform"]))

    async def delete_config(self, platform: str) -> None:
        """Delete a platform's configuration. Does nothing if there is none."""
        await self._storage.call(
            "deleteMany", CONFIGS, ids=[key_text("ChannelsStorage.delete_config: platform", platform)]
        )

    async def _rows(self, filters: Mapping[str, str]) -> list[Row]:
        return [row async for row in self._storage.rows(INSTALLATIONS, filters)]


def _installation(row: Row) -> ChannelInstallation:
    return from_row(ChannelInstallation, _checked(row, "installation", row["id"]))


def _checked(row: Row, noun: str, name: str) -> Row:
    """A row whose data is JSON."""
    if isinstance(parsed(row["data"]), str):
        raise MastraConvexError(
            f"Invalid channel data JSON for {noun} {name}", code="InvalidChannelData", details={noun: name}
        )
    return row
