//! Convex's HTTP API in front of an embedded deployment.

use std::{
    io::ErrorKind,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Mutex,
};

use base::locked;
use pyo3::prelude::*;
use server::{AdminKey, Options, Server};

use crate::{
    embedded::EmbeddedDeployment,
    error::{Exception, engine_error},
};

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
    #[pyo3(signature = (deployment, *, host, port, folder, allowed_hosts=Vec::new(), allowed_origins=Vec::new()))]
    fn new(
        py: Python<'_>,
        deployment: &EmbeddedDeployment,
        host: &str,
        port: u16,
        folder: Option<PathBuf>,
        allowed_hosts: Vec<String>,
        allowed_origins: Vec<String>,
    ) -> PyResult<Self> {
        let failed = |message: String| Exception::new("ConfigurationError", message).into_err(py);
        let address: IpAddr = host.parse().map_err(|_| failed(format!("host: {host:?}; expected an IP address")))?;
        let admin_key = match folder.as_deref() {
            None => AdminKey::generate().map_err(|error| failed(format!("the admin key: {error}")))?,
            Some(folder) => AdminKey::of_folder(folder).map_err(|error| key_error(py, folder, &error))?,
        };
        let options = Options { host: address, port, admin_key: admin_key.clone(), allowed_hosts, allowed_origins };
        let deployment = deployment.share(py)?;
        let server = py.detach(|| Server::start(deployment, options));
        let server = server.map_err(|error| {
            if error.kind() == ErrorKind::InvalidInput {
                return failed(error.to_string());
            }
            let message = format!("can't listen on {host}:{port}: {error}");
            Exception { code: Some("Listen"), ..Exception::new("ConfigurationError", message) }.into_err(py)
        })?;
        Ok(Self { url: server.url(), server: Mutex::new(server), admin_key: admin_key.reveal().to_owned() })
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| locked(&self.server).stop());
    }
}

/// The admin key of a data folder, which is made if there is none, or a new key.
#[pyfunction]
#[pyo3(signature = (folder, *, rotate))]
pub(crate) fn admin_key(py: Python<'_>, folder: PathBuf, rotate: bool) -> PyResult<String> {
    let key = if rotate { AdminKey::rotate(&folder) } else { AdminKey::of_folder(&folder) };
    key.map(|key| key.reveal().to_owned()).map_err(|error| key_error(py, &folder, &error))
}

/// The exception for a folder's key: its file has no key, or the folder can't be read or written.
fn key_error(py: Python<'_>, folder: &Path, error: &std::io::Error) -> PyErr {
    let path = folder.to_owned();
    match error.kind() {
        ErrorKind::InvalidData => {
            let message = format!("the admin key of {}: {error}", folder.display());
            Exception::new("ConfigurationError", message).into_err(py)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            engine_error(py, &engine::Error::DiskFull { path })
        }
        _ => engine_error(py, &engine::Error::Io { path, reason: format!("the admin key: {error}") }),
    }
}
