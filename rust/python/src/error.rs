//! Errors of the Rust crates as exceptions of `mastra_convex.errors`.

use engine::{Error, FunctionError};
use pyo3::{prelude::*, types::PyDict};

/// Codes of Convex's limits.
const LIMIT_CODES: &[&str] = &[
    "TooManyDocumentsRead",
    "TooManyBytesRead",
    "TooManyWrites",
    "TooManyBytesWritten",
    "TooManyReads",
    "PageSizeTooLarge",
    "ValueTooLargeError",
    "ArrayTooLongError",
    "TooNestedError",
    "TooManyFieldsError",
    "FunctionTimeout",
    "OutOfMemory",
    "VectorLimitTooLargeError",
    "TooManyElementsInVectorQueryError",
];

/// What Convex writes of a limit, and the code it has for that.
const REMOTE_LIMITS: &[(&str, &str)] = &[
    ("Too many documents read", "TooManyDocumentsRead"),
    ("Too many bytes read", "TooManyBytesRead"),
    ("Too many index ranges read", "TooManyReads"),
    ("Too many documents written", "TooManyWrites"),
    ("Too many bytes written", "TooManyBytesWritten"),
    ("too large", "ValueTooLargeError"),
    ("too long", "ArrayTooLongError"),
    ("too nested", "TooNestedError"),
    ("too many fields", "TooManyFieldsError"),
    ("timed out", "FunctionTimeout"),
    ("out of memory", "OutOfMemory"),
];

/// An exception to be: the class's name, and what its constructor takes.
pub(crate) struct Exception<'a> {
    pub(crate) class: &'a str,
    pub(crate) message: String,
    pub(crate) code: Option<&'a str>,
    pub(crate) hint: Option<String>,
    pub(crate) details: Option<Bound<'a, PyDict>>,
}

impl Exception<'_> {
    pub(crate) fn new(class: &str, message: impl Into<String>) -> Exception<'_> {
        Exception { class, message: message.into(), code: None, hint: None, details: None }
    }

    pub(crate) fn into_err(self, py: Python<'_>) -> PyErr {
        let make = || {
            let options = PyDict::new(py);
            for (name, value) in [("code", self.code), ("hint", self.hint.as_deref())] {
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

/// An argument that can't be, found before anything was done.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    Exception::new("InvalidArgumentError", message).into_err(py)
}

/// What a deployment answered instead of a value.
pub(crate) fn engine_error(py: Python<'_>, error: &Error) -> PyErr {
    let (code, message) = (error.code(), error.to_string());
    let (class, hint) = match error {
        Error::Locked { path, .. } => (
            "LockedError",
            Some(format!(
                "Close it there first, or share the folder: run `mastra-convex serve --data {}` in one process and connect the others to its URL.",
                path.display()
            )),
        ),
        Error::Damaged { .. } => (
            "DamagedError",
            Some("Nothing was changed. Restore the folder from a backup, or connect to another one.".to_owned()),
        ),
        Error::NewerFormat { .. } => ("NewerFormatError", Some("Upgrade: pip install -U mastra-convex".to_owned())),
        Error::DiskFull { .. } => ("DiskFullError", Some("Free some space and try again.".to_owned())),
        Error::Io { .. } => ("DataFolderError", None),
        Error::OptionsDiffer { .. } => (
            "ConfigurationError",
            Some(
                "Handles of one process on one folder share it: give the same options, or close the others.".to_owned(),
            ),
        ),
        Error::Forked => (
            "MastraConvexError",
            Some("Open one in this process. A folder must be closed in the parent first, or be shared: run `mastra-convex serve --data FOLDER` in one process and connect the others to its URL.".to_owned()),
        ),
        Error::Snapshot { .. } => ("InvalidArgumentError", None),
        Error::Module { .. } | Error::AuthConfig { .. } => ("ConfigurationError", None),
        Error::Unauthenticated { .. } => ("AuthenticationError", None),
        Error::AuthProvider { .. } => {
            ("TransportError", Some("Try again: the provider's keys are asked for anew.".to_owned()))
        }
        Error::FunctionNotFound { .. } => ("FunctionNotFoundError", None),
        Error::Function(error) => (function_class(error), None),
        _ => ("MastraConvexError", None),
    };
    let details = PyDict::new(py);
    let folder = match error {
        Error::Locked { path, .. }
        | Error::Damaged { path, .. }
        | Error::NewerFormat { path, .. }
        | Error::DiskFull { path }
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
    Exception { class, message, code: Some(code), hint, details }.into_err(py)
}

fn function_class(error: &FunctionError) -> &'static str {
    match error.code {
        "ConvexError" => "ApplicationError",
        "ArgumentValidationError" => "ArgumentValidationError",
        "TableExists" | "TableNumberTaken" => "AlreadyExistsError",
        "SchemaEnforcementError" | "SchemaConflict" | "TableNotDeclared" | "InvalidSchema" => "SchemaError",
        code if LIMIT_CODES.contains(&code) => "LimitExceededError",
        _ => "FunctionError",
    }
}

/// What a deployment elsewhere is told of who calls.
#[derive(Clone, Copy)]
pub(crate) enum Credential {
    Nothing,
    AdminKey,
    Token,
}

/// Where admin keys are found.
const ADMIN_KEYS: &str = "`mastra-convex keys show FOLDER` prints the key of a folder that `mastra-convex serve` serves; a Convex deployment's is in its dashboard.";

impl Credential {
    /// What to do about an error that another credential may not have.
    fn next_step(self, class: &str) -> Option<String> {
        match (class, self) {
            ("AuthenticationError", Self::Nothing) => {
                Some("Give connect() an admin_key (or set CONVEX_ADMIN_KEY), or an auth_token.".to_owned())
            }
            ("AuthenticationError", Self::AdminKey) => {
                Some(format!("The admin key that was given, by admin_key= or CONVEX_ADMIN_KEY, isn't this deployment's. {ADMIN_KEYS}"))
            }
            ("AuthenticationError", Self::Token) => {
                Some("The auth_token that was given isn't taken; expected one that hasn't expired, of a provider of auth.config.ts.".to_owned())
            }
            ("FunctionNotFoundError", Self::Nothing) => Some(format!(
                "Internal functions, such as this package's, need an admin key, and none was given: connect() takes it as admin_key=, or from CONVEX_ADMIN_KEY. {ADMIN_KEYS}"
            )),
            _ => None,
        }
    }
}

/// Why a call over HTTP has no value.
pub(crate) fn client_error(py: Python<'_>, error: client::Error, credential: Credential) -> PyErr {
    use client::Error as E;
    let message = error.to_string();
    let (class, is_retryable, code, retry_after) = match &error {
        E::Url { .. } => ("ConfigurationError", false, None, None),
        E::Credential { .. } => ("AuthenticationError", false, None, None),
        E::Connect { .. } => ("ConnectError", true, None, None),
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
        E::Function { message, data } => {
            let (class, code) = remote_function_class(message, data.is_some());
            (class, false, Some(code), None)
        }
        E::Page(error) => return page_error(py, error),
        _ => ("ProtocolError", false, None, None),
    };
    let hint = credential.next_step(class);
    let details = PyDict::new(py);
    if let E::Function { data: Some(data), .. } = &error
        && let Err(error) = crate::convert::to_python(py, data).and_then(|data| details.set_item("data", data))
    {
        return error;
    }
    let details = (!details.is_empty()).then_some(details);
    let code = code.filter(|code| !code.is_empty());
    let exception = Exception { class, message, code, hint, details }.into_err(py);
    let value = exception.value(py);
    match value.setattr("is_retryable", is_retryable).and_then(|()| value.setattr("retry_after", retry_after)) {
        Ok(()) => exception,
        Err(error) => error,
    }
}

/// The class and code of a function's failure, by what Convex writes: over HTTP there is only its text.
fn remote_function_class(message: &str, has_data: bool) -> (&'static str, &'static str) {
    let has = |text: &str| message.contains(text);
    if has_data {
        ("ApplicationError", "ConvexError")
    } else if has("Could not find") {
        ("FunctionNotFoundError", "FunctionNotFound")
    } else if has("ArgumentValidationError") {
        ("ArgumentValidationError", "ArgumentValidationError")
    } else if has("already exists") || has("that the snapshot doesn't have") {
        ("AlreadyExistsError", "TableExists")
    } else if has("does not match the schema") {
        ("SchemaError", "SchemaEnforcementError")
    } else if let Some((_, code)) = REMOTE_LIMITS.iter().find(|(text, _)| has(text)) {
        ("LimitExceededError", code)
    } else if has("maximum") || has("in a single function execution") {
        ("LimitExceededError", "LimitExceeded")
    } else {
        ("FunctionError", "Error")
    }
}

/// A search that can't be made.
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

/// A filter that isn't one.
pub(crate) fn filter_error(py: Python<'_>, error: &scan::FilterError) -> PyErr {
    Exception::new("FilterError", error.to_string()).into_err(py)
}

/// A page that isn't rows.
pub(crate) fn page_error(py: Python<'_>, error: &scan::PageError) -> PyErr {
    let class = match error {
        scan::PageError::Refused { .. } => "FunctionError",
        _ => "ProtocolError",
    };
    Exception::new(class, error.to_string()).into_err(py)
}
