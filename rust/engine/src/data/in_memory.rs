//! Files in memory, which the connections of a deployment without a folder share.
//!
//! SQLite's own databases in memory either belong to one connection or have no log (WAL), so that a reader would keep the
//! writer waiting. This is a file system for SQLite ("VFS") with what a log needs: files, their locks, and the memory that
//! connections share as the log's index. Its clock and its randomness are those of SQLite's usual file system.
#![expect(unsafe_code, reason = "SQLite calls a file system through C functions, on a file that it has allocated")]

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::HashMap,
    ffi::{CStr, c_char, c_int, c_void},
    ptr, slice,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering, fence},
    },
};

use base::locked;
use rusqlite::{Connection, OpenFlags, ffi};

/// The name of the file system.
const VFS: &CStr = c"mastra-convex-memory";

/// Files grow by this many bytes, so that growth copies nothing.
const CHUNK: usize = 64 << 10;

/// A database in memory. It ends when this is dropped and its connections are closed.
#[derive(Debug)]
pub(super) struct Database(String);

impl Database {
    /// An empty database.
    pub(super) fn new() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self(format!("/{}", NUMBERS.fetch_add(1, Ordering::Relaxed)))
    }

    /// A connection to it.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        static REGISTERED: OnceLock<c_int> = OnceLock::new();
        let code = *REGISTERED.get_or_init(register);
        if code != ffi::SQLITE_OK {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        }
        Connection::open_with_flags_and_vfs(&self.0, OpenFlags::default(), VFS)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut files = locked(&FILES);
        for suffix in ["", "-wal", "-journal"] {
            files.remove(&format!("{}{suffix}", self.0));
        }
    }
}

/// The files that have a name. A file without one belongs to its handle.
static FILES: LazyLock<Mutex<HashMap<String, Arc<File>>>> = LazyLock::new(Mutex::default);

/// A file.
#[derive(Default)]
struct File {
    content: RwLock<Content>,
    locks: Mutex<Locks>,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Content {
    chunks: Vec<Box<[u8]>>,
    length: usize,
}

impl Content {
    fn resize(&mut self, length: usize) {
        self.chunks.resize_with(length.div_ceil(CHUNK), || vec![0; CHUNK].into_boxed_slice());
        if length < self.length
            && let Some(last) = self.chunks.last_mut()
        {
            // If the file grows again, this part must be empty.
            last[(length + CHUNK - 1) % CHUNK + 1..].fill(0);
        }
        self.length = length;
    }

    /// The parts of chunks that a range of the file covers: the chunk, and the ranges in it and in the whole.
    fn parts(
        offset: usize,
        length: usize,
    ) -> impl Iterator<Item = (usize, std::ops::Range<usize>, std::ops::Range<usize>)> {
        let end = offset + length;
        let chunks = if length == 0 { 0..0 } else { offset / CHUNK..end.div_ceil(CHUNK) };
        chunks.map(move |chunk| {
            let (from, to) = (offset.max(chunk * CHUNK), end.min((chunk + 1) * CHUNK));
            (chunk, from - chunk * CHUNK..to - chunk * CHUNK, from - offset..to - offset)
        })
    }

    /// Fills the bytes from an offset on, with zeros behind the end. True if the file has all of them.
    fn read(&self, offset: usize, bytes: &mut [u8]) -> bool {
        let there = self.length.saturating_sub(offset).min(bytes.len());
        for (chunk, within, of) in Self::parts(offset, there) {
            bytes[of].copy_from_slice(&self.chunks[chunk][within]);
        }
        bytes[there..].fill(0);
        there == bytes.len()
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if !bytes.is_empty() && offset + bytes.len() > self.length {
            self.resize(offset + bytes.len());
        }
        for (chunk, within, of) in Self::parts(offset, bytes.len()) {
            self.chunks[chunk][within].copy_from_slice(&bytes[of]);
        }
    }
}

/// The locks of a file, as SQLite's levels have them.
#[derive(Default)]
struct Locks {
    shared: usize,
    is_reserved: bool,
    is_exclusive: bool,
}

/// The index of a log: memory that the connections share, and its locks.
#[derive(Default)]
struct Index {
    regions: Vec<Region>,
    /// Of each lock, how many connections share it; -1 if one has it alone.
    locks: [i32; ffi::SQLITE_SHM_NLOCK as usize],
}

/// A part of the shared memory. Only SQLite reads and writes it.
struct Region {
    memory: *mut u8,
    layout: Layout,
}

// SAFETY: the memory belongs to the region; SQLite orders its own accesses by the index's locks and barriers.
unsafe impl Send for Region {}

impl Region {
    fn new(bytes: usize) -> Option<Self> {
        let layout = Layout::from_size_align(bytes.max(1), 64).ok()?;
        // SAFETY: the layout isn't empty.
        let memory = unsafe { alloc_zeroed(layout) };
        (!memory.is_null()).then_some(Self { memory, layout })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout.
        unsafe { dealloc(self.memory, self.layout) }
    }
}

/// An open file, as SQLite holds it. SQLite uses a handle on one thread at a time.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "two pointers")]
const HANDLE_BYTES: c_int = size_of::<Handle>() as c_int;

struct Open {
    file: Arc<File>,
    level: c_int,
    /// The locks of the index that this connection shares, and those that it has alone, as bits.
    shared: u32,
    exclusive: u32,
}

/// The open file of a handle.
///
/// # Safety
///
/// SQLite passes a handle that [`open`] has opened and that isn't closed, and uses it on one thread at a time.
unsafe fn opened<'a>(handle: *mut ffi::sqlite3_file) -> &'a mut Open {
    unsafe { &mut *(*handle.cast::<Handle>()).open }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(map_index),
    xShmLock: Some(lock_index),
    xShmBarrier: Some(order_index),
    xShmUnmap: Some(unmap_index),
    xFetch: None,
    xUnfetch: None,
};

/// Makes the file system known to SQLite, for as long as the process lives.
fn register() -> c_int {
    // SAFETY: SQLite initializes itself; its default file system is there afterwards and lives for ever, and so does
    // the copy, which is leaked.
    unsafe {
        let code = ffi::sqlite3_initialize();
        let usual = ffi::sqlite3_vfs_find(ptr::null());
        if code != ffi::SQLITE_OK || usual.is_null() {
            return ffi::SQLITE_ERROR;
        }
        let vfs = ffi::sqlite3_vfs {
            szOsFile: HANDLE_BYTES,
            mxPathname: 64,
            pNext: ptr::null_mut(),
            zName: VFS.as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            ..*usual
        };
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0)
    }
}

/// A name as text; None for a file without a name.
unsafe fn name_of(name: *const c_char) -> Option<String> {
    // SAFETY: SQLite's names end with a zero.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    handle: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite has allocated `szOsFile` bytes for the handle; the other pointers are its own, or null.
    unsafe {
        let file = name_of(name).map_or_else(Arc::default, |name| Arc::clone(locked(&FILES).entry(name).or_default()));
        let open = Box::into_raw(Box::new(Open { file, level: ffi::SQLITE_LOCK_NONE, shared: 0, exclusive: 0 }));
        handle.cast::<Handle>().write(Handle { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, open });
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int) -> c_int {
    // SAFETY: as for `name_of`.
    match unsafe { name_of(name) }.and_then(|name| locked(&FILES).remove(&name)) {
        Some(_) => ffi::SQLITE_OK,
        None => ffi::SQLITE_IOERR_DELETE_NOENT,
    }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: as for `name_of`; `out` is SQLite's.
    unsafe { *out = name_of(name).is_some_and(|name| locked(&FILES).contains_key(&name)).into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: the name ends with a zero, and `out` has room for `length` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > usize::try_from(length).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(handle: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: as for `opened`; SQLite doesn't use the handle again.
    unsafe {
        unlock(handle, ffi::SQLITE_LOCK_NONE);
        drop(Box::from_raw((*handle.cast::<Handle>()).open));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(handle: *mut ffi::sqlite3_file, to: *mut c_void, length: c_int, offset: i64) -> c_int {
    let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: as for `opened`; `to` has room for `length` bytes.
    let (file, bytes) = unsafe { (&opened(handle).file, slice::from_raw_parts_mut(to.cast(), length)) };
    let content = file.content.read().unwrap_or_else(PoisonError::into_inner);
    if content.read(offset, bytes) { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn write(handle: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, offset: i64) -> c_int {
    let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: as for `opened`; `from` has `length` bytes.
    let (file, bytes) = unsafe { (&opened(handle).file, slice::from_raw_parts(from.cast(), length)) };
    file.content.write().unwrap_or_else(PoisonError::into_inner).write(offset, bytes);
    ffi::SQLITE_OK
}

unsafe extern "C" fn truncate(handle: *mut ffi::sqlite3_file, length: i64) -> c_int {
    let Ok(length) = usize::try_from(length) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: as for `opened`.
    let file = unsafe { &opened(handle).file };
    file.content.write().unwrap_or_else(PoisonError::into_inner).resize(length);
    ffi::SQLITE_OK
}

unsafe extern "C" fn sync(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(handle: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: as for `opened`; `out` is SQLite's.
    unsafe {
        let content = opened(handle).file.content.read().unwrap_or_else(PoisonError::into_inner);
        *out = i64::try_from(content.length).unwrap_or(i64::MAX);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(handle: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as for `opened`.
    let open = unsafe { opened(handle) };
    if level <= open.level {
        return ffi::SQLITE_OK;
    }
    let mut locks = locked(&open.file.locks);
    let has_reserved = open.level >= ffi::SQLITE_LOCK_RESERVED;
    let is_free = match level {
        ffi::SQLITE_LOCK_SHARED => !locks.is_exclusive,
        ffi::SQLITE_LOCK_RESERVED => !locks.is_reserved,
        _ => locks.shared <= 1 && (has_reserved || !locks.is_reserved),
    };
    if !is_free {
        return ffi::SQLITE_BUSY;
    }
    match level {
        ffi::SQLITE_LOCK_SHARED => locks.shared += 1,
        ffi::SQLITE_LOCK_RESERVED => locks.is_reserved = true,
        _ => (locks.is_reserved, locks.is_exclusive) = (true, true),
    }
    open.level = level;
    ffi::SQLITE_OK
}

unsafe extern "C" fn unlock(handle: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as for `opened`.
    let open = unsafe { opened(handle) };
    if level >= open.level {
        return ffi::SQLITE_OK;
    }
    let mut locks = locked(&open.file.locks);
    if open.level > ffi::SQLITE_LOCK_RESERVED {
        locks.is_exclusive = false;
    }
    if open.level >= ffi::SQLITE_LOCK_RESERVED {
        locks.is_reserved = false;
    }
    if level == ffi::SQLITE_LOCK_NONE {
        locks.shared -= 1;
    }
    open.level = level;
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(handle: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: as for `opened`; `out` is SQLite's.
    unsafe { *out = locked(&opened(handle).file.locks).is_reserved.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_ATOMIC | ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SEQUENTIAL
}

unsafe extern "C" fn map_index(
    handle: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extends: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (Ok(region), Ok(bytes)) = (usize::try_from(region), usize::try_from(bytes)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    // SAFETY: as for `opened`; `out` is SQLite's. A region stays where it is until no connection uses the index.
    unsafe {
        let mut index = locked(&opened(handle).file.index);
        while extends != 0 && index.regions.len() <= region {
            let Some(new) = Region::new(bytes) else { return ffi::SQLITE_NOMEM };
            index.regions.push(new);
        }
        *out = index.regions.get(region).map_or(ptr::null_mut(), |region| region.memory.cast());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock_index(handle: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: as for `opened`.
    let open = unsafe { opened(handle) };
    let mut index = locked(&open.file.index);
    let (first, count) = (first.unsigned_abs(), count.unsigned_abs());
    let mask = ((1_u32 << count) - 1) << first;
    let locks = &mut index.locks[first as usize..(first + count) as usize];
    let (is_shared, locking) = (flags & ffi::SQLITE_SHM_SHARED != 0, flags & ffi::SQLITE_SHM_LOCK != 0);
    // A shared lock is always a single one.
    match (locking, is_shared) {
        (false, true) if open.shared & mask != 0 => {
            locks[0] -= 1;
            open.shared &= !mask;
        }
        (false, false) if open.exclusive & mask != 0 => {
            locks.fill(0);
            open.exclusive &= !mask;
        }
        (true, true) if open.shared & mask == 0 => {
            if locks[0] < 0 {
                return ffi::SQLITE_BUSY;
            }
            locks[0] += 1;
            open.shared |= mask;
        }
        (true, false) if open.exclusive & mask == 0 => {
            if locks.iter().any(|lock| *lock != 0) {
                return ffi::SQLITE_BUSY;
            }
            locks.fill(-1);
            open.exclusive |= mask;
        }
        _ => {}
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn order_index(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn unmap_index(handle: *mut ffi::sqlite3_file, deletes: c_int) -> c_int {
    // SAFETY: as for `opened`.
    let open = unsafe { opened(handle) };
    // SQLite deletes the index when the last connection closes; then no other one uses its memory.
    if deletes != 0 {
        locked(&open.file.index).regions.clear();
    }
    ffi::SQLITE_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_what_was_written_and_zeros_elsewhere() {
        let mut content = Content::default();
        let mut model: Vec<u8> = Vec::new();
        let lengths = [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7];
        for (number, (offset, length)) in
            lengths.into_iter().flat_map(|offset| lengths.into_iter().map(move |length| (offset, length))).enumerate()
        {
            let bytes = vec![u8::try_from(number + 1).expect("there are few"); length];
            content.write(offset, &bytes);
            if length > 0 {
                model.resize(model.len().max(offset + length), 0);
                model[offset..offset + length].copy_from_slice(&bytes);
            }
            if number % 5 == 4 {
                model.resize(offset, 0);
                content.resize(offset);
            }
            assert_eq!(content.length, model.len());
            for (from, count) in [(0, model.len()), (offset, length), (offset / 2, 10), (model.len() + 5, 3)] {
                let mut found = vec![9; count];
                let there = model.get(from..).unwrap_or_default();
                let is_whole = content.read(from, &mut found);
                assert_eq!(is_whole, there.len() >= count);
                let expected: Vec<u8> = there.iter().copied().chain(std::iter::repeat(0)).take(count).collect();
                assert!(found == expected, "{number}: {from} {count}");
            }
        }
    }

    #[test]
    fn a_database_ends_with_its_connections() {
        let database = Database::new();
        let name = database.0.clone();
        let there = || locked(&FILES).keys().filter(|file| file.starts_with(&name)).count();
        let (first, second) = (database.connect().expect("it opens"), database.connect().expect("it opens"));
        first
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            .expect("it writes");
        assert_eq!(second.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)), Ok(1));
        assert_eq!(there(), 2);
        let other = Database::new().connect().expect("it opens");
        assert!(other.prepare("SELECT a FROM t").is_err(), "another database has its own tables");
        drop(first);
        assert_eq!(second.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)), Ok(1));
        drop(second);
        drop(database);
        assert_eq!(there(), 0);
    }
}
