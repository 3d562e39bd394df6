//! Writing, in each format.

use base64::{display::Base64Display, engine::general_purpose::STANDARD as BASE64};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Format, Tag, is_special};
use crate::value::{Array, Value};

/// Appends a value as JSON.
pub fn encode(value: &Value, format: Format, text: &mut String) {
    append(text, |serializer| Formatted { value, format }.serialize(serializer));
}

/// Appends an object with these fields as JSON, in the order they come; Convex's is by name.
pub fn encode_fields<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>, format: Format, text: &mut String) {
    let fields = fields.map(|(name, value)| (name, Formatted { value, format }));
    append(text, |serializer| serializer.collect_map(fields));
}

/// Serialises a value onto a string.
///
/// It goes through bytes of its own: a writer onto the string would have to check each of many small pieces for UTF-8,
/// which takes twice as long.
fn append(
    text: &mut String,
    serialize: impl FnOnce(&mut serde_json::Serializer<&mut Vec<u8>>) -> serde_json::Result<()>,
) {
    let mut json = Vec::with_capacity(128);
    serialize(&mut serde_json::Serializer::new(&mut json)).expect("memory takes all that is written");
    text.push_str(str::from_utf8(&json).expect("what serde_json writes is UTF-8"));
}

/// A value as JSON.
#[must_use]
pub fn to_string(value: &Value, format: Format) -> String {
    serde_json::to_string(&Formatted { value, format }).expect("memory takes all that is written")
}

/// A value that serialises in a format: for a value inside other JSON.
#[derive(Clone, Copy, Debug)]
pub struct Formatted<'a> {
    /// The value.
    pub value: &'a Value,
    /// How it is written.
    pub format: Format,
}

impl Serialize for Formatted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = self.format;
        let inside = |value| Formatted { value, format };
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Int64(number) => match format {
                Format::Encoded => tagged(Tag::Integer, &number.to_le_bytes(), serializer),
                Format::Json => serializer.collect_str(number),
                Format::Export => serializer.serialize_i64(*number),
            },
            Value::Float64(number) => Number { number: *number, format }.serialize(serializer),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => match format {
                Format::Json => Base64(bytes).serialize(serializer),
                Format::Encoded | Format::Export => tagged(Tag::Bytes, bytes, serializer),
            },
            Value::Array(Array::Values(items)) => serializer.collect_seq(items.iter().map(inside)),
            Value::Array(Array::Packed(numbers)) => {
                serializer.collect_seq(numbers.iter().map(|number| Number { number, format }))
            }
            Value::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, inside(value)))),
        }
    }
}

/// A float that serialises in a format.
struct Number {
    number: f64,
    format: Format,
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { number, format } = *self;
        match format {
            Format::Encoded if is_special(number) => tagged(Tag::Float, &number.to_le_bytes(), serializer),
            Format::Export if !number.is_finite() => tagged(Tag::Float, &number.to_le_bytes(), serializer),
            Format::Json if number.is_nan() => serializer.serialize_str("NaN"),
            Format::Json if number == f64::INFINITY => serializer.serialize_str("Infinity"),
            Format::Json if number == f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            _ => serializer.serialize_f64(number),
        }
    }
}

fn tagged<S: Serializer>(tag: Tag, bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag.key(), &Base64(bytes))?;
    map.end()
}

/// Bytes that serialise as base64.
struct Base64<'a>(&'a [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &BASE64))
    }
}
