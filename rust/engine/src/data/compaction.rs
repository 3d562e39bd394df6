//! Giving the pages of deleted documents back to the file system: all at once, or some at a time.

use std::time::Duration;

use rusqlite::Connection;

use super::storage::{GIVES_PAGES_BACK, LOG_BYTES, Storage};
use crate::{
    error::{Error, Result},
    statistics::Sizes,
};

/// The sizes of a deployment's file in bytes, before and after a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Before it, with the log.
    pub before: u64,
    /// After it. The log is empty.
    pub after: u64,
}

/// How long a compaction waits for readers of older snapshots.
const PATIENCE: Duration = Duration::from_secs(10);

/// Free pages are given back once they are so many bytes and this part of the file. New documents soon use fewer.
const MUCH_BYTES: u64 = 16 << 20;
const MUCH_PART: u64 = 4;

/// They are given back until they are this part of the file.
const LITTLE_PART: u64 = 16;

/// The pages of a step, 1 MiB. A writer that comes meanwhile waits a few milliseconds.
const PAGES_PER_STEP: u32 = 64;

/// SQLite's mode in which single pages can be given back.
const INCREMENTAL: i64 = 2;

impl Storage {
    /// Writes the file anew without free pages, and empties the log. Writers wait meanwhile, readers don't. Nothing of
    /// deleted documents is left in the files.
    pub(crate) fn compact(&self) -> Result<Compaction> {
        self.check_in_place()?;
        let before = self.bytes_on_disk();
        let connection = self.writer();
        let in_memory = Pages::of(&connection)?.bytes();
        // The copy that SQLite makes may be larger than the memory.
        connection.execute_batch("PRAGMA temp_store = FILE;")?;
        connection.execute_batch(GIVES_PAGES_BACK)?;
        connection.execute_batch("VACUUM; PRAGMA temp_store = MEMORY;")?;
        let is_emptied = empty_log(&connection, PATIENCE)?;
        let Some(folder) = self.folder() else {
            return Ok(Compaction { before: in_memory, after: Pages::of(&connection)?.bytes() });
        };
        if !is_emptied {
            return Err(Error::Io {
                path: folder.to_owned(),
                reason: "a long read kept the log from being emptied; the file is compact, compact it again later"
                    .into(),
            });
        }
        Ok(Compaction { before, after: self.bytes_on_disk() })
    }

    /// Whether a large part of the file is free, or the log is longer than it has to be.
    pub(crate) fn has_space_to_give(&self, connection: &Connection) -> Result<bool> {
        if self.folder().is_none() {
            return Ok(false);
        }
        let pages = Pages::of(connection)?;
        let is_much = pages.free * pages.size >= MUCH_BYTES && pages.free * MUCH_PART >= pages.all;
        Ok((is_much && pages.are_given_back) || self.is_log_long())
    }

    /// Gives some free pages back. True if more are to follow. At the end, the log is cut to its usual size.
    pub(crate) fn give_back_some(&self) -> Result<bool> {
        let connection = self.writer();
        let pages = Pages::of(&connection)?;
        if pages.are_given_back && pages.free * LITTLE_PART > pages.all {
            // It gives one page back for each row that is asked for.
            let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_PER_STEP})"))?;
            let mut given = statement.query([])?;
            while given.next()?.is_some() {}
            return Ok(true);
        }
        drop(connection);
        // Moving the log to the data takes as long as the log is large, so no writer waits for that.
        self.reader()?.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        if self.is_log_long() {
            // While a reader needs the log, it stays as it is: writers don't wait for the reader, which may be an export.
            // A later write looks again.
            empty_log(&self.writer(), Duration::ZERO)?;
        }
        Ok(false)
    }

    fn is_log_long(&self) -> bool {
        self.log_bytes() > LOG_BYTES.unsigned_abs()
    }

    /// The sizes of the file and of its log.
    pub(crate) fn sizes(&self) -> Result<Sizes> {
        let pages = Pages::of(&*self.reader()?)?;
        let free_bytes = pages.free * pages.size;
        Ok(Sizes { data_bytes: pages.bytes(), log_bytes: self.log_bytes(), free_bytes, ..Sizes::default() })
    }
}

/// Moves the log to the data, and cuts it to nothing. False if a reader still needs it after the patience.
fn empty_log(writer: &Connection, patience: Duration) -> Result<bool> {
    writer.busy_timeout(patience)?;
    let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    // Nothing else that a writer does waits for a reader.
    writer.busy_timeout(Duration::ZERO)?;
    Ok(busy? == 0)
}

/// The pages of a database.
struct Pages {
    all: u64,
    free: u64,
    /// The bytes of each.
    size: u64,
    /// Whether single pages can be given back.
    are_given_back: bool,
}

impl Pages {
    fn of(connection: &Connection) -> Result<Self> {
        let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok(Self {
            all: pragma("page_count")?.unsigned_abs(),
            free: pragma("freelist_count")?.unsigned_abs(),
            size: pragma("page_size")?.unsigned_abs(),
            are_given_back: pragma("auto_vacuum")? == INCREMENTAL,
        })
    }

    fn bytes(&self) -> u64 {
        self.all * self.size
    }
}
