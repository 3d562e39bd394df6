//! The SQLite file of a deployment: its lock, its format, and its connections.
//!
//! One process owns a data folder, by an OS lock that ends with the process. Within the process, one connection writes
//! and any number read. In WAL mode a reader sees the last commit before it began and never waits.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read, Write},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, LazyLock, Mutex, PoisonError},
};

use base::locked;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi};

use super::{clock::Clock, durability::Durability, file_identity::FileIdentity, folders::Owned, in_memory::Database};
use crate::error::{Error, Result};

/// "MCvx": marks a file as ours.
const APPLICATION_ID: i32 = 0x4d43_7678;

/// The format this version writes; [`migrate`] brings older ones here. Since format 2 a document has a checksum.
const FORMAT: i32 = 2;

/// Files up to this size are checked whole when opened. Damage in larger files is noticed when the page is read. A
/// check takes half a second at most: 0.4 ms per MiB of embeddings and 2 ms per MiB of small documents, read from
/// memory (EPYC, 2026).
const CHECKED_BYTES: u64 = 256 << 20;

/// The file of a folder that holds the data, and the log beside it.
const DATA: &str = "data.sqlite3";
const LOG: &str = "data.sqlite3-wal";

/// Makes a file from which single free pages can be given back: a new one, or one that is written anew.
pub(super) const GIVES_PAGES_BACK: &str = "PRAGMA auto_vacuum = INCREMENTAL;";

/// Where a deployment keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// In memory, gone when closed.
    Memory,
    /// In a folder, made if missing.
    Folder(PathBuf),
}

/// The failure that acknowledged writes survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// A power cut.
    Full,
    /// A killed process.
    Normal,
}

impl Synchronous {
    /// The name of the level.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

/// Whether a folder's files may be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    Read,
}

impl Access {
    /// A folder with data that is marked as read-only, or that this user or this file system can't write, is only read.
    fn to(folder: &Path) -> Self {
        let data = folder.join(DATA);
        let is_marked = |path: &Path| fs::metadata(path).is_ok_and(|file| file.permissions().readonly());
        if data.exists() && (is_marked(folder) || is_marked(&data)) {
            return Self::Read;
        }
        match File::options().write(true).open(&data) {
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                Self::Read
            }
            _ => Self::Write,
        }
    }
}

/// The file, its lock and its connections.
pub(crate) struct Storage {
    pool: Arc<Pool>,
    /// Set for a folder whose writes must survive a power cut.
    pub(crate) durability: Option<Durability>,
    /// Dropped after the connections, so that they are closed before another process can open the folder.
    _owned: Option<Owned>,
}

struct Pool {
    target: Target,
    /// The database of [`Target::Memory`].
    memory: Option<Database>,
    access: Access,
    /// The file that the connections have open; None in memory.
    file: Option<FileIdentity>,
    /// The connection that writes; None while a transaction uses it.
    writer: Mutex<Option<Connection>>,
    writer_returned: Condvar,
    readers: Mutex<Vec<Connection>>,
    /// The file of a folder that may be written. It is closed after the connections: when a process closes a file, the
    /// system drops all locks that it has on it, SQLite's too.
    data: Option<File>,
}

/// A connection from the pool. When dropped, it is returned, and an open transaction is rolled back.
pub(crate) struct Checkout {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    writes: bool,
}

impl Storage {
    pub(crate) fn open(target: Target, synchronous: Synchronous) -> Result<Self> {
        let access = match &target {
            Target::Memory => Access::Write,
            Target::Folder(folder) => Access::to(folder),
        };
        let owned = match &target {
            Target::Memory => None,
            Target::Folder(folder) => {
                let identity = FileIdentity::at(folder).map_err(|error| of_system(folder, &error))?;
                Some(Owned::take(identity, || own(folder, access))?)
            }
        };
        if let Target::Folder(folder) = &target
            && access == Access::Write
        {
            check_log(folder)?;
            make_file(folder)?;
        }
        let memory = (target == Target::Memory).then(Database::new);
        let mut writer = connect(&target, memory.as_ref(), access).map_err(|error| place(error, &target))?;
        migrate(&mut writer, &target, access).map_err(|error| place(error, &target))?;
        let durability = match (&target, synchronous) {
            (Target::Folder(folder), Synchronous::Full) if access == Access::Write => {
                // The folder is synced, so that the names of the files survive a power cut.
                #[cfg(unix)]
                File::open(folder).and_then(|names| names.sync_all()).map_err(|error| of_system(folder, &error))?;
                Some(Durability::new(folder, LOG))
            }
            _ => None,
        };
        let file = match &target {
            Target::Memory => None,
            Target::Folder(folder) => {
                Some(FileIdentity::at(&folder.join(DATA)).map_err(|error| of_system(folder, &error))?)
            }
        };
        let data = match &target {
            Target::Folder(folder) if access == Access::Write => {
                let data = File::options().write(true).open(folder.join(DATA));
                Some(data.map_err(|error| of_system(folder, &error))?)
            }
            _ => None,
        };
        let (writer, writer_returned) = (Mutex::new(Some(writer)), Condvar::new());
        let pool = Pool { target, memory, access, file, writer, writer_returned, readers: Mutex::default(), data };
        Ok(Self { pool: Arc::new(pool), durability, _owned: owned })
    }

    /// Waits until the last commit is as durable as the options ask.
    pub(crate) fn wait_for_disk(&self) -> Result<()> {
        self.durability.as_ref().map_or(Ok(()), Durability::wait_for_all)
    }

    /// The one connection that writes, when it is free. In a read-only folder its writes fail.
    pub(crate) fn writer(&self) -> Checkout {
        let mut writer = locked(&self.pool.writer);
        loop {
            if let Some(connection) = writer.take() {
                return Checkout { connection: Some(connection), pool: Arc::clone(&self.pool), writes: true };
            }
            writer = self.pool.writer_returned.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A connection that reads.
    pub(crate) fn reader(&self) -> Result<Checkout> {
        let idle = locked(&self.pool.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.pool.connect_reader().map_err(|error| self.place(error))?,
        };
        Ok(Checkout { connection: Some(connection), pool: Arc::clone(&self.pool), writes: false })
    }

    /// Fails if the folder or its file was removed or replaced. The connections still have the old file open, which is
    /// lost when they close.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        self.pool.check_in_place()
    }

    /// The size of the file and its log; 0 in memory.
    pub(crate) fn bytes_on_disk(&self) -> u64 {
        self.folder().map_or(0, |folder| size(folder, DATA)) + self.log_bytes()
    }

    /// The size of the log; 0 in memory.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.folder().map_or(0, |folder| size(folder, LOG))
    }

    /// Waits until the data is on the disk as it is now.
    pub(super) fn sync_data(&self) -> Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        self.pool.data.as_ref().map_or(Ok(()), File::sync_data).map_err(|error| of_system(folder, &error))
    }

    /// Makes the log shorter.
    pub(super) fn cut_log(&self, bytes: u64) -> Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        let log = File::options().write(true).open(folder.join(LOG));
        log.and_then(|log| log.set_len(bytes)).map_err(|error| of_system(folder, &error))
    }

    /// The data folder, if there is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.pool.target {
            Target::Memory => None,
            Target::Folder(folder) => Some(folder),
        }
    }

    /// Adds the folder to an error of SQLite's.
    pub(crate) fn place(&self, error: Error) -> Error {
        place(error, &self.pool.target)
    }
}

impl Deref for Checkout {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a checkout has its connection until dropped")
    }
}

impl DerefMut for Checkout {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a checkout has its connection until dropped")
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !connection.is_autocommit() {
            // This fails if SQLite has rolled back by itself, or can't roll back. Closing the connection rolls back
            // too.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let is_clean = connection.is_autocommit();
        if self.writes {
            if !is_clean
                && self.pool.check_in_place().is_ok()
                && let Ok(fresh) = connect(&self.pool.target, self.pool.memory.as_ref(), self.pool.access)
            {
                connection = fresh;
            }
            *locked(&self.pool.writer) = Some(connection);
            self.pool.writer_returned.notify_one();
        } else if is_clean {
            let mut readers = locked(&self.pool.readers);
            if readers.len() < max_idle() {
                readers.push(connection);
            }
        }
    }
}

impl Pool {
    fn check_in_place(&self) -> Result<()> {
        let (Target::Folder(folder), Some(file)) = (&self.target, &self.file) else { return Ok(()) };
        if FileIdentity::at(&folder.join(DATA)).is_ok_and(|found| found == *file) {
            return Ok(());
        }
        let reason = "it was removed or replaced while it was open; close its handles and open it again".to_owned();
        Err(Error::Io { path: folder.clone(), reason })
    }

    /// A connection that reads. There may be many of them, so their caches are small.
    fn connect_reader(&self) -> Result<Connection> {
        // The path may lead to another file by now.
        self.check_in_place()?;
        let connection = connect(&self.target, self.memory.as_ref(), self.access)?;
        if self.memory.is_none() {
            connection.execute_batch("PRAGMA cache_size = -8192;")?;
        }
        Ok(connection)
    }
}

/// How many idle connections or isolates are kept: as many as can be at work at once.
pub(crate) fn max_idle() -> usize {
    // The number is cached, since asking the system takes as long as a small call.
    static THREADS: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(2, |threads| threads.get().max(2)));
    *THREADS
}

/// Makes a data folder if there is none, for its owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_file() {
        return Err(Error::Io { path: folder.to_owned(), reason: "this is a file".to_owned() });
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|error| of_system(folder, &error))?;
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| of_system(folder, &error))
}

/// Makes an empty file for the data if there is none, for its owner only, since other users may read the folder. SQLite
/// gives the log the mode of this file.
fn make_file(folder: &Path) -> Result<()> {
    let path = folder.join(DATA);
    if path.exists() {
        return Ok(());
    }
    owners_own(File::options().write(true).create_new(true)).open(&path).map_err(|error| of_system(folder, &error))?;
    Ok(())
}

/// Options that make files for their owner only.
fn owners_own(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// The folder's error for an error of the system.
fn of_system(folder: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::DiskFull { path: folder.to_owned() },
        _ => Error::Io { path: folder.to_owned(), reason: error.to_string() },
    }
}

/// Takes a folder's lock, which several processes share that only read. There may be no lock file in a folder that is only
/// read: then nothing keeps out a process that may write.
fn own(folder: &Path, access: Access) -> Result<File> {
    let failed = |error: std::io::Error| of_system(folder, &error);
    let path = folder.join("lock");
    let mut options = File::options();
    options.read(true);
    if access == Access::Read {
        let path = if path.exists() { path } else { folder.join(DATA) };
        let file = options.open(path).map_err(failed)?;
        return match file.try_lock_shared() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(in_use(folder, file)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        };
    }
    options.write(true).create(true).truncate(false);
    let mut file = owners_own(&mut options).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(folder, file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// The error of a folder whose lock another process has; it wrote its id into the file.
fn in_use(folder: &Path, mut lock: File) -> Error {
    let mut holder = String::new();
    let _ = lock.read_to_string(&mut holder);
    Error::Locked { path: folder.to_owned(), pid: holder.trim().parse().ok() }
}

/// Opens a connection, without writing to the file.
fn connect(target: &Target, memory: Option<&Database>, access: Access) -> Result<Connection> {
    let connection = match target {
        Target::Memory => memory.expect("a deployment in memory has a database").connect()?,
        Target::Folder(folder) if access == Access::Read => connect_to_read(folder)?,
        Target::Folder(folder) => Connection::open(folder.join(DATA))?,
    };
    // On a disk, pages of 16 KiB hold most embeddings in one piece, with little waste. The tidying thread moves the log to
    // the data, and cuts it. A commit moves it only once it has 1 GiB, so that writers can't stay faster than the disk. In
    // memory, a commit costs the fewer bytes the smaller its pages are. A small log stays in the processor's cache, and so
    // does a small cache of pages: it saves only copies there, and SQLite looks through all of it in many commits. A log
    // that a large transaction made is cut to 64 MiB.
    connection.execute_batch(match target {
        Target::Memory => {
            "PRAGMA page_size = 4096; PRAGMA wal_autocheckpoint = 256; PRAGMA journal_size_limit = 67108864;
             PRAGMA cache_size = -2048;"
        }
        Target::Folder(_) => "PRAGMA page_size = 16384; PRAGMA wal_autocheckpoint = 65536; PRAGMA cache_size = -16384;",
    })?;
    connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
    // With this, a commit survives a killed process. `durability` makes it survive a power cut.
    connection.execute_batch("PRAGMA synchronous = NORMAL;")?;
    // Otherwise SQLite would plan a range again for each pair of bounds.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens a file that can't be written. With a log beside it, SQLite needs the log's index, which a killed process leaves;
/// without one, the file is told to be immutable, because otherwise SQLite would make both.
fn connect_to_read(folder: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path = folder.join(DATA);
    if size(folder, LOG) > 0 {
        return Ok(Connection::open_with_flags(path, flags)?);
    }
    let escaped = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    let uri = format!("file:{escaped}?immutable=1");
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// Checks that the file is ours and whole, and brings it to [`FORMAT`].
fn migrate(connection: &mut Connection, target: &Target, access: Access) -> Result<()> {
    let Target::Folder(folder) = target else {
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        return create(connection);
    };
    let damaged = |reason: String| Error::Damaged { path: folder.clone(), reason };
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, format, objects) =
        (pragma("application_id")?, pragma("user_version")?, pragma("schema_version")?);
    let is_new = application == 0 && format == 0 && objects == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(damaged(format!(
            "data.sqlite3 was not written by mastra-convex (application id {application:#x})"
        )));
    }
    if format > FORMAT {
        return Err(Error::NewerFormat { path: folder.clone(), found: format, supported: FORMAT });
    }
    if access == Access::Read && format != FORMAT {
        // It would have to be written anew.
        return Err(Error::ReadOnly { path: folder.clone() });
    }
    if is_new {
        // Before the first page is written. An older file gets this when it is compacted.
        connection.execute_batch(GIVES_PAGES_BACK)?;
        use_log(connection, folder)?;
        return create(connection);
    }
    let bytes = size(folder, DATA);
    // SQLite reads the missing end of a page as zeros. If the process was killed, the log may have the page.
    if !bytes.is_multiple_of(u64::from(pragma("page_size")?.unsigned_abs())) && size(folder, LOG) == 0 {
        return Err(damaged(format!("data.sqlite3 has {bytes} bytes, which are not whole pages")));
    }
    if bytes <= CHECKED_BYTES {
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(damaged(found));
        }
    }
    if access == Access::Read {
        return Ok(());
    }
    use_log(connection, folder)?;
    if format < 2 {
        let transaction = connection.transaction()?;
        transaction.execute_batch("ALTER TABLE documents ADD COLUMN checksum INTEGER")?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Makes a commit that changes nothing.
pub(super) fn commit_nothing(writer: &Connection) -> Result<()> {
    Ok(writer.pragma_update(None, "user_version", FORMAT)?)
}

/// Puts a file into WAL mode, in which readers don't wait. The mode is stored in the file. A copy made by `VACUUM INTO`
/// has another mode, and so does a file whose first sync failed.
fn use_log(connection: &Connection, folder: &Path) -> Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let reason = format!(
        "{DATA} stays in journal mode {mode:?}, expected \"wal\": close other programs that have it open, and see that \
         the folder is on a local disk"
    );
    Err(Error::Io { path: folder.to_owned(), reason })
}

/// The size of a folder's file in bytes; None if it doesn't exist.
fn size(folder: &Path, name: &str) -> u64 {
    fs::metadata(folder.join(name)).map_or(0, |file| file.len())
}

/// Refuses a log without its database. SQLite would begin a new database, and delete the log.
fn check_log(folder: &Path) -> Result<()> {
    if size(folder, DATA) > 0 || size(folder, LOG) == 0 {
        return Ok(());
    }
    let reason = format!(
        "{DATA} is missing or empty, but its log {LOG} is there: bring {DATA} back from where it went, or from a backup; to \
         begin anew without the data, remove {LOG} as well"
    );
    Err(Error::Damaged { path: folder.to_owned(), reason })
}

/// The tables of format 2.
///
/// `indexes.id` and `documents.row` are local names; a document's own id is `(table_number, internal_id)`. A key in
/// `entries` is the index's fields, the creation time and the id as memcmp-ordered bytes; under `by_id` it is the id
/// alone, which finds the document. `body` is the document as encoded JSON less its system fields and its packed arrays,
/// which stand in `packed`. `requests` has the answers of mutations that may be asked for again.
fn create(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE tables (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE indexes (
             id INTEGER PRIMARY KEY, table_number INTEGER NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL,
             UNIQUE (table_number, name)) STRICT;
         CREATE TABLE documents (
             row INTEGER PRIMARY KEY, table_number INTEGER NOT NULL, internal_id BLOB NOT NULL,
             creation_time REAL NOT NULL, body TEXT NOT NULL, packed BLOB, checksum INTEGER) STRICT;
         CREATE TABLE entries (
             index_id INTEGER NOT NULL, key BLOB NOT NULL, row INTEGER NOT NULL,
             PRIMARY KEY (index_id, key)) STRICT, WITHOUT ROWID;
         CREATE TABLE requests (
             session TEXT NOT NULL, number INTEGER NOT NULL, value TEXT NOT NULL, log_lines TEXT NOT NULL,
             timestamp INTEGER NOT NULL, PRIMARY KEY (session, number)) STRICT, WITHOUT ROWID;
         CREATE INDEX requests_by_timestamp ON requests (timestamp);
         CREATE TABLE settings (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;",
    )?;
    Clock::start().save(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

/// The folder's error for an error of SQLite's.
fn place(error: Error, target: &Target) -> Error {
    let Error::Storage(error) = error else { return error };
    let path = match target {
        Target::Memory => PathBuf::from(":memory:"),
        Target::Folder(folder) => folder.clone(),
    };
    let reason = error.to_string();
    match error.sqlite_error() {
        Some(code) if code.code == rusqlite::ErrorCode::DiskFull => Error::DiskFull { path },
        Some(code) if code.code == rusqlite::ErrorCode::ReadOnly => Error::ReadOnly { path },
        // SQLite reports only a full disk as such. These codes mean quotas and limits of file sizes, or the shared
        // memory of the WAL, which is often the first file that can't grow on a full disk.
        Some(code) if matches!(code.extended_code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => {
            Error::DiskFull { path }
        }
        Some(code) if matches!(code.code, rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            Error::Damaged { path, reason }
        }
        _ => Error::Io { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_idle_readers_are_kept() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let target = Target::Folder(folder.path().to_owned());
        let storage = Storage::open(target, Synchronous::Normal).expect("the folder opens");
        let readers: Vec<_> = (0..max_idle() + 8).map(|_| storage.reader().expect("it connects")).collect();
        drop(readers);
        assert_eq!(locked(&storage.pool.readers).len(), max_idle());
    }
}
