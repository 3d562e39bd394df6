"""`mastra-convex import` of `.npz` and `.jsonl` files into a vector index."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.support.command import run
from tests.support.served import serve

ROWS = 3_000
IDS = [f"row {i}" for i in range(ROWS)]
METADATA: list[dict[str, Any] | None] = [{"year": i % 5, "text": "é"} if i % 3 else None for i in range(ROWS)]


@pytest.fixture
def vectors(random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    return random.standard_normal((ROWS, 400), dtype=np.float32)


def texts() -> list[str]:
    return ["" if row is None else json.dumps(row) for row in METADATA]


def write_lines(path: Path, vectors: np.ndarray[Any, Any]) -> None:
    rows = zip(IDS, vectors.tolist(), METADATA, strict=True)
    lines = [json.dumps({"id": id, "vector": vector, "metadata": row}) for id, vector, row in rows]
    path.write_text("\n".join(lines) + "\n\n \n")


def done(*arguments: str | Path, environment: dict[str, str] | None = None) -> Any:
    ended = run("import", *map(str, arguments), "--json", environment=environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("suffix", ["compressed.npz", "npz", "jsonl"])
def test_rows_arrive_to_the_bit_and_again_ends_the_same(
    tmp_path: Path, vectors: np.ndarray[Any, np.dtype[np.float32]], suffix: str
) -> None:
    """More rows than fit into memory at once arrive to the bit, with ids and metadata; importing again changes
    nothing.
    """
    path, target = tmp_path / f"docs.{suffix}", tmp_path / "data"
    if suffix == "jsonl":
        write_lines(path, vectors)
    else:
        save = np.savez_compressed if suffix == "compressed.npz" else np.savez
        save(path, vectors=vectors, ids=np.array(IDS), metadata=np.array(texts()))
    for _ in range(2):
        assert done(path, target, "--index", "docs", "--metric", "dotproduct") == {
            "file": str(path),
            "target": str(target),
            "index": "docs",
            "rows": ROWS,
            "dimension": 400,
            "metric": "dotproduct",
            "count": ROWS,
        }
    with mc.connect(target) as db:
        docs = mc.ConvexVector(db).index("docs")
        hits = docs.query(filter={"text": "é"}, top_k=ROWS, include_vector=True)
        stored = [i for i in range(ROWS) if METADATA[i]]
        assert [hit.id for hit in hits] == [IDS[i] for i in stored]
        assert [hit.metadata for hit in hits] == [METADATA[i] for i in stored]
        assert all(np.array_equal(hit.vector, vectors[i]) for hit, i in zip(hits, stored, strict=True))
        assert len(docs.query(vectors[0], top_k=ROWS)) == ROWS
    # Without a metric, the index keeps its own.
    assert done(path, target, "--index", "docs")["metric"] == "dotproduct"


def test_rows_without_ids_are_numbered_and_a_served_index_is_filled(tmp_path: Path) -> None:
    """Rows without ids get their numbers, integers and float16 are accepted, and a new index has the cosine metric."""
    with serve(data=":memory:") as served:
        for dtype in ("i8", "f8", ">f4", "f2"):
            path = tmp_path / f"{dtype.strip('>')}.npz"
            np.savez(path, vectors=np.arange(1, 13).reshape(6, 2).astype(dtype))
            environment = {"CONVEX_ADMIN_KEY": served.admin_key}
            report = done(path, served.url, "--index", "docs", environment=environment)
            assert (report["count"], report["metric"]) == (6, "cosine")
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            hits = mc.ConvexVector(db).query("docs", [1, 1.2], top_k=2, include_vector=True)
            assert [hit.id for hit in hits] == ["2", "3"]
            assert [hit.vector.tolist() for hit in hits if hit.vector is not None] == [[5, 6], [7, 8]]


def line(**fields: Any) -> str:
    return json.dumps({"id": "a", "vector": [1, 2], **fields}) + "\n"


def deep(levels: int) -> str:
    """Nested objects."""
    return '{"a":' * levels + "1" + "}" * levels


def negative() -> bytes:
    """An ``.npz`` whose array claims a negative number of rows."""
    file = io.BytesIO()
    np.savez(file, vectors=np.ones((3, 2)))
    with zipfile.ZipFile(file) as zipped:
        array = zipped.read("vectors.npy")
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as zipped:
        zipped.writestr("vectors.npy", array.replace(b"(3, 2), } ", b"(-1, 2), }"))
    return changed.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": np.ones(3)}, "the file holds ['x']; expected a matrix named `vectors`"),
        ({"vectors": np.ones(3)}, "vectors of shape (3,), float64; expected a matrix of numbers"),
        ({"vectors": np.array([["a"]])}, "vectors of shape (1, 1), <U1; expected a matrix of numbers"),
        ({"vectors": np.array([[None]])}, "vectors holds Python objects, which could run code when read"),
        ({"vectors": np.ones((3, 2), order="F")}, "expected row by row: save numpy.ascontiguousarray(vectors)"),
        ({"vectors": np.array([[1, 2], [3, np.nan]])}, "rows from 0: vectors[1][1] is nan; expected finite numbers"),
        ({"vectors": np.ones((3, 2)), "ids": np.array(["a"])}, "ids of shape (1,), <U1; expected 3 texts"),
        ({"vectors": np.ones((2, 2)), "ids": np.array(["a", ""])}, "ids[1] is ''; expected text, not empty"),
        ({"vectors": np.ones((1, 2)), "metadata": np.array(["[1]"])}, "metadata[0] is [1]; expected a JSON object"),
        ({"vectors": np.ones((1, 2)), "metadata": np.array(["{"])}, "metadata[0]: Expecting property name"),
        ({"vectors": np.ones((1, 2)), "metadata": np.array([{}])}, "metadata holds Python objects"),
        ({"vectors": np.ones((1, 0))}, "dimension 0; expected an integer from 1 to"),
        (b"no zip", "File is not a zip file; expected a file written by numpy.savez"),
        ("", "the file is empty; expected one row per line"),
        (line() + "{", "line 2: Expecting property name enclosed in double quotes"),
        (line() + "[1]\n", 'line 2: \'[1]\\n\'; expected {"id": text, "vector": numbers'),
        (line() + line(id=1), 'expected {"id": text, "vector": numbers, "metadata": object}'),
        (line() + line(embedding=[1]), "line 2: the fields ['embedding']; expected"),
        (line() + line(vector=[1]), "line 2: the vector has 1 numbers; expected 2, as in the rows before"),
        (line() + line(vector=[1, "x"]), "lines from 1: vectors: an array of <U"),
        (line() + line(vector=[1, float("nan")]), "lines from 1: vectors[1][1] is nan"),
        (line() + line(metadata=[1]), "lines from 1: metadata[1] is [1]; expected a dict"),
        (line() + "\n" + line(), "line 2: Expecting value"),
        (line() + line(id="\ud800"), "lines from 1: ids[1] is '\\ud800', which has a lone surrogate"),
        (line() + line(metadata="@").replace('"@"', deep(5000)), "line 2: nested too deep; expected a JSON object"),
        (line() + line(metadata="@").replace('"@"', deep(100)), "lines from 1: metadata[1]"),
        (negative(), "vectors of shape (-1, 2), float64; expected a matrix of numbers"),
        (line() * 600 + line(id=""), "lines from 501: ids[100] is ''; expected text, not empty"),
    ],
)
def test_an_error_in_a_file_is_found_before_anything_is_written(tmp_path: Path, content: Any, message: str) -> None:
    """An error in a file is found before anything is written, and names the file and the place in it."""
    path = tmp_path / ("docs.jsonl" if isinstance(content, str) else "docs.npz")
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    ended = run("import", str(path), str(tmp_path / "data"), "--index", "docs")
    assert ended.returncode == 2, ended.stderr
    assert f"Error: import: {path}" in ended.stderr or "dimension 0" in message
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    if (tmp_path / "data").exists():
        with mc.connect(tmp_path / "data") as db:
            assert mc.ConvexVector(db).list_indexes() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--index is missing; expected the vector index"),
        (("--index", "docs", "--replace"), "--replace and --replace-all apply to snapshots"),
        (("--index", "docs", "--metric", "manhattan"), "Invalid value for '--metric'"),
        (("--index", "indexes"), "index_name 'indexes' is reserved"),
        (("--index", "other"), "index 'other' exists with 3 dimensions, asked for 2"),
        (("--index", "same", "--metric", "euclidean"), "exists with metric 'cosine', asked for 'euclidean'"),
    ],
)
def test_an_index_that_cannot_take_the_rows_is_named(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """An index that can't take the rows is an error, and the index is unchanged."""
    path = tmp_path / "docs.npz"
    np.savez(path, vectors=np.ones((3, 2)))
    with mc.connect(tmp_path / "data") as db:
        vector = mc.ConvexVector(db)
        vector.index("other", dimension=3)
        vector.index("same", dimension=2)
    ended = run("import", str(path), str(tmp_path / "data"), *arguments)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    with mc.connect(tmp_path / "data") as db:
        vector = mc.ConvexVector(db)
        assert [vector.describe_index(name).count for name in ("other", "same")] == [0, 0]
