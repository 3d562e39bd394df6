//! A Convex deployment in one process: tables, indexes, transactions and functions.
//!
//! | module | holds |
//! | --- | --- |
//! | [`deployment`](Deployment), [`options`](Options) | a handle on a deployment: open, call, vectors; its options |
//! | `engine` | the state that all handles on a deployment share: transactions begin and commit here |
//! | `calls`, [`outcome`](Outcome), [`caller`](Caller) | calls of functions: permission, transaction, checks of arguments and results |
//! | `data` | the SQLite file, tables, documents, transactions |
//! | `functions` | loading the functions, running them in QuickJS |
//! | `live` | live queries |
//! | `vectors`, `vector_search` | vectors in memory, updated at each commit; `ctx.vectorSearch` on them |
//! | `footprint` | the reads and writes of a mutation, for tests of conflicts on Convex |
//! | `snapshot` | exports of the tables into a zip, and imports |
//! | `auth` | users' tokens, and their users |
//! | [`executions`](Execution), [`statistics`](Calls) | the latest calls; numbers for monitoring |
//! | `system` | queries that a deployment answers about itself |
//! | `limits`, `error` | Convex's limits; the errors |
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod auth;
mod caller;
mod calls;
mod data;
mod deployment;
mod engine;
mod error;
mod executions;
mod footprint;
mod functions;
mod limits;
mod live;
mod options;
mod outcome;
mod snapshot;
mod statistics;
mod system;
mod vector_search;
mod vectors;

pub use auth::{Identity, Providers};
pub use caller::Caller;
pub use data::folders::{after_fork_in_child, after_fork_in_parent, before_fork};
pub use data::requests::MutationRequest;
pub use data::storage::{Synchronous, Target};
pub use deployment::Deployment;
pub use error::{Error, FunctionError, Result};
pub use executions::Execution;
pub use footprint::Footprint;
pub use functions::builtin_files;
pub use limits::Limits;
pub use live::query_set::{QuerySet, Refreshed};
pub use options::Options;
pub use outcome::Outcome;
pub use rusqlite::version as sqlite_version;
pub use snapshot::{Content, ImportMode, Phase, Report, Summary};
pub use statistics::{Calls, DURATIONS, Sizes};
pub use vectors::{MetadataSource, VectorSource};
