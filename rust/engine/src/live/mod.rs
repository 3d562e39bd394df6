//! Live queries: sets of queries that run again when a commit touches what they read.
//!
//! | module | holds |
//! | --- | --- |
//! | `query_set` | a set of queries that run at one snapshot |
//! | `watches` | which live queries a commit touches |

pub(crate) mod query_set;
pub(crate) mod watches;
