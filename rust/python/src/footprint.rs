//! The reads and writes of a mutation, for tests.

use pyo3::prelude::*;

use crate::convert::to_python;

/// The reads and writes of a mutation that wasn't committed.
#[pyclass(frozen)]
pub(crate) struct Footprint(pub(crate) engine::Footprint);

#[pymethods]
impl Footprint {
    /// The return value of the mutation.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0.value)
    }

    /// Whether one of the two mutations read something that the other one wrote.
    fn conflicts_with(&self, other: &Self) -> bool {
        self.0.conflicts_with(&other.0)
    }
}
