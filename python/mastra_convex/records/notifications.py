"""Notifications of agents' threads."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex._public import public
from mastra_convex.records._columns import anything, choice, date, key, metadata, number, text
from mastra_convex.records._record import Dated, as_created
from mastra_convex.records._values import new_id, now

NotificationPriority = Literal["low", "medium", "high", "urgent"]
NotificationStatus = Literal["pending", "delivered", "seen", "dismissed", "archived", "discarded", "failed"]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Notification(Dated):
    """A notification of an agent's thread.

    Attributes
    ----------
    id : str
        By default a random one. It is unique within a thread.
    thread_id : str
    source, kind : str
        Where it comes from, such as ``github``, and what it is about, such as ``ci-failure``.
    summary : str
    priority : str, default "medium"
        ``low``, ``medium``, ``high`` or ``urgent``.
    status : str, default "pending"
        ``pending``, ``delivered``, ``seen``, ``dismissed``, ``archived``, ``discarded`` or ``failed``.
    payload : object
        Any JSON. Keys are never renamed.
    attributes, metadata : dict or None
        Any JSON. Keys are never renamed.
    resource_id, agent_id, source_id : str or None
    dedupe_key, coalesce_key : str or None
        Names of the matter: a notification joins a pending one with the same name.
    coalesced_count : int, default 1
        The number of notifications that this one stands for.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    delivered_at, seen_at, dismissed_at, archived_at, discarded_at : datetime or None
        The last time that the status became this one.
    deliver_at, summary_at : datetime or None
        When it is due to be delivered, or to be part of a summary.
    delivery_reason : str or None
    delivery_attempts : int, default 0
    last_delivery_attempt_at : datetime or None
    last_delivery_error : str or None
    delivered_signal_id, summary_signal_id : str or None
        The signals that delivered it.
    """

    _TABLE = ("source", "kind", "priority", "status", "summary", "updated_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    thread_id: str = field(metadata=key("threadId"))
    source: str = field(metadata=key("source"))
    kind: str = field(metadata=key("kind"))
    summary: str = field(metadata=text("summary"))
    priority: NotificationPriority = field(default="medium", metadata=choice("priority", NotificationPriority))
    status: NotificationStatus = field(default="pending", metadata=choice("status", NotificationStatus))
    payload: Any = field(default=None, metadata=anything("payload", keeps_null=True))
    resource_id: str | None = field(default=None, metadata=text("resourceId", keeps_null=True))
    agent_id: str | None = field(default=None, metadata=text("agentId", keeps_null=True))
    source_id: str | None = field(default=None, metadata=text("sourceId", keeps_null=True))
    dedupe_key: str | None = field(default=None, metadata=text("dedupeKey", keeps_null=True))
    coalesce_key: str | None = field(default=None, metadata=text("coalesceKey", keeps_null=True))
    coalesced_count: int = field(default=1, metadata=number("coalescedCount"))
    attributes: dict[str, Any] | None = field(default=None, metadata=metadata("attributes", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
    delivered_at: datetime | None = field(default=None, metadata=date("deliveredAt", keeps_null=True))
    seen_at: datetime | None = field(default=None, metadata=date("seenAt", keeps_null=True))
    dismissed_at: datetime | None = field(default=None, metadata=date("dismissedAt", keeps_null=True))
    archived_at: datetime | None = field(default=None, metadata=date("archivedAt", keeps_null=True))
    discarded_at: datetime | None = field(default=None, metadata=date("discardedAt", keeps_null=True))
    deliver_at: datetime | None = field(default=None, metadata=date("deliverAt", keeps_null=True))
    summary_at: datetime | None = field(default=None, metadata=date("summaryAt", keeps_null=True))
    delivery_reason: str | None = field(default=None, metadata=text("deliveryReason", keeps_null=True))
    delivery_attempts: int = field(default=0, metadata=number("deliveryAttempts"))
    last_delivery_attempt_at: datetime | None = field(
        default=None, metadata=date("lastDeliveryAttemptAt", keeps_null=True)
    )
    last_delivery_error: str | None = field(default=None, metadata=text("lastDeliveryError", keeps_null=True))
    delivered_signal_id: str | None = field(default=None, metadata=text("deliveredSignalId", keeps_null=True))
    summary_signal_id: str | None = field(default=None, metadata=text("summarySignalId", keeps_null=True))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))
