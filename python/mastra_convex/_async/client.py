"""The base of the classes that call a deployment."""

from __future__ import annotations

from types import TracebackType
from typing import Self, Unpack

from mastra_convex._async.deployment import AsyncDeployment, ConnectOptions, Target
from mastra_convex._async.package_functions import AsyncPackageFunctions
from mastra_convex._twins import refuse_twin


class AsyncClient:
    """A class over a deployment: it takes one, or opens one of its own and closes it."""

    def __init__(self, deployment: AsyncDeployment | Target, **options: Unpack[ConnectOptions]) -> None:
        self._owns_deployment = not isinstance(deployment, AsyncDeployment)
        if isinstance(deployment, AsyncDeployment):
            if options:
                raise TypeError(f"{type(self).__name__}: options {sorted(options)} belong to connect()")
            self._deployment = deployment
        else:
            refuse_twin(type(self).__name__, deployment)
            self._deployment = AsyncDeployment(deployment, **options)
        self._functions = AsyncPackageFunctions(self._deployment)

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
