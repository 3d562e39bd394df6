//! The error of an invalid filter.

/// The problem of a filter, and its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}found {found}, expected {expected}", place(path))]
pub struct FilterError {
    /// The path, e.g. `$and[1].year.$gte`; empty for the filter itself.
    pub path: String,
    /// The found value.
    pub found: String,
    /// The expected form.
    pub expected: String,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::from("filter: ") } else { format!("filter at {path}: ") }
}
