//! A live query, for whoever takes its newest state.

use std::{
    sync::{Arc, Mutex, PoisonError, TryLockError, Weak},
    time::{Duration, SystemTime},
};

use engine::{Caller, Deployment, Error, QuerySet};
use pyo3::{prelude::*, types::PyTuple};
use value::Value;

use crate::{
    convert::to_python,
    deployment::log,
    error::{engine_error, invalid_argument},
    signal::Signal,
};

/// The number of the only query of a set.
const QUERY: u32 = 0;

/// What a subscription is to Python. Dropped, it leaves nothing behind.
#[pyclass(frozen)]
pub(crate) struct Subscription(Arc<Live>);

/// A live query that can be closed from elsewhere.
pub(crate) struct Live {
    path: String,
    process: u32,
    signal: Arc<Signal>,
    /// None once it is closed.
    query: Mutex<Option<LiveQuery>>,
}

struct LiveQuery {
    deployment: Deployment,
    set: QuerySet,
    /// What returns the token of the user whose query it is; None: it is the owner's.
    auth_token: Option<Arc<Py<PyAny>>>,
    /// Until when the user is known; None: not yet.
    expires: Option<SystemTime>,
    /// Whether there is a state that wasn't taken.
    is_new: bool,
    /// Why there is none.
    failure: Option<PyErr>,
}

#[pymethods]
impl Subscription {
    #[pyo3(signature = (timeout))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout = timeout.map(|seconds| {
            Duration::try_from_secs_f64(seconds.min(f64::from(u32::MAX))).map_err(|_| {
                invalid_argument(py, format!("timeout: {seconds}; expected seconds, zero or more, or None"))
            })
        });
        // In a forked child nobody sets the signal, and `refresh` says why.
        Ok(self.0.is_foreign() || self.0.signal.wait(py, timeout.transpose()?)?)
    }

    fn when_ready(&self, callback: Bound<'_, PyAny>) {
        self.0.signal.call_when_set(callback);
    }

    fn forget(&self, callback: &Bound<'_, PyAny>) {
        self.0.signal.forget(callback);
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.refresh()).map_err(|error| engine_error(py, &error))
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.0.take(py)
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.0.signal.is_closed()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

impl Drop for Subscription {
    /// Closing a folder waits for a thread that forks, which may wait for the GIL.
    fn drop(&mut self) {
        Python::attach(|py| py.detach(|| self.0.close()));
    }
}

impl Subscription {
    /// Follows a query. It runs when its first state is asked for.
    pub(crate) fn new(
        deployment: &Deployment,
        path: String,
        args: Value,
        auth_token: Option<Arc<Py<PyAny>>>,
    ) -> Result<Self, Error> {
        let signal = Arc::new(Signal::default());
        signal.set();
        let woken = Arc::clone(&signal);
        // Nobody, until there is a token.
        let caller = if auth_token.is_none() { Caller::ADMIN } else { Caller::ANONYMOUS };
        let mut set = QuerySet::new(deployment, caller, move || woken.set())?;
        set.add(QUERY, path.clone(), args, None);
        let deployment = deployment.clone();
        let query = LiveQuery { deployment, set, auth_token, expires: None, is_new: false, failure: None };
        let process = std::process::id();
        Ok(Self(Arc::new(Live { path, process, signal, query: Mutex::new(Some(query)) })))
    }

    /// Lets somebody else close it.
    pub(crate) fn downgrade(&self) -> Weak<Live> {
        Arc::downgrade(&self.0)
    }
}

impl Live {
    /// Runs the query where a commit touched what it had read.
    fn refresh(&self) -> Result<(), Error> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        let mut query = self.query.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(query) = query.as_mut().filter(|_| !self.signal.is_closed()) else { return Ok(()) };
        self.signal.clear();
        query.refresh();
        if query.is_new || query.failure.is_some() {
            self.signal.set();
        }
        Ok(())
    }

    /// The state that nobody took yet, in a tuple; its error, where the query failed.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut query = match self.query.try_lock() {
            Ok(query) => query,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody refreshes it.
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let Some(query) = query.as_mut() else { return Ok(None) };
        self.signal.clear();
        if query.set.is_stale() {
            self.signal.set();
        }
        if let Some(failure) = query.failure.take() {
            return Err(failure);
        }
        if !std::mem::take(&mut query.is_new) {
            return Ok(None);
        }
        let outcome = query.set.outcome(QUERY).expect("it ran");
        log(py, &self.path, &outcome.log_lines)?;
        match &outcome.result {
            Ok(value) => Ok(Some(PyTuple::new(py, [to_python(py, value)?])?)),
            Err(error) => Err(engine_error(py, error)),
        }
    }

    /// Ends it: whoever waits, waits no longer. Again: nothing.
    pub(crate) fn close(&self) {
        self.signal.close();
        if !self.is_foreign() {
            drop(self.query.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// Whether this is a forked child of the process that subscribed.
    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }
}

impl LiveQuery {
    fn refresh(&mut self) {
        let refreshed = self.renew().and_then(|()| self.set.refresh().map_err(raised));
        match refreshed {
            Ok(refreshed) => self.is_new |= refreshed.changed.contains(&QUERY),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Asks who the user is, where the last token has expired.
    fn renew(&mut self) -> PyResult<()> {
        let Some(auth_token) = &self.auth_token else { return Ok(()) };
        if self.expires.is_some_and(|end| SystemTime::now() < end) {
            return Ok(());
        }
        let token: String = Python::attach(|py| auth_token.call0(py)?.extract(py))?;
        let caller = self.deployment.user(&token).map_err(raised)?;
        self.expires = caller.expires();
        self.set.set_caller(caller);
        Ok(())
    }
}

fn raised(error: Error) -> PyErr {
    Python::attach(|py| engine_error(py, &error))
}
