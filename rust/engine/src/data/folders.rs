//! The data folders that are open in this process, and their release in a forked child.

use std::{
    any::Any,
    cell::RefCell,
    collections::HashMap,
    fs::File,
    io,
    path::Path,
    sync::{Arc, LazyLock, Mutex, MutexGuard, TryLockError, Weak},
};

use base::locked;

use super::file_identity::FileIdentity;

/// A folder that is open, or was a moment ago.
pub(crate) struct Folder {
    open: Mutex<Open>,
    /// Held so that no other folder gets its inode.
    #[cfg(unix)]
    _directory: File,
}

/// The state that all handles on a folder share, of a type that this module need not know.
#[derive(Default)]
pub(crate) struct Open(Option<Weak<dyn Any + Send + Sync>>);

#[derive(Default)]
struct Folders {
    /// By identity, not by path, since another folder may be at the same path now.
    open: HashMap<FileIdentity, Arc<Folder>>,
    /// The lock file of each folder that this process owns. They are here, not in their deployments, so that a forked
    /// child finds them even if a deployment was being opened or closed.
    locks: HashMap<FileIdentity, File>,
}

impl Folder {
    /// The folder's shared state. It is locked while a deployment opens or closes, so that the next opener waits.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Open> {
        locked(&self.open)
    }
}

impl Open {
    /// The state that the handles share, if there are any.
    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.as_ref()?.upgrade()?.downcast().ok()
    }

    pub(crate) fn set<T: Any + Send + Sync>(&mut self, shared: &Arc<T>) {
        let shared: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(shared);
        self.0 = Some(Arc::downgrade(&shared));
    }
}

/// It is locked for short moments only.
static FOLDERS: LazyLock<Mutex<Folders>> = LazyLock::new(Mutex::default);

thread_local! {
    /// [`FOLDERS`] while this thread forks.
    static HELD: RefCell<Option<MutexGuard<'static, Folders>>> = const { RefCell::new(None) };
}

/// The folder at a path.
pub(crate) fn folder(path: &Path) -> io::Result<Arc<Folder>> {
    #[cfg(unix)]
    let directory = File::open(path)?;
    let identity = FileIdentity::at(path)?;
    with_folders(|folders| {
        folders.open.retain(|_, folder| Arc::strong_count(folder) > 1);
        let folder = folders.open.entry(identity).or_insert_with(|| {
            Arc::new(Folder {
                open: Mutex::default(),
                #[cfg(unix)]
                _directory: directory,
            })
        });
        Ok(Arc::clone(folder))
    })
}

/// Locks the folders. A thread that forks has already locked them.
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
pub(crate) struct Owned(FileIdentity);

impl Owned {
    /// Opens a folder's lock file and keeps it, without a fork in between.
    pub(crate) fn take<E>(folder: FileIdentity, open: impl FnOnce() -> Result<File, E>) -> Result<Self, E> {
        with_folders(|folders| {
            folders.locks.insert(folder.clone(), open()?);
            Ok(Self(folder))
        })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The file is closed under the lock, so before any fork.
        with_folders(|folders| drop(folders.locks.remove(&self.0)));
    }
}

/// Must be called before a fork, on the thread that forks. Until [`after_fork_in_parent`], other threads can't open or
/// close a folder.
pub fn before_fork() {
    HELD.with_borrow_mut(|held| {
        held.get_or_insert_with(|| locked(&FOLDERS));
    });
}

/// Must be called after a fork in the parent, on the thread that forked.
pub fn after_fork_in_parent() {
    HELD.take();
}

/// Must be called in a forked child. It closes the lock files of the parent's folders, which the child inherited. They
/// would keep the folders locked after the parent has ended.
///
/// Without [`before_fork`], another thread of the parent may have been opening or closing a folder. Then nothing can be
/// released.
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
