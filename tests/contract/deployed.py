"""The deployment that the environment names for the contract tests, if any.

Its functions are those of ``convex/``, and its schema has the tables of ``convex/`` and `NATIVE_TABLES`. All its data
is deleted before each test.
"""

from __future__ import annotations

import os
from typing import Any

# Native vector tables, by the options of `defineMastraNativeVectorTable`.
NATIVE_TABLES: dict[str, dict[str, Any]] = {
    "docs_vectors": {"dimensions": 2, "filterFields": ["kind", "n"]},
    "real_vectors": {"dimensions": 384, "filterFields": ["kind", "public"]},
    "odd": {
        "dimensions": 2,
        "filterFields": ["kind"],
        "idField": "key",
        "idIndexName": "by_key",
        "vectorField": "v",
        "metadataField": "m",
    },
}

URL = os.environ.get("CONVEX_TEST_URL")
ADMIN_KEY = os.environ.get("CONVEX_TEST_ADMIN_KEY")
STORAGE = os.environ.get("CONVEX_TEST_STORAGE_FUNCTION", "mastra/storage:handle")
