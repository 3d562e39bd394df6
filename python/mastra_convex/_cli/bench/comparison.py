"""The measurements of both classes, and the advice that follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from mastra_convex._cli.bench.network import Network

TOP_K = 10
SCAN, NATIVE = "ConvexVector", "ConvexNativeVector"
Kind = Literal["first", "repeated"]


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
class Side:
    """One class at one size.

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
    """Both classes over the same rows."""

    rows: int
    scan: Side
    native: Side


@dataclass(frozen=True)
class Crossover:
    """The number of rows from which `ConvexNativeVector` is faster, by medians; None at no measured size."""

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
    sizes : list of Size
        By ascending rows.
    """

    target: str | None
    kind: Literal["embedded", "http"]
    network: Network | None
    dimension: int
    machine: str
    command: str
    date: str
    sizes: list[Size]
    crossover: Crossover = field(init=False)

    def __post_init__(self) -> None:
        crossover = Crossover(first=self._crossover("first"), repeated=self._crossover("repeated"))
        object.__setattr__(self, "crossover", crossover)

    @property
    def largest(self) -> Size:
        """The size with the most rows."""
        return self.sizes[-1]

    @property
    def break_even(self) -> int:
        """The number of queries in a process, at the largest size, from which `ConvexVector` takes no longer in total.

        It applies if `ConvexVector`'s first query is slower, and its repeated queries are faster.
        """
        scan, native = self.largest.scan, self.largest.native
        return 1 + math.ceil((scan.first.p50 - native.first.p50) / (native.repeated.p50 - scan.repeated.p50))

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
        """The output of ``--json``."""
        return asdict(self) | {"top_k": TOP_K, "recommendation": recommendation(self)}

    def _crossover(self, kind: Kind) -> float | None:
        return crossover(
            [size.rows for size in self.sizes],
            [getattr(size.scan, kind).p50 for size in self.sizes],
            [getattr(size.native, kind).p50 for size in self.sizes],
        )


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


def crossover_text(comparison: Comparison, kind: Kind) -> str:
    """The size at which the lines of one kind of query cross."""
    rows, sizes = getattr(comparison.crossover, kind), comparison.sizes
    if rows is None:
        return f"{SCAN} is ahead at every size up to {comparison.largest.rows:,} rows"
    if rows == sizes[0].rows:
        return f"{NATIVE} is ahead at every size from {sizes[0].rows:,} rows on"
    return f"{NATIVE} is ahead from about {_rounded(rows)} rows on"


def recommendation(comparison: Comparison) -> str:
    """The advice in one sentence, and the reason in another."""
    return f"{advice(comparison)} {basis(comparison)}"


def headline(comparison: Comparison) -> str:
    """The advice in a line."""
    largest, first, repeated = comparison.largest.rows, comparison.crossover.first, comparison.crossover.repeated
    if repeated is None:
        if first is None:
            return f"Use {SCAN}, at least up to {largest:,} rows"
        return f"Use {SCAN} in processes that ask {_rounded(comparison.break_even)} times or more, else {NATIVE}"
    if repeated == comparison.sizes[0].rows:
        return f"Use {NATIVE}, from {comparison.sizes[0].rows:,} rows on"
    return f"Use {SCAN} up to about {_rounded(repeated)} rows, {NATIVE} beyond"


def advice(comparison: Comparison) -> str:
    """The advice which class to use."""
    largest, first, repeated = comparison.largest, comparison.crossover.first, comparison.crossover.repeated
    smallest = comparison.sizes[0].rows
    again = (
        f"at {largest.rows:,} rows a repeated query takes {duration(largest.scan.repeated.p50)} "
        f"against {duration(largest.native.repeated.p50)} by {NATIVE}"
    )
    if repeated is None and first is None:
        once = f"{duration(largest.scan.first.p50)} against {duration(largest.native.first.p50)}"
        return f"Use {SCAN}: {again}, and the first one of a process {once}."
    if repeated is None:
        return (
            f"Use {SCAN} in processes that ask about {_rounded(comparison.break_even)} times or more: {again}, which "
            f"makes up for the first one ({duration(largest.scan.first.p50)} against "
            f"{duration(largest.native.first.p50)}); {NATIVE} in those that ask less often."
        )
    back = (
        f"at {largest.rows:,} rows a repeated query takes {duration(largest.native.repeated.p50)} "
        f"against {duration(largest.scan.repeated.p50)} by {SCAN}"
    )
    if repeated == smallest:
        return (
            f"Use {NATIVE} where equality filters and 256 results are enough: it is ahead "
            f"{_from(repeated, smallest)}, and {back}."
        )
    return f"Use {SCAN} up to about {_rounded(repeated)} rows and {NATIVE} beyond: {back}."


def basis(comparison: Comparison) -> str:
    """The basis of the advice, and its limits."""
    largest = comparison.largest
    first, repeated = (
        min(getattr(side, kind).queries for size in comparison.sizes for side in (size.scan, size.native))
        for kind in ("first", "repeated")
    )
    text = (
        f"This rests on medians of at least {repeated} repeated and {first} first queries a size for the best {TOP_K}, "
        f"over real embeddings of {comparison.dimension} numbers, {comparison.place}"
    )
    if comparison.is_real:
        return (
            f"{text}, where {NATIVE} found {largest.native.recall:.1%} of the exact answers at {largest.rows:,} rows."
        )
    return (
        f"{text}, which searches exactly: recall and crossover of Convex's own index need a real deployment "
        "(mastra-convex bench https://….convex.cloud)."
    )


def _from(rows: float | None, smallest: int) -> str:
    assert rows is not None, "asked for where there is a crossover"
    return f"at every size from {smallest:,} rows on" if rows == smallest else f"from about {_rounded(rows)} rows on"


def _rounded(rows: float) -> str:
    """A number with two digits, since more would not be reliable."""
    digits = max(0, math.floor(math.log10(rows)) - 1)
    return f"{round(rows, -digits):,.0f}"


def duration(milliseconds: float) -> str:
    """Milliseconds or seconds, with significant digits only."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    decimals = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 2
    return f"{milliseconds:.{decimals}f} ms"


def size_of(count: float | None) -> str:
    """Bytes, with significant digits only."""
    if count is None:
        return "–"
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def recall_of(side: Side) -> str:
    """Recall, with a word if it is 1."""
    return "exact" if side.recall == 1 else f"{side.recall:.1%}"


def phases_of(comparison: Comparison) -> list[str]:
    """The phases that took some time, in order, then the remaining time."""
    sides = [side for size in comparison.sizes for side in (size.scan, size.native)]
    took = {phase: max(side.seconds.get(phase, 0.0) for side in sides) for side in sides for phase in side.seconds}
    return sorted((phase for phase, seconds in took.items() if seconds >= 1e-6), key=lambda phase: phase == "other")
