"""Observational memory: observations of agents, buffered chunks, and the result of activating them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex._arguments import as_items
from mastra_convex._public import public
from mastra_convex.records._columns import (
    choice,
    column,
    date,
    flag,
    from_row,
    json,
    json_dict,
    key,
    number,
    text,
    texts,
    to_row,
)
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import new_id, now, parsed

Scope = Literal["thread", "resource"]
Origin = Literal["initial", "reflection"]


def new_chunk_id() -> str:
    """A random id in Mastra's form for chunks."""
    return f"ombuf-{new_id()}"


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ObservationChunk(Record):
    """Buffered observations that aren't active yet.

    Attributes
    ----------
    id : str
        By default a random one.
    cycle_id : str
        The cycle that made the chunk; a cycle buffers one chunk.
    observations : str
        The text.
    token_count, message_tokens : int
        Token counts of the text, and of the messages it was made of.
    message_ids : list of str
        Those messages.
    last_observed_at : datetime or None
        The time of the latest of these messages.
    created_at : datetime
        By default now.
    suggested_continuation, current_task, thread_title : str or None
        Hints for the agent.
    extracted_values, extraction_failures : object
        Any JSON.
    """

    id: str = field(default_factory=new_chunk_id, metadata=key("id"))
    cycle_id: str = field(metadata=text("cycleId"))
    observations: str = field(metadata=text("observations"))
    token_count: int = field(default=0, metadata=number("tokenCount"))
    message_ids: list[str] = field(default_factory=list, metadata=texts("messageIds"))
    message_tokens: int = field(default=0, metadata=number("messageTokens"))
    last_observed_at: datetime | None = field(default=None, metadata=date("lastObservedAt"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    suggested_continuation: str | None = field(default=None, metadata=text("suggestedContinuation"))
    current_task: str | None = field(default=None, metadata=text("currentTask"))
    thread_title: str | None = field(default=None, metadata=text("threadTitle"))
    # Inside the chunk's own JSON, so stored as it is.
    extracted_values: Any = field(default=None, metadata=column("extractedValues", lambda place, value: value))
    extraction_failures: Any = field(default=None, metadata=column("extractionFailures", lambda place, value: value))


def chunk_rows(place: str, chunks: Any) -> list[dict[str, Any]]:
    """Chunks in the form of their column."""
    return [to_row(f"{place}[{n}]", ObservationChunk, chunk) for n, chunk in enumerate(as_items(place, chunks))]


def _write_chunks(place: str, chunks: Any) -> str:
    written: str = json("")["column"].write(place, chunk_rows(place, chunks))
    return written


def _read_chunks(stored: Any) -> list[ObservationChunk]:
    chunks = parsed(stored)
    if not isinstance(chunks, list):
        return []
    # Chunks of other clients may lack fields.
    return [
        from_row(ObservationChunk, {"cycleId": "", "observations": "", **chunk})
        for chunk in chunks
        if isinstance(chunk, Mapping)
    ]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ObservationalMemory(Dated):
    """One generation of observations of a thread, or of a resource.

    Attributes
    ----------
    id : str
        By default a random one.
    scope : {"thread", "resource"}
        The subject; by default the thread, if there is one.
    thread_id, resource_id : str or None
        The memory's thread or resource.
    origin_type : {"initial", "reflection"}
        The origin of the generation.
    generation_count : int
        The number of the generation, from 0 on.
    active_observations : str
        The text given to the agent.
    buffered_observation_chunks : list of ObservationChunk
        Observations that wait to be activated, oldest first.
    buffered_observations : str or None
        Buffered text of older clients; with `buffered_observation_tokens` and `buffered_message_ids`.
    buffered_reflection : str or None
        A reflection that isn't a generation yet; with `buffered_reflection_tokens`,
        `buffered_reflection_input_tokens` and `reflected_observation_line_count`.
    observed_message_ids : list of str or None
        Observed messages.
    observed_timezone : str or None
        The time zone of the observations.
    pending_message_tokens, observation_token_count, total_tokens_observed : int
        Token counts: not yet observed, of the text, and observed in total.
    is_observing, is_reflecting, is_buffering_observation, is_buffering_reflection : bool
        The work in progress.
    last_observed_at, last_reflection_at, last_buffered_at_time : datetime or None
    last_buffered_at_tokens : int
    config : dict
        The observer's configuration.
    metadata : dict or None
        Any JSON.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    scope: Scope = field(default="thread", metadata=choice("scope", Scope))
    thread_id: str | None = field(default=None, metadata=text("threadId", keeps_null=True))
    resource_id: str | None = field(default=None, metadata=text("resourceId", keeps_null=True))
    origin_type: Origin = field(default="initial", metadata=choice("originType", Origin))
    generation_count: int = field(default=0, metadata=number("generationCount"))
    active_observations: str = field(default="", metadata=text("activeObservations"))
    buffered_observation_chunks: list[ObservationChunk] = field(
        default_factory=list, metadata=column("bufferedObservationChunks", _write_chunks, _read_chunks)
    )
    buffered_observations: str | None = field(default=None, metadata=text("activeObservationsPendingUpdate"))
    buffered_observation_tokens: int | None = field(default=None, metadata=number("bufferedObservationTokens"))
    buffered_message_ids: list[str] | None = field(default=None, metadata=texts("bufferedMessageIds"))
    buffered_reflection: str | None = field(default=None, metadata=text("bufferedReflection"))
    buffered_reflection_tokens: int | None = field(default=None, metadata=number("bufferedReflectionTokens"))
    buffered_reflection_input_tokens: int | None = field(default=None, metadata=number("bufferedReflectionInputTokens"))
    reflected_observation_line_count: int | None = field(default=None, metadata=number("reflectedObservationLineCount"))
    observed_message_ids: list[str] | None = field(default=None, metadata=texts("observedMessageIds"))
    observed_timezone: str | None = field(default=None, metadata=text("observedTimezone"))
    pending_message_tokens: int = field(default=0, metadata=number("pendingMessageTokens"))
    observation_token_count: int = field(default=0, metadata=number("observationTokenCount"))
    total_tokens_observed: int = field(default=0, metadata=number("totalTokensObserved"))
    is_observing: bool = field(default=False, metadata=flag("isObserving"))
    is_reflecting: bool = field(default=False, metadata=flag("isReflecting"))
    is_buffering_observation: bool = field(default=False, metadata=flag("isBufferingObservation"))
    is_buffering_reflection: bool = field(default=False, metadata=flag("isBufferingReflection"))
    last_observed_at: datetime | None = field(default=None, metadata=date("lastObservedAt"))
    last_reflection_at: datetime | None = field(default=None, metadata=date("lastReflectionAt"))
    last_buffered_at_tokens: int = field(default=0, metadata=number("lastBufferedAtTokens"))
    last_buffered_at_time: datetime | None = field(default=None, metadata=date("lastBufferedAtTime"))
    config: dict[str, Any] = field(default_factory=dict, metadata=json_dict("config"))
    metadata: dict[str, Any] | None = field(default=None, metadata=json_dict("metadata"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ActivatedChunk(Record):
    """A chunk that became active."""

    cycle_id: str = field(metadata=text("cycleId"))
    observations: str = field(metadata=text("observations"))
    message_tokens: int = field(metadata=number("messageTokens"))
    observation_tokens: int = field(metadata=number("observationTokens"))
    message_count: int = field(metadata=number("messageCount"))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ObservationActivation(Record):
    """The result of activating buffered chunks.

    Attributes
    ----------
    chunks_activated, message_tokens_activated, observation_tokens_activated, messages_activated : int
        Counts, all 0 if nothing was buffered.
    activated_cycle_ids, activated_message_ids : list of str
    observations : str
        The text that became active.
    per_chunk : list of ActivatedChunk
    suggested_continuation, current_task : str or None
        Hints of the last of the chunks.
    """

    chunks_activated: int = field(default=0, metadata=number("chunksActivated"))
    message_tokens_activated: int = field(default=0, metadata=number("messageTokensActivated"))
    observation_tokens_activated: int = field(default=0, metadata=number("observationTokensActivated"))
    messages_activated: int = field(default=0, metadata=number("messagesActivated"))
    activated_cycle_ids: list[str] = field(default_factory=list, metadata=texts("activatedCycleIds"))
    activated_message_ids: list[str] = field(default_factory=list, metadata=texts("activatedMessageIds"))
    observations: str = field(default="", metadata=text("observations"))
    per_chunk: list[ActivatedChunk] = field(
        default_factory=list,
        metadata=column(
            "perChunk", lambda place, value: value, lambda stored: [from_row(ActivatedChunk, row) for row in stored]
        ),
    )
    suggested_continuation: str | None = field(default=None, metadata=text("suggestedContinuation"))
    current_task: str | None = field(default=None, metadata=text("currentTask"))
