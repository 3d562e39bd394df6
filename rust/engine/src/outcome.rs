//! The outcome of a call.

use std::time::Duration;

use value::Value;
use wire::Code;

use crate::error::{Error, Result};

/// The outcome of a call.
#[derive(Debug)]
pub struct Outcome {
    /// The returned value; an error if there is no such function for the caller, or it failed. A failed mutation leaves
    /// no trace.
    pub result: Result<Value>,
    /// `[LOG] …` lines, in order.
    pub log_lines: Vec<String>,
    /// The end of a query's page. A query that gets it back returns the same page.
    pub journal: Option<String>,
    /// The timestamp from which a mutation's writes are visible.
    pub timestamp: Option<i64>,
    /// The call's number, by which its client, the logs and `npx convex logs` name it. It is random.
    pub request: u64,
    /// How long the call took.
    pub duration: Duration,
}

impl Outcome {
    /// The outcome of a call whose arguments aren't a value, so that no function ran.
    #[must_use]
    pub fn invalid_arguments(path: &str, reason: &str) -> Self {
        let (module, name) = path.split_once(':').unwrap_or((path, "default"));
        let module = module.strip_suffix(".js").unwrap_or(module);
        let message = format!("Invalid arguments for {module}.js:{name}: {reason}");
        Self::new(Err(Error::function(Code::ArgumentValidationError, message)))
    }

    /// The outcome of a new call, without anything but a result.
    #[must_use]
    pub fn new(result: Result<Value>) -> Self {
        let request = getrandom::u64().unwrap_or_default();
        Self { result, log_lines: Vec::new(), journal: None, timestamp: None, request, duration: Duration::ZERO }
    }
}
