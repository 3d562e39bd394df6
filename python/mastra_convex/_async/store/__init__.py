"""The store: one module a domain. ``_sync/store/`` is generated from it."""
