"""Files of vectors: ``.npz`` and ``.jsonl``. One block of rows is in memory at a time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mastra_convex.errors import InvalidArgumentError

# Bytes of vectors in memory at once.
BLOCK_BYTES = 4 << 20
BLOCK_LINES = 500


@dataclass(frozen=True)
class Block:
    """Some rows, their place for errors, and their end in the file, in bytes."""

    vectors: ArrayLike
    ids: list[str]
    metadata: list[dict[str, Any] | None]
    place: str
    end: int


class VectorFile(Protocol):
    """Rows of one dimension, which can be read several times. `size` is in bytes, as the ends of blocks are."""

    dimension: int
    size: int

    def blocks(self) -> Iterator[Block]:
        """All rows, in order."""
        ...


@contextmanager
def open_vector_file(path: Path) -> Iterator[VectorFile]:
    """Open a file by the suffix of its name."""
    if path.suffix.lower() == ".jsonl":
        yield JsonLines(path)
        return
    try:
        with zipfile.ZipFile(path) as file:
            yield Npz(path, file)
    except zipfile.BadZipFile as error:
        raise InvalidArgumentError(f"import: {path}: {error}; expected a file written by numpy.savez") from error


class Npz:
    """Arrays of ``numpy.savez``: `vectors`, and optionally `ids` and `metadata`."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._place, self._file = f"import: {path}", file
        names = [name.removesuffix(".npy") for name in file.namelist()]
        if "vectors" not in names:
            raise InvalidArgumentError(f"{self._place}: the file holds {names}; expected a matrix named `vectors`")
        self._names = [name for name in ("vectors", "ids", "metadata") if name in names]
        with _Array(self._place, file, "vectors") as vectors:
            if len(vectors.shape) != 2 or min(vectors.shape) < 0 or vectors.dtype.kind not in "fiu":
                raise InvalidArgumentError(
                    f"{self._place}: vectors of shape {vectors.shape}, {vectors.dtype}; expected a matrix of numbers"
                )
            self._rows, self.dimension = vectors.shape
            self._row_bytes = vectors.row_bytes
        for name in self._names[1:]:
            with _Array(self._place, file, name) as array:
                if array.shape != (self._rows,) or array.dtype.kind not in ("Uiu" if name == "ids" else "U"):
                    raise InvalidArgumentError(
                        f"{self._place}: {name} of shape {array.shape}, {array.dtype}; "
                        f"expected {self._rows} texts{', each a JSON object' if name == 'metadata' else ''}"
                    )
        self.size = self._rows * self._row_bytes

    def blocks(self) -> Iterator[Block]:
        """All rows, in order."""
        arrays = {name: _Array(self._place, self._file, name) for name in self._names}
        step = max(1, BLOCK_BYTES // max(1, self._row_bytes))
        for begin in range(0, self._rows, step):
            end = min(begin + step, self._rows)
            parts = {name: array.read(end - begin) for name, array in arrays.items()}
            ids = map(str, parts["ids"].tolist()) if "ids" in parts else map(str, range(begin, end))
            place = f"{self._place}, rows from {begin}"
            metadata = [
                _metadata(f"{place}: metadata[{row}]", text) for row, text in enumerate(parts.get("metadata", ()))
            ]
            rows = metadata or [None] * (end - begin)
            yield Block(parts["vectors"], list(ids), rows, place, end * self._row_bytes)


class _Array:
    """An array in a zip, read from its first row to its last."""

    def __init__(self, place: str, file: zipfile.ZipFile, name: str) -> None:
        self._place, self._name = place, name
        self._stream: IO[bytes] = file.open(f"{name}.npy")
        try:
            version = np.lib.format.read_magic(self._stream)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            self.shape, by_column, self.dtype = read_header(self._stream)
        except ValueError as error:
            raise InvalidArgumentError(f"{place}: {name}: {error}; expected a NumPy array") from error
        if self.dtype.hasobject:
            raise InvalidArgumentError(
                f"{place}: {name} holds Python objects, which could run code when read; expected "
                + ("texts, each a JSON object" if name == "metadata" else "texts" if name == "ids" else "numbers")
            )
        if by_column and len(self.shape) > 1:
            raise InvalidArgumentError(
                f"{place}: {name} is stored column by column; expected row by row: save numpy.ascontiguousarray({name})"
            )
        self.row_bytes = self.dtype.itemsize * (self.shape[1] if len(self.shape) == 2 else 1)

    def read(self, rows: int) -> NDArray[Any]:
        """The next rows."""
        data = self._stream.read(rows * self.row_bytes)
        if len(data) < rows * self.row_bytes:
            raise InvalidArgumentError(f"{self._place}: {self._name} ends early; expected {self.shape[0]} rows")
        return np.frombuffer(data, self.dtype).reshape(rows, *self.shape[1:])

    def __enter__(self) -> _Array:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class JsonLines:
    """One row per line: an object with `id`, `vector` and optionally `metadata`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        self.dimension = 0
        first = next(self.blocks(), None)
        if first is None:
            raise InvalidArgumentError(f"import: {path}: the file is empty; expected one row per line")

    def blocks(self) -> Iterator[Block]:
        """All rows, in order."""
        rows: list[tuple[str, list[float], dict[str, Any] | None]] = []
        end, last = 0, 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                end += len(line)
                # Blank lines are none at the end of a file, where editors leave them.
                if not line.strip() and not file.read().strip():
                    break
                rows.append(self._row(f"import: {self._path}, line {number}", line))
                last = number
                if len(rows) == BLOCK_LINES:
                    yield self._block(rows, last, end)
                    rows = []
        if rows:
            yield self._block(rows, last, self.size)

    def _row(self, place: str, line: bytes) -> tuple[str, list[float], dict[str, Any] | None]:
        row = _json(place, line)
        unknown = sorted(row.keys() - {"id", "vector", "metadata"}) if isinstance(row, dict) else None
        if unknown is None or unknown or not isinstance(row.get("id"), str) or not isinstance(row.get("vector"), list):
            found = f"the fields {unknown}" if unknown else f"{line[:60].decode(errors='replace')!r}"
            raise InvalidArgumentError(
                f'{place}: {found}; expected {{"id": text, "vector": numbers, "metadata": object}}'
            )
        vector = row["vector"]
        self.dimension = self.dimension or len(vector)
        if len(vector) != self.dimension:
            raise InvalidArgumentError(
                f"{place}: the vector has {len(vector)} numbers; expected {self.dimension}, as in the rows before"
            )
        return row["id"], vector, row.get("metadata")

    def _block(self, rows: list[tuple[str, list[float], dict[str, Any] | None]], last: int, end: int) -> Block:
        ids, vectors, metadata = zip(*rows, strict=True)
        place = f"import: {self._path}, lines from {last - len(rows) + 1}"
        return Block(list(vectors), list(ids), list(metadata), place, end)


def _json(place: str, text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidArgumentError(f"{place}: {error}; expected a JSON object") from error
    except RecursionError:
        raise InvalidArgumentError(f"{place}: nested too deep; expected a JSON object of fewer levels") from None


def _metadata(place: str, text: str) -> dict[str, Any] | None:
    """The object of a JSON text; None for an empty text."""
    if not text:
        return None
    value = _json(place, text)
    if value is not None and not isinstance(value, dict):
        raise InvalidArgumentError(f"{place} is {value!r:.80}; expected a JSON object")
    return value
