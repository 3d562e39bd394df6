//! The data of a deployment: where it is kept, and how a transaction reads and writes it.
//!
//! | module | holds |
//! | --- | --- |
//! | `storage` | the SQLite file: owner, format, connections |
//! | `durability` | what makes commits survive a power cut |
//! | `folders`, `file_identity` | the folders open in this process, across forks; which folder a path leads to |
//! | `settings` | single values, by name |
//! | `clock` | the times of commits and of documents |
//! | `tables` | the tables and indexes there are |
//! | `schema` | the tables that are declared, and what they may hold |
//! | `document` | a document, and how it stands in SQLite |
//! | `transaction` | reads at a snapshot, writes that all happen or none |
//! | `query` | index ranges, filters, pages and cursors |
//! | `reads` | what a query read, and whether a commit wrote to it |
//! | `requests` | mutations that may be asked for twice |
//! | `last_writes` | when each table was last written |

pub(crate) mod clock;
pub(crate) mod document;
mod durability;
mod file_identity;
pub(crate) mod folders;
pub(crate) mod last_writes;
pub(crate) mod query;
pub(crate) mod reads;
pub(crate) mod requests;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod storage;
pub(crate) mod tables;
pub(crate) mod transaction;
