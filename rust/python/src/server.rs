//! Convex's HTTP API in front of an embedded deployment.

use std::{net::IpAddr, path::PathBuf, sync::Mutex};

use base::locked;
use pyo3::prelude::*;
use server::{AdminKey, Options, Server};

use crate::{embedded::EmbeddedDeployment, error::Exception};

/// A server that runs until it is stopped.
#[pyclass(frozen)]
pub(crate) struct HttpServer {
    server: Mutex<Server>,
    #[pyo3(get)]
    url: String,
    #[pyo3(get)]
    admin_key: String,
}

#[pymethods]
impl HttpServer {
    #[new]
    #[pyo3(signature = (deployment, *, host, port, folder))]
    fn new(
        py: Python<'_>,
        deployment: &EmbeddedDeployment,
        host: &str,
        port: u16,
        folder: Option<PathBuf>,
    ) -> PyResult<Self> {
        let failed = |message: String| Exception::new("ConfigurationError", message).into_err(py);
        let address: IpAddr = host.parse().map_err(|_| failed(format!("host: {host:?}; expected an IP address")))?;
        let admin_key = folder.as_deref().map_or_else(AdminKey::generate, AdminKey::of_folder);
        let admin_key = admin_key.map_err(|error| failed(format!("the admin key: {error}")))?;
        let options = Options { host: address, port, admin_key: admin_key.clone() };
        let deployment = deployment.share(py)?;
        let server = py.detach(|| Server::start(deployment, options));
        let server = server.map_err(|error| {
            let message = format!("can't listen on {host}:{port}: {error}");
            Exception { code: Some("Listen"), ..Exception::new("ConfigurationError", message) }.into_err(py)
        })?;
        Ok(Self { url: server.url(), server: Mutex::new(server), admin_key: admin_key.reveal().to_owned() })
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| locked(&self.server).stop());
    }
}

/// The admin key of a data folder, made if there is none; or a new one.
#[pyfunction]
#[pyo3(signature = (folder, *, rotate))]
pub(crate) fn admin_key(py: Python<'_>, folder: PathBuf, rotate: bool) -> PyResult<String> {
    let key = if rotate { AdminKey::rotate(&folder) } else { AdminKey::of_folder(&folder) };
    match key {
        Ok(key) => Ok(key.reveal().to_owned()),
        Err(error) => {
            let message = format!("the admin key of {}: {error}", folder.display());
            Err(Exception::new("ConfigurationError", message).into_err(py))
        }
    }
}
