"""The measurements of all ways, and what follows from their medians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from mastra_convex._cli.bench.network import Network
from mastra_convex._cli.bench.ways import Way

TOP_K = 10
Kind = Literal["first", "repeated"]

# A way is ahead of another if its median is a tenth below. Closer medians change places from run to run.
AHEAD = 1.1


@dataclass(frozen=True)
class Latency:
    """Quantiles of queries' times in milliseconds, interpolated between the two nearest times."""

    queries: int
    p5: float
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, took_ms: Sequence[float]) -> Latency:
        """The quantiles of some times."""
        return cls(len(took_ms), *(float(quantile) for quantile in np.quantile(took_ms, [0.05, 0.5, 0.95, 0.99])))


@dataclass(frozen=True)
class Measured:
    """The measurements of one way at one size.

    Attributes
    ----------
    first, repeated : Latency
        Of a new client's first query, and of the queries after it.
    first_bytes, repeated_bytes : float or None
        The mean number of bytes of such a query; None if they weren't counted.
    seconds : dict
        The mean time of each phase of a repeated query, as far as the class reports it.
    strategy : str
        How repeated queries read the rows.
    recall : float
        The share of the exact answers that was found, over both kinds of query. An equal score counts as found.
    """

    first: Latency
    repeated: Latency
    first_bytes: float | None
    repeated_bytes: float | None
    seconds: dict[str, float]
    strategy: str
    recall: float


@dataclass(frozen=True)
class Size:
    """The measurements of all ways, by name, over the same rows."""

    rows: int
    ways: dict[str, Measured]

    def median(self, way: Way, kind: Kind) -> float:
        """The median time of one kind of query, in milliseconds."""
        latency: Latency = getattr(self.ways[way.name], kind)
        return latency.p50


@dataclass(frozen=True)
class Crossover:
    """The number of rows from which the native way is ahead of another, by medians; None at no measured size."""

    first: float | None
    repeated: float | None


@dataclass(frozen=True)
class Comparison:
    """The results of a run.

    Attributes
    ----------
    target : str or None
        The deployment or folder; None for a deployment that the command served itself.
    kind : {"embedded", "http"}
        Where the functions ran, as the classes report it.
    network : Network or None
        The simulated network.
    ways : tuple of Way
        Those of `ConvexVector`, in the order in which its strategy "auto" takes them, then the native one.
    sizes : list of Size
        By ascending rows.
    crossover : dict of str to Crossover
        Of each way of `ConvexVector` with the native one.
    mirror_pays_from : int or None
        The number of queries in a process, at the largest size, from which a mirror takes no longer in total than
        asking the deployment; None if its queries aren't ahead, or if there is no such choice.
    """

    target: str | None
    kind: Literal["embedded", "http"]
    network: Network | None
    dimension: int
    machine: str
    command: str
    date: str
    ways: tuple[Way, ...]
    sizes: list[Size]
    crossover: dict[str, Crossover] = field(init=False)
    mirror_pays_from: int | None = field(init=False)

    def __post_init__(self) -> None:
        crossover = {
            way.name: Crossover(first=self._crossover(way, "first"), repeated=self._crossover(way, "repeated"))
            for way in self.scans
        }
        object.__setattr__(self, "crossover", crossover)
        object.__setattr__(self, "mirror_pays_from", self._mirror_pays_from())

    @property
    def scans(self) -> tuple[Way, ...]:
        """The ways of `ConvexVector`: with "auto" a process begins with the first, and ends with the last."""
        return self.ways[:-1]

    @property
    def native(self) -> Way:
        """The way of `ConvexNativeVector`."""
        return self.ways[-1]

    @property
    def largest(self) -> Size:
        """The size with the most rows."""
        return self.sizes[-1]

    @property
    def break_even(self) -> int | None:
        """The number of queries in a process, at the largest size, from which `ConvexVector` with the strategy "auto"
        takes no longer in total than `ConvexNativeVector`. None if its last way isn't ahead.

        It applies if `ConvexVector`'s first query is slower. "auto" asks the deployment until that took as long as the
        transfer of a mirror would, then transfers it.
        """
        begin, end = self.scans[0], self.scans[-1]
        first, repeated, transfer, kept = (
            self.largest.median(way, kind) for way in (begin, end) for kind in ("first", "repeated")
        )
        native_first, native = (self.largest.median(self.native, kind) for kind in ("first", "repeated"))
        if native < AHEAD * kept:
            return None
        asked = 0 if begin is end else 1 + max(0, math.ceil((transfer - first) / repeated))
        waited = first + (asked - 1) * repeated if asked else 0.0
        behind = waited + transfer - (asked + 1) * kept - (native_first - native)
        return max(asked + 1, math.ceil(behind / (native - kept)))

    @property
    def is_real(self) -> bool:
        """Whether Convex's own index may have been measured. It wasn't if the deployment was this package's."""
        return self.target is not None and self.kind == "http"

    @property
    def place(self) -> str:
        """The place of the measurement, for the middle of a sentence."""
        if self.kind == "embedded":
            return f"in the folder {self.target}, opened by the same process"
        where = "in an embedded deployment" if self.target is None else f"on {self.target}"
        return where if self.network is None else f"{where} beyond {self.network}"

    def as_json(self) -> dict[str, Any]:
        """The measurements and what follows from them, for ``--json``."""
        return asdict(self) | {"top_k": TOP_K}

    def _crossover(self, way: Way, kind: Kind) -> float | None:
        return crossover(
            [size.rows for size in self.sizes],
            [size.median(way, kind) for size in self.sizes],
            [AHEAD * size.median(self.native, kind) for size in self.sizes],
        )

    def _mirror_pays_from(self) -> int | None:
        if len(self.scans) == 1:
            return None
        server, mirror = self.scans
        first, repeated, transfer, kept = (
            self.largest.median(way, kind) for way in (server, mirror) for kind in ("first", "repeated")
        )
        if repeated < AHEAD * kept:
            return None
        return max(1, 1 + math.ceil((transfer - first) / (repeated - kept)))


def crossover(rows: Sequence[int], scan: Sequence[float], native: Sequence[float]) -> float | None:
    """The size from which the second line stays below the first, with both straight on logarithmic axes.

    The smallest size if it is below everywhere; None if it isn't below at the largest size.
    """
    behind = [math.log(native_ms / scan_ms) for scan_ms, native_ms in zip(scan, native, strict=True)]
    at = next((at for at in reversed(range(len(rows))) if behind[at] > 0), None)
    if at is None:
        return float(rows[0])
    if at == len(rows) - 1:
        return None
    part = behind[at] / (behind[at] - behind[at + 1])
    return float(rows[at] * (rows[at + 1] / rows[at]) ** part)


def phases_of(comparison: Comparison) -> list[str]:
    """The phases that took some time, in order, then the remaining time."""
    every = [measured.seconds for size in comparison.sizes for measured in size.ways.values()]
    took = {phase: max(seconds.get(phase, 0.0) for seconds in every) for seconds in every for phase in seconds}
    return sorted((phase for phase, seconds in took.items() if seconds >= 1e-6), key=lambda phase: phase == "other")
