//! A Convex deployment in this process.

use std::{collections::BTreeMap, io, sync::Arc, time::SystemTime};

use base::{FunctionKind, Process};
use scan::Batch;
use value::Value;

use crate::{
    caller::Caller,
    data::{
        folders::{self, Folder},
        requests::MutationRequest,
        storage::{Target, make_folder},
    },
    engine::Engine,
    error::{Error, Result},
    executions::Execution,
    footprint::Footprint,
    options::Options,
    outcome::Outcome,
    statistics::{Calls, Sizes},
    vectors::VectorSource,
};

/// A handle on a deployment. All handles of a process on one folder share it; the last one closes it.
///
/// A handle can't be used in a forked child: every call there fails with [`Error::Forked`].
pub struct Deployment {
    engine: Option<Arc<Engine>>,
    process: Process,
}

impl Deployment {
    /// Opens a deployment, or another handle on one that is open.
    ///
    /// # Errors
    ///
    /// The folder is another process's, damaged, of a newer format, or open here with other options; a function file
    /// doesn't load; stored documents don't match the schema.
    pub fn open(target: Target, mut options: Options) -> Result<Self> {
        // One folder may be given by many paths.
        if let Some(folder) = &mut options.functions
            && let Ok(path) = folder.canonicalize()
        {
            *folder = path;
        }
        let Target::Folder(path) = target else {
            return Ok(Self::new(Arc::new(Engine::open(Target::Memory, None, options)?)));
        };
        make_folder(&path)?;
        let unreadable = |error: io::Error| Error::Io { path: path.clone(), reason: error.to_string() };
        let folder = folders::folder(&path).map_err(unreadable)?;
        let path = path.canonicalize().map_err(unreadable)?;
        let mut open = folder.lock();
        if let Some(engine) = open.get::<Engine>() {
            engine.storage.check_in_place()?;
            if let Some(difference) = engine.options.difference(&options) {
                return Err(Error::OptionsDiffer { path, difference });
            }
            return Ok(Self::new(engine));
        }
        let engine = Arc::new(Engine::open(Target::Folder(path), Some(Arc::clone(&folder)), options)?);
        open.set(&engine);
        Ok(Self::new(engine))
    }

    fn new(engine: Arc<Engine>) -> Self {
        engine.handle_made();
        Self { engine: Some(engine), process: Process::current() }
    }

    /// Calls a function: of one kind, or of any.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork. How the call itself ended is in the outcome.
    pub fn call(&self, kind: Option<FunctionKind>, path: &str, args: Value, caller: &Caller) -> Result<Outcome> {
        Ok(self.engine()?.call(kind, path, args, caller))
    }

    /// The name of the component whose functions run here; None for those of an app.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn component(&self) -> Result<Option<Arc<str>>> {
        Ok(self.engine()?.functions().component())
    }

    /// The reads and writes of a mutation if it ran now, for tests. It isn't committed.
    ///
    /// # Errors
    ///
    /// The handle is closed, or from before a fork. The function failed.
    pub fn footprint(&self, path: &str, args: Value, caller: &Caller) -> Result<Footprint> {
        self.engine()?.footprint(path, args, caller)
    }

    /// Calls a mutation once, however often it is requested. If the request succeeded before, its earlier outcome is
    /// returned. Outcomes are stored with the data for 14 days.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork. How the call itself ended is in the outcome.
    pub fn mutation_once(
        &self,
        request: &MutationRequest,
        path: &str,
        args: Value,
        caller: &Caller,
    ) -> Result<Outcome> {
        Ok(self.engine()?.mutation_once(request, path, args, caller))
    }

    /// The user of a token, checked with the providers of `auth.config`. Waits for a provider's keys if they aren't
    /// known yet.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the token is no provider's or not valid now; the provider's keys
    /// can't be fetched.
    pub fn user(&self, token: &str) -> Result<Caller> {
        self.engine()?.providers().identify(token, SystemTime::now()).map(Caller::user)
    }

    /// Like [`user`](Self::user), but never waits: `None` if a provider's keys may have to be fetched.
    ///
    /// # Errors
    ///
    /// As [`user`](Self::user).
    pub fn user_at_once(&self, token: &str) -> Result<Option<Caller>> {
        let identified = self.engine()?.providers().identify_at_once(token, SystemTime::now());
        Ok(identified.transpose()?.map(Caller::user))
    }

    /// Calls several queries at one snapshot: no commit comes between them. Each has its own outcome, in order.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn query_batch(&self, queries: Vec<(String, Value)>, caller: &Caller) -> Result<Vec<Outcome>> {
        let engine = self.engine()?;
        let mut snapshot = None;
        Ok(queries.into_iter().map(|(path, args)| engine.query_at(&mut snapshot, &path, args, None, caller)).collect())
    }

    /// Calls a query at the timestamp of the last commit. None if the timestamp isn't the last commit's, since older
    /// snapshots aren't kept.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the data can't be read.
    pub fn query_at(&self, timestamp: i64, path: &str, args: Value, caller: &Caller) -> Result<Option<Outcome>> {
        let engine = self.engine()?;
        let transaction = engine.begin_read().map_err(|error| engine.storage.place(error))?;
        if transaction.timestamp() != timestamp {
            return Ok(None);
        }
        Ok(Some(engine.query_at(&mut Some(transaction), path, args, None, caller)))
    }

    /// The vectors of a source after the last commit.
    ///
    /// # Errors
    ///
    /// The table has no such index; the data can't be read.
    pub fn vectors(&self, source: &VectorSource) -> Result<Arc<Batch>> {
        let engine = self.engine()?;
        engine.vectors(source).map_err(|error| engine.storage.place(error))
    }

    /// A number that grows with each commit that wrote: nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn commit_timestamp(&self) -> Result<i64> {
        Ok(self.engine()?.committed().clock.commit_timestamp)
    }

    /// The timestamp of this process's last commit that wrote to a table, or of the last commit before it opened the
    /// data. As long as it stays the same, data that was read from the table after this call stays valid.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn last_write(&self, table: &str) -> Result<i64> {
        Ok(self.engine()?.last_writes.get(table))
    }

    /// Loads the functions from their folder again. Calls that begin later see them, and live queries run again. The
    /// built-in functions stay as they are.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; a function file doesn't load; stored documents don't match the schema.
    /// The old functions stay.
    pub fn reload(&self) -> Result<()> {
        let engine = self.engine()?;
        engine.reload().map_err(|error| engine.storage.place(error))
    }

    /// Checks that the deployment can be read, and that its last writes are on the disk.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the data can't be read; the disk failed.
    pub fn check(&self) -> Result<()> {
        let engine = self.engine()?;
        let checked = engine.storage.check_in_place().and_then(|()| engine.storage.wait_for_disk());
        checked.and_then(|()| engine.begin_read().map(drop)).map_err(|error| engine.storage.place(error))
    }

    /// The calls of each function since the deployment was opened, by path. Those of functions that don't exist have
    /// no path.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn calls(&self) -> Result<BTreeMap<Option<String>, Calls>> {
        Ok(self.engine()?.statistics.get())
    }

    /// The sizes of what the deployment holds now.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the data can't be read.
    pub fn sizes(&self) -> Result<Sizes> {
        let engine = self.engine()?;
        engine.sizes().map_err(|error| engine.storage.place(error))
    }

    /// The latest calls that ended after a time in milliseconds since 1970, the oldest first. A thousand calls are kept.
    /// Each has the kind of its function.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn executions(&self, ended_ms: f64) -> Result<Vec<Execution>> {
        let engine = self.engine()?;
        let mut executions = engine.executions.since(ended_ms);
        for execution in executions.iter_mut().filter(|execution| execution.kind.is_none()) {
            execution.kind = engine.functions().find(&execution.path, false).ok().map(|function| function.kind);
        }
        Ok(executions)
    }

    /// Sets environment variables, or removes those without a value: all of them or none. Calls that begin later see the
    /// change in `process.env`, and so does `auth.config`.
    ///
    /// # Errors
    ///
    /// A name or a value is not one that Convex takes, or they are too many; `auth.config` fails with them; the data
    /// can't be written. No variable is changed.
    pub fn set_variables(&self, changes: Vec<(String, Option<String>)>) -> Result<()> {
        let engine = self.engine()?;
        engine.set_variables(changes).map_err(|error| engine.storage.place(error))
    }

    /// Makes sure that the schema has a table with a vector index, as `defineMastraNativeVectorTable(options)` of the
    /// built-in functions defines it.
    ///
    /// # Errors
    ///
    /// The table has that index with another declaration; a user's own functions folder doesn't declare it.
    pub fn declare_vector_table(&self, table: &str, options: Value) -> Result<()> {
        let engine = self.engine()?;
        engine.declare_vector_table(table, options).map_err(|error| engine.storage.place(error))
    }

    /// The number of threads that run on after their calls timed out, stuck in a built-in method of JavaScript.
    ///
    /// # Errors
    ///
    /// The deployment is closed.
    pub fn threads_left_behind(&self) -> Result<usize> {
        Ok(self.engine()?.functions().threads_left_behind())
    }

    pub(crate) fn engine(&self) -> Result<&Arc<Engine>> {
        if !self.process.is_current() {
            return Err(Error::Forked);
        }
        self.engine.as_ref().ok_or(Error::Closed)
    }
}

impl Clone for Deployment {
    fn clone(&self) -> Self {
        // A forked child has no use of the parent's engine, and must not wait for its locks.
        if let Some(engine) = self.engine.as_ref().filter(|_| self.process.is_current()) {
            engine.handle_made();
        }
        Self { engine: self.engine.clone(), process: self.process }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        if self.process.is_current() {
            // The next opener of the folder waits until the last handle has released it.
            let folder = engine.folder.clone();
            let _open = folder.as_deref().map(Folder::lock);
            engine.handle_closed();
            drop(engine);
        } else {
            // SQLite's connections belong to the parent; closing them here would break its locks.
            std::mem::forget(engine);
        }
    }
}
