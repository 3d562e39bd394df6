//! What a mutation reads and writes, for tests.

use pyo3::prelude::*;

use crate::convert::to_python;

/// What a mutation would read and write.
#[pyclass(frozen)]
pub(crate) struct Footprint(pub(crate) engine::Footprint);

#[pymethods]
impl Footprint {
    /// What the mutation returned.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0.value)
    }

    /// Whether one of the two mutations read what the other one wrote.
    fn conflicts_with(&self, other: &Self) -> bool {
        self.0.conflicts_with(&other.0)
    }
}
