"""`ConvexCache`: LangChain's cache of model answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.load import dumps, loads
from langchain_core.load.serializable import Serializable
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk

from mastra_convex import AsyncConvexServerCache, ConvexServerCache
from mastra_convex.adapters._faces import Faces, Given

# The classes that an answer is made of. Stored data of any writer is turned into no others.
CLASSES: list[type[Serializable]] = [
    *(Generation, GenerationChunk, ChatGeneration, ChatGenerationChunk),
    *(AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage, FunctionMessage, ChatMessage),
]


class ConvexCache(BaseCache):
    """Answers of models by prompt, in the deployment's cache. Processes that share a deployment share answers.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the cache is. This object closes only what it opened itself.
    key_prefix : str, default "langchain:cache:"
        Begins all its keys; `clear` deletes the keys of this prefix.
    ttl_ms : float, default 0
        Milliseconds until an answer expires. 0: never.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self, deployment: Given, *, key_prefix: str = "langchain:cache:", ttl_ms: float = 0, **options: Any
    ) -> None:
        self._faces = Faces(deployment, **options)
        self._cache = ConvexServerCache(self._faces.blocking, key_prefix=key_prefix, ttl_ms=ttl_ms)
        self._async_cache = AsyncConvexServerCache(self._faces.awaited, key_prefix=key_prefix, ttl_ms=ttl_ms)

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return what a model answered to a prompt; None if that isn't known."""
        return _generations(self._cache.get(_key(prompt, llm_string)))

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """As `lookup`."""
        return _generations(await self._async_cache.get(_key(prompt, llm_string)))

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Keep what a model answered to a prompt, instead of an earlier answer."""
        self._cache.set(_key(prompt, llm_string), [dumps(generation) for generation in return_val])

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """As `update`."""
        await self._async_cache.set(_key(prompt, llm_string), [dumps(generation) for generation in return_val])

    def clear(self, **kwargs: Any) -> None:
        """Delete all answers under this prefix."""
        self._cache.clear()

    async def aclear(self, **kwargs: Any) -> None:
        """As `clear`."""
        await self._async_cache.clear()

    def close(self) -> None:
        """Close the deployment, if this object opened it."""
        self._faces.close()


def _key(prompt: str, llm_string: str) -> str:
    """A short key, since prompts may be longer than a key can be."""
    return hashlib.sha256(f"{len(prompt)}:{prompt}{llm_string}".encode()).hexdigest()


def _generations(stored: Sequence[str] | None) -> list[Generation] | None:
    if stored is None:
        return None
    return [loads(text, allowed_objects=CLASSES) for text in stored]
