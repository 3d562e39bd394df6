"""A data folder has one owner, loses no acknowledged write, and reports damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mastra_convex as mc


def run(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Another Python process."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


UPSERTS = """
    import sys, numpy as np, mastra_convex as mc
    first, synchronous = int(sys.argv[2]), sys.argv[3]
    with mc.connect(sys.argv[1], synchronous=synchronous) as db:
        docs = mc.ConvexVector(db).index("docs", 24)
        for batch in range(first, 1_000_000):
            rows = np.full((50, 24), batch, dtype=np.float32)
            docs.upsert(rows, ids=[f"{batch}-{row}" for row in range(50)], metadata=[{"batch": batch}] * 50)
            print(batch, flush=True)
"""


@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_acknowledged_batches_survive_kill_9(tmp_path: Path, synchronous: str) -> None:
    """After 20 kills every acknowledged batch is stored, no batch is half stored, and the batch in memory agrees with
    the rows.
    """
    acknowledged = -1
    random = np.random.default_rng(7)
    for _ in range(10):
        process = run(UPSERTS, tmp_path, acknowledged + 1, synchronous)
        assert process.stdout is not None
        assert process.stderr is not None
        stop = acknowledged + int(random.integers(2, 30))
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged >= stop:
                threading.Event().wait(float(random.uniform(0, 0.004)))
                break
        process.send_signal(signal.SIGKILL)
        # Writes acknowledged between the last line read and the kill.
        acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split())])
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
        process.stdout.close(), process.stderr.close(), process.stdin and process.stdin.close()
        with mc.connect(tmp_path, synchronous=synchronous) as db:  # type: ignore[arg-type]
            docs = mc.ConvexVector(db).index("docs")
            found = docs.query(np.ones(24), top_k=10_000_000, include_vector=True)
            batches: dict[int, int] = {}
            for hit in found:
                batch, _row = map(int, hit.id.split("-"))
                assert hit.metadata == {"batch": batch}
                assert hit.vector is not None
                assert (hit.vector == batch).all()
                batches[batch] = batches.get(batch, 0) + 1
            # Batch 0 is all zeros, which never ranks.
            assert found.stats.skipped == 50
            # One more batch may have been committed but not acknowledged when the process died.
            assert batches.keys() - {acknowledged + 1} == set(range(1, acknowledged + 1))
            assert set(batches.values()) == {50}
            acknowledged = max(batches)


def test_a_folder_of_another_process_names_it_and_how_to_share(tmp_path: Path) -> None:
    """A folder that another process has open is an error with its pid and how to share; the lock ends with the
    process.
    """
    holder = run(
        """
        import sys, mastra_convex as mc
        with mc.connect(sys.argv[1]) as db:
            print("open", flush=True)
            sys.stdin.read()
        """,
        tmp_path,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(mc.LockedError, match="mastra-convex serve --data") as caught:
        mc.connect(tmp_path)
    assert caught.value.details == {"path": str(tmp_path), "pid": holder.pid}
    assert str(holder.pid) in str(caught.value)
    command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--data", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 3
    assert f"(pid {holder.pid})" in refused.stderr
    assert "connect to the URL it printed" in refused.stderr
    assert "mastra-convex serve --data" not in refused.stderr
    holder.kill()
    holder.communicate()
    mc.connect(tmp_path).close()


def database(folder: Path) -> Path:
    """A folder's SQLite file, with some hundred rows in it."""
    with mc.connect(folder) as db:
        docs = mc.ConvexVector(db).index("docs", 64)
        docs.upsert(np.random.default_rng(0).standard_normal((400, 64)))
    return folder / "data.sqlite3"


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    """A file that isn't a database is reported as damaged, and nothing is written to it."""
    file = database(tmp_path)
    file.write_bytes(b"hello, this is not SQLite" * 1000)
    before = file.read_bytes()
    with pytest.raises(mc.DamagedError, match=str(tmp_path)):
        mc.connect(tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["truncate", "overwrite"])
def test_a_broken_file_is_damaged(tmp_path: Path, damage: str) -> None:
    """A damaged file is found when it is opened."""
    file = database(tmp_path)
    content = bytearray(file.read_bytes())
    if damage == "truncate":
        content = content[: len(content) // 2]
    else:
        content[8192 : len(content) // 2] = b"\xa5" * (len(content) // 2 - 8192)
    file.write_bytes(content)
    with pytest.raises(mc.DamagedError):
        mc.connect(tmp_path)


def test_a_database_of_another_program_is_damaged(tmp_path: Path) -> None:
    """A database of another program is reported as damaged."""
    with sqlite3.connect(tmp_path / "data.sqlite3") as theirs:
        theirs.execute("CREATE TABLE notes (text)")
    theirs.close()
    with pytest.raises(mc.DamagedError, match="not written by mastra-convex"):
        mc.connect(tmp_path)


def test_a_newer_format_says_to_upgrade(tmp_path: Path) -> None:
    """A folder of a newer format is an error that says to upgrade."""
    file = database(tmp_path)
    with sqlite3.connect(file) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(mc.NewerFormatError, match=r"format 99(?s:.*)Upgrade"):
        mc.connect(tmp_path)


def test_a_target_that_is_a_file_is_an_error_naming_it(tmp_path: Path) -> None:
    """A target that is a file is an error with its name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(mc.DataFolderError, match="file"):
        mc.connect(tmp_path / "file")


def test_a_full_disk_writes_nothing_of_the_call(tmp_path: Path) -> None:
    """On a full disk a call writes nothing, earlier data stays readable, and writes continue when there is room."""
    program = run(
        """
        import resource, signal, sys, numpy as np, mastra_convex as mc
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        rows = np.ones((50, 512), dtype=np.float32)
        with mc.connect(sys.argv[1]) as db:
            docs = mc.ConvexVector(db).index("docs", 512)
            docs.upsert(rows, ids=[f"a{n}" for n in range(50)])
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, hard))
            try:
                for batch in range(100):
                    docs.upsert(rows, ids=[f"{batch}-{n}" for n in range(50)])
            except mc.DiskFullError as error:
                print(type(error).__name__, error.code)
            before = docs.describe_index().count
            assert before % 50 == 0, before
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            docs.upsert(rows, ids=[f"b{n}" for n in range(50)])
            assert docs.describe_index().count == before + 50
            print("went on")
        """,
        tmp_path,
    )
    out, err = program.communicate(timeout=60)
    assert (out, err) == ("DiskFullError DiskFull\nwent on\n", "")


READ = """
    import os, sys, mastra_convex as mc
    from mastra_convex._cli import app
    # Loads the modules, which the user below may be unable to read.
    with mc.connect(sys.argv[2] + ".first") as db:
        mc.ConvexVector(db).index("docs", 2).upsert([[1, 0]], ids=["a"])
        mc.ConvexVector(db).query("docs", [1, 0])
        try:
            mc.ConvexVector(db).query("unknown", [1, 0])
        except mc.IndexNotFoundError as error:
            print(error)
    app(["export", sys.argv[2] + ".first", sys.argv[2] + ".first.zip"], standalone_mode=False)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with mc.connect(sys.argv[1]) as db:
        hits = mc.ConvexVector(db).query("docs", [1, 0], top_k=5)
        try:
            mc.ConvexVector(db).upsert("docs", [[0, 1]], ids=["b"])
        except mc.PermissionDeniedError as error:
            print("found", [hit.id for hit in hits], error.details["path"], error)
    app(["export", sys.argv[1], sys.argv[2]], standalone_mode=False)
"""


@pytest.fixture
def others_folder() -> Iterator[Path]:
    """A folder that other users may enter, with some vectors in it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        data = Path(folder) / "da%ta?"
        with mc.connect(data) as db:
            docs = mc.ConvexVector(db).index("docs", 2)
            docs.upsert([[1, 0]], ids=["a"])
        data.chmod(0o755)
        yield data


@pytest.mark.parametrize("change", ["none", "no lock", "killed"])
def test_a_read_only_folder_is_queried_and_exported(others_folder: Path, change: str) -> None:
    """By another user, who may only read: as it was closed, without its lock file, and as a killed process left it."""
    if change == "no lock":
        (others_folder / "lock").unlink()
    if change == "killed":
        program = """
            import os, signal, sys, mastra_convex as mc
            mc.ConvexVector(mc.connect(sys.argv[1])).upsert("docs", [[1, 0.5]], ids=["late"])
            os.kill(os.getpid(), signal.SIGKILL)
        """
        run(program, others_folder).communicate()
    for file in others_folder.iterdir():
        file.chmod(0o444)
    if os.geteuid() != 0:
        others_folder.chmod(0o555)

    def contents() -> dict[str, bytes]:
        """Less the index of the log, in which readers take locks."""
        return {file.name: file.read_bytes() for file in others_folder.iterdir() if not file.name.endswith("-shm")}

    before = contents()
    archive = others_folder.parent / "out.zip"
    out, failure = run(READ, others_folder, archive).communicate()
    others_folder.chmod(0o755)
    expected = ["a", "late"] if change == "killed" else ["a"]
    assert f"found {expected} {others_folder} the data folder {others_folder} is read-only" in out, failure
    assert archive.exists(), failure
    assert contents() == before


def test_a_folder_marked_as_read_only_is_not_written(tmp_path: Path) -> None:
    """Not even by root. Several handles read it, and it is written again once the mark is gone."""
    folder = tmp_path / "data"
    with mc.connect(folder) as db:
        mc.ConvexVector(db).index("docs", 2).upsert([[1, 0]], ids=["a"])
    folder.chmod(0o555)
    with mc.connect(folder) as db, mc.connect(folder) as other:
        assert [hit.id for hit in mc.ConvexVector(other).query("docs", [1, 0])] == ["a"]
        with pytest.raises(mc.PermissionDeniedError, match="is read-only; nothing was written") as info:
            mc.ConvexVector(db).upsert("docs", [[0, 1]], ids=["b"])
        assert info.value.details["path"] == str(folder)
        assert info.value.hint is not None
    folder.chmod(0o755)
    with mc.connect(folder) as db:
        mc.ConvexVector(db).upsert("docs", [[0, 1]], ids=["b"])


@pytest.mark.parametrize("target", ["memory", "folder"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_handle_raises_in_a_forked_child(tmp_path: Path, target: str) -> None:
    """A handle raises in a forked child, and continues to work in the parent."""
    with mc.connect(":memory:" if target == "memory" else tmp_path) as db:
        docs = mc.ConvexVector(db).index("docs", 2)
        docs.upsert([[1, 0]], ids=["a"])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                docs.query([1, 0])
            except mc.MastraConvexError as error:
                status = 0 if error.code == "Forked" and "closed in the parent first" in str(error) else 2
            if target == "folder":
                try:
                    mc.connect(tmp_path)
                    status = 3
                except mc.LockedError as error:
                    status = status if "Close it there first" in str(error) else 4
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        docs.upsert([[0, 1]], ids=["b"])
        assert [hit.id for hit in docs.query([1, 0])] == ["a", "b"]


def test_a_forked_child_does_not_keep_a_dead_parents_folder(tmp_path: Path) -> None:
    """A forked child that outlives its parent holds no lock on the folder."""
    parent = run(
        """
        import os, sys, time, mastra_convex as mc
        db = mc.connect(sys.argv[1])
        child = os.fork()
        if child == 0:
            os.close(0), os.close(1), os.close(2)
            time.sleep(30)
            os._exit(0)
        print(child, flush=True)
        sys.stdin.read()
        """,
        tmp_path,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.communicate()
        mc.connect(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("target", ["memory", "folder"])
def test_threads_share_one_object(tmp_path: Path, target: str) -> None:
    """Eight threads that read and write through one object lose nothing, and queries see every acknowledged write."""
    with mc.connect(":memory:" if target == "memory" else tmp_path, synchronous="normal") as db:
        docs = mc.ConvexVector(db).index("docs", 8)
        failures: list[BaseException] = []

        def work(thread: int) -> None:
            try:
                random = np.random.default_rng(thread)
                for round in range(15):
                    ids = [f"{thread}-{round}-{n}" for n in range(10)]
                    rows = random.standard_normal((10, 8))
                    docs.upsert(rows, ids=ids)
                    found = docs.query(rows[3], top_k=3)
                    assert found[0].id == ids[3], (found, ids)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert docs.describe_index().count == 8 * 15 * 10


def test_limits_can_be_left_off() -> None:
    """A call beyond Convex's limits works with limits off, and is refused with the limit's name otherwise."""
    records = [{"id": str(n), "embedding": np.ones(4096), "metadata": {}} for n in range(600)]
    request = {"op": "batchInsert", "tableName": "mastra_vector_docs", "records": records}
    with mc.connect(":memory:") as db:
        mc.ConvexVector(db).create_index("docs", 4096)
        with pytest.raises(mc.LimitExceededError):
            db.mutation("mastra/storage:handle", request)
    with mc.connect(":memory:", limits="off") as db:
        mc.ConvexVector(db).create_index("docs", 4096)
        assert db.mutation("mastra/storage:handle", request)["ok"]
