//! Short functions that open deployments and call functions.

use std::path::{Path, PathBuf};

use engine::{Caller, Deployment, Error, Options, Synchronous, Target};
use value::{Object, Value, json};

/// `tests/functions`.
pub(crate) fn functions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions")
}

pub(crate) fn options() -> Options {
    Options { functions: Some(functions()), synchronous: Synchronous::Normal, ..Options::default() }
}

/// The functions of `tests/functions` in memory.
pub(crate) fn in_memory() -> Deployment {
    Deployment::open(Target::Memory, options()).expect("memory opens")
}

/// The built-in functions in memory.
pub(crate) fn builtin_in_memory() -> Deployment {
    Deployment::open(Target::Memory, Options { functions: None, ..options() }).expect("memory opens")
}

pub(crate) fn in_folder(folder: &Path) -> Deployment {
    Deployment::open(Target::Folder(folder.to_owned()), options()).expect("the folder opens")
}

pub(crate) fn try_call(deployment: &Deployment, path: &str, args: impl Into<Value>) -> Result<Value, Error> {
    deployment.call(None, path, args.into(), &Caller::ADMIN)?.result
}

pub(crate) fn call(deployment: &Deployment, path: &str, args: impl Into<Value>) -> Value {
    try_call(deployment, path, args).unwrap_or_else(|error| panic!("{path}: {}: {error}", error.code()))
}

/// The code of the error of a call that fails.
pub(crate) fn code(deployment: &Deployment, path: &str, args: impl Into<Value>) -> &'static str {
    try_call(deployment, path, args).expect_err("the call fails").code()
}

/// A value from encoded JSON.
pub(crate) fn value(text: &str) -> Value {
    json::decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A value as encoded JSON.
pub(crate) fn text(value: &Value) -> String {
    json::to_string(value, json::Format::Encoded)
}

pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Object>())
}

pub(crate) fn insert(table: &str, value: Value) -> Value {
    object([("op", "insert".into()), ("table", table.into()), ("value", value)])
}

/// Writes in one transaction. Returns the inserted ids.
pub(crate) fn write(deployment: &Deployment, writes: Vec<Value>) -> Vec<Value> {
    items(&call(deployment, "database:write", object([("writes", writes.into())])))
}

pub(crate) fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(array) => array.iter().map(std::borrow::Cow::into_owned).collect(),
        other => panic!("not a list: {}", text(other)),
    }
}

pub(crate) fn field(value: &Value, name: &str) -> Value {
    value.as_object().and_then(|fields| fields.get(name)).cloned().unwrap_or_default()
}

/// How many documents a table has.
pub(crate) fn count(deployment: &Deployment, table: &str) -> usize {
    items(&call(deployment, "database:collect", object([("table", table.into())]))).len()
}
