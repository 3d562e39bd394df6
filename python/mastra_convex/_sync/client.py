# Generated from _async/client.py by tools/unasync.py: edit that.
"""The base of the classes that call a deployment."""

from __future__ import annotations

from types import TracebackType
from typing import Self, Unpack

from mastra_convex._sync.deployment import Deployment, ConnectOptions, Target
from mastra_convex._sync.package_functions import PackageFunctions
from mastra_convex._twins import refuse_twin


class Client:
    """A class over a deployment: it takes one, or opens one of its own and closes it."""

    def __init__(self, deployment: Deployment | Target, **options: Unpack[ConnectOptions]) -> None:
        self._owns_deployment = not isinstance(deployment, Deployment)
        if isinstance(deployment, Deployment):
            if options:
                raise TypeError(f"{type(self).__name__}: options {sorted(options)} belong to connect()")
            self._deployment = deployment
        else:
            refuse_twin(type(self).__name__, deployment)
            self._deployment = Deployment(deployment, **options)
        self._functions = PackageFunctions(self._deployment)

    def close(self) -> None:
        """Close the deployment, if this object opened it."""
        if self._owns_deployment:
            self._deployment.close()

    def __enter__(self) -> Self:
        self._deployment._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._deployment.url!r})"
