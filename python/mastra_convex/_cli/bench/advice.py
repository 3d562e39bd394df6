"""The advice that follows from a comparison, in sentences.

Users of `ConvexVector` get its strategy "auto", which begins with the first of its ways and ends with the last. So
first queries are compared by the first way, and repeated ones by the last.
"""

from __future__ import annotations

from mastra_convex._cli.bench.comparison import TOP_K, Comparison, Kind
from mastra_convex._cli.bench.quantities import duration, rounded
from mastra_convex._cli.bench.ways import NATIVE_CLASS, SCAN_CLASS, Way


def legend(comparison: Comparison) -> list[str]:
    """The meanings of the ways, a line each."""
    return [f"{way.name}: {way.class_name}; {way.meaning}" for way in comparison.ways]


def crossover_lines(comparison: Comparison, kind: Kind) -> list[str]:
    """The sizes at which the native way gets ahead of the others, for one kind of query."""
    return [
        f"{comparison.native.name} is ahead of {way.name} {_extent(comparison, way, kind)}" for way in comparison.scans
    ]


def _extent(comparison: Comparison, way: Way, kind: Kind) -> str:
    rows: float | None = getattr(comparison.crossover[way.name], kind)
    smallest = comparison.sizes[0].rows
    if rows is None:
        return f"at no size up to {comparison.largest.rows:,} rows"
    return f"at every size from {smallest:,} rows on" if rows == smallest else f"from about {rounded(rows)} rows on"


def recommendation(comparison: Comparison) -> str:
    """The advice in one sentence, and the reason in another."""
    return f"{advice(comparison)} {basis(comparison)}"


def headline(comparison: Comparison) -> str:
    """The advice in a line."""
    smallest = comparison.sizes[0].rows
    first, beyond = _first_crossover(comparison), _beyond(comparison)
    if beyond == smallest:
        return f"Use {NATIVE_CLASS}, from {smallest:,} rows on"
    if beyond is not None:
        return f"Use {SCAN_CLASS} up to about {rounded(beyond)} rows, {NATIVE_CLASS} beyond"
    if first is None or comparison.break_even is None:
        return f"Use {SCAN_CLASS}, at least up to {comparison.largest.rows:,} rows"
    often = rounded(comparison.break_even)
    return f"Use {SCAN_CLASS} in processes that ask {often} times or more, else {NATIVE_CLASS}"


def advice(comparison: Comparison) -> str:
    """The advice which class to use, and when a mirror pays."""
    smallest, largest = comparison.sizes[0].rows, comparison.largest
    begin, end, native = comparison.scans[0], comparison.scans[-1], comparison.native
    once, native_once = (duration(largest.median(way, "first")) for way in (begin, native))
    again, native_again = (duration(largest.median(way, "repeated")) for way in (end, native))
    first, beyond = _first_crossover(comparison), _beyond(comparison)
    if beyond is not None:
        ahead = (
            f"at {largest.rows:,} rows the first query of a process takes {native_once} against {once} by "
            f"{SCAN_CLASS}, and a repeated one {native_again} against {again}"
        )
        if beyond == smallest:
            return f"Use {NATIVE_CLASS} where equality filters and 256 results are enough: {ahead}."
        return f"Use {SCAN_CLASS} up to about {rounded(beyond)} rows and {NATIVE_CLASS} beyond: {ahead}."
    ahead = f"at {largest.rows:,} rows a repeated query takes {again} against {native_again} by {NATIVE_CLASS}"
    if first is None or comparison.break_even is None:
        use = f"Use {SCAN_CLASS}: {ahead}, and the first one of a process {once} against {native_once}"
    else:
        upto = "" if first == smallest else f"up to about {rounded(first)} rows, and beyond "
        use = (
            f"Use {SCAN_CLASS} {upto}in processes that ask about {rounded(comparison.break_even)} times or more: "
            f"{ahead}, which makes up for the first one ({once} against {native_once}); {NATIVE_CLASS} in those that "
            "ask less often"
        )
    return f"{use}{_mirror(comparison)}."


def _first_crossover(comparison: Comparison) -> float | None:
    """The number of rows from which the native way is ahead in a process's first query."""
    return comparison.crossover[comparison.scans[0].name].first


def _beyond(comparison: Comparison) -> float | None:
    """The number of rows from which the native way is better for any number of queries, if there is one."""
    repeated = comparison.crossover[comparison.scans[-1].name].repeated
    if repeated is None and comparison.break_even is None:
        return _first_crossover(comparison)
    return repeated


def _mirror(comparison: Comparison) -> str:
    """When a mirror pays, as the end of a sentence; nothing if `ConvexVector` has one way."""
    if len(comparison.scans) == 1:
        return ""
    if comparison.mirror_pays_from is None:
        return f"; a mirror saves less than a tenth of a query's time at {comparison.largest.rows:,} rows"
    return (
        f"; a mirror pays from about {rounded(comparison.mirror_pays_from)} queries of a process on at "
        f"{comparison.largest.rows:,} rows"
    )


def basis(comparison: Comparison) -> str:
    """The basis of the advice, and its limits."""
    largest = comparison.largest
    first, repeated = (
        min(getattr(measured, kind).queries for size in comparison.sizes for measured in size.ways.values())
        for kind in ("first", "repeated")
    )
    text = (
        f"This rests on medians of at least {repeated} repeated and {first} first queries a size for the best {TOP_K}, "
        f"over real embeddings of {comparison.dimension} numbers, {comparison.place}"
    )
    if comparison.is_real:
        recall = largest.ways[comparison.native.name].recall
        return f"{text}, where {NATIVE_CLASS} found {recall:.1%} of the exact answers at {largest.rows:,} rows."
    return (
        f"{text}, which searches exactly: recall and crossover of Convex's own index need a real deployment "
        "(mastra-convex bench https://….convex.cloud)."
    )
