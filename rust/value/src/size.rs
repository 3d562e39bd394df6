//! Sizes as Convex counts them, and the limits of values and documents.

/// How deep a value may nest: a scalar 0, an array or object one more than the deepest in it. Convex's `value/size.rs`.
pub const VALUE_MAX_NESTING: usize = 64;
