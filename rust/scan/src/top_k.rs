//! The search: its options, its results, and its division among threads.

use std::{num::NonZero, ops::Range, slice, sync::LazyLock};

use base::Process;
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::{
    Batch, Mask, Metric,
    arch::{self, Kernels},
    scan::{Found, Scan},
};

/// The options of a search besides the query vector.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The meaning of a score.
    pub metric: Metric,
    /// The most rows to return; not 0.
    pub top_k: usize,
    /// The positions that may be among the results; all if there is none.
    pub mask: Option<&'a Mask>,
    /// Rows with lower scores aren't returned.
    pub min_score: Option<f64>,
    /// How many threads may work on it, the caller's included; 0 counts as 1. Fewer do where more don't pay.
    pub threads: usize,
}

/// The best rows, best first, ties in stored order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopK {
    /// Their positions.
    pub rows: Vec<usize>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// How many rows the mask admitted that never rank: without a vector of the batch's dimension, with a component or
    /// a score that isn't finite, or for cosine of no length.
    pub skipped: usize,
}

/// Why a search is invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The query has another length than the rows.
    #[error("the query vector has {found} dimensions, the index has {expected}")]
    QueryLength {
        /// The query's length.
        found: usize,
        /// The batch's dimension.
        expected: usize,
    },
    /// The queries' numbers don't make whole queries.
    #[error("the query vectors hold {found} numbers, which is not a multiple of the dimension {expected}")]
    QueriesLength {
        /// How many numbers there are.
        found: usize,
        /// The batch's dimension.
        expected: usize,
    },
    /// A component of the query is NaN or infinite.
    #[error("the query vector holds {value} at position {position}: expected finite numbers")]
    QueryNotFinite {
        /// Its place in the query.
        position: usize,
        /// The component.
        value: f64,
    },
    /// The sum of the query's squares is 0 in float64, so it has no direction to compare.
    #[error("the query vector is zero, which has no cosine")]
    ZeroQuery,
    /// No results are asked for.
    #[error("top_k is 0: expected at least 1")]
    ZeroTopK,
    /// The mask has another number of positions than the batch.
    #[error("the mask has {found} positions, the batch has {expected}")]
    MaskLength {
        /// The mask's length.
        found: usize,
        /// The batch's positions.
        expected: usize,
    },
    /// One of several queries is wrong.
    #[error("query {query}: {source}")]
    InQuery {
        /// Which one, from 0.
        query: usize,
        /// The error.
        source: Box<SearchError>,
    },
}

impl Batch {
    /// The rows most like a query: min(`top_k`, rows that are admitted and rank) of them.
    ///
    /// Scores have the bits of [`naive::score`](crate::naive::score), and the order is that of a stable sort by
    /// descending score in stored order, whatever the CPU and the number of threads.
    ///
    /// # Errors
    ///
    /// If the query's length is wrong, a component isn't finite, it is zero and the metric is cosine, `top_k` is 0, or
    /// the mask has another length than the batch has positions.
    pub fn top_k(&self, query: &[f64], search: &Search) -> Result<TopK, SearchError> {
        self.top_k_on(arch::kernels(), query, search)
    }

    /// [`Batch::top_k`] for several queries, one after the other in `queries`.
    ///
    /// # Errors
    ///
    /// As [`Batch::top_k`], naming the query.
    pub fn top_k_many(&self, queries: &[f64], search: &Search) -> Result<Vec<TopK>, SearchError> {
        self.top_k_many_on(arch::kernels(), queries, search)
    }

    /// [`Batch::top_k_many`] by a given set of kernels, so that tests can hold each to the reference.
    #[doc(hidden)]
    pub fn top_k_many_on(&self, kernels: &Kernels, queries: &[f64], search: &Search) -> Result<Vec<TopK>, SearchError> {
        let dimension = self.dimension();
        if queries.len().checked_rem(dimension) != Some(0) {
            return Err(SearchError::QueriesLength { found: queries.len(), expected: dimension });
        }
        let count = queries.len() / dimension;
        let numbers = count.saturating_mul(self.len()).saturating_mul(dimension);
        self.queries_in_parts(kernels, queries, search, worthwhile_threads(search.threads, numbers))
    }

    /// Some queries, shared out to threads.
    fn queries_in_parts(
        &self,
        kernels: &Kernels,
        queries: &[f64],
        search: &Search,
        threads: usize,
    ) -> Result<Vec<TopK>, SearchError> {
        let dimension = self.dimension();
        let directions = self.directions();
        let scan = |query: usize| {
            Scan::new(self, kernels, &queries[query * dimension..][..dimension], search, directions)
                .map_err(|error| SearchError::InQuery { query, source: Box::new(error) })
        };
        let parts = in_parts(queries.len() / dimension, threads, |Range { start, end: last }| {
            let mut top_ks = Vec::with_capacity(last - start);
            for first in (start..last).step_by(QUERIES_AT_ONCE) {
                let together = first..last.min(first + QUERIES_AT_ONCE);
                let scans: Vec<Scan> = together.map(scan).collect::<Result<_, _>>()?;
                let mut found: Vec<Found> = scans.iter().map(Scan::nothing).collect();
                Scan::chunks(&scans, 0..self.chunks().len(), &mut found);
                top_ks.extend(scans.iter().zip(found).map(|(scan, found)| scan.rank(found)));
                if directions.is_none() {
                    self.outline_some(scans.iter().map(Scan::rows_to_outline).sum());
                }
            }
            Ok(top_ks)
        });
        parts.into_iter().collect::<Result<Vec<_>, _>>().map(|parts| parts.into_iter().flatten().collect())
    }

    /// [`Batch::top_k`] by a given set of kernels, so that tests can hold each to the reference.
    #[doc(hidden)]
    pub fn top_k_on(&self, kernels: &Kernels, query: &[f64], search: &Search) -> Result<TopK, SearchError> {
        if query.len() != self.dimension() {
            return Err(SearchError::QueryLength { found: query.len(), expected: self.dimension() });
        }
        let directions = self.directions();
        let scan = Scan::new(self, kernels, query, search, directions)?;
        let top_k = self.rows_in_parts(&scan, worthwhile_threads(search.threads, self.len() * self.dimension()));
        if directions.is_none() {
            self.outline_some(scan.rows_to_outline());
        }
        Ok(top_k)
    }

    /// A query, for which the rows are shared out to threads.
    fn rows_in_parts(&self, scan: &Scan, threads: usize) -> TopK {
        let mut parts = in_parts(self.chunks().len(), threads, |chunks| {
            let mut found = scan.nothing();
            Scan::chunks(slice::from_ref(scan), chunks, slice::from_mut(&mut found));
            found
        })
        .into_iter();
        let mut found = parts.next().expect("there is always one part");
        for part in parts {
            found.merge(part);
        }
        scan.rank(found)
    }
}

/// How many queries go through a chunk while it is in the cache.
const QUERIES_AT_ONCE: usize = 16;

/// How many numbers of rows each thread has to look at for a second one to pay. Measured on two cores, one of which was
/// asleep until it was asked: 8 million in all (11,000 rows of 768) took longer on two threads than on one, 19 million from
/// 0.7 to 0.95 of the time, 38 and 77 million from 0.6 to 0.8, more 0.85, when both wait for memory.
const NUMBERS_PER_THREAD: usize = 8 << 20;

fn worthwhile_threads(threads: usize, numbers: usize) -> usize {
    threads.min(numbers / NUMBERS_PER_THREAD).max(1)
}

/// Splits `0..count` into even parts, one for each thread, and does each; the first on this thread.
fn in_parts<T: Send>(count: usize, threads: usize, part: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let threads = NonZero::new(threads.min(count)).map_or(1, NonZero::get);
    let Some(pool) = (threads > 1).then(pool).flatten() else { return vec![part(0..count)] };
    let range = |thread: usize| count * thread / threads..count * (thread + 1) / threads;
    let (part, mut parts) = (&part, Vec::new());
    parts.resize_with(threads, || None);
    let (first, others) = parts.split_first_mut().expect("there is more than one");
    pool.in_place_scope(|scope| {
        for (thread, other) in (1..).zip(others) {
            scope.spawn(move |_| *other = Some(part(range(thread))));
        }
        *first = Some(part(range(0)));
    });
    parts.into_iter().map(|part| part.expect("each was done")).collect()
}

/// Threads that wait for a share, one for each core. A new one for each search would take longer to start, and the system
/// may leave it on the caller's core for as long as the search takes.
///
/// There are none in a process that was forked after the first search: the threads are its parent's.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: LazyLock<(Process, Option<ThreadPool>)> =
        LazyLock::new(|| (Process::current(), ThreadPoolBuilder::new().build().ok()));
    POOL.1.as_ref().filter(|_| POOL.0.is_current())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_threads_finds_the_same() {
        // Rows along few directions, in several chunks.
        let (dimension, count) = (320, 4100);
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let number = |index: usize| ((index % 320 * 7 + 1) as f32 * (index / 320 % 97 + 1) as f32).sin();
        let batch = {
            let vectors: Vec<f32> = (0..dimension * count).map(number).collect();
            let mut batch = Batch::new(dimension);
            batch.extend(vectors.chunks_exact(dimension).map(|row| crate::Row {
                id: "id".into(),
                vector: Some(value::Packed::from_f32(row)),
                metadata: crate::batch::no_metadata(),
            }));
            batch
        };
        let queries: Vec<f64> = (0..3 * dimension).map(|index| number(5 * index).into()).collect();
        let mask = Mask::from_fn(count, |position| position % 3 != 0);
        let search = Search { metric: Metric::Cosine, top_k: 20, mask: Some(&mask), min_score: None, threads: 1 };
        let alone = batch.top_k_many(&queries, &search).expect("the searches can be made");
        for has_outlines in [false, true] {
            assert_eq!(batch.directions().is_some(), has_outlines);
            for threads in [1, 2, 3, 7] {
                let found = batch.queries_in_parts(arch::kernels(), &queries, &search, threads);
                assert_eq!(found.as_ref(), Ok(&alone));
                for (query, alone) in queries.chunks(dimension).zip(&alone) {
                    let scan = Scan::new(&batch, arch::kernels(), query, &search, batch.directions());
                    let scan = scan.expect("the search can be made");
                    assert_eq!(&batch.rows_in_parts(&scan, threads), alone);
                }
            }
            batch.outline(usize::MAX);
        }
    }

    #[test]
    fn parts_make_up_the_whole_in_order() {
        for count in 0..20 {
            for threads in 1..8 {
                let parts = in_parts(count, threads, |part| part);
                assert_eq!(parts.len(), threads.min(count).max(1));
                assert!(parts.into_iter().flatten().eq(0..count), "{count} in {threads}");
            }
        }
    }

    #[test]
    fn a_thread_has_to_pay() {
        assert_eq!(worthwhile_threads(0, usize::MAX), 1);
        assert_eq!(worthwhile_threads(8, 0), 1);
        assert_eq!(worthwhile_threads(8, 3 * NUMBERS_PER_THREAD), 3);
        assert_eq!(worthwhile_threads(2, 3 * NUMBERS_PER_THREAD), 2);
    }
}
