"""The rows of `docs/trust.md`."""

from __future__ import annotations

from tests.trust import (
    attacks,
    canaries,
    faults,
    fuzzing,
    histories,
    hostile,
    json_suite,
    kills,
    mutants,
    network,
    power,
    programs,
    searches,
    soak,
)
from tests.trust.crates import crate_tests
from tests.trust.row import Row
from tests.trust.suites import suite

ROWS = [
    Row(
        "kills",
        "A killed process, embedded or `serve`, loses no acknowledged write. Of the next one, all or nothing is left.",
        "kills",
        60,
        10_000,
        kills.check,
    ),
    Row(
        "killed steps",
        "A killed import leaves the old data or the new, and a killed compaction the data.",
        "kills",
        40,
        2_000,
        kills.check_steps,
    ),
    Row(
        "power loss",
        'With `synchronous="full"`, a power cut loses no acknowledged write, whichever unsynced changes are lost.',
        "images",
        400,
        100_000,
        power.check,
    ),
    Row(
        "I/O faults",
        "A call of the system that fails, by `EIO`, `ENOSPC` or a cut write, raises an error of this package. No "
        "acknowledged write is lost.",
        "faults; 0 for each call with each error",
        75,
        0,
        faults.check,
    ),
    Row(
        "calls",
        "Through a failing network, an acknowledged write happened once, one of unknown outcome at most once, any "
        "other failed one never. A search of a mirror or of the server is right, or an error.",
        "broken connections",
        300,
        20_000,
        network.check_calls,
    ),
    Row(
        "live queries",
        "Through a failing network, live queries of npm's client and of this one never go back, and end on the newest "
        "state. No mutation of npm's client happens twice.",
        "seeds",
        25,
        2_000,
        network.check_live,
    ),
    Row(
        "phases of a call",
        "A call that fails, in any phase, is repeated only if it certainly didn't run, or only reads.",
        "tests",
        1,
        1,
        suite("tests/protocol/test_phases.py", "tests/protocol/test_repeating.py"),
    ),
    Row(
        "histories",
        "Transactions are strictly serializable, embedded and over HTTP.",
        "histories of 300 transactions",
        40,
        2_000,
        histories.check,
    ),
    Row(
        "searches",
        "Ids, order, ties and the bits of scores equal a sum in float64.",
        "searches",
        50_000,
        1_000_000,
        searches.check,
    ),
    Row(
        "programs",
        "A function gives the results and errors that it gives under `convex-test`.",
        "random programs",
        300,
        10_000,
        programs.check,
    ),
    Row(
        "access",
        "Each route refuses each credential what it isn't good for.",
        "routes with a credential",
        1,
        1,
        suite("tests/protocol/test_access.py"),
    ),
    Row(
        "hostile functions",
        "A function that doesn't end, hoards memory or recurses fails within twice its time. The next write goes on.",
        "functions, each",
        1,
        1,
        hostile.check,
    ),
    Row(
        "archives",
        "An archive that isn't a snapshot, or is damaged, is refused with its place, and changes nothing.",
        "tests",
        1,
        1,
        crate_tests("engine", "snapshots::", "damage::"),
    ),
    Row(
        "JSON",
        "The cases of JSONTestSuite are taken or refused as listed, by the server and by the client.",
        "cases, each",
        1,
        1,
        json_suite.check,
    ),
    Row(
        "fuzzing",
        "Any bytes are read by the laws of their format, or refused: values, keys, ids, pages, filters, messages, "
        "tokens, archives.",
        "seconds for each target",
        60,
        600,
        fuzzing.check,
    ),
    Row(
        "mutants",
        "A fault put into the order of index keys, the rules by which calls are repeated, or the bounds of searches "
        "fails a test, unless it changes no result.",
        "crates",
        1,
        3,
        mutants.check,
    ),
    Row(
        "attacks",
        "While a thousand slow or idle clients are connected, an honest client's p99 stays below five times the "
        "calm one, and the server below 512 MiB.",
        "connections of each kind",
        1024,
        4000,
        attacks.check,
    ),
    Row(
        "greedy clients",
        "Bodies and frames of strangers share a small part of the memory.",
        "tests",
        1,
        1,
        suite("tests/protocol/test_attacks.py", "-k", "memory"),
    ),
    Row(
        "secrets",
        "No key, token, header or password of a proxy is in a log, a repr, an error or an output.",
        "uses, each",
        1,
        1,
        canaries.check,
    ),
    Row(
        "soak",
        "Under a steady load, the server's memory, open files and threads stay as they are.",
        "seconds",
        45,
        3_600,
        soak.check,
    ),
]
