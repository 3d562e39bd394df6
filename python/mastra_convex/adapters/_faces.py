"""Both faces of a deployment, for frameworks whose classes have methods to call and methods to await."""

from __future__ import annotations

from typing import Any

from mastra_convex import AsyncDeployment, Deployment
from mastra_convex._async.deployment import Target
from mastra_convex._async.package_functions import AsyncPackageFunctions
from mastra_convex._async.storage import AsyncStorage
from mastra_convex._sync.package_functions import PackageFunctions
from mastra_convex._sync.storage import Storage
from mastra_convex._twins import face_of

Given = Deployment | AsyncDeployment | Target


class Faces:
    """A deployment as one to call, `blocking`, and as one to await, `awaited`: two faces of one handle.

    A deployment that was given stays its owner's to close; one that was opened for a target is closed by `close`.
    """

    def __init__(self, given: Given, **options: Any) -> None:
        self._owns = not isinstance(given, Deployment | AsyncDeployment)
        if isinstance(given, Deployment | AsyncDeployment):
            if options:
                raise TypeError(f"options {sorted(options)} belong to connect()")
            handle: Deployment | AsyncDeployment = given
        else:
            handle = Deployment(given, **options)
        self.blocking = face_of(Deployment, handle)
        self.awaited = face_of(AsyncDeployment, handle)

    def storages(self, function: str) -> tuple[Storage, AsyncStorage]:
        """The storage function at a path, for both faces."""
        blocking = Storage(PackageFunctions(self.blocking), function)
        return blocking, AsyncStorage(AsyncPackageFunctions(self.awaited), function)

    def close(self) -> None:
        """Close the deployment, if it was opened here."""
        if self._owns:
            self.blocking.close()
