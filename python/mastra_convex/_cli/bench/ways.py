"""The ways to search that are compared: a class, and where `ConvexVector` scores the rows."""

from __future__ import annotations

from dataclasses import dataclass

from mastra_convex._sync.mastra_vector import Strategy

SCAN_CLASS, NATIVE_CLASS = "ConvexVector", "ConvexNativeVector"


@dataclass(frozen=True)
class Way:
    """A class, and where it scores the rows.

    Attributes
    ----------
    name : str
        The name in tables, lines of the plot and JSON.
    class_name : str
        The class.
    strategy : str or None
        The strategy to ask `ConvexVector` for; None for the other class, which has none.
    meaning : str
        Where the rows are scored.
    """

    name: str
    class_name: str
    strategy: Strategy | None
    meaning: str


SERVER = Way("server", SCAN_CLASS, "server", "the deployment scores the rows")
MIRROR = Way("mirror", SCAN_CLASS, "mirror", "the client scores the rows, which it keeps in memory")
EMBEDDED = Way("embedded", SCAN_CLASS, "auto", "the kernel scores the rows where they are, in this process")
NATIVE = Way("native", NATIVE_CLASS, None, "Convex's own vector index")
