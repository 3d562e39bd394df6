"""State of threads, such as their task list and their goal."""

from __future__ import annotations

from typing import Any, ClassVar

from mastra_convex._arguments import key_text
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._json import to_json
from mastra_convex._public import public
from mastra_convex.records._columns import from_row, from_rows, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records.thread_state import ThreadState

STATES = "mastra_thread_state"


@public
class AsyncThreadStateStorage(AsyncDomain):
    """Values by thread and type, such as an agent's task list and its goal. They are deleted with their thread.

    Notes
    -----
    Behaviour: as ``ThreadStateStorage`` of ``@mastra/core``, ``src/storage/domains/thread-state``.
    """

    _TABLES: ClassVar = {STATES: ThreadState}

    async def get_state(self, thread_id: str, type: str) -> Any:
        """Return a thread's state of a type; None if there is none.

        Parameters
        ----------
        thread_id : str
            The thread.
        type : str
            The type, such as Mastra's ``"task"`` or ``"goal"``.

        Returns
        -------
        object
            The JSON value that was set.
        """
        row = await self._storage.load(STATES, **_name("ThreadStateStorage.get_state", thread_id, type))
        return None if row is None else from_row(ThreadState, row).value

    async def set_state(self, thread_id: str, type: str, value: Any) -> None:
        """Set a thread's state of a type. The value replaces the one before as a whole.

        Parameters
        ----------
        thread_id, type : str
            The thread, which need not exist, and the type.
        value : object
            Any JSON. Keys are never renamed.
        """
        place = "ThreadStateStorage.set_state"
        name = _name(place, thread_id, type)
        row = to_row(place, ThreadState, {"thread_id": thread_id, "type": type, "value": value})
        # The generic functions of npm find a row by its id alone.
        id = to_json(place, list(name.values()))
        await self._storage.call("insert", STATES, place=place, record={"id": id, **row})

    async def list_states(self, thread_id: str) -> Records[ThreadState]:
        """Return all states of a thread by their type, with their times."""
        filters = {"threadId": key_text("ThreadStateStorage.list_states: thread_id", thread_id)}
        rows = self._storage.rows(STATES, filters, {"field": "type", "order": "asc"})
        return from_rows(ThreadState, [row async for row in rows])

    async def delete_state(self, thread_id: str, type: str) -> None:
        """Delete a thread's state of a type. Does nothing if there is none."""
        place = "ThreadStateStorage.delete_state"
        await self._storage.call("deleteState", STATES, place=place, **_name(place, thread_id, type))


def _name(place: str, thread_id: str, type: str) -> dict[str, str]:
    """The columns that name a state."""
    return {"threadId": key_text(f"{place}: thread_id", thread_id), "type": key_text(f"{place}: type", type)}
