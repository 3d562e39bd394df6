"""An agent's memory. ``_sync/memory/`` is generated from it."""
