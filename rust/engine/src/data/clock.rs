//! The times that a deployment assigns to commits and documents.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::settings::{set_setting, setting};
use crate::error::Result;

/// Settings that hold a [`Clock`].
const COMMIT_TIMESTAMP: &str = "commit_timestamp";
const CREATION_TIME: &str = "creation_time";

/// The last assigned times. Both only grow, even across restarts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Nanoseconds since 1970 of the last commit that wrote.
    pub(crate) commit_timestamp: i64,
    /// Milliseconds since 1970 of the last insert.
    pub(crate) creation_time: f64,
}

impl Clock {
    /// The clock of new data. It begins now, which is later than the times that clients have seen of other data at this
    /// URL.
    pub(crate) fn start() -> Self {
        Self { commit_timestamp: nanoseconds_now(), creation_time: 0.0 }
    }

    /// The clock as the last commit left it.
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        Ok(Self {
            commit_timestamp: Self::load_commit_timestamp(connection)?,
            creation_time: setting(connection, CREATION_TIME)?.unwrap_or_default(),
        })
    }

    /// The timestamp of the last commit.
    pub(crate) fn load_commit_timestamp(connection: &Connection) -> Result<i64> {
        Ok(setting(connection, COMMIT_TIMESTAMP)?.unwrap_or_default())
    }

    /// Stores the clock for the next process, in the connection's transaction.
    pub(crate) fn save(&self, connection: &Connection) -> Result<()> {
        set_setting(connection, COMMIT_TIMESTAMP, self.commit_timestamp)?;
        set_setting(connection, CREATION_TIME, self.creation_time)
    }

    /// The timestamp of a commit that begins now: later than all before.
    pub(crate) fn next_commit_timestamp(&self) -> i64 {
        nanoseconds_now().max(self.commit_timestamp + 1)
    }

    /// The creation time of a document that is inserted now: later than all before.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds with a fraction, as Convex gives them")]
    pub(crate) fn next_creation_time(&self) -> f64 {
        (nanoseconds_now() as f64 / 1e6).max(self.creation_time.next_up())
    }
}

/// Nanoseconds since 1970.
pub(crate) fn nanoseconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970, whole ones.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a float64")]
pub(crate) fn milliseconds_now() -> f64 {
    (nanoseconds_now() / 1_000_000) as f64
}
