//! Convex's limits, so that functions which work here also work on Convex.
//!
//! Source of each number: Convex's page "Limits" (docs.convex.dev/production/state/limits) and the defaults of its
//! open-source backend, which agree for these.

use std::time::Duration;

use value::Value;
use wire::Code;

use crate::error::{Error, Result};

/// The limits a call runs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of a call's arguments, and of its result.
    pub value_bytes: usize,
    /// Documents a transaction may read.
    pub documents_read: usize,
    /// Bytes of documents a transaction may read.
    pub bytes_read: usize,
    /// Index ranges a transaction may read; reading a document by its id counts as one.
    pub ranges_read: usize,
    /// Documents a transaction may write.
    pub documents_written: usize,
    /// Bytes of documents a transaction may write.
    pub bytes_written: usize,
    /// Time a query's or mutation's own code may take.
    pub user_time: Duration,
    /// Time an action may take.
    pub action_time: Duration,
    /// The heap of one run.
    pub memory_bytes: usize,
    /// Whether there is `ctx.meta.getSnapshotTs`, which backends before September 2026 lack.
    pub snapshot_timestamps: bool,
    /// Whether an import gives an empty table another number, where a table of the snapshot needs its own. Convex
    /// doesn't.
    pub renumbers_tables: bool,
    /// Whether there is `ctx.db.vars.commitTs`, which backends before 30 July 2026 lack.
    pub commit_timestamps: bool,
}

impl Limits {
    /// Convex's limits.
    pub const CONVEX: Self = Self {
        value_bytes: 16 << 20,
        documents_read: 32_000,
        bytes_read: 16 << 20,
        ranges_read: 4096,
        documents_written: 16_000,
        bytes_written: 16 << 20,
        user_time: Duration::from_secs(1),
        action_time: Duration::from_mins(10),
        memory_bytes: 64 << 20,
        snapshot_timestamps: true,
        renumbers_tables: true,
        commit_timestamps: true,
    };

    /// No limits, except those that protect the process.
    pub const OFF: Self = Self {
        value_bytes: usize::MAX,
        documents_read: usize::MAX,
        bytes_read: usize::MAX,
        ranges_read: usize::MAX,
        documents_written: usize::MAX,
        bytes_written: usize::MAX,
        user_time: Duration::from_mins(10),
        action_time: Duration::from_mins(10),
        memory_bytes: 1 << 30,
        snapshot_timestamps: true,
        renumbers_tables: true,
        commit_timestamps: true,
    };
}

/// The amounts that a transaction has read and written so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    documents_read: usize,
    bytes_read: usize,
    ranges_read: usize,
    documents_written: usize,
    bytes_written: usize,
}

impl Usage {
    pub(crate) fn read(&mut self, bytes: usize, limits: &Limits) -> Result<()> {
        self.documents_read += 1;
        self.bytes_read += bytes;
        within(Code::TooManyDocumentsRead, self.documents_read, limits.documents_read)?;
        within(Code::TooManyBytesRead, self.bytes_read, limits.bytes_read)
    }

    pub(crate) fn read_range(&mut self, limits: &Limits) -> Result<()> {
        self.ranges_read += 1;
        within(Code::TooManyReads, self.ranges_read, limits.ranges_read)
    }

    pub(crate) fn write(&mut self, bytes: usize, limits: &Limits) -> Result<()> {
        self.documents_written += 1;
        self.bytes_written += bytes;
        within(Code::TooManyWrites, self.documents_written, limits.documents_written)?;
        within(Code::TooManyBytesWritten, self.bytes_written, limits.bytes_written)
    }

    /// The used and remaining amounts of the limits, as `ctx.meta.getTransactionMetrics` returns them.
    pub(crate) fn metrics(&self, limits: &Limits) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53, or none")]
        let metric = |used: usize, limit: usize| {
            let remaining = limit.saturating_sub(used) as f64;
            Value::from([("used", (used as f64).into()), ("remaining", remaining.into())])
        };
        Value::from([
            ("bytesRead", metric(self.bytes_read, limits.bytes_read)),
            ("bytesWritten", metric(self.bytes_written, limits.bytes_written)),
            ("databaseQueries", metric(self.ranges_read, limits.ranges_read)),
            ("documentsRead", metric(self.documents_read, limits.documents_read)),
            ("documentsWritten", metric(self.documents_written, limits.documents_written)),
            // Nothing can be scheduled here.
            ("functionsScheduled", metric(0, 0)),
            ("scheduledFunctionArgsBytes", metric(0, 0)),
        ])
    }
}

fn within(code: Code, found: usize, limit: usize) -> Result<()> {
    if found <= limit { Ok(()) } else { Err(Error::says(code, &[&limit])) }
}
