"""Adapters for the frameworks that people use, a module each. Each needs the extra of its name."""
