//! Replies to requests.

use axum::{
    Extension,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Error, FunctionError, Outcome};
use serde::{Serialize, Serializer, ser::SerializeMap};
use value::{
    Value,
    json::{Format, Formatted},
};
use wire::{Code, reply};

/// A request that was refused before a function ran: a status, a code, a text.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    pub(crate) fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code, message: message.into() }
    }

    pub(crate) fn overloaded(message: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, code: "TooManyConcurrentRequests", message: message.into() }
    }

    /// The body has more bytes than its sender may send.
    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!(
            "The body has more than {limit} bytes, which is the limit here: larger ones need an admin key or a user's token"
        );
        Self::bad_request("BadJsonBody", message)
    }

    /// `Host` names another server.
    pub(crate) fn misdirected(host: &str) -> Self {
        let message = format!(
            "Host: {host:?} is not a name of this server. Where it should be, start the server with --allow-host {}",
            if host.is_empty() { "NAME" } else { host }
        );
        Self { status: StatusCode::MISDIRECTED_REQUEST, code: "HostNotAllowed", message }
    }

    /// The request comes from a page of another origin.
    pub(crate) fn strange_origin(origin: &str) -> Self {
        let message = format!(
            "Origin: pages of {origin:?} may not call this server. Where they should, start it with --allow-origin {origin}"
        );
        Self { status: StatusCode::FORBIDDEN, code: "OriginNotAllowed", message }
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

    /// The token or identity is invalid, or can't be checked now.
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

/// The code of a refusal, beside its response, for the log.
#[derive(Clone, Copy)]
pub(crate) struct RefusalCode(pub(crate) &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"code": self.code, "message": self.message});
        (self.status, Extension(RefusalCode(self.code)), json(body.to_string())).into_response()
    }
}

/// A reply with a JSON body.
pub(crate) fn json(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

/// A function's error, in the form that clients get.
pub(crate) struct Failure<'a> {
    pub(crate) message: String,
    pub(crate) code: Code,
    /// A thrown `ConvexError`'s.
    pub(crate) data: Option<&'a Value>,
}

impl<'a> Failure<'a> {
    /// # Errors
    ///
    /// The deployment failed, not the function.
    pub(crate) fn of(request: u64, error: &'a Error) -> Result<Self, &'a Error> {
        let code = error.of_call().ok_or(error)?;
        let data = match error {
            Error::Function(FunctionError { data, .. }) => data.as_ref(),
            _ => None,
        };
        Ok(Self { message: reply::with_heading(request, &error.to_string()), code, data })
    }
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
        if let Err(error) = &outcome.result {
            Failure::of(outcome.request, error).map_err(Refusal::internal)?;
        }
        Ok(Self { outcome, format })
    }
}

impl Serialize for FunctionReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let formatted = |value| Formatted { value, format: self.format };
        let mut fields = serializer.serialize_map(None)?;
        match &self.outcome.result {
            Ok(value) => {
                fields.serialize_entry(reply::STATUS, "success")?;
                fields.serialize_entry(reply::VALUE, &formatted(value))?;
            }
            Err(error) => {
                let failure = Failure::of(self.outcome.request, error).map_err(serde::ser::Error::custom)?;
                let Failure { message, code, data } = failure;
                fields.serialize_entry(reply::STATUS, "error")?;
                fields.serialize_entry(reply::ERROR_MESSAGE, &message)?;
                fields.serialize_entry(reply::ERROR_KIND, code.kind().name())?;
                fields.serialize_entry(reply::ERROR_CODE, code.name())?;
                if let Some(data) = data {
                    fields.serialize_entry(reply::ERROR_DATA, &formatted(data))?;
                }
            }
        }
        if !self.outcome.log_lines.is_empty() {
            fields.serialize_entry(reply::LOG_LINES, &self.outcome.log_lines)?;
        }
        fields.end()
    }
}
