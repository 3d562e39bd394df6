//! Work that no caller waits for: mutations that commits left for later, and keeping the files of a folder small.
//!
//! A thread does it, in transactions of its own. It begins when there is work and ends when there is none, so that an
//! idle deployment has no thread. Work that is lost with the process is found again by a later write.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use base::{FunctionKind, locked};
use value::{Object, Value};

use super::Engine;
use crate::{
    caller::Caller,
    data::{compaction::Compaction, storage::Checkout, transaction::Mutation},
    error::{Error, Result},
};

/// How many mutations may wait. A later write leaves one again.
const MAX_WAITING: usize = 64;

/// After so many changed documents, a commit looks whether the files are too large.
const CHANGES_PER_LOOK: usize = 64;

/// The function that deletes some of the recorded changes of vector indexes, which have the ids of deleted rows. True if
/// there may be more. A folder of functions may lack it.
const DROP_CHANGES: &str = "mastra/vectors:dropChanges";

/// The time between two steps, which is left to writers.
const PAUSE: Duration = Duration::from_millis(5);

/// The work of a deployment that waits, and its thread.
pub(super) struct Tidying {
    has_work: AtomicBool,
    /// Changed documents since a commit last looked.
    changes: AtomicUsize,
    /// The deployment's handles. The thread ends with the last one.
    handles: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mutations: VecDeque<Mutation>,
    is_too_large: bool,
    thread: Option<JoinHandle<()>>,
    is_running: bool,
    is_stopped: bool,
}

enum Work {
    Call(Mutation),
    Shrink,
}

impl Default for Tidying {
    fn default() -> Self {
        // The first commit looks: the last process may have left a long log.
        let changes = AtomicUsize::new(CHANGES_PER_LOOK);
        Self { has_work: AtomicBool::default(), changes, handles: AtomicUsize::default(), state: Mutex::default() }
    }
}

impl Engine {
    /// Notes a commit: the mutations that it left for later, and how much it changed, in documents. `connection` is still
    /// the commit's.
    pub(super) fn leave(&self, connection: &Checkout, mutations: Vec<Mutation>, changes: usize) {
        let since_look = self.tidying.changes.fetch_add(changes, Ordering::Relaxed).saturating_add(changes);
        let is_too_large = since_look >= CHANGES_PER_LOOK && {
            self.tidying.changes.store(0, Ordering::Relaxed);
            // If the look fails, the next one will find it.
            self.storage.is_too_large(connection).unwrap_or_default()
        };
        if mutations.is_empty() && !is_too_large {
            return;
        }
        let mut state = locked(&self.tidying.state);
        for mutation in mutations {
            if state.mutations.len() < MAX_WAITING {
                state.mutations.push_back(mutation);
            }
        }
        state.is_too_large |= is_too_large;
        self.tidying.has_work.store(true, Ordering::Relaxed);
    }

    /// Begins the thread, if there is work.
    pub(crate) fn tidy_up(self: &Arc<Self>) {
        if !self.tidying.has_work.load(Ordering::Relaxed) {
            return;
        }
        let mut state = locked(&self.tidying.state);
        if state.is_running || state.is_stopped {
            return;
        }
        let engine = Arc::clone(self);
        let thread = thread::Builder::new().name("mastra-convex-tidying".to_owned());
        // If no thread can begin, the next call tries again.
        if let Ok(thread) = thread.spawn(move || engine.tidy()) {
            state.is_running = true;
            state.thread = Some(thread);
        }
    }

    /// Gives the space of deleted documents back: drops the recorded changes of vector indexes, writes the file anew
    /// without free pages, and empties the log. Writers wait meanwhile. A read-only folder can't be compacted.
    pub(crate) fn compact(self: &Arc<Self>) -> Result<Compaction> {
        self.drop_changes()?;
        self.storage.compact().map_err(|error| self.storage.place(error))
    }

    /// Lets the functions drop the recorded changes of vector indexes.
    fn drop_changes(self: &Arc<Self>) -> Result<()> {
        loop {
            let no_arguments = Object::default().into();
            let outcome = self.call(Some(FunctionKind::Mutation), DROP_CHANGES, no_arguments, &Caller::ADMIN);
            match outcome.result {
                Ok(Value::Boolean(true)) => {}
                Ok(_) | Err(Error::FunctionNotFound { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// A handle on the deployment was made.
    pub(crate) fn handle_made(&self) {
        self.tidying.handles.fetch_add(1, Ordering::Relaxed);
        locked(&self.tidying.state).is_stopped = false;
    }

    /// A handle on the deployment is closed. After the last one, no thread has the engine.
    pub(crate) fn handle_closed(&self) {
        if self.tidying.handles.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        let thread = {
            let mut state = locked(&self.tidying.state);
            state.is_stopped = true;
            state.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn tidy(self: &Arc<Self>) {
        while let Some(work) = self.tidying.next() {
            // A step that fails is tried again after a later write.
            match work {
                Work::Call((path, args)) => {
                    self.call(Some(FunctionKind::Mutation), &path, args, &Caller::ADMIN);
                }
                Work::Shrink => {
                    let mut frees = false;
                    while !self.tidying.is_stopped() && self.storage.shrink_some(&mut frees).unwrap_or_default() {
                        thread::sleep(PAUSE);
                    }
                }
            }
        }
    }
}

impl Tidying {
    /// The next work. None ends the thread.
    fn next(&self) -> Option<Work> {
        let mut state = locked(&self.state);
        if !state.is_stopped {
            if let Some(mutation) = state.mutations.pop_front() {
                return Some(Work::Call(mutation));
            }
            if std::mem::take(&mut state.is_too_large) {
                return Some(Work::Shrink);
            }
        }
        self.has_work.store(false, Ordering::Relaxed);
        state.is_running = false;
        None
    }

    fn is_stopped(&self) -> bool {
        locked(&self.state).is_stopped
    }
}
