//! Giving the pages of deleted documents back to the file system.

use std::time::Duration;

use rusqlite::Connection;

use super::storage::Storage;
use crate::error::{Error, Result};

/// The sizes of a deployment's file in bytes, before and after a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Before it, with the log.
    pub before: u64,
    /// After it. The log is empty.
    pub after: u64,
}

/// How long a checkpoint waits for readers of older snapshots.
const PATIENCE: Duration = Duration::from_secs(10);

impl Storage {
    /// Writes the file anew without free pages, and empties the log. Writers wait meanwhile, readers don't. Nothing of
    /// deleted documents is left in the files.
    pub(crate) fn compact(&self) -> Result<Compaction> {
        self.check_in_place()?;
        let before = self.bytes_on_disk();
        let connection = self.writer();
        let in_memory = bytes_of(&connection)?;
        // The copy that SQLite makes may be larger than the memory.
        connection.execute_batch("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY;")?;
        let Some(folder) = self.folder() else {
            return Ok(Compaction { before: in_memory, after: bytes_of(&connection)? });
        };
        connection.busy_timeout(PATIENCE)?;
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(Duration::ZERO)?;
        if emptied? != 0 {
            return Err(Error::Io {
                path: folder.to_owned(),
                reason: "a long read kept the log from being emptied; the file is compact, compact it again later"
                    .into(),
            });
        }
        Ok(Compaction { before, after: self.bytes_on_disk() })
    }
}

/// The size of the pages of a database.
fn bytes_of(connection: &Connection) -> Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((pragma("page_count")? * pragma("page_size")?).unsigned_abs())
}
