//! A deployment that is reached over HTTP.

use std::{
    fs::File,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    Authorize, Call, Choices, Client, Error, LiveClient, Mirrors, Options, Source, Strategy, Vectors, Wanted, wait,
};
use pyo3::prelude::*;
use value::Value;

use crate::{
    administrator::administrator,
    batch::{VectorBatch, parse_metric, regex_error, search_arguments},
    convert::{arguments_from_python, to_python},
    error::{Credential, client_error, invalid_argument},
    functions::{log, parse_kind},
    interruption::{Detached, detached},
    pending::{PendingCall, Request},
    results::{Origin, QueryResults},
    snapshot::Progress,
    subscription::{Subscription, Subscriptions},
    vector_index::VectorIndex,
};

/// A handle on a deployment somewhere: Convex's cloud, self-hosted, `mastra-convex serve`.
#[pyclass(frozen)]
pub(crate) struct HttpDeployment {
    connection: Arc<Connection>,
    caller: Arc<Caller>,
}

/// The part that the handles of the owner and of the administrator share.
struct Connection {
    client: Client,
    mirrors: Mirrors,
    choices: Choices,
    /// The kind of the `Authorization` header.
    credential: Credential,
    administrator: Arc<Caller>,
    subscriptions: Subscriptions,
}

/// The caller of a handle's calls.
struct Caller {
    authorization: Authorization,
    live: LiveClient,
}

/// The source of the `Authorization` header.
#[derive(Clone)]
struct Authorization {
    /// Returns the header; None for anonymous calls.
    give: Option<Arc<Py<PyAny>>>,
    /// The user as whom an admin acts.
    acting_as: Option<Value>,
}

#[pymethods]
impl HttpDeployment {
    #[new]
    #[pyo3(signature = (url, *, authorization, timeout, retries, headers, ca_file, mirror_bytes, component))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        py: Python<'_>,
        url: &str,
        authorization: Option<Py<PyAny>>,
        timeout: f64,
        retries: u32,
        headers: Vec<(String, String)>,
        ca_file: Option<PathBuf>,
        mirror_bytes: usize,
        component: Option<String>,
    ) -> PyResult<Self> {
        // In a component there are no users, so no rule has to admit the administrator. And Convex lets only an admin
        // who acts as no user follow its queries.
        let acting_as = component.is_none().then(administrator);
        let options = Options { timeout: duration(py, "timeout", timeout)?, retries, headers, ca_file, component };
        let client = Client::new(url, options).map_err(|error| client_error(py, error, Credential::Nothing))?;
        let credential = match &authorization {
            None => Credential::Nothing,
            Some(given) if given.getattr(py, "kind")?.bind(py).eq("admin_key")? => Credential::AdminKey,
            Some(_) => Credential::Token,
        };
        let give = authorization.map(Arc::new);
        let caller = |acting_as| Arc::new(Caller::new(&client, Authorization { give: give.clone(), acting_as }));
        let (caller, administrator) = (caller(None), caller(acting_as));
        let (mirrors, choices) = (Mirrors::new(mirror_bytes), Choices::default());
        let subscriptions = Subscriptions::default();
        let connection = Arc::new(Connection { client, mirrors, choices, credential, administrator, subscriptions });
        Ok(Self { connection, caller })
    }

    /// A handle through which an admin calls as the administrator, whom every rule of `auth.ts` admits. A user's calls
    /// are the same through both handles.
    fn as_administrator(&self) -> Self {
        Self { connection: Arc::clone(&self.connection), caller: Arc::clone(&self.connection.administrator) }
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.send(py, kind, path, args, kind == "query")
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.send(py, kind, path, args, true)
    }

    fn begin(
        &self,
        py: Python<'_>,
        kind: &str,
        path: String,
        args: &Bound<'_, PyAny>,
        reads: bool,
    ) -> PyResult<PendingCall> {
        let kind = parse_kind(py, kind)?;
        let (args, authorization) = (arguments_from_python(args)?, self.caller.authorization.clone());
        let authorize = Box::new(move || Python::attach(|py| authorization.header(py)));
        let request = Request { kind, path, args, reads, authorize };
        Ok(PendingCall::begin(&self.connection.client, request, self.connection.credential))
    }

    fn subscribe(&self, py: Python<'_>, path: String, args: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let args = arguments_from_python(args)?;
        let credential = self.connection.credential;
        let subscription = py.detach(|| Subscription::http(&self.caller.live, path, args, credential));
        self.connection.subscriptions.add(&subscription);
        Ok(subscription)
    }

    fn describe(&self, py: Python<'_>, index: &VectorIndex) -> PyResult<Option<(usize, String)>> {
        let authorization = self.caller.authorization.header(py)?;
        let description = self.detached(py, |client| client.describe(&index.index, authorization.as_deref()))?;
        Ok(description.map(|description| (description.dimension, description.metric)))
    }

    #[pyo3(signature = (index, query_vector, top_k, *, filter, include_vector, min_score))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn search(
        &self,
        py: Python<'_>,
        index: &VectorIndex,
        query_vector: Option<&Bound<'_, PyAny>>,
        top_k: &Bound<'_, PyAny>,
        filter: Option<&Bound<'_, PyAny>>,
        include_vector: bool,
        min_score: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<QueryResults>> {
        let &VectorIndex { ref index, strategy, .. } = index;
        let Connection { choices, mirrors, .. } = &*self.connection;
        // This check is cheap, and most searches use a mirror.
        if !choices.is_for_deployment(strategy, mirrors, index, 0) {
            return Ok(None);
        }
        let Some(args) = search_arguments(py, query_vector, top_k, filter, include_vector, min_score)? else {
            return match strategy {
                Strategy::Server => Err(regex_error(py)),
                _ => Ok(None),
            };
        };
        let dimension = query_vector.map_or(Ok(0), PyAnyMethods::len)?;
        if !choices.is_for_deployment(strategy, mirrors, index, dimension) {
            return Ok(None);
        }
        let authorization = self.caller.authorization.header(py)?;
        let found = self.detached(py, |client| client.search(index, args, authorization.as_deref()))?;
        if found.is_none() && strategy == Strategy::Server {
            let error = Error::no_search();
            return Err(client_error(py, error, self.connection.credential));
        }
        choices.note_search(index, found.as_ref());
        Ok(found.map(|found| QueryResults::found(found, include_vector)))
    }

    fn vectors(&self, py: Python<'_>, index: &VectorIndex) -> PyResult<Option<VectorBatch>> {
        let authorization = self.caller.authorization.header(py)?;
        let &VectorIndex { ref index, max_staleness, strategy } = index;
        let begin = Instant::now();
        let anew = strategy == Strategy::Pages;
        let wanted = Wanted { index, max_staleness, anew, authorization: authorization.as_deref() };
        let vectors = self.detached(py, |client| self.connection.mirrors.read(client, &wanted))?;
        let transfer = begin.elapsed().as_secs_f64();
        let Some(Vectors { batch, metric, source, bytes_received }) = vectors else { return Ok(None) };
        let strategy = match source {
            Source::Mirror => "mirror",
            Source::Pages => {
                self.connection.choices.note_transfer(index, bytes_received, transfer);
                "pages"
            }
        };
        let metric = parse_metric(py, &metric)?;
        Ok(Some(VectorBatch::from_batch(batch, metric, Origin { strategy, bytes_received, transfer })))
    }

    #[pyo3(signature = (path, *, progress))]
    fn export_snapshot(&self, py: Python<'_>, path: PathBuf, progress: Py<PyAny>) -> PyResult<()> {
        let authorization = self.caller.authorization.header(py)?;
        let mut progress = Progress::new(progress);
        let exported = detached(py, || {
            let mut file = File::create(&path).map_err(Error::snapshot_file)?;
            self.connection.client.export_snapshot(&mut file, authorization.as_deref(), &mut progress.of_client())?;
            file.sync_all().map_err(Error::snapshot_file)
        });
        exported
            .or_raised(py, |_| None)?
            .map_err(|error| progress.client_error(py, error, self.connection.credential, &path))
    }

    #[pyo3(signature = (path, *, mode, progress))]
    fn import_snapshot(&self, py: Python<'_>, path: PathBuf, mode: &str, progress: Py<PyAny>) -> PyResult<u64> {
        let authorization = self.caller.authorization.header(py)?;
        let mut progress = Progress::new(progress);
        let imported = detached(py, || {
            let mut file = File::open(&path).map_err(Error::snapshot_file)?;
            self.connection.client.import_snapshot(&mut file, mode, authorization.as_deref(), &mut progress.of_client())
        });
        let note = |_: &_| Some("The deployment may go on with the import.".to_owned());
        imported
            .or_raised(py, note)?
            .map_err(|error| progress.client_error(py, error, self.connection.credential, &path))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.connection.subscriptions.close());
    }
}

impl HttpDeployment {
    /// Calls a function. A call that only `reads` may be repeated if its answer gets lost.
    fn send<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
        reads: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kind = parse_kind(py, kind)?;
        let args = arguments_from_python(args)?;
        let authorization = self.caller.authorization.header(py)?;
        let call = Call { kind, path, args: &args, reads, authorization: authorization.as_deref() };
        let called = detached(py, || wait(self.connection.client.call(&call)));
        let outcome = self.outcome(py, called, |outcome| match outcome {
            _ if reads => None,
            Ok(_) => Some(format!("{path} was executed.")),
            Err(_) => Some(format!("It is not known whether {path} was executed.")),
        })?;
        log(py, path, &outcome.log_lines)?;
        to_python(py, &outcome.result.map_err(|error| client_error(py, error, self.connection.credential))?)
    }

    /// Uses the client with the GIL released.
    fn detached<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Client) -> client::Result<T> + Send) -> PyResult<T> {
        self.outcome(py, detached(py, || act(&self.connection.client)), |_| None)
    }

    /// The outcome, or the exception of a signal's handler, with a note.
    fn outcome<T>(
        &self,
        py: Python<'_>,
        done: Detached<client::Result<T>>,
        note: impl FnOnce(&client::Result<T>) -> Option<String>,
    ) -> PyResult<T> {
        done.or_raised(py, note)?.map_err(|error| client_error(py, error, self.connection.credential))
    }
}

impl Caller {
    fn new(client: &Client, authorization: Authorization) -> Self {
        let of_live = authorization.clone();
        let authorize: Authorize = Arc::new(move || {
            let given = Python::attach(|py| of_live.header(py));
            given.map_err(|error| Error::Credential { cause: Arc::new(error) })
        });
        let live = LiveClient::new(client.clone(), authorize);
        Self { authorization, live }
    }
}

impl Authorization {
    /// The header for a call; None for an anonymous one.
    fn header(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let header: Option<String> = self.give.as_deref().map(|give| give.call0(py)?.extract(py)).transpose()?;
        Ok(header.map(|header| match &self.acting_as {
            Some(user) => client::acting_as(&header, user),
            None => header,
        }))
    }
}

/// A length of time in seconds. Python's classes have checked that it is valid and not too long.
pub(crate) fn duration(py: Python<'_>, name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| invalid_argument(py, format!("{name} {seconds}: {error}")))
}
