//! Errors between this client and a deployment.

use std::{io, path::PathBuf, sync::Arc};

use value::Value;
use wire::{Code, Failure};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call has no value. No variant holds a credential.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is invalid.
    #[error("{url:?} is not the URL of a deployment: expected http:// or https:// and a host")]
    Url {
        /// The given text.
        url: String,
    },
    /// There is no connection. The call was certainly not executed.
    #[error("can't connect to {url}: {reason}")]
    Connect {
        /// The deployment.
        url: String,
        /// The system's error.
        reason: String,
    },
    /// The deployment's certificate isn't trusted. The call was certainly not executed.
    #[error("can't connect to {url}: {reason}")]
    Untrusted {
        /// The deployment.
        url: String,
        /// Why the certificate isn't trusted.
        reason: String,
    },
    /// The certificates of authorities can't be read.
    #[error("{name}: {path:?} can't be used: {reason}")]
    Certificates {
        /// The option or the variable that names them.
        name: String,
        /// The file or folder.
        path: PathBuf,
        /// Why the file or folder can't be used.
        reason: String,
    },
    /// The name or the value of a header is invalid. The value isn't shown, since it may be a secret.
    #[error(
        "headers: {name:?} can't be a header with the value that was given; expected a name without blanks and text in one line"
    )]
    Header {
        /// Its name.
        name: String,
    },
    /// The thread's work was interrupted. A request that was sent may have been executed.
    #[error("interrupted")]
    Interrupted,
    /// A call that only reads got no answer in time.
    #[error("{url} did not answer within {seconds} s")]
    Timeout {
        /// The deployment.
        url: String,
        /// The deadline.
        seconds: f64,
    },
    /// The connection broke, or the deadline passed, after a write was sent. The write may have been executed.
    #[error("it is not known whether {path} was executed by {url}: {reason}")]
    OutcomeUnknown {
        /// The deployment.
        url: String,
        /// The function.
        path: String,
        /// The failure.
        reason: String,
    },
    /// The answer isn't one of Convex's.
    #[error("{url} did not answer as a Convex deployment does: {reason}")]
    Protocol {
        /// The deployment.
        url: String,
        /// The answer's content, and the expected form.
        reason: String,
    },
    /// The deployment refused the request, and executed nothing.
    #[error("{url} refused the request ({status} {code}): {message}")]
    Refused {
        /// The deployment.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Convex's code, empty where the answer had none.
        code: String,
        /// The answer's text.
        message: String,
        /// Seconds to wait, where the answer said so.
        retry_after: Option<f64>,
    },
    /// The component whose functions are called isn't mounted. Nothing was executed.
    #[error("{url} has no component {component:?}: {}", there_are(mounted.as_deref()))]
    NoComponent {
        /// The deployment.
        url: String,
        /// The component's path.
        component: String,
        /// The paths of the components that are mounted, if the deployment tells them.
        mounted: Option<Vec<String>>,
    },
    /// The provider of the credential failed, so there is none to send.
    #[error("no credential: {cause}")]
    Credential {
        /// The provider's error.
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The function failed, while it ran or before.
    #[error("{message}")]
    Function {
        /// The text, as the deployment gave it.
        message: String,
        /// Its kind and code.
        failure: Failure,
        /// A thrown `ConvexError`'s data.
        data: Option<Value>,
    },
    /// A snapshot's own file can't be read or written.
    #[error("the snapshot: {0}")]
    SnapshotFile(#[source] Arc<io::Error>),
    /// The progress callback asked to stop.
    #[error("the progress callback asked to stop")]
    Stopped,
    /// A page of vectors has a wrong form.
    #[error(transparent)]
    Page(#[from] scan::PageError),
}

/// The components that there are, as an error names them.
fn there_are(mounted: Option<&[String]>) -> String {
    match mounted {
        None => "its app doesn't mount it".to_owned(),
        Some([]) => "its app mounts none".to_owned(),
        Some(paths) => format!("its app mounts {}", paths.join(", ")),
    }
}

impl Error {
    /// An error of reading or writing a snapshot's own file.
    #[must_use]
    pub fn snapshot_file(error: io::Error) -> Self {
        Self::SnapshotFile(Arc::new(error))
    }

    /// A function's error, as a deployment tells it.
    pub(crate) fn function(kind: Option<&str>, code: Option<&str>, message: String, data: Option<Value>) -> Self {
        let failure = Failure::read(kind, code, &message, data.is_some());
        Self::Function { message, failure, data }
    }

    /// Whether a transaction may have read too much. A production deployment says only "Server Error".
    pub(crate) fn may_be_too_much(&self) -> bool {
        matches!(self, Self::Function { message, failure, .. }
            if failure.code == Code::TooManyBytesRead.name() || wire::reply::without_heading(message).is_none())
    }

    /// Whether the credential is missing or was refused.
    pub(crate) fn is_of_credential(&self) -> bool {
        matches!(self, Self::Credential { .. } | Self::Refused { status: 401 | 403, .. })
    }

    /// The error of a search in a deployment whose functions have no search that this caller may use.
    #[must_use]
    pub fn no_search() -> Self {
        let message = "Could not find mastra/vectors:searchAll, which strategy \"server\" needs: it isn't deployed, or \
                       `vectors` in auth.ts doesn't open it to this user.";
        Self::Function { message: message.to_owned(), failure: Code::FunctionNotFound.into(), data: None }
    }

    /// Whether the function doesn't exist, or this caller may not call it.
    pub(crate) fn is_function_not_found(&self) -> bool {
        matches!(self, Self::Function { failure, .. } if failure.code == Code::FunctionNotFound.name())
    }

    /// Whether the deployed functions, older ones or npm's, don't have the requested operation.
    pub(crate) fn is_unsupported_operation(&self) -> bool {
        matches!(self, Self::Page(scan::PageError::Refused { message, .. }) if message.starts_with("Unsupported operation"))
    }
}
