//! Bytes that compare as values do: `a < b` exactly when the key of `a` comes before the key of `b` in memory order.
//!
//! A key never begins another one's key, so that keys of several values in a row compare as the lists of these values.
//! The tags are Convex's (`value/sorting.rs`), and ordered like the types:
//!
//! | value | bytes |
//! | --- | --- |
//! | undefined, null | `01`, `03` |
//! | int64 | `08` for 0; above, `09`–`0C` and 1, 2, 4 or 8 bytes; below, `07`–`04` and as many |
//! | float64 | `0D` and 8 bytes: the sign bit flipped, or for negative numbers all bits |
//! | false, true | `0E`, `0F` |
//! | string, bytes | `10`, `11`, the bytes with each `00` as `00 FF`, then `00` |
//! | array | `12`, the items, `00` |
//! | object | `15`, each field as name (escaped and ended as text is) and value, `00`; an empty name is `00 FF` |
//!
//! Numbers are big-endian, integers in two's complement and as short as they fit.

use crate::{
    field_name::{FieldNameError, check_field_name},
    size::VALUE_MAX_NESTING,
    value::{Array, Object, Value},
};

const UNDEFINED: u8 = 0x01;
const NULL: u8 = 0x03;
/// Zero, and the middle of the integers' tags: each step away from it doubles the width.
const INT64: u8 = 0x08;
const INT64_LEAST: u8 = INT64 - 4;
const INT64_GREATEST: u8 = INT64 + 4;
const FLOAT64: u8 = 0x0d;
const FALSE: u8 = 0x0e;
const TRUE: u8 = 0x0f;
const STRING: u8 = 0x10;
const BYTES: u8 = 0x11;
const ARRAY: u8 = 0x12;
/// 13 and 14 were sets and maps, which Convex no longer has.
const OBJECT: u8 = 0x15;
const END: u8 = 0x00;
/// After `END`: that was a byte `00` of the text, or an empty field name. No tag is as high.
const ESCAPE: u8 = 0xff;

const SIGN_BIT: u64 = 1 << 63;

/// Appends the key of a value, or of undefined.
pub fn push(key: &mut Vec<u8>, value: Option<&Value>) {
    match value {
        None => key.push(UNDEFINED),
        Some(value) => push_value(key, value),
    }
}

/// The least key after this one, since no key is the beginning of another.
#[must_use]
pub fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The end, itself excluded, of all keys that begin with these whole values: nothing between them is left out, and
/// nothing else gets in.
///
/// One byte is appended that no continuation reaches, since the tag of a next value is lower. Counting the last byte
/// up, as Convex does, would let in `"a\0b"` among the keys that begin with `"a"`, for `00` there can be half of `00 FF`.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = Vec::with_capacity(prefix.len() + 1);
    end.extend_from_slice(prefix);
    end.push(ESCAPE);
    end
}

fn push_value(key: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => key.push(NULL),
        Value::Int64(number) => push_int64(key, *number),
        Value::Float64(number) => push_float64(key, *number),
        Value::Boolean(false) => key.push(FALSE),
        Value::Boolean(true) => key.push(TRUE),
        Value::String(text) => {
            key.push(STRING);
            push_escaped(key, text.as_bytes());
        }
        Value::Bytes(bytes) => {
            key.push(BYTES);
            push_escaped(key, bytes);
        }
        Value::Array(array) => {
            key.push(ARRAY);
            match array {
                Array::Values(items) => items.iter().for_each(|item| push_value(key, item)),
                Array::Packed(numbers) => numbers.iter().for_each(|number| push_float64(key, number)),
            }
            key.push(END);
        }
        Value::Object(fields) => {
            key.push(OBJECT);
            for (name, value) in fields {
                push_escaped(key, name.as_bytes());
                if name.is_empty() {
                    key.push(ESCAPE);
                }
                push_value(key, value);
            }
            key.push(END);
        }
    }
}

fn push_int64(key: &mut Vec<u8>, number: i64) {
    let steps = steps_from_zero(number);
    key.push(if number < 0 { INT64 - steps } else { INT64 + steps });
    key.extend_from_slice(&number.to_be_bytes()[8 - width(steps)..]);
}

/// How far an integer's tag is from that of zero.
fn steps_from_zero(number: i64) -> u8 {
    match number {
        0 => 0,
        _ if i8::try_from(number).is_ok() => 1,
        _ if i16::try_from(number).is_ok() => 2,
        _ if i32::try_from(number).is_ok() => 3,
        _ => 4,
    }
}

/// How many bytes follow an integer's tag.
fn width(steps: u8) -> usize {
    match steps {
        0 => 0,
        steps => 1 << (steps - 1),
    }
}

fn push_float64(key: &mut Vec<u8>, number: f64) {
    let bits = number.to_bits();
    let ordered = if bits & SIGN_BIT == 0 { bits ^ SIGN_BIT } else { !bits };
    key.push(FLOAT64);
    key.extend_from_slice(&ordered.to_be_bytes());
}

fn push_escaped(key: &mut Vec<u8>, bytes: &[u8]) {
    for (position, run) in bytes.split(|&byte| byte == END).enumerate() {
        if position > 0 {
            key.extend_from_slice(&[END, ESCAPE]);
        }
        key.extend_from_slice(run);
    }
    key.push(END);
}

/// Bytes are not the key of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SortKeyError {
    /// The key ends within a value.
    #[error("sort key ends within a value")]
    Short,
    /// No value begins with this byte.
    #[error("sort key has tag {tag:#04x}, expected that of a value")]
    Tag {
        /// The byte.
        tag: u8,
    },
    /// An integer takes more bytes than it needs.
    #[error("sort key has {number} with tag {tag:#04x}, expected its shortest form")]
    LongInteger {
        /// The integer.
        number: i64,
        /// The tag it was given.
        tag: u8,
    },
    /// Text is not UTF-8.
    #[error("sort key has text with a broken character at byte {position}, expected UTF-8")]
    Text {
        /// Where in the text.
        position: usize,
    },
    /// The name of a field is invalid.
    #[error("sort key: {0}")]
    FieldName(#[from] FieldNameError),
    /// Fields are not in order, or one is there twice.
    #[error("sort key has field {name:?} after {previous:?}, expected names in order")]
    FieldOrder {
        /// The field.
        name: String,
        /// The one before it.
        previous: String,
    },
    /// Arrays and objects are nested too deep.
    #[error("sort key nests deeper than {VALUE_MAX_NESTING} levels")]
    Nesting,
}

/// Reads a value, or undefined, off the front of a key.
///
/// Only what [`push`] writes is read, so two different keys never give the same value.
///
/// # Errors
///
/// The bytes don't begin with the key of a value; how far `key` was read is not specified then.
pub fn read(key: &mut &[u8]) -> Result<Option<Value>, SortKeyError> {
    if key.first() == Some(&UNDEFINED) {
        *key = &key[1..];
        return Ok(None);
    }
    read_value(key, VALUE_MAX_NESTING).map(Some)
}

fn read_value(key: &mut &[u8], levels_left: usize) -> Result<Value, SortKeyError> {
    let tag = *key.split_off_first().ok_or(SortKeyError::Short)?;
    Ok(match tag {
        NULL => Value::Null,
        INT64_LEAST..=INT64_GREATEST => Value::Int64(read_int64(key, tag)?),
        FLOAT64 => {
            let ordered = u64::from_be_bytes(*take(key, 8)?.first_chunk().expect("eight bytes were taken"));
            Value::Float64(f64::from_bits(if ordered & SIGN_BIT == 0 { !ordered } else { ordered ^ SIGN_BIT }))
        }
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        STRING => Value::String(read_text(key)?),
        BYTES => Value::Bytes(read_escaped(key)?),
        ARRAY => {
            let levels_left = levels_left.checked_sub(1).ok_or(SortKeyError::Nesting)?;
            let mut items = Vec::new();
            while !read_end(key) {
                items.push(read_value(key, levels_left)?);
            }
            Value::from(items)
        }
        OBJECT => Value::Object(read_fields(key, levels_left.checked_sub(1).ok_or(SortKeyError::Nesting)?)?),
        tag => return Err(SortKeyError::Tag { tag }),
    })
}

fn read_fields(key: &mut &[u8], levels_left: usize) -> Result<Object, SortKeyError> {
    let mut fields = Object::new();
    loop {
        let name = if let Some(rest) = key.strip_prefix(&[END, ESCAPE]) {
            *key = rest;
            String::new()
        } else if read_end(key) {
            return Ok(fields);
        } else {
            read_text(key)?
        };
        check_field_name(&name)?;
        if let Some((previous, _)) = fields.last_key_value()
            && *previous >= name
        {
            return Err(SortKeyError::FieldOrder { previous: previous.clone(), name });
        }
        let value = read_value(key, levels_left)?;
        fields.insert(name, value);
    }
}

fn read_int64(key: &mut &[u8], tag: u8) -> Result<i64, SortKeyError> {
    let steps = tag.abs_diff(INT64);
    let negative = tag < INT64;
    let mut bytes = [if negative { 0xff } else { 0 }; 8];
    bytes[8 - width(steps)..].copy_from_slice(take(key, width(steps))?);
    let number = i64::from_be_bytes(bytes);
    if (number < 0) != negative || steps_from_zero(number) != steps {
        return Err(SortKeyError::LongInteger { number, tag });
    }
    Ok(number)
}

fn read_text(key: &mut &[u8]) -> Result<String, SortKeyError> {
    String::from_utf8(read_escaped(key)?)
        .map_err(|error| SortKeyError::Text { position: error.utf8_error().valid_up_to() })
}

fn read_escaped(key: &mut &[u8]) -> Result<Vec<u8>, SortKeyError> {
    let mut bytes = Vec::new();
    loop {
        let run = key.iter().position(|&byte| byte == END).ok_or(SortKeyError::Short)?;
        bytes.extend_from_slice(take(key, run + 1)?);
        if key.first() != Some(&ESCAPE) {
            bytes.pop();
            return Ok(bytes);
        }
        *key = &key[1..];
    }
}

fn read_end(key: &mut &[u8]) -> bool {
    let ends = key.first() == Some(&END);
    if ends {
        *key = &key[1..];
    }
    ends
}

fn take<'a>(key: &mut &'a [u8], count: usize) -> Result<&'a [u8], SortKeyError> {
    key.split_off(..count).ok_or(SortKeyError::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::Packed;

    fn key(value: &Value) -> Vec<u8> {
        let mut key = Vec::new();
        push(&mut key, Some(value));
        key
    }

    #[test]
    fn keys_are_convexs() {
        let text = Value::from;
        let cases: Vec<(Value, &[u8])> = vec![
            (Value::Null, &[0x03]),
            (Value::Int64(0), &[0x08]),
            (Value::Int64(1), &[0x09, 1]),
            (Value::Int64(127), &[0x09, 0x7f]),
            (Value::Int64(128), &[0x0a, 0, 0x80]),
            (Value::Int64(32_767), &[0x0a, 0x7f, 0xff]),
            (Value::Int64(32_768), &[0x0b, 0, 0, 0x80, 0]),
            (Value::Int64(1 << 31), &[0x0c, 0, 0, 0, 0, 0x80, 0, 0, 0]),
            (Value::Int64(i64::MAX), &[0x0c, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (Value::Int64(-1), &[0x07, 0xff]),
            (Value::Int64(-128), &[0x07, 0x80]),
            (Value::Int64(-129), &[0x06, 0xff, 0x7f]),
            (Value::Int64(-32_769), &[0x05, 0xff, 0xff, 0x7f, 0xff]),
            (Value::Int64(i64::MIN), &[0x04, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (Value::Float64(0.0), &[0x0d, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (Value::Float64(-0.0), &[0x0d, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (Value::Float64(1.0), &[0x0d, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0]),
            (Value::Float64(-1.0), &[0x0d, 0x40, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (Value::Float64(f64::NAN), &[0x0d, 0xff, 0xf8, 0, 0, 0, 0, 0, 0]),
            (Value::Boolean(false), &[0x0e]),
            (Value::Boolean(true), &[0x0f]),
            (text(""), &[0x10, 0]),
            (text("a\0b"), &[0x10, b'a', 0, 0xff, b'b', 0]),
            (text("\0"), &[0x10, 0, 0xff, 0]),
            (Value::Bytes(vec![0, 0, 0xff]), &[0x11, 0, 0xff, 0, 0xff, 0xff, 0]),
            (Value::from(vec![]), &[0x12, 0]),
            (Value::from(vec![Value::Null, text("")]), &[0x12, 0x03, 0x10, 0, 0]),
            (Value::from([]), &[0x15, 0]),
            (Value::from([("b", Value::Null), ("", Value::Int64(0))]), &[0x15, 0, 0xff, 0x08, b'b', 0, 0x03, 0]),
        ];
        for (value, expected) in cases {
            assert_eq!(key(&value), expected, "{value:?}");
            let mut rest = expected;
            assert_eq!(read(&mut rest), Ok(Some(value)));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn undefined_comes_first() {
        let mut keys = Vec::new();
        push(&mut keys, None);
        push(&mut keys, Some(&Value::Null));
        assert_eq!(keys, [0x01, 0x03]);
        let mut rest = keys.as_slice();
        assert_eq!(read(&mut rest), Ok(None));
        assert_eq!(read(&mut rest), Ok(Some(Value::Null)));
        assert_eq!(read(&mut rest), Err(SortKeyError::Short));
    }

    #[test]
    fn packed_numbers_have_the_key_of_any_array() {
        let numbers: Vec<f64> = (0..20).map(f64::from).collect();
        let unpacked = Array::Values(numbers.iter().copied().map(Value::Float64).collect());
        assert_eq!(key(&Value::from(Packed::from_f64(&numbers))), key(&Value::Array(unpacked)));
    }

    #[test]
    fn nothing_lies_between_a_key_and_the_one_after() {
        let key = key(&Value::from("a"));
        assert!(key < after(&key));
        for greater in [vec![0x10, b'a', 1], [key.as_slice(), &[0]].concat()] {
            assert!(after(&key) <= greater, "{greater:?}");
        }
    }

    #[test]
    fn a_prefix_ends_before_what_only_looks_as_if_it_began_with_it() {
        for (value, longer) in [
            (Value::from("a"), Value::from("a\0")),
            (Value::from([]), Value::from([("", Value::Null)])),
            (Value::Bytes(vec![]), Value::Bytes(vec![0])),
        ] {
            let end = after_prefix(&key(&value));
            assert!(key(&longer).starts_with(&key(&value)));
            assert!(key(&value) < end && end <= key(&longer));
        }
        let everything = after_prefix(&[]);
        assert!(key(&Value::from([("~", Value::Null)])) < everything);
    }

    #[test]
    fn bytes_that_are_not_a_key_are_refused() {
        let cases: [(&[u8], &str); 15] = [
            (&[], "sort key ends within a value"),
            (&[0x0a, 1], "sort key ends within a value"),
            (&[0x10, b'a'], "sort key ends within a value"),
            (&[0x12, 0x03], "sort key ends within a value"),
            (&[0x15, b'a', 0], "sort key ends within a value"),
            (&[0x00], "sort key has tag 0x00, expected that of a value"),
            (&[0x02, 0], "sort key has tag 0x02, expected that of a value"),
            (&[0x13, 0], "sort key has tag 0x13, expected that of a value"),
            (&[0x12, 0x01, 0], "sort key has tag 0x01, expected that of a value"),
            (&[0x09, 0], "sort key has 0 with tag 0x09, expected its shortest form"),
            (&[0x0a, 0, 1], "sort key has 1 with tag 0x0a, expected its shortest form"),
            (&[0x07, 1], "sort key has -255 with tag 0x07, expected its shortest form"),
            (&[0x10, b'a', 0xff, 0], "sort key has text with a broken character at byte 1, expected UTF-8"),
            (&[0x15, b'$', 0, 0x03, 0], "sort key: field name \"$\" starts with '$', expected a name that does not"),
            (&[0x15, b'b', 0, 0x03, b'a', 0, 0x03, 0], "sort key has field \"a\" after \"b\", expected names in order"),
        ];
        for (mut key, message) in cases {
            assert_eq!(read(&mut key).unwrap_err().to_string(), message);
        }
        assert_eq!(read(&mut [0x12; 1000].as_slice()), Err(SortKeyError::Nesting));
    }
}
