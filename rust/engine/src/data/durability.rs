//! Makes commits survive a power cut. Writers that commit at about the same time share one sync of the log.
//!
//! SQLite's own `synchronous = FULL` syncs within each commit, while no other thread can write. Here a commit writes to
//! the log and frees the connection for the next one. Then it waits for the end of a sync that began after it. SQLite
//! itself syncs the log before it moves pages from there to the database.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, PoisonError},
};

use base::locked;

use crate::error::{Error, Result};

/// The log of a data folder, and the part of it that is on the disk.
pub(crate) struct Durability {
    folder: PathBuf,
    log: PathBuf,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// The last commit in the log.
    written: i64,
    /// The last commit on the disk.
    synced: i64,
    is_syncing: bool,
    /// Why a sync failed. After that, the content of the disk isn't known.
    failure: Option<String>,
}

impl Durability {
    /// Opens a folder and its log for syncs.
    pub(crate) fn new(folder: &Path, log: &str) -> Self {
        let (folder, log) = (folder.to_owned(), folder.join(log));
        Self { folder, log, state: Mutex::default(), ended: Condvar::new() }
    }

    /// Notes that a commit is in the log. Must be called in the order of commits.
    pub(crate) fn written(&self, timestamp: i64) {
        locked(&self.state).written = timestamp;
    }

    /// Waits until the log's present content is on the disk.
    pub(crate) fn wait_for_all(&self) -> Result<()> {
        let written = locked(&self.state).written;
        self.wait(written)
    }

    /// Waits until a commit is on the disk.
    pub(crate) fn wait(&self, timestamp: i64) -> Result<()> {
        let mut state = locked(&self.state);
        loop {
            if let Some(reason) = &state.failure {
                let reason = format!("the last writes may not be on the disk ({reason}); close it and open it again");
                return Err(Error::Io { path: self.folder.clone(), reason });
            }
            if state.synced >= timestamp {
                return Ok(());
            }
            if state.is_syncing {
                state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.is_syncing = true;
            let written = state.written;
            drop(state);
            // Windows syncs only files that are open for writing.
            let synced = File::options().write(true).open(&self.log).and_then(|log| log.sync_data());
            state = locked(&self.state);
            state.is_syncing = false;
            match synced {
                Ok(()) => state.synced = written,
                Err(error) => state.failure = Some(error.to_string()),
            }
            self.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_covers_what_was_written_before_it_and_a_failed_one_is_final() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let log = folder.path().join("log");
        std::fs::write(&log, "commits").expect("it can be written");
        let durability = Durability::new(folder.path(), "log");
        durability.written(2);
        durability.wait(1).expect("it is there");
        std::fs::remove_file(&log).expect("it is there");
        durability.wait(2).expect("it was synced with the one before");
        durability.written(3);
        assert_eq!(durability.wait(3).expect_err("there is no log").code(), "Io");
        std::fs::write(&log, "commits").expect("it can be written");
        assert!(durability.wait(3).is_err(), "what was lost is not known");
    }
}
