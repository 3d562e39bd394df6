//! A client of Convex's HTTP API: function calls with deadlines and retries, live queries, and vector search.
//!
//! | module | holds |
//! | --- | --- |
//! | [`client`](Client) | a call: the request, its deadline, when it is repeated |
//! | [`pages`](VectorIndex) | a vector index, page by page |
//! | `mirror` | the rows of an index, kept here and brought up to date |
//! | [`mirrors`](Mirrors) | the mirrors of a deployment, shared by threads |
//! | `search` | search in the deployment |
//! | [`choices`](Choices) | where a search is scored |
//! | [`client::snapshots`](Client::export_snapshot) | exports and imports, as `npx convex` makes them |
//! | [`live`](LiveClient) | live queries over the sync protocol |
//! | `http` | requests on kept connections |
//! | `net` | a connection: its proxy and TLS |
//! | `backoff` | waits between attempts |
//! | [`runtime`](wait()) | the threads of all network traffic, and waiting for them |
//! | [`credential`](acting_as) | the `Authorization` header |
//! | [`error`](Error) | the errors |
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod backoff;
mod choices;
mod client;
mod credential;
mod error;
mod http;
mod live;
mod mirror;
mod mirrors;
mod net;
mod pages;
mod runtime;
mod search;

pub use choices::{Choices, Strategy};
pub use client::{Call, Client, Options, Outcome, Phase, Report};
pub use credential::acting_as;
pub use error::{Error, Result};
pub use live::{Authorize, LiveClient, LiveQuery, takes_server_message};
pub use mirrors::{Mirrors, Source, Vectors, Wanted};
pub use pages::{Description, INDEXES, VectorIndex};
pub use runtime::{runtime, wait};
pub use search::Found;
