"""Paths in the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "data"
# Folders of functions that deployments in tests run.
FUNCTIONS = Path(__file__).parent / "functions"
# Clients written in JavaScript.
CLIENTS = Path(__file__).parent / "clients"
