"""A Convex deployment: where functions run, and the seam under every other class."""

from __future__ import annotations

import os
import re
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack

from mastra_convex import _native
from mastra_convex._async._call import call
from mastra_convex.errors import ConfigurationError, MastraConvexError
from mastra_convex.types import Metric

Target = str | os.PathLike[str]


class ConnectOptions(TypedDict, total=False):
    """What ``connect`` takes besides the target."""

    functions: str | os.PathLike[str] | None
    limits: Literal["convex", "off"]
    synchronous: Literal["full", "normal"]


class VectorSource(TypedDict):
    """Which vectors: those of the documents whose first indexed fields equal ``prefix``, in the index's order."""

    table: str
    index: str
    prefix: list[str]
    vector_field: str
    dimension: int
    id_field: str
    metadata_field: str
    metric: Metric


class AsyncDeployment:
    """A handle on a deployment; ``connect_async`` makes one. It opens at the first await, or by ``async with``.

    Attributes
    ----------
    url : str
        The target: the folder, or ``":memory:"``.
    kind : {"embedded"}
        Where the functions run: in this process.
    """

    kind: Literal["embedded"] = "embedded"

    def __init__(self, target: Target, **options: Unpack[ConnectOptions]) -> None:
        self.url = os.fspath(target)
        if not self.url:
            raise ConfigurationError('connect: the target is empty; expected a folder, or ":memory:"')
        # A Path has lost one of the slashes.
        if re.match(r"\w\w+:/", self.url):
            raise ConfigurationError(
                f"connect: {self.url.split('/')[0]}// targets can't be reached by this version",
                hint='Connect to a folder, or to ":memory:".',
            )
        unknown = options.keys() - ConnectOptions.__annotations__.keys()
        if unknown:
            known = ", ".join(ConnectOptions.__annotations__)
            raise TypeError(f"connect: unknown options {sorted(unknown)}; there are: {known}")
        self._options = options
        self._opening = Lock()
        self._embedded: _native.EmbeddedDeployment | None = None
        self._closed = False

    async def query(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call a query function.

        Parameters
        ----------
        path : str
            ``"dir/module:export"``.
        args : dict, optional
            Its arguments: Convex values as Python values. NumPy arrays of floats are lists of numbers.

        Returns
        -------
        object
            Convex values as Python values; whole numbers are ``int``, others ``float``.

        Raises
        ------
        FunctionNotFoundError
            There is no such function; those that exist are named.
        FunctionError
            It failed; a thrown ``ConvexError`` is an `ApplicationError`.
        """
        return await self._call("query", path, args)

    async def mutation(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call a mutation function, as `query` does; when this returns, its writes are kept."""
        return await self._call("mutation", path, args)

    async def action(self, path: str, args: dict[str, Any] | None = None) -> Any:
        """Call an action function, as `query` does."""
        return await self._call("action", path, args)

    async def _vectors(self, source: VectorSource) -> _native.VectorBatch:
        """The rows of a vector index after the last commit, ready to score."""
        embedded = await self._open()
        return await call(embedded.vectors, **source)

    async def _commit_timestamp(self) -> int:
        """A number that grows with each commit that wrote."""
        return (await self._open()).commit_timestamp()

    async def _declare_vector_table(self, table_name: str, options: dict[str, Any]) -> None:
        """Make sure that the schema has a table with a vector index."""
        embedded = await self._open()
        await call(embedded.declare_vector_table, table_name, options)

    async def close(self) -> None:
        """Close this handle. The last handle of the process on a folder closes the folder. Again: nothing."""
        self._closed = True
        if self._embedded is not None:
            await call(self._embedded.close)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def _call(self, kind: Literal["query", "mutation", "action"], path: str, args: dict[str, Any] | None) -> Any:
        embedded = await self._open()
        return await call(embedded.call, kind, path, args or {})

    async def _open(self) -> _native.EmbeddedDeployment:
        if self._embedded is None:
            await call(self._connect)
        if self._embedded is None or self._closed:
            raise MastraConvexError("this deployment is closed", code="Closed")
        return self._embedded

    def _connect(self) -> None:
        with self._opening:
            if self._embedded is not None or self._closed:
                return
            functions = self._options.get("functions")
            self._embedded = _native.EmbeddedDeployment(
                None if self.url == ":memory:" else Path(self.url).expanduser(),
                functions=None if functions is None else Path(functions),
                limits=self._options.get("limits", "convex"),
                synchronous=self._options.get("synchronous", "full"),
            )


class AsyncClient:
    """What the classes over a deployment share: they take one, or open one of their own and close it."""

    def __init__(self, deployment: AsyncDeployment | Target, **options: Unpack[ConnectOptions]) -> None:
        self._owns_deployment = not isinstance(deployment, AsyncDeployment)
        if isinstance(deployment, AsyncDeployment):
            if options:
                raise TypeError(f"{type(self).__name__}: options {sorted(options)} belong to connect()")
            self._deployment = deployment
        else:
            self._deployment = AsyncDeployment(deployment, **options)

    async def close(self) -> None:
        """Close the deployment, if this object opened it."""
        if self._owns_deployment:
            await self._deployment.close()

    async def __aenter__(self) -> Self:
        await self._deployment._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._deployment.url!r})"
