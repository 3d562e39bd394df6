# Generated from _async/store/notifications.py by tools/unasync.py: edit that.
"""Notifications of agents' threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

from mastra_convex._arguments import as_integer, as_items, key_text, key_texts, one_of, plain_text
from mastra_convex._sync.batches import in_halves
from mastra_convex._sync.storage import Row, first_of
from mastra_convex._sync.store.domain import Domain
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError, NotFoundError
from mastra_convex.records._columns import as_record, equalities, from_row, from_rows, to_changes, to_columns
from mastra_convex.records._lists import Records
from mastra_convex.records._pages import MOST_ROWS, Window
from mastra_convex.records._record import given_fields
from mastra_convex.records._values import date_text, now
from mastra_convex.records.notifications import Notification, NotificationPriority, NotificationStatus

NOTIFICATIONS = "mastra_notifications"

# The date of each status that has one.
STATUS_DATES = {
    "delivered": "delivered_at",
    "seen": "seen_at",
    "dismissed": "dismissed_at",
    "archived": "archived_at",
    "discarded": "discarded_at",
}
CHANGEABLE = (
    "status",
    "summary",
    "payload",
    "attributes",
    "metadata",
    "deliver_at",
    "summary_at",
    "delivery_reason",
    "delivery_attempts",
    "last_delivery_attempt_at",
    "last_delivery_error",
    "delivered_signal_id",
    "summary_signal_id",
)
UPDATED_PER_CALL = 256


@public
class NotificationsStorage(Domain):
    """Notifications that wait in agents' threads until they are delivered. They are deleted with their thread.

    Notes
    -----
    Behaviour: as ``NotificationsStorage`` of ``@mastra/core``, ``src/notifications/storage``.
    """

    _TABLES: ClassVar = {NOTIFICATIONS: Notification}

    def create_notification(self, notification: Notification | Mapping[str, Any]) -> Notification:
        """Insert a notification, or join it to a pending one of the same matter, in one transaction.

        It joins the oldest pending notification of the thread with the same source, kind, agent and resource that has
        its ``dedupe_key`` or its ``coalesce_key``. That one gets the new ``summary``; what else is given of
        ``payload``, ``priority``, ``deliver_at``, ``summary_at`` and ``delivery_reason``; ``attributes`` and
        ``metadata`` merged key by key; and a ``coalesced_count`` larger by 1. Other fields of it stay.

        Parameters
        ----------
        notification : Notification or mapping
            ``thread_id``, ``source``, ``kind`` and ``summary`` are needed. Of a record, fields that have their default
            aren't given. A notification with the same id in the thread is replaced.

        Returns
        -------
        Notification
            The stored record: a new one, or the one that it joined.
        """
        place = "NotificationsStorage.create_notification: notification"
        record = as_record(place, Notification, notification)
        named = given_fields(record) if isinstance(notification, Notification) else notification
        given = {"id": record.id, "created_at": record.created_at, **named}
        given = {name: value for name, value in given.items() if value is not None}
        given.setdefault("updated_at", given["created_at"])
        row = to_columns(place, Notification, given)
        stored = self._storage.call("createNotification", NOTIFICATIONS, record=row)
        return from_row(Notification, stored)

    def get_notification(self, thread_id: str, id: str) -> Notification | None:
        """Return a notification of a thread, or None."""
        place = "NotificationsStorage.get_notification"
        row = self._storage.load(
            NOTIFICATIONS, threadId=key_text(f"{place}: thread_id", thread_id), id=key_text(f"{place}: id", id)
        )
        return None if row is None else from_row(Notification, row)

    def list_notifications(
        self,
        thread_id: str,
        *,
        status: NotificationStatus | Sequence[NotificationStatus] | None = None,
        priority: NotificationPriority | Sequence[NotificationPriority] | None = None,
        source: str | None = None,
        resource_id: str | None = None,
        agent_id: str | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> Records[Notification]:
        """Return notifications of a thread, those updated last first.

        Parameters
        ----------
        thread_id : str
            The thread.
        status, priority : str or list of str, optional
            Only those with this one, or one of these.
        source, resource_id, agent_id : str, optional
            Only those with these.
        search : str, optional
            Only those with this text in their summary, kind or source, in any case.
        limit : int, optional
            The most notifications to return; by default all.

        Returns
        -------
        Records
            Notifications of equal times come in reverse stored order.
        """
        place = "NotificationsStorage.list_notifications"
        about = {"thread_id": key_text(f"{place}: thread_id", thread_id), "source": source}
        filters = equalities(f"{place}:", Notification, {**about, "resource_id": resource_id, "agent_id": agent_id})
        filters |= _choices(f"{place}: status", "status", status, get_args(NotificationStatus))
        filters |= _choices(f"{place}: priority", "priority", priority, get_args(NotificationPriority))
        wanted = "" if search is None else plain_text(f"{place}: search", search).lower()
        most = _limit(place, limit)
        found: list[Row] = []
        rows = self._storage.rows(NOTIFICATIONS, filters, {"field": "updatedAt", "order": "desc"})
        while len(found) < most and (row := next(rows, None)) is not None:
            if any(wanted in row[name].lower() for name in ("summary", "kind", "source")):
                found.append(row)
        return from_rows(Notification, found)

    def list_due_notifications(
        self,
        now: datetime | str,
        *,
        limit: int | None = None,
        agent_id: str | None = None,
        resource_id: str | None = None,
    ) -> Records[Notification]:
        """Return the pending notifications of all threads that are due, the longest due first.

        Parameters
        ----------
        now : datetime or str
            Those are due whose ``deliver_at`` or ``summary_at`` isn't later.
        limit : int, optional
            The most notifications to return; by default all.
        agent_id, resource_id : str, optional
            Only those of this agent, or this resource.

        Returns
        -------
        Records
            By the earlier of the two times, then by ``updated_at``.
        """
        place = "NotificationsStorage.list_due_notifications"
        filters = equalities(f"{place}:", Notification, {"agent_id": agent_id, "resource_id": resource_id})
        filters["status"] = "pending"
        until = date_text(f"{place}: now", now)
        part = Window(0, None if limit is None else _limit(place, limit), 0)
        due: dict[tuple[str, str], Row] = {}
        for column in ("deliverAt", "summaryAt"):
            # The first ones by each time hold the first ones by the earlier of the two.
            order = {"field": column, "order": "asc", "gte": "", "lte": until}
            rows = first_of(self._storage.rows(NOTIFICATIONS, filters, order), part)
            due |= {(row["threadId"], row["id"]): row for row in rows}
        first = sorted(due.values(), key=lambda row: (_due_at(row), row["updatedAt"]))
        return from_rows(Notification, first[: part.per_page])

    def update_notification(self, thread_id: str, id: str, update: Mapping[str, Any]) -> Notification:
        """Change fields of a notification. ``updated_at`` becomes now, as does the date of a given status.

        Parameters
        ----------
        thread_id, id : str
            The notification.
        update : mapping
            ``status``, ``summary``, ``payload``, ``attributes``, ``metadata``, ``deliver_at``, ``summary_at``,
            ``delivery_reason``, ``delivery_attempts``, ``last_delivery_attempt_at``, ``last_delivery_error``,
            ``delivered_signal_id`` or ``summary_signal_id``. Values replace those before as a whole. None clears one.

        Returns
        -------
        Notification
            The updated record.

        Raises
        ------
        NotFoundError
            The thread has no such notification.
        """
        place = "NotificationsStorage.update_notification"
        changes = to_changes(f"{place}: update", Notification, update)
        for name in update:
            if name not in CHANGEABLE:
                raise InvalidArgumentError(f"{place}: update has {name}; expected {', '.join(CHANGEABLE)}")
        ids = [key_text(f"{place}: id", id)]
        thread_id = key_text(f"{place}: thread_id", thread_id)
        changes |= _dates(changes.get("status"))
        updated = self._storage.call(
            "updateNotifications", NOTIFICATIONS, place=place, threadId=thread_id, ids=ids, record=changes
        )
        if not updated:
            raise NotFoundError(
                f"{place}: thread {thread_id!r} has no notification {id!r}",
                details={"thread_id": thread_id, "id": id},
            )
        return from_row(Notification, updated[0])

    def update_notifications_status(
        self, thread_id: str, ids: Sequence[str], status: NotificationStatus
    ) -> Records[Notification]:
        """Set the status of notifications of a thread, with the date of the status, 256 per transaction.

        Returns
        -------
        Records
            The updated records in the order of the ids, each once. Unknown ids are left out.
        """
        place = "NotificationsStorage.update_notifications_status"
        status_column = to_columns(place, Notification, {"status": status})
        wanted = list(dict.fromkeys(key_texts(f"{place}: ids", ids)))
        request = {
            "threadId": key_text(f"{place}: thread_id", thread_id),
            "record": status_column | _dates(status_column["status"]),
        }
        rows: list[Row] = []

        def update(some: list[str]) -> None:
            rows.extend(
                self._storage.call("updateNotifications", NOTIFICATIONS, place=place, ids=some, **request)
            )

        for begin in range(0, len(wanted), UPDATED_PER_CALL):
            in_halves(update, wanted[begin : begin + UPDATED_PER_CALL])
        return from_rows(Notification, rows)


def _due_at(row: Row) -> str:
    """The earlier of the two times, of which the row has one at least."""
    times: list[str] = [text for text in (row.get("deliverAt"), row.get("summaryAt")) if text is not None]
    return min(times)


def _choices(place: str, column: str, given: Any, known: tuple[str, ...]) -> dict[str, str | list[str]]:
    """A condition that a column has a text, or one of several."""
    if given is None:
        return {}
    if isinstance(given, str):
        return {column: one_of(known, place, given)}
    return {column: [one_of(known, place, item) for item in as_items(place, given)]}


def _limit(place: str, limit: int | None) -> int:
    return MOST_ROWS if limit is None else as_integer(f"{place}: limit", limit, 0, MOST_ROWS)


def _dates(status: str | None) -> Row:
    """The columns of the times that an update with a status sets."""
    names = ["updated_at", *([STATUS_DATES[status]] if status in STATUS_DATES else [])]
    return to_columns("now", Notification, dict.fromkeys(names, now()))
