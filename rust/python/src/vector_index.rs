//! A vector index as the storage functions keep it.
//!
//! In this process its rows are read without the functions, to score them. This is the only path that does so.
//! Therefore this file repeats the names of the table, the index and the fields in `convex/mastra/schema.ts`.

use std::time::Duration;

use client::Strategy;
use engine::{MetadataSource, VectorSource};
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
        VectorSource {
            table: "mastra_vectors".to_owned(),
            index: "by_index".to_owned(),
            prefix: vec![self.index.name.as_str().into()],
            vector_field: "embedding".to_owned(),
            dimension,
            id_field: "id".to_owned(),
            metadata: MetadataSource::Field("metadata".to_owned()),
        }
    }
}
