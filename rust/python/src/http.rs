//! A deployment that is reached over HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    Authorize, Call, Client, Description, Error, FunctionKind, LiveClient, Mirrors, Options, Source, VectorIndex,
    Vectors, Wanted,
};
use pyo3::prelude::*;

use crate::{
    batch::{VectorBatch, parse_metric},
    convert::{arguments_from_python, to_python},
    error::client_error,
    results::Origin,
    subscription::{Subscription, Subscriptions},
};

/// A deployment somewhere: Convex's cloud, self-hosted, `mastra-convex serve`.
#[pyclass(frozen)]
pub(crate) struct HttpDeployment {
    client: Arc<Client>,
    live: Arc<LiveClient>,
    mirrors: Mirrors,
    /// What returns the `Authorization` header; None for anonymous calls.
    authorization: Option<Arc<Py<PyAny>>>,
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
        let options = Options { timeout: Duration::from_secs_f64(timeout), retries, headers };
        let client = Arc::new(Client::new(url, options).map_err(|error| client_error(py, error))?);
        let authorization = authorization.map(Arc::new);
        let give = authorization.clone();
        let authorize: Authorize = Arc::new(move || {
            let Some(give) = &give else { return Ok(None) };
            let given = Python::attach(|py| give.call0(py)?.extract::<String>(py));
            given.map(Some).map_err(|error| Error::Credential { reason: error.to_string() })
        });
        let live = LiveClient::new(Arc::clone(&client), authorize);
        let mirrors = Mirrors::new(mirror_bytes);
        Ok(Self { client, live, mirrors, authorization, subscriptions: Subscriptions::default() })
    }

    #[pyo3(signature = (kind, path, args, *, reads))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
        reads: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kind = match kind {
            "query" => FunctionKind::Query,
            "mutation" => FunctionKind::Mutation,
            _ => FunctionKind::Action,
        };
        let args = arguments_from_python(args)?;
        let authorization = self.authorization(py)?;
        let value = self.detached(py, |client| {
            client.call(&Call { kind, path, args: &args, reads, authorization: authorization.as_deref() })
        })?;
        to_python(py, &value)
    }

    fn subscribe(&self, py: Python<'_>, path: String, args: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let args = arguments_from_python(args)?;
        let subscription = py.detach(|| Subscription::http(&self.live, path, args));
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
        let authorization = self.authorization(py)?;
        let begin = Instant::now();
        let wanted = Wanted {
            index: &VectorIndex { storage_function, name: index_name },
            description: &Description { dimension, metric: metric.to_owned() },
            is_described_now,
            max_staleness: Duration::from_secs_f64(max_staleness),
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

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.subscriptions.close());
    }
}

impl HttpDeployment {
    fn authorization(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.authorization.as_ref().map(|give| give.call0(py)?.extract(py)).transpose()
    }

    /// Does something with the client, the GIL released.
    fn detached<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Client) -> client::Result<T> + Send) -> PyResult<T> {
        py.detach(|| act(&self.client)).map_err(|error| client_error(py, error))
    }
}
