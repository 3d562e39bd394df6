//! Bytes that compare as values do.
