//! The identity of a file or folder, whatever its path.

use std::{io, path::Path};

/// A file's or folder's device and inode, or on systems without them its path without links. The system reuses an
/// inode's number once the file is closed, so the number distinguishes files only while they are held open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileIdentity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
    #[cfg(not(unix))]
    path: std::path::PathBuf,
}

impl FileIdentity {
    /// The identity of the file at a path now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let metadata = std::fs::metadata(path)?;
            Ok(Self { device: metadata.dev(), inode: metadata.ino() })
        }
        // Windows keeps a folder from being moved or removed while a file in it is open.
        #[cfg(not(unix))]
        Ok(Self { path: path.canonicalize()? })
    }
}
