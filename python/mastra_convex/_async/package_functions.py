"""This package's functions of a deployment: the seam under every class but the deployment's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mastra_convex import _native
from mastra_convex._async._call import FunctionKind, NativeDeployment, call, call_function, read_function
from mastra_convex._async.deployment import AsyncDeployment
from mastra_convex._async.subscription import AsyncSubscription

T = TypeVar("T")


# Functions that an admin key calls, and those beside them that ask the rules of ``auth.ts`` and are for users. A path
# of a program's own leads to one function for every caller.
AS_USER = {
    "mastra/storage:handle": "mastra/storage:handleAsUser",
    "mastra/cache:handle": "mastra/cache:handleAsUser",
    "mastra/nativeVector:query": "mastra/nativeVector:queryAsUser",
    "mastra/nativeVector:read": "mastra/nativeVector:readAsUser",
    "mastra/nativeVector:write": "mastra/nativeVector:writeAsUser",
}


class AsyncPackageFunctions:
    """Calls this package's functions of a deployment.

    The rules of ``auth.ts`` are about users, and the owner is none. Through this handle the owner calls the functions
    that no rule guards, and live queries as the administrator, whom every rule admits. A user stays the same user.
    """

    def __init__(self, deployment: AsyncDeployment) -> None:
        self._deployment = deployment
        self._native: NativeDeployment | None = None

    @property
    def url(self) -> str:
        """The deployment's target."""
        return self._deployment.url

    def path(self, function: str) -> str:
        """Where the function at a path is for the caller."""
        return function if self._deployment._is_owners else AS_USER.get(function, function)

    async def call(self, kind: FunctionKind, path: str, args: dict[str, Any]) -> Any:
        """Call a function that may write."""
        native = await self._open()
        return await call_function(native, kind, self.path(path), args)

    async def read(self, kind: FunctionKind, path: str, args: dict[str, Any]) -> Any:
        """Call a function that only reads. The call is repeated if its answer gets lost."""
        native = await self._open()
        return await read_function(native, kind, self.path(path), args)

    def watch(self, path: str, args: dict[str, Any], shape: Callable[[Any], T]) -> AsyncSubscription[T]:
        """Follow a query, whose results `shape` converts."""
        return AsyncSubscription(self._open, path, args, shape)

    async def describe(self, index: _native.VectorIndex) -> tuple[int, str] | None:
        """The dimension and metric of a vector index; None if there is no such index."""
        native = await self._open()
        return await call(native.describe, index)

    async def search(
        self,
        index: _native.VectorIndex,
        query_vector: Any,
        top_k: int,
        *,
        filter: Any,
        include_vector: bool,
        min_score: float | None,
    ) -> _native.QueryResults | None:
        """The results of a search in the deployment; None if the rows are to be scored here."""
        native = await self._open()
        return await call(
            native.search, index, query_vector, top_k, filter=filter, include_vector=include_vector, min_score=min_score
        )

    async def vectors(self, index: _native.VectorIndex) -> _native.VectorBatch | None:
        """The rows of a vector index after the last commit, ready to score; None if there is no such index.

        This is the one path that doesn't go through the functions where they run in this process.
        """
        native = await self._open()
        return await call(native.vectors, index)

    async def declare_vector_table(self, table_name: str, options: dict[str, Any]) -> None:
        """Add a table with a vector index to the schema, where this package may extend it: in this process."""
        native = await self._open()
        if isinstance(native, _native.EmbeddedDeployment):
            await call(native.declare_vector_table, table_name, options)

    async def _open(self) -> NativeDeployment:
        # The deployment says whether it is closed.
        native = await self._deployment._open()
        if self._native is None:
            self._native = native.as_administrator()
        return self._native
