//! The latest calls of functions, for `npx convex logs`.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use base::{FunctionKind, locked};

use crate::{data::clock::milliseconds_now, outcome::Outcome};

/// How many calls are kept, and the bytes of their texts.
const MAX_CALLS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The function's path as the caller gave it.
    pub path: String,
    /// The kind that the caller asked for; None if any.
    pub kind: Option<FunctionKind>,
    /// When it ended: milliseconds since 1970. No two calls have the same time.
    pub ended_ms: f64,
    /// How long it took.
    pub duration: Duration,
    /// The lines of its console.
    pub log_lines: Vec<String>,
    /// The text of its error.
    pub error: Option<String>,
    /// The number by which its client knows it.
    pub request: u64,
}

/// The latest calls, the oldest first.
#[derive(Default)]
pub(crate) struct Executions(Mutex<State>);

#[derive(Default)]
struct State {
    calls: VecDeque<Execution>,
    bytes: usize,
    last_ms: f64,
}

impl Executions {
    /// Keeps a call that has ended now.
    pub(crate) fn add(&self, (kind, path): (Option<FunctionKind>, &str), outcome: &Outcome) {
        let mut call = Execution {
            path: path.to_owned(),
            kind,
            ended_ms: milliseconds_now(),
            duration: outcome.duration,
            log_lines: outcome.log_lines.clone(),
            error: outcome.result.as_ref().err().map(ToString::to_string),
            request: outcome.request,
        };
        let mut state = locked(&self.0);
        // A 1024th of a millisecond is more than the spacing of such numbers.
        call.ended_ms = call.ended_ms.max(state.last_ms + 1.0 / 1024.0);
        state.last_ms = call.ended_ms;
        state.bytes += call.bytes();
        state.calls.push_back(call);
        while state.calls.len() > MAX_CALLS || (state.bytes > MAX_BYTES && state.calls.len() > 1) {
            let dropped = state.calls.pop_front();
            state.bytes -= dropped.as_ref().map_or(0, Execution::bytes);
        }
    }

    /// The calls that ended after a time, the oldest first.
    pub(crate) fn since(&self, ended_ms: f64) -> Vec<Execution> {
        let state = locked(&self.0);
        let first = state.calls.partition_point(|call| call.ended_ms <= ended_ms);
        state.calls.range(first..).cloned().collect()
    }
}

impl Execution {
    fn bytes(&self) -> usize {
        let texts = self.log_lines.iter().chain(&self.error).map(String::len).sum::<usize>();
        self.path.len() + texts
    }
}
