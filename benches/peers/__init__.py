"""Exact search compared with its peers: the same queries, in turns within one run, with every answer checked."""
