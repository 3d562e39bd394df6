//! One query over one batch: bound every row by its codes, select, rescore exactly, order.

mod passes;

use std::ops::Range;

use crate::{
    Batch, Mask, Metric, Search, SearchError, TopK, Values,
    arch::{BLOCK_ROWS, EXACT_ROWS, Kernels, Number, PANEL_ROWS},
    bounds::CodedQuery,
    chunk::Chunk,
    mask::bits,
    norms::norm,
    outlines::{Directions, outlined},
    select::{Largest, Rank, Selection},
};

use passes::reads_coarse;

pub(crate) struct Scan<'a> {
    batch: &'a Batch,
    kernels: &'a Kernels,
    search: &'a Search<'a>,
    query: &'a [f64],
    /// The square root of the query's sum of squares: the reference's `sqrt(mag_a)`.
    norm: f64,
    /// Whether its numbers are all float32's.
    is_narrow: bool,
    /// How many rows may be among the results.
    rows: usize,
    /// `None`: every row is scored exactly.
    coded: Option<CodedQuery>,
    /// The same of the query's outline, if all rows have outlines.
    outline: Option<CodedQuery>,
    /// Whether panels may be used: where all rows are scored, and there aren't so many that panels take much memory.
    by_panels: bool,
}

/// The results of some of the chunks.
pub(crate) struct Found {
    selection: Selection,
    /// Rows that wait for the second pass, which takes several at once: their chunks, and where in them.
    waiting: Vec<(usize, usize)>,
    /// How many rows never rank.
    skipped: usize,
}

impl Found {
    fn offer(&mut self, position: usize, score: f64) {
        if score.is_finite() {
            self.selection.offer_known(position, score);
        } else {
            self.skipped += 1;
        }
    }

    /// Takes over what was found in other chunks.
    pub(crate) fn merge(&mut self, other: Self) {
        self.selection.merge(other.selection);
        self.skipped += other.skipped;
    }
}

/// Where more than one row in so many is wanted, scoring all of them is faster than finding out which ones to score:
/// without panels and with them. Measured on 500 rows of 384 numbers and of 1536: with panels both take the same time at
/// top 60 or so, and with more rows later; without, scoring a row takes ten times as long as bounding it, but twice as
/// many as wanted have to be scored.
const EXACT_SHARE: [usize; 2] = [2, 6];

/// The positions of a batch for which panels may be kept.
const PANELS_AT_MOST: usize = 4096;

impl<'a> Scan<'a> {
    /// Checks a search. The query must have the batch's dimension, and all rows outlines if there are directions.
    pub(crate) fn new(
        batch: &'a Batch,
        kernels: &'a Kernels,
        query: &'a [f64],
        search: &'a Search<'a>,
        directions: Option<&Directions>,
    ) -> Result<Self, SearchError> {
        if search.top_k == 0 {
            return Err(SearchError::ZeroTopK);
        }
        if let Some(found) = search.mask.map(Mask::len).filter(|&len| len != batch.positions()) {
            return Err(SearchError::MaskLength { found, expected: batch.positions() });
        }
        let rows = search.mask.map_or(batch.len(), Mask::count);
        let has_panels = !query.is_empty() && batch.positions() <= PANELS_AT_MOST;
        let coded = (search.top_k < rows / EXACT_SHARE[usize::from(has_panels)])
            .then(|| CodedQuery::new(kernels, search.metric, query))
            .flatten();
        let norm = coded.as_ref().map_or_else(|| norm(query), CodedQuery::norm);
        if !norm.is_finite() {
            // Huge components overflow the sum; they are fine.
            if let Some((position, &value)) = query.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(SearchError::QueryNotFinite { position, value });
            }
        }
        if search.metric == Metric::Cosine && norm == 0.0 {
            return Err(SearchError::ZeroQuery);
        }
        let by_panels = has_panels && coded.is_none();
        let outline = coded
            .as_ref()
            .filter(|_| reads_coarse(rows, search.top_k))
            .and_then(|coded| outlined(kernels, directions?, coded));
        // Without an early end, so that the loop becomes one over vectors.
        let is_narrow = query.iter().fold(true, |all, &x| all & (f64::from(f32::from_f64(x)) - x == 0.0));
        Ok(Self { batch, kernels, search, query, norm, is_narrow, rows, coded, outline, by_panels })
    }

    /// How many rows outlines would bound.
    pub(crate) fn rows_to_outline(&self) -> usize {
        if self.coded.is_some() && reads_coarse(self.rows, self.search.top_k) { self.rows } else { 0 }
    }

    /// The results of no chunks.
    pub(crate) fn nothing(&self) -> Found {
        let floor = self.search.min_score.unwrap_or(f64::NEG_INFINITY);
        Found { selection: Selection::new(self.search.top_k, floor), waiting: Vec::new(), skipped: 0 }
    }

    /// Goes through some chunks of the batch for some queries.
    pub(crate) fn chunks(scans: &[Self], chunks: Range<usize>, found: &mut [Found]) {
        Self::passes(scans, chunks.clone(), found);
        for (scan, found) in scans.iter().zip(found) {
            chunks.clone().for_each(|index| scan.other_rows(index, found));
        }
    }

    /// The rows of a block that a query admits and that can rank, as bits, and how many can't.
    fn admitted(&self, (index, block): (usize, usize)) -> (u64, u32) {
        let chunk = &self.batch.chunks()[index];
        // A mask has 64 positions in a word, and chunks begin on a word.
        let word = index * self.batch.chunk_rows() / BLOCK_ROWS + block;
        let admitted = chunk.live().word(block) & self.search.mask.map_or(u64::MAX, |mask| mask.word(word));
        let finite = admitted & chunk.finite().word(block);
        (finite, (admitted ^ finite).count_ones())
    }

    /// Scores the rows of a chunk that no codes decide about.
    fn other_rows(&self, index: usize, found: &mut Found) {
        let chunk = &self.batch.chunks()[index];
        let mut exact = Vec::new();
        for block in 0..chunk.len().div_ceil(BLOCK_ROWS) {
            let (finite, skipped) = self.admitted((index, block));
            found.skipped += skipped as usize;
            let bounded = if self.coded.is_some() { chunk.codes().usable().word(block) } else { 0 };
            for row in bits(finite & !bounded).map(|bit| BLOCK_ROWS * block + bit) {
                if self.search.metric == Metric::Cosine && chunk.norms()[row] == 0.0 {
                    found.skipped += 1;
                } else {
                    exact.push(row);
                }
            }
        }
        let rows = (&exact[..], index * self.batch.chunk_rows());
        let panels = if self.by_panels && exact.len() > chunk.len() / 2 { chunk.panels() } else { None };
        match (panels, chunk.values()) {
            (Some(Values::F32(panels)), _) => self.score_panels(chunk, panels, rows, found),
            (Some(Values::F64(panels)), _) => self.score_panels(chunk, panels, rows, found),
            (None, Values::F32(values)) => self.score(chunk, values, rows, found),
            (None, Values::F64(values)) => self.score(chunk, values, rows, found),
        }
    }

    /// Offers rows with their scores.
    fn score<T: Number>(&self, chunk: &Chunk, values: &[T], (rows, position): (&[usize], usize), found: &mut Found) {
        let dimension = self.query.len();
        for group in rows.chunks(EXACT_ROWS) {
            let vectors = filled(group, |&row| &values[row * dimension..][..dimension]);
            let sums = self.sums(vectors);
            for (&row, sum) in group.iter().zip(sums) {
                found.offer(position + row, self.score_of(sum, chunk.norms()[row]));
            }
        }
    }

    /// Offers rows with their scores, computed a panel at a time.
    fn score_panels<T: Number>(
        &self,
        chunk: &Chunk,
        panels: &[T],
        (rows, position): (&[usize], usize),
        found: &mut Found,
    ) {
        let kernel = match self.search.metric {
            Metric::Cosine | Metric::DotProduct if self.is_narrow => T::narrow_panel_dots,
            Metric::Cosine | Metric::DotProduct => T::panel_dots,
            Metric::Euclidean => T::panel_distances,
        };
        for rows in rows.chunk_by(|a, b| a / PANEL_ROWS == b / PANEL_ROWS) {
            let panel = PANEL_ROWS * self.query.len();
            let sums = kernel(self.kernels, self.query, &panels[rows[0] / PANEL_ROWS * panel..][..panel]);
            for &row in rows {
                found.offer(position + row, self.score_of(sums[row % PANEL_ROWS], chunk.norms()[row]));
            }
        }
    }

    /// The third pass: rescores the candidates that are only bounded, as far as needed, and puts the best in order.
    pub(crate) fn rank(&self, found: Found) -> TopK {
        let Found { selection, skipped, .. } = found;
        let (mut ranked, mut bounded) = selection.finish();
        if !bounded.is_empty() {
            let mut largest = Largest::new(self.search.top_k);
            for &(_, score) in &ranked {
                largest.push(score);
            }
            bounded.sort_unstable_by(|a, b| b.bounds.upper.total_cmp(&a.bounds.upper));
            for group in bounded.chunks(EXACT_ROWS) {
                // The K-th best score so far. A row that can't reach it, not even for a tie, isn't among the best.
                let floor = largest.floor().unwrap_or(f64::NEG_INFINITY);
                if group[0].bounds.upper < floor {
                    break;
                }
                let positions: Vec<usize> = group.iter().map(|candidate| candidate.position).collect();
                for (position, score) in positions.iter().zip(self.scores_of(&positions)) {
                    largest.push(score);
                    ranked.push((*position, score));
                }
            }
        }
        if let Some(min_score) = self.search.min_score {
            ranked.retain(|&(_, score)| score >= min_score);
        }
        let mut ranked: Vec<Rank> = ranked.into_iter().map(|(position, score)| Rank::new(score, position)).collect();
        if self.search.top_k < ranked.len() {
            ranked.select_nth_unstable(self.search.top_k);
            ranked.truncate(self.search.top_k);
        }
        ranked.sort_unstable();
        let rows = ranked.iter().map(|rank| rank.position()).collect();
        let scores = ranked.iter().map(|rank| rank.score()).collect();
        TopK { rows, scores, skipped }
    }

    /// The scores of at most `EXACT_ROWS` rows.
    fn scores_of(&self, group: &[usize]) -> [f64; EXACT_ROWS] {
        // Chunks of float32 and of float64 rows may be among them; each kernel takes its own.
        let mut narrow: [&[f32]; EXACT_ROWS] = [&[]; EXACT_ROWS];
        let mut wide: [&[f64]; EXACT_ROWS] = [&[]; EXACT_ROWS];
        for (index, &position) in group.iter().enumerate() {
            let (chunk, row) = self.batch.chunk(position);
            let range = row * self.query.len()..(row + 1) * self.query.len();
            match chunk.values() {
                Values::F32(values) => narrow[index] = &values[range],
                Values::F64(values) => wide[index] = &values[range],
            }
        }
        let mut scores = [f64::NAN; EXACT_ROWS];
        self.fill_in(narrow, &mut scores);
        self.fill_in(wide, &mut scores);
        for (score, &position) in scores.iter_mut().zip(group) {
            let (chunk, row) = self.batch.chunk(position);
            *score = self.score_of(*score, chunk.norms()[row]);
        }
        scores
    }

    /// Writes the sums of the rows that aren't empty.
    fn fill_in<T: Number>(&self, rows: [&[T]; EXACT_ROWS], sums: &mut [f64; EXACT_ROWS]) {
        if let Some(&some) = rows.iter().find(|row| !row.is_empty()) {
            let found = self.sums(rows.map(|row| if row.is_empty() { some } else { row }));
            for index in (0..EXACT_ROWS).filter(|&index| !rows[index].is_empty()) {
                sums[index] = found[index];
            }
        }
    }

    /// The metric's sums for some rows, in the order of the reference.
    fn sums<T: Number>(&self, rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        match self.search.metric {
            Metric::Cosine | Metric::DotProduct if self.is_narrow => T::narrow_dots(self.kernels, self.query, rows),
            Metric::Cosine | Metric::DotProduct => T::dots(self.kernels, self.query, rows),
            Metric::Euclidean => T::distances(self.kernels, self.query, rows),
        }
    }

    /// The score of a row as the reference computes it, given what the metric sums up and the row's norm.
    fn score_of(&self, sum: f64, norm: f64) -> f64 {
        match self.search.metric {
            Metric::Cosine => sum / (self.norm * norm),
            Metric::DotProduct => sum,
            Metric::Euclidean => 1.0 / (1.0 + sum.sqrt()),
        }
    }
}

/// `N` things made from a group of at most so many; the last one fills up what is missing.
fn filled<T, U: Copy, const N: usize>(group: &[T], make: impl Fn(&T) -> U) -> [U; N] {
    let mut things = [make(&group[group.len() - 1]); N];
    for (thing, of) in things.iter_mut().zip(group) {
        *thing = make(of);
    }
    things
}
