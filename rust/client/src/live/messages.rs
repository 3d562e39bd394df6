//! The messages of Convex's sync protocol that queries need. Each is a text frame of JSON.

use serde::{Deserialize, Serialize};
use value::{Value, json::Formatted};

/// A message of a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum ClientMessage<'a> {
    /// The first message of a connection.
    Connect {
        session_id: &'a str,
        connection_count: u32,
        last_close_reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_observed_timestamp: Option<&'a str>,
    },
    Authenticate {
        base_version: u32,
        #[serde(flatten)]
        token: &'a Token,
    },
    ModifyQuerySet {
        base_version: u32,
        new_version: u32,
        modifications: Vec<Modification<'a>>,
    },
}

/// The caller of the queries.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "tokenType")]
pub(crate) enum Token {
    User {
        value: String,
    },
    Admin {
        value: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        impersonating: Option<serde_json::Value>,
    },
    None,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Modification<'a> {
    Add {
        query_id: u32,
        udf_path: &'a str,
        args: [Formatted<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        journal: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        component_path: Option<&'a str>,
    },
    Remove {
        query_id: u32,
    },
}

/// A message of a deployment.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum ServerMessage {
    Transition {
        start_version: Version,
        end_version: Version,
        modifications: Vec<StateModification>,
    },
    AuthError {
        error: String,
    },
    FatalError {
        error: String,
    },
    /// A ping, or another message that isn't about queries.
    #[serde(other)]
    Other,
}

/// The state that a client knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) query_set: u32,
    pub(super) identity: u32,
    /// The snapshot at which every query is true, in base 64.
    pub(super) ts: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[expect(clippy::enum_variant_names, reason = "these are the protocol's names")]
pub(super) enum StateModification {
    QueryUpdated {
        query_id: u32,
        value: Value,
        journal: Option<String>,
    },
    QueryFailed {
        query_id: u32,
        error_message: String,
        error_data: Option<Value>,
        /// Fields that only this package sends, as in a reply over HTTP.
        error_kind: Option<String>,
        error_code: Option<String>,
        journal: Option<String>,
    },
    QueryRemoved {},
}
