//! The eight types of Convex values, and their one total order.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeMap};

use crate::packed::{PACKED_MIN_LENGTH, Packed};

/// An object's fields. Convex keeps them sorted by name.
pub type Object = BTreeMap<String, Value>;

/// A Convex value. `undefined` is not one: where it may stand, it is the `None` of an `Option<Value>`.
///
/// Equality and order are Convex's: types first, in the order listed here with integers below floats, then the value.
/// Floats compare by IEEE total order, so `-0.0 < 0.0` and NaN equals NaN; text compares by its UTF-8 bytes.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// A 64-bit integer: JavaScript's bigint.
    Int64(i64),
    /// A number.
    Float64(f64),
    /// `false` or `true`.
    Boolean(bool),
    /// Text: valid Unicode.
    String(String),
    /// Bytes: JavaScript's `ArrayBuffer`.
    Bytes(Vec<u8>),
    /// A list of values.
    Array(Array),
    /// Named values.
    Object(Object),
}

/// A list of values. Long lists of float64 are packed; which form a list has follows from its items alone.
#[derive(Clone, Debug)]
pub enum Array {
    /// Any values.
    Values(Vec<Value>),
    /// At least [`PACKED_MIN_LENGTH`] numbers.
    Packed(Packed),
}

impl Array {
    /// A list of these items, packed if it can be.
    #[must_use]
    pub fn new(items: Vec<Value>) -> Self {
        if items.len() < PACKED_MIN_LENGTH {
            return Self::Values(items);
        }
        let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
        match numbers {
            Some(numbers) => Self::Packed(Packed::from_f64(&numbers)),
            None => Self::Values(items),
        }
    }

    /// A list of these numbers, packed if it is long enough.
    #[must_use]
    pub fn from_f64(numbers: &[f64]) -> Self {
        if numbers.len() < PACKED_MIN_LENGTH {
            return Self::Values(numbers.iter().copied().map(Value::Float64).collect());
        }
        Self::Packed(Packed::from_f64(numbers))
    }

    /// A list of numbers, packed if it is long enough.
    #[must_use]
    pub fn from_numbers(numbers: Packed) -> Self {
        if numbers.len() < PACKED_MIN_LENGTH {
            return Self::Values(numbers.iter().map(Value::Float64).collect());
        }
        Self::Packed(numbers)
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Values(items) => items.len(),
            Self::Packed(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a position, if there is one; a packed number is made into a value.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Cow<'_, Value>> {
        match self {
            Self::Values(items) => items.get(position).map(Cow::Borrowed),
            Self::Packed(numbers) => numbers.get(position).map(|x| Cow::Owned(Value::Float64(x))),
        }
    }

    /// The items in order; packed numbers are made into values one at a time.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cow<'_, Value>> + '_ {
        (0..self.len()).map(|position| self.get(position).expect("position is below the length"))
    }

    /// Compares item by item, whatever the form.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Values(a), Self::Values(b)) => a.cmp(b),
            (Self::Packed(a), Self::Packed(b)) => a.compare(b),
            (a, b) => a.iter().cmp(b.iter()),
        }
    }

    /// The items as numbers, if every one is a float64.
    #[must_use]
    pub fn numbers(&self) -> Option<Packed> {
        match self {
            Self::Values(items) => {
                let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
                numbers.map(|numbers| Packed::from_f64(&numbers))
            }
            Self::Packed(numbers) => Some(numbers.clone()),
        }
    }
}

impl Value {
    /// The number, if this is a float64.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float64(x) => Some(*x),
            _ => None,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The fields, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The type's name as Convex writes it in validators and messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int64(_) => "bigint",
            Self::Float64(_) => "number",
            Self::Boolean(_) => "boolean",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// A type's place in the order of types.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int64(_) => 1,
            Self::Float64(_) => 2,
            Self::Boolean(_) => 3,
            Self::String(_) => 4,
            Self::Bytes(_) => 5,
            Self::Array(_) => 6,
            Self::Object(_) => 7,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int64(a), Self::Int64(b)) => a.cmp(b),
            (Self::Float64(a), Self::Float64(b)) => a.total_cmp(b),
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.compare(b),
            (Self::Object(a), Self::Object(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float64(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(Array::new(items))
    }
}

impl From<Packed> for Value {
    fn from(numbers: Packed) -> Self {
        Self::Array(Array::from_numbers(numbers))
    }
}

impl From<Object> for Value {
    fn from(fields: Object) -> Self {
        Self::Object(fields)
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(fields: [(&str, Value); N]) -> Self {
        Self::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
