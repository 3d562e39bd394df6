//! The shapes of answers.

use value::{Array, Object, Value};

/// A page of results, as Convex's paginated queries return it.
pub(super) fn page(page: Vec<Value>, is_done: bool, continue_cursor: String) -> Value {
    Value::from([
        ("page", Value::Array(Array::new(page))),
        ("isDone", is_done.into()),
        ("continueCursor", continue_cursor.into()),
    ])
}

/// An object of these fields.
pub(super) fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Object>())
}

/// A count.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
pub(super) fn number(count: u64) -> Value {
    Value::Float64(count as f64)
}
