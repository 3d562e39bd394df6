"""Exact search beside its peers: the same questions, taking turns in one run, every answer checked."""
