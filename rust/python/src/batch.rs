//! `VectorBatch`: the search kernel itself.

use std::{sync::Arc, time::Instant};

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods, ndarray::Array2};
use pyo3::{
    prelude::*,
    types::{PyBool, PyBytes, PyBytesMethods, PyString, PyType},
};
use scan::{Batch, Filter, FilterError, Mask, Metric, Search, SearchError, TopK};
use value::{Object, Packed, Value, json};

use crate::{
    arrays,
    convert::{filter_from_python, from_python, metadata_from_python},
    error::{filter_error, invalid_argument, page_error, search_error},
    results::{Origin, Phases, QueryResults},
};

/// A number's size in a document.
const NUMBER_BYTES: usize = 9;

/// The size of the name of a row's index and of the names of its fields.
const ROW_BYTES: usize = 512;

/// The kernel itself: rows to score, in memory.
///
/// `vectors` has shape (n, dimension); a C-contiguous float32 or float64 array is borrowed, not copied. `ids` (by default
/// the row numbers as text) and `metadata` (dicts or None) have length n. `metric` is "cosine", "dotproduct" or
/// "euclidean": the cosine, the dot product, or 1 / (1 + distance).
///
/// Scores are the float64 reference's, bit for bit; higher is better, ties come in row order. Rows that aren't finite, or
/// for cosine are zero, never rank. `InvalidArgumentError` where the arguments don't fit.
#[pyclass(frozen, module = "mastra_convex")]
pub(crate) struct VectorBatch {
    batch: Arc<Batch>,
    metric: Metric,
    origin: Origin,
}

impl VectorBatch {
    pub(crate) fn from_batch(batch: Arc<Batch>, metric: Metric, origin: Origin) -> Self {
        Self { batch, metric, origin }
    }
}

/// Row numbers and their scores.
type RowsAndScores<'py, Rows, Scores> = (Bound<'py, Rows>, Bound<'py, Scores>);

/// The checked options of a search.
struct Options {
    top_k: usize,
    filter: Option<Filter>,
    mask: Option<Mask>,
    min_score: Option<f64>,
    threads: usize,
}

#[pymethods]
impl VectorBatch {
    #[new]
    #[pyo3(signature = (vectors, *, ids = None, metadata = None, metric = "cosine"))]
    fn new(
        vectors: &Bound<'_, PyAny>,
        ids: Option<&Bound<'_, PyAny>>,
        metadata: Option<&Bound<'_, PyAny>>,
        metric: &str,
    ) -> PyResult<Self> {
        let py = vectors.py();
        let metric = parse_metric(py, metric)?;
        let (matrix, dimension) = arrays::matrix(vectors)?;
        let ids = ids.map(read_ids).transpose()?;
        let metadata = metadata.map(read_metadata).transpose()?;
        let batch = py.detach(|| Batch::from_matrix(dimension, matrix, ids, metadata));
        let batch = batch.map_err(|error| invalid_argument(py, format!("VectorBatch: {error}")))?;
        Ok(Self { batch: Arc::new(batch), metric, origin: Origin::here("batch") })
    }

    /// Rows of replies of the storage function's paged `queryTable`, as they came over the wire: a list of bytes.
    ///
    /// The first row's length is the dimension; a row of another one never ranks. `ProtocolError` where a page isn't of
    /// that shape, `FunctionError` where it is the reply of a function that failed.
    #[classmethod]
    #[pyo3(signature = (pages, *, metric = "cosine"))]
    fn from_pages(class: &Bound<'_, PyType>, pages: Vec<Bound<'_, PyBytes>>, metric: &str) -> PyResult<Self> {
        let py = class.py();
        let metric = parse_metric(py, metric)?;
        let pages: Vec<&[u8]> = pages.iter().map(PyBytesMethods::as_bytes).collect();
        let batch = py.detach(|| Batch::from_pages(&pages)).map_err(|error| page_error(py, &error))?;
        Ok(Self { batch: Arc::new(batch), metric, origin: Origin::here("pages") })
    }

    fn __len__(&self) -> usize {
        self.batch.len()
    }

    /// Length of a vector.
    #[getter]
    fn dimension(&self) -> usize {
        self.batch.dimension()
    }

    /// The meaning of a score.
    #[getter]
    fn metric(&self) -> &'static str {
        self.metric.name()
    }

    /// Row numbers (int64) by descending score, ties in row order, and their scores (float64).
    ///
    /// `query_vector` has shape (dimension,); it needn't have unit length, and isn't modified. `top_k` is 10 where it isn't
    /// given. `filter` is Mastra's filter language, `mask` one bool a row: both say which rows may be among the results.
    /// `min_score` leaves out lower scores. `threads` may work on it; fewer do where more don't pay.
    ///
    /// `DimensionMismatchError` where the query has another length than the rows, `FilterError` where the filter isn't one,
    /// `InvalidArgumentError` where the query isn't finite, or for cosine is zero, or another argument is invalid.
    #[pyo3(signature = (query_vector, top_k = None, *, filter = None, mask = None, min_score = None, threads = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn top_k<'py>(
        &self,
        py: Python<'py>,
        query_vector: &Bound<'py, PyAny>,
        top_k: Option<&Bound<'py, PyAny>>,
        filter: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        min_score: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<RowsAndScores<'py, PyArray1<i64>, PyArray1<f64>>> {
        let options = self.options(top_k, filter, mask, min_score, threads)?;
        let query = arrays::vector(query_vector, "query_vector")?;
        let (found, _) = py.detach(|| self.search(&query, &options)).map_err(|error| search_error(py, &error))?;
        let rows: Vec<i64> = found.rows.iter().map(|&row| row_number(row)).collect();
        Ok((PyArray1::from_slice(py, &rows), PyArray1::from_slice(py, &found.scores)))
    }

    /// As `top_k` for each row of a matrix, shape (queries, dimension): two arrays of shape (queries, most rows found).
    ///
    /// Where a query has fewer, its rows end in -1 and its scores in NaN.
    #[pyo3(signature = (query_vectors, top_k = None, *, filter = None, mask = None, min_score = None, threads = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn top_k_many<'py>(
        &self,
        py: Python<'py>,
        query_vectors: &Bound<'py, PyAny>,
        top_k: Option<&Bound<'py, PyAny>>,
        filter: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        min_score: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<RowsAndScores<'py, PyArray2<i64>, PyArray2<f64>>> {
        let options = self.options(top_k, filter, mask, min_score, threads)?;
        let (found, _) = self.search_many(query_vectors, &options)?;
        let width = found.iter().map(|found| found.rows.len()).max().unwrap_or_default();
        let mut rows = Array2::from_elem((found.len(), width), -1);
        let mut scores = Array2::from_elem((found.len(), width), f64::NAN);
        for (query, found) in found.iter().enumerate() {
            for (place, (&row, &score)) in found.rows.iter().zip(&found.scores).enumerate() {
                rows[[query, place]] = row_number(row);
                scores[[query, place]] = score;
            }
        }
        Ok((PyArray2::from_owned_array(py, rows), PyArray2::from_owned_array(py, scores)))
    }

    /// As `top_k`, as `QueryResults`: with ids and metadata, and with vectors where `include_vector` says so.
    ///
    /// Without a vector but with a filter or a mask: the rows that they admit, in row order, with score 0.
    #[pyo3(signature = (query_vector = None, top_k = None, *, filter = None, mask = None, include_vector = false, min_score = None, threads = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn query<'py>(
        &self,
        py: Python<'py>,
        query_vector: Option<&Bound<'py, PyAny>>,
        top_k: Option<&Bound<'py, PyAny>>,
        filter: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        include_vector: bool,
        min_score: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<QueryResults> {
        let options = self.options(top_k, filter, mask, min_score, threads)?;
        let (found, phases) = match query_vector {
            Some(query_vector) => {
                let query = arrays::vector(query_vector, "query_vector")?;
                py.detach(|| self.search(&query, &options)).map_err(|error| search_error(py, &error))?
            }
            None if options.filter.is_some() || options.mask.is_some() => py.detach(|| self.list(&options)),
            None => return Err(invalid_argument(py, "query: expected a query_vector, or a filter to list rows by")),
        };
        Ok(QueryResults::new(Arc::clone(&self.batch), found, include_vector, self.origin, phases))
    }

    /// As `query` for each row of a matrix, shape (queries, dimension): a list of `QueryResults`.
    #[pyo3(signature = (query_vectors, top_k = None, *, filter = None, mask = None, include_vector = false, min_score = None, threads = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn query_many<'py>(
        &self,
        query_vectors: &Bound<'py, PyAny>,
        top_k: Option<&Bound<'py, PyAny>>,
        filter: Option<&Bound<'py, PyAny>>,
        mask: Option<&Bound<'py, PyAny>>,
        include_vector: bool,
        min_score: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<QueryResults>> {
        let options = self.options(top_k, filter, mask, min_score, threads)?;
        let (found, phases) = self.search_many(query_vectors, &options)?;
        let results = found
            .into_iter()
            .map(|found| QueryResults::new(Arc::clone(&self.batch), found, include_vector, self.origin, phases));
        Ok(results.collect())
    }

    /// The ids of the rows that a filter admits, in row order.
    fn matching_ids(&self, py: Python<'_>, filter: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let filter = compile(filter)?;
        Ok(py.detach(|| self.batch.mask(&filter).iter().map(|row| self.batch.id(row).to_string()).collect()))
    }

    fn __repr__(&self) -> String {
        format!("VectorBatch({} × {}, metric={:?})", self.batch.len(), self.batch.dimension(), self.metric.name())
    }
}

impl VectorBatch {
    fn options(
        &self,
        top_k: Option<&Bound<'_, PyAny>>,
        filter: Option<&Bound<'_, PyAny>>,
        mask: Option<&Bound<'_, PyAny>>,
        min_score: Option<&Bound<'_, PyAny>>,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Options> {
        Ok(Options {
            top_k: top_k.map_or(Ok(10), |top_k| read_count("top_k", top_k))?,
            filter: filter.filter(|filter| !filter.is_none()).map(compile).transpose()?,
            mask: mask.map(|mask| self.read_mask(mask)).transpose()?,
            min_score: min_score.map(read_min_score).transpose()?,
            threads: threads.map_or(Ok(1), |threads| read_count("threads", threads))?,
        })
    }

    fn read_mask(&self, mask: &Bound<'_, PyAny>) -> PyResult<Mask> {
        let py = mask.py();
        let array = py.import("numpy")?.call_method1("asarray", (mask,))?;
        let Ok(array) = array.cast::<PyArray1<bool>>() else {
            return Err(invalid_argument(py, "mask: expected one bool a row"));
        };
        if array.len() != self.batch.positions() {
            let (found, expected) = (array.len(), self.batch.positions());
            return Err(invalid_argument(py, format!("mask: {found} bools; expected one a row, {expected}")));
        }
        Ok(Mask::from_bools(&array.readonly().as_array().to_vec()))
    }

    /// The rows that may be among the results, and the time that the filter took.
    fn admitted(&self, options: &Options) -> (Option<Mask>, f64) {
        let begin = Instant::now();
        let filtered = options.filter.as_ref().map(|filter| self.batch.mask(filter));
        let admitted = match (filtered, &options.mask) {
            (Some(filtered), Some(mask)) => Some(filtered.intersection(mask)),
            (filtered, mask) => filtered.or_else(|| mask.clone()),
        };
        (admitted, begin.elapsed().as_secs_f64())
    }

    fn search(&self, query: &[f64], options: &Options) -> Result<(TopK, Phases), SearchError> {
        let (mask, filter) = self.admitted(options);
        let begin = Instant::now();
        let found = self.batch.top_k(query, &self.ask(options, mask.as_ref()))?;
        Ok((found, Phases { filter, scan: begin.elapsed().as_secs_f64() }))
    }

    fn search_many(&self, queries: &Bound<'_, PyAny>, options: &Options) -> PyResult<(Vec<TopK>, Phases)> {
        let py = queries.py();
        let (numbers, dimension) = arrays::vectors(queries, "query_vectors")?;
        if dimension != self.batch.dimension() && !numbers.is_empty() {
            let error = SearchError::QueryLength { found: dimension, expected: self.batch.dimension() };
            return Err(search_error(py, &error));
        }
        py.detach(|| {
            let (mask, filter) = self.admitted(options);
            let begin = Instant::now();
            let found = self.batch.top_k_many(&numbers, &self.ask(options, mask.as_ref()))?;
            Ok((found, Phases { filter, scan: begin.elapsed().as_secs_f64() }))
        })
        .map_err(|error| search_error(py, &error))
    }

    fn ask<'a>(&self, options: &Options, mask: Option<&'a Mask>) -> Search<'a> {
        let &Options { top_k, min_score, threads, .. } = options;
        Search { metric: self.metric, top_k, mask, min_score, threads }
    }

    /// The result without a query vector: the admitted rows in stored order, with score 0.
    fn list(&self, options: &Options) -> (TopK, Phases) {
        let (mask, filter) = self.admitted(options);
        let admitted = |row: &usize| mask.as_ref().is_none_or(|mask| mask.contains(*row));
        let rows: Vec<usize> = self.batch.live().filter(admitted).take(options.top_k).collect();
        let scores = vec![0.0; rows.len()];
        (TopK { rows, scores, skipped: 0 }, Phases { filter, scan: 0.0 })
    }
}

pub(crate) fn parse_metric(py: Python<'_>, metric: &str) -> PyResult<Metric> {
    metric.parse().map_err(|error: scan::UnknownMetric| invalid_argument(py, format!("metric: {error}")))
}

/// Compiles a filter, which must be a mapping.
fn compile(filter: &Bound<'_, PyAny>) -> PyResult<Filter> {
    let value = filter_from_python(filter)?;
    Filter::compile(&value).map_err(|error| filter_error(filter.py(), &error))
}

/// The arguments of the functions that search, checked as far as possible without the index. None if the filter has a
/// regular expression, which only this process can match.
pub(crate) fn search_arguments(
    py: Python<'_>,
    query_vector: Option<&Bound<'_, PyAny>>,
    top_k: &Bound<'_, PyAny>,
    filter: Option<&Bound<'_, PyAny>>,
    include_vector: bool,
    min_score: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Object>> {
    #[expect(clippy::cast_precision_loss, reason = "a number of results")]
    let top_k = read_count("top_k", top_k)? as f64;
    let mut args =
        Object::from([("topK".to_owned(), top_k.into()), ("includeVector".to_owned(), include_vector.into())]);
    if let Some(filter) = filter.filter(|filter| !filter.is_none()) {
        let Some(text) = filter_text(filter)? else { return Ok(None) };
        args.insert("filter".to_owned(), text.into());
    }
    if let Some(min_score) = min_score {
        args.insert("minScore".to_owned(), read_min_score(min_score)?.into());
    }
    match query_vector {
        Some(vector) => {
            let numbers = arrays::vector(vector, "query_vector")?;
            if let Some(position) = numbers.iter().position(|number| !number.is_finite()) {
                return Err(search_error(py, &SearchError::QueryNotFinite { position, value: numbers[position] }));
            }
            let (form, bytes) = Packed::from_f64(&numbers).to_bytes();
            args.insert("vector".to_owned(), Value::from([(form, Value::Bytes(bytes))]));
        }
        None if filter.is_none() => {
            return Err(invalid_argument(py, "query: expected a query_vector, or a filter to list rows by"));
        }
        None => {}
    }
    Ok(Some(args))
}

/// A filter as JSON text for the functions that search; None if it has a regular expression.
#[pyfunction]
pub(crate) fn filter_text(filter: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let value = filter_from_python(filter)?;
    let compiled = Filter::compile(&value).map_err(|error| filter_error(filter.py(), &error))?;
    if compiled.has_regex() {
        return Ok(None);
    }
    let mut text = String::new();
    json::encode(&value, json::Format::Encoded, &mut text);
    Ok(Some(text))
}

/// The error for a regular expression in a search of the deployment, which can't match it.
pub(crate) fn regex_error(py: Python<'_>) -> PyErr {
    filter_error(
        py,
        &FilterError {
            path: String::new(),
            found: "$regex with strategy \"server\"".to_owned(),
            expected: "strategy \"auto\", \"mirror\" or \"pages\", which match it here".to_owned(),
        },
    )
}

/// Whether a filter admits every row, or every row whose metadata has no empty object.
#[pyfunction]
pub(crate) fn matches_everything(filter: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(compile(filter)?.matches_everything_but_empty_objects())
}

/// The sizes of rows as documents, in bytes as Convex counts them, having checked that Convex can hold each.
#[pyfunction]
pub(crate) fn row_sizes(
    ids: &Bound<'_, PyAny>,
    metadata: &Bound<'_, PyAny>,
    dimension: usize,
    place: &str,
) -> PyResult<Vec<usize>> {
    let py = metadata.py();
    let mut sizes = Vec::new();
    for (position, (id, metadata)) in ids.try_iter()?.zip(metadata.try_iter()?).enumerate() {
        let document = Object::from([
            ("id".to_owned(), from_python(&id?, &format!("{place}: ids[{position}]"))?),
            ("metadata".to_owned(), metadata_from_python(&metadata?, &format!("{place}: metadata[{position}]"))?),
        ]);
        value::size::check_document(&document)
            .map_err(|error| invalid_argument(py, format!("{place}: row {position}: {error}")))?;
        let size = value::size::size_of_document(&document) + NUMBER_BYTES * dimension + ROW_BYTES;
        let most = value::size::DOCUMENT_MAX_BYTES;
        if size > most {
            let message = format!("{place}: row {position} is {size} bytes; Convex's limit for a document is {most}");
            return Err(invalid_argument(py, message));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

fn read_count(name: &str, count: &Bound<'_, PyAny>) -> PyResult<usize> {
    let integer = (!count.is_instance_of::<PyBool>()).then(|| count.extract::<i64>().ok()).flatten();
    match integer.map(usize::try_from) {
        Some(Ok(integer)) if integer > 0 => Ok(integer),
        _ => Err(refused(name, count, "an integer of at least 1")),
    }
}

fn read_min_score(min_score: &Bound<'_, PyAny>) -> PyResult<f64> {
    let number = (!min_score.is_instance_of::<PyBool>()).then(|| min_score.extract::<f64>().ok()).flatten();
    number.filter(|number| !number.is_nan()).ok_or_else(|| refused("min_score", min_score, "a number"))
}

/// The error for an argument of a wrong form.
fn refused(name: &str, found: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    match found.repr() {
        Ok(found_as_text) => invalid_argument(found.py(), format!("{name}: {found_as_text}; expected {expected}")),
        Err(error) => error,
    }
}

fn read_ids(ids: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<str>>> {
    let read = |(position, id): (usize, PyResult<Bound<'_, PyAny>>)| {
        let (id, place) = (id?, format!("ids[{position}]"));
        match id.is_instance_of::<PyString>().then(|| from_python(&id, &place)).transpose()? {
            Some(Value::String(text)) => Ok(text.into()),
            _ => Err(refused(&place, &id, "text")),
        }
    };
    let all = ids.try_iter().map_err(|_| refused("ids", ids, "a list of texts"))?;
    all.enumerate().map(read).collect()
}

fn read_metadata(metadata: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<Value>>> {
    let read = |(position, row): (usize, PyResult<Bound<'_, PyAny>>)| {
        let row = row?;
        let place = format!("metadata[{position}]");
        match metadata_from_python(&row, &place)? {
            Value::Null => Ok(Arc::new(Object::new().into())),
            value @ Value::Object(_) => Ok(Arc::new(value)),
            _ => Err(refused(&place, &row, "a dict")),
        }
    };
    let all = metadata.try_iter().map_err(|_| refused("metadata", metadata, "a list of dicts"))?;
    all.enumerate().map(read).collect()
}

fn row_number(row: usize) -> i64 {
    i64::try_from(row).expect("a batch has fewer rows than 2^63")
}
