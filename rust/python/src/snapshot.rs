//! Snapshots of embedded deployments, of deployments over HTTP, and in files.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use engine::{Deployment, Error, Summary};
use pyo3::{exceptions::PyOSError, prelude::*};

use crate::error::{Credential, client_error, engine_error};

/// The content of a snapshot.
#[pyclass(frozen, get_all, module = "mastra_convex")]
pub(crate) struct SnapshotSummary {
    /// By the table's name: the number of documents, and their hash, which doesn't depend on their order.
    tables: BTreeMap<String, (u64, String)>,
    /// The parts that an embedded deployment can't hold: components and stored files.
    left_out: Vec<String>,
}

impl From<Summary> for SnapshotSummary {
    fn from(summary: Summary) -> Self {
        let tables = summary.tables.into_iter();
        Self {
            tables: tables.map(|(name, content)| (name, (content.documents, content.hash()))).collect(),
            left_out: summary.left_out,
        }
    }
}

/// Reports progress to Python. An exception there, such as that of Ctrl-C, ends the work.
pub(crate) struct Progress {
    callback: Py<PyAny>,
    raised: Option<PyErr>,
}

impl Progress {
    pub(crate) fn new(callback: Py<PyAny>) -> Self {
        Self { callback, raised: None }
    }

    pub(crate) fn report(&mut self, phase: &str, done: u64, total: u64) -> ControlFlow<()> {
        match Python::attach(|py| self.callback.call1(py, (phase, done, total)).map(drop)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.raised = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// The progress callback for the engine.
    pub(crate) fn of_engine(&mut self) -> impl FnMut(engine::Phase, u64, u64) -> ControlFlow<()> {
        |phase, done, total| {
            let phase = match phase {
                engine::Phase::Export => "export",
                engine::Phase::Read => "read",
                engine::Phase::Import => "import",
                engine::Phase::Check => "check",
            };
            self.report(phase, done, total)
        }
    }

    /// The progress callback for the client.
    pub(crate) fn of_client(&mut self) -> impl FnMut(client::Phase, u64, u64) -> ControlFlow<()> {
        |phase, done, total| {
            let phase = match phase {
                client::Phase::Wait => "wait",
                client::Phase::Download => "download",
                client::Phase::Upload => "upload",
            };
            self.report(phase, done, total)
        }
    }

    /// The exception of a failure on an embedded deployment.
    pub(crate) fn engine_error(self, py: Python<'_>, error: Error, path: &Path) -> PyErr {
        self.raised.unwrap_or_else(|| match error {
            Error::SnapshotFile(error) => file_error(&error, path),
            error => engine_error(py, &error),
        })
    }

    /// The exception of a failure over HTTP.
    pub(crate) fn client_error(
        self,
        py: Python<'_>,
        error: client::Error,
        credential: Credential,
        path: &Path,
    ) -> PyErr {
        self.raised.unwrap_or_else(|| match error {
            client::Error::SnapshotFile(error) => file_error(&error, path),
            error => client_error(py, error, credential),
        })
    }
}

/// The content of a snapshot in a file.
#[pyfunction]
#[pyo3(signature = (path, *, progress))]
pub(crate) fn read_snapshot(py: Python<'_>, path: PathBuf, progress: Py<PyAny>) -> PyResult<SnapshotSummary> {
    let mut progress = Progress::new(progress);
    let read = py.detach(|| {
        let file = File::open(&path).map_err(Error::SnapshotFile)?;
        Deployment::read_snapshot(&file, &mut progress.of_engine())
    });
    read.map(Into::into).map_err(|error| progress.engine_error(py, error, &path))
}

/// The `OSError` of a file.
fn file_error(error: &io::Error, path: &Path) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string(), path.to_owned())),
        None => PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}
