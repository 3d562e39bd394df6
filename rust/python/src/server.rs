//! Convex's HTTP API in front of an embedded deployment.

use std::{
    io::ErrorKind,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Mutex,
};

use base::locked;
use pyo3::prelude::*;
use server::{AdminKey, Log, Options, Server};

use crate::{
    embedded::EmbeddedDeployment,
    error::{Exception, engine_error},
    log::Logger,
};

/// A server that runs until it is stopped.
#[pyclass(frozen)]
pub(crate) struct HttpServer {
    server: Mutex<Server>,
    logger: Option<Logger>,
    #[pyo3(get)]
    url: String,
    #[pyo3(get)]
    admin_key: String,
}

#[pymethods]
impl HttpServer {
    #[new]
    #[pyo3(signature = (
        deployment, *, host, port, folder, log=None, log_level=0, admin_key=None, allowed_hosts=Vec::new(),
        allowed_origins=Vec::new(), open_metrics=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        py: Python<'_>,
        deployment: &EmbeddedDeployment,
        host: &str,
        port: u16,
        folder: Option<PathBuf>,
        log: Option<Py<PyAny>>,
        log_level: u32,
        admin_key: Option<(String, String)>,
        allowed_hosts: Vec<String>,
        allowed_origins: Vec<String>,
        open_metrics: bool,
    ) -> PyResult<Self> {
        let failed = |message: String| Exception::new("ConfigurationError", message).into_err(py);
        let address: IpAddr = host.parse().map_err(|_| failed(format!("host: {host:?}; expected an IP address")))?;
        let given = match admin_key {
            None => None,
            // The text may be another server's key, so no error shows it.
            Some((place, text)) => Some(AdminKey::parse(text.trim()).ok_or_else(|| {
                failed(format!(
                    "{place}: the key has another form; expected \"mastra-convex|\" and 64 hexadecimal digits, or no \
                     key, so that the folder's own is used"
                ))
            })?),
        };
        let admin_key = match (given, folder.as_deref()) {
            (Some(key), None) => key,
            (Some(key), Some(folder)) => {
                key.give(folder).map(|()| key).map_err(|error| key_error(py, folder, &error))?
            }
            (None, None) => AdminKey::generate().map_err(|error| failed(format!("the admin key: {error}")))?,
            (None, Some(folder)) => AdminKey::of_folder(folder).map_err(|error| key_error(py, folder, &error))?,
        };
        let deployment = deployment.share(py)?;
        let (logger, log) = match log.map(|log| Logger::begin(log, log_level)) {
            Some((logger, log)) => (Some(logger), log),
            None => (None, Log::default()),
        };
        let shown = admin_key.reveal().to_owned();
        let options = Options { host: address, port, admin_key, allowed_hosts, allowed_origins, open_metrics, log };
        let server = py.detach(|| Server::start(deployment, options).inspect_err(|_| end(logger.as_ref())));
        let server = server.map_err(|error| {
            if error.kind() == ErrorKind::InvalidInput {
                return failed(error.to_string());
            }
            let message = format!("can't listen on {host}:{port}: {error}");
            Exception { code: Some("Listen"), ..Exception::new("ConfigurationError", message) }.into_err(py)
        })?;
        Ok(Self { url: server.url(), server: Mutex::new(server), logger, admin_key: shown })
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            locked(&self.server).stop();
            end(self.logger.as_ref());
        });
    }
}

fn end(logger: Option<&Logger>) {
    if let Some(logger) = logger {
        logger.end();
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
