# Generated from _async/store/resources.py by tools/unasync.py: edit that.
"""Resources of a memory: the working memory and metadata of the owners of threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._arguments import key_text
from mastra_convex._sync.store.fenced_writes import FencedWrites
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import from_row, to_row
from mastra_convex.records._values import convex_dict, now
from mastra_convex.records.memory import Resource
from mastra_convex.records.workflows import RunFence
from mastra_convex.types import iso_text

RESOURCES = "mastra_resources"


class Resources(FencedWrites):
    """The resources of a memory."""

    def get_resource_by_id(self, resource_id: str) -> Resource | None:
        """Return a resource, or None."""
        row = self._storage.load(
            RESOURCES, id=key_text("MemoryStorage.get_resource_by_id: resource_id", resource_id)
        )
        return None if row is None else from_row(Resource, row)

    def save_resource(self, resource: Resource | Mapping[str, Any], *, fence: RunFence | None = None) -> Resource:
        """Insert a resource, or replace the one with its id. Working memory is kept if none is given.

        Returns
        -------
        Resource
            The stored record.
        """
        place = "MemoryStorage.save_resource"
        row = to_row(f"{place}: resource", Resource, resource)
        self._write(place, "insert", RESOURCES, fence, record=row)
        return from_row(Resource, row)

    def update_resource(
        self,
        resource_id: str,
        *,
        working_memory: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        fence: RunFence | None = None,
    ) -> Resource:
        """Replace a resource's working memory, merge into its metadata key by key, or both, in one transaction.

        An argument that is None changes nothing. A missing resource is created.

        Returns
        -------
        Resource
            The updated record.
        """
        place = "MemoryStorage.update_resource"
        if working_memory is not None and not isinstance(working_memory, str):
            raise InvalidArgumentError(f"{place}: working_memory is {working_memory!r:.80}; expected text")
        moment = iso_text(now())
        row = self._write(
            place,
            "updateResource",
            RESOURCES,
            fence,
            resourceId=key_text(f"{place}: resource_id", resource_id),
            workingMemory=working_memory,
            metadata=None if metadata is None else convex_dict(f"{place}: metadata", metadata),
            createdAt=moment,
            updatedAt=moment,
        )
        return from_row(Resource, row)
