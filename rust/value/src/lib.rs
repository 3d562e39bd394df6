//! Convex values: what they are, how they are ordered, sized, named and written as JSON.
//!
//! | module | holds |
//! | --- | --- |
//! | [`value`](Value) | the eight types and their equality |
//! | [`packed`](Packed) | an array of plain numbers, kept as floats |
//! | [`json`] | wire JSON, in Convex's three formats |
//! | [`sort_key`] | bytes that compare as values do |
//! | [`id`] | document ids and their checksum |
//! | [`size`] | sizes and the limits of a value |
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

pub mod id;
pub mod json;
mod packed;
pub mod size;
pub mod sort_key;
mod value;

pub use packed::{PACKED_MIN_LENGTH, Packed};
pub use value::{Array, Object, Value};
