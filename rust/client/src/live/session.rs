//! The client's side of the sync protocol: the messages of each connection and their meaning. It does no I/O.

use std::collections::BTreeMap;

use value::{
    Value,
    json::{Format, Formatted},
};

use super::messages::{ClientMessage, Modification, ServerMessage, StateModification, Token, Version};
use crate::error::{Error, Result};

/// The timestamp before all others: eight zero bytes in base 64.
const BEGINNING: &str = "AAAAAAAAAAA=";

/// Queries that are followed over one connection after another. `Q` is the client's own data of a query.
pub(super) struct Session<Q> {
    id: String,
    /// The component whose queries are followed.
    component: Option<String>,
    connections: u32,
    last_close_reason: String,
    /// The newest snapshot that queries have seen. The next connection begins no earlier.
    newest: Option<String>,
    queries: BTreeMap<u32, Query<Q>>,
    /// The state of the current connection.
    version: Version,
    query_set: u32,
}

pub(super) struct Query<Q> {
    pub(super) path: String,
    pub(super) args: Value,
    /// Where a paginated query ended.
    journal: Option<String>,
    pub(super) kept: Q,
}

/// The meaning of a message.
#[derive(Debug)]
pub(super) enum Told {
    /// New states of queries.
    States(Vec<(u32, Result<Value>)>),
    /// The credential was refused.
    Unauthenticated(String),
    /// The deployment refused a message.
    Refused(String),
    /// The message isn't about queries.
    Nothing,
}

impl<Q> Session<Q> {
    pub(super) fn new(component: Option<&str>) -> Self {
        Self {
            id: random_uuid(),
            component: component.map(str::to_owned),
            connections: 0,
            last_close_reason: "InitialConnect".to_owned(),
            newest: None,
            queries: BTreeMap::new(),
            version: Version::default(),
            query_set: 0,
        }
    }

    pub(super) fn queries(&self) -> &BTreeMap<u32, Query<Q>> {
        &self.queries
    }

    pub(super) fn query_mut(&mut self, id: u32) -> Option<&mut Q> {
        self.queries.get_mut(&id).map(|query| &mut query.kept)
    }

    pub(super) fn kept_mut(&mut self) -> impl Iterator<Item = &mut Q> {
        self.queries.values_mut().map(|query| &mut query.kept)
    }

    pub(super) fn add(&mut self, id: u32, path: String, args: Value, kept: Q) {
        self.queries.insert(id, Query { path, args, journal: None, kept });
    }

    pub(super) fn remove(&mut self, id: u32) -> bool {
        self.queries.remove(&id).is_some()
    }

    /// The first messages of a connection.
    pub(super) fn open(&mut self, token: &Token) -> Vec<String> {
        self.version = Version { query_set: 0, identity: 0, ts: BEGINNING.to_owned() };
        self.query_set = 0;
        let connect = ClientMessage::Connect {
            session_id: &self.id,
            connection_count: self.connections,
            last_close_reason: &self.last_close_reason,
            max_observed_timestamp: self.newest.as_deref(),
        };
        let mut messages = vec![to_json(&connect)];
        if *token != Token::None {
            messages.push(to_json(&ClientMessage::Authenticate { base_version: 0, token }));
        }
        let ids: Vec<u32> = self.queries.keys().copied().collect();
        messages.push(self.modify(&ids, &[]));
        self.connections += 1;
        messages
    }

    /// The message that adds and removes queries. `added` must be in the session; `removed` no longer are.
    pub(super) fn modify(&mut self, added: &[u32], removed: &[u32]) -> String {
        let base_version = self.query_set;
        self.query_set += 1;
        let added = added.iter().filter_map(|&query_id| {
            let query = self.queries.get(&query_id)?;
            Some(Modification::Add {
                query_id,
                udf_path: &query.path,
                args: [Formatted { value: &query.args, format: Format::Encoded }],
                journal: query.journal.as_deref(),
                component_path: self.component.as_deref(),
            })
        });
        let removed = removed.iter().map(|&query_id| Modification::Remove { query_id });
        to_json(&ClientMessage::ModifyQuerySet {
            base_version,
            new_version: self.query_set,
            modifications: added.chain(removed).collect(),
        })
    }

    /// Notes why the connection ended, for the next one.
    pub(super) fn closed(&mut self, reason: &str) {
        reason.clone_into(&mut self.last_close_reason);
    }

    /// Takes a message. The error says how it breaks the protocol.
    pub(super) fn receive(&mut self, text: &str) -> Result<Told, String> {
        match serde_json::from_str(text).map_err(|error| error.to_string())? {
            ServerMessage::Transition { start_version, end_version, modifications } => {
                if start_version != self.version {
                    return Err(format!("a transition from {start_version:?}, expected {:?}", self.version));
                }
                self.newest = Some(end_version.ts.clone());
                self.version = end_version;
                Ok(Told::States(modifications.into_iter().filter_map(|state| self.state(state)).collect()))
            }
            ServerMessage::AuthError { error } => Ok(Told::Unauthenticated(error)),
            ServerMessage::FatalError { error } => Ok(Told::Refused(error)),
            ServerMessage::Other => Ok(Told::Nothing),
        }
    }

    /// A query's state; None if the query was removed meanwhile.
    fn state(&mut self, modification: StateModification) -> Option<(u32, Result<Value>)> {
        let (id, now, outcome) = match modification {
            StateModification::QueryUpdated { query_id, value, journal } => (query_id, journal, Ok(value)),
            StateModification::QueryFailed { query_id, error_message, error_data, error_kind, error_code, journal } => {
                let error = Error::function(error_kind.as_deref(), error_code.as_deref(), error_message, error_data);
                (query_id, journal, Err(error))
            }
            StateModification::QueryRemoved {} => return None,
        };
        self.queries.get_mut(&id)?.journal = now;
        Some((id, outcome))
    }
}

fn to_json(message: &ClientMessage<'_>) -> String {
    serde_json::to_string(message).expect("messages are JSON")
}

/// A random UUID, version 4.
fn random_uuid() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(message: &str) -> serde_json::Value {
        serde_json::from_str(message).unwrap()
    }

    fn version(query_set: u32, ts: &str) -> serde_json::Value {
        json!({"querySet": query_set, "identity": 0, "ts": ts})
    }

    #[test]
    fn a_connection_begins_with_all_queries_and_where_the_last_one_was() {
        let mut session = Session::new(None);
        session.add(7, "a:b".to_owned(), [("n", 1.5.into())].into(), ());
        let token = Token::Admin { value: "key".to_owned(), impersonating: None };
        let first: Vec<_> = session.open(&token).iter().map(|text| parsed(text)).collect();
        assert_eq!(first[0]["type"], "Connect");
        assert_eq!(first[0]["connectionCount"], 0);
        assert_eq!(first[1], json!({"type": "Authenticate", "baseVersion": 0, "tokenType": "Admin", "value": "key"}));
        let add = json!({"type": "Add", "queryId": 7, "udfPath": "a:b", "args": [{"n": 1.5}]});
        assert_eq!(
            first[2],
            json!({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [add]})
        );
        let state = json!({"type": "QueryUpdated", "queryId": 7, "value": {"$integer": "AQAAAAAAAAA="}, "logLines": [],
            "journal": "here"});
        let transition = json!({"type": "Transition", "startVersion": version(0, BEGINNING),
            "endVersion": version(1, "AQAAAAAAAAA="), "modifications": [state], "serverTs": 1});
        let Ok(Told::States(states)) = session.receive(&transition.to_string()) else { panic!() };
        assert!(matches!(states[..], [(7, Ok(Value::Int64(1)))]));

        session.closed("gone");
        let again: Vec<_> = session.open(&Token::None).iter().map(|text| parsed(text)).collect();
        assert_eq!(again[0]["lastCloseReason"], "gone");
        assert_eq!(
            (&again[0]["connectionCount"], &again[0]["maxObservedTimestamp"]),
            (&json!(1), &json!("AQAAAAAAAAA="))
        );
        assert_eq!(again[0]["sessionId"], first[0]["sessionId"]);
        assert_eq!(again[1]["modifications"][0]["journal"], "here");
        assert_eq!(parsed(&session.modify(&[], &[7]))["baseVersion"], 1);
    }

    #[test]
    fn a_query_that_was_removed_has_no_state() {
        let mut session = Session::new(None);
        session.add(1, "a:b".to_owned(), Value::Object([].into()), ());
        session.open(&Token::None);
        session.remove(1);
        let failed =
            json!({"type": "QueryFailed", "queryId": 1, "errorMessage": "boom", "logLines": [], "journal": null});
        let transition = json!({"type": "Transition", "startVersion": version(0, BEGINNING),
            "endVersion": version(1, "AQAAAAAAAAA="), "modifications": [failed]});
        assert!(matches!(session.receive(&transition.to_string()), Ok(Told::States(states)) if states.is_empty()));
    }

    #[test]
    fn messages_outside_the_protocol_are_refused() {
        let mut session = Session::<()>::new(None);
        session.open(&Token::None);
        let skipped = json!({"type": "Transition", "startVersion": version(3, BEGINNING),
            "endVersion": version(4, BEGINNING), "modifications": []});
        for text in ["", "{}", "[1]", &skipped.to_string(), r#"{"type":"Transition"}"#] {
            assert!(session.receive(text).is_err(), "{text}");
        }
        assert!(matches!(session.receive(r#"{"type":"Ping"}"#), Ok(Told::Nothing)));
        assert!(matches!(session.receive(r#"{"type":"AuthError","error":"no","baseVersion":0}"#),
            Ok(Told::Unauthenticated(error)) if error == "no"));
    }
}
