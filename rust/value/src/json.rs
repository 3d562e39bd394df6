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

use std::{collections::btree_map::Entry, fmt, str::FromStr};

use base64::{Engine, display::Base64Display, engine::general_purpose::STANDARD as BASE64};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

use crate::{
    field_name::check_field_name,
    size::VALUE_MAX_NESTING,
    value::{Array, Object, Value},
};

/// How values are written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Every value comes back as it was: `convex_encoded_json`, also called `convex_json`.
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
    /// What it asked for.
    pub name: String,
}

/// A text is not the encoded JSON of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSON at byte {offset}: {problem}")]
pub struct JsonError {
    /// How many bytes had been read when the problem was noticed.
    pub offset: usize,
    /// What was found there, and what was expected.
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

/// Reads encoded JSON.
///
/// Strict JSON, nested at most [`VALUE_MAX_NESTING`] levels, every field once; sizes and lengths are not limited here
/// but by [`size::check_value`](crate::size::check_value). To read a value inside other JSON, use its [`Deserialize`].
///
/// # Errors
///
/// The text is not JSON, or not the encoding of a value.
pub fn decode(text: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice(text).map_err(|error| JsonError::new(text, &error))
}

/// Reads exported JSON, as [`decode`] reads encoded JSON.
///
/// # Errors
///
/// The text is not JSON, or not the export of a value.
pub fn decode_export(text: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let seed = ValueSeed { levels_left: VALUE_MAX_NESTING, integers: true };
    let value = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| JsonError::new(text, &error))
}

/// Appends a value as JSON.
pub fn encode(value: &Value, format: Format, text: &mut String) {
    append(text, |serializer| Formatted { value, format }.serialize(serializer));
}

/// Appends an object with these fields as JSON, in the order they come; Convex's is by name.
pub fn encode_fields<'a>(fields: impl Iterator<Item = (&'a String, &'a Value)>, format: Format, text: &mut String) {
    let fields = fields.map(|(name, value)| (name, Formatted { value, format }));
    append(text, |serializer| serializer.collect_map(fields));
}

/// Appends what is serialised.
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

/// Whether a float is one of those that JavaScript's JSON would lose: NaN, ±Infinity, -0.
fn is_special(number: f64) -> bool {
    !number.is_finite() || (number == 0.0 && number.is_sign_negative())
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

impl<'de> Deserialize<'de> for Value {
    /// Reads the encoded form, as [`decode`] does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueSeed { levels_left: VALUE_MAX_NESTING, integers: false }.deserialize(deserializer)
    }
}

/// Reads a value that may nest so many levels.
#[derive(Clone, Copy)]
struct ValueSeed {
    levels_left: usize,
    /// Whether a number without a point and an exponent is an int64.
    integers: bool,
}

impl ValueSeed {
    /// Reads an item or a field of the value.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left, ..self }),
            None => Err(E::custom(format_args!(
                "an array or object {} levels deep, expected at most {VALUE_MAX_NESTING}",
                VALUE_MAX_NESTING + 1
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a Convex value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Boolean(truth))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float64(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "encoded, a bare number is a float64, however it was written")]
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(if self.integers { Value::Int64(number) } else { Value::Float64(number as f64) })
    }

    #[expect(clippy::cast_precision_loss, reason = "encoded, a bare number is a float64, however it was written")]
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        if !self.integers {
            return Ok(Value::Float64(number as f64));
        }
        let fits = i64::try_from(number).map(Value::Int64);
        fits.map_err(|_| E::custom(format_args!("{number}, expected an integer of 64 bits")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let item = self.inside()?;
        let mut numbers = Vec::new();
        while let Some(value) = array.next_element_seed(item)? {
            if let Value::Float64(number) = value {
                numbers.push(number);
                continue;
            }
            let mut items: Vec<Value> = numbers.into_iter().map(Value::Float64).collect();
            items.push(value);
            while let Some(value) = array.next_element_seed(item)? {
                items.push(value);
            }
            return Ok(Value::Array(Array::Values(items)));
        }
        Ok(Value::Array(Array::from_f64(&numbers)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        // Nesting is counted by what is in the braces: those of a tagged number or bytes are no level.
        let mut key = map.next_key()?;
        if let Some(Key::Tag(tag)) = key {
            let value = map.next_value_seed(tag)?;
            return match map.next_key()? {
                None => Ok(value),
                Some(Key::Tag(next)) => Err(not_alone(tag, next.key())),
                Some(Key::Field(next)) => Err(not_alone(tag, &next)),
            };
        }
        let field = self.inside()?;
        let mut fields = Object::new();
        while let Some(Key::Field(name)) = key {
            match fields.entry(name) {
                Entry::Vacant(vacant) => vacant.insert(map.next_value_seed(field)?),
                Entry::Occupied(occupied) => {
                    let name = occupied.key();
                    return Err(A::Error::custom(format_args!("field {name:?} again, expected each name once")));
                }
            };
            key = map.next_key()?;
        }
        if let Some(Key::Tag(tag)) = key {
            let (first, _) = fields.first_key_value().expect("a tag that comes first was read above");
            return Err(not_alone(tag, first));
        }
        Ok(Value::Object(fields))
    }
}

fn not_alone<E: serde::de::Error>(tag: Tag, other: &str) -> E {
    let tag = tag.key();
    E::custom(format_args!("{tag:?} beside {other:?}, expected {tag:?} as the only key of its object"))
}

/// What the keys of an encoded object may be.
enum Key {
    Tag(Tag),
    Field(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
                if let Some(tag) = Tag::ALL.into_iter().find(|tag| tag.key() == key) {
                    return Ok(Key::Tag(tag));
                }
                check_field_name(key).map_err(E::custom)?;
                Ok(Key::Field(key.to_owned()))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
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

impl<'de> DeserializeSeed<'de> for Tag {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Tag {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Integer | Self::Float => write!(f, "the base64 of 8 bytes in {:?}", self.key()),
            Self::Bytes => write!(f, "base64 in {:?}", self.key()),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        let refused = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
        if let Self::Bytes = self {
            return BASE64.decode(text).map(Value::Bytes).map_err(|_| refused());
        }
        // Eight bytes take twelve characters; twelve characters can hold nine bytes.
        let mut bytes = [0; 9];
        if text.len() != 12 || BASE64.decode_slice(text, &mut bytes) != Ok(8) {
            return Err(refused());
        }
        let bytes = *bytes.first_chunk().expect("nine bytes begin with eight");
        if let Self::Integer = self {
            return Ok(Value::Int64(i64::from_le_bytes(bytes)));
        }
        let number = f64::from_le_bytes(bytes);
        if !is_special(number) {
            return Err(E::custom(format_args!("{number:?} in \"$float\", expected a bare number")));
        }
        Ok(Value::Float64(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::Packed;

    fn decoded(text: &str) -> Result<Value, String> {
        decode(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// Value, encoded, plain and exported.
    fn forms() -> Vec<(Value, &'static str, &'static str, &'static str)> {
        vec![
            (Value::Null, "null", "null", "null"),
            (Value::Boolean(true), "true", "true", "true"),
            (Value::Int64(7), r#"{"$integer":"BwAAAAAAAAA="}"#, r#""7""#, "7"),
            (Value::Int64(-7), r#"{"$integer":"+f////////8="}"#, r#""-7""#, "-7"),
            (
                Value::Int64(i64::MAX),
                r#"{"$integer":"/////////38="}"#,
                r#""9223372036854775807""#,
                "9223372036854775807",
            ),
            (Value::Float64(0.0), "0.0", "0.0", "0.0"),
            (Value::Float64(1.0), "1.0", "1.0", "1.0"),
            (Value::Float64(-12.5), "-12.5", "-12.5", "-12.5"),
            (Value::Float64(0.1), "0.1", "0.1", "0.1"),
            (Value::Float64(1e16), "1e+16", "1e+16", "1e+16"),
            (Value::Float64(5e-324), "5e-324", "5e-324", "5e-324"),
            (Value::Float64(-0.0), r#"{"$float":"AAAAAAAAAIA="}"#, "-0.0", "-0.0"),
            (Value::Float64(f64::NAN), r#"{"$float":"AAAAAAAA+H8="}"#, r#""NaN""#, r#"{"$float":"AAAAAAAA+H8="}"#),
            (
                Value::Float64(f64::INFINITY),
                r#"{"$float":"AAAAAAAA8H8="}"#,
                r#""Infinity""#,
                r#"{"$float":"AAAAAAAA8H8="}"#,
            ),
            (
                Value::Float64(f64::NEG_INFINITY),
                r#"{"$float":"AAAAAAAA8P8="}"#,
                r#""-Infinity""#,
                r#"{"$float":"AAAAAAAA8P8="}"#,
            ),
            (Value::from("a\"\n\u{1}é🦀"), r#""a\"\n\u0001é🦀""#, r#""a\"\n\u0001é🦀""#, r#""a\"\n\u0001é🦀""#),
            (Value::Bytes(vec![]), r#"{"$bytes":""}"#, r#""""#, r#"{"$bytes":""}"#),
            (Value::Bytes(vec![0, 16, 131]), r#"{"$bytes":"ABCD"}"#, r#""ABCD""#, r#"{"$bytes":"ABCD"}"#),
            (Value::from(vec![]), "[]", "[]", "[]"),
            (
                Value::from(vec![Value::Float64(1.0), Value::Null, Value::Int64(0)]),
                r#"[1.0,null,{"$integer":"AAAAAAAAAAA="}]"#,
                r#"[1.0,null,"0"]"#,
                "[1.0,null,0]",
            ),
            (Value::from([]), "{}", "{}", "{}"),
            (
                Value::from([("b", Value::from([("", Value::Null)])), ("a", Value::Float64(2.0))]),
                r#"{"a":2.0,"b":{"":null}}"#,
                r#"{"a":2.0,"b":{"":null}}"#,
                r#"{"a":2.0,"b":{"":null}}"#,
            ),
        ]
    }

    #[test]
    fn each_format_writes_as_convex_does() {
        for (value, encoded, plain, exported) in forms() {
            assert_eq!(to_string(&value, Format::Encoded), encoded);
            assert_eq!(to_string(&value, Format::Json), plain);
            assert_eq!(to_string(&value, Format::Export), exported);
        }
    }

    #[test]
    fn encoded_json_reads_back() {
        for (value, encoded, ..) in forms() {
            assert_eq!(decoded(encoded), Ok(value));
        }
    }

    #[test]
    fn exported_json_reads_back() {
        for (value, .., exported) in forms() {
            assert_eq!(decode_export(exported.as_bytes()), Ok(value), "{exported}");
        }
        let text = format!("[{}-0.0]", "0.1,".repeat(15));
        let Ok(Value::Array(Array::Packed(numbers))) = decode_export(text.as_bytes()) else { panic!("{text}") };
        assert_eq!(numbers.get(15).map(f64::to_bits), Some((-0.0_f64).to_bits()));
        for (text, message) in [
            ("9223372036854775808", "JSON at byte 19: 9223372036854775808, expected an integer of 64 bits"),
            ("1 2", "JSON at byte 3: trailing characters"),
        ] {
            assert_eq!(decode_export(text.as_bytes()).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn packed_numbers_are_written_as_any_numbers() {
        let numbers = Value::from(Packed::from_f64(&[f64::INFINITY; 20]));
        assert_eq!(to_string(&numbers, Format::Json), format!(r#"[{}"Infinity"]"#, r#""Infinity","#.repeat(19)));
        assert_eq!(decoded(&to_string(&numbers, Format::Encoded)), Ok(numbers));
    }

    #[test]
    fn encoding_appends() {
        let mut text = "é,".to_owned();
        encode(&Value::from("ü"), Format::Json, &mut text);
        encode_fields([(&"x".to_owned(), &Value::Int64(1))].into_iter(), Format::Export, &mut text);
        assert_eq!(text, r#"é,"ü"{"x":1}"#);
    }

    #[test]
    fn formats_are_known_by_convexs_names() {
        for (name, format) in [
            ("convex_encoded_json", Format::Encoded),
            ("convex_json", Format::Encoded),
            ("json", Format::Json),
            ("convex_clean_json", Format::Json),
            ("export_json", Format::Export),
        ] {
            assert_eq!(name.parse(), Ok(format));
        }
        let message = "JSON".parse::<Format>().unwrap_err().to_string();
        assert_eq!(message, r#"format is "JSON", expected "json", "convex_encoded_json" or "export_json""#);
    }

    #[test]
    fn a_bare_number_is_a_float_however_it_is_written() {
        for (text, number) in [
            ("1", 1.0),
            ("-1", -1.0),
            ("-0", -0.0),
            ("-0.0", -0.0),
            ("1E2", 100.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
            ("0.1000000000000000055511151231257827", 0.1),
        ] {
            assert_eq!(decoded(text), Ok(Value::Float64(number)), "{text}");
        }
    }

    #[test]
    fn long_lists_of_numbers_are_packed() {
        let numbers = |text: &str| match decode(text.as_bytes()) {
            Ok(Value::Array(Array::Packed(numbers))) => Some(numbers),
            _ => None,
        };
        assert!(matches!(numbers(&format!("[{}1]", "1,".repeat(15))), Some(Packed::F32(_))));
        assert!(matches!(numbers(&format!("[{}0.1]", "1,".repeat(15))), Some(Packed::F64(_))));
        assert!(numbers(&format!("[{}1]", "1,".repeat(14))).is_none());
        assert!(numbers(&format!("[{}null]", "1,".repeat(15))).is_none());
        assert!(numbers(&format!("[{}null,1]", "1,".repeat(15))).is_none());
    }

    #[test]
    fn what_is_not_a_value_is_refused_with_place_and_expectation() {
        for (text, message) in [
            ("", "JSON at byte 0: EOF while parsing a value"),
            ("[1,\n 2,\n x]", "JSON at byte 10: expected value"),
            ("1 2", "JSON at byte 3: trailing characters"),
            ("[1,]", "JSON at byte 4: trailing comma"),
            ("{'a':1}", "JSON at byte 2: key must be a string"),
            ("NaN", "JSON at byte 1: expected value"),
            ("01", "JSON at byte 2: invalid number"),
            ("1e999", "JSON at byte 5: number out of range"),
            ("\"\t\"", "JSON at byte 2: control character (\\u0000-\\u001F) found while parsing a string"),
            (r#""\ud800""#, "JSON at byte 8: unexpected end of hex escape"),
            (r#"{"a":1,"a":2}"#, r#"JSON at byte 10: field "a" again, expected each name once"#),
            (r#"{"$set":[]}"#, r#"JSON at byte 7: field name "$set" starts with '$', expected a name that does not"#),
            (r#"{"é":1}"#, r#"JSON at byte 5: field name "é" has 'é' at byte 0, expected printable ASCII only"#),
            (
                r#"{"\u0007":1}"#,
                r#"JSON at byte 9: field name "\u{7}" has '\u{7}' at byte 0, expected printable ASCII only"#,
            ),
            (
                r#"{"$bytes":"","a":1}"#,
                r#"JSON at byte 16: "$bytes" beside "a", expected "$bytes" as the only key of its object"#,
            ),
            (
                r#"{"a":1,"$float":""}"#,
                r#"JSON at byte 15: "$float" beside "a", expected "$float" as the only key of its object"#,
            ),
            (
                r#"{"$bytes":"","$bytes":""}"#,
                r#"JSON at byte 21: "$bytes" beside "$bytes", expected "$bytes" as the only key of its object"#,
            ),
            (
                r#"{"$integer":7}"#,
                r#"JSON at byte 13: invalid type: integer `7`, expected the base64 of 8 bytes in "$integer""#,
            ),
            (
                r#"{"$integer":"BwAAAAAAAAA"}"#,
                r#"JSON at byte 25: invalid value: string "BwAAAAAAAAA", expected the base64 of 8 bytes in "$integer""#,
            ),
            (
                r#"{"$integer":"BwAAAAAAAAAA"}"#,
                r#"JSON at byte 26: invalid value: string "BwAAAAAAAAAA", expected the base64 of 8 bytes in "$integer""#,
            ),
            (r#"{"$bytes":"_w=="}"#, r#"JSON at byte 16: invalid value: string "_w==", expected base64 in "$bytes""#),
            (r#"{"$float":"AAAAAAAA8D8="}"#, r#"JSON at byte 24: 1.0 in "$float", expected a bare number"#),
            (r#"{"$float":"AAAAAAAAAAA="}"#, r#"JSON at byte 24: 0.0 in "$float", expected a bare number"#),
        ] {
            assert_eq!(decoded(text).unwrap_err(), message, "{text}");
        }
        assert!(decode(b"\"\xff\"").is_err());
        assert!(decoded(&format!(r#"{{"{}":1}}"#, "n".repeat(1025))).is_err());
    }

    #[test]
    fn values_nest_64_levels() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(decoded(&nested(64)).is_ok());
        let message = "JSON at byte 66: an array or object 65 levels deep, expected at most 64";
        assert_eq!(decoded(&nested(65)).unwrap_err(), message);
        assert!(decoded(&nested(100_000)).is_err());

        let inside = |levels, text: &str| format!("{}{text}{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(decoded(&inside(64, r#"{"$bytes":""}"#)).is_ok());
        assert!(decoded(&inside(64, "{}")).is_err());
    }

    #[test]
    fn a_value_reads_and_writes_inside_other_json() {
        let mut page: Vec<Value> = serde_json::from_str(r#"[{"$integer":"BwAAAAAAAAA="},{"a":1}]"#).unwrap();
        assert_eq!(page, [Value::Int64(7), Value::from([("a", Value::Float64(1.0))])]);
        let value = page.remove(0);
        assert_eq!(serde_json::to_string(&[Formatted { value: &value, format: Format::Json }]).unwrap(), r#"["7"]"#);
    }
}
