//! The messages of Convex's sync protocol: JSON, one a text frame.

use engine::{Error, Outcome};
use serde::{Deserialize, Serialize};
use value::{
    Value,
    json::{Format, Formatted},
};
use wire::Code;

use crate::{reply::Failure, timestamp::Timestamp};

/// A message of a client. Fields that no answer depends on are skipped.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(crate) enum ClientMessage {
    /// Must be the first message, and comes only once.
    Connect {
        session_id: String,
        max_observed_timestamp: Option<Timestamp>,
    },
    ModifyQuerySet {
        base_version: u32,
        new_version: u32,
        modifications: Vec<Modification>,
    },
    Mutation(FunctionCall),
    Action(FunctionCall),
    Authenticate {
        base_version: u32,
        #[serde(flatten)]
        token: Token,
    },
    /// Telemetry.
    Event,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(crate) enum Modification {
    Add { query_id: u32, udf_path: String, args: Value, journal: Option<String>, component_path: Option<String> },
    Remove { query_id: u32 },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionCall {
    pub(crate) request_id: u32,
    pub(crate) udf_path: String,
    pub(crate) args: Value,
    pub(crate) component_path: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "tokenType")]
pub(crate) enum Token {
    User {
        value: String,
    },
    Admin {
        value: String,
        #[serde(alias = "acting_as")]
        impersonating: Option<Value>,
    },
    None,
}

/// A message of the server.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(crate) enum ServerMessage<'a> {
    Transition {
        start_version: Version,
        end_version: Version,
        modifications: Vec<StateModification<'a>>,
    },
    MutationResponse {
        ts: Option<Timestamp>,
        #[serde(flatten)]
        response: Response<'a>,
    },
    ActionResponse(Response<'a>),
    AuthError {
        error: String,
        base_version: u32,
        auth_update_attempted: bool,
    },
    FatalError {
        error: String,
    },
    Ping,
}

/// The state that a client knows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    /// The number of changes of the query set.
    pub(crate) query_set: u32,
    /// The number of times that the client has authenticated.
    pub(crate) identity: u32,
    /// The snapshot at which every query of the set is true.
    pub(crate) ts: Timestamp,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "these are the protocol's names")]
pub(crate) enum StateModification<'a> {
    QueryUpdated {
        query_id: u32,
        value: Formatted<'a>,
        log_lines: &'a [String],
        journal: &'a Option<String>,
    },
    QueryFailed {
        query_id: u32,
        error_message: String,
        #[serde(flatten)]
        failure: FailureFields,
        /// Clients take its presence for a `ConvexError`.
        #[serde(skip_serializing_if = "Option::is_none")]
        error_data: Option<Formatted<'a>>,
        log_lines: &'a [String],
        journal: &'a Option<String>,
    },
    QueryRemoved {
        query_id: u32,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Response<'a> {
    request_id: u32,
    success: bool,
    result: ResponseResult<'a>,
    #[serde(flatten)]
    failure: Option<FailureFields>,
    /// Clients take its presence for a `ConvexError`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_data: Option<Formatted<'a>>,
    log_lines: &'a [String],
}

/// An error's kind and code, the fields of `wire::reply` beside its text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureFields {
    error_kind: &'static str,
    error_code: &'static str,
}

impl From<Code> for FailureFields {
    fn from(code: Code) -> Self {
        Self { error_kind: code.kind().name(), error_code: code.name() }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResponseResult<'a> {
    Value(Formatted<'a>),
    Error(String),
}

impl ServerMessage<'_> {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("messages are JSON")
    }
}

impl<'a> StateModification<'a> {
    /// How a query ended.
    ///
    /// # Errors
    ///
    /// The deployment failed, not the function.
    pub(crate) fn new(query_id: u32, outcome: &'a Outcome) -> Result<Self, &'a Error> {
        let Outcome { result, log_lines, journal, request, .. } = outcome;
        Ok(match result {
            Ok(value) => Self::QueryUpdated { query_id, value: encoded(value), log_lines, journal },
            Err(error) => {
                let Failure { message, code, data } = Failure::of(*request, error)?;
                let (failure, error_data) = (code.into(), data.map(encoded));
                Self::QueryFailed { query_id, error_message: message, failure, error_data, log_lines, journal }
            }
        })
    }
}

impl<'a> Response<'a> {
    /// How a mutation or an action ended.
    ///
    /// # Errors
    ///
    /// The deployment failed, not the function.
    pub(crate) fn new(request_id: u32, outcome: &'a Outcome) -> Result<Self, &'a Error> {
        let (result, failure, error_data) = match &outcome.result {
            Ok(value) => (ResponseResult::Value(encoded(value)), None, None),
            Err(error) => {
                let Failure { message, code, data } = Failure::of(outcome.request, error)?;
                (ResponseResult::Error(message), Some(code.into()), data.map(encoded))
            }
        };
        let success = outcome.result.is_ok();
        Ok(Self { request_id, success, result, failure, error_data, log_lines: &outcome.log_lines })
    }
}

fn encoded(value: &Value) -> Formatted<'_> {
    Formatted { value, format: Format::Encoded }
}
