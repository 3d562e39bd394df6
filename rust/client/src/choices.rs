//! Where a search is scored: in the deployment, or here from a mirror.
//!
//! This is the problem of renting or buying. The deployment is asked until the time spent waiting for its answers
//! equals the time that a transfer of the rows would take. That costs at most twice as much as the better choice, and a
//! single search of a large index costs one round trip.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use base::locked;

use crate::{mirrors::Mirrors, pages::VectorIndex, search::Found};

/// How a remote index is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// In the deployment first; from a mirror once that pays.
    Auto,
    /// In the deployment, where the rows are.
    Server,
    /// Here, from rows that are kept and brought up to date.
    Mirror,
    /// Here, from rows that are read for this search.
    Pages,
}

impl Strategy {
    const ALL: [Self; 4] = [Self::Auto, Self::Server, Self::Mirror, Self::Pages];

    /// The name of the strategy, as callers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Server => "server",
            Self::Mirror => "mirror",
            Self::Pages => "pages",
        }
    }

    /// The strategy with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }
}

/// The assumed speed of a network that wasn't measured yet: 50 Mbit/s.
const BYTES_PER_SECOND: f64 = 6.25e6;

/// The size on the wire of a row without its numbers, and of a number: four bytes in base64.
const ROW_BYTES: f64 = 400.0;
const NUMBER_BYTES: f64 = 5.4;

/// The size in memory of a row with its metadata, and of a number, as `mirror::bytes_of` counts them.
const KEPT_ROW_BYTES: usize = 700;
const KEPT_NUMBER_BYTES: usize = 6;

/// Measurements of a deployment's indexes, by which a search is placed.
#[derive(Default)]
pub struct Choices {
    /// The deployed functions have no search.
    lacks_search: AtomicBool,
    searched: Mutex<HashMap<VectorIndex, Searched>>,
    /// The last measured speed; None before the first measurement.
    bytes_per_second: Mutex<Option<f64>>,
}

/// The measurements of an index.
#[derive(Clone, Copy, Default)]
struct Searched {
    /// The time spent waiting for searches since the rows were last transferred.
    seconds: f64,
    rows: usize,
}

impl Choices {
    /// Whether the deployment should score a search of vectors of this dimension.
    #[must_use]
    pub fn is_for_deployment(
        &self,
        strategy: Strategy,
        mirrors: &Mirrors,
        index: &VectorIndex,
        dimension: usize,
    ) -> bool {
        match strategy {
            Strategy::Server => true,
            Strategy::Mirror | Strategy::Pages => false,
            Strategy::Auto if self.lacks_search.load(Ordering::Relaxed) || mirrors.keeps(index) => false,
            Strategy::Auto => {
                let Some(Searched { seconds, rows }) = locked(&self.searched).get(index).copied() else { return true };
                !mirrors.has_room_for(rows * (KEPT_ROW_BYTES + KEPT_NUMBER_BYTES * dimension))
                    || seconds < self.transfer_seconds(rows, dimension)
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn transfer_seconds(&self, rows: usize, dimension: usize) -> f64 {
        let speed = locked(&self.bytes_per_second).unwrap_or(BYTES_PER_SECOND);
        rows as f64 * (ROW_BYTES + NUMBER_BYTES * dimension as f64) / speed
    }

    /// Notes a search in the deployment. `found` is None if the deployed functions have no search.
    pub fn note_search(&self, index: &VectorIndex, found: Option<&Found>) {
        match found {
            None => self.lacks_search.store(true, Ordering::Relaxed),
            Some(found) => {
                let mut searched = locked(&self.searched);
                let searched = searched.entry(index.clone()).or_default();
                searched.seconds += found.seconds;
                searched.rows = found.index_rows;
            }
        }
    }

    /// Notes a transfer of an index's rows: its size in bytes, and its duration in seconds.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn note_transfer(&self, index: &VectorIndex, bytes: usize, seconds: f64) {
        // The time of a small transfer says nothing about the network's speed.
        if bytes > 1 << 18 && seconds > 0.0 {
            *locked(&self.bytes_per_second) = Some(bytes as f64 / seconds);
        }
        if let Some(searched) = locked(&self.searched).get_mut(index) {
            searched.seconds = 0.0;
        }
    }
}
