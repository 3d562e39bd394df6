//! The arguments of system functions.

use value::{Object, Value};
use wire::Code;

use crate::error::{Error, Result};

/// Arguments that are taken one by one. Those that are left in the end are refused, as Convex refuses extra fields.
pub(super) struct Arguments {
    path: String,
    fields: Object,
}

impl Arguments {
    pub(super) fn new(path: &str, args: Value) -> Result<Self> {
        match args {
            Value::Object(fields) => Ok(Self { path: path.to_owned(), fields }),
            other => Err(refused(path, &format!("found {}, expected an object", other.type_name()))),
        }
    }

    /// Takes an argument; None if it is missing or null.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let found = value.type_name();
                read(value).map(Some).ok_or_else(|| self.invalid(name, &format!("found {found}, expected {expected}")))
            }
        }
    }

    /// Takes an argument that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T> {
        self.optional(name, expected, read)?.ok_or_else(|| self.invalid(name, &format!("missing, expected {expected}")))
    }

    /// Takes any value.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String> {
        self.required(name, "text", text)
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>> {
        self.optional(name, "text", text)
    }

    /// Takes a count, at most `most`.
    pub(super) fn optional_count(&mut self, name: &str, most: usize) -> Result<Option<usize>> {
        self.optional(name, "a whole number of at least 1", |value| count(&value))
            .map(|count| count.map(|n| n.min(most)))
    }

    /// Takes an object as arguments of its own.
    pub(super) fn object(&mut self, name: &str) -> Result<Self> {
        let fields = self.required(name, "an object", |value| match value {
            Value::Object(fields) => Some(fields),
            _ => None,
        })?;
        Ok(Self { path: format!("{} {name}", self.path), fields })
    }

    /// Takes a list; empty if it is missing.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>> {
        let list = self.optional(name, "a list", |value| match value {
            Value::Array(items) => Some(items.iter().map(std::borrow::Cow::into_owned).collect()),
            _ => None,
        })?;
        Ok(list.unwrap_or_default())
    }

    /// Takes the fields that are allowed, and ignored.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// Refuses the arguments that weren't taken.
    pub(super) fn done(&self) -> Result<()> {
        self.fields.keys().next().map_or(Ok(()), |name| Err(self.invalid(name, "there is no such argument")))
    }

    /// The error for an argument.
    pub(super) fn invalid(&self, name: &str, problem: &str) -> Error {
        refused(&self.path, &format!("{name}: {problem}"))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of at least 1")]
fn count(value: &Value) -> Option<usize> {
    value.as_f64().filter(|count| *count >= 1.0 && count.fract() == 0.0).map(|count| count as usize)
}

fn refused(path: &str, problem: &str) -> Error {
    Error::function(Code::ArgumentValidationError, format!("ArgumentValidationError: {path}: {problem}"))
}
