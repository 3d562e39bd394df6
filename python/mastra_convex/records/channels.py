"""Chat platforms that agents are installed on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mastra_convex._public import public
from mastra_convex.records._columns import date, json_dict, key, text
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import new_id, now


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChannelInstallation(Dated):
    """An agent installed on a chat platform.

    Attributes
    ----------
    id : str
        By default a random one.
    platform, agent_id : str
    status : str, default "pending"
        ``pending``, ``active`` or ``error``.
    webhook_id : str or None
    data : dict
        Any JSON, encrypted by the caller. Keys are never renamed.
    config_hash, error : str or None
    created_at, updated_at : datetime
        In UTC, to the millisecond; saving sets `updated_at` to now and keeps the stored `created_at`.
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    platform: str = field(metadata=key("platform"))
    agent_id: str = field(metadata=key("agentId"))
    status: str = field(default="pending", metadata=key("status"))
    webhook_id: str | None = field(default=None, metadata=text("webhookId", keeps_null=True))
    data: dict[str, Any] = field(default_factory=dict, metadata=json_dict("data"))
    config_hash: str | None = field(default=None, metadata=text("configHash", keeps_null=True))
    error: str | None = field(default=None, metadata=text("error", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChannelConfig(Record):
    """The configuration of a chat platform.

    Attributes
    ----------
    platform : str
    data : dict
        Any JSON, encrypted by the caller. Keys are never renamed.
    updated_at : datetime
        In UTC, to the millisecond; by default now.
    """

    platform: str = field(metadata=key("platform"))
    data: dict[str, Any] = field(default_factory=dict, metadata=json_dict("data"))
    updated_at: datetime = field(default_factory=now, metadata=date("updatedAt"))
