//! A vector index as the storage functions keep it, which a search reads without them (`engine/src/system/search.rs`).

use std::time::Duration;

use client::Strategy;
use engine::VectorSource;
use pyo3::prelude::*;

use crate::{error::invalid_argument, http::duration};

/// A vector index to search, how recent its rows must be, and where they are scored if the deployment is remote.
#[pyclass(frozen)]
pub(crate) struct VectorIndex {
    pub(crate) index: client::VectorIndex,
    pub(crate) max_staleness: Duration,
    pub(crate) strategy: Strategy,
}

#[pymethods]
impl VectorIndex {
    #[new]
    #[pyo3(signature = (storage_function, name, *, max_staleness, strategy))]
    fn new(
        py: Python<'_>,
        storage_function: String,
        name: String,
        max_staleness: f64,
        strategy: &str,
    ) -> PyResult<Self> {
        let index = client::VectorIndex { storage_function, name };
        let expected = "expected \"auto\", \"server\", \"mirror\" or \"pages\"";
        let strategy = Strategy::parse(strategy)
            .ok_or_else(|| invalid_argument(py, format!("strategy {strategy:?}; {expected}")))?;
        Ok(Self { index, max_staleness: duration(py, "max_staleness", max_staleness)?, strategy })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.index.name
    }

    #[getter]
    fn strategy(&self) -> &'static str {
        self.strategy.name()
    }
}

impl VectorIndex {
    /// The source of the rows.
    pub(crate) fn source(&self, dimension: usize) -> VectorSource {
        VectorSource::of_mastra(&self.index.name, dimension)
    }
}
