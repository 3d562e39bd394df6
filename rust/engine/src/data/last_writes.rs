//! The time of each table's last write, for callers that cache what they have read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Condvar, Mutex, PoisonError},
};

use base::locked;

/// The timestamp of each table's last commit.
pub(crate) struct LastWrites {
    /// The last commit before this process opened the data, which is the timestamp of tables that were not written
    /// since.
    at_opening: i64,
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Default)]
struct State {
    timestamps: HashMap<String, i64>,
    /// The tables of running commits; a table is listed once for each commit.
    under_way: Vec<String>,
}

/// A running commit. If it is dropped before [`Self::finish`], it failed.
pub(crate) struct UnderWay<'a> {
    writes: &'a LastWrites,
    tables: BTreeSet<String>,
}

impl LastWrites {
    pub(crate) fn new(at_opening: i64) -> Self {
        Self { at_opening, state: Mutex::default(), settled: Condvar::new() }
    }

    /// A table's timestamp. Waits for running commits that write to the table, since they may be visible already or
    /// not.
    pub(crate) fn get(&self, table: &str) -> i64 {
        let state = locked(&self.state);
        let settled = self.settled.wait_while(state, |state| state.under_way.iter().any(|name| name == table));
        let state = settled.unwrap_or_else(PoisonError::into_inner);
        state.timestamps.get(table).copied().unwrap_or(self.at_opening)
    }

    /// Must be called before a commit of these tables becomes visible.
    pub(crate) fn begin(&self, tables: BTreeSet<String>) -> UnderWay<'_> {
        locked(&self.state).under_way.extend(tables.iter().cloned());
        UnderWay { writes: self, tables }
    }
}

impl UnderWay<'_> {
    /// Must be called when the commit has become visible.
    pub(crate) fn finish(self, timestamp: i64) {
        let mut state = locked(&self.writes.state);
        state.timestamps.extend(self.tables.iter().map(|table| (table.clone(), timestamp)));
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.writes.state);
        for table in &self.tables {
            let position = state.under_way.iter().position(|name| name == table).expect("it was put there");
            state.under_way.swap_remove(position);
        }
        self.writes.settled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn a_question_during_a_commit_is_answered_after_its_end() {
        let writes = LastWrites::new(1);
        for (finished, expected) in [(false, 1), (true, 2)] {
            let under_way = writes.begin(BTreeSet::from(["t".to_owned()]));
            assert_eq!(writes.get("other"), 1);
            let (send, receive) = mpsc::channel();
            thread::scope(|scope| {
                scope.spawn(|| send.send(writes.get("t")));
                assert!(receive.recv_timeout(Duration::from_millis(20)).is_err());
                if finished {
                    under_way.finish(2);
                } else {
                    drop(under_way);
                }
                assert_eq!(receive.recv().expect("the thread answers"), expected);
            });
        }
    }
}
