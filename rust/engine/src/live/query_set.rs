//! Sets of live queries, which are updated as commits come.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex},
};

use base::locked;
use value::Value;
use wire::Code;

use super::watches::Watches;
use crate::{
    caller::Caller,
    data::{reads::Reads, transaction::Transaction},
    deployment::Deployment,
    error::{Error, Result},
    outcome::Outcome,
};

/// A set of queries whose outcomes are all of one snapshot: Convex's query set.
///
/// It keeps its deployment open. Dropping it ends its queries.
pub struct QuerySet {
    deployment: Deployment,
    id: u64,
    caller: Caller,
    queries: BTreeMap<u32, LiveQuery>,
    /// The size that all results may have together, and their current size.
    max_bytes: usize,
    bytes: usize,
}

struct LiveQuery {
    path: String,
    args: Value,
    outcome: Option<Outcome>,
    /// The size of its result, as a part of the total.
    bytes: usize,
    /// The size of its result, if there was no room for it.
    wanted: Option<usize>,
    /// The end of its page in the last run, so that the next run returns the same page.
    journal: Option<String>,
}

/// The outcome of a refresh.
#[derive(Debug)]
pub struct Refreshed {
    /// The timestamp at which all outcomes of the set are true.
    pub timestamp: i64,
    /// The queries whose outcomes changed.
    pub changed: BTreeSet<u32>,
}

impl QuerySet {
    /// An empty set. `wake` is called when a commit touched a query's read set, once until the next refresh. It runs
    /// within that commit, so it must neither wait nor call the deployment.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn new(deployment: &Deployment, caller: Caller, wake: impl Fn() + Send + Sync + 'static) -> Result<Self> {
        let id = locked(&deployment.engine()?.watches).add_set(Arc::new(wake));
        Ok(Self {
            deployment: deployment.clone(),
            id,
            caller,
            queries: BTreeMap::new(),
            max_bytes: usize::MAX,
            bytes: 0,
        })
    }

    /// Limits the total size of the results, counted as Convex counts values. A query whose result has no room fails,
    /// until there is room.
    #[must_use]
    pub fn bounded(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Adds a query, under a number that no other query of the set has. It runs at the next refresh. If it ran before
    /// in another set, its journal has the end of its page.
    pub fn add(&mut self, query: u32, path: String, args: Value, journal: Option<String>) {
        self.queries.insert(query, LiveQuery { path, args, outcome: None, bytes: 0, wanted: None, journal });
        self.with_watches(|watches| watches.mark_stale((self.id, query)));
    }

    /// Removes a query.
    pub fn remove(&mut self, query: u32) {
        if let Some(removed) = self.queries.remove(&query) {
            self.bytes -= removed.bytes;
        }
        self.with_watches(|watches| watches.remove((self.id, query)));
        self.use_room();
    }

    /// Makes all queries run again, as another caller.
    pub fn set_caller(&mut self, caller: Caller) {
        self.caller = caller;
        self.with_watches(|watches| {
            for query in self.queries.keys() {
                watches.mark_stale((self.id, *query));
            }
        });
    }

    /// Whether a query should run again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.deployment.engine().is_ok_and(|engine| locked(&engine.watches).is_stale(self.id))
    }

    /// Runs the stale queries at the last commit. Then the outcomes of all queries are true at that commit, which is as
    /// durable as an acknowledged one.
    ///
    /// # Errors
    ///
    /// The handle is of before a fork, or the data can't be read; the queries are unchanged. Or the disk failed; its
    /// content isn't known until the deployment is opened again.
    pub fn refresh(&mut self) -> Result<Refreshed> {
        let engine = Arc::clone(self.deployment.engine()?);
        let begun = engine.begin_live(|watches, timestamp| watches.begin(self.id, timestamp));
        let (transaction, stale) = begun.map_err(|error| engine.storage.place(error))?;
        let timestamp = transaction.timestamp();
        let mut snapshot = Some(transaction);
        let mut changed = BTreeSet::new();
        let mut run = Run { watches: &engine.watches, set: self.id, timestamp, left: stale, ran: Vec::new() };
        for number in run.left.clone() {
            let Some(query) = self.queries.get_mut(&number) else { continue };
            let (path, args, journal) = (query.path.clone(), query.args.clone(), query.journal.take());
            let mut outcome = engine.query_at(&mut snapshot, &path, args, journal, &self.caller);
            self.bytes -= mem::take(&mut query.bytes);
            let bytes = outcome.result.as_ref().map_or(0, value::size::size);
            query.wanted = (bytes > self.max_bytes - self.bytes).then_some(bytes);
            if query.wanted.is_some() {
                outcome.result = Err(too_much(&path, self.max_bytes));
            } else {
                (query.bytes, self.bytes) = (bytes, self.bytes + bytes);
            }
            query.journal.clone_from(&outcome.journal);
            run.ran.push((number, snapshot.as_mut().map(Transaction::take_reads).unwrap_or_default()));
            run.left.remove(&number);
            if query.outcome.as_ref().is_none_or(|before| !before.is_same(&outcome)) {
                query.outcome = Some(outcome);
                changed.insert(number);
            }
        }
        drop(run);
        self.use_room();
        // A state that a power cut could undo isn't shown.
        engine.storage.wait_for_disk().map_err(|error| engine.storage.place(error))?;
        Ok(Refreshed { timestamp, changed })
    }

    /// The outcome of a query's last run.
    #[must_use]
    pub fn outcome(&self, query: u32) -> Option<&Outcome> {
        self.queries.get(&query)?.outcome.as_ref()
    }

    /// The path of a query.
    #[must_use]
    pub fn path(&self, query: u32) -> Option<&str> {
        Some(&self.queries.get(&query)?.path)
    }

    /// Marks the queries whose results had no room, but would have it now, to run again.
    fn use_room(&self) {
        let room = self.max_bytes - self.bytes;
        self.with_watches(|watches| {
            for (number, query) in &self.queries {
                if query.wanted.is_some_and(|bytes| bytes <= room) {
                    watches.touch((self.id, *number));
                }
            }
        });
    }

    /// Does nothing in a forked child, where the handle has no deployment.
    fn with_watches(&self, act: impl FnOnce(&mut Watches)) {
        if let Ok(engine) = self.deployment.engine() {
            act(&mut locked(&engine.watches));
        }
    }
}

/// A run of stale queries, during which commits are kept. It ends even if a query panics.
struct Run<'a> {
    watches: &'a Mutex<Watches>,
    set: u64,
    timestamp: i64,
    left: BTreeSet<u32>,
    ran: Vec<(u32, Reads)>,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let mut watches = locked(self.watches);
        watches.end(self.set, self.timestamp, mem::take(&mut self.ran));
        for query in &self.left {
            watches.mark_stale((self.set, *query));
        }
    }
}

impl Drop for QuerySet {
    fn drop(&mut self) {
        self.with_watches(|watches| watches.remove_set(self.id));
    }
}

fn too_much(path: &str, max_bytes: usize) -> Error {
    let message =
        format!("The results of a client's queries may have {max_bytes} bytes together; {path}'s is too much.");
    Error::function(Code::TooManyBytesInQuerySet, message)
}

impl Outcome {
    /// Whether two outcomes look the same to a caller.
    fn is_same(&self, other: &Self) -> bool {
        let is_same_result = match (&self.result, &other.result) {
            (Ok(a), Ok(b)) => a == b,
            (Err(a), Err(b)) => a.code() == b.code() && a.to_string() == b.to_string(),
            _ => false,
        };
        is_same_result && self.log_lines == other.log_lines
    }
}
