//! Reading: encoded JSON, and exported.

use std::{collections::btree_map::Entry, fmt};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};

use super::{JsonError, Tag, is_special};
use crate::{
    field_name::check_field_name,
    size::VALUE_MAX_NESTING,
    value::{Array, Object, Value},
};

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

/// The allowed keys of an encoded object.
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
