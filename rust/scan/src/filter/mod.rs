//! Mastra's filter language: compiled once, evaluated over one row's metadata, or over columns of many rows.
//!
//! | filter | matches where |
//! | --- | --- |
//! | `{f: x}`, `{f: {"$eq": x}}` | equal type and value; `null`: the field is null or missing; lists and objects: all of it |
//! | `$ne`, `$nin`, `$not`, `$nor` | the negation, so rows that lack the field match |
//! | `$gt`, `$gte`, `$lt`, `$lte` | numbers with numbers, text with text by code point; other types never |
//! | `$in`, `$all` | the value equals one of the list; the stored list holds all of the list |
//! | `$contains` | the stored list holds it, or the stored text contains the text |
//! | `$elemMatch`, `$size` | some element of the stored list matches; its length |
//! | `$exists` | presence; null counts as present |
//! | `$regex`, `$options` | the stored text matches; options `i`, `m`, `s`, `x` |
//! | `$and`, `$or`, `$nor`, `$not` | lists of filters; `$not` inside a field negates a condition, elsewhere a filter |
//!
//! Booleans aren't numbers, 1 equals 1.0 whatever the type, and NaN equals nothing. A name with dots reaches into
//! objects; a key that has the dots itself wins.

mod columns;
mod compile;
mod error;
mod test;

use std::sync::Arc;

use value::Value;

pub(crate) use columns::Columns;
use compile::compile;
pub use error::FilterError;
use test::Test;

/// A condition on metadata.
#[derive(Clone, Debug)]
pub struct Filter {
    test: Test,
}

impl Filter {
    /// Compiles a filter. `{"metadata": {…}}` is the same as what it wraps, where it wraps no operator of a field.
    ///
    /// # Errors
    ///
    /// If an operator is unknown or out of place, or an operand has the wrong type.
    pub fn compile(filter: &Value) -> Result<Self, FilterError> {
        Ok(Self { test: compile(filter)? })
    }

    /// Whether a row's metadata matches.
    #[must_use]
    pub fn matches(&self, metadata: &Value) -> bool {
        self.test.holds(Some(metadata))
    }

    /// Leaves of consecutive rows, 64 a word, those whose metadata matches; none is an empty object.
    pub(crate) fn narrow(&self, columns: &Columns, metadata: &[Option<Arc<Value>>], admitted: &mut [u64]) {
        columns.narrow(&self.test, metadata, admitted);
    }

    /// Whether it has a regular expression, which only this crate can match.
    #[must_use]
    pub fn has_regex(&self) -> bool {
        self.test.has_regex()
    }

    /// Whether it has no condition at all, as `{}`, `{"metadata": {}}` or `{"$and": []}`. Such a filter would delete
    /// every row.
    #[must_use]
    pub fn matches_everything(&self) -> bool {
        matches!(self.test, Test::Always)
    }

    /// Whether it admits every row whose metadata has no empty object, as `{"f": {"$not": {}}}` does. There the
    /// condition was left empty by mistake, and means that `f` isn't an empty object.
    #[must_use]
    pub fn matches_everything_but_empty_objects(&self) -> bool {
        matches!(self.test.without_empty_objects(), Test::Always)
    }
}
