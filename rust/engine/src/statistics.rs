//! Numbers for monitoring: the calls of each function, and the sizes of what a deployment holds.

use std::{collections::BTreeMap, sync::Mutex};

use base::locked;

use crate::outcome::Outcome;

/// The upper ends of the classes into which calls are counted by their duration, in seconds.
pub const DURATIONS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The outcome of a call that succeeded. Others have the code of their error.
const SUCCESS: &str = "success";

/// The calls of a function so far.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// Their number by outcome: `success`, or the code of an error.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Their number by class of [`DURATIONS`]. Calls that took longer are in none.
    pub durations: [u64; DURATIONS.len()],
    /// The time that all of them took, in seconds.
    pub seconds: f64,
}

impl Calls {
    fn add(&mut self, outcome: &Outcome) {
        let name = outcome.result.as_ref().map_or_else(crate::Error::code, |_| SUCCESS);
        *self.outcomes.entry(name).or_default() += 1;
        let seconds = outcome.duration.as_secs_f64();
        self.seconds += seconds;
        if let Some(class) = self.durations.get_mut(DURATIONS.partition_point(|end| *end < seconds)) {
            *class += 1;
        }
    }

    /// Their number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// The sizes of what a deployment holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// The file of the data, in bytes; in memory, the pages of the data.
    pub data_bytes: u64,
    /// The log beside it, in bytes.
    pub log_bytes: u64,
    /// The part of the file that deleted documents have left free, in bytes.
    pub free_bytes: u64,
    /// The vectors that are kept in memory for searches.
    pub resident_vectors: usize,
    /// The live queries of all clients, and of this process.
    pub live_queries: usize,
}

/// The calls of all functions, by path. Calls of functions that don't exist have none.
#[derive(Default)]
pub(crate) struct Statistics(Mutex<BTreeMap<Option<String>, Calls>>);

impl Statistics {
    pub(crate) fn add(&self, path: Option<&str>, outcome: &Outcome) {
        locked(&self.0).entry(path.map(str::to_owned)).or_default().add(outcome);
    }

    pub(crate) fn get(&self) -> BTreeMap<Option<String>, Calls> {
        locked(&self.0).clone()
    }
}
