"""A function that makes vectors of texts, with its answers checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from mastra_convex._arguments import MAX_DIMENSION, Floats, as_integer, as_vector
from mastra_convex._async._call import call_given
from mastra_convex.errors import DimensionMismatchError, InvalidArgumentError

# A function from a list of texts to a vector for each, sync or async; or an object with such a method ``encode``.
Embed: TypeAlias = Any


class AsyncEmbedder:
    """Embeds texts, some at a time. All its vectors have the dimension of the first one.

    Parameters
    ----------
    place : str
        Where `embed` was given, for errors.
    embed : callable, or an object with ``encode``
    batch_size : int, default 64
        The most texts that are embedded at once.
    dimension : int, optional
        The dimension to expect, if it is known.
    """

    def __init__(self, place: str, embed: Embed, batch_size: int = 64, dimension: int | None = None) -> None:
        # A text has a method of that name too.
        encode = None if isinstance(embed, str) else getattr(embed, "encode", None)
        self._embed = encode if callable(encode) else embed
        if not callable(self._embed):
            raise InvalidArgumentError(
                f"{place}: embed is {embed!r:.80}; expected a function from texts to vectors, or an object with encode"
            )
        self._batch_size = as_integer(f"{place}: embed_batch_size", batch_size, 1, 2**31)
        self._dimension = dimension

    async def embed(self, place: str, texts: Sequence[str], named: Callable[[int], str]) -> Floats:
        """Return a vector for each text, shape (texts, dimension); `named` is the place of a text for errors."""
        vectors: list[Floats] = []
        for begin in range(0, len(texts), self._batch_size):
            some = list(texts[begin : begin + self._batch_size])
            answer = await self._answer(place, some, begin, named)
            for position, vector in enumerate(answer, begin):
                vectors.append(self._checked(f"{place}: embed's vector of {named(position)}", vector))
        return cast(Floats, np.stack(vectors)) if vectors else np.empty((0, 0), np.float32)

    async def _answer(self, place: str, texts: list[str], begin: int, named: Callable[[int], str]) -> list[Any]:
        last = begin + len(texts) - 1
        names = named(begin) if len(texts) == 1 else f"{named(begin)} to {named(last)}"
        try:
            given = await call_given(self._embed, texts)
            is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
            answer = list(given) if is_list else []
        except Exception as error:
            raise InvalidArgumentError(
                f"{place}: embed failed for {names}: {type(error).__name__}: {error!s:.200}"
            ) from error
        if not is_list:
            raise InvalidArgumentError(
                f"{place}: embed gave {given!r:.80} for {names}; expected a list with a vector for each text"
            )
        if len(answer) != len(texts):
            raise InvalidArgumentError(
                f"{place}: embed gave {len(answer)} vectors for {len(texts)} texts, {names}; expected one for each"
            )
        return answer

    def _checked(self, place: str, vector: Any) -> Floats:
        try:
            size = len(vector)
        except TypeError:
            raise InvalidArgumentError(f"{place} is {vector!r:.80}; expected a list of numbers") from None
        if not 0 < size <= MAX_DIMENSION:
            raise InvalidArgumentError(f"{place} has {size} numbers; expected 1 to {MAX_DIMENSION}")
        if self._dimension not in (None, size):
            raise DimensionMismatchError(
                f"{place} has {size} dimensions; expected {self._dimension}, as others have",
                details={"found": size, "expected": self._dimension},
            )
        checked = as_vector(place, vector, size)
        self._dimension = size
        return checked
