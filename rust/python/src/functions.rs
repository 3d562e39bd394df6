//! The functions that come with this package.

use std::collections::BTreeMap;

use pyo3::prelude::*;

#[pyfunction]
pub(crate) fn builtin_files() -> BTreeMap<&'static str, &'static str> {
    engine::builtin_files().iter().copied().collect()
}
