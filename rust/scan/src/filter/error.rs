//! What is wrong with a filter.

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}found {found}, expected {expected}", place(path))]
pub struct FilterError {
    /// The way there, e.g. `$and[1].year.$gte`; empty for the filter itself.
    pub path: String,
    /// What stands there.
    pub found: String,
    /// What could stand there.
    pub expected: String,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::from("filter: ") } else { format!("filter at {path}: ") }
}
