//! An embedded deployment.

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use engine::{
    Caller, Deployment, Error, ImportMode, Limits, MetadataSource, Options, Synchronous, Target, VectorSource,
};
use pyo3::prelude::*;

use crate::{
    administrator::owner,
    batch::{VectorBatch, parse_metric},
    convert::{arguments_from_python, from_python, to_python},
    error::{Exception, engine_error, invalid_argument},
    functions::{log, parse_kind},
    results::Origin,
    signal,
    snapshot::{Progress, SnapshotSummary},
    subscription::{Subscription, Subscriptions},
};

/// A handle on a deployment in this process.
#[pyclass(frozen)]
pub(crate) struct EmbeddedDeployment {
    /// None once it is closed.
    deployment: RwLock<Option<Deployment>>,
    /// What returns the token of the user who calls; None: the owner calls.
    auth_token: Option<Arc<Py<PyAny>>>,
    /// What ends with this handle.
    subscriptions: Subscriptions,
}

#[pymethods]
impl EmbeddedDeployment {
    #[new]
    #[pyo3(signature = (folder, *, functions, limits, synchronous, auth_config=None, auth_token=None))]
    fn new(
        py: Python<'_>,
        folder: Option<PathBuf>,
        functions: Option<PathBuf>,
        limits: &str,
        synchronous: &str,
        auth_config: Option<PathBuf>,
        auth_token: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let limits = match limits {
            "convex" => Limits::CONVEX,
            "off" => Limits::OFF,
            other => return Err(invalid_argument(py, format!("limits: {other:?}; expected \"convex\" or \"off\""))),
        };
        let synchronous = match synchronous {
            "full" => Synchronous::Full,
            "normal" => Synchronous::Normal,
            other => {
                return Err(invalid_argument(py, format!("synchronous: {other:?}; expected \"full\" or \"normal\"")));
            }
        };
        let target = folder.map_or(Target::Memory, Target::Folder);
        let options = Options { functions, limits, synchronous, auth_config };
        let deployment = py.detach(|| Deployment::open(target, options)).map_err(|error| engine_error(py, &error))?;
        let auth_token = auth_token.map(Arc::new);
        Ok(Self { deployment: RwLock::new(Some(deployment)), auth_token, subscriptions: Subscriptions::default() })
    }

    #[pyo3(signature = (kind, path, args, *, reads, as_admin))]
    #[expect(unused_variables, reason = "`reads`, whether it may be executed twice, is of use over a network")]
    fn call<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
        reads: bool,
        as_admin: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (kind, _) = parse_kind(py, kind)?;
        let args = arguments_from_python(args)?;
        let caller = self.caller(py, as_admin)?;
        let outcome = self.with(py, |deployment| deployment.call(Some(kind), path, args, &caller))?;
        log(py, path, &outcome.log_lines)?;
        to_python(py, &outcome.result.map_err(|error| engine_error(py, &error))?)
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
        self.with(py, |deployment| {
            let auth_token = self.auth_token.clone();
            let subscription = Subscription::embedded(deployment, path, args, owner(as_admin), auth_token)?;
            self.subscriptions.add(&subscription);
            Ok(subscription)
        })
    }

    #[pyo3(signature = (*, table, index, prefix, vector_field, dimension, id_field, metadata_field, metric))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn vectors(
        &self,
        py: Python<'_>,
        table: String,
        index: String,
        prefix: Vec<String>,
        vector_field: String,
        dimension: usize,
        id_field: String,
        metadata_field: String,
        metric: &str,
    ) -> PyResult<VectorBatch> {
        let metric = parse_metric(py, metric)?;
        let prefix = prefix.into_iter().map(Into::into).collect();
        let metadata = MetadataSource::Field(metadata_field);
        let source = VectorSource { table, index, prefix, vector_field, dimension, id_field, metadata };
        let batch = self.with(py, |deployment| deployment.vectors(&source))?;
        Ok(VectorBatch::from_batch(batch, metric, Origin::here("embedded")))
    }

    fn last_write(&self, py: Python<'_>, table: &str) -> PyResult<i64> {
        self.with(py, |deployment| deployment.last_write(table))
    }

    fn declare_vector_table(&self, py: Python<'_>, table: &str, options: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = from_python(options, "options")?;
        // The schema isn't a user's to extend.
        if self.auth_token.is_some() {
            return Ok(());
        }
        self.with(py, |deployment| deployment.declare_vector_table(table, options))
    }

    #[pyo3(signature = (path, *, progress))]
    fn export_snapshot(&self, py: Python<'_>, path: PathBuf, progress: Py<PyAny>) -> PyResult<SnapshotSummary> {
        self.check_owner(py, "export it")?;
        let (deployment, mut progress) = (self.share(py)?, Progress::new(progress));
        let exported = py.detach(|| {
            let file = File::create(&path).map_err(Error::SnapshotFile)?;
            let (_, summary) = deployment.export_snapshot(&file, &mut progress.of_engine())?;
            file.sync_all().map_err(Error::SnapshotFile)?;
            Ok(summary)
        });
        exported.map(Into::into).map_err(|error| progress.engine_error(py, error, &path))
    }

    #[pyo3(signature = (path, *, replace, progress))]
    fn import_snapshot(
        &self,
        py: Python<'_>,
        path: PathBuf,
        replace: bool,
        progress: Py<PyAny>,
    ) -> PyResult<SnapshotSummary> {
        self.check_owner(py, "import into it")?;
        let (deployment, mut progress) = (self.share(py)?, Progress::new(progress));
        let mode = if replace { ImportMode::Replace } else { ImportMode::RequireEmpty };
        let imported = py.detach(|| {
            let file = File::open(&path).map_err(Error::SnapshotFile)?;
            deployment.import_snapshot(&file, mode, &mut progress.of_engine())
        });
        imported.map(Into::into).map_err(|error| progress.engine_error(py, error, &path))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.disconnect());
    }
}

impl Drop for EmbeddedDeployment {
    /// Closing waits for a thread that forks, which may wait for the GIL.
    fn drop(&mut self) {
        let deployment = self.deployment.get_mut().map(Option::take).unwrap_or_default();
        if deployment.is_some() {
            Python::attach(|py| py.detach(|| drop(deployment)));
        }
    }
}

impl EmbeddedDeployment {
    /// Another handle on the deployment.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Deployment> {
        self.with(py, |deployment| Ok(deployment.clone()))
    }

    fn caller(&self, py: Python<'_>, as_admin: bool) -> PyResult<Caller> {
        let Some(auth_token) = &self.auth_token else { return Ok(owner(as_admin)) };
        let token: String = auth_token.call0(py)?.extract(py)?;
        self.with(py, |deployment| deployment.user(&token))
    }

    /// A user reaches what functions give, and nothing else.
    fn check_owner(&self, py: Python<'_>, act: &str) -> PyResult<()> {
        if self.auth_token.is_none() {
            return Ok(());
        }
        let message = format!("only the owner of a deployment may {act}: connect without auth_token");
        Err(Exception::new("PermissionDeniedError", message).into_err(py))
    }

    /// Ends the subscriptions too: each holds a handle of its own.
    fn disconnect(&self) {
        let deployment = self.deployment.write().unwrap_or_else(PoisonError::into_inner).take();
        self.subscriptions.close();
        drop(deployment);
    }

    /// Does something with the deployment, the GIL released.
    fn with<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Deployment) -> Result<T, Error> + Send) -> PyResult<T> {
        py.detach(|| match self.deployment.read() {
            Ok(deployment) => deployment.as_ref().map_or(Err(Error::Closed), act),
            Err(_) => Err(Error::Closed),
        })
        .map_err(|error| engine_error(py, &error))
    }
}

/// For `os.register_at_fork`: nobody is opening or closing a folder while the process forks.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(engine::before_fork);
}

/// For `os.register_at_fork`: others may go on.
#[pyfunction]
pub(crate) fn after_fork_in_parent() {
    engine::after_fork_in_parent();
}

/// For `os.register_at_fork`: lets go of what belongs to the parent.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    engine::after_fork_in_child();
    signal::after_fork_in_child();
}
