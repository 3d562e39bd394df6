//! Compiles a filter, as it is written, to tests.

use regex::{Regex, RegexBuilder};
use value::{Array, Object, Value};

use super::{
    error::FilterError,
    test::{Order, Test},
};

/// Operators that join filters.
const AROUND_FIELDS: [&str; 4] = ["$and", "$or", "$nor", "$not"];

/// Operators on the value of a field.
const IN_FIELDS: [&str; 16] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$all",
    "$contains",
    "$elemMatch",
    "$size",
    "$exists",
    "$regex",
    "$options",
    "$not",
];

pub(super) fn compile(filter: &Value) -> Result<Test, FilterError> {
    let fields = object(filter, "")?;
    match fields.get("metadata") {
        Some(Value::Object(wrapped)) if fields.len() == 1 && is_filter(wrapped) => conditions(wrapped, "metadata"),
        _ => conditions(fields, ""),
    }
}

/// Whether an object can only be meant as a filter or a value: it has no key that is an operator of a field.
fn is_filter(object: &Object) -> bool {
    object.keys().all(|name| !name.starts_with('$') || matches!(name.as_str(), "$and" | "$or" | "$nor"))
}

/// A filter: fields with their conditions, and operators that join filters.
fn conditions(fields: &Object, path: &str) -> Result<Test, FilterError> {
    let tests = fields.iter().map(|(name, operand)| {
        let at = child(path, name);
        match name.as_str() {
            "$and" => Ok(Test::all(filters(operand, &at)?)),
            "$or" => Ok(Test::any(filters(operand, &at)?)),
            "$nor" => Ok(Test::any(filters(operand, &at)?).negated()),
            "$not" => Ok(conditions(object(operand, &at)?, &at)?.negated()),
            name if IN_FIELDS.contains(&name) => Err(wrong(
                &at,
                format!("{name} outside a field"),
                format!("it inside one: {{field: {{\"{name}\": …}}}}"),
            )),
            name if name.starts_with('$') => Err(unknown(&at, name, &AROUND_FIELDS)),
            name => Ok(condition(operand, &at)?.on_field(name)),
        }
    });
    Ok(Test::all(tests.collect::<Result<Vec<_>, _>>()?))
}

fn filters(operand: &Value, path: &str) -> Result<Vec<Test>, FilterError> {
    let filters = list(operand, path, "a list of filters")?;
    filters
        .iter()
        .enumerate()
        .map(|(index, filter)| {
            let at = format!("{path}[{index}]");
            conditions(object(&filter, &at)?, &at)
        })
        .collect()
}

/// A condition on a value: operators, or the value to equal.
fn condition(operand: &Value, path: &str) -> Result<Test, FilterError> {
    match operand {
        Value::Object(object) if !object.is_empty() && object.keys().all(|name| name.starts_with('$')) => {
            operators(object, path)
        }
        value => {
            plain(value, path)?;
            Ok(Test::equals(value))
        }
    }
}

/// A value that stands for itself holds no operators, however deep: they would never be looked at.
fn plain(value: &Value, path: &str) -> Result<(), FilterError> {
    match value {
        Value::Object(object) => object.iter().try_for_each(|(name, value)| {
            if name.starts_with('$') {
                let expected = "only operators or none; conditions on what an object holds take a dotted path";
                return Err(wrong(&child(path, name), format!("{name} inside a value"), expected));
            }
            plain(value, &child(path, name))
        }),
        Value::Array(Array::Values(items)) => {
            items.iter().enumerate().try_for_each(|(index, item)| plain(item, &format!("{path}[{index}]")))
        }
        _ => Ok(()),
    }
}

fn operators(object: &Object, path: &str) -> Result<Test, FilterError> {
    let tests = object.iter().map(|(name, operand)| operator(name, operand, object, &child(path, name)));
    Ok(Test::all(tests.collect::<Result<Vec<_>, _>>()?))
}

/// One operator among those of an object.
fn operator(name: &str, operand: &Value, siblings: &Object, path: &str) -> Result<Test, FilterError> {
    match name {
        "$eq" => Ok(Test::equals(operand)),
        "$ne" => Ok(Test::equals(operand).negated()),
        "$gt" => ordered(Order::Greater, operand, path),
        "$gte" => ordered(Order::GreaterOrEqual, operand, path),
        "$lt" => ordered(Order::Less, operand, path),
        "$lte" => ordered(Order::LessOrEqual, operand, path),
        "$in" => one_of(operand, path),
        "$nin" => Ok(one_of(operand, path)?.negated()),
        "$all" => Ok(Test::HoldsAll(list(operand, path, "a list")?.iter().map(std::borrow::Cow::into_owned).collect())),
        "$contains" => Ok(Test::Contains(operand.clone())),
        "$elemMatch" => {
            let test = match operand {
                Value::Object(fields) if is_filter(fields) => Test::all([Test::Object, conditions(fields, path)?]),
                operand => condition(operand, path)?,
            };
            Ok(Test::Element(Box::new(test)))
        }
        "$size" => match natural(operand) {
            Some(len) => Ok(Test::Length(len)),
            None => Err(wrong(path, describe(operand), "a non-negative integer")),
        },
        "$exists" => match operand {
            Value::Boolean(true) => Ok(Test::Present),
            Value::Boolean(false) => Ok(Test::Present.negated()),
            operand => Err(wrong(path, describe(operand), "a boolean")),
        },
        "$not" => Ok(condition(operand, path)?.negated()),
        "$regex" => regex(operand, siblings.get("$options"), path),
        // It is read where `$regex` is.
        "$options" if siblings.contains_key("$regex") => Ok(Test::Always),
        "$options" => Err(wrong(path, "$options alone", "$regex beside it")),
        name if AROUND_FIELDS.contains(&name) => {
            let expected = format!("it around the fields: {{\"{name}\": [{{field: …}}, …]}}");
            Err(wrong(path, format!("{name} inside a field"), expected))
        }
        name => Err(unknown(path, name, &IN_FIELDS)),
    }
}

fn ordered(order: Order, operand: &Value, path: &str) -> Result<Test, FilterError> {
    match operand {
        Value::Int64(_) | Value::Float64(_) | Value::String(_) => Ok(Test::Ordered(order, operand.clone())),
        operand => Err(wrong(path, describe(operand), "a number or a text")),
    }
}

fn one_of(operand: &Value, path: &str) -> Result<Test, FilterError> {
    Ok(Test::any(list(operand, path, "a list")?.iter().map(|item| Test::equals(&item)).collect::<Vec<_>>()))
}

fn regex(pattern: &Value, options: Option<&Value>, path: &str) -> Result<Test, FilterError> {
    let Value::String(text) = pattern else {
        return Err(wrong(path, describe(pattern), "a regular expression as text"));
    };
    let mut builder = RegexBuilder::new(text);
    if let Some(options) = options {
        let bad =
            || wrong(&path.replace("$regex", "$options"), describe(options), "a text of the letters i, m, s and x");
        for option in options.as_str().ok_or_else(bad)?.chars() {
            match option {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(true),
                _ => return Err(bad()),
            };
        }
    }
    let regex: Result<Regex, regex::Error> = builder.build();
    regex.map(Test::Matches).map_err(|error| {
        let found = format!("{} ({})", describe(pattern), last_line(&error.to_string()));
        wrong(path, found, "a regular expression in the syntax of Rust's regex, without look-around or back-references")
    })
}

/// The reason in an error of the regex crate, without the drawing of the place in the pattern above it.
fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or(message).trim_start_matches("error: ")
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Object, FilterError> {
    value.as_object().ok_or_else(|| wrong(path, describe(value), "an object"))
}

fn list<'a>(value: &'a Value, path: &str, expected: &str) -> Result<&'a Array, FilterError> {
    match value {
        Value::Array(list) => Ok(list),
        value => Err(wrong(path, describe(value), expected)),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a whole number that fits")]
fn natural(value: &Value) -> Option<usize> {
    const MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    match value {
        Value::Int64(x) => usize::try_from(*x).ok(),
        Value::Float64(x) if (0.0..=MAX).contains(x) && x.fract() == 0.0 => Some(*x as usize),
        _ => None,
    }
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn wrong(path: &str, found: impl Into<String>, expected: impl Into<String>) -> FilterError {
    FilterError { path: path.to_owned(), found: found.into(), expected: expected.into() }
}

fn unknown(path: &str, name: &str, known: &[&str]) -> FilterError {
    let nearest = known.iter().map(|other| (distance(name, other), other)).min();
    let expected = match nearest {
        Some((0..=2, other)) => format!("an operator; did you mean {other}?"),
        _ => format!("one of {}", known.join(", ")),
    };
    wrong(path, format!("the unknown operator {name}"), expected)
}

/// How many letters must be added, dropped or changed to make one name the other, capitals aside.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Boolean(x) => x.to_string(),
        Value::Int64(x) => x.to_string(),
        Value::Float64(x) => x.to_string(),
        Value::String(text) if text.chars().count() > 40 => {
            format!("the text {:?}…", text.chars().take(40).collect::<String>())
        }
        Value::String(text) => format!("the text {text:?}"),
        Value::Bytes(_) => String::from("bytes"),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => String::from("an object"),
    }
}
