//! Keeping a folder's files small. The pages of deleted documents are given back to the file system, all at once or some
//! at a time; the log is moved to the data, and cut.

use std::{
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::storage::{GIVES_PAGES_BACK, Storage, commit_nothing};
use crate::{
    error::{Error, Result},
    statistics::Sizes,
};

/// The sizes of a deployment's file in bytes, before and after a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compaction {
    /// Before it, with the log.
    pub(crate) before: u64,
    /// After it. The log is empty.
    pub(crate) after: u64,
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

/// The log is moved to the data once so many of its pages wait for that, 32 MiB. A page that was written several times
/// until then goes there once.
const LOG_PAGES: u64 = 2048;

/// Writers wait while so many pages of the log are moved, which takes a few milliseconds.
const FEW_LOG_PAGES: u64 = 256;

/// A log is kept at this size once its pages are moved. A reader that needs them, such as an export, makes it longer, and
/// so does a large transaction.
const LOG_BYTES: u64 = 64 << 20;

/// The bytes that are cut off a longer log in a step, while writers wait. A system takes 5 ms for them.
const CUT_BYTES: u64 = 16 << 20;

/// A log begins with a header, and so does each of its pages.
const LOG_HEADER: u64 = 32;
const PAGE_HEADER: u64 = 24;

/// How long writers wait for readers that are in the way of a new beginning of the log.
const MOMENT: Duration = Duration::from_millis(10);

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
        let is_emptied = !checkpoint_within(&connection, "TRUNCATE", PATIENCE)?.is_busy;
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
    pub(crate) fn is_too_large(&self, connection: &Connection) -> Result<bool> {
        if self.folder().is_none() {
            return Ok(false);
        }
        Ok(Pages::of(connection)?.have_much_free()
            || self.log_bytes() > LOG_BYTES
            || checkpoint(connection, "NOOP")?.left >= LOG_PAGES)
    }

    /// Gives some free pages back, cuts a part of the log off, or moves the log to the data. True if more is to follow.
    /// `frees` is whether pages are given back, which begins when many are free and ends when few are.
    pub(crate) fn shrink_some(&self, frees: &mut bool) -> Result<bool> {
        let connection = self.writer();
        let pages = Pages::of(&connection)?;
        *frees = pages.have_much_free() || (*frees && !pages.have_little_free());
        // The steps write to the log, which is moved whenever it is full.
        if *frees && checkpoint(&connection, "NOOP")?.left < LOG_PAGES {
            // It gives one page back for each row that is asked for.
            let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_PER_STEP})"))?;
            let mut given = statement.query([])?;
            while given.next()?.is_some() {}
            return Ok(true);
        }
        if self.cut_some(&connection, pages.size)? {
            return Ok(true);
        }
        drop(connection);
        // Moving and syncing take as long as the log is large, so no writer waits for most of it.
        let before = checkpoint(&*self.reader()?, "NOOP")?.left;
        checkpoint(&*self.reader()?, "PASSIVE")?;
        self.sync_data()?;
        let writer = self.writer();
        let after = checkpoint(&writer, "NOOP")?.left;
        if after > FEW_LOG_PAGES {
            // Writers went on meanwhile, or a reader needs the log, such as an export. Then a later write looks again.
            return Ok(after < before);
        }
        // After this, the next commit begins the log anew.
        let is_moved = !checkpoint_within(&writer, "RESTART", MOMENT)?.is_busy;
        if is_moved && self.log_bytes() > LOG_BYTES {
            // Only a log that is begun anew can be cut.
            commit_nothing(&writer)?;
            return Ok(true);
        }
        Ok(*frees)
    }

    /// Cuts a part off the end of a long log. False if nothing is to be cut, or all of it is in use.
    ///
    /// SQLite would cut all of it at once, in a writer's commit or while writers wait. A tenth of a second passes while it
    /// cuts hundreds of MiB.
    fn cut_some(&self, writer: &Connection, page_size: u64) -> Result<bool> {
        let bytes = self.log_bytes();
        if bytes <= LOG_BYTES {
            return Ok(false);
        }
        // The log is found by its path.
        self.check_in_place()?;
        // All pages are in use until they are moved and the next commit begins the log anew. If it lost its end before and
        // the process was killed, SQLite would take old pages from the rest.
        let in_use = checkpoint(writer, "NOOP")?.pages;
        let end = (LOG_HEADER + in_use * (PAGE_HEADER + page_size)).max(LOG_BYTES).max(bytes.saturating_sub(CUT_BYTES));
        if in_use == 0 || end >= bytes {
            return Ok(false);
        }
        self.cut_log(end)?;
        Ok(true)
    }

    /// The sizes of the file and of its log.
    pub(crate) fn sizes(&self) -> Result<Sizes> {
        let pages = Pages::of(&*self.reader()?)?;
        let free_bytes = pages.free * pages.size;
        Ok(Sizes { data_bytes: pages.bytes(), log_bytes: self.log_bytes(), free_bytes, ..Sizes::default() })
    }
}

/// The log after a checkpoint.
struct Checkpoint {
    /// Whether a reader or another checkpoint was in its way.
    is_busy: bool,
    /// The pages of the log, each as often as it was written.
    pages: u64,
    /// Those of them that aren't in the data yet.
    left: u64,
}

/// Moves pages of the log to the data, in one of SQLite's modes. `NOOP` only counts.
fn checkpoint(connection: &Connection, mode: &str) -> Result<Checkpoint> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    let [busy, pages, moved] = statement.query_row([], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]))?;
    // Beside another checkpoint it doesn't count.
    let left = if moved < 0 { u64::MAX } else { (pages - moved).unsigned_abs() };
    Ok(Checkpoint { is_busy: busy != 0, pages: pages.max(0).unsigned_abs(), left })
}

/// The same, waiting for what is in its way.
fn checkpoint_within(writer: &Connection, mode: &str, patience: Duration) -> Result<Checkpoint> {
    let until = Instant::now() + patience;
    writer.busy_timeout(patience)?;
    let done = loop {
        let done = checkpoint(writer, mode);
        // SQLite waits for readers, but not for another checkpoint.
        if !done.as_ref().is_ok_and(|done| done.is_busy) || Instant::now() >= until {
            break done;
        }
        thread::sleep(Duration::from_millis(1));
    };
    // Nothing else that a writer does waits for a reader.
    writer.busy_timeout(Duration::ZERO)?;
    done
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

    fn have_much_free(&self) -> bool {
        self.are_given_back && self.free * self.size >= MUCH_BYTES && self.free * MUCH_PART >= self.all
    }

    fn have_little_free(&self) -> bool {
        self.free * LITTLE_PART <= self.all
    }
}
