//! A deployment that is reached over HTTP.

use std::{time::Duration, time::Instant};

use client::{Call, Client, FunctionKind, Options};
use pyo3::prelude::*;

use crate::{
    batch::{VectorBatch, parse_metric},
    convert::{arguments_from_python, to_python},
    error::{Exception, client_error},
    results::Origin,
    subscription::Subscription,
};

/// A deployment somewhere: Convex's cloud, self-hosted, `mastra-convex serve`.
#[pyclass(frozen)]
pub(crate) struct HttpDeployment {
    client: Client,
    /// What returns the `Authorization` header; None for anonymous calls.
    authorization: Option<Py<PyAny>>,
}

#[pymethods]
impl HttpDeployment {
    #[new]
    #[pyo3(signature = (url, *, authorization, timeout, retries, headers))]
    fn new(
        py: Python<'_>,
        url: &str,
        authorization: Option<Py<PyAny>>,
        timeout: f64,
        retries: u32,
        headers: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let options = Options { timeout: Duration::from_secs_f64(timeout), retries, headers };
        let client = Client::new(url, options).map_err(|error| client_error(py, error))?;
        Ok(Self { client, authorization })
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

    #[expect(clippy::unused_self, reason = "as of the other kind of deployment")]
    fn subscribe(&self, py: Python<'_>, path: &str, args: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let _ = args;
        let message = format!("subscribe: {path} can be followed in an embedded deployment only");
        Err(Exception::new("UnsupportedOperationError", message).into_err(py))
    }

    #[pyo3(signature = (*, storage_function, table_name, dimension, metric))]
    fn vectors(
        &self,
        py: Python<'_>,
        storage_function: &str,
        table_name: &str,
        dimension: usize,
        metric: &str,
    ) -> PyResult<VectorBatch> {
        let metric = parse_metric(py, metric)?;
        let authorization = self.authorization(py)?;
        let begin = Instant::now();
        let (batch, bytes_received) = self.detached(py, |client| {
            client.read_vectors(storage_function, table_name, dimension, authorization.as_deref())
        })?;
        let origin = Origin { strategy: "pages", bytes_received, transfer: begin.elapsed().as_secs_f64() };
        Ok(VectorBatch::from_batch(batch.into(), metric, origin))
    }

    #[expect(clippy::unused_self, reason = "the other kind of deployment has something to close")]
    fn close(&self) {}
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
