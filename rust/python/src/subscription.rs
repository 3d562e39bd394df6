//! A live query, whose newest state can be taken.

use std::{
    sync::{Arc, Mutex, TryLockError, Weak},
    time::{Duration, SystemTime},
};

use base::{Process, locked};
use client::{LiveClient, LiveQuery};
use engine::{Caller, Deployment, Error, QuerySet};
use pyo3::{prelude::*, types::PyTuple};
use value::Value;

use crate::{
    convert::to_python,
    error::{Credential, client_error, engine_error, invalid_argument, no_credential},
    functions::log,
    signal::Signal,
};

/// The number of the only query of a set.
const QUERY: u32 = 0;

/// A subscription in Python. When dropped, it leaves nothing behind.
#[pyclass(frozen)]
pub(crate) struct Subscription(Arc<Live>);

/// A live query that can be closed from elsewhere.
struct Live {
    path: String,
    process: Process,
    signal: Arc<Signal>,
    /// None once it is closed.
    source: Mutex<Option<Source>>,
}

/// The source of the states.
enum Source {
    Embedded(EmbeddedQuery),
    Http(LiveQuery, Credential),
}

struct EmbeddedQuery {
    deployment: Deployment,
    set: QuerySet,
    /// Returns the token of the user who owns the query; None if the owner of the deployment does.
    auth_token: Option<Arc<Py<PyAny>>>,
    /// When the user's token expires; None before the first token.
    expires: Option<SystemTime>,
    /// Whether the newest state wasn't taken yet.
    is_new: bool,
    /// The error of the last refresh, raised instead of the next state.
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
        // In a forked child no thread sets the signal; `refresh` raises the error.
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
    /// Follows a query of a deployment in this process. The query runs when its first state is requested.
    pub(crate) fn embedded(
        deployment: &Deployment,
        path: String,
        args: Value,
        owner: Caller,
        auth_token: Option<Arc<Py<PyAny>>>,
    ) -> Result<Self, Error> {
        let signal = Arc::new(Signal::default());
        signal.set();
        let woken = Arc::clone(&signal);
        // The set is anonymous until there is a token.
        let caller = if auth_token.is_none() { owner } else { Caller::ANONYMOUS };
        let mut set = QuerySet::new(deployment, caller, move || woken.set())?;
        set.add(QUERY, path.clone(), args, None);
        let deployment = deployment.clone();
        let query = EmbeddedQuery { deployment, set, auth_token, expires: None, is_new: false, failure: None };
        Ok(Self::new(path, signal, Source::Embedded(query)))
    }

    /// Follows a query of a deployment over HTTP.
    pub(crate) fn http(live: &LiveClient, path: String, args: Value, credential: Credential) -> Self {
        let signal = Arc::new(Signal::default());
        let woken = Arc::clone(&signal);
        let query = live.subscribe(path.clone(), args, move || woken.set());
        Self::new(path, signal, Source::Http(query, credential))
    }

    fn new(path: String, signal: Arc<Signal>, source: Source) -> Self {
        let process = Process::current();
        Self(Arc::new(Live { path, process, signal, source: Mutex::new(Some(source)) }))
    }

    /// Registers the subscription, so that its deployment's handle can close it.
    fn downgrade(&self) -> Weak<Live> {
        Arc::downgrade(&self.0)
    }
}

/// The subscriptions that end with a handle on a deployment.
#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<Vec<Weak<Live>>>);

impl Subscriptions {
    pub(crate) fn add(&self, subscription: &Subscription) {
        let mut all = locked(&self.0);
        if all.len() == all.capacity() {
            all.retain(|live| live.strong_count() > 0);
            let living = all.len();
            all.reserve(living + 1);
        }
        all.push(subscription.downgrade());
    }

    pub(crate) fn close(&self) {
        let all = std::mem::take(&mut *locked(&self.0));
        for live in all.iter().filter_map(Weak::upgrade) {
            live.close();
        }
    }
}

impl Live {
    /// Runs the query again if a commit touched its reads.
    fn refresh(&self) -> Result<(), Error> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        let mut source = locked(&self.source);
        if self.signal.is_closed() {
            return Ok(());
        }
        if let Some(Source::Embedded(query)) = source.as_mut() {
            self.signal.clear();
            query.refresh();
            if query.is_new || query.failure.is_some() {
                self.signal.set();
            }
        }
        Ok(())
    }

    /// The state that wasn't taken yet, in a tuple; the error, if the query failed.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut source = match self.source.try_lock() {
            Ok(source) => source,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is refreshing it.
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let Some(source) = source.as_mut() else { return Ok(None) };
        self.signal.clear();
        let value = match source {
            Source::Embedded(query) => {
                if query.set.is_stale() {
                    self.signal.set();
                }
                query.take(py, &self.path)?
            }
            Source::Http(query, credential) => {
                let state = query.take().transpose().map_err(|error| client_error(py, error, *credential))?;
                state.map(|value| to_python(py, &value)).transpose()?
            }
        };
        value.map(|value| PyTuple::new(py, [value])).transpose()
    }

    /// Ends it, and every wait in it. Does nothing if it has ended.
    fn close(&self) {
        self.signal.close();
        if !self.is_foreign() {
            drop(locked(&self.source).take());
        }
    }

    /// Whether this is a forked child of the process that subscribed.
    fn is_foreign(&self) -> bool {
        !self.process.is_current()
    }
}

impl EmbeddedQuery {
    fn take<'py>(&mut self, py: Python<'py>, path: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if !std::mem::take(&mut self.is_new) {
            return Ok(None);
        }
        let outcome = self.set.outcome(QUERY).expect("it ran");
        log(py, path, &outcome.log_lines)?;
        let value = outcome.result.as_ref().map_err(|error| engine_error(py, error))?;
        to_python(py, value).map(Some)
    }

    fn refresh(&mut self) {
        let refreshed = self.renew().and_then(|()| self.set.refresh().map_err(raised));
        match refreshed {
            Ok(refreshed) => self.is_new |= refreshed.changed.contains(&QUERY),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Gets the user's new token if the last one has expired.
    fn renew(&mut self) -> PyResult<()> {
        let Some(auth_token) = &self.auth_token else { return Ok(()) };
        if self.expires.is_some_and(|end| SystemTime::now() < end) {
            return Ok(());
        }
        let token = Python::attach(|py| {
            let given = auth_token.call0(py).and_then(|token| token.extract::<String>(py));
            given.map_err(|error| no_credential(py, error, Credential::Token))
        })?;
        let caller = self.deployment.user(&token).map_err(raised)?;
        self.expires = caller.expires();
        self.set.set_caller(caller);
        Ok(())
    }
}

fn raised(error: Error) -> PyErr {
    Python::attach(|py| engine_error(py, &error))
}
