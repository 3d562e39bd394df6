//! Which live queries a commit touches.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    mem,
    sync::Arc,
};

use crate::data::reads::{KeyRanges, Reads, Writes, contain};

/// A live query: its set, and its number there.
type QueryId = (u64, u32);

/// The function to call when a query of a set should run again. It runs within a commit: it must neither wait nor call the
/// deployment.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The live queries with their read sets. It is locked while a commit becomes visible and while a live query takes its
/// snapshot. So a query that isn't stale is true at every such snapshot.
#[derive(Default)]
pub(crate) struct Watches {
    sets: HashMap<u64, Watcher>,
    sets_so_far: u64,
    reads: HashMap<QueryId, Reads>,
    by_range: HashMap<i64, HashMap<QueryId, KeyRanges>>,
    by_missing_table: HashMap<String, BTreeSet<QueryId>>,
    /// The queries that read the list of tables.
    listing_tables: BTreeSet<QueryId>,
    /// The snapshots at which queries run now, with the number of sets that run at each.
    running: BTreeMap<i64, usize>,
    /// The commits since the first of these snapshots. The queries' read sets are known only when they end.
    recent: VecDeque<(i64, Writes)>,
}

struct Watcher {
    wake: Wake,
    stale: BTreeSet<u32>,
    /// Whether the schema has changed since the set last began to run.
    is_outdated: bool,
}

impl Watches {
    /// A new set of queries.
    pub(crate) fn add_set(&mut self, wake: Wake) -> u64 {
        self.sets_so_far += 1;
        self.sets.insert(self.sets_so_far, Watcher { wake, stale: BTreeSet::new(), is_outdated: false });
        self.sets_so_far
    }

    pub(crate) fn remove_set(&mut self, set: u64) {
        self.sets.remove(&set);
        let queries: Vec<QueryId> = self.reads.keys().filter(|query| query.0 == set).copied().collect();
        for query in queries {
            self.forget(query);
        }
    }

    pub(crate) fn remove(&mut self, query: QueryId) {
        self.forget(query);
        if let Some(watcher) = self.sets.get_mut(&query.0) {
            watcher.stale.remove(&query.1);
        }
    }

    /// Marks a query to run again, without a commit.
    pub(crate) fn mark_stale(&mut self, query: QueryId) {
        self.forget(query);
        if let Some(watcher) = self.sets.get_mut(&query.0) {
            watcher.stale.insert(query.1);
        }
    }

    /// Marks every query to run again, including those that run now, since the schema has changed.
    pub(crate) fn mark_all_stale(&mut self) {
        self.sets.values_mut().for_each(|watcher| watcher.is_outdated = true);
        for query in self.reads.keys().copied().collect::<Vec<_>>() {
            self.touch(query);
        }
    }

    /// The number of live queries.
    pub(crate) fn queries(&self) -> usize {
        self.reads.len() + self.sets.values().map(|set| set.stale.len()).sum::<usize>()
    }

    pub(crate) fn is_stale(&self, set: u64) -> bool {
        self.sets.get(&set).is_some_and(|watcher| !watcher.stale.is_empty())
    }

    /// Begins a run of a set at a snapshot, and returns its stale queries.
    pub(crate) fn begin(&mut self, set: u64, snapshot: i64) -> BTreeSet<u32> {
        *self.running.entry(snapshot).or_default() += 1;
        let Some(watcher) = self.sets.get_mut(&set) else { return BTreeSet::new() };
        watcher.is_outdated = false;
        mem::take(&mut watcher.stale)
    }

    /// Ends a run of a set.
    pub(crate) fn end(&mut self, set: u64, snapshot: i64, ran: Vec<(u32, Reads)>) {
        let is_outdated = self.sets.get(&set).is_some_and(|watcher| watcher.is_outdated);
        let mut touched = Vec::new();
        for (query, reads) in ran {
            let query = (set, query);
            if is_outdated
                || self.recent.iter().any(|(timestamp, writes)| *timestamp > snapshot && writes.touch(&reads))
            {
                touched.push(query);
            }
            self.remember(query, reads);
        }
        for query in touched {
            self.touch(query);
        }
        if let Some(sets) = self.running.get_mut(&snapshot) {
            *sets -= 1;
            if *sets == 0 {
                self.running.remove(&snapshot);
            }
        }
        let oldest = self.running.keys().next().copied().unwrap_or(i64::MAX);
        while self.recent.front().is_some_and(|(timestamp, _)| *timestamp <= oldest) {
            self.recent.pop_front();
        }
    }

    /// Notes a commit.
    pub(crate) fn committed(&mut self, timestamp: i64, writes: impl FnOnce() -> Writes) {
        if self.reads.is_empty() && self.running.is_empty() {
            return;
        }
        let writes = writes();
        let mut touched = BTreeSet::new();
        for (index, keys) in &writes.keys {
            for (query, ranges) in self.by_range.get(index).into_iter().flatten() {
                if keys.iter().any(|key| contain(ranges, key)) {
                    touched.insert(*query);
                }
            }
        }
        if writes.is_vast {
            touched.extend(self.reads.keys());
        }
        touched.extend(writes.made_tables.iter().filter_map(|name| self.by_missing_table.get(name)).flatten());
        if !writes.made_tables.is_empty() {
            touched.extend(&self.listing_tables);
        }
        for query in touched {
            self.touch(query);
        }
        if !self.running.is_empty() {
            self.recent.push_back((timestamp, writes));
        }
    }

    /// Marks a query stale, and wakes its set.
    pub(crate) fn touch(&mut self, query: QueryId) {
        self.forget(query);
        if let Some(watcher) = self.sets.get_mut(&query.0) {
            let was_fresh = watcher.stale.is_empty();
            watcher.stale.insert(query.1);
            if was_fresh {
                (watcher.wake)();
            }
        }
    }

    fn remember(&mut self, query: QueryId, reads: Reads) {
        if !self.sets.contains_key(&query.0) {
            return;
        }
        for (index, ranges) in &reads.ranges {
            self.by_range.entry(*index).or_default().insert(query, ranges.clone());
        }
        for table in &reads.missing_tables {
            self.by_missing_table.entry(table.clone()).or_default().insert(query);
        }
        if reads.lists_tables {
            self.listing_tables.insert(query);
        }
        self.reads.insert(query, reads);
    }

    fn forget(&mut self, query: QueryId) {
        let Some(reads) = self.reads.remove(&query) else { return };
        for index in reads.ranges.keys() {
            if let Some(queries) = self.by_range.get_mut(index) {
                queries.remove(&query);
            }
        }
        for table in &reads.missing_tables {
            if let Some(queries) = self.by_missing_table.get_mut(table) {
                queries.remove(&query);
            }
        }
        self.listing_tables.remove(&query);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_query_that_runs_while_the_schema_changes_runs_again() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let mut watches = Watches::default();
        let set = watches.add_set(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        watches.mark_stale((set, 0));
        assert_eq!(watches.begin(set, 1), BTreeSet::from([0]));
        watches.mark_all_stale();
        watches.end(set, 1, vec![(0, Reads::default())]);
        assert_eq!((watches.is_stale(set), woken.load(Ordering::Relaxed)), (true, 1));
        assert_eq!(watches.begin(set, 1), BTreeSet::from([0]));
        watches.end(set, 1, vec![(0, Reads::default())]);
        assert_eq!((watches.is_stale(set), woken.load(Ordering::Relaxed)), (false, 1));
    }
}
