"""`import_snapshot`: a snapshot's tables into a deployment, whose calls are awaited or not."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import overload

from mastra_convex._async.deployment import AsyncDeployment
from mastra_convex._native import SnapshotSummary
from mastra_convex._snapshots import Progress
from mastra_convex._sync.deployment import Deployment


@overload
def import_snapshot(
    deployment: Deployment,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    replace_all: bool = False,
    progress: Progress | None = None,
) -> SnapshotSummary: ...
@overload
def import_snapshot(
    deployment: AsyncDeployment,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    replace_all: bool = False,
    progress: Progress | None = None,
) -> Awaitable[SnapshotSummary]: ...
def import_snapshot(
    deployment: Deployment | AsyncDeployment,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    replace_all: bool = False,
    progress: Progress | None = None,
) -> SnapshotSummary | Awaitable[SnapshotSummary]:
    """Import a snapshot: `Deployment.import_snapshot`, or for ``await`` that of an `AsyncDeployment`."""
    return deployment.import_snapshot(path, replace=replace, replace_all=replace_all, progress=progress)
