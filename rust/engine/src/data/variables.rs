//! The environment variables of a deployment, which functions read from `process.env`: their store, and Convex's rules.

use std::collections::BTreeMap;

use rusqlite::Connection;
use value::{Object, Value, json};

use super::settings::{set_setting, setting};
use crate::error::{Error, Result};

/// The setting that stores the variables.
const VARIABLES: &str = "environment_variables";

/// Convex's limits: <https://docs.convex.dev/using/environment-variables>.
const MAX_VARIABLES: usize = 256;
const MAX_NAME_BYTES: usize = 256;
const MAX_VALUE_BYTES: usize = 8 << 10;
const MAX_BYTES: usize = 512 << 10;

/// Environment variables: names and values.
pub(crate) type Variables = BTreeMap<String, String>;

/// The stored variables.
pub(crate) fn stored(connection: &Connection) -> Result<Variables> {
    let Some(text) = setting::<String>(connection, VARIABLES)? else { return Ok(Variables::new()) };
    let stored = json::decode(text.as_bytes()).ok();
    let fields = stored.as_ref().and_then(Value::as_object).into_iter().flatten();
    Ok(fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
}

/// Stores variables in place of the stored ones.
pub(crate) fn store(connection: &Connection, variables: &Variables) -> Result<()> {
    let fields: Object = variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    set_setting(connection, VARIABLES, json::to_string(&fields.into(), json::Format::Encoded))
}

/// The variables after changes: each sets a variable, or removes it.
///
/// # Errors
///
/// A name, a value or their number is not one that Convex takes.
pub(crate) fn changed(before: &Variables, changes: Vec<(String, Option<String>)>) -> Result<Variables> {
    let mut variables = before.clone();
    for (name, value) in changes {
        check_name(&name)?;
        match value {
            Some(value) => {
                check_value(&name, &value)?;
                variables.insert(name, value);
            }
            None => drop(variables.remove(&name)),
        }
    }
    check_total(&variables)?;
    Ok(variables)
}

fn check_name(name: &str) -> Result<()> {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        let expected = "a letter or an underscore, then letters, digits and underscores";
        return Err(invalid(
            "EnvironmentVariableNameInvalid",
            format!("The name {name:?} is invalid: expected {expected}"),
        ));
    }
    if name.len() > MAX_NAME_BYTES {
        let message =
            format!("The name {name:.32}… has {} characters, at most {MAX_NAME_BYTES} are allowed", name.len());
        return Err(invalid("EnvironmentVariableNameTooLong", message));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<()> {
    if value.len() <= MAX_VALUE_BYTES {
        return Ok(());
    }
    let message = format!("The value of {name} has {} bytes, at most {MAX_VALUE_BYTES} are allowed", value.len());
    Err(invalid("EnvironmentVariableValueTooLarge", message))
}

fn check_total(variables: &Variables) -> Result<()> {
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    let message = if variables.len() > MAX_VARIABLES {
        format!("There would be {} environment variables, at most {MAX_VARIABLES} are allowed", variables.len())
    } else if bytes > MAX_BYTES {
        format!("All environment variables would have {bytes} bytes, at most {MAX_BYTES} are allowed")
    } else {
        return Ok(());
    };
    Err(invalid("EnvVarLimitMet", message))
}

fn invalid(code: &'static str, message: String) -> Error {
    Error::Environment { code, message }
}
