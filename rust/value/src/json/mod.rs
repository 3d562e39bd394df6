//! Wire JSON: reading Convex's encoding, writing its three formats.
//!
//! | value | [`Encoded`](Format::Encoded) | [`Json`](Format::Json) | [`Export`](Format::Export) |
//! | --- | --- | --- | --- |
//! | int64 | `{"$integer":"<base64>"}` | `"7"` | `7` |
//! | float64 | `1.0` | `1.0` | `1.0` |
//! | -0 | `{"$float":"<base64>"}` | `-0.0` | `-0.0` |
//! | NaN, ±Infinity | `{"$float":"<base64>"}` | `"NaN"`, `"Infinity"`, `"-Infinity"` | as encoded |
//! | bytes | `{"$bytes":"<base64>"}` | `"<base64>"` | as encoded |
//!
//! Numbers are eight little-endian bytes, base64 is the standard alphabet with padding, fields come sorted by name.
//! The encoded format can be read, where a bare number is always a float64, and the exported one, where one without a
//! point and an exponent is an int64.

mod read;
mod write;

use std::str::FromStr;

pub use read::{decode, decode_export};
pub use write::{Formatted, encode, encode_fields, to_string};

/// How values are written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Keeps every value's type: `convex_encoded_json`, also called `convex_json`.
    Encoded,
    /// Plain JSON, where types merge: `json`, also called `convex_clean_json`.
    Json,
    /// JSON for people and for Rust: integers are bare, floats have a point or an exponent: `export_json`.
    Export,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "convex_encoded_json" | "convex_json" => Ok(Self::Encoded),
            "json" | "convex_clean_json" => Ok(Self::Json),
            "export_json" => Ok(Self::Export),
            _ => Err(UnknownFormat { name: name.to_owned() }),
        }
    }
}

/// A request asked for a format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("format is {name:?}, expected \"json\", \"convex_encoded_json\" or \"export_json\"")]
pub struct UnknownFormat {
    /// The requested encoding.
    pub name: String,
}

/// A text is not the encoded JSON of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSON at byte {offset}: {problem}")]
pub struct JsonError {
    /// How many bytes had been read when the problem was noticed.
    pub offset: usize,
    /// The found text, and the expected form.
    pub problem: String,
}

impl JsonError {
    /// Says where in a text `serde_json` stopped: its lines and columns, made one offset.
    #[must_use]
    pub fn new(text: &[u8], error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let lines_before = line.saturating_sub(1);
        let line_start: usize = text.split_inclusive(|&byte| byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
        let message = error.to_string();
        let problem = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message).to_owned();
        Self { offset: line_start + column, problem }
    }
}

/// The values that are encoded as an object with one key.
#[derive(Clone, Copy)]
enum Tag {
    Integer,
    Float,
    Bytes,
}

impl Tag {
    const ALL: [Self; 3] = [Self::Integer, Self::Float, Self::Bytes];

    fn key(self) -> &'static str {
        match self {
            Self::Integer => "$integer",
            Self::Float => "$float",
            Self::Bytes => "$bytes",
        }
    }
}

/// Whether a float is one of those that JavaScript's JSON would lose: NaN, ±Infinity, -0.
fn is_special(number: f64) -> bool {
    !number.is_finite() || (number == 0.0 && number.is_sign_negative())
}

#[cfg(test)]
mod tests;
