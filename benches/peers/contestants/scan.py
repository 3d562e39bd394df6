"""Scans of a matrix, and graphs over it.

The peers rank by the inner product of rows scaled to unit length beforehand, as their manuals advise for cosines. Ours
takes the rows as they are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Found = NDArray[np.integer[Any]]


def best(scores: NDArray[Any], top_k: int) -> Found:
    """The best rows of scores, or of each row of them, in order."""
    part = np.argpartition(-scores, min(top_k, scores.shape[-1] - 1), axis=-1)[..., :top_k]
    order = np.argsort(-np.take_along_axis(scores, part, -1), axis=-1)
    return np.take_along_axis(part, order, -1)


class Scan:
    """The base of the contestants: the matrix, and reading results."""

    def __init__(self, task: dict[str, Any]) -> None:
        folder = Path(task["folder"])
        self.vectors = np.fromfile(folder / "vectors", np.float32).reshape(-1, task["dimension"])
        self.queries = np.fromfile(folder / "queries", np.float32).reshape(-1, task["dimension"])
        self.mask = np.fromfile(folder / "mask", bool) if task["is_masked"] else None
        self.top_k, self.at_once, self.threads = task["top_k"], task["at_once"] > 1, task["threads"] or 1
        self.load()

    def load(self) -> None:
        """Make the library's index."""

    def ask(self, number: int) -> Any:
        return self.many() if self.at_once else self.one(number)

    def one(self, number: int) -> Any:
        """The best rows for one query."""
        raise NotImplementedError

    def many(self) -> Any:
        """The best rows for each of the queries."""
        raise NotImplementedError

    def rows(self, result: Any) -> Any:
        """The row numbers in a result."""
        return result

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        rows = np.atleast_2d(self.rows(result))
        return [(found, None) for found in rows]

    def normalise(self) -> None:
        for first in range(0, len(self.vectors), 10_000):
            part = self.vectors[first : first + 10_000]
            part /= np.linalg.norm(part, axis=1, keepdims=True)


class Ours(Scan):
    """`VectorBatch.top_k` and `top_k_many`."""

    def load(self) -> None:
        import mastra_convex as mc

        self.batch = mc.VectorBatch(self.vectors)

    def one(self, number: int) -> Any:
        return self.batch.top_k(self.queries[number], self.top_k, mask=self.mask, threads=self.threads)

    def many(self) -> Any:
        return self.batch.top_k_many(self.queries, self.top_k, mask=self.mask, threads=self.threads)

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return list(zip(*map(np.atleast_2d, result), strict=True))


class OursAsResults(Ours):
    """`VectorBatch.query`: ids and scores, ready to read."""

    def one(self, number: int) -> Any:
        return self.batch.query(self.queries[number], self.top_k)

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return [([int(found.id) for found in result], [found.score for found in result])]


class NumPy(Scan):
    """A matrix product, by OpenBLAS, and a selection."""

    number: type[np.floating[Any]] = np.float32

    def load(self) -> None:
        self.normalise()
        self.vectors = self.vectors.astype(self.number)
        self.queries = self.queries.astype(self.number)

    def one(self, number: int) -> Any:
        if self.mask is None:
            return best(self.vectors @ self.queries[number], self.top_k)
        return best(np.where(self.mask, self.vectors @ self.queries[number], -np.inf), self.top_k)

    def many(self) -> Any:
        return best(self.queries @ self.vectors.T, self.top_k)


class NumPyFloat64(NumPy):
    """A matrix product in float64, and a selection."""

    number = np.float64


class Faiss(Scan):
    """`IndexFlatIP`: exact."""

    def index(self) -> Any:
        import faiss

        return faiss.IndexFlatIP(self.vectors.shape[1])

    def load(self) -> None:
        import faiss

        faiss.omp_set_num_threads(self.threads)
        self.normalise()
        self.faiss = self.index()
        self.faiss.add(self.vectors)
        del self.vectors
        # faiss wants bits, the first row's in the lowest.
        self.parameters = None
        if self.mask is not None:
            bits = np.packbits(self.mask, bitorder="little")
            self.parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))

    def one(self, number: int) -> Any:
        return self.faiss.search(self.queries[number : number + 1], self.top_k, params=self.parameters)

    def many(self) -> Any:
        return self.faiss.search(self.queries, self.top_k)

    def rows(self, result: Any) -> Any:
        return result[1]


class FaissGraph(Faiss):
    """`IndexHNSWFlat`: approximate. 16 links per row, and twice as many candidates as results, at least 64."""

    def index(self) -> Any:
        import faiss

        index = faiss.IndexHNSWFlat(self.vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.hnsw.efSearch = max(64, 2 * self.top_k)
        return index


class Hnswlib(Scan):
    """hnswlib's graph: approximate, with the same parameters."""

    def load(self) -> None:
        import hnswlib

        self.graph = hnswlib.Index(space="cosine", dim=self.vectors.shape[1])
        self.graph.init_index(len(self.vectors), ef_construction=200, M=16)
        self.graph.add_items(self.vectors, num_threads=1)
        self.graph.set_ef(max(64, 2 * self.top_k))

    def one(self, number: int) -> Any:
        return self.graph.knn_query(self.queries[number], self.top_k, num_threads=1)

    def rows(self, result: Any) -> Any:
        return result[0]


class SimSimd(Scan):
    """simsimd's inner products, and NumPy's selection."""

    def load(self) -> None:
        from simsimd import cdist

        self.normalise()
        self.cdist = cdist

    def one(self, number: int) -> Any:
        return best(np.asarray(self.cdist(self.queries[number : number + 1], self.vectors, "inner"))[0], self.top_k)

    def many(self) -> Any:
        return best(np.asarray(self.cdist(self.queries, self.vectors, "inner")), self.top_k)


class Usearch(Scan):
    """usearch's exact search."""

    def load(self) -> None:
        from usearch.index import MetricKind, search

        self.normalise()
        self.search = lambda query: search(self.vectors, query, self.top_k, MetricKind.IP, exact=True, threads=1)

    def one(self, number: int) -> Any:
        return self.search(self.queries[number])

    def rows(self, result: Any) -> Any:
        return result.keys


class TurboVec(Scan):
    """turbovec's index of 4 bits a number: approximate."""

    def load(self) -> None:
        from turbovec import TurboQuantIndex

        self.normalise()
        self.index = TurboQuantIndex(self.vectors.shape[1], bit_width=4)
        self.index.add(self.vectors)
        self.queries /= np.linalg.norm(self.queries, axis=1, keepdims=True)

    def one(self, number: int) -> Any:
        return self.index.search(self.queries[number : number + 1], self.top_k)

    def many(self) -> Any:
        return self.index.search(self.queries, self.top_k)

    def rows(self, result: Any) -> Any:
        return result[1]


class NumKong(Scan):
    """numkong's inner products of a packed matrix, and NumPy's selection: exact but for float32."""

    def load(self) -> None:
        import numkong

        self.normalise()
        self.multiply, self.packed = numkong.dots_packed, numkong.dots_pack(self.vectors)

    def one(self, number: int) -> Any:
        return best(np.asarray(self.multiply(self.queries[number : number + 1], self.packed))[0], self.top_k)

    def many(self) -> Any:
        return best(np.asarray(self.multiply(self.queries, self.packed)), self.top_k)


class Zvec(Scan):
    """zvec's flat index: exact but for float32."""

    def load(self) -> None:
        import zvec

        zvec.init(log_level=zvec.LogLevel.ERROR, query_threads=1)
        index = zvec.FlatIndexParam(metric_type=zvec.MetricType.IP, use_contiguous_memory=True)
        column = zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, self.vectors.shape[1], index_param=index)
        self.folder = tempfile.TemporaryDirectory(prefix="zvec-")
        schema = zvec.CollectionSchema(name="rows", vectors=column)
        self.collection = zvec.create_and_open(path=f"{self.folder.name}/rows", schema=schema)
        self.normalise()
        for first in range(0, len(self.vectors), 1000):
            part = self.vectors[first : first + 1000]
            self.collection.insert([zvec.Doc(id=str(first + n), vectors={"v": row}) for n, row in enumerate(part)])
        self.collection.optimize()
        self.asked = [zvec.Query(field_name="v", vector=query) for query in self.queries]

    def one(self, number: int) -> Any:
        return self.collection.query(self.asked[number], topk=self.top_k, output_fields=[])

    def rows(self, result: Any) -> Any:
        return [int(found.id) for found in result]


class QdrantEdge(Scan):
    """qdrant-edge's exact search of a plain segment: exact but for float32."""

    def load(self) -> None:
        import qdrant_edge as qdrant

        self.folder = tempfile.TemporaryDirectory(prefix="qdrant-")
        column = qdrant.EdgeVectorParams(size=self.vectors.shape[1], distance=qdrant.Distance.Cosine)
        config = qdrant.EdgeConfig(vectors=column, max_search_threads=1, wal_enabled=False)
        self.shard = qdrant.EdgeShard.create(self.folder.name, config)
        for first in range(0, len(self.vectors), 1000):
            part = self.vectors[first : first + 1000]
            points = [qdrant.Point(first + n, row.tolist()) for n, row in enumerate(part)]
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        exact = qdrant.SearchParams(exact=True)
        nearest = [qdrant.Query.Nearest(query.tolist()) for query in self.queries]
        self.asked = [qdrant.SearchRequest(query, self.top_k, params=exact) for query in nearest]

    def one(self, number: int) -> Any:
        return self.shard.search(self.asked[number])

    def rows(self, result: Any) -> Any:
        return [found.id for found in result]


CONTESTANTS = {
    "ours": Ours,
    "ours, query()": OursAsResults,
    "numpy float32": NumPy,
    "numpy float64": NumPyFloat64,
    "faiss flat": Faiss,
    "faiss HNSW": FaissGraph,
    "hnswlib": Hnswlib,
    "simsimd": SimSimd,
    "usearch exact": Usearch,
    "turbovec 4 bits": TurboVec,
    "numkong": NumKong,
    "zvec flat": Zvec,
    "qdrant-edge": QdrantEdge,
}
