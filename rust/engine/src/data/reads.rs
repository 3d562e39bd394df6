//! The read set of a query, and whether a commit wrote to it.

use std::collections::{BTreeSet, HashMap};

use value::sort_key;

use super::{
    document::Change,
    tables::{Table, Tables},
};

/// Parts `start..end` of an index's keys.
pub(crate) type KeyRanges = Vec<(Vec<u8>, Vec<u8>)>;

/// The read set of a query: after a write to it, the query may return another result.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The read parts of indexes, empty or not.
    pub(crate) ranges: HashMap<i64, KeyRanges>,
    /// The tables that were looked for and didn't exist.
    pub(crate) missing_tables: BTreeSet<String>,
    /// Whether the list of tables was read.
    pub(crate) lists_tables: bool,
}

/// The write set of a commit.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    /// The keys of each index under which a document was, or now is.
    pub(crate) keys: HashMap<i64, Vec<Vec<u8>>>,
    pub(crate) made_tables: BTreeSet<String>,
    /// Whether it wrote more than is recorded here, so that every query should run again.
    pub(crate) is_vast: bool,
}

impl Reads {
    /// Notes that the keys `start..end` of an index were read.
    pub(crate) fn add(&mut self, index_id: i64, start: Vec<u8>, end: Vec<u8>) {
        self.ranges.entry(index_id).or_default().push((start, end));
    }

    /// Notes that all of a table was read.
    pub(crate) fn add_table(&mut self, table: &Table) {
        self.add(table.by_id().id, Vec::new(), sort_key::after_prefix(&[]));
    }
}

impl Writes {
    /// The write set of unrecorded writes.
    pub(crate) fn vast() -> Self {
        Self { is_vast: true, ..Self::default() }
    }

    /// The write set of these changes, from the tables before them to those after.
    pub(crate) fn new(changes: &[Change], before: &Tables, after: &Tables) -> Self {
        let mut writes = Self::default();
        for change in changes {
            let (name, table) = after.by_number(change.table_number).expect("tables are never taken away");
            if before.get(name).is_none() {
                writes.made_tables.insert(name.to_owned());
            }
            for document in change.before.iter().chain(&change.after) {
                for index in &table.indexes {
                    writes.keys.entry(index.id).or_default().push(document.index_key(index));
                }
            }
        }
        writes
    }

    /// Whether a query with this read set should run again.
    pub(crate) fn touch(&self, reads: &Reads) -> bool {
        let is_within = |index: &i64, ranges: &KeyRanges| {
            self.keys.get(index).is_some_and(|keys| keys.iter().any(|key| contain(ranges, key)))
        };
        self.is_vast
            || reads.ranges.iter().any(|(index, ranges)| is_within(index, ranges))
            || !reads.missing_tables.is_disjoint(&self.made_tables)
            || (reads.lists_tables && !self.made_tables.is_empty())
    }
}

/// Whether a key is in one of these ranges.
pub(crate) fn contain(ranges: &[(Vec<u8>, Vec<u8>)], key: &[u8]) -> bool {
    ranges.iter().any(|(start, end)| start.as_slice() <= key && key < end.as_slice())
}
