"""The store: one module a domain. Generated from ``_async/store/``."""
