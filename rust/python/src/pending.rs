//! A call over HTTP that an event loop awaits, without a waiting Python thread.

use std::sync::{Arc, Mutex};

use base::{FunctionKind, locked};
use client::{Call, Client, Outcome};
use pyo3::prelude::*;
use tokio::task::{AbortHandle, spawn_blocking};
use value::Value;

use crate::{
    convert::to_python,
    error::{Credential, client_error},
    functions::log,
    signal::Signal,
};

/// A call to make, and the source of its credential.
pub(crate) struct Request {
    pub(crate) kind: FunctionKind,
    pub(crate) path: String,
    pub(crate) args: Value,
    pub(crate) reads: bool,
    /// Returns the `Authorization` header. It runs on a thread that may block, since a program's own function may fetch
    /// a token.
    pub(crate) authorize: Box<dyn FnOnce() -> PyResult<Option<String>> + Send>,
}

/// A call under way.
#[pyclass(frozen)]
pub(crate) struct PendingCall {
    path: String,
    credential: Credential,
    signal: Arc<Signal>,
    outcome: Arc<Mutex<Option<Result<Outcome, Failure>>>>,
    task: AbortHandle,
}

enum Failure {
    /// The exception of the function that returns the credential.
    Raised(PyErr),
    Client(client::Error),
}

impl PendingCall {
    pub(crate) fn begin(client: &Client, request: Request, credential: Credential) -> Self {
        let (client, path) = (client.clone(), request.path.clone());
        let (signal, outcome) = (Arc::new(Signal::default()), Arc::new(Mutex::new(None)));
        let (done, given) = (Arc::clone(&signal), Arc::clone(&outcome));
        let task = client::runtime().spawn(async move {
            *locked(&given) = Some(called(&client, request).await);
            done.set();
        });
        Self { path, credential, signal, outcome, task: task.abort_handle() }
    }
}

async fn called(client: &Client, request: Request) -> Result<Outcome, Failure> {
    let Request { kind, path, args, reads, authorize } = request;
    let authorization = spawn_blocking(authorize).await.expect("it doesn't panic").map_err(Failure::Raised)?;
    let call = Call { kind, path: &path, args: &args, reads, authorization: authorization.as_deref() };
    client.call(&call).await.map_err(Failure::Client)
}

#[pymethods]
impl PendingCall {
    fn when_ready(&self, callback: Bound<'_, PyAny>) {
        self.signal.call_when_set(callback);
    }

    fn forget(&self, callback: &Bound<'_, PyAny>) {
        self.signal.forget(callback);
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let outcome = locked(&self.outcome).take().expect("it is taken once, when it is ready");
        let outcome = outcome.map_err(|failure| match failure {
            Failure::Raised(error) => error,
            Failure::Client(error) => client_error(py, error, self.credential),
        })?;
        log(py, &self.path, &outcome.log_lines)?;
        to_python(py, &outcome.result.map_err(|error| client_error(py, error, self.credential))?)
    }

    fn cancel(&self) {
        self.task.abort();
    }
}
