"""The checks of the other rows find the faults that are put in, and hold without them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

import mastra_convex as mc
from tests.trust import canaries, faults, files, hostile, json_suite, kills, network, power, searches
from tests.trust.workload import ROWS, perform, verify


def of_ties_the_last(batch: mc.VectorBatch, query: NDArray[np.float64], top_k: int) -> tuple[list[int], bytes]:
    """A search that breaks ties the other way."""
    rows, scores = batch.top_k(query, top_k)
    return [int(row) for row in np.lexsort((-rows, -scores))], scores.tobytes()


def in_float32(batch: mc.VectorBatch, query: NDArray[np.float64], top_k: int) -> tuple[list[int], bytes]:
    """A search with scores of less precision."""
    rows, scores = batch.top_k(query, top_k)
    return rows.tolist(), scores.astype(np.float32).astype(np.float64).tobytes()


def without_the_last(batch: mc.VectorBatch, query: NDArray[np.float64], top_k: int) -> tuple[list[int], bytes]:
    """A search that loses a row."""
    rows, scores = batch.top_k(query, top_k)
    return rows[:-1].tolist(), scores[:-1].tobytes()


def test_searches_equal_the_reference() -> None:
    assert searches.check(seed=5, amount=500).count == 500


@pytest.mark.parametrize("search", [of_ties_the_last, in_float32, without_the_last])
def test_a_wrong_search_is_found(search: searches.Search) -> None:
    with pytest.raises(AssertionError, match="seed 5, search"):
        searches.check(seed=5, amount=500, search=search)


def test_a_state_that_lacks_a_write_or_has_half_of_one_is_found() -> None:
    """Of the operation after the last acknowledged one, all or nothing may be there."""
    with mc.connect(":memory:") as db:
        for number in range(12):
            perform(db, number)
        assert verify(db, 11) == 11
        assert verify(db, 10) == 11
        for acknowledged in (9, 12):
            with pytest.raises(AssertionError, match=f"after {acknowledged}: "):
                verify(db, acknowledged)
        mc.ConvexVector(db).delete_vector("docs", f"11-{ROWS - 1}")
        for acknowledged in (10, 11):
            with pytest.raises(AssertionError, match=f"after {acknowledged}: "):
                verify(db, acknowledged)


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> list[files.Change]:
    """The recorded calls of the workload."""
    folder = tmp_path_factory.mktemp("recorded")
    ran = files.run(folder / "data", 0, 40, TRUST_LOG=str(folder / "log"), TRUST_COMPACTS="1")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
    return files.record(folder / "log")


def test_a_power_cut_loses_nothing_that_was_acknowledged(changes: list[files.Change]) -> None:
    assert power.check(seed=2, amount=60, changes=changes).count == 60


def test_a_record_without_the_syncs_of_the_log_loses_writes(changes: list[files.Change]) -> None:
    """The check finds a store that acknowledges before its log is on the disk."""
    lazy = [change for change in changes if (change.op, change.path) != ("sync", "data.sqlite3-wal")]
    with pytest.raises((AssertionError, mc.DamagedError)):
        power.check(seed=2, amount=60, changes=lazy)


def test_a_power_cut_while_a_long_log_is_cut_loses_nothing() -> None:
    assert power.check_long_log(seed=2, amount=4).count == 4


def test_a_sync_covers_what_came_before_it() -> None:
    """A disk has all that was synced, whatever else it has."""
    write = files.Change("write", "a", 0, b"x" * 1000)
    synced = [
        files.Change("make", "a", 0, b""),
        write,
        files.Change("sync", "a", 0, b""),
        files.Change("sync", ".", 0, b""),
    ]
    later = files.Change("write", "a", 0, b"y" * 1000)
    seen = {bytes(power.image([*synced, later], 5, Random(seed)).files["a"]) for seed in range(400)}
    assert {b"x" * 1000, b"y" * 1000, b"y" * 512 + b"x" * 488, b"x" * 512 + b"y" * 488} == seen


def test_failing_calls_of_the_system_lose_nothing() -> None:
    assert faults.check(seed=3, amount=12).count == 12


def test_a_failure_that_is_no_error_of_the_package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "last_of", lambda _: 1000)
    with pytest.raises(AssertionError, match="after 1000: "):
        faults.check(seed=3, amount=2)


def test_killed_processes_lose_nothing() -> None:
    assert kills.check(seed=4, amount=6).count == 6
    assert kills.check_steps(seed=4, amount=6).count == 6


def test_a_kill_that_loses_a_write_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "last_of", lambda acknowledged: acknowledged.count(b"\n") + 10)
    with pytest.raises(AssertionError, match="after "):
        kills.check(seed=4, amount=2)


def test_calls_through_a_failing_network_happen_once_or_as_told() -> None:
    assert network.check_calls(seed=6, amount=50).count >= 50


def test_a_call_that_happens_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    increment = mc.ConvexServerCache.increment

    def twice(cache: mc.ConvexServerCache, key: str) -> int:
        increment(cache, key)
        return increment(cache, key)

    monkeypatch.setattr(mc.ConvexServerCache, "increment", twice)
    with pytest.raises(AssertionError, match="expected 1 to 1"):
        network.check_calls(seed=6, amount=1)


def test_json_is_taken_and_refused_as_the_suite_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json_suite.check(1, 0).count == json_suite.CASES
    monkeypatch.setattr(json_suite, "TAKEN", {"n_array_1_true_without_comma"})
    with pytest.raises(AssertionError, match="the client refuses n_array_1_true_without_comma"):
        json_suite.check(1, 0)


def test_hostile_functions_end_in_time() -> None:
    assert hostile.check(1, 0).count > 30


def test_no_secret_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert canaries.check(1, 0).count > 12
    monkeypatch.setattr(mc.Deployment, "__repr__", lambda db: f"Deployment({db._headers()!r})")
    with pytest.raises(AssertionError, match="a secret was said"):
        canaries.check(1, 0)
