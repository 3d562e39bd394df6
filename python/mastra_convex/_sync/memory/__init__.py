"""An agent's memory. Generated from ``_async/memory/``."""
