//! Fuzz targets: each takes any bytes, and panics if a law doesn't hold.
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]
#![expect(clippy::missing_panics_doc, reason = "a target panics if it finds something")]

use std::{
    io::{Seek, Write},
    ops::ControlFlow,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use engine::{Deployment, Providers};
use scan::{Filter, decode_page};
use value::{
    Object, Value,
    id::DocumentId,
    json::{self, Format},
    size, sort_key,
};

/// A target.
pub type Target = fn(&[u8]);

/// The targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 9] = [
    ("archive", archive),
    ("client_message", client_message),
    ("document_id", document_id),
    ("filter", filter),
    ("page", page),
    ("server_message", server_message),
    ("sort_key", sort_key),
    ("token", token),
    ("value_json", value_json),
];

/// Encoded JSON: a value is valid JSON, and comes back from its text.
pub fn value_json(bytes: &[u8]) {
    let Ok(decoded) = json::decode(bytes) else { return };
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok(), "it isn't JSON");
    let text = json::to_string(&decoded, Format::Encoded);
    assert_eq!(json::decode(text.as_bytes()).as_ref(), Ok(&decoded));
    let _ = (size::size(&decoded), size::nesting(&decoded), size::check_value(&decoded));
}

/// Keys of indexes: a key that can be read is the key of its value, and keys are in the order of values.
pub fn sort_key(bytes: &[u8]) {
    let mut rest = bytes;
    let Ok(first) = sort_key::read(&mut rest) else { return };
    assert_eq!(key(first.as_ref()), bytes[..bytes.len() - rest.len()], "another key has the same value");
    if let Ok(second) = sort_key::read(&mut rest) {
        assert_eq!(key(first.as_ref()).cmp(&key(second.as_ref())), first.cmp(&second), "{first:?} {second:?}");
    }
}

fn key(value: Option<&Value>) -> Vec<u8> {
    let mut key = Vec::new();
    sort_key::push(&mut key, value);
    key
}

/// Ids: a text that is an id is the id's text.
pub fn document_id(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(id) = DocumentId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
}

/// Pages of vectors: a page is valid JSON.
pub fn page(bytes: &[u8]) {
    let mut batch = None;
    if let Ok(end) = decode_page(bytes, &mut batch) {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok(), "it isn't JSON");
        // A page may have several lists of rows; `rows` counts the last one.
        assert!(batch.map_or(0, |batch| batch.len()) >= end.rows, "rows are missing");
    }
}

/// Filters: `filter \0 metadata`, both as encoded JSON, with `@` for the `$` of operators.
pub fn filter(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (Some(filter), Some(metadata)) = (parts.next(), parts.next()) else { return };
    let (Ok(filter), Ok(metadata)) = (json::decode(filter), json::decode(metadata)) else { return };
    let filter = with_operators(filter);
    let Ok(compiled) = Filter::compile(&filter) else { return };
    let matches = compiled.matches(&metadata);
    let negated = Value::from([("$nor", vec![filter].into())]);
    if let Ok(negated) = Filter::compile(&negated) {
        assert_eq!(negated.matches(&metadata), !matches, "$nor isn't the opposite");
    }
}

fn with_operators(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| {
                    let name = name.strip_prefix('@').map_or_else(|| name.clone(), |operator| format!("${operator}"));
                    (name, with_operators(value))
                })
                .collect::<Object>(),
        ),
        Value::Array(list) => list.iter().map(|item| with_operators(item.into_owned())).collect::<Vec<_>>().into(),
        value => value,
    }
}

/// Messages of clients of the sync protocol: a message is valid JSON.
pub fn client_message(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if server::is_client_message(text) {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "it isn't JSON");
    }
}

/// Messages of deployments in the sync protocol: a client that follows one query takes a message only if it is valid
/// JSON.
pub fn server_message(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if client::takes_server_message(text) {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "it isn't JSON");
    }
}

/// Tokens: none is accepted, since nobody has the provider's private key.
pub fn token(bytes: &[u8]) {
    static PROVIDERS: LazyLock<Providers> = LazyLock::new(|| {
        let config = include_bytes!("provider.json");
        Providers::from_config(&json::decode(config).expect("it is a value")).expect("it is a provider")
    });
    let Ok(text) = str::from_utf8(bytes) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    assert!(PROVIDERS.identify(text, now).is_err(), "the token was accepted");
}

/// Snapshots: a file is read or refused.
pub fn archive(bytes: &[u8]) {
    let mut file = tempfile::tempfile().expect("a file can be made");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("it can be written");
    let _ = Deployment::read_snapshot(&file, &mut |_, _, _| ControlFlow::Continue(()));
}
