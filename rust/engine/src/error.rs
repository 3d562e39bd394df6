//! Errors of a deployment.

use std::{fmt, path::PathBuf};

use value::Value;
use wire::Code;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of a deployment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process holds the data folder.
    #[error("the data folder {} is in use by another process{}", .path.display(), holder(*.pid))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The holder's process id, if it could be read.
        pid: Option<u32>,
    },
    /// The folder's file is not one of this package's, or SQLite finds it broken.
    #[error("the data folder {} is damaged: {reason}", .path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The damage that was found.
        reason: String,
    },
    /// The folder was written by a newer version of this package.
    #[error("the data folder {} has format {found}; this version reads formats up to {supported}", .path.display())]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// The format found.
        found: i32,
        /// The newest format this version knows.
        supported: i32,
    },
    /// There is no room for a write, so nothing was written.
    #[error("no space left for the data folder {}; nothing was written", .path.display())]
    DiskFull {
        /// The folder.
        path: PathBuf,
    },
    /// The folder may only be read; nothing was written.
    #[error("the data folder {} is read-only; nothing was written", .path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// The folder can't be made, read or written.
    #[error("the data folder {}: {reason}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The message of the system or SQLite.
        reason: String,
    },
    /// The folder is open in this process with other options.
    #[error("the data folder {} is open in this process with other options: {difference}", .path.display())]
    OptionsDiffer {
        /// The folder.
        path: PathBuf,
        /// The option that differs, with both values.
        difference: String,
    },
    /// The handle was made before a `fork`, and this is the child.
    #[error("this deployment was opened before a fork; the child process can't use it")]
    Forked,
    /// The calling thread's work was interrupted. The transaction wasn't committed.
    #[error("interrupted")]
    Interrupted,
    /// The handle was closed.
    #[error("this deployment is closed")]
    Closed,
    /// A function file can't be read, parsed or loaded.
    #[error("{path}: {message}")]
    Module {
        /// The file, relative to the functions folder, with line and column where known.
        path: String,
        /// The problem.
        message: String,
    },
    /// No function has this path, or the caller may not call it.
    #[error("Could not find {}function for '{path}'.{known}", if *.public { "public " } else { "" })]
    FunctionNotFound {
        /// The path asked for.
        path: String,
        /// Whether only public functions were searched.
        public: bool,
        /// The existing functions, as a sentence.
        known: String,
    },
    /// The value that `auth.config.ts` exports isn't a list of providers.
    #[error("auth.config: {message}")]
    AuthConfig {
        /// The provider and the field, the value found there, the value expected.
        message: String,
    },
    /// An environment variable can't be set. No variable was changed.
    #[error("{message}")]
    Environment {
        /// Convex's code, such as `EnvironmentVariableNameInvalid`.
        code: &'static str,
        /// The variable, the value found, the value expected.
        message: String,
    },
    /// A token, or a user to act as, was refused. The message may show single claims of the token, but nothing else of
    /// it.
    #[error("{message}")]
    Unauthenticated {
        /// Convex's code: `InvalidAuthHeader`, `NoAuthProvider`, `Unauthenticated` or `HeaderParseFailure`.
        code: &'static str,
        /// The claim that was found, and the one that was expected.
        message: String,
    },
    /// The keys of a provider can't be fetched. Its tokens may be valid; a later call tries again.
    #[error("Auth provider discovery of {issuer} failed: {reason}")]
    AuthProvider {
        /// The provider.
        issuer: String,
        /// The request, and how it failed.
        reason: String,
    },
    /// A file isn't a snapshot.
    #[error("{place}: {reason}")]
    Snapshot {
        /// The place in it: a file, perhaps with a line.
        place: String,
        /// The content found there, and the content expected.
        reason: String,
    },
    /// A snapshot's own file can't be read or written.
    #[error("the snapshot: {0}")]
    SnapshotFile(#[source] std::io::Error),
    /// The progress callback asked to stop. Nothing was changed.
    #[error("the progress callback asked to stop")]
    Stopped,
    /// SQLite's own error, before the folder is named in it. Callers of this crate never see it.
    #[error(transparent)]
    Storage(#[from] rusqlite::Error),
    /// A function failed, while it ran or before.
    #[error(transparent)]
    Function(#[from] FunctionError),
}

/// Why a function failed.
#[derive(Clone, Debug)]
pub struct FunctionError {
    /// The error's name in the table of errors, which has its kind.
    pub code: Code,
    /// The text, with a stack where the function threw.
    pub message: String,
    /// A thrown `ConvexError`'s data.
    pub data: Option<Value>,
}

impl FunctionError {
    /// An error without data.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}

impl Error {
    /// The error's stable name; a function's error has Convex's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "Locked",
            Self::Damaged { .. } => "Damaged",
            Self::NewerFormat { .. } => "NewerFormat",
            Self::DiskFull { .. } => "DiskFull",
            Self::ReadOnly { .. } => "ReadOnly",
            Self::Io { .. } | Self::Storage(_) => "Io",
            Self::OptionsDiffer { .. } => "OptionsDiffer",
            Self::Forked => "Forked",
            Self::Closed => "Closed",
            Self::Interrupted => "Interrupted",
            Self::Module { .. } => "InvalidModules",
            Self::FunctionNotFound { .. } => Code::FunctionNotFound.name(),
            Self::AuthConfig { .. } => "InvalidAuthConfig",
            Self::Environment { code, .. } | Self::Unauthenticated { code, .. } => code,
            Self::Snapshot { .. } => "InvalidSnapshot",
            Self::SnapshotFile(_) => "SnapshotFile",
            Self::Stopped => "Stopped",
            Self::AuthProvider { .. } => "AuthProviderDiscoveryFailed",
            Self::Function(error) => error.code.name(),
        }
    }

    /// The code of a failed call; None if the deployment failed, and not the call.
    #[must_use]
    pub fn of_call(&self) -> Option<Code> {
        match self {
            Self::FunctionNotFound { .. } => Some(Code::FunctionNotFound),
            Self::Function(error) => Some(error.code),
            _ => None,
        }
    }

    /// A function's error, by its code.
    pub(crate) fn function(code: Code, message: impl Into<String>) -> Self {
        Self::Function(FunctionError::new(code, message))
    }

    /// A function's error, in the words of the table: the code's sentence with these values.
    pub(crate) fn says(code: Code, values: &[&dyn fmt::Display]) -> Self {
        Self::function(code, code.says(values))
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}
