//! One call of a function: what it may use, and what it leaves behind.

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

/// Convex's bounds on what a call may log.
const LOG_LINES: usize = 256;
const LOG_LINE_BYTES: usize = 32_768;

/// Convex's bound on calls within a transaction.
const MAX_DEPTH: u32 = 8;

/// Actions call actions as deep as they like, but each takes memory of this process until the one it called has ended.
const MAX_ACTION_DEPTH: u32 = 256;

/// Ends a line that was longer.
const LINE_CUT: &str = " (truncated due to length)";

/// The deployment that functions run on, as they reach it beyond their own transaction.
pub(crate) trait Platform: Send + Sync {
    /// Runs a function for another one's call, which comes back with what it did: in that call's transaction, or if
    /// it has none in one of its own.
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

/// A function as `ctx.meta.getFunctionMetadata` tells of it.
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
    /// Where the function's page ends, known from an earlier run; afterwards, where it ended.
    pub(crate) journal: Option<String>,
    /// When what it did was committed.
    pub(crate) timestamp: Option<i64>,
    /// Whether it has asked for a page, which a function may do once.
    pub(super) has_paginated: bool,
    /// How much of its caller's time it may take, where it runs in a caller's transaction.
    pub(crate) time: Option<Duration>,
    /// How much of the time it took was the engine's.
    pub(crate) engine_time: Duration,
    /// How many calls it is within: of those that share its transaction, if it has one.
    pub(super) depth: u32,
    /// The function that runs: name, kind, visibility.
    pub(super) function: Option<FunctionName>,
    pub(crate) log_lines: Vec<String>,
    /// An error that ends the call whatever the function makes of it: the storage failed.
    pub(crate) failure: Option<Error>,
    /// A panic in a method: QuickJS would make an exception of it, and give the panic to the next code that throws.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
    /// Milliseconds since 1970; stands still where functions must be deterministic.
    pub(super) now: f64,
    /// State of `Math.random`.
    pub(super) random: u64,
    /// Packed arrays that JavaScript holds proxies of.
    pub(super) packed: HashMap<usize, Packed>,
    /// Numbers given out so far: no two calls of an isolate have one in common.
    pub(super) numbers: usize,
    /// Errors of the engine's that JavaScript holds as exceptions.
    pub(super) errors: HashMap<usize, Error>,
}

impl Call {
    /// A call with the clock of now, in whole milliseconds, and a fresh seed.
    pub(crate) fn new(platform: Arc<dyn Platform>, caller: Caller) -> Result<Self> {
        let random = getrandom::u64().map_err(|error| Error::function(Code::InternalServerError, error.to_string()))?;
        Ok(Self { platform: Some(platform), caller: Some(caller), now: milliseconds_now(), random, ..Self::default() })
    }

    /// What modules find while they load: a clock and chance that are the same whenever that is, and nothing else.
    pub(super) fn at_load(now: f64) -> Self {
        Self { now, random: now.to_bits(), ..Self::default() }
    }

    /// The call of a function that this one calls. It has this one's transaction until [`Call::end`] takes it back.
    pub(super) fn begin(&mut self, deadline: &Deadline) -> Result<Self> {
        let limit = if self.transaction.is_some() { MAX_DEPTH } else { MAX_ACTION_DEPTH };
        if self.depth == limit {
            return Err(Error::says(Code::FunctionCallDepthExceeded, &[]));
        }
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

    /// Takes back what a called function was given, and what it logged.
    pub(super) fn end(&mut self, called: Self, deadline: &Deadline) {
        self.transaction = called.transaction;
        for line in called.log_lines {
            self.log(line);
        }
        if called.time.is_some() {
            deadline.give_back(called.engine_time);
        }
    }

    /// Keeps a line of the console. The last one kept says where there were more.
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
