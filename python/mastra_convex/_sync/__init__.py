"""The sync twins of the client classes: generated from `_async` by ``tools/unasync.py``, but for ``_call.py``."""
