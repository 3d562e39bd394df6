//! The search: bound every row, select, rescore exactly, order.

use std::{num::NonZero, ops::Range};

use crate::{
    Batch, Mask, Metric, Values,
    arch::{self, EXACT_ROWS, FIRST_ROWS, Kernels, Number},
    bounds::FirstPass,
    chunk::Chunk,
    mask::bits,
    select::{Bounds, Candidate, Selection},
};

/// What is asked of a batch besides the query vector.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// What a score means.
    pub metric: Metric,
    /// How many rows are wanted at most; not 0.
    pub top_k: usize,
    /// The positions that may be among the results; all if there is none.
    pub mask: Option<&'a Mask>,
    /// Scores below this one aren't wanted.
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

/// Why a search can't be made.
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
    #[error("{found} numbers don't make query vectors of {expected} dimensions")]
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
    #[error("the query vector is zero, which has no cosine with anything")]
    ZeroQuery,
    /// No results are asked for.
    #[error("top_k is 0: expected at least 1")]
    ZeroTopK,
    /// The mask speaks about another number of positions.
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
        /// What is wrong.
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
        let dimension = self.dimension();
        if queries.len().checked_rem(dimension) != Some(0) {
            return Err(SearchError::QueriesLength { found: queries.len(), expected: dimension });
        }
        let count = queries.len() / dimension;
        let bytes = count.saturating_mul(self.len()).saturating_mul(dimension * size_of::<f32>());
        let one_query = |query: usize| {
            let alone = Search { threads: 1, ..*search };
            self.top_k(&queries[query * dimension..][..dimension], &alone)
                .map_err(|error| SearchError::InQuery { query, source: Box::new(error) })
        };
        let parts = in_parts(count, worthwhile_threads(search.threads, bytes), |queries| {
            queries.map(one_query).collect::<Result<Vec<_>, _>>()
        });
        parts.into_iter().collect::<Result<Vec<_>, _>>().map(|parts| parts.into_iter().flatten().collect())
    }

    /// [`Batch::top_k`] by a given set of kernels, so that tests can hold each to the reference.
    #[doc(hidden)]
    pub fn top_k_on(&self, kernels: &Kernels, query: &[f64], search: &Search) -> Result<TopK, SearchError> {
        let scan = Scan::new(self, kernels, query, search)?;
        let bytes = self.len() * self.dimension() * size_of::<f32>();
        let mut parts =
            in_parts(self.chunks().len(), worthwhile_threads(search.threads, bytes), |chunks| scan.chunks(chunks))
                .into_iter();
        let (mut selection, mut skipped) = parts.next().expect("there is always one part");
        for (other, more) in parts {
            selection.merge(other);
            skipped += more;
        }
        Ok(scan.rank(selection.finish(), skipped))
    }
}

/// What each thread has to read for a second one to pay. Measured on two cores: starting and joining one takes some
/// 60 µs; with rows of 768 numbers, 8 MB in all (2800 rows) were a little slower on two threads than on one, 17 MB
/// (5600 rows) a quarter faster, 31 MB (10 000 rows) twice as fast.
const BYTES_PER_THREAD: usize = 8 << 20;

fn worthwhile_threads(threads: usize, bytes: usize) -> usize {
    threads.min(bytes / BYTES_PER_THREAD).max(1)
}

/// Splits `0..count` into even parts, one for each thread, and does each; the first on this thread.
fn in_parts<T: Send>(count: usize, threads: usize, part: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let threads = NonZero::new(threads.min(count)).map_or(1, NonZero::get);
    let range = |thread: usize| count * thread / threads..count * (thread + 1) / threads;
    let part = &part;
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || part(range(thread)))).collect();
        let first = part(range(0));
        let others =
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(first).chain(others).collect()
    })
}

/// One query over one batch.
struct Scan<'a> {
    batch: &'a Batch,
    kernels: &'a Kernels,
    search: &'a Search<'a>,
    query: &'a [f64],
    /// The square root of the query's sum of squares: the reference's `sqrt(mag_a)`.
    norm: f64,
    /// `None`: every row is scored exactly.
    first: Option<FirstPass>,
}

impl<'a> Scan<'a> {
    fn new(
        batch: &'a Batch,
        kernels: &'a Kernels,
        query: &'a [f64],
        search: &'a Search<'a>,
    ) -> Result<Self, SearchError> {
        if query.len() != batch.dimension() {
            return Err(SearchError::QueryLength { found: query.len(), expected: batch.dimension() });
        }
        if search.top_k == 0 {
            return Err(SearchError::ZeroTopK);
        }
        if let Some(found) = search.mask.map(Mask::len).filter(|&len| len != batch.positions()) {
            return Err(SearchError::MaskLength { found, expected: batch.positions() });
        }
        let norm = query.iter().fold(0.0, |sum, x| sum + x * x).sqrt();
        if !norm.is_finite() {
            // Huge components overflow the sum; they are fine.
            if let Some((position, &value)) = query.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(SearchError::QueryNotFinite { position, value });
            }
        }
        if search.metric == Metric::Cosine && norm == 0.0 {
            return Err(SearchError::ZeroQuery);
        }
        // Rescoring a row costs about three times what bounding it does: where most rows would be rescored, bounds
        // only add to the work.
        let rows = search.mask.map_or(batch.len(), Mask::count);
        let first = (search.top_k < rows / 2).then(|| FirstPass::new(search.metric, query, norm)).flatten();
        Ok(Self { batch, kernels, search, query, norm, first })
    }

    /// Goes through some of the batch's chunks: what may be among the best, and how many rows never rank.
    fn chunks(&self, range: Range<usize>) -> (Selection, usize) {
        let mut selection = Selection::new(self.search.top_k, self.search.min_score);
        let mut skipped = 0;
        let mut rows = Rows::default();
        for index in range {
            let chunk = &self.batch.chunks()[index];
            let position = index * self.batch.chunk_rows();
            skipped += self.admitted(chunk, position, &mut rows);
            let rows = (&rows, position);
            match chunk.values() {
                Values::F32(values) => {
                    self.bound(chunk, values, rows, &mut selection);
                    skipped += self.score(chunk, values, rows, &mut selection);
                }
                Values::F64(values) => skipped += self.score(chunk, values, rows, &mut selection),
            }
        }
        (selection, skipped)
    }

    /// Finds the rows of a chunk that are to be bounded and those to be scored exactly; how many never rank.
    fn admitted(&self, chunk: &Chunk, position: usize, rows: &mut Rows) -> usize {
        let mut skipped = 0;
        rows.bounded.clear();
        rows.exact.clear();
        // A mask has 64 positions in a word, and chunks begin on a word.
        for word in 0..chunk.len().div_ceil(64) {
            let admitted =
                chunk.live().word(word) & self.search.mask.map_or(u64::MAX, |mask| mask.word(position / 64 + word));
            let finite = admitted & chunk.finite().word(word);
            skipped += (admitted ^ finite).count_ones() as usize;
            for row in bits(finite).map(|bit| 64 * word + bit) {
                let norm = chunk.norm(row);
                if self.search.metric == Metric::Cosine && norm == 0.0 {
                    skipped += 1;
                } else if self.first.as_ref().is_some_and(|first| first.covers(norm)) && chunk.is_f32() {
                    rows.bounded.push(row);
                } else {
                    rows.exact.push(row);
                }
            }
        }
        skipped
    }

    /// The first pass: offers rows with bounds of their scores.
    fn bound(&self, chunk: &Chunk, values: &[f32], (rows, position): (&Rows, usize), selection: &mut Selection) {
        let Some(first) = &self.first else { return };
        let kernel = match self.search.metric {
            Metric::Cosine | Metric::DotProduct => self.kernels.first_dots,
            Metric::Euclidean => self.kernels.first_distances,
        };
        let dimension = self.query.len();
        for group in rows.bounded.chunks(FIRST_ROWS) {
            let results = kernel(first.query(), filled(group, |&row| &values[row * dimension..][..dimension]));
            for (&row, result) in group.iter().zip(results) {
                selection.offer(position + row, first.bounds(result, chunk.norm(row)));
            }
        }
    }

    /// Offers rows with their scores; how many rows have none because it isn't finite.
    fn score<T: Number>(
        &self,
        chunk: &Chunk,
        values: &[T],
        (rows, position): (&Rows, usize),
        selection: &mut Selection,
    ) -> usize {
        let dimension = self.query.len();
        let mut skipped = 0;
        for group in rows.exact.chunks(EXACT_ROWS) {
            let vectors = filled(group, |&row| &values[row * dimension..][..dimension]);
            let scores = self.scores(vectors, filled(group, |&row| chunk.norm(row)));
            for (&row, score) in group.iter().zip(scores) {
                if score.is_finite() {
                    selection.offer(position + row, Bounds::exact(score));
                } else {
                    skipped += 1;
                }
            }
        }
        skipped
    }

    /// Rescores the candidates that are only bounded, and puts the best in order.
    fn rank(&self, candidates: Vec<Candidate>, skipped: usize) -> TopK {
        let (known, bounded): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| candidate.bounds.score().is_some());
        let mut ranked: Vec<(usize, f64)> =
            known.into_iter().map(|candidate| (candidate.position, candidate.bounds.lower)).collect();
        for group in bounded.chunks(EXACT_ROWS) {
            let vectors = filled(group, |candidate| self.vector(candidate.position));
            let norms = filled(group, |candidate| {
                let (chunk, row) = self.batch.chunk(candidate.position);
                chunk.norm(row)
            });
            ranked.extend(group.iter().map(|candidate| candidate.position).zip(self.scores(vectors, norms)));
        }
        if let Some(min_score) = self.search.min_score {
            ranked.retain(|&(_, score)| score >= min_score);
        }
        // Not `total_cmp`: -0.0 and 0.0 are a tie.
        let best_first = |a: &(usize, f64), b: &(usize, f64)| {
            b.1.partial_cmp(&a.1).expect("scores that rank are finite").then(a.0.cmp(&b.0))
        };
        if self.search.top_k < ranked.len() {
            ranked.select_nth_unstable_by(self.search.top_k, best_first);
            ranked.truncate(self.search.top_k);
        }
        ranked.sort_unstable_by(best_first);
        let (rows, scores) = ranked.into_iter().unzip();
        TopK { rows, scores, skipped }
    }

    /// The vector of a row that was bounded: only float32 rows are.
    fn vector(&self, position: usize) -> &[f32] {
        let (chunk, row) = self.batch.chunk(position);
        match chunk.values() {
            Values::F32(values) => &values[row * self.query.len()..][..self.query.len()],
            Values::F64(_) => unreachable!("only rows of float32 are bounded"),
        }
    }

    /// The scores of some rows as the reference computes them, given their norms.
    fn scores<T: Number>(&self, rows: [&[T]; EXACT_ROWS], norms: [f64; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        match self.search.metric {
            Metric::Cosine => {
                let dots = T::dots(self.kernels, self.query, rows);
                std::array::from_fn(|i| dots[i] / (self.norm * norms[i]))
            }
            Metric::DotProduct => T::dots(self.kernels, self.query, rows),
            Metric::Euclidean => T::distances(self.kernels, self.query, rows).map(|square| 1.0 / (1.0 + square.sqrt())),
        }
    }
}

/// Rows of a chunk, by what is to be done with them.
#[derive(Default)]
struct Rows {
    bounded: Vec<usize>,
    exact: Vec<usize>,
}

/// `N` things made from a group of at most so many; the last one fills up what is missing.
fn filled<T, U, const N: usize>(group: &[T], make: impl Fn(&T) -> U) -> [U; N] {
    std::array::from_fn(|i| make(&group[i.min(group.len() - 1)]))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(worthwhile_threads(8, 3 * BYTES_PER_THREAD), 3);
        assert_eq!(worthwhile_threads(2, 3 * BYTES_PER_THREAD), 2);
    }
}
