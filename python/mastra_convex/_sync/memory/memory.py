# Generated from _async/memory/memory.py by tools/unasync.py: edit that.
"""`Memory`: what an agent remembers, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import EllipsisType
from typing import Any, Literal, TypeAlias, Unpack

import numpy as np

from mastra_convex._arguments import as_integer, finite_number, key_text, key_texts, one_of, plain, plain_text
from mastra_convex._sync.batches import in_batches
from mastra_convex._sync.client import Client
from mastra_convex._sync.deployment import Deployment, ConnectOptions, Target
from mastra_convex._sync.embedding import Embedder, Embed
from mastra_convex._sync.memory.contexts import Contexts
from mastra_convex._sync.storage import Storage, Row
from mastra_convex._sync.store.memory import MemoryStorage
from mastra_convex._sync.subscription import Subscription
from mastra_convex._sync.vector import ConvexVector
from mastra_convex._ids import new_id
from mastra_convex._public import public
from mastra_convex._rows import vector_bytes
from mastra_convex.errors import IndexNotFoundError, InvalidArgumentError, LimitExceededError
from mastra_convex.records import _remembered
from mastra_convex.records._columns import from_rows, size_of
from mastra_convex.records._lists import Records
from mastra_convex.records._remembered import MESSAGES, RESOURCES, THREADS
from mastra_convex.records._texts import parts_of
from mastra_convex.records._values import dict_of
from mastra_convex.records.memory import Message
from mastra_convex.records.recall import MemoryContext, MemoryHit
from mastra_convex.types import QueryResult

# A message to remember: text, a record, or a mapping with a record's names.
Remembered: TypeAlias = str | Message | Mapping[str, Any]


@public
class Memory(Client):
    """A memory for agents: threads of messages, recall of messages by meaning, and working memory.

    Everything is stored as npm ``@mastra/memory`` stores it: agents in TypeScript recall what this class remembers, and
    the other way round.

    Parameters
    ----------
    deployment : Deployment, or what ``connect`` takes
        Where the memory is. This object closes the deployment if it opened it.
    embed : callable, or an object with ``encode``, optional
        Makes vectors: from a list of texts to a vector for each, sync or async. Models of sentence-transformers and
        model2vec work as they are. The first answer decides the dimension. Without `embed` nothing is recalled.
    last_messages : int, default 10
        How many of a thread's last messages a context has.
    recall : int, default 4
        How many messages a context recalls.
    around : int, default 1
        How many neighbours a recalled message has, before and after it each.
    min_score : float, optional
        The least similarity of a message that a context recalls.
    scope : {"resource", "thread"}, default "resource"
        Whether a context recalls from all threads of a resource or from the thread alone, and whether the working
        memory is the resource's or the thread's.
    model : str, optional
        The embedding model's name, which is kept with its vectors. Another name for the same vectors is an error.
    embed_batch_size : int, default 64
        The most texts that are embedded at once.
    max_tokens : int, optional
        The most tokens that a context has. The oldest recalled messages are left out first, then the oldest ones.
    count_tokens : callable, optional
        Counts the tokens of a text; by default one for four characters.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.

    Notes
    -----
    Indexes of vectors are ``memory_messages_384`` and the like, by dimension; for 1,536 dimensions ``memory_messages``.
    Threads, messages and resources are those of ``ConvexStore.memory``. Names and metadata: as ``@mastra/memory``,
    ``src/index.ts``.
    """

    def __init__(
        self,
        deployment: Deployment | Target,
        embed: Embed = None,
        *,
        last_messages: int = 10,
        recall: int = 4,
        around: int = 1,
        min_score: float | None = None,
        scope: Literal["resource", "thread"] = "resource",
        model: str | None = None,
        embed_batch_size: int = 64,
        max_tokens: int | None = None,
        count_tokens: Callable[[str], int] | None = None,
        storage_function: str = "mastra/storage:handle",
        **options: Unpack[ConnectOptions],
    ) -> None:
        super().__init__(deployment, **options)
        self._embedder = None if embed is None else Embedder("Memory", embed, embed_batch_size)
        self._last = as_integer("Memory: last_messages", last_messages, 0, 1000)
        self._top_k = as_integer("Memory: recall", recall, 0, 1000)
        self._around = as_integer("Memory: around", around, 0, 100)
        self._min_score = _least(min_score, "Memory")
        self._scope = one_of(("resource", "thread"), "Memory: scope", scope)
        self._model = None if model is None else key_text("Memory: model", model)
        self._max_tokens = None if max_tokens is None else as_integer("Memory: max_tokens", max_tokens, 0, 2**53)
        if count_tokens is not None and not callable(count_tokens):
            raise InvalidArgumentError(f"Memory: count_tokens is {count_tokens!r:.80}; expected a function of a text")
        self._count_tokens = count_tokens
        self._storage = Storage(self._functions, storage_function)
        self._records = MemoryStorage(self._storage)

    def remember(
        self,
        thread_id: str,
        message: Remembered | Sequence[Remembered],
        *,
        role: str = "user",
        resource_id: str | None = None,
    ) -> Records[Message]:
        """Save messages of a thread with the vectors of their texts.

        A message and its vectors are one transaction. A message with the id of a stored one replaces it, and its
        vectors. Long texts are embedded in parts of up to 16,384 characters. Messages of the role ``system``, and
        everything but text, are stored without vectors.

        Parameters
        ----------
        thread_id : str
            The thread; a missing one is created.
        message : str, Message, mapping, or a list of them
        role : str, default "user"
            The role of messages that are given as text.
        resource_id : str, optional
            The thread's resource. By default a new thread belongs to the first resource that a message names, else to
            one with the thread's id.

        Returns
        -------
        list of Message
            The stored messages, in the given order.

        Raises
        ------
        InvalidArgumentError
            The thread belongs to another resource, a message is invalid or too large, `embed` failed, or its vectors
            are invalid or of another model than those in the index. Nothing was stored.
        DimensionMismatchError
            A vector has another dimension than `embed`'s first. Nothing was stored.
        MastraConvexError
            A call failed. Up to 500 messages are one transaction, as far as they fit; with more, the error says how
            many were stored.
        """
        return from_rows(Message, self._remember(thread_id, message, role=role, resource_id=resource_id))

    def _remember(
        self, thread_id: str, message: Remembered | Sequence[Remembered], *, role: str = "user", resource_id: str | None
    ) -> list[Row]:
        """As `remember`, with the stored rows."""
        place = "Memory.remember"
        owner = {
            "threadId": key_text(f"{place}: thread_id", thread_id),
            "resourceId": None if resource_id is None else key_text(f"{place}: resource_id", resource_id),
        }
        given = _remembered.given(f"{place}: message", message, plain(thread_id), role)
        # Of two messages with one id, the last is stored.
        last = {one.row["id"]: one for one in given}
        vectors = self._vectors_of(place, list(last.values()))
        sizes = [size_of(one.row) + sum(map(_remembered.vector_size, vectors[id])) for id, one in last.items()]

        def save(some: list[_remembered.Given]) -> None:
            rows = [one.row for one in some]
            of_rows = [vector for row in rows for vector in vectors[row["id"]]]
            replies = self._storage.call(
                "rememberMessages",
                MESSAGES,
                place=place,
                records=rows,
                undated=[one.row["id"] for one in some if one.is_undated],
                index=self._index(len(of_rows[0]["vector"])) if of_rows else None,
                vectors=[_in_bytes(vector) for vector in of_rows],
                **owner,
            )
            for row, reply in zip(rows, replies, strict=True):
                row |= reply

        in_batches(save, list(last.values()), sizes)
        return [last[one.row["id"]].row for one in given]

    def context(
        self, thread_id: str, text: str | None = None, *, resource_id: str | None = None
    ) -> MemoryContext:
        """Return what to tell a model now.

        Parameters
        ----------
        thread_id : str
            The thread whose last messages are told. An unknown one has none.
        text : str, optional
            The text, such as the user's message, by which messages are recalled.
        resource_id : str, optional
            Whose messages are recalled and whose working memory is told; by default the thread's resource.

        Returns
        -------
        MemoryContext
            Recalled messages with their neighbours, then the last ones; each once, both oldest first. Messages,
            working memory and thread are those of one moment, if they fit into one transaction.

        Raises
        ------
        InvalidArgumentError
            The thread belongs to another resource, `embed` failed, or the index has vectors of another model.
        """
        place = "Memory.context"
        thread_id = key_text(f"{place}: thread_id", thread_id)
        if resource_id is not None:
            key_text(f"{place}: resource_id", resource_id)
        queries = None
        if text is not None and self._embedder is not None and self._top_k > 0:
            queries = self._embedded(place, plain_text(f"{place}: text", text))
        return self._context(place, thread_id, resource_id, queries)

    def _context(
        self, place: str, thread_id: str, resource_id: str | None, queries: _remembered.Queries | None
    ) -> MemoryContext:
        scope = self._scoped(thread_id, resource_id) if queries is not None else None
        hits, read = self._recalled(
            place,
            queries,
            scope,
            self._top_k,
            self._min_score,
            threadId=thread_id,
            resourceId=resource_id,
            last=self._last,
        )
        context = MemoryContext(messages=read.messages(), working_memory=self._working_memory(read), recalled=hits)
        if self._max_tokens is None:
            return context
        return _remembered.fitted(context, self._max_tokens, self._count_tokens)

    def recall(
        self,
        text: str,
        *,
        thread_id: str | None = None,
        resource_id: str | None = None,
        top_k: int = 4,
        min_score: float | None = None,
    ) -> Records[MemoryHit]:
        """Return the messages most similar to a text.

        Parameters
        ----------
        text : str
        thread_id, resource_id : str, optional
            Only messages of it. One of them is needed.
        top_k : int, default 4
            Upper bound on the number of messages.
        min_score : float, optional
            Leave out messages of lower scores.

        Returns
        -------
        list of MemoryHit
            By descending score, ties in stored order, each message by its nearest part, with its neighbours.

        Raises
        ------
        InvalidArgumentError
            The memory has no `embed`, neither a thread nor a resource is given, `embed` failed, or the index has
            vectors of another model.
        """
        place = "Memory.recall"
        if self._embedder is None:
            raise InvalidArgumentError(f"{place}: the memory has no embed; expected Memory(…, embed=…)")
        top_k = as_integer(f"{place}: top_k", top_k, 1, 1000)
        min_score = _least(min_score, place)
        scope = {
            name: key_text(f"{place}: {name}", value)
            for name, value in (("thread_id", thread_id), ("resource_id", resource_id))
            if value is not None
        }
        if not scope:
            raise InvalidArgumentError(f"{place}: neither thread_id nor resource_id is given; expected one of them")
        queries = self._embedded(place, plain_text(f"{place}: text", text))
        return (self._recalled(place, queries, scope, top_k, min_score, last=0))[0]

    def working_memory(self, thread_id: str) -> str | None:
        """Return the working memory of a thread, or of its resource, by the memory's `scope`; None if there is none."""
        place = "Memory.working_memory"
        read = self._read(place, [], threadId=key_text(f"{place}: thread_id", thread_id), last=0)
        return self._working_memory(read)

    def set_working_memory(
        self, thread_id: str, text: str | None, *, expected: str | EllipsisType | None = ...
    ) -> None:
        """Replace the working memory of a thread, or of its resource, by the memory's `scope`; None clears it.

        Parameters
        ----------
        thread_id : str
        text : str or None
        expected : str or None, optional
            The working memory that the new one replaces: if another writer changed it meanwhile, nothing changes.

        Raises
        ------
        ThreadNotFoundError
            The thread doesn't exist.
        WriteConflictError
            The working memory isn't the `expected` one. The error names the newer one, and has it in
            ``details["working_memory"]``.
        """
        place = "Memory.set_working_memory"
        fields: Row = {"text": plain_text(f"{place}: text", text)} if text else {}
        if not isinstance(expected, EllipsisType):
            # Nothing and no text are the same.
            fields["expected"] = {"text": plain_text(f"{place}: expected", expected)} if expected else {}
        id = key_text(f"{place}: thread_id", thread_id)
        self._storage.call("setWorkingMemory", THREADS, place=place, id=id, scope=self._scope, **fields)

    def forget(
        self,
        *,
        message_ids: Sequence[str] | None = None,
        thread_id: str | None = None,
        resource_id: str | None = None,
    ) -> None:
        """Delete messages, a thread, or all of a resource; exactly one is given. Unknown ids are ignored.

        A message and its vectors go in one transaction. A thread's messages, observations and working memory go with
        it, some at a time, the thread last. So do a resource's threads, its messages in threads of others, its
        observations and its working memory. After a failure, call again to complete it.
        """
        place = "Memory.forget"
        given = [name for name in (message_ids, thread_id, resource_id) if name is not None]
        if len(given) != 1:
            raise InvalidArgumentError(
                f"{place}: {len(given)} of message_ids, thread_id and resource_id are given; expected exactly one"
            )
        if message_ids is not None:
            self._records.delete_messages(key_texts(f"{place}: message_ids", message_ids))
        elif thread_id is not None:
            self._records.delete_thread(key_text(f"{place}: thread_id", thread_id))
        else:
            self._storage.repeat("forgetResource", RESOURCES, id=key_text(f"{place}: resource_id", resource_id))

    def watch(
        self, thread_id: str, text: str | None = None, *, resource_id: str | None = None
    ) -> Subscription[MemoryContext]:
        """Follow a context: what `context` returns, now and whenever that changes. Arguments are as for `context`.

        The text is embedded once.
        """
        place = "Memory.watch"
        thread_id = key_text(f"{place}: thread_id", thread_id)
        args: Row = {"threadId": thread_id, "last": float(self._last), "recalls": False}
        if resource_id is not None:
            args["resourceId"] = key_text(f"{place}: resource_id", resource_id)
        if text is not None and self._embedder is not None and self._top_k > 0:
            plain_text(f"{place}: text", text)
            args["recalls"] = True
        queries: list[_remembered.Queries] = []

        def read() -> MemoryContext:
            if args["recalls"] and not queries:
                queries.append(self._embedded(place, text or ""))
            return self._context(place, thread_id, resource_id, queries[0] if queries else None)

        return Contexts(self._functions._open, args, read)

    def _embedded(self, place: str, text: str) -> _remembered.Queries:
        """The vectors of a text, of each of its parts."""
        assert self._embedder is not None
        return list(self._embedder.embed(place, parts_of(text), lambda _: "text"))

    def _vectors_of(self, place: str, given: list[_remembered.Given]) -> dict[str, list[Row]]:
        """The vectors of each message by its id: ``id``, ``vector`` and ``metadata``."""
        vectors: dict[str, list[Row]] = {one.row["id"]: [] for one in given}
        if self._embedder is None:
            return vectors
        texts = [(one, part, text) for one in given for part, text in enumerate(one.parts)]

        def named(position: int) -> str:
            one, part, _ = texts[position]
            return one.place if len(one.parts) == 1 else f"{one.place}, part {part + 1} of {len(one.parts)}"

        matrix = self._embedder.embed(place, [text for _, _, text in texts], named)
        for (one, part, text), vector in zip(texts, matrix, strict=True):
            metadata = {"message_id": one.row["id"], "role": one.row["role"], "content": text, "part": part}
            # The first part has the message's id, as in Mastra's processor of recall.
            id = one.row["id"] if part == 0 else new_id()
            vectors[one.row["id"]].append({"id": id, "vector": vector, "metadata": metadata})
        return vectors

    def _index(self, dimension: int) -> Row:
        """The index of vectors of a dimension."""
        index = {"indexName": _remembered.index_name(dimension), "dimension": dimension, "metric": "cosine"}
        return index if self._model is None else {**index, "model": self._model}

    def _scoped(self, thread_id: str, resource_id: str | None) -> Row | None:
        """The part of the memory that a context recalls from; None if there is no such thread."""
        if self._scope == "thread":
            return {"thread_id": thread_id}
        if resource_id is None:
            thread = self._storage.load(THREADS, id=thread_id)
            resource_id = None if thread is None else thread["resourceId"]
        return None if resource_id is None else {"resource_id": resource_id}

    def _recalled(
        self,
        place: str,
        queries: _remembered.Queries | None,
        scope: Row | None,
        top_k: int,
        min_score: float | None,
        **asked: Any,
    ) -> tuple[Records[MemoryHit], _remembered.Read]:
        """The messages nearest to a text, and all that was read with them.

        A message may have several vectors, and a vector no message, or one that was moved. So more vectors are asked
        for until there are enough messages.
        """
        if not queries or scope is None or not all(np.any(query) for query in queries):
            # A vector of zeros, such as that of a text without known words, is similar to nothing.
            return Records(MemoryHit), self._read(place, [], **asked)
        index = self._index(len(queries[0]))
        vectors = wanted = top_k
        while True:
            nearest, is_all = self._nearest(index["indexName"], queries, scope, vectors, min_score)
            if len(nearest) < wanted and not is_all:
                vectors *= 4
                continue
            ids = list(nearest)[:wanted]
            read = self._read(
                place, ids, index=index, ofThread=scope.get("thread_id"), ofResource=scope.get("resource_id"), **asked
            )
            hits = read.hits([nearest[id] for id in ids])
            if len(hits) >= top_k or (is_all and wanted >= len(nearest)):
                return hits, read
            wanted += top_k - len(hits)
            vectors = max(vectors, wanted)

    @cached_property
    def _vectors(self) -> ConvexVector:
        """The rows of vectors. Many memories have none, and are made for a few calls."""
        return ConvexVector(self._deployment, storage_function=self._storage.function)

    def _nearest(
        self, index_name: str, queries: _remembered.Queries, scope: Row, top_k: int, min_score: float | None
    ) -> tuple[dict[str, QueryResult], bool]:
        """The nearest vector of each message, by descending score; and whether these are all."""
        hits: list[QueryResult] = []
        is_all = True
        for query in queries:
            try:
                results = self._vectors.query(index_name, query, top_k=top_k, filter=scope, min_score=min_score)
            except IndexNotFoundError:
                return {}, True
            is_all = is_all and len(results) < top_k
            hits += results
        if len(queries) > 1:
            hits.sort(key=lambda hit: -hit.score)
        nearest: dict[str, QueryResult] = {}
        for hit in hits:
            nearest.setdefault(str(hit.metadata.get("message_id")), hit)
        return nearest, is_all

    def _read(self, place: str, ids: list[str], **asked: Any) -> _remembered.Read:
        """A thread, its last messages and some messages with their neighbours.

        That is one transaction; if it is too large, each message is read in one of its own.
        """
        request = {"place": place, "around": self._around, **asked}
        try:
            reply: Row = self._storage.call("readMemory", MESSAGES, messageIds=ids, **request)
        except LimitExceededError:
            if not ids:
                raise
            reply = self._storage.call("readMemory", MESSAGES, messageIds=[], **request)
            request["last"] = 0
            for id in ids:
                one = self._storage.call("readMemory", MESSAGES, messageIds=[id], **request)
                reply["found"] += one["found"]
        return _remembered.Read(reply)

    def _working_memory(self, read: _remembered.Read) -> str | None:
        if self._scope == "resource":
            stored = read.resource.get("workingMemory")
        else:
            stored = dict_of(read.thread.get("metadata")).get("workingMemory")
        return stored if isinstance(stored, str) and stored else None


def _least(min_score: float | None, place: str) -> float | None:
    return None if min_score is None else finite_number(f"{place}: min_score", min_score)


def _in_bytes(vector: Row) -> Row:
    [embedding] = vector_bytes(vector["vector"][np.newaxis])
    return {"id": vector["id"], "metadata": vector["metadata"], **embedding}
