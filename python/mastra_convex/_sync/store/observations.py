# Generated from _async/store/observations.py by tools/unasync.py: edit that.
"""Observational memory: an agent's notes on a conversation, in generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mastra_convex._arguments import as_integer, finite_number, key_text, key_texts, plain_text
from mastra_convex._sync.batches import in_halves
from mastra_convex._sync.store.fenced_writes import FencedWrites
from mastra_convex._json import to_json
from mastra_convex.errors import InvalidArgumentError, NotFoundError
from mastra_convex.records._columns import as_record, from_row, from_rows, to_columns, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._values import convex_dict, date_text, new_id, now
from mastra_convex.records.observations import (
    ObservationActivation,
    ObservationalMemory,
    ObservationChunk,
    Scope,
    chunk_rows,
)
from mastra_convex.records.workflows import RunFence
from mastra_convex.types import iso_text

OBSERVATIONS = "mastra_observational_memory"

Moment = datetime | str


class Observations(FencedWrites):
    """The observational memory of threads, and of resources if no thread is named.

    Each method is one transaction, so that several agents may work on one memory. A missing record raises a
    `NotFoundError`.
    """

    def get_observational_memory(
        self, thread_id: str | None, resource_id: str | None
    ) -> ObservationalMemory | None:
        """Return the latest generation, or None."""
        lookup_key = _lookup_key("MemoryStorage.get_observational_memory", thread_id, resource_id)
        row = self._storage.call("omGetLatest", OBSERVATIONS, lookupKey=lookup_key)
        return None if row is None else from_row(ObservationalMemory, row)

    def get_observational_memory_history(
        self,
        thread_id: str | None,
        resource_id: str | None,
        limit: int | None = 10,
        *,
        from_: Moment | None = None,
        to: Moment | None = None,
        offset: int = 0,
    ) -> Records[ObservationalMemory]:
        """Return generations, newest first.

        Parameters
        ----------
        thread_id, resource_id : str or None
            The memory's thread or resource.
        limit : int or None, default 10
            The maximum number; None for all.
        from_, to : datetime or str, optional
            Only generations created within these times, both included.
        offset : int, default 0
            The number of generations to skip.
        """
        place = "MemoryStorage.get_observational_memory_history"
        rows = self._storage.call(
            "omGetHistory",
            OBSERVATIONS,
            lookupKey=_lookup_key(place, thread_id, resource_id),
            limit=None if limit is None else as_integer(f"{place}: limit", limit, 0, 2**53),
            offset=as_integer(f"{place}: offset", offset, 0, 2**53),
            **{
                name: date_text(f"{place}: {name}", moment)
                for name, moment in (("from", from_), ("to", to))
                if moment is not None
            },
        )
        return from_rows(ObservationalMemory, rows)

    def initialize_observational_memory(
        self,
        *,
        thread_id: str | None,
        resource_id: str | None,
        scope: Scope | None = None,
        config: Mapping[str, Any] | None = None,
        observed_timezone: str | None = None,
        fence: RunFence | None = None,
    ) -> ObservationalMemory:
        """Create the first generation if there is none; return the latest.

        Parameters
        ----------
        thread_id, resource_id : str or None
            The thread, or the resource if there is no thread.
        scope : {"thread", "resource"}, optional
            By default ``"thread"`` if there is one.
        config : mapping, optional
            The observer's configuration.
        observed_timezone : str, optional
            The time zone to observe in.
        fence : RunFence, optional
            Write only while this claim on the run stands.
        """
        place = "MemoryStorage.initialize_observational_memory"
        record = ObservationalMemory(
            thread_id=thread_id or None,
            resource_id=resource_id,
            scope=scope or ("thread" if thread_id else "resource"),
            config=dict(config or {}),
            observed_timezone=observed_timezone,
        )
        row = self._write(place, "omInitialize", OBSERVATIONS, fence, record=_row(place, record))
        return from_row(ObservationalMemory, row)

    def insert_observational_memory_record(
        self, record: ObservationalMemory | Mapping[str, Any], *, fence: RunFence | None = None
    ) -> ObservationalMemory:
        """Insert a whole generation, or replace the one with its id. Cloned threads need this."""
        place = "MemoryStorage.insert_observational_memory_record"
        row = _row(f"{place}: record", record)
        self._write(place, "insert", OBSERVATIONS, fence, record=row)
        return from_row(ObservationalMemory, row)

    def update_active_observations(
        self,
        id: str,
        observations: str,
        token_count: float,
        last_observed_at: Moment,
        *,
        observed_message_ids: Sequence[str] | None = None,
        observed_timezone: str | None = None,
        fence: RunFence | None = None,
    ) -> None:
        """Replace the active text. Its tokens are added to the observed total, and pending tokens become 0.

        Parameters
        ----------
        id : str
            The record.
        observations : str
            The text.
        token_count : float
            The text's tokens; a negative number counts as zero.
        last_observed_at : datetime or str
            The time of the last observed message.
        observed_message_ids : sequence of str, optional
            Replace the stored ids; by default they are kept.
        observed_timezone : str, optional
            Replaces the stored time zone; by default it is kept.
        fence : RunFence, optional
            Write only while this claim on the run stands.
        """
        place = "MemoryStorage.update_active_observations"
        self._update(
            place,
            "omUpdateActive",
            id,
            fence,
            observations=plain_text(f"{place}: observations", observations),
            tokenCount=finite_number(f"{place}: token_count", token_count),
            lastObservedAt=date_text(f"{place}: last_observed_at", last_observed_at),
            observedMessageIds=(
                None
                if observed_message_ids is None
                else key_texts(f"{place}: observed_message_ids", observed_message_ids)
            ),
            observedTimezone=observed_timezone,
        )

    def update_buffered_observations(
        self,
        id: str,
        chunk: ObservationChunk | Mapping[str, Any],
        *,
        last_buffered_at_time: Moment | None = None,
        fence: RunFence | None = None,
    ) -> None:
        """Buffer a chunk, unless its cycle already has one."""
        place = "MemoryStorage.update_buffered_observations"
        row = to_row(f"{place}: chunk", ObservationChunk, chunk)
        self._update(
            place,
            "omAppendBufferedChunk",
            id,
            fence,
            chunk=convex_dict(f"{place}: chunk", row),
            lastBufferedAtTime=(
                None
                if last_buffered_at_time is None
                else date_text(f"{place}: last_buffered_at_time", last_buffered_at_time)
            ),
        )

    def swap_buffered_to_active(
        self,
        id: str,
        activation_ratio: float,
        message_tokens_threshold: float,
        current_pending_tokens: float,
        *,
        force_max_activation: bool = False,
        last_observed_at: Moment | None = None,
        buffered_chunks: Sequence[ObservationChunk | Mapping[str, Any]] | None = None,
        fence: RunFence | None = None,
    ) -> ObservationActivation:
        """Move the first buffered chunks to the active text.

        Enough chunks move that about ``message_tokens_threshold * (1 - activation_ratio)`` pending tokens stay
        unobserved.

        Parameters
        ----------
        id : str
            The record.
        activation_ratio : float
            The part of the threshold to activate, 0 to 1.
        message_tokens_threshold : float
            Tokens of messages at which the agent observes.
        current_pending_tokens : float
            Tokens of messages that are pending.
        force_max_activation : bool, default False
            Activate too many chunks rather than too few.
        last_observed_at : datetime or str, optional
            By default that of the last activated chunk.
        buffered_chunks : sequence of ObservationChunk or mapping, optional
            The chunks with newer token counts. Chunks buffered meanwhile are kept.
        fence : RunFence, optional
            Write only while this claim on the run stands.
        """
        place = "MemoryStorage.swap_buffered_to_active"
        rows = None if buffered_chunks is None else chunk_rows(f"{place}: buffered_chunks", buffered_chunks)
        result = self._write(
            place,
            "omSwapBuffered",
            OBSERVATIONS,
            fence,
            id=key_text(f"{place}: id", id),
            activationRatio=finite_number(f"{place}: activation_ratio", activation_ratio),
            messageTokensThreshold=finite_number(f"{place}: message_tokens_threshold", message_tokens_threshold),
            currentPendingTokens=finite_number(f"{place}: current_pending_tokens", current_pending_tokens),
            forceMaxActivation=force_max_activation,
            lastObservedAt=(
                None if last_observed_at is None else date_text(f"{place}: last_observed_at", last_observed_at)
            ),
            bufferedChunks=[convex_dict(f"{place}: buffered_chunks", row) for row in rows] if rows else None,
            now=iso_text(now()),
        )
        return from_row(ObservationActivation, result)

    def create_reflection_generation(
        self,
        current_record: ObservationalMemory | Mapping[str, Any],
        reflection: str,
        token_count: float,
        *,
        fence: RunFence | None = None,
    ) -> ObservationalMemory:
        """Make a reflection a new generation, after the latest one.

        Only the id of `current_record` is used; the configuration and the counts come from the stored record.
        """
        place = "MemoryStorage.create_reflection_generation"
        row = self._write(
            place,
            "omCreateReflectionGeneration",
            OBSERVATIONS,
            fence,
            id=as_record(f"{place}: current_record", ObservationalMemory, current_record).id,
            newId=new_id(),
            reflection=plain_text(f"{place}: reflection", reflection),
            tokenCount=finite_number(f"{place}: token_count", token_count),
            now=iso_text(now()),
        )
        return from_row(ObservationalMemory, row)

    def update_buffered_reflection(
        self,
        id: str,
        reflection: str,
        token_count: float,
        input_token_count: float,
        reflected_observation_line_count: float,
        *,
        fence: RunFence | None = None,
    ) -> None:
        """Buffer a part of a reflection. Its text and tokens are added; the count of lines is replaced."""
        place = "MemoryStorage.update_buffered_reflection"
        count = finite_number(f"{place}: reflected_observation_line_count", reflected_observation_line_count)
        self._update(
            place,
            "omUpdateBufferedReflection",
            id,
            fence,
            reflection=plain_text(f"{place}: reflection", reflection),
            tokenCount=finite_number(f"{place}: token_count", token_count),
            inputTokenCount=finite_number(f"{place}: input_token_count", input_token_count),
            reflectedObservationLineCount=count,
        )

    def swap_buffered_reflection_to_active(
        self,
        current_record: ObservationalMemory | Mapping[str, Any],
        token_count: float,
        *,
        fence: RunFence | None = None,
    ) -> ObservationalMemory:
        """Make the buffered reflection, with lines observed since, a new generation.

        Only the id of `current_record` is used. Raises a `NotFoundError` if no reflection is buffered.
        """
        place = "MemoryStorage.swap_buffered_reflection_to_active"
        current = as_record(f"{place}: current_record", ObservationalMemory, current_record)
        row = self._write(
            place,
            "omSwapBufferedReflection",
            OBSERVATIONS,
            fence,
            currentRecord=_row(f"{place}: current_record", current),
            newId=new_id(),
            tokenCount=finite_number(f"{place}: token_count", token_count),
            now=iso_text(now()),
        )
        return from_row(ObservationalMemory, row)

    def set_observing_flag(self, id: str, is_observing: bool, *, fence: RunFence | None = None) -> None:
        """Record whether an observer is at work."""
        self._set("MemoryStorage.set_observing_flag", id, fence, is_observing=is_observing)

    def set_reflecting_flag(self, id: str, is_reflecting: bool, *, fence: RunFence | None = None) -> None:
        """Record whether a reflector is at work."""
        self._set("MemoryStorage.set_reflecting_flag", id, fence, is_reflecting=is_reflecting)

    def set_buffering_observation_flag(
        self,
        id: str,
        is_buffering: bool,
        last_buffered_at_tokens: float | None = None,
        *,
        fence: RunFence | None = None,
    ) -> None:
        """Record whether observations are being buffered, and the token count when that last happened."""
        place = "MemoryStorage.set_buffering_observation_flag"
        fields: dict[str, Any] = {"is_buffering_observation": is_buffering}
        if last_buffered_at_tokens is not None:
            fields["last_buffered_at_tokens"] = last_buffered_at_tokens
        self._set(place, id, fence, **fields)

    def set_buffering_reflection_flag(
        self, id: str, is_buffering: bool, *, fence: RunFence | None = None
    ) -> None:
        """Record whether a reflection is being buffered."""
        self._set("MemoryStorage.set_buffering_reflection_flag", id, fence, is_buffering_reflection=is_buffering)

    def set_pending_message_tokens(self, id: str, token_count: float, *, fence: RunFence | None = None) -> None:
        """Set the number of message tokens that aren't observed yet."""
        place = "MemoryStorage.set_pending_message_tokens"
        if finite_number(f"{place}: token_count", token_count) < 0:
            raise InvalidArgumentError(f"{place}: token_count {token_count!r}; expected a number, zero or more")
        self._set(place, id, fence, pending_message_tokens=token_count)

    def update_observational_memory_config(
        self, id: str, config: Mapping[str, Any], *, fence: RunFence | None = None
    ) -> None:
        """Merge into the configuration at every depth. Lists are replaced."""
        place = "MemoryStorage.update_observational_memory_config"
        self._update(place, "omUpdateConfig", id, fence, config=to_json(f"{place}: config", config))

    def clear_observational_memory(
        self, thread_id: str | None, resource_id: str | None, *, fence: RunFence | None = None
    ) -> None:
        """Delete all generations, the latest last."""
        place = "MemoryStorage.clear_observational_memory"
        lookup_key = _lookup_key(place, thread_id, resource_id)
        order = {"field": "generationCount", "order": "asc"}

        def delete(ids: list[str]) -> None:
            self._write(place, "deleteMany", OBSERVATIONS, fence, ids=ids)

        rows = self._storage.rows(OBSERVATIONS, {"lookupKey": lookup_key}, order)
        ids = [row["id"] for row in rows]
        for begin in range(0, len(ids), 25):
            in_halves(delete, ids[begin : begin + 25])

    def _update(self, place: str, op: str, id: str, fence: RunFence | None, **fields: Any) -> None:
        record_id = key_text(f"{place}: id", id)
        self._write(place, op, OBSERVATIONS, fence, id=record_id, updatedAt=iso_text(now()), **fields)

    def _set(self, place: str, id: str, fence: RunFence | None, **fields: Any) -> None:
        record_id = key_text(f"{place}: id", id)
        record = to_columns(place, ObservationalMemory, {**fields, "updated_at": now()})
        if not self._write(place, "patch", OBSERVATIONS, fence, id=record_id, record=record):
            raise NotFoundError(f"{place}: observational memory record {id!r} not found", details={"id": id})


def _lookup_key(place: str, thread_id: str | None, resource_id: str | None) -> str:
    """The key of a memory: its thread, or else its resource."""
    if thread_id:
        return f"thread:{key_text(f'{place}: thread_id', thread_id)}"
    return f"resource:{key_text(f'{place}: resource_id', resource_id)}"


def _row(place: str, record: ObservationalMemory | Mapping[str, Any]) -> dict[str, Any]:
    whole = as_record(place, ObservationalMemory, record)
    row = to_row(place, ObservationalMemory, whole)
    return row | {"lookupKey": _lookup_key(place, whole.thread_id, whole.resource_id)}
