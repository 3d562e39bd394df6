"""Sessions of a harness, in which agents work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mastra_convex._arguments import as_items, key_text
from mastra_convex._async.storage import Row
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import as_record, from_row, from_rows, to_changes, to_columns, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._values import convex_value, now
from mastra_convex.records.harness import HarnessPendingItem, HarnessSession

SESSIONS = "mastra_harness_sessions"


@public
class AsyncHarnessStorage(AsyncDomain):
    """Sessions of a harness, and what they wait for. Each change is one transaction, and an activity of the session.

    Raises
    ------
    NotFoundError
        Raised by all changes of a session that doesn't exist.

    Notes
    -----
    Behaviour: as ``HarnessStorage`` of ``@mastra/core``, ``src/storage/domains/harness``.
    """

    _TABLES: ClassVar = {SESSIONS: HarnessSession}

    async def save_session(self, session: HarnessSession | Mapping[str, Any]) -> HarnessSession:
        """Insert a session, or replace the one with its id.

        Returns
        -------
        HarnessSession
            The given record, with missing fields filled in.
        """
        place = "HarnessStorage.save_session: session"
        record = as_record(place, HarnessSession, session)
        items = enumerate(as_items(f"{place}: pending", record.pending))
        pending = [_of_session(f"{place}: pending[{n}]", item, record.id) for n, item in items]
        row = to_row(place, HarnessSession, record) | to_columns(place, HarnessSession, {"pending": pending})
        await self._storage.call("insert", SESSIONS, record=row)
        return from_row(HarnessSession, row)

    async def load_session(self, session_id: str) -> HarnessSession | None:
        """Return a session, or None."""
        row = await self._storage.load(SESSIONS, id=key_text("HarnessStorage.load_session: session_id", session_id))
        return None if row is None else from_row(HarnessSession, row)

    async def list_sessions(self) -> Records[HarnessSession]:
        """Return all sessions in stored order."""
        return from_rows(HarnessSession, [row async for row in self._storage.rows(SESSIONS)])

    async def update_session(self, session_id: str, updates: Mapping[str, Any]) -> HarnessSession:
        """Change fields of a session.

        Parameters
        ----------
        session_id : str
            The session.
        updates : mapping
            Fields of a `HarnessSession` but ``id`` and ``created_at``. None clears one. Without a
            ``last_activity_at``, that becomes now.

        Returns
        -------
        HarnessSession
            The updated record.
        """
        place = "HarnessStorage.update_session"
        changes = to_changes(f"{place}: updates", HarnessSession, updates)
        for name in ("id", "created_at"):
            if name in updates:
                raise InvalidArgumentError(f"{place}: updates has {name}, which can't change")
        active = changes.pop("lastActivityAt", None)
        return await self._change(place, "updateSession", session_id, active, record=changes)

    async def append_pending_item(
        self, session_id: str, item: HarnessPendingItem | Mapping[str, Any]
    ) -> HarnessSession:
        """Let a session wait for one more item.

        Returns
        -------
        HarnessSession
            The session with the item.

        Raises
        ------
        AlreadyExistsError
            The session has an item with this id.
        """
        place = "HarnessStorage.append_pending_item"
        record = _of_session(f"{place}: item", item, session_id)
        row = to_row(f"{place}: item", HarnessPendingItem, record)
        return await self._change(place, "appendPendingItem", session_id, item=convex_value(f"{place}: item", row))

    async def update_pending_item(
        self, session_id: str, pending_item_id: str, updates: Mapping[str, Any]
    ) -> HarnessSession:
        """Change fields of an item that a session waits for. The item's ``updated_at`` becomes now.

        Parameters
        ----------
        session_id, pending_item_id : str
            The session and its item.
        updates : mapping
            Fields of a `HarnessPendingItem` but ``id``, ``session_id`` and ``created_at``.

        Returns
        -------
        HarnessSession
            The session with the item.

        Raises
        ------
        NotFoundError
            The session has no such item.
        """
        place = "HarnessStorage.update_pending_item"
        changes = to_changes(f"{place}: updates", HarnessPendingItem, updates)
        for name in ("id", "session_id", "created_at"):
            if name in updates:
                raise InvalidArgumentError(f"{place}: updates has {name}, which can't change")
        changes |= to_columns(place, HarnessPendingItem, {"updated_at": now()})
        return await self._change(
            place,
            "updatePendingItem",
            session_id,
            itemId=key_text(f"{place}: pending_item_id", pending_item_id),
            fields=convex_value(f"{place}: updates", changes),
        )

    async def remove_pending_item(self, session_id: str, pending_item_id: str) -> HarnessSession:
        """Let a session no longer wait for an item. An unknown item is no error.

        Returns
        -------
        HarnessSession
            The session without the item.
        """
        place = "HarnessStorage.remove_pending_item"
        id = key_text(f"{place}: pending_item_id", pending_item_id)
        return await self._change(place, "removePendingItem", session_id, itemId=id)

    async def _change(
        self, place: str, op: str, session_id: str, active: str | None = None, **request: Any
    ) -> HarnessSession:
        active = active or to_columns(place, HarnessSession, {"last_activity_at": now()})["lastActivityAt"]
        id = key_text(f"{place}: session_id", session_id)
        row: Row = await self._storage.call(op, SESSIONS, place=place, id=id, lastActivityAt=active, **request)
        return from_row(HarnessSession, row)


def _of_session(place: str, item: HarnessPendingItem | Mapping[str, Any], session_id: str) -> HarnessPendingItem:
    """The item with its session filled in."""
    record = as_record(place, HarnessPendingItem, item)
    return record if record.session_id is not None else replace(record, session_id=session_id)
