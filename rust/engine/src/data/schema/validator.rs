//! Validators of values, as `v.…` builds them.

use std::{collections::BTreeMap, fmt};

use value::{Object, Value};

use super::{export_field, items, malformed, text};
use crate::{data::tables::Tables, error::Result};

/// A validator, as `v.…` builds it.
#[derive(Clone, Debug)]
pub(crate) enum Validator {
    Any,
    Null,
    Number,
    Bigint,
    Boolean,
    String,
    Bytes,
    /// A function's handle, as `createFunctionHandle` makes it.
    Function,
    Literal(Value),
    Id(String),
    Array(Box<Validator>),
    Object(BTreeMap<String, Field>),
    Record {
        keys: Box<Validator>,
        values: Box<Validator>,
    },
    Union(Vec<Validator>),
}

/// A field of an object's validator.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    validator: Validator,
    optional: bool,
}

/// Where and why a value does not match, in Convex's words.
#[derive(Debug)]
pub(crate) struct Mismatch {
    path: String,
    reason: &'static str,
    /// The rest of the reason's sentence.
    detail: String,
    /// The found value and the expected form, each with its label.
    sides: Option<Box<[(&'static str, String); 2]>>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.reason, self.detail)?;
        let Some([(found, value), (expected, validator)]) = self.sides.as_deref() else {
            return if self.path.is_empty() { Ok(()) } else { write!(f, "Path: {}", self.path) };
        };
        if self.path.is_empty() {
            f.write_str("\n")?;
        } else {
            write!(f, "\nPath: {}", self.path)?;
        }
        write!(f, "\n{found}: {value}\n{expected}: {validator}")
    }
}

impl Validator {
    /// Reads a validator's JSON form (`{"type": …}`).
    pub(crate) fn from_json(json: &Value) -> Result<Self> {
        let child = |name: &str| export_field(json, name).and_then(Self::from_json).map(Box::new);
        Ok(match text(export_field(json, "type")?)?.as_str() {
            "any" => Self::Any,
            "null" => Self::Null,
            "number" => Self::Number,
            "bigint" | "commitTs" => Self::Bigint,
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "function" => Self::Function,
            "literal" => Self::Literal(export_field(json, "value")?.clone()),
            "id" => Self::Id(text(export_field(json, "tableName")?)?),
            "array" => Self::Array(child("value")?),
            "record" => Self::Record {
                keys: child("keys")?,
                values: Box::new(Self::from_json(export_field(export_field(json, "values")?, "fieldType")?)?),
            },
            "union" => {
                Self::Union(items(export_field(json, "value")?)?.iter().map(Self::from_json).collect::<Result<_>>()?)
            }
            "object" => {
                let fields = export_field(json, "value")?.as_object().ok_or_else(|| malformed(json))?;
                let field = |field: &Value| -> Result<Field> {
                    Ok(Field {
                        validator: Self::from_json(export_field(field, "fieldType")?)?,
                        optional: export_field(field, "optional")? == &true.into(),
                    })
                };
                Self::Object(fields.iter().map(|(name, json)| Ok((name.clone(), field(json)?))).collect::<Result<_>>()?)
            }
            _ => return Err(malformed(json)),
        })
    }

    /// Checks a document's fields.
    pub(crate) fn check_fields(&self, fields: &Object, tables: &Tables) -> Result<(), Mismatch> {
        match self {
            Self::Any => Ok(()),
            Self::Object(declared) => check_object(declared, fields, tables),
            other => other.check(&Value::Object(fields.clone()), tables),
        }
    }

    /// Checks a value; `tables` tells which table an id belongs to.
    pub(crate) fn check(&self, value: &Value, tables: &Tables) -> Result<(), Mismatch> {
        self.report(value, tables)
    }

    fn report<R: Report>(&self, value: &Value, tables: &Tables) -> Result<(), R> {
        let fits = match (self, value) {
            (Self::Any, _)
            | (Self::Null, Value::Null)
            | (Self::Number, Value::Float64(_))
            | (Self::Bigint, Value::Int64(_))
            | (Self::Boolean, Value::Boolean(_))
            | (Self::String, Value::String(_))
            | (Self::Bytes, Value::Bytes(_)) => true,
            (Self::Function, Value::String(handle)) => handle.starts_with("function://"),
            (Self::Literal(literal), value) => literal == value,
            (Self::Id(table), Value::String(id)) => return check_id(table, id, tables),
            (Self::Array(item), Value::Array(array)) => {
                return match (&**item, array) {
                    // Packed arrays hold numbers only, so their items need no check one by one.
                    (Self::Number | Self::Any, value::Array::Packed(_)) => Ok(()),
                    (item, array) => array.iter().enumerate().try_for_each(|(position, value)| {
                        item.report(&value, tables).map_err(|found: R| found.under(|| format!("[{position}]")))
                    }),
                };
            }
            (Self::Object(fields), Value::Object(object)) => return check_object(fields, object, tables),
            (Self::Record { keys, values }, Value::Object(object)) => {
                return object.iter().try_for_each(|(name, value)| {
                    keys.report(&name.as_str().into(), tables).map_err(|found: R| found.under(|| ".keys()".into()))?;
                    values.report(value, tables).map_err(|found: R| found.under(|| ".values()".into()))
                });
            }
            (Self::Union(members), value) => match members.as_slice() {
                [only] => return only.report(value, tables),
                members => members.iter().any(|member| member.report::<Untold>(value, tables).is_ok()),
            },
            _ => false,
        };
        if fits { Ok(()) } else { Err(R::of(|| self.mismatch(value))) }
    }

    fn mismatch(&self, value: &Value) -> Mismatch {
        Mismatch {
            path: String::new(),
            reason: "Value does not match validator.",
            detail: String::new(),
            sides: Some(Box::new([("Value", Shown(value).to_string()), ("Validator", self.to_string())])),
        }
    }
}

/// The report of a mismatch.
trait Report {
    fn of(make: impl FnOnce() -> Mismatch) -> Self;

    /// The same, found inside of something.
    fn under(self, step: impl FnOnce() -> String) -> Self;
}

impl Report for Mismatch {
    fn of(make: impl FnOnce() -> Mismatch) -> Self {
        make()
    }

    fn under(mut self, step: impl FnOnce() -> String) -> Self {
        self.path.insert_str(0, &step());
        self
    }
}

/// The report for a member of a union. It has no text, since another member may match.
struct Untold;

impl Report for Untold {
    fn of(_: impl FnOnce() -> Mismatch) -> Self {
        Self
    }

    fn under(self, _: impl FnOnce() -> String) -> Self {
        self
    }
}

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("v.any()"),
            Self::Null => f.write_str("v.null()"),
            Self::Number => f.write_str("v.float64()"),
            Self::Bigint => f.write_str("v.int64()"),
            Self::Boolean => f.write_str("v.boolean()"),
            Self::String => f.write_str("v.string()"),
            Self::Bytes => f.write_str("v.bytes()"),
            Self::Function => f.write_str("v.function()"),
            Self::Literal(value) => write!(f, "v.literal({})", excerpt(value)),
            Self::Id(table) => write!(f, "v.id({table:?})"),
            Self::Array(item) => write!(f, "v.array({item})"),
            Self::Record { keys, values } => write!(f, "v.record({keys}, {values})"),
            Self::Union(members) => {
                f.write_str("v.union(")?;
                for (position, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if position == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Object(fields) => {
                f.write_str("v.object({")?;
                for (position, (name, field)) in fields.iter().enumerate() {
                    f.write_str(if position == 0 { "" } else { ", " })?;
                    if field.optional {
                        write!(f, "{name}: v.optional({})", field.validator)?;
                    } else {
                        write!(f, "{name}: {}", field.validator)?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}

fn check_object<R: Report>(fields: &BTreeMap<String, Field>, object: &Object, tables: &Tables) -> Result<(), R> {
    let wrong = |reason, detail: &dyn Fn() -> String| {
        R::of(|| Mismatch {
            path: String::new(),
            reason,
            detail: detail(),
            sides: Some(Box::new([
                ("Object", Shown(&Value::Object(object.clone())).to_string()),
                ("Validator", Validator::Object(fields.clone()).to_string()),
            ])),
        })
    };
    for (name, field) in fields {
        match object.get(name) {
            Some(value) => {
                field.validator.report(value, tables).map_err(|found: R| found.under(|| format!(".{name}")))?;
            }
            None if field.optional => {}
            None => {
                let hint = "Consider wrapping the field validator in `v.optional(...)` if this is expected.";
                return Err(wrong("Object is missing the required field ", &|| format!("`{name}`. {hint}")));
            }
        }
    }
    match object.keys().find(|name| !fields.contains_key(*name)) {
        Some(name) => Err(wrong("Object contains extra field ", &|| format!("`{name}` that is not in the validator."))),
        None => Ok(()),
    }
}

fn check_id<R: Report>(table: &str, id: &str, tables: &Tables) -> Result<(), R> {
    match id.parse::<value::id::DocumentId>() {
        Err(_) => Err(R::of(|| Validator::Id(table.to_owned()).mismatch(&id.into()))),
        Ok(parsed) if tables.number(table) == Some(parsed.table_number) => Ok(()),
        Ok(parsed) => Err(R::of(|| Mismatch {
            path: String::new(),
            reason: "Found ID ",
            detail: format!(
                "{id:?} from table `{}`, which does not match the table name in validator `v.id({table:?})`.",
                tables.name(parsed.table_number).unwrap_or("unknown"),
            ),
            sides: None,
        })),
    }
}

/// A value as Convex's messages show it: names of fields without quotes, integers with an `n`, and only the beginning
/// of a long value.
pub(crate) struct Shown<'a>(pub(crate) &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 1000;
        let mut text = String::new();
        show(self.0, &mut text, SHOWN);
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}…", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

/// Writes a value, until the text is longer than the part that will be shown.
fn show(value: &Value, text: &mut String, shown: usize) {
    let between = |position| if position == 0 { "" } else { ", " };
    match value {
        _ if text.len() > shown => {}
        Value::Int64(x) => text.push_str(&(x.to_string() + "n")),
        Value::Array(array) => {
            text.push('[');
            for (position, item) in array.iter().enumerate().take(shown) {
                text.push_str(between(position));
                show(&item, text, shown);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (position, (name, field)) in fields.iter().enumerate() {
                text.push_str(between(position));
                text.push_str(name);
                text.push_str(": ");
                show(field, text, shown);
            }
            text.push('}');
        }
        scalar => text.push_str(&excerpt(scalar)),
    }
}

/// The beginning of a value's JSON, for messages.
pub(super) fn excerpt(value: &Value) -> String {
    const SHOWN: usize = 200;
    let json = value::json::to_string(value, value::json::Format::Encoded);
    match json.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}
