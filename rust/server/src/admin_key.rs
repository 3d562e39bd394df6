//! The admin key of a deployment: who has it reaches internal functions.

use std::{
    fmt::{self, Write as _},
    fs,
    io::{self, Write as _},
    path::Path,
};

use subtle::ConstantTimeEq;

/// What stands before the `|`, as in Convex's own keys.
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

    /// The key of a data folder, made at the first call. Its file is for the owner's eyes only (mode 0600).
    ///
    /// # Errors
    ///
    /// The file can't be read or made, or holds no key.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let path = folder.join("admin-key");
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().starts_with(&format!("{INSTANCE_NAME}|")) => Ok(Self(text.trim().to_owned())),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} holds no admin key", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                let mut options = fs::File::options();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(&path)?;
                writeln!(file, "{}", key.0)?;
                file.sync_all()?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// The key's text, for whom it belongs to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a credential is this key, in a time that doesn't tell how much of it is right.
    pub(crate) fn matches(&self, credential: &str) -> bool {
        self.0.as_bytes().ct_eq(credential.as_bytes()).into()
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(…)")
    }
}
