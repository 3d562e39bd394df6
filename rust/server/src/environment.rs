//! `npx convex env`: changes of the environment variables.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use engine::Error;
use value::Value;

use crate::{
    reply::Refusal,
    request::read_object,
    routes::{App, blocking},
};

/// `{changes: [{name, value}]}`, where a variable without a value is removed. All are changed, or none.
pub(crate) async fn update(State(app): State<App>, headers: HeaderMap, uri: Uri, body: Body) -> Result<(), Refusal> {
    app.check_admin(&headers, &uri).await?;
    let mut fields = read_object(&headers, body).await?;
    let Some(Value::Array(changes)) = fields.remove("changes") else {
        return Err(Refusal::bad_request("BadJsonBody", "`changes`: expected a list"));
    };
    let changes = changes.iter().enumerate().map(|(position, change)| read(position, &change));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let deployment = Arc::clone(&app.deployment);
    let outcome = blocking(move || deployment.set_variables(changes)).await?;
    outcome.map_err(|error| match error {
        Error::Environment { code, message } => Refusal::bad_request(code, message),
        error @ (Error::Module { .. } | Error::AuthConfig { .. }) => Refusal::bad_request(
            "InvalidAuthConfig",
            format!("No variable was changed, since auth.config would fail: {error}"),
        ),
        error => Refusal::internal(&error),
    })
}

fn read(position: usize, change: &Value) -> Result<(String, Option<String>), Refusal> {
    let expected = |field: &str, expected: &str| {
        Refusal::bad_request("BadJsonBody", format!("`changes[{position}].{field}`: expected {expected}"))
    };
    let field = |name| change.as_object().and_then(|change| change.get(name));
    let name = field("name").and_then(Value::as_str).ok_or_else(|| expected("name", "text"))?;
    let value = match field("value") {
        None | Some(Value::Null) => None,
        Some(Value::String(value)) => Some(value.clone()),
        Some(_) => return Err(expected("value", "text or null")),
    };
    Ok((name.to_owned(), value))
}
