//! What a request is answered with.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Error, Outcome};
use serde::{Serialize, Serializer, ser::SerializeMap};
use value::json::{Format, Formatted};

/// A request that no function was asked about: a status, a code, a text.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(crate) fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code, message: message.into() }
    }

    pub(crate) fn timeout() -> Self {
        let message = "The body did not arrive in time".to_owned();
        Self { status: StatusCode::REQUEST_TIMEOUT, code: "RequestTimeout", message }
    }

    /// The server stops before the function could run.
    pub(crate) fn stopping() -> Self {
        let message = "The server is stopping".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "Stopping", message }
    }

    /// A token or an identity that isn't believed, or can't be checked now.
    pub(crate) fn of_credential(error: &Error) -> Self {
        let status = match error {
            Error::Unauthenticated { code: "HeaderParseFailure", .. } => StatusCode::BAD_REQUEST,
            Error::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Error::AuthProvider { .. } => StatusCode::SERVICE_UNAVAILABLE,
            error => return Self::internal(error),
        };
        Self { status, code: error.code(), message: error.to_string() }
    }

    /// An error of the deployment itself, not of a function.
    pub(crate) fn internal(error: &Error) -> Self {
        let message = format!("Your request couldn't be completed: {error}");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalServerError", message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"code": self.code, "message": self.message});
        (self.status, json(body.to_string())).into_response()
    }
}

/// A body of JSON.
pub(crate) fn json(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

/// A function's outcome in Convex's shape: `{status: "success", value, …}` or `{status: "error", errorMessage, …}`.
/// Both are answered with HTTP 200.
pub(crate) struct FunctionReply {
    outcome: Outcome,
    format: Format,
}

impl FunctionReply {
    /// # Errors
    ///
    /// The deployment failed, not the function.
    pub(crate) fn new(outcome: Outcome, format: Format) -> Result<Self, Refusal> {
        match &outcome.result {
            Err(error) if !matches!(error, Error::Function(_) | Error::FunctionNotFound { .. }) => {
                Err(Refusal::internal(error))
            }
            _ => Ok(Self { outcome, format }),
        }
    }
}

impl Serialize for FunctionReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reply = serializer.serialize_map(None)?;
        match &self.outcome.result {
            Ok(value) => {
                reply.serialize_entry("status", "success")?;
                reply.serialize_entry("value", &Formatted { value, format: self.format })?;
            }
            Err(error) => {
                reply.serialize_entry("status", "error")?;
                let request = getrandom::u64().unwrap_or_default();
                reply
                    .serialize_entry("errorMessage", &format!("[Request ID: {request:016x}] Server Error\n{error}"))?;
                // Clients take its presence for a ConvexError.
                if let Error::Function(engine::FunctionError { data: Some(data), .. }) = error {
                    reply.serialize_entry("errorData", &Formatted { value: data, format: self.format })?;
                }
            }
        }
        if !self.outcome.log_lines.is_empty() {
            reply.serialize_entry("logLines", &self.outcome.log_lines)?;
        }
        reply.end()
    }
}
