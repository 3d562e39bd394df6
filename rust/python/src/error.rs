//! Errors of the Rust crates as exceptions of `mastra_convex.errors`.

use engine::{Error, FunctionError};
use pyo3::{prelude::*, types::PyDict};
use wire::Kind;

/// A future exception: the class's name and the constructor's arguments. The constructor finds the hint (`_hints.py`).
pub(crate) struct Exception<'a> {
    pub(crate) class: &'a str,
    pub(crate) message: String,
    pub(crate) code: Option<&'a str>,
    /// The credential with which the deployment was called.
    pub(crate) credential: Option<Credential>,
    pub(crate) details: Option<Bound<'a, PyDict>>,
}

impl Exception<'_> {
    pub(crate) fn new(class: &str, message: impl Into<String>) -> Exception<'_> {
        Exception { class, message: message.into(), code: None, credential: None, details: None }
    }

    pub(crate) fn into_err(self, py: Python<'_>) -> PyErr {
        let make = || {
            let options = PyDict::new(py);
            for (name, value) in [("code", self.code), ("credential", self.credential.map(Credential::name))] {
                if let Some(value) = value {
                    options.set_item(name, value)?;
                }
            }
            if let Some(details) = self.details {
                options.set_item("details", details)?;
            }
            let class = py.import("mastra_convex.errors")?.getattr(self.class)?;
            class.call((self.message,), Some(&options))
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }
}

/// An invalid argument, found before anything was done.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    Exception::new("InvalidArgumentError", message).into_err(py)
}

/// The exception for an error of an embedded deployment.
pub(crate) fn engine_error(py: Python<'_>, error: &Error) -> PyErr {
    let (code, message) = (error.code(), error.to_string());
    let class = match error {
        Error::Locked { .. } => "LockedError",
        Error::Damaged { .. } => "DamagedError",
        Error::NewerFormat { .. } => "NewerFormatError",
        Error::DiskFull { .. } => "DiskFullError",
        Error::ReadOnly { .. } => "PermissionDeniedError",
        Error::Io { .. } => "DataFolderError",
        Error::OptionsDiffer { .. } | Error::Module { .. } | Error::AuthConfig { .. } => "ConfigurationError",
        Error::Snapshot { .. } | Error::Environment { .. } => "InvalidArgumentError",
        Error::Unauthenticated { .. } => "AuthenticationError",
        Error::AuthProvider { .. } => "TransportError",
        error => error.of_call().map_or("MastraConvexError", |code| class_of(code.kind())),
    };
    let details = PyDict::new(py);
    let folder = match error {
        Error::Locked { path, .. }
        | Error::Damaged { path, .. }
        | Error::NewerFormat { path, .. }
        | Error::DiskFull { path }
        | Error::ReadOnly { path }
        | Error::Io { path, .. } => details.set_item("path", path.display().to_string()),
        _ => Ok(()),
    };
    let filled = folder.and_then(|()| match error {
        Error::Locked { pid, .. } => details.set_item("pid", pid),
        Error::NewerFormat { found, supported, .. } => {
            details.set_item("found", found).and_then(|()| details.set_item("supported", supported))
        }
        _ => Ok(()),
    });
    let data = match error {
        Error::Function(FunctionError { data: Some(data), .. }) => {
            crate::convert::to_python(py, data).and_then(|data| details.set_item("data", data))
        }
        _ => Ok(()),
    };
    if let Err(error) = filled.and(data) {
        return error;
    }
    let details = (!details.is_empty()).then_some(details);
    Exception { class, message, code: Some(code), credential: None, details }.into_err(py)
}

/// The class of a failed call, by its kind.
fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "FunctionError",
        Kind::Application => "ApplicationError",
        Kind::ArgumentValidation => "ArgumentValidationError",
        Kind::Schema => "SchemaError",
        Kind::LimitExceeded => "LimitExceededError",
        Kind::WriteConflict => "WriteConflictError",
        Kind::AlreadyExists => "AlreadyExistsError",
        Kind::FunctionNotFound => "FunctionNotFoundError",
    }
}

/// The kind of credential of a call over HTTP.
#[derive(Clone, Copy)]
pub(crate) enum Credential {
    Nothing,
    AdminKey,
    Token,
}

impl Credential {
    /// The name in the table of hints.
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::AdminKey => "admin_key",
            Self::Token => "auth_token",
        }
    }
}

/// The exception for a failed call over HTTP.
pub(crate) fn client_error(py: Python<'_>, error: client::Error, credential: Credential) -> PyErr {
    use client::Error as E;
    if let E::Credential { cause } = &error
        && let Some(raised) = cause.downcast_ref::<PyErr>()
    {
        return no_credential(py, raised.clone_ref(py), credential);
    }
    let message = error.to_string();
    let (class, is_retryable, code, retry_after) = match &error {
        E::Url { .. } | E::Header { .. } | E::Certificates { .. } => ("ConfigurationError", false, None, None),
        E::Credential { .. } => ("AuthenticationError", false, None, None),
        E::Connect { .. } => ("ConnectError", true, None, None),
        E::Untrusted { .. } => ("ConnectError", true, Some("UntrustedCertificate"), None),
        E::NoComponent { .. } => ("NotFoundError", false, Some("ComponentNotFound"), None),
        E::Timeout { .. } => ("TransportTimeoutError", true, None, None),
        E::OutcomeUnknown { .. } => ("OutcomeUnknownError", false, None, None),
        E::Refused { status, code, retry_after, .. } => {
            let class = match status {
                401 => "AuthenticationError",
                403 => "PermissionDeniedError",
                503 if code.contains("OptimisticConcurrency") => "WriteConflictError",
                _ => "TransportError",
            };
            (class, matches!(status, 408 | 425 | 429 | 500..), Some(code.as_str()), *retry_after)
        }
        E::Function { failure, .. } => (class_of(failure.kind), false, Some(&*failure.code), None),
        E::Page(error) => return page_error(py, error),
        E::Interrupted | E::Stopped => ("MastraConvexError", false, Some("Interrupted"), None),
        _ => ("ProtocolError", false, None, None),
    };
    let details = PyDict::new(py);
    let filled = match &error {
        E::Function { data: Some(data), .. } => {
            crate::convert::to_python(py, data).and_then(|data| details.set_item("data", data))
        }
        E::NoComponent { component, mounted, .. } => {
            details.set_item("component", component).and_then(|()| details.set_item("mounted", mounted))
        }
        _ => Ok(()),
    };
    if let Err(error) = filled {
        return error;
    }
    let details = (!details.is_empty()).then_some(details);
    let code = code.filter(|code| !code.is_empty());
    let exception = Exception { class, message, code, credential: Some(credential), details }.into_err(py);
    let value = exception.value(py);
    match value.setattr("is_retryable", is_retryable).and_then(|()| value.setattr("retry_after", retry_after)) {
        Ok(()) => exception,
        Err(error) => error,
    }
}

/// The error of a subscription that has no credential, because `auth_token` raised one. An error of this package says
/// enough by itself; any other is the cause.
pub(crate) fn no_credential(py: Python<'_>, raised: PyErr, credential: Credential) -> PyErr {
    let ours = match py.import("mastra_convex.errors").and_then(|errors| errors.getattr("MastraConvexError")) {
        Ok(ours) => ours,
        Err(error) => return error,
    };
    if raised.is_instance(py, &ours) {
        return raised;
    }
    // Its text may hold a secret.
    let name = raised.get_type(py).name().map_or_else(|_| "an error".to_owned(), |name| name.to_string());
    let message = format!("no credential: auth_token raised {name}");
    let exception =
        Exception { credential: Some(credential), ..Exception::new("AuthenticationError", message) }.into_err(py);
    exception.set_cause(py, Some(raised));
    exception
}

/// The exception for a search with invalid arguments.
pub(crate) fn search_error(py: Python<'_>, error: &scan::SearchError) -> PyErr {
    let exception = match error {
        scan::SearchError::QueryLength { found, expected } | scan::SearchError::QueriesLength { found, expected } => {
            let details = PyDict::new(py);
            let filled = details.set_item("found", found).and_then(|()| details.set_item("expected", expected));
            if let Err(error) = filled {
                return error;
            }
            Exception { details: Some(details), ..Exception::new("DimensionMismatchError", error.to_string()) }
        }
        _ => Exception::new("InvalidArgumentError", error.to_string()),
    };
    exception.into_err(py)
}

/// The exception for an invalid filter.
pub(crate) fn filter_error(py: Python<'_>, error: &scan::FilterError) -> PyErr {
    Exception::new("FilterError", error.to_string()).into_err(py)
}

/// The exception for a page of a wrong form.
pub(crate) fn page_error(py: Python<'_>, error: &scan::PageError) -> PyErr {
    let class = match error {
        scan::PageError::Refused { .. } => "FunctionError",
        _ => "ProtocolError",
    };
    Exception::new(class, error.to_string()).into_err(py)
}
