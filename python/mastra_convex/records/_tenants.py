"""Tenants: the organization and the project that records belong to."""

from collections.abc import Mapping
from typing import Any

from mastra_convex._arguments import key_text
from mastra_convex.records._pages import options

COLUMNS = {"organization_id": "organizationId", "project_id": "projectId"}


def tenant_columns(place: str, filters: Mapping[str, Any] | None) -> dict[str, str]:
    """The conditions of ``{"organization_id", "project_id"}``, each optional."""
    given = options(f"{place}: filters", filters, tuple(COLUMNS))
    return {
        COLUMNS[name]: key_text(f"{place}: filters {name}", value) for name, value in given.items() if value is not None
    }
