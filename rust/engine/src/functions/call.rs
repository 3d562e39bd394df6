//! One call of a function: its access to the engine, and its results beside the value.

use std::{any::Any, collections::HashMap, sync::Arc, time::Duration};

use base::FunctionKind;
use value::{Packed, Value};
use wire::Code;

use super::{deadline::Deadline, random::next_random};
use crate::{
    caller::Caller,
    data::{clock::milliseconds_now, transaction::Transaction},
    error::{Error, Result},
};

/// Convex's limits on the console output of a call.
const LOG_LINES: usize = 256;
const LOG_LINE_BYTES: usize = 32_768;

/// Convex's bound on calls within a transaction.
const MAX_DEPTH: u32 = 8;

/// Convex doesn't limit how deep actions call actions. Here each takes memory until the called one has ended.
const MAX_ACTION_DEPTH: u32 = 256;

/// The end of a line that was cut.
const LINE_CUT: &str = " (truncated due to length)";

/// The parts of a deployment that functions reach outside of their own transaction.
pub(crate) trait Platform: Send + Sync {
    /// Runs a function for another function's call, and returns that call. It runs in the call's transaction, or, if
    /// there is none, in one of its own.
    fn run(&self, kind: FunctionKind, path: &str, args: Value, call: Call) -> (Result<Value>, Call);

    /// `ctx.vectorSearch`: ids and scores by descending score, then descending id. A condition whose value is `None`
    /// admits documents that lack the field; several are joined by OR.
    fn vector_search(
        &self,
        table: &str,
        index: &str,
        vector: &Packed,
        limit: f64,
        conditions: &[(String, Option<Value>)],
    ) -> Result<Vec<(String, f64)>>;
}

/// A function's description for `ctx.meta.getFunctionMetadata`.
#[derive(Clone)]
pub(super) struct FunctionName {
    pub(super) name: String,
    pub(super) kind: FunctionKind,
    pub(super) is_public: bool,
}

/// The running call's access to the engine.
#[derive(Default)]
pub(crate) struct Call {
    /// The database, for queries and mutations.
    pub(crate) transaction: Option<Transaction>,
    pub(super) platform: Option<Arc<dyn Platform>>,
    pub(super) caller: Option<Caller>,
    /// Before the run: the end of the function's page in an earlier run. Afterwards: the end of its page in this run.
    pub(crate) journal: Option<String>,
    /// The timestamp of its commit.
    pub(crate) timestamp: Option<i64>,
    /// Whether the function has read a page, which is allowed once.
    pub(super) has_paginated: bool,
    /// The time that it may take of its caller's, if it runs in the caller's transaction.
    pub(crate) time: Option<Duration>,
    /// The part of its time that the engine took.
    pub(crate) engine_time: Duration,
    /// Whether a function that it called runs now.
    pub(super) has_called: bool,
    /// The number of calls around it; if it has a transaction, only those that share it.
    pub(super) depth: u32,
    /// The function that runs: name, kind, visibility.
    pub(super) function: Option<FunctionName>,
    pub(crate) log_lines: Vec<String>,
    /// An error of the storage. It ends the call even if the function catches it.
    pub(crate) failure: Option<Error>,
    /// A panic in a method. QuickJS would turn it into an exception, and give the panic to the next code that throws.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
    /// Milliseconds since 1970. It doesn't advance in functions that must be deterministic.
    pub(super) now: f64,
    /// State of `Math.random`.
    pub(super) random: u64,
    /// Packed arrays that JavaScript holds proxies of.
    pub(super) packed: HashMap<usize, Packed>,
    /// How many numbers were assigned so far. Each is used once in an isolate.
    pub(super) numbers: usize,
    /// The engine's errors that JavaScript holds as exceptions.
    pub(super) errors: HashMap<usize, Error>,
}

impl Call {
    /// A call with the clock of now, in whole milliseconds, and a fresh seed.
    pub(crate) fn new(platform: Arc<dyn Platform>, caller: Caller) -> Result<Self> {
        let random = getrandom::u64().map_err(|error| Error::function(Code::InternalServerError, error.to_string()))?;
        Ok(Self { platform: Some(platform), caller: Some(caller), now: milliseconds_now(), random, ..Self::default() })
    }

    /// The call in which modules load. It has a fixed clock and a fixed random seed, and no deployment.
    pub(super) fn at_load(now: f64) -> Self {
        Self { now, random: now.to_bits(), ..Self::default() }
    }

    /// Begins the call of another function. It has this call's transaction until [`Call::end`] takes it back.
    pub(super) fn begin(&mut self, deadline: &Deadline) -> Result<Self> {
        let limit = if self.transaction.is_some() { MAX_DEPTH } else { MAX_ACTION_DEPTH };
        if self.depth == limit {
            return Err(Error::says(Code::FunctionCallDepthExceeded, &[]));
        }
        self.has_called = true;
        let transaction = self.transaction.take();
        let (time, now) = match transaction {
            Some(_) => (Some(deadline.left()), self.now),
            None => (None, milliseconds_now()),
        };
        Ok(Self {
            transaction,
            platform: self.platform.clone(),
            caller: self.caller.clone(),
            time,
            depth: self.depth + 1,
            now,
            random: next_random(&mut self.random),
            ..Self::default()
        })
    }

    /// Begins to count calls within a transaction of its own.
    pub(crate) fn begin_transaction(&mut self) {
        self.depth = 0;
    }

    /// Takes the transaction back from a called function, and its console lines.
    pub(super) fn end(&mut self, called: Self, deadline: &Deadline) {
        self.has_called = false;
        self.transaction = called.transaction;
        for line in called.log_lines {
            self.log(line);
        }
        if called.time.is_some() {
            deadline.give_back(called.engine_time);
        }
    }

    /// Keeps a line of the console. The last kept line says that more were dropped.
    pub(super) fn log(&mut self, mut line: String) {
        if line.len() > LOG_LINE_BYTES {
            line.truncate(line.floor_char_boundary(LOG_LINE_BYTES - LINE_CUT.len()));
            line.push_str(LINE_CUT);
        }
        if self.log_lines.len() < LOG_LINES {
            self.log_lines.push(line);
        } else if let Some(last) = self.log_lines.last_mut() {
            *last = format!("[ERROR] Log overflow (maximum {LOG_LINES}). Remaining log lines omitted.");
        }
    }

    pub(super) fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }
}
