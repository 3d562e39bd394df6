"""The client classes, as they are written; `_sync` is generated from here by ``tools/unasync.py``."""
