//! Convex's HTTP API and its sync protocol in front of an engine.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`](Server) | the listener: timeouts, a graceful stop |
//! | [`admin_key`](AdminKey) | the key that reaches internal functions |
//! | `connections` | the open connections and their limits |
//! | `credentials` | the sender of a request |
//! | `origins` | which pages of a browser may call |
//! | `routes` | the handler of each path |
//! | `request`, `reply` | bodies in and out, in Convex's shapes |
//! | `environment` | changes of the environment variables |
//! | `function_logs` | the calls of functions, as they end |
//! | [`log`](Log) | events for the server's owner |
//! | `monitoring` | `/health` and `/metrics` |
//! | `page` | the page for people, at `/_mastra` |
//! | `snapshots` | exports and imports, as `npx convex` asks for them |
//! | `system` | queries of the server's own state |
//! | `timestamp` | a commit's timestamp on the wire |
//! | `sync` | the WebSocket: live queries, mutations that run once, actions, authentication |
//!
//! The threads here are Rust's own: a client in the same Python process may hold the GIL while it waits for an answer.
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod admin_key;
mod connections;
mod credentials;
mod environment;
mod function_logs;
mod log;
mod monitoring;
mod origins;
mod page;
mod reply;
mod request;
mod routes;
mod server;
mod snapshots;
mod sync;
mod system;
mod timestamp;

pub use admin_key::AdminKey;
pub use log::{Event, Field, Level, Log};
pub use server::{Options, Server};

/// Whether a text is a message of a client of the sync protocol. For fuzzing.
#[must_use]
pub fn is_client_message(text: &str) -> bool {
    serde_json::from_str::<sync::messages::ClientMessage>(text).is_ok()
}
