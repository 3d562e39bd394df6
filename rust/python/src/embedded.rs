//! An embedded deployment.

use std::{
    collections::HashMap,
    fs::File,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use base::{FunctionKind, locked};
use client::{Description, INDEXES};
use engine::{Caller, Deployment, Error, ImportMode, Limits, Options, Synchronous, Target};
use pyo3::prelude::*;
use value::Value;

use crate::{
    administrator::owner_as_administrator,
    batch::{VectorBatch, parse_metric},
    convert::{arguments_from_python, from_python, to_python},
    error::{Credential, Exception, client_error, engine_error, invalid_argument},
    footprint::Footprint,
    functions::{log, parse_kind},
    interruption::detached,
    results::{Origin, QueryResults},
    signal,
    snapshot::{Progress, SnapshotSummary},
    subscription::{Subscription, Subscriptions},
    vector_index::VectorIndex,
};

/// A handle on a deployment in this process.
#[pyclass(frozen)]
pub(crate) struct EmbeddedDeployment {
    shared: Arc<Shared>,
    /// The caller of the owner's calls through this handle.
    owner: Caller,
}

/// The part that the handles of the owner and of the administrator share.
struct Shared {
    /// None once the deployment is closed.
    deployment: RwLock<Option<Deployment>>,
    /// Returns the token of the calling user; None if the owner calls.
    auth_token: Option<Arc<Py<PyAny>>>,
    /// The subscriptions, which end with the deployment.
    subscriptions: Subscriptions,
    /// Descriptions of vector indexes. Each has the timestamp of the last write to the list of indexes before it was
    /// read.
    descriptions: Mutex<HashMap<client::VectorIndex, (i64, Description)>>,
}

#[pymethods]
impl EmbeddedDeployment {
    #[new]
    #[pyo3(signature = (folder, *, functions, limits, synchronous, auth_config=None, auth_token=None, lacks=vec![]))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        py: Python<'_>,
        folder: Option<PathBuf>,
        functions: Option<PathBuf>,
        limits: &str,
        synchronous: &str,
        auth_config: Option<PathBuf>,
        auth_token: Option<Py<PyAny>>,
        lacks: Vec<String>,
    ) -> PyResult<Self> {
        let mut limits = match limits {
            "convex" => Limits::CONVEX,
            "off" => Limits::OFF,
            other => return Err(invalid_argument(py, format!("limits: {other:?}; expected \"convex\" or \"off\""))),
        };
        for name in lacks {
            match name.as_str() {
                "getSnapshotTs" => limits.snapshot_timestamps = false,
                "commitTs" => limits.commit_timestamps = false,
                "renumbering" => limits.renumbers_tables = false,
                other => return Err(invalid_argument(py, format!("lacks: {other:?}"))),
            }
        }
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
        let shared = Shared {
            deployment: RwLock::new(Some(deployment)),
            auth_token: auth_token.map(Arc::new),
            subscriptions: Subscriptions::default(),
            descriptions: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), owner: Caller::ADMIN })
    }

    /// A handle through which the owner calls as the administrator, whom every rule of `auth.ts` admits.
    fn as_administrator(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), owner: owner_as_administrator() }
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kind = parse_kind(py, kind)?;
        let value = self.value(py, kind, path, arguments_from_python(args)?)?;
        to_python(py, &value)
    }

    /// The same as `call`: in one process, no answer can get lost and need a repetition.
    fn read<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        path: &str,
        args: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.call(py, kind, path, args)
    }

    /// The reads and writes of a mutation, if it ran now. It isn't committed.
    fn footprint(&self, py: Python<'_>, path: &str, args: &Bound<'_, PyAny>) -> PyResult<Footprint> {
        let (args, caller) = (arguments_from_python(args)?, self.caller(py)?);
        self.with(py, |deployment| deployment.footprint(path, args, &caller)).map(Footprint)
    }

    fn subscribe(&self, py: Python<'_>, path: String, args: &Bound<'_, PyAny>) -> PyResult<Subscription> {
        let args = arguments_from_python(args)?;
        self.with(py, |deployment| {
            let (owner, auth_token) = (self.owner.clone(), self.shared.auth_token.clone());
            let subscription = Subscription::embedded(deployment, path, args, owner, auth_token)?;
            self.shared.subscriptions.add(&subscription);
            Ok(subscription)
        })
    }

    fn describe(&self, py: Python<'_>, index: &VectorIndex) -> PyResult<Option<(usize, String)>> {
        Ok(self.description(py, index)?.map(|description| (description.dimension, description.metric)))
    }

    /// Returns None: rows in this process are scored by the kernel.
    #[pyo3(signature = (index, query_vector, top_k, *, filter, include_vector, min_score))]
    #[expect(unused_variables, clippy::unused_self, reason = "as of a remote deployment")]
    fn search(
        &self,
        index: &VectorIndex,
        query_vector: Option<&Bound<'_, PyAny>>,
        top_k: &Bound<'_, PyAny>,
        filter: Option<&Bound<'_, PyAny>>,
        include_vector: bool,
        min_score: Option<&Bound<'_, PyAny>>,
    ) -> Option<QueryResults> {
        None
    }

    fn vectors(&self, py: Python<'_>, index: &VectorIndex) -> PyResult<Option<VectorBatch>> {
        let Some(description) = self.description(py, index)? else { return Ok(None) };
        let metric = parse_metric(py, &description.metric)?;
        let source = index.source(description.dimension);
        let batch = self.with(py, |deployment| deployment.vectors(&source))?;
        Ok(Some(VectorBatch::from_batch(batch, metric, Origin::here("embedded"))))
    }

    fn declare_vector_table(&self, py: Python<'_>, table: &str, options: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = from_python(options, "options")?;
        // Users may not extend the schema.
        if self.shared.auth_token.is_some() {
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

    #[pyo3(signature = (path, *, mode, progress))]
    fn import_snapshot(
        &self,
        py: Python<'_>,
        path: PathBuf,
        mode: &str,
        progress: Py<PyAny>,
    ) -> PyResult<SnapshotSummary> {
        self.check_owner(py, "import into it")?;
        let (deployment, mut progress) = (self.share(py)?, Progress::new(progress));
        let mode = ImportMode::from_name(mode).ok_or_else(|| invalid_argument(py, format!("mode {mode:?}")))?;
        let imported = py.detach(|| {
            let file = File::open(&path).map_err(Error::SnapshotFile)?;
            deployment.import_snapshot(&file, mode, &mut progress.of_engine())
        });
        imported.map(Into::into).map_err(|error| progress.engine_error(py, error, &path))
    }

    /// Loads the functions from their folder again.
    fn reload(&self, py: Python<'_>) -> PyResult<()> {
        self.check_owner(py, "reload its functions")?;
        self.with(py, Deployment::reload)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.shared.close());
    }
}

impl EmbeddedDeployment {
    /// Another handle on the deployment.
    pub(crate) fn share(&self, py: Python<'_>) -> PyResult<Deployment> {
        self.with(py, |deployment| Ok(deployment.clone()))
    }

    /// The return value of a function.
    fn value(&self, py: Python<'_>, kind: FunctionKind, path: &str, args: Value) -> PyResult<Value> {
        let caller = self.caller(py)?;
        let ended = detached(py, || self.act(|deployment| deployment.call(Some(kind), path, args, &caller)));
        let outcome = ended.or_raised(py, |outcome| {
            let is_done = outcome.as_ref().is_ok_and(|outcome| outcome.result.is_ok());
            match (kind, is_done) {
                (FunctionKind::Query, _) => None,
                (_, true) => Some(format!("{path} was executed, and its writes are committed.")),
                (FunctionKind::Mutation, false) => Some(format!("Nothing of {path} was committed.")),
                (FunctionKind::Action, false) => {
                    Some(format!("{path} was ended early. The mutations that it had finished are committed."))
                }
            }
        })?;
        let outcome = outcome.map_err(|error| engine_error(py, &error))?;
        log(py, path, &outcome.log_lines)?;
        outcome.result.map_err(|error| engine_error(py, &error))
    }

    /// The description of a vector index by the storage function. The owner's answer is kept until the list of indexes
    /// is written. A user is admitted or refused by the function, so it is called each time.
    fn description(&self, py: Python<'_>, index: &VectorIndex) -> PyResult<Option<Description>> {
        let is_owner = self.shared.auth_token.is_none();
        let written = self.with(py, |deployment| deployment.last_write(INDEXES))?;
        if let Some((read_after, description)) = locked(&self.shared.descriptions).get(&index.index)
            && is_owner
            && *read_after == written
        {
            return Ok(Some(description.clone()));
        }
        let reply = self.value(py, FunctionKind::Mutation, &index.index.storage_function, index.index.describe())?;
        let description =
            Description::of_reply(&reply).map_err(|error| client_error(py, error, Credential::Nothing))?;
        let mut descriptions = locked(&self.shared.descriptions);
        match &description {
            Some(description) => descriptions.insert(index.index.clone(), (written, description.clone())),
            None => descriptions.remove(&index.index),
        };
        Ok(description)
    }

    fn caller(&self, py: Python<'_>) -> PyResult<Caller> {
        let Some(auth_token) = &self.shared.auth_token else { return Ok(self.owner.clone()) };
        let token: String = auth_token.call0(py)?.extract(py)?;
        self.with(py, |deployment| deployment.user(&token))
    }

    /// Refuses a user, who may only call functions.
    fn check_owner(&self, py: Python<'_>, act: &str) -> PyResult<()> {
        if self.shared.auth_token.is_none() {
            return Ok(());
        }
        let message = format!("only the owner of a deployment may {act}: connect without auth_token");
        Err(Exception::new("PermissionDeniedError", message).into_err(py))
    }

    /// Uses the deployment with the GIL released.
    fn with<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Deployment) -> Result<T, Error> + Send) -> PyResult<T> {
        py.detach(|| self.act(act)).map_err(|error| engine_error(py, &error))
    }

    fn act<T>(&self, act: impl FnOnce(&Deployment) -> Result<T, Error>) -> Result<T, Error> {
        match self.shared.deployment.read() {
            Ok(deployment) => deployment.as_ref().map_or(Err(Error::Closed), act),
            Err(_) => Err(Error::Closed),
        }
    }
}

impl Shared {
    /// Closes the deployment and its subscriptions, each of which has a handle of its own.
    fn close(&self) {
        let deployment = self.deployment.write().unwrap_or_else(PoisonError::into_inner).take();
        self.subscriptions.close();
        drop(deployment);
    }
}

impl Drop for Shared {
    /// Closes with the GIL released: closing waits for a thread that forks, and that thread may wait for the GIL.
    fn drop(&mut self) {
        let deployment = self.deployment.get_mut().map(Option::take).unwrap_or_default();
        if deployment.is_some() {
            Python::attach(|py| py.detach(|| drop(deployment)));
        }
    }
}

/// For `os.register_at_fork`, before a fork: keeps other threads from opening or closing a folder.
#[pyfunction]
pub(crate) fn before_fork(py: Python<'_>) {
    py.detach(engine::before_fork);
}

/// For `os.register_at_fork`, in the parent: lets other threads continue.
#[pyfunction]
pub(crate) fn after_fork_in_parent() {
    engine::after_fork_in_parent();
}

/// For `os.register_at_fork`, in the child: releases the folders that belong to the parent.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    engine::after_fork_in_child();
    signal::after_fork_in_child();
}
