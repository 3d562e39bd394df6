//! The data folders open in this process, and what a fork does to them.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, TryLockError, Weak},
};

use crate::{engine::Engine, locks::locked};

/// One folder's deployment. It is locked while it opens or closes, so that whoever opens the folder next waits.
pub(crate) type Folder = Mutex<Weak<Engine>>;

#[derive(Default)]
struct Folders {
    open: HashMap<PathBuf, Arc<Folder>>,
    /// The lock file of each folder that is this process's. They stand here, not with their deployments, so that a
    /// forked child finds them whatever was being opened or closed at the time.
    locks: HashMap<PathBuf, File>,
}

/// Locked for moments only.
static FOLDERS: LazyLock<Mutex<Folders>> = LazyLock::new(Mutex::default);

thread_local! {
    /// [`FOLDERS`] while this thread forks.
    static HELD: RefCell<Option<MutexGuard<'static, Folders>>> = const { RefCell::new(None) };
}

/// A folder by its canonical path.
pub(crate) fn folder(path: &Path) -> Arc<Folder> {
    with_folders(|folders| {
        folders.open.retain(|_, folder| Arc::strong_count(folder) > 1);
        Arc::clone(folders.open.entry(path.to_owned()).or_default())
    })
}

/// Locks the folders; a thread that forks has them already.
fn with_folders<T>(act: impl FnOnce(&mut Folders) -> T) -> T {
    let held = HELD.try_with(RefCell::take).ok().flatten();
    let forks = held.is_some();
    let mut folders = held.unwrap_or_else(|| locked(&FOLDERS));
    let result = act(&mut folders);
    if forks {
        HELD.set(Some(folders));
    }
    result
}

/// A folder that this process owns, until dropped.
pub(crate) struct Owned(PathBuf);

impl Owned {
    /// Opens a folder's lock file, and keeps it. No fork comes between.
    pub(crate) fn take<E>(path: &Path, open: impl FnOnce() -> Result<File, E>) -> Result<Self, E> {
        with_folders(|folders| {
            folders.locks.insert(path.to_owned(), open()?);
            Ok(Self(path.to_owned()))
        })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The file is closed before a fork can come.
        with_folders(|folders| drop(folders.locks.remove(&self.0)));
    }
}

/// To be called before a fork, on the thread that forks: until [`after_fork_in_parent`], others wait who begin or end
/// to own a folder.
pub fn before_fork() {
    HELD.with_borrow_mut(|held| {
        held.get_or_insert_with(|| locked(&FOLDERS));
    });
}

/// To be called after a fork in the parent, on the thread that forked.
pub fn after_fork_in_parent() {
    HELD.take();
}

/// To be called in a forked child: lets go of the parent's folders, whose lock files the child inherited. The child's
/// copies would keep the folders locked after the parent's death.
///
/// Without [`before_fork`], another thread of the parent may just then have been opening or closing a folder; then
/// nothing can be let go of.
pub fn after_fork_in_child() {
    let held = HELD.take().or_else(|| match FOLDERS.try_lock() {
        Ok(folders) => Some(folders),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    });
    if let Some(mut folders) = held {
        folders.open.clear();
        folders.locks.clear();
    }
}
