//! A batch whose rows stay in the order of their keys while rows are added, changed and removed.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use crate::{Batch, Row};

/// Positions that removed rows may take before the batch is compacted, beside as many as there are rows.
const REMOVED: usize = 1024;

/// A batch in the order of its rows' keys.
///
/// A row that comes behind all others costs least; one in between moves those behind it. Readers keep the batch they
/// got.
#[derive(Clone, Debug)]
pub struct SortedBatch<K> {
    batch: Arc<Batch>,
    /// Where each row is: ascending, as the keys are.
    positions: BTreeMap<K, usize>,
}

impl<K: Ord> SortedBatch<K> {
    /// A batch without rows.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        Self { batch: Arc::new(Batch::new(dimension)), positions: BTreeMap::new() }
    }

    /// The rows as they are now.
    #[must_use]
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// Puts a row under a key: in the place of the one that is there, or between its neighbours.
    pub fn set(&mut self, key: K, row: Row) {
        let batch = Arc::make_mut(&mut self.batch);
        if let Some(&position) = self.positions.get(&key) {
            batch.replace(position, row);
            return;
        }
        let mut moved = vec![row];
        let mut behind: Vec<&mut usize> =
            self.positions.range_mut((Excluded(&key), Unbounded)).map(|(_, position)| position).collect();
        for position in &behind {
            moved.push(batch.row(**position));
            batch.remove(**position);
        }
        let first = batch.positions();
        batch.extend(moved);
        for (position, next) in behind.iter_mut().zip(first + 1..) {
            **position = next;
        }
        self.positions.insert(key, first);
        self.compact();
    }

    /// Puts rows under keys, in less time than one by one where they are in order and come behind all others.
    pub fn extend(&mut self, rows: Vec<(K, Row)>) {
        let last = self.positions.last_key_value().map(|(key, _)| key);
        let is_behind = last.is_none_or(|last| rows.first().is_none_or(|(first, _)| last < first));
        if !is_behind || !rows.is_sorted_by(|(a, _), (b, _)| a < b) {
            for (key, row) in rows {
                self.set(key, row);
            }
            return;
        }
        let first = self.batch.positions();
        let (keys, rows): (Vec<K>, Vec<Row>) = rows.into_iter().unzip();
        self.positions.extend(keys.into_iter().zip(first..));
        Arc::make_mut(&mut self.batch).extend(rows);
    }

    /// Removes the row under a key, if there is one.
    pub fn remove(&mut self, key: &K) {
        if let Some(position) = self.positions.remove(key) {
            Arc::make_mut(&mut self.batch).remove(position);
            self.compact();
        }
    }

    /// Compacts the batch once removed rows are most of it, or all.
    fn compact(&mut self) {
        if self.batch.is_empty() || self.batch.positions() > 2 * self.batch.len() + REMOVED {
            Arc::make_mut(&mut self.batch).compact();
            self.positions.values_mut().zip(0..).for_each(|(position, compacted)| *position = compacted);
        }
    }
}
