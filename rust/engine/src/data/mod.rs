//! The data of a deployment: its storage, and transactions that read and write it.
//!
//! | module | holds |
//! | --- | --- |
//! | `storage` | the SQLite file: owner, format, connections |
//! | `in_memory` | the files of a deployment without a folder |
//! | `durability` | commits that survive a power cut |
//! | `compaction` | giving the space of deleted documents back |
//! | `folders`, `file_identity` | the folders open in this process, across forks; the identity of a folder |
//! | `settings` | single values, by name |
//! | `clock` | the times of commits and of documents |
//! | `tables` | the existing tables and indexes |
//! | `schema` | the declared tables, and the checks of their documents |
//! | `document` | a document, and its form in SQLite |
//! | `transaction` | reads at a snapshot, and writes that are all made or none |
//! | `query` | index ranges, filters, pages and cursors |
//! | `reads` | the read set of a query, and whether a commit wrote to it |
//! | `requests` | mutations that may be requested twice |
//! | `variables` | environment variables |
//! | `last_writes` | the time of each table's last write |

pub(crate) mod clock;
pub(crate) mod compaction;
pub(crate) mod document;
mod durability;
mod file_identity;
pub(crate) mod folders;
mod in_memory;
pub(crate) mod last_writes;
pub(crate) mod query;
pub(crate) mod reads;
pub(crate) mod requests;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod storage;
pub(crate) mod tables;
pub(crate) mod transaction;
pub(crate) mod variables;
