//! A deployment that is reached over HTTP.

use std::{
    fs::File,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    Authorize, Call, Client, Description, Error, LiveClient, Mirrors, Options, Source, VectorIndex, Vectors, Wanted,
};
use pyo3::prelude::*;

use crate::{
    administrator,
    batch::{VectorBatch, parse_metric},
    convert::{arguments_from_python, to_python},
    error::{Credential, client_error, invalid_argument},
    functions::{log, parse_kind},
    results::Origin,
    snapshot::Progress,
    subscription::{Subscription, Subscriptions},
};

/// A deployment somewhere: Convex's cloud, self-hosted, `mastra-convex serve`.
#[pyclass(frozen)]
pub(crate) struct HttpDeployment {
    client: Arc<Client>,
    /// What users follow, and what this package's classes do.
    live: Arc<LiveClient>,
    live_as_admin: Arc<LiveClient>,
    mirrors: Mirrors,
    /// What returns the `Authorization` header; None for anonymous calls.
    authorization: Option<Arc<Py<PyAny>>>,
    /// What that is.
    credential: Credential,
    subscriptions: Subscriptions,
}

#[pymethods]
impl HttpDeployment {
    #[new]
    #[pyo3(signature = (url, *, authorization, timeout, retries, headers, mirror_bytes))]
    fn new(
        py: Python<'_>,
        url: &str,
        authorization: Option<Py<PyAny>>,
        timeout: f64,
        retries: u32,
        headers: Vec<(String, String)>,
        mirror_bytes: usize,
    ) -> PyResult<Self> {
        let options = Options { timeout: duration(py, "timeout", timeout)?, retries, headers };
        let client = Arc::new(Client::new(url, options).map_err(|error| client_error(py, error, Credential::Nothing))?);
        let credential = match &authorization {
            None => Credential::Nothing,
            Some(given) if given.getattr(py, "kind")?.bind(py).eq("admin_key")? => Credential::AdminKey,
            Some(_) => Credential::Token,
        };
        let authorization = authorization.map(Arc::new);
        let live = |as_admin| {
            let give = authorization.clone();
            let authorize: Authorize = Arc::new(move || {
                let given = Python::attach(|py| authorize(py, give.as_deref(), as_admin));
                given.map_err(|error| Error::Credential { reason: error.to_string() })
            });
            LiveClient::new(Arc::clone(&client), authorize)
        };
        let (live, live_as_admin) = (live(false), live(true));
        let mirrors = Mirrors::new(mirror_bytes);
        let subscriptions = Subscriptions::default();
        Ok(Self { client, live, live_as_admin, mirrors, authorization, credential, subscriptions })
    }

    #[pyo3(signature = (kind, path, args, *, reads, as_admin))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
        reads: bool,
        as_admin: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (_, kind) = parse_kind(py, kind)?;
        let args = arguments_from_python(args)?;
        let authorization = authorize(py, self.authorization.as_deref(), as_admin)?;
        let outcome = self.detached(py, |client| {
            client.call(&Call { kind, path, args: &args, reads, authorization: authorization.as_deref() })
        })?;
        log(py, path, &outcome.log_lines)?;
        to_python(py, &outcome.result.map_err(|error| client_error(py, error, self.credential))?)
    }

    #[pyo3(signature = (path, args, *, as_admin))]
    fn subscribe(
        &self,
        py: Python<'_>,
        path: String,
        args: &Bound<'_, PyAny>,
        as_admin: bool,
    ) -> PyResult<Subscription> {
        let args = arguments_from_python(args)?;
        let live = if as_admin { &self.live_as_admin } else { &self.live };
        let subscription = py.detach(|| Subscription::http(live, path, args, self.credential));
        self.subscriptions.add(&subscription);
        Ok(subscription)
    }

    #[pyo3(signature = (*, storage_function, index_name, dimension, metric, is_described_now, max_staleness))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn vectors(
        &self,
        py: Python<'_>,
        storage_function: String,
        index_name: String,
        dimension: usize,
        metric: &str,
        is_described_now: bool,
        max_staleness: f64,
    ) -> PyResult<Option<VectorBatch>> {
        let parsed_metric = parse_metric(py, metric)?;
        let authorization = authorize(py, self.authorization.as_deref(), true)?;
        let begin = Instant::now();
        let wanted = Wanted {
            index: &VectorIndex { storage_function, name: index_name },
            description: &Description { dimension, metric: metric.to_owned() },
            is_described_now,
            max_staleness: duration(py, "max_staleness", max_staleness)?,
            authorization: authorization.as_deref(),
        };
        let vectors = self.detached(py, |client| self.mirrors.read(client, &wanted))?;
        let transfer = begin.elapsed().as_secs_f64();
        Ok(vectors.map(|Vectors { batch, source, bytes_received }| {
            let strategy = match source {
                Source::Mirror => "mirror",
                Source::Pages => "pages",
            };
            VectorBatch::from_batch(batch, parsed_metric, Origin { strategy, bytes_received, transfer })
        }))
    }

    #[pyo3(signature = (path, *, progress))]
    fn export_snapshot(&self, py: Python<'_>, path: PathBuf, progress: Py<PyAny>) -> PyResult<()> {
        let authorization = authorize(py, self.authorization.as_deref(), false)?;
        let mut progress = Progress::new(progress);
        let exported = py.detach(|| {
            let mut file = File::create(&path).map_err(Error::snapshot_file)?;
            self.client.export_snapshot(&mut file, authorization.as_deref(), &mut progress.of_client())?;
            file.sync_all().map_err(Error::snapshot_file)
        });
        exported.map_err(|error| progress.client_error(py, error, self.credential, &path))
    }

    #[pyo3(signature = (path, *, replace, progress))]
    fn import_snapshot(&self, py: Python<'_>, path: PathBuf, replace: bool, progress: Py<PyAny>) -> PyResult<u64> {
        let authorization = authorize(py, self.authorization.as_deref(), false)?;
        let mut progress = Progress::new(progress);
        let imported = py.detach(|| {
            let mut file = File::open(&path).map_err(Error::snapshot_file)?;
            self.client.import_snapshot(&mut file, replace, authorization.as_deref(), &mut progress.of_client())
        });
        imported.map_err(|error| progress.client_error(py, error, self.credential, &path))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.subscriptions.close());
    }
}

impl HttpDeployment {
    /// Does something with the client, the GIL released.
    fn detached<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Client) -> client::Result<T> + Send) -> PyResult<T> {
        py.detach(|| act(&self.client)).map_err(|error| client_error(py, error, self.credential))
    }
}

/// A length of time. Python's classes have checked that it is one, and what it is at most.
fn duration(py: Python<'_>, name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| invalid_argument(py, format!("{name} {seconds}: {error}")))
}

/// The `Authorization` header for a call, none for an anonymous one.
fn authorize(py: Python<'_>, give: Option<&Py<PyAny>>, as_admin: bool) -> PyResult<Option<String>> {
    let header = give.map(|give| give.call0(py)?.extract(py)).transpose()?;
    Ok(header.map(|header| administrator::authorization(header, as_admin)))
}
