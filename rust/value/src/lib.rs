//! Convex values: their types, order, sizes, field names and JSON forms.
//!
//! | module | holds |
//! | --- | --- |
//! | [`value`](Value) | the eight types and their equality |
//! | [`packed`](Packed) | an array of plain numbers, kept as floats |
//! | [`field_name`](check_field_name) | the rules for names of fields |
//! | [`json`] | wire JSON, in Convex's three formats |
//! | [`sort_key`] | bytes that compare as values do |
//! | [`id`] | document ids and their checksum |
//! | [`size`] | sizes and the limits of a value |
#![deny(unsafe_code)]
#![warn(clippy::pedantic, missing_docs, unreachable_pub)]
#![expect(clippy::missing_panics_doc, reason = "each `expect` says why it cannot fail")]

mod field_name;
pub mod id;
pub mod json;
mod packed;
pub mod size;
pub mod sort_key;
mod value;

pub use field_name::{FIELD_NAME_MAX_BYTES, FieldNameError, check_field_name};
pub use packed::{FLOAT32, FLOAT64, PACKED_MIN_LENGTH, Packed};
pub use value::{Array, Object, Value};
