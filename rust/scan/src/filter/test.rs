//! A compiled filter: a tree of tests on a value that may be missing.

use std::cmp::Ordering;

use regex::Regex;
use value::{Array, Object, Value};

/// A test on a value, which may be missing.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Always,
    Never,
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    /// A test on a field's value.
    Field(String, Box<Test>),
    /// Null or missing.
    Null,
    /// Equal to a value other than null.
    Equals(Value),
    /// In a certain order to a number or a text.
    Ordered(Order, Value),
    /// A list that holds every one of some values.
    HoldsAll(Vec<Value>),
    /// A list that holds a value, or a text that contains it.
    Contains(Value),
    /// A list with an element that passes.
    Element(Box<Test>),
    /// A list of a certain length.
    Length(usize),
    /// Not missing.
    Present,
    /// An object, as a filter inside `$elemMatch` requires.
    Object,
    /// Text that matches.
    Matches(Regex),
}

/// The comparison of a value with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Order {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Test {
    /// All of some tests; simplified, so that a test that always holds is [`Test::Always`].
    pub(super) fn all(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for test in tests {
            match test {
                Self::Always => {}
                Self::Never => return Self::Never,
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::Always,
            1 => kept.remove(0),
            _ => Self::All(kept),
        }
    }

    /// Any of some tests; simplified.
    pub(super) fn any(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for test in tests {
            match test {
                Self::Never => {}
                Self::Always => return Self::Always,
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::Never,
            1 => kept.remove(0),
            _ => Self::Any(kept),
        }
    }

    /// The negation; simplified.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(test) => *test,
            test => Self::Not(Box::new(test)),
        }
    }

    /// A test on a field; simplified.
    pub(super) fn on_field(self, name: &str) -> Self {
        match self {
            Self::Always | Self::Never => self,
            test => Self::Field(name.to_owned(), Box::new(test)),
        }
    }

    /// Equality with a value, as `$eq` has it.
    pub(super) fn equals(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            value => Self::Equals(value.clone()),
        }
    }

    /// The test on values in which no object is empty; simplified.
    pub(super) fn without_empty_objects(&self) -> Self {
        match self {
            Self::All(tests) => Self::all(tests.iter().map(Self::without_empty_objects)),
            Self::Any(tests) => Self::any(tests.iter().map(Self::without_empty_objects)),
            Self::Not(test) => test.without_empty_objects().negated(),
            Self::Field(name, test) => test.without_empty_objects().on_field(name),
            Self::Equals(Value::Object(object)) if object.is_empty() => Self::Never,
            test => test.clone(),
        }
    }

    /// Whether a regular expression is among its tests.
    pub(super) fn has_regex(&self) -> bool {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::has_regex),
            Self::Not(test) | Self::Field(_, test) | Self::Element(test) => test.has_regex(),
            Self::Matches(_) => true,
            _ => false,
        }
    }

    /// Whether a value passes.
    pub(super) fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(tests) => tests.iter().all(|test| test.holds(value)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(value)),
            Self::Not(test) => !test.holds(value),
            Self::Field(name, test) => {
                test.holds(value.and_then(Value::as_object).and_then(|object| find(object, name)))
            }
            Self::Null => matches!(value, None | Some(Value::Null)),
            Self::Equals(operand) => value.is_some_and(|value| equal(value, operand)),
            Self::Ordered(order, operand) => {
                value.and_then(|value| compare(value, operand)).is_some_and(|ordering| order.admits(ordering))
            }
            Self::HoldsAll(operands) => {
                list(value).is_some_and(|list| operands.iter().all(|operand| holds(list, operand)))
            }
            Self::Contains(operand) => match (value, operand) {
                (Some(Value::String(text)), Value::String(part)) => text.contains(part),
                (Some(Value::Array(list)), operand) => holds(list, operand),
                _ => false,
            },
            Self::Element(test) => list(value).is_some_and(|list| list.iter().any(|item| test.holds(Some(&item)))),
            Self::Length(len) => list(value).is_some_and(|list| list.len() == *len),
            Self::Present => value.is_some(),
            Self::Object => matches!(value, Some(Value::Object(_))),
            Self::Matches(regex) => value.and_then(Value::as_str).is_some_and(|text| regex.is_match(text)),
        }
    }
}

/// The value of a name in an object: under the key of that name, or else in the object under the part before a dot,
/// the longest such key first.
pub(super) fn find<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    name.rmatch_indices('.').find_map(|(dot, _)| find(object.get(&name[..dot])?.as_object()?, &name[dot + 1..]))
}

fn list(value: Option<&Value>) -> Option<&Array> {
    match value {
        Some(Value::Array(list)) => Some(list),
        _ => None,
    }
}

/// Whether a list has an element equal to a value.
fn holds(list: &Array, operand: &Value) -> bool {
    list.iter().any(|item| equal(&item, operand))
}

/// Equality all the way down: as of JSON, where both kinds of numbers are one.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int64(_) | Value::Float64(_), Value::Int64(_) | Value::Float64(_)) => {
            compare(a, b) == Some(Ordering::Equal)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(&a, &b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((name, a), (other, b))| name == other && equal(a, b))
        }
        _ => a == b,
    }
}

/// The order of two numbers or two texts; other pairs have none, and neither has NaN.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int64(a), Value::Int64(b)) => Some(a.cmp(b)),
        (Value::Float64(a), Value::Float64(b)) => a.partial_cmp(b),
        (Value::Int64(a), Value::Float64(b)) => compare_mixed(*a, *b),
        (Value::Float64(a), Value::Int64(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
        // The order of UTF-8 bytes is that of code points.
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// The order of an integer and a float as numbers, without rounding either.
#[expect(clippy::cast_possible_truncation, reason = "the float is within the range of i64 and has no fraction")]
fn compare_mixed(a: i64, b: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if b.is_nan() {
        None
    } else if b >= LIMIT {
        Some(Ordering::Less)
    } else if b < -LIMIT {
        Some(Ordering::Greater)
    } else {
        let whole = b.trunc();
        Some(a.cmp(&(whole as i64)).then(whole.total_cmp(&b)))
    }
}
