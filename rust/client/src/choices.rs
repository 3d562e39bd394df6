//! Where a search is scored: in the deployment, or here from a mirror.
//!
//! As with things that one may rent or buy: the deployment is asked until the time that was waited for its answers would
//! have paid for the transfer of the rows. That never costs more than twice what the better choice would have, and one
//! search of a large index costs one round trip.

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
    /// As it pays.
    Auto,
    /// Where the rows are.
    Server,
    /// Here, from rows that are kept and brought up to date.
    Mirror,
    /// Here, from rows that are read for it.
    Pages,
}

impl Strategy {
    const ALL: [Self; 4] = [Self::Auto, Self::Server, Self::Mirror, Self::Pages];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Server => "server",
            Self::Mirror => "mirror",
            Self::Pages => "pages",
        }
    }

    /// The strategy of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }
}

/// What a network is taken for that nothing is known of yet: 50 Mbit/s.
const BYTES_PER_SECOND: f64 = 6.25e6;

/// What a row takes on the wire beside its numbers, and what a number takes: four bytes in base64.
const ROW_BYTES: f64 = 400.0;
const NUMBER_BYTES: f64 = 5.4;

/// What a row takes in memory, as `mirror::bytes_of` has it, with room for its metadata.
const KEPT_ROW_BYTES: usize = 700;
const KEPT_NUMBER_BYTES: usize = 5;

/// What is known of the indexes of a deployment, to choose by.
#[derive(Default)]
pub struct Choices {
    /// The deployed functions have no search.
    lacks_search: AtomicBool,
    searched: Mutex<HashMap<VectorIndex, Searched>>,
    /// As it was measured last; none until then.
    bytes_per_second: Mutex<Option<f64>>,
}

/// What searches of an index have shown.
#[derive(Clone, Copy, Default)]
struct Searched {
    /// Waited since its rows were last transferred.
    seconds: f64,
    rows: usize,
}

impl Choices {
    /// Whether the deployment is to be asked for a search of vectors of a length.
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

    /// Notes a search of the deployment; none: its functions have no search.
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

    /// Notes that the rows of an index came: so many bytes in so many seconds.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn note_transfer(&self, index: &VectorIndex, bytes: usize, seconds: f64) {
        // Of few bytes the time says nothing of the network.
        if bytes > 1 << 18 && seconds > 0.0 {
            *locked(&self.bytes_per_second) = Some(bytes as f64 / seconds);
        }
        if let Some(searched) = locked(&self.searched).get_mut(index) {
            searched.seconds = 0.0;
        }
    }
}
