//! The functions of a deployment, as `npx convex function-spec` prints them.

use value::Value;

use super::{arguments::Arguments, shapes::object};
use crate::{engine::Engine, error::Result, functions::Definition};

/// `{}`: each function with its path, kind, visibility and validators.
pub(super) fn api_spec(engine: &Engine, args: &mut Arguments) -> Result<Value> {
    args.ignore(&["componentId"]);
    args.done()?;
    Ok(engine.functions().all().map(described).collect::<Vec<_>>().into())
}

fn described(function: &Definition) -> Value {
    let [args, returns] = function.declared.clone().map(|validator| match validator {
        Value::Null => object([("type", "any".into())]),
        validator => validator,
    });
    let visibility = if function.public { "public" } else { "internal" };
    object([
        ("identifier", function.path().into()),
        ("functionType", function.kind.name().into()),
        ("visibility", object([("kind", visibility.into())])),
        ("args", args),
        ("returns", returns),
    ])
}
