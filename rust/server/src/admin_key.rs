//! The admin key of a deployment. Callers with it reach internal functions.

use std::{
    fmt::{self, Write as _},
    fs,
    io::{self, Write as _},
    path::Path,
};

use subtle::ConstantTimeEq;

/// The text before the `|`, as in Convex's own keys.
pub(crate) const INSTANCE_NAME: &str = "mastra-convex";

/// A secret of 256 bits, written `instance|hex`. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct AdminKey(String);

impl AdminKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn generate() -> io::Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let mut text = format!("{INSTANCE_NAME}|");
        for byte in secret {
            write!(text, "{byte:02x}").expect("text grows");
        }
        Ok(Self(text))
    }

    /// The key of a data folder, made at the first call. Only the owner may read its file (mode 0600); a wider mode is
    /// narrowed.
    ///
    /// # Errors
    ///
    /// The file can't be read, narrowed or made, or holds no key.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let path = folder.join("admin-key");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let key = Self::parse(text.trim()).ok_or_else(|| no_key(&path))?;
                #[cfg(unix)]
                narrow(&path)?;
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                key.save(folder, &path)?;
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(no_key(&path)),
            Err(error) => Err(error),
        }
    }

    /// Gives a data folder a new key. A running server uses the old one until it is restarted.
    ///
    /// # Errors
    ///
    /// The file can't be made. The old key stays.
    pub fn rotate(folder: &Path) -> io::Result<Self> {
        let key = Self::generate()?;
        key.save(folder, &folder.join("admin-key"))?;
        Ok(key)
    }

    /// Gives a data folder a certain key, which it keeps. Does nothing if it has that key.
    ///
    /// # Errors
    ///
    /// The file can't be made. The old key stays.
    pub fn give(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join("admin-key");
        if fs::read_to_string(&path).is_ok_and(|text| self.matches(text.trim())) {
            #[cfg(unix)]
            narrow(&path)?;
            return Ok(());
        }
        self.save(folder, &path)
    }

    /// The key of a text; None if the text has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let secret = text.strip_prefix(INSTANCE_NAME)?.strip_prefix('|')?;
        let is_key = secret.len() == 64 && secret.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_key.then(|| Self(text.to_owned()))
    }

    /// Writes the whole file or nothing.
    fn save(&self, folder: &Path, path: &Path) -> io::Result<()> {
        let unfinished = folder.join(format!("admin-key.{}", std::process::id()));
        // A file left by a process with our number may be readable by others, or a link.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.write(&unfinished).and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            // On a full disk, only a part of the key was written.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        // The folder is synced too, so that the file's name survives a power cut.
        #[cfg(unix)]
        fs::File::open(folder)?.sync_all()?;
        Ok(())
    }

    /// Writes a new file that only the owner may read.
    fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(file, "{}", self.0)?;
        file.sync_all()
    }

    /// The key's text, to be shown to the owner only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a credential is this key. The time that this takes doesn't depend on how much of it is right.
    pub(crate) fn matches(&self, credential: &str) -> bool {
        self.0.as_bytes().ct_eq(credential.as_bytes()).into()
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(…)")
    }
}

fn no_key(path: &Path) -> io::Error {
    let message = format!("{} holds no admin key: delete the file, and a new key is made", path.display());
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Lets only the owner read and write a file.
#[cfg(unix)]
fn narrow(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    const OTHERS: u32 = 0o077;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 { Ok(()) } else { fs::set_permissions(path, fs::Permissions::from_mode(0o600)) }
}
