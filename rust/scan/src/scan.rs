//! One query over one batch: bound every row, select, rescore exactly, order.

use crate::{
    Batch, Mask, Metric, Search, SearchError, TopK, Values,
    arch::{BLOCK_ROWS, EXACT_ROWS, FIRST_QUERIES, FIRST_ROWS, Kernels, Number, PANEL_ROWS, Sums},
    bounds::{FirstPass, Precision},
    chunk::Chunk,
    mask::bits,
    select::{Candidate, Largest, Rank, Selection},
};

pub(crate) struct Scan<'a> {
    batch: &'a Batch,
    kernels: &'a Kernels,
    search: &'a Search<'a>,
    query: &'a [f64],
    /// The square root of the query's sum of squares: the reference's `sqrt(mag_a)`.
    norm: f64,
    /// `None`: every row is scored exactly.
    first: Option<FirstPass>,
    /// Whether panels may be used: where all rows are scored, and there aren't so many that panels take much memory.
    by_panels: bool,
}

/// What was found in some of the chunks.
pub(crate) struct Found {
    selection: Selection,
    /// How many rows never rank.
    skipped: usize,
}

impl Found {
    fn offer(&mut self, position: usize, score: f64) {
        if score.is_finite() {
            self.selection.offer(Candidate::exact(position, score));
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

/// The sums of each block of a chunk for the upper planes of several queries, and which of these is meant.
type Given<'a> = (&'a [Sums<FIRST_QUERIES>], usize);

/// Where more than one row in so many is wanted, scoring all of them is faster than finding out which ones to score:
/// without panels and with them. Measured on 500 rows of 384 numbers and of 1536: with panels both take the same time at
/// top 60 or so, and with more rows later; without, scoring a row takes ten times as long as bounding it, but twice as
/// many as wanted have to be scored.
const EXACT_SHARE: [usize; 2] = [2, 6];

/// The positions of a batch for which panels may be kept.
const PANELS_AT_MOST: usize = 4096;

impl<'a> Scan<'a> {
    /// Checks what is asked. The query has the batch's dimension, and its norm is the reference's.
    pub(crate) fn new(
        batch: &'a Batch,
        kernels: &'a Kernels,
        (query, norm): (&'a [f64], f64),
        search: &'a Search<'a>,
    ) -> Result<Self, SearchError> {
        if search.top_k == 0 {
            return Err(SearchError::ZeroTopK);
        }
        if let Some(found) = search.mask.map(Mask::len).filter(|&len| len != batch.positions()) {
            return Err(SearchError::MaskLength { found, expected: batch.positions() });
        }
        if !norm.is_finite() {
            // Huge components overflow the sum; they are fine.
            if let Some((position, &value)) = query.iter().enumerate().find(|(_, x)| !x.is_finite()) {
                return Err(SearchError::QueryNotFinite { position, value });
            }
        }
        if search.metric == Metric::Cosine && norm == 0.0 {
            return Err(SearchError::ZeroQuery);
        }
        let rows = search.mask.map_or(batch.len(), Mask::count);
        let has_panels = !query.is_empty() && batch.positions() <= PANELS_AT_MOST;
        let first = (search.top_k < rows / EXACT_SHARE[usize::from(has_panels)])
            .then(|| FirstPass::new(kernels, search.metric, query, norm))
            .flatten();
        let by_panels = has_panels && first.is_none();
        Ok(Self { batch, kernels, search, query, norm, first, by_panels })
    }

    /// What is found in no chunks.
    pub(crate) fn nothing(&self) -> Found {
        let floor = self.search.min_score.unwrap_or(f64::NEG_INFINITY);
        Found { selection: Selection::new(self.search.top_k, floor), skipped: 0 }
    }

    /// Goes through a chunk of the batch for several queries while it is in the cache.
    pub(crate) fn chunk_for_many(scans: &[Self], index: usize, found: &mut [Found]) {
        let mut sums = Vec::new();
        for (scans, found) in scans.chunks(FIRST_QUERIES).zip(found.chunks_mut(FIRST_QUERIES)) {
            let mut planes: [&[_]; FIRST_QUERIES] = [&[]; FIRST_QUERIES];
            let firsts = scans.iter().filter_map(|scan| scan.first.as_ref());
            planes.iter_mut().zip(firsts).for_each(|(plane, first)| *plane = first.planes()[0]);
            // A mask may leave out most rows, whose sums would be for nothing.
            let together = planes.iter().all(|plane| !plane.is_empty()) && scans[0].search.mask.is_none();
            if together {
                let chunk = &scans[0].batch.chunks()[index];
                sums.resize(chunk.len().div_ceil(BLOCK_ROWS), [[0; BLOCK_ROWS]; FIRST_QUERIES]);
                for (first, sums) in (0..chunk.len()).step_by(BLOCK_ROWS).zip(&mut sums) {
                    let rows = first..chunk.len().min(first + BLOCK_ROWS);
                    (scans[0].kernels.many_sums)(planes, chunk.codes().quads(rows), sums);
                }
            }
            for (query, (scan, found)) in scans.iter().zip(found).enumerate() {
                scan.chunk_given(index, together.then_some((&sums, query)), found);
            }
        }
    }

    /// Goes through a chunk of the batch.
    pub(crate) fn chunk(&self, index: usize, found: &mut Found) {
        self.chunk_given(index, None, found);
    }

    /// Goes through a chunk of the batch; the first pass's sums may be given.
    fn chunk_given(&self, index: usize, given: Option<Given>, found: &mut Found) {
        let chunk = &self.batch.chunks()[index];
        let position = index * self.batch.chunk_rows();
        let mut exact = Vec::new();
        // A mask has 64 positions in a word, and chunks begin on a word.
        for word in 0..chunk.len().div_ceil(BLOCK_ROWS) {
            let admitted =
                chunk.live().word(word) & self.search.mask.map_or(u64::MAX, |mask| mask.word(position / 64 + word));
            let finite = admitted & chunk.finite().word(word);
            found.skipped += (admitted ^ finite).count_ones() as usize;
            let coded = match &self.first {
                Some(first) => {
                    let coded = finite & chunk.codes().coded().word(word);
                    let given = given.map(|(sums, query)| &sums[word][query]);
                    self.bound(first, (chunk, position), (coded, word * BLOCK_ROWS), given, &mut found.selection);
                    coded
                }
                None => 0,
            };
            for row in bits(finite ^ coded).map(|bit| 64 * word + bit) {
                if self.search.metric == Metric::Cosine && chunk.norms()[row] == 0.0 {
                    found.skipped += 1;
                } else {
                    exact.push(row);
                }
            }
        }
        let rows = (&exact[..], position);
        let panels = if self.by_panels && exact.len() > chunk.len() / 2 { chunk.panels() } else { None };
        match (panels, chunk.values()) {
            (Some(Values::F32(panels)), _) => self.score_panels(chunk, panels, rows, found),
            (Some(Values::F64(panels)), _) => self.score_panels(chunk, panels, rows, found),
            (None, Values::F32(values)) => self.score(chunk, values, rows, found),
            (None, Values::F64(values)) => self.score(chunk, values, rows, found),
        }
    }

    /// The first pass over the rows of a block that a mask's word has: offers those that may be among the best.
    fn bound(
        &self,
        first: &FirstPass,
        (chunk, position): (&Chunk, usize),
        (word, block): (u64, usize),
        given: Option<&[i32; BLOCK_ROWS]>,
        selection: &mut Selection,
    ) {
        let codes = chunk.codes();
        let rows = block..chunk.len().min(block + BLOCK_ROWS);
        let measured = chunk.measured(rows.clone());
        let offer = |row: usize, precision, sums, selection: &mut Selection| {
            let bounds = first.bounds(precision, sums, measured, row);
            selection.offer(Candidate { position: position + block + row, bounds, seen: Some(precision) });
        };
        // Sums of scattered rows take twice as long as those of consecutive ones.
        if given.is_none() && (word.count_ones() as usize) < rows.len() / 2 {
            let scattered: Vec<usize> = bits(word).collect();
            for group in scattered.chunks(FIRST_ROWS) {
                let rows = filled(group, |&row| codes.row(block + row));
                let [upper, lower] = (self.kernels.row_sums)(first.planes(), rows);
                for (&row, sums) in group.iter().zip(upper.into_iter().zip(lower)) {
                    offer(row, Precision::Both, sums.into(), selection);
                }
            }
            return;
        }
        let mut both = [[0; BLOCK_ROWS]; 2];
        let (precision, sums) = if let Some(given) = given {
            (Precision::Upper, [given, &both[1]])
        } else {
            ((self.kernels.block_sums)(first.planes(), codes.quads(rows), &mut both), [&both[0], &both[1]])
        };
        let floor = selection.floor();
        let reaching = (self.kernels.reaching)(first, precision, [sums[0], sums[1]], measured, floor);
        for row in bits(reaching & word) {
            offer(row, precision, [sums[0][row], sums[1][row]], selection);
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

    /// The second pass: narrows the bounds of the candidates of which only the upper plane was looked at.
    fn narrowed(&self, selection: Selection) -> Vec<Candidate> {
        let (candidates, floor) = selection.finish();
        let Some(first) =
            self.first.as_ref().filter(|_| candidates.iter().any(|candidate| candidate.seen == Some(Precision::Upper)))
        else {
            return candidates;
        };
        let mut selection = Selection::new(self.search.top_k, floor);
        for group in candidates.chunks(FIRST_ROWS) {
            let [upper, lower] = (self.kernels.row_sums)(
                first.planes(),
                filled(group, |candidate| {
                    let (chunk, row) = self.batch.chunk(candidate.position);
                    chunk.codes().row(row)
                }),
            );
            for (&candidate, sums) in group.iter().zip(upper.into_iter().zip(lower)) {
                let (chunk, row) = self.batch.chunk(candidate.position);
                let bounds = candidate.seen.map_or(candidate.bounds, |_| {
                    first.bounds(Precision::Both, sums.into(), chunk.measured(row..row + 1), 0)
                });
                selection.offer(Candidate { bounds, ..candidate });
            }
        }
        selection.finish().0
    }

    /// The third pass: rescores the candidates that are only bounded, as far as needed, and puts the best in order.
    pub(crate) fn rank(&self, found: Found) -> TopK {
        let Found { selection, skipped } = found;
        let (known, mut bounded): (Vec<_>, Vec<_>) =
            self.narrowed(selection).into_iter().partition(|candidate| candidate.seen.is_none());
        let mut ranked: Vec<(usize, f64)> =
            known.into_iter().map(|candidate| (candidate.position, candidate.bounds.lower)).collect();
        if !bounded.is_empty() {
            let mut largest = Largest::new(self.search.top_k);
            for &(_, score) in &ranked {
                largest.push(score);
            }
            bounded.sort_unstable_by(|a, b| b.bounds.upper.total_cmp(&a.bounds.upper));
            for group in bounded.chunks(EXACT_ROWS) {
                // The K-th best score so far: what can't reach it, not even for a tie, isn't among the best.
                let floor = largest.floor().unwrap_or(f64::NEG_INFINITY);
                if group[0].bounds.upper < floor {
                    break;
                }
                let scores = self.rescored(group);
                for (candidate, score) in group.iter().zip(scores) {
                    largest.push(score);
                    ranked.push((candidate.position, score));
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

    /// The scores of at most `EXACT_ROWS` candidates.
    fn rescored(&self, group: &[Candidate]) -> [f64; EXACT_ROWS] {
        // Chunks of float32 and of float64 rows may be among them; each kernel takes its own.
        let mut narrow: [&[f32]; EXACT_ROWS] = [&[]; EXACT_ROWS];
        let mut wide: [&[f64]; EXACT_ROWS] = [&[]; EXACT_ROWS];
        for (index, candidate) in group.iter().enumerate() {
            let (chunk, row) = self.batch.chunk(candidate.position);
            let range = row * self.query.len()..(row + 1) * self.query.len();
            match chunk.values() {
                Values::F32(values) => narrow[index] = &values[range],
                Values::F64(values) => wide[index] = &values[range],
            }
        }
        let mut scores = [f64::NAN; EXACT_ROWS];
        self.fill_in(narrow, &mut scores);
        self.fill_in(wide, &mut scores);
        for (score, candidate) in scores.iter_mut().zip(group) {
            let (chunk, row) = self.batch.chunk(candidate.position);
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

    /// What the metric sums up for some rows, in the order of the reference.
    fn sums<T: Number>(&self, rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        match self.search.metric {
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
fn filled<T, U, const N: usize>(group: &[T], make: impl Fn(&T) -> U) -> [U; N] {
    std::array::from_fn(|i| make(&group[i.min(group.len() - 1)]))
}
