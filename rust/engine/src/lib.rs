//! A Convex deployment in one process: tables, indexes, transactions and functions.
//!
//! | module | holds |
//! | --- | --- |
//! | [`deployment`](Deployment), [`options`](Options) | what callers hold: open, call, vectors; how it runs |
//! | `engine` | what all handles on a deployment share: transactions begin and commit here |
//! | `calls` | how a function is called: who may, in which transaction, what it may return |
//! | `functions` | loading the functions, running them in QuickJS |
//! | `transaction` | reads at a snapshot, writes that all happen or none |
//! | `query` | index ranges, filters, pages and cursors |
//! | `schema` | the tables that are declared, and what they may hold |
//! | `tables` | the tables and indexes there are |
//! | `document` | a document, and how it stands in SQLite |
//! | `storage` | the SQLite file: owner, format, connections |
//! | `durability` | what makes commits survive a power cut |
//! | `folders` | the folders open in this process, across forks |
//! | `vectors`, `vector_search` | vectors in memory, in step with commits; `ctx.vectorSearch` on them |
//! | `query_set`, `watches`, `reads` | live queries: what each read, and which commits touch it |
//! | `requests` | mutations that may be asked for twice |
//! | `snapshot` | the tables out into a zip, and in again |
//! | `last_writes` | when each table was last written |
//! | `auth` | users' tokens, and who they belong to |
//! | `limits`, `locks`, `error` | Convex's limits; locks that a panic leaves usable; what can go wrong |
#![deny(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]

mod auth;
mod caller;
mod calls;
mod deployment;
mod document;
mod durability;
mod engine;
mod error;
mod folders;
mod functions;
mod last_writes;
mod limits;
mod locks;
mod options;
mod query;
mod query_set;
mod reads;
mod requests;
mod schema;
mod snapshot;
mod storage;
mod tables;
mod transaction;
mod vector_search;
mod vectors;
mod watches;

pub use auth::{Identity, Providers};
pub use caller::Caller;
pub use calls::Outcome;
pub use deployment::Deployment;
pub use error::{Error, FunctionError, Result};
pub use folders::{after_fork_in_child, after_fork_in_parent, before_fork};
pub use functions::{FunctionKind, builtin_files};
pub use limits::Limits;
pub use options::Options;
pub use query_set::{QuerySet, Refreshed};
pub use requests::MutationRequest;
pub use rusqlite::version as sqlite_version;
pub use snapshot::{Content, ImportMode, Phase, Report, Summary};
pub use storage::{Synchronous, Target};
pub use vectors::{MetadataSource, VectorSource};
