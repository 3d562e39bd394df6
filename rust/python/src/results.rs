//! The results of a search: a sequence that makes its items when they are accessed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use client::Found;
use numpy::PyArray1;
use pyo3::{
    exceptions::{PyIndexError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyList, PySlice, PyString, PyTuple, PyType},
};
use scan::{Batch, Row, TopK};
use value::{Packed, Value};

use crate::{
    arrays::to_numpy,
    convert::{from_python, metadata_from_python, to_python},
    error::invalid_argument,
};

/// One hit of a query. It can be pickled.
#[pyclass(frozen, module = "mastra_convex")]
pub(crate) struct QueryResult {
    id: Arc<str>,
    /// The similarity; higher is better. 0 if the query had no vector.
    #[pyo3(get)]
    score: f64,
    metadata: Arc<Value>,
    metadata_dict: PyOnceLock<Py<PyAny>>,
    vector: Option<Packed>,
}

#[pymethods]
impl QueryResult {
    #[new]
    #[pyo3(signature = (id, score, metadata, vector = None))]
    fn new(
        id: &Bound<'_, PyAny>,
        score: f64,
        metadata: &Bound<'_, PyDict>,
        vector: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let Value::String(id) = from_python(id, "id")? else {
            return Err(invalid_argument(id.py(), format!("id: {}; expected text", id.repr()?)));
        };
        let metadata = Arc::new(metadata_from_python(metadata, "metadata")?);
        let vector = vector.map_or(Ok(None), packed)?;
        Ok(Self { id: id.into(), score, metadata, metadata_dict: PyOnceLock::new(), vector })
    }

    /// For pickle and copy.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let (py, hit) = (slf.py(), slf.get());
        let arguments = (hit.id(), hit.score, hit.metadata(py)?, hit.vector(py)).into_pyobject(py)?;
        Ok((slf.get_type(), arguments))
    }

    /// The row's id.
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// The row's metadata, empty where it has none.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dict = self.metadata_dict.get_or_try_init(py, || to_python(py, &self.metadata).map(Bound::unbind))?;
        Ok(dict.bind(py).clone())
    }

    /// The row's vector, shape (dimension,), a copy; None unless asked for by `include_vector`.
    ///
    /// float32 where that holds every number bit for bit, else float64.
    #[getter]
    fn vector<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.vector.as_ref().map(|numbers| to_numpy(py, numbers))
    }

    /// Id, score and metadata, and the vector as a list if it was asked for, all in forms that JSON has.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id", self.id())?;
        dict.set_item("score", self.score)?;
        dict.set_item("metadata", to_python(py, &self.metadata)?)?;
        if let Some(numbers) = &self.vector {
            dict.set_item("vector", to_python(py, &Value::from(numbers.clone()))?)?;
        }
        Ok(dict)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.id == other.id
            && self.score.to_bits() == other.score.to_bits()
            && self.metadata == other.metadata
            && self.vector.clone().map(Value::from) == other.vector.clone().map(Value::from)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let metadata = self.metadata(py)?.repr()?;
        let vector = self.vector.as_ref().map_or_else(String::new, |it| format!(", vector=<{} numbers>", it.len()));
        Ok(format!("QueryResult(id={:?}, score={:?}, metadata={metadata}{vector})", self.id, self.score))
    }
}

/// Statistics of a query.
#[pyclass(frozen, get_all, module = "mastra_convex")]
pub(crate) struct QueryStats {
    /// How the rows were read: "embedded" (in this process), "native" (Convex's index), "batch" or "pages".
    strategy: &'static str,
    /// Rows of the index; for "native" those returned.
    rows: usize,
    /// Rows that were left out since they can't be ranked: of another length, not finite, or zero with cosine.
    skipped: usize,
    /// Bytes that came over a network.
    bytes_received: usize,
    /// Time by phase: "transfer", "filter", "scan".
    seconds: Py<PyDict>,
}

#[pymethods]
impl QueryStats {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Self { strategy, rows, skipped, bytes_received, seconds } = self;
        let seconds = seconds.bind(py).repr()?;
        Ok(format!(
            "QueryStats(strategy={strategy:?}, rows={rows}, skipped={skipped}, bytes_received={bytes_received}, seconds={seconds})"
        ))
    }
}

/// The time of each phase, in seconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Phases {
    pub(crate) filter: f64,
    pub(crate) scan: f64,
}

/// The source of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// For `QueryStats.strategy`.
    pub(crate) strategy: &'static str,
    pub(crate) bytes_received: usize,
    /// Seconds it took to come.
    pub(crate) transfer: f64,
}

impl Origin {
    /// Rows that were in this process.
    pub(crate) fn here(strategy: &'static str) -> Self {
        Self { strategy, bytes_received: 0, transfer: 0.0 }
    }
}

/// Hits by descending score, ties in stored order: a sequence whose items are made when they are accessed.
///
/// A slice is one too. Pickling and deep copies make a list of the hits.
#[pyclass(frozen, sequence, module = "mastra_convex")]
pub(crate) struct QueryResults {
    batch: Arc<Batch>,
    /// The number of rows in the index. After a search in the deployment, only the found rows are here.
    rows: usize,
    found: TopK,
    include_vector: bool,
    origin: Origin,
    phases: Phases,
}

impl QueryResults {
    pub(crate) fn new(batch: Arc<Batch>, found: TopK, include_vector: bool, origin: Origin, phases: Phases) -> Self {
        Self { rows: batch.len(), batch, found, include_vector, origin, phases }
    }

    /// The result of a search in the deployment.
    pub(crate) fn found(found: Found, include_vector: bool) -> Self {
        let Found { rows, scores, index_rows, skipped, bytes_received, seconds } = found;
        let origin = Origin { strategy: "server", bytes_received, transfer: seconds };
        let results = Self::of_hits(rows, scores, include_vector, origin);
        Self { rows: index_rows, found: TopK { skipped, ..results.found }, ..results }
    }

    /// Hits that a deployment returned, best first.
    fn of_hits(rows: Vec<Row>, scores: Vec<f64>, include_vector: bool, origin: Origin) -> Self {
        let dimension = rows.iter().find_map(|row| row.vector.as_ref().map(Packed::len)).unwrap_or_default();
        let mut batch = Batch::new(dimension);
        for row in rows {
            batch.push(row);
        }
        let found = TopK { rows: (0..scores.len()).collect(), scores, skipped: 0 };
        Self::new(Arc::new(batch), found, include_vector, origin, Phases::default())
    }

    fn item(&self, position: usize) -> QueryResult {
        let row = self.found.rows[position];
        QueryResult {
            id: self.batch.id(row),
            score: self.found.scores[position],
            metadata: self.batch.metadata(row),
            metadata_dict: PyOnceLock::new(),
            vector: if self.include_vector { self.batch.vector(row) } else { None },
        }
    }
}

#[pymethods]
impl QueryResults {
    /// Hits of a native search, best first.
    #[staticmethod]
    #[pyo3(signature = (*, ids, scores, metadata, vectors))]
    fn from_hits(
        ids: Vec<String>,
        scores: Vec<f64>,
        metadata: Vec<Bound<'_, PyAny>>,
        vectors: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Self> {
        let mut rows = Vec::with_capacity(ids.len());
        for (position, (id, metadata)) in ids.into_iter().zip(&metadata).enumerate() {
            let vector = match &vectors {
                Some(vectors) => packed(&vectors[position])?,
                None => None,
            };
            rows.push(Row { id: id.into(), vector, metadata: Arc::new(metadata_from_python(metadata, "metadata")?) });
        }
        Ok(Self::of_hits(rows, scores, vectors.is_some(), Origin::here("native")))
    }

    /// A result of the functions' search.
    #[staticmethod]
    fn from_search(py: Python<'_>, found: &Bound<'_, PyAny>) -> PyResult<Self> {
        let found = Found::read(from_python(found, "found")?);
        let found = found.ok_or_else(|| invalid_argument(py, "found: expected a result of mastra/vectors:search"))?;
        let include_vector = found.rows.iter().any(|row| row.vector.is_some());
        Ok(Self::found(found, include_vector))
    }

    /// For pickle and copy: a list of the hits, without the rows that weren't found.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyList>,))> {
        let hits = (0..self.found.rows.len()).map(|position| Bound::new(py, self.item(position)));
        let hits = hits.collect::<PyResult<Vec<_>>>()?;
        Ok((py.get_type::<PyList>(), (PyList::new(py, hits)?,)))
    }

    /// The ids of the hits.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.found.rows.iter().map(|&row| PyString::new(py, &self.batch.id(row))))
    }

    /// The scores of the hits.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, &self.found.scores)
    }

    fn __len__(&self) -> usize {
        self.found.rows.len()
    }

    /// Without it Python would ask for one position after the other, until that is an error.
    fn __iter__(slf: Bound<'_, Self>) -> Hits {
        Hits { results: slf.unbind(), next: AtomicUsize::new(0) }
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let length = self.found.rows.len();
        if let Ok(slice) = index.cast::<PySlice>() {
            let positions = slice.indices(isize::try_from(length)?)?;
            let mut found = TopK { rows: Vec::new(), scores: Vec::new(), skipped: self.found.skipped };
            for step in 0..isize::try_from(positions.slicelength)? {
                let position = usize::try_from(positions.start + step * positions.step)?;
                found.rows.push(self.found.rows[position]);
                found.scores.push(self.found.scores[position]);
            }
            return Ok(Bound::new(py, Self { batch: Arc::clone(&self.batch), found, ..*self })?.into_any());
        }
        let index: isize = index.extract()?;
        let from_front = if index < 0 { index + isize::try_from(length)? } else { index };
        match usize::try_from(from_front) {
            Ok(position) if position < length => Ok(Bound::new(py, self.item(position))?.into_any()),
            _ => Err(PyIndexError::new_err(format!("result {index} of {length}"))),
        }
    }

    /// The number of equal results.
    fn count(&self, value: &QueryResult) -> usize {
        (0..self.found.rows.len()).filter(|position| self.item(*position).__eq__(value)).count()
    }

    /// The position of the first equal result from `start` on and before `stop`; negative ones count from the end.
    #[pyo3(signature = (value, start = 0, stop = isize::MAX))]
    fn index(&self, value: &QueryResult, start: isize, stop: isize) -> PyResult<usize> {
        let len = self.found.rows.len();
        let place = |index: isize| match index.try_into() {
            Ok(index) => len.min(index),
            Err(_) => len.saturating_sub(index.unsigned_abs()),
        };
        let found = (place(start)..place(stop)).find(|position| self.item(*position).__eq__(value));
        found.ok_or_else(|| PyValueError::new_err("the result is not among these"))
    }

    /// Statistics of the query.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, QueryStats>> {
        let seconds = PyDict::new(py);
        seconds.set_item("transfer", self.origin.transfer)?;
        seconds.set_item("filter", self.phases.filter)?;
        seconds.set_item("scan", self.phases.scan)?;
        let stats = QueryStats {
            strategy: self.origin.strategy,
            rows: self.rows,
            skipped: self.found.skipped,
            bytes_received: self.origin.bytes_received,
            seconds: seconds.unbind(),
        };
        Bound::new(py, stats)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.found.rows.len() == other.found.rows.len()
            && (0..self.found.rows.len()).all(|position| self.item(position).__eq__(&other.item(position)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 10;
        let length = self.found.rows.len();
        let mut lines = vec![format!("QueryResults({length} of {} rows)", self.rows)];
        for position in 0..length.min(SHOWN) {
            lines.push(format!("  {}", self.item(position).__repr__(py)?));
        }
        if length > SHOWN {
            lines.push(format!("  … {} more", length - SHOWN));
        }
        Ok(lines.join("\n"))
    }
}

/// An iterator over the hits of a search.
#[pyclass(frozen)]
struct Hits {
    results: Py<QueryResults>,
    next: AtomicUsize,
}

#[pymethods]
impl Hits {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self) -> Option<QueryResult> {
        let results = self.results.get();
        let position = self.next.fetch_add(1, Ordering::Relaxed);
        (position < results.found.rows.len()).then(|| results.item(position))
    }
}

/// A row's vector, if it has one.
fn packed(vector: &Bound<'_, PyAny>) -> PyResult<Option<Packed>> {
    if vector.is_none() {
        return Ok(None);
    }
    let numbers = match from_python(vector, "vector")? {
        Value::Array(items) => items.numbers(),
        _ => None,
    };
    let expected = "expected one vector, a list of numbers";
    let refused = || invalid_argument(vector.py(), format!("vector: {vector:?}; {expected}"));
    numbers.map(Some).ok_or_else(refused)
}
