//! Sizes as Convex counts them, and the limits of values and documents.
//!
//! | value | size in bytes |
//! | --- | --- |
//! | null, boolean | 1 |
//! | int64, float64 | 9 |
//! | string, bytes | 2 + length in bytes |
//! | array | 2 + items |
//! | object | 2 + for each field: length of its name, 1, its value |

use std::fmt;

use wire::Code;

use crate::{
    field_name::{FieldNameError, check_field_name},
    value::{Array, Object, Value},
};

// Limits: Convex's code where it differs from its guide (`value/{size,object,array}.rs`, `common/document.rs`).

/// The largest value, in bytes as counted here.
pub const VALUE_MAX_BYTES: usize = 32 << 20;
/// How deep a value may nest: a scalar 0, an array or object one more than the deepest in it.
pub const VALUE_MAX_NESTING: usize = 64;
/// The most items in an array.
pub const ARRAY_MAX_LENGTH: usize = 8192;
/// The most fields in an object. A document's two system fields count.
pub const OBJECT_MAX_FIELDS: usize = 1024;
/// The largest document, system fields included.
pub const DOCUMENT_MAX_BYTES: usize = 1 << 20;
/// How deep a document may nest. The document itself is the first level.
pub const DOCUMENT_MAX_NESTING: usize = 16;

/// The fields every document has, which functions don't set, with the sizes of their values: an id of a table with a
/// number from 128 to 16383, which is any a user makes, has 32 characters.
const SYSTEM_FIELDS: [(&str, usize); 2] = [("_id", 2 + 32), ("_creationTime", FLOAT64_SIZE)];
const FLOAT64_SIZE: usize = 9;

/// The size of a value.
#[must_use]
pub fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Int64(_) | Value::Float64(_) => FLOAT64_SIZE,
        Value::String(text) => 2 + text.len(),
        Value::Bytes(bytes) => 2 + bytes.len(),
        Value::Array(Array::Values(items)) => 2 + items.iter().map(size).sum::<usize>(),
        Value::Array(Array::Packed(numbers)) => 2 + numbers.len() * FLOAT64_SIZE,
        Value::Object(fields) => size_of_object(fields),
    }
}

/// The size of an object with these fields.
#[must_use]
pub fn size_of_object(fields: &Object) -> usize {
    2 + fields.iter().map(|(name, value)| size_of_field(name, size(value))).sum::<usize>()
}

/// The size of a document with these fields. System fields that aren't among them are added.
#[must_use]
pub fn size_of_document(fields: &Object) -> usize {
    let system_fields: usize = absent_system_fields(fields).map(|(name, size)| size_of_field(name, size)).sum();
    size_of_object(fields) + system_fields
}

fn size_of_field(name: &str, value_size: usize) -> usize {
    name.len() + 1 + value_size
}

fn absent_system_fields(fields: &Object) -> impl Iterator<Item = (&'static str, usize)> {
    SYSTEM_FIELDS.into_iter().filter(|(name, _)| !fields.contains_key(*name))
}

/// How deep a value nests: a scalar 0, an array or object one more than the deepest in it.
#[must_use]
pub fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(Array::Values(items)) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Array(Array::Packed(_)) => 1,
        Value::Object(fields) => nesting_of_object(fields),
        _ => 0,
    }
}

fn nesting_of_object(fields: &Object) -> usize {
    1 + fields.values().map(nesting).max().unwrap_or(0)
}

/// A value or a document exceeds a limit, or has a field with an invalid name.
///
/// Paths are written `a.b[3]` and are empty for the value itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// The whole is too large.
    #[error("{}", Code::ValueTooLargeError.says(&[&Mebibytes(*size), &format_args!("{}; {size} bytes{}", Mebibytes(*limit), Largest(largest))]))]
    Bytes {
        /// Its size.
        size: usize,
        /// [`VALUE_MAX_BYTES`] or [`DOCUMENT_MAX_BYTES`].
        limit: usize,
        /// A document's largest field, and its size.
        largest: Option<(String, usize)>,
    },
    /// The whole nests too deep.
    #[error("{}", Code::TooNestedError.says(&[&At(path), nesting, limit]))]
    Nesting {
        /// The first array or object beyond the limit.
        path: String,
        /// How deep the whole nests.
        nesting: usize,
        /// [`VALUE_MAX_NESTING`] or [`DOCUMENT_MAX_NESTING`].
        limit: usize,
    },
    /// An array has more than [`ARRAY_MAX_LENGTH`] items.
    #[error("{}", Code::ArrayTooLongError.says(&[&At(path), length, &ARRAY_MAX_LENGTH]))]
    ArrayLength {
        /// The array.
        path: String,
        /// How many items it has.
        length: usize,
    },
    /// An object has more than [`OBJECT_MAX_FIELDS`] fields.
    #[error("{}", Code::TooManyFieldsError.says(&[&At(path), count, &OBJECT_MAX_FIELDS]))]
    FieldCount {
        /// The object.
        path: String,
        /// How many fields it has; in a document with the system fields.
        count: usize,
    },
    /// The name of a field is invalid.
    #[error("Object{} can't have this field: {error}", At(path))]
    FieldName {
        /// The object.
        path: String,
        /// The problem of the name.
        error: FieldNameError,
    },
    /// A field at the top of a document begins with an underscore.
    #[error("Document has field {name:?}, expected no names that start with '_' but \"_id\" and \"_creationTime\"")]
    SystemField {
        /// The field.
        name: String,
    },
}

impl SizeError {
    /// The error's code, as Convex names it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Bytes { .. } => Code::ValueTooLargeError,
            Self::Nesting { limit: DOCUMENT_MAX_NESTING, .. } | Self::SystemField { .. } => Code::InvalidDocumentError,
            Self::Nesting { .. } => Code::TooNestedError,
            Self::ArrayLength { .. } => Code::ArrayTooLongError,
            Self::FieldCount { .. } => Code::TooManyFieldsError,
            Self::FieldName { .. } => Code::InvalidFieldNameError,
        }
    }
}

/// A number of bytes within a message, as Convex writes it: `16.21 MiB`, and without decimals where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Mebibytes(pub usize);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const BYTES: usize = 1 << 20;
        if self.0.is_multiple_of(BYTES) {
            return write!(f, "{} MiB", self.0 / BYTES);
        }
        // Rounded to hundredths.
        let hundredths = (self.0 * 100 + BYTES / 2) / BYTES;
        write!(f, "{}.{:02} MiB", hundredths / 100, hundredths % 100)
    }
}

/// A path within a message: nothing for the value itself.
struct At<'a>(&'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            path => write!(f, " at `{path}`"),
        }
    }
}

/// The largest field within a message: nothing where it isn't a document's.
struct Largest<'a>(&'a Option<(String, usize)>);

impl fmt::Display for Largest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            Some((name, size)) => write!(f, ", {size} of them in `{name}`"),
            None => Ok(()),
        }
    }
}

/// Checks that Convex takes a value, as an argument or a result.
///
/// # Errors
///
/// The first rule broken: first all of lengths, names and nesting in the value's order, then its size.
pub fn check_value(value: &Value) -> Result<(), SizeError> {
    Walk { path: Vec::new(), max_nesting: VALUE_MAX_NESTING }.check(value).map_err(|error| match error {
        SizeError::Nesting { path, limit, .. } => SizeError::Nesting { path, limit, nesting: nesting(value) },
        error => error,
    })?;
    check_bytes(size(value), VALUE_MAX_BYTES, || None)
}

/// Checks that Convex stores a document with these fields. The system fields may be left out; they count all the same.
///
/// # Errors
///
/// The first rule broken: names at the top, then lengths, names and nesting in the document's order, then its size.
pub fn check_document(fields: &Object) -> Result<(), SizeError> {
    let is_system_field = |name: &str| SYSTEM_FIELDS.iter().any(|(system, _)| *system == name);
    if let Some(name) = fields.keys().find(|name| name.starts_with('_') && !is_system_field(name)) {
        return Err(SizeError::SystemField { name: name.clone() });
    }
    let count = fields.len() + absent_system_fields(fields).count();
    let mut walk = Walk { path: Vec::new(), max_nesting: DOCUMENT_MAX_NESTING };
    walk.check_fields(fields, count).map_err(|error| match error {
        SizeError::Nesting { path, limit, .. } => {
            SizeError::Nesting { path, limit, nesting: nesting_of_object(fields) }
        }
        error => error,
    })?;
    check_bytes(size_of_document(fields), DOCUMENT_MAX_BYTES, || {
        fields.iter().map(|(name, value)| (name.clone(), size(value))).max_by_key(|(_, size)| *size)
    })
}

fn check_bytes(size: usize, limit: usize, largest: impl FnOnce() -> Option<(String, usize)>) -> Result<(), SizeError> {
    if size > limit { Err(SizeError::Bytes { size, limit, largest: largest() }) } else { Ok(()) }
}

/// A walk through a value, which knows where it is.
struct Walk<'a> {
    path: Vec<Step<'a>>,
    max_nesting: usize,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

impl<'a> Walk<'a> {
    fn check(&mut self, value: &'a Value) -> Result<(), SizeError> {
        match value {
            Value::Array(array) => self.check_array(array),
            Value::Object(fields) => self.check_fields(fields, fields.len()),
            _ => Ok(()),
        }
    }

    fn check_array(&mut self, array: &'a Array) -> Result<(), SizeError> {
        self.check_nesting()?;
        if array.len() > ARRAY_MAX_LENGTH {
            return Err(SizeError::ArrayLength { path: self.path(), length: array.len() });
        }
        let Array::Values(items) = array else { return Ok(()) };
        items.iter().enumerate().try_for_each(|(position, item)| self.check_at(Step::Item(position), item))
    }

    fn check_fields(&mut self, fields: &'a Object, count: usize) -> Result<(), SizeError> {
        self.check_nesting()?;
        if count > OBJECT_MAX_FIELDS {
            return Err(SizeError::FieldCount { path: self.path(), count });
        }
        fields.iter().try_for_each(|(name, value)| {
            check_field_name(name).map_err(|error| SizeError::FieldName { path: self.path(), error })?;
            self.check_at(Step::Field(name), value)
        })
    }

    fn check_at(&mut self, step: Step<'a>, value: &'a Value) -> Result<(), SizeError> {
        self.path.push(step);
        self.check(value)?;
        self.path.pop();
        Ok(())
    }

    /// Checks an array or object where the walk is; one more than the steps that lead to it is its level.
    fn check_nesting(&self) -> Result<(), SizeError> {
        let nesting = self.path.len() + 1;
        if nesting > self.max_nesting {
            return Err(SizeError::Nesting { path: self.path(), nesting, limit: self.max_nesting });
        }
        Ok(())
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Item(position) => path.extend(["[", &position.to_string(), "]"]),
                Step::Field(name) if !is_plain(name) => path.extend(["[", &format!("{name:?}"), "]"]),
                Step::Field(name) if path.is_empty() => path += name,
                Step::Field(name) => path.extend([".", name]),
            }
        }
        path
    }
}

/// Whether a name stands in a path without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::Packed;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |value, _| Value::from(vec![value]))
    }

    fn object(names: impl IntoIterator<Item = String>) -> Object {
        names.into_iter().map(|name| (name, Value::Null)).collect()
    }

    fn message(result: Result<(), SizeError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn sizes_are_convexs() {
        for (value, expected) in [
            (Value::Null, 1),
            (Value::Boolean(true), 1),
            (Value::Int64(0), 9),
            (Value::Float64(0.0), 9),
            (Value::from("é"), 4),
            (Value::Bytes(vec![1, 2, 3]), 5),
            (Value::from(vec![]), 2),
            (Value::from(vec![Value::Null, Value::Int64(1)]), 12),
            (Value::from(Packed::from_f32(&[0.5; 1536])), 2 + 1536 * 9),
            (Value::from([]), 2),
            (Value::from([("ab", Value::Null), ("", Value::from("x"))]), 2 + (2 + 1 + 1) + (1 + 3)),
        ] {
            assert_eq!(size(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_document_counts_its_system_fields_once() {
        let mut fields = object(["a".to_owned()]);
        assert_eq!(size_of_document(&fields), 2 + 3 + 38 + 23);
        fields.insert("_id".to_owned(), "j57000820c20a1g7104gm2rc1m70ynr8".into());
        fields.insert("_creationTime".to_owned(), 1.0.into());
        assert_eq!(size_of_document(&fields), size_of_object(&fields));
        assert_eq!(size_of_object(&fields), 2 + 3 + 38 + 23);
    }

    #[test]
    fn a_value_may_reach_each_limit() {
        assert_eq!(check_value(&nested(64)), Ok(()));
        assert_eq!(check_value(&Value::from(vec![Value::Null; 8192])), Ok(()));
        assert_eq!(check_value(&Value::from(Packed::from_f32(&vec![1.0; 8192]))), Ok(()));
        assert_eq!(check_value(&object((0..1024).map(|n| n.to_string())).into()), Ok(()));
        assert_eq!(check_value(&Value::Bytes(vec![0; (32 << 20) - 2])), Ok(()));
    }

    #[test]
    fn a_value_beyond_a_limit_is_refused_with_place_and_numbers() {
        let at = |value| Value::from([("a", Value::from(vec![Value::Null, Value::from([("b c", value)])]))]);
        for (value, expected) in [
            (nested(66), format!("Value at `{}` is too nested (nested 66 levels deep > maximum nesting 64)", "[0]".repeat(64))),
            (
                at(Value::from(vec![Value::Null; 8193])),
                r#"Array length at `a[1]["b c"]` is too long (8193 > maximum length 8192)"#.to_owned(),
            ),
            (
                Value::from(Packed::from_f32(&vec![1.0; 8193])),
                "Array length is too long (8193 > maximum length 8192)".to_owned(),
            ),
            (
                at(object((0..1025).map(|n| n.to_string())).into()),
                r#"Object at `a[1]["b c"]` has too many fields (1025 > maximum number 1024)"#.to_owned(),
            ),
            (
                at(object(["$x".to_owned()]).into()),
                r#"Object at `a[1]["b c"]` can't have this field: field name "$x" starts with '$', expected a name that does not"#
                    .to_owned(),
            ),
            (
                Value::Bytes(vec![0; (32 << 20) - 1]),
                "Value is too large (32.00 MiB > maximum size 32 MiB; 33554433 bytes)".to_owned(),
            ),
        ] {
            assert_eq!(message(check_value(&value)), expected);
        }
    }

    #[test]
    fn a_document_may_reach_each_limit() {
        let with = |value| Object::from([("a".to_owned(), value)]);
        assert_eq!(check_document(&with(nested(15))), Ok(()));
        assert_eq!(check_document(&object((0..1022).map(|n| n.to_string()))), Ok(()));
        assert_eq!(check_document(&object(["_id".to_owned(), "_creationTime".to_owned()])), Ok(()));
        assert_eq!(check_document(&with(Value::from([("_nested", Value::Null)]))), Ok(()));
        let overhead = size_of_document(&with("".into()));
        assert_eq!(check_document(&with("x".repeat((1 << 20) - overhead).into())), Ok(()));
    }

    #[test]
    fn a_document_beyond_a_limit_is_refused_with_its_code() {
        let with = |value| Object::from([("a".to_owned(), value)]);
        let overhead = size_of_document(&with("".into()));
        for (fields, code, expected) in [
            (
                with(nested(16)),
                Code::InvalidDocumentError,
                format!("Value at `a{}` is too nested (nested 17 levels deep > maximum nesting 16)", "[0]".repeat(15)),
            ),
            (
                object((0..1023).map(|n| n.to_string())),
                Code::TooManyFieldsError,
                "Object has too many fields (1025 > maximum number 1024)".to_owned(),
            ),
            (
                object(["_secret".to_owned()]),
                Code::InvalidDocumentError,
                r#"Document has field "_secret", expected no names that start with '_' but "_id" and "_creationTime""#
                    .to_owned(),
            ),
            (
                with("x".repeat((1 << 20) - overhead + 1).into()),
                Code::ValueTooLargeError,
                "Value is too large (1.00 MiB > maximum size 1 MiB; 1048577 bytes, 1048512 of them in `a`)".to_owned(),
            ),
        ] {
            let error = check_document(&fields).unwrap_err();
            assert_eq!((error.code(), error.to_string()), (code, expected));
        }
    }
}
