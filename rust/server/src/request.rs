//! The content of requests.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    http::{HeaderMap, Uri, header},
};
use engine::Deployment;
use futures_util::StreamExt as _;
use value::{
    Object, Value,
    json::{self, Format},
};

use crate::{
    connections::{self, Full},
    reply::Refusal,
};

/// Convex's limit on a request's body.
const BODY_BYTES: usize = (16 << 20) + 2000;

/// The limit without a credential: strangers' bodies share little memory.
const ANONYMOUS_BODY_BYTES: usize = 1 << 20;

/// How much of a body that is too long is read and discarded. A client that is still sending wouldn't read the refusal.
const DRAINED_BYTES: u64 = 17 << 20;

/// The longest time for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A call of a function, from a body or a query string.
pub(crate) struct CallRequest {
    pub(crate) path: String,
    /// The arguments; an error if they aren't a value.
    pub(crate) args: Result<Value, String>,
    pub(crate) format: Format,
}

/// A body as a JSON object.
pub(crate) async fn read_object(headers: &HeaderMap, body: Body) -> Result<Object, Refusal> {
    let bad = |reason: String| Refusal::bad_request("BadJsonBody", reason);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(bad(format!("Expected Content-Type: application/json, found {content_type:?}")));
    }
    let bytes = tokio::time::timeout(BODY_TIMEOUT, read(body)).await.map_err(|_| Refusal::timeout())??;
    match json::decode(&bytes).or_else(|error| decode_leniently(&bytes, error)) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(bad("Expected a JSON object".to_owned())),
        Err(error) => Err(bad(format!("Failed to parse the body as JSON: {error}"))),
    }
}

/// Reads a whole body, if its sender may send so many bytes and there is room for them.
async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let connection = connections::current();
    let limit = if connection.is_trusted() { BODY_BYTES } else { ANONYMOUS_BODY_BYTES };
    let is_far_too_long = |length: u64| length > DRAINED_BYTES;
    if is_far_too_long(body.size_hint().lower()) {
        return Err(Refusal::body_too_large(limit));
    }
    let (mut bytes, mut length) = (Vec::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| Refusal::bad_request("BadJsonBody", format!("The body can't be read: {error}")))?;
        length += chunk.len();
        if length <= limit {
            connection.hold(chunk.len()).map_err(|Full| Refusal::overloaded("There is no room for the body now"))?;
            bytes.extend_from_slice(&chunk);
        } else if is_far_too_long(length as u64) {
            break;
        } else {
            bytes = Vec::new();
            drop(connection.take_room());
        }
    }
    if length > limit {
        return Err(Refusal::body_too_large(limit));
    }
    connection.request_read();
    Ok(bytes)
}

/// If `args` aren't a value, this field has the reason in their place. No field of a request can have this name.
const INVALID_ARGS: &str = "$args";

/// A body that is JSON, but not the encoding of a value. If a name is there twice, the last one counts. If `args` are
/// invalid, that becomes the function's error.
fn decode_leniently(bytes: &[u8], error: json::JsonError) -> Result<Value, json::JsonError> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(bytes) else { return Err(error) };
    let decode = |fields: &serde_json::Map<_, _>| json::decode(&serde_json::to_vec(fields).expect("it was JSON"));
    let Err(error) = decode(&fields) else { return decode(&fields) };
    if fields.remove("args").is_none() {
        return Err(error);
    }
    let Value::Object(mut decoded) = decode(&fields)? else { return Err(error) };
    decoded.insert(INVALID_ARGS.to_owned(), error.to_string().into());
    Ok(decoded.into())
}

impl CallRequest {
    /// Reads `{path, args, format?}`.
    pub(crate) fn from_object(mut fields: Object) -> Result<Self, Refusal> {
        let path = match fields.remove("path") {
            Some(Value::String(path)) => path,
            found => {
                return Err(Refusal::bad_request(
                    "BadJsonBody",
                    format!("`path`: expected text, found {}", shown(found.as_ref())),
                ));
            }
        };
        Self::with_path(path, fields)
    }

    /// Reads `{args, format?}`; the function's path is given.
    pub(crate) fn with_path(path: String, mut fields: Object) -> Result<Self, Refusal> {
        if fields.get("componentPath").and_then(Value::as_str).is_some_and(|path| !path.is_empty()) {
            let reason = "`componentPath`: only /api/function and the WebSocket call functions of components";
            return Err(Refusal::bad_request("UnsupportedComponent", reason));
        }
        check_path(&path)?;
        let format = match fields.remove("format") {
            None | Some(Value::Null) => Format::Json,
            Some(Value::String(name)) => {
                name.parse().map_err(|_| Refusal::bad_request("BadFormat", format!("unknown format {name:?}")))?
            }
            Some(found) => {
                return Err(Refusal::bad_request(
                    "BadFormat",
                    format!("`format`: expected text, found {}", shown(Some(&found))),
                ));
            }
        };
        let args = match fields.remove(INVALID_ARGS) {
            Some(reason) => Err(reason.as_str().unwrap_or_default().to_owned()),
            None => Ok(arguments(fields.remove("args"))?),
        };
        Ok(Self { path, args, format })
    }

    /// The arguments, which must be a value.
    pub(crate) fn args(&self) -> Result<Value, Refusal> {
        self.args.clone().map_err(|reason| Refusal::bad_request("BadJsonBody", reason))
    }

    /// Reads `?path=…&args=…&format=…`, `args` being JSON.
    pub(crate) fn from_query(uri: &Uri) -> Result<Self, Refusal> {
        let parameters = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Refusal::bad_request("BadQueryArgs", error.to_string()))?;
        let mut fields = Object::new();
        for (name, text) in parameters.0 {
            let value = match name.as_str() {
                "args" => json::decode(text.as_bytes())
                    .map_err(|error| Refusal::bad_request("BadQueryArgs", error.to_string()))?,
                _ => text.into(),
            };
            fields.insert(name, value);
        }
        Self::from_object(fields)
    }
}

/// Refuses a component whose functions don't run here. If the functions are a component's, calls name it or nothing.
pub(crate) fn check_component(path: Option<&str>, deployment: &Deployment) -> Result<(), Refusal> {
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(()) };
    let here = match deployment.component().map_err(|error| Refusal::internal(&error))? {
        Some(component) if *component == *path => return Ok(()),
        Some(component) => format!("The functions that run here are those of '{component}'."),
        None => "The functions that run here are an app's, and the embedded deployment leaves out components in apps. \
                 `mastra-convex serve --functions DIR` runs the folder of a component."
            .to_owned(),
    };
    Err(Refusal::bad_request("ComponentPathNotFound", format!("Component path '{path}' not found. {here}")))
}

/// Refuses a text that can't be the path of a function.
fn check_path(path: &str) -> Result<(), Refusal> {
    let module = path.split(':').next().unwrap_or_default();
    let reason = if module.starts_with('/') {
        format!("Module paths must be relative ({module} is absolute).")
    } else if module.split('/').any(|part| part == "..") {
        format!("Invalid path component ParentDir in {module}.")
    } else if module.is_empty() {
        format!("Module path {module} doesn't have a filename.")
    } else {
        return Ok(());
    };
    let message = format!("{path} is not a valid path to a Convex function. {reason}");
    Err(Refusal::bad_request("BadConvexFunctionIdentifier", message))
}

/// Takes the arguments out of a list of one. The function itself refuses arguments that aren't an object.
pub(crate) fn arguments(args: Option<Value>) -> Result<Value, Refusal> {
    match args {
        Some(Value::Array(list)) if list.len() == 1 => {
            Ok(list.iter().next().map(std::borrow::Cow::into_owned).unwrap_or_default())
        }
        Some(args) => Ok(args),
        None => Err(Refusal::bad_request("BadJsonBody", "Failed to read the request: missing field `args`")),
    }
}

fn shown(found: Option<&Value>) -> &'static str {
    found.map_or("nothing", Value::type_name)
}
