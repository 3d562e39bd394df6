//! Convex's HTTP API in front of an engine.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`](Server) | the listener: timeouts, a graceful stop |
//! | [`admin_key`](AdminKey) | the key that reaches internal functions |
//! | `credentials` | who sends a request |
//! | `routes` | what each path does |
//! | `request`, `reply` | bodies in and out, in Convex's shapes |
//!
//! The threads here are Rust's own: a client in the same Python process may hold the GIL while it waits for an answer.
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod admin_key;
mod credentials;
mod reply;
mod request;
mod routes;
mod server;

pub use admin_key::AdminKey;
pub use server::{Options, Server};
