//! Functions: the built-in ones, the kinds, and their console output.

use std::collections::BTreeMap;

use base::FunctionKind;
use pyo3::prelude::*;

use crate::error::invalid_argument;

#[pyfunction]
pub(crate) fn builtin_files() -> BTreeMap<&'static str, &'static str> {
    engine::builtin_files().collect()
}

/// A function's kind.
pub(crate) fn parse_kind(py: Python<'_>, kind: &str) -> PyResult<FunctionKind> {
    FunctionKind::from_route(kind).ok_or_else(|| {
        let message = format!("kind: {kind:?}; expected \"query\", \"mutation\" or \"action\"");
        invalid_argument(py, message)
    })
}

/// Passes a function's console lines to Python's logger.
pub(crate) fn log(py: Python<'_>, path: &str, lines: &[String]) -> PyResult<()> {
    if !lines.is_empty() {
        let logger = py.import("logging")?.call_method1("getLogger", ("mastra_convex.functions",))?;
        for line in lines {
            logger.call_method1("info", ("%s: %s", path, line))?;
        }
    }
    Ok(())
}
