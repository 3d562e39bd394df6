//! The rows that have codes: bounded by a query's upper plane, those that may be among the best by both planes, and offered.
//!
//! The first pass goes over some thousand rows at a time, a span. A block of it tells what is worth reading: outlines, if
//! there are any, how many bits of coarse codes, or fine codes. By outlines and by two bits, and before there is a score to
//! be reached, the pass goes over the span twice: at first it only multiplies, and finds out which rows are likely to be the
//! best. Those take the second pass at once: so there is a high floor before the others are held against it.

use std::ops::Range;

use crate::{
    arch::{BLOCK_ROWS, FIRST_QUERIES, Line, Merits, STRIP_ROWS, Sums},
    bounds::{CodedQuery, Measured, Precision},
    chunk::Chunk,
    mask::{bits, gathered},
    select::{Bounds, Candidate},
};

use super::{Found, Scan};

/// Of fewer rows the first pass reads fine codes: coarse ones save too little of what so few take, and leave more of them.
const COARSE_ROWS: usize = 2048;

/// So few rows of a block the second pass takes in less time than the first one goes on with the block. Where more are left
/// of one, other bits are worth reading.
const FEW: u32 = 8;

/// Of so many rows the second pass takes the whole block: memory gives neighbours in less time.
const MANY: u32 = 22;

/// How many rows the second pass takes at once.
const WAITING: usize = 16;

/// How many numbers rows must have for two bits to pay: four bits of fewer are in the second cache, where to read them
/// costs little, and leave fewer rows. Nor do two pay for several queries, which share the reading.
const TWO_BITS_NUMBERS: usize = 4 << 20;

/// How many blocks the first span has. Each further one has three times as many as all before, up to the most, so that what
/// is learnt of few rows soon serves the others.
const FIRST_SPAN_BLOCKS: usize = 16;

/// How many blocks a span has, at most. Their sums fit into the second cache, also those of several queries.
const SPAN_BLOCKS: usize = 256;

/// Where more than one row in so many is wanted, coarse codes decide about too few.
const WANTED: usize = STRIP_ROWS;

/// Whether the first pass over so many rows reads coarse codes or outlines, unless they decide about too few.
pub(super) fn reads_coarse(rows: usize, top_k: usize) -> bool {
    rows >= COARSE_ROWS.max(WANTED.saturating_mul(top_k))
}

/// A query that has codes, and what is found for it.
struct Query<'a, 'b> {
    scan: &'a Scan<'b>,
    coded: &'a CodedQuery,
    found: &'a mut Found,
    /// For each block of a span, the sums of the upper plane and the codes that the first pass reads.
    sums: Vec<Sums>,
    /// For each block, how good the best of some groups of rows may be.
    merits: Vec<Merits>,
    /// For each block, the rows that are left.
    left: Vec<u64>,
    /// How good the best rows of the spans before may be: as many as are wanted, unless there were fewer.
    likely: Vec<f32>,
}

/// Where a block is: its chunk, and which one of it.
type Block = (usize, usize);

impl Scan<'_> {
    /// The passes over the rows of some chunks that have codes, each block for all queries while it is in the cache.
    pub(super) fn passes(scans: &[Self], chunks: Range<usize>, found: &mut [Found]) {
        let coded = scans.iter().zip(found).filter_map(|(scan, found)| {
            let (sums, merits, left, likely) = Default::default();
            scan.coded.as_ref().map(|coded| Query { scan, coded, found, sums, merits, left, likely })
        });
        let mut queries: Vec<Query> = coded.collect();
        let Some(Query { scan, .. }) = queries.first() else { return };
        let scan = *scan;
        let blocks_of =
            |chunk: usize| (0..scan.batch.chunks()[chunk].len().div_ceil(BLOCK_ROWS)).map(move |block| (chunk, block));
        let blocks: Vec<Block> = chunks.flat_map(blocks_of).collect();
        let mut rest = &blocks[..];
        while !rest.is_empty() {
            let done = blocks.len() - rest.len();
            // Outlines take so little time that the best of many rows may be found by them.
            let least =
                if scan.outline.is_some() && scan.has_groups(SPAN_BLOCKS) { SPAN_BLOCKS } else { FIRST_SPAN_BLOCKS };
            let next = (3 * done).clamp(least, SPAN_BLOCKS).min(rest.len());
            scan.take_span(&mut queries, &rest[..next]);
            rest = &rest[next..];
        }
        for query in queries {
            scan.bound_waiting(query.coded, query.found);
        }
    }

    /// The passes over a span.
    fn take_span(&self, queries: &mut [Query], span: &[Block]) {
        let precision = self.first_precision(queries, span);
        // By four bits and more so few rows are left that they needn't wait until the best are found, once there is a floor.
        let leaves_few = matches!(precision, Precision::Four | Precision::Upper);
        if precision == Precision::Eight || leaves_few && queries[0].has_floor() {
            self.take_blocks(queries, precision, span);
            return;
        }
        self.multiply_span(queries, precision, span);
        for query in &mut *queries {
            query.take_likely(precision, span);
        }
        for (place, &block) in span.iter().enumerate() {
            for query in &mut *queries {
                query.narrow(precision, place, block);
            }
            self.bound(queries, block, |query| query.left[place]);
        }
    }

    /// The codes that the first pass over a span reads: as few as decide about most rows of one of its blocks.
    fn first_precision(&self, queries: &mut [Query], span: &[Block]) -> Precision {
        let has_coarse = reads_coarse(self.rows, self.search.top_k);
        let outline = self.outline.is_some().then_some(Precision::Outline);
        let four = has_coarse.then_some(Precision::Four);
        if !queries[0].has_floor() {
            // Nothing can be decided yet: before there is a floor, groups of rows tell which are likely to be the best.
            let narrow = outline.or(four).unwrap_or(Precision::Upper);
            return if self.has_groups(span.len()) { narrow } else { Precision::Eight };
        }
        let share = self.kernels.many_share && queries.len() >= FIRST_QUERIES;
        let has_two = has_coarse && !share && self.rows * self.query.len() >= TWO_BITS_NUMBERS;
        let two = has_two.then_some(Precision::Two);
        for precision in [outline, two, four, Some(Precision::Upper)].into_iter().flatten() {
            for query in &mut *queries {
                query.begin(1);
            }
            self.multiply(queries, precision, (0, span[0]), self.admitted_codes(span[0]));
            if 2 * queries.iter().filter(|query| query.left[0].count_ones() <= FEW).count() >= queries.len() {
                return precision;
            }
        }
        Precision::Eight
    }

    /// Whether so many blocks have enough groups of rows to tell the best ones.
    fn has_groups(&self, blocks: usize) -> bool {
        blocks * Merits::default().len() >= 2 * self.search.top_k
    }

    fn chunk_of(&self, block: Block) -> &Chunk {
        &self.batch.chunks()[block.0]
    }

    /// The rows of a block that are admitted and have codes: the same for all queries.
    fn admitted_codes(&self, block: Block) -> u64 {
        self.admitted(block).0 & self.chunk_of(block).codes().usable().word(block.1)
    }

    /// The passes over the blocks of a span, one block after the other.
    fn take_blocks(&self, queries: &mut [Query], precision: Precision, span: &[Block]) {
        for query in &mut *queries {
            query.begin(1);
        }
        for &block in span {
            let admitted = self.admitted_codes(block);
            if precision == Precision::Eight || admitted.count_ones() <= FEW {
                self.bound(queries, block, |_| admitted);
            } else {
                self.multiply(queries, precision, (0, block), admitted);
                self.bound(queries, block, |query| query.left[0]);
            }
        }
    }

    /// The first half of the first pass over a span: multiplies, and finds out how good the best rows may be.
    fn multiply_span(&self, queries: &mut [Query], precision: Precision, span: &[Block]) {
        for query in &mut *queries {
            query.begin(span.len());
        }
        let mut merits = [0.0; BLOCK_ROWS];
        for (place, &block) in span.iter().enumerate() {
            let admitted = self.admitted_codes(block);
            if admitted.count_ones() <= FEW {
                self.bound(queries, block, |_| admitted);
            } else {
                self.multiply(queries, precision, (place, block), admitted);
                let measured = self.chunk_of(block).measured(precision, rows_of(self.chunk_of(block), block));
                for query in queries.iter_mut().filter(|query| query.left[place] != 0) {
                    let (sums, left) = (&query.sums[place], query.left[place]);
                    query.merits[place] =
                        (self.kernels.merits)(query.coded_for(precision), precision, sums, measured, left, &mut merits);
                }
            }
        }
    }

    /// The sums of the upper plane and a block's codes, and which of its rows may be among the best so far.
    fn multiply(&self, queries: &mut [Query], precision: Precision, (place, block): (usize, Block), admitted: u64) {
        if precision == Precision::Upper {
            self.multiply_fine(queries, (place, block));
        } else {
            self.multiply_coarse(queries, precision, (place, block));
        }
        for query in queries {
            query.left[place] = admitted;
            query.keep(precision, place, block);
        }
    }

    fn multiply_fine(&self, queries: &mut [Query], (place, block): (usize, Block)) {
        let chunk = self.chunk_of(block);
        let fine = chunk.codes().fine(rows_of(chunk, block));
        let (fours, others) = queries.as_chunks_mut::<FIRST_QUERIES>();
        for queries in fours {
            let planes = queries.each_ref().map(|query| query.upper(Precision::Upper));
            (self.kernels.four_plane_sums)(planes, fine, queries.each_mut().map(|query| &mut query.sums[place]));
        }
        let (twos, last) = others.as_chunks_mut::<2>();
        for queries in twos {
            let planes = queries.each_ref().map(|query| query.upper(Precision::Upper));
            (self.kernels.two_plane_sums)(planes, fine, queries.each_mut().map(|query| &mut query.sums[place]));
        }
        for query in last {
            let upper = query.upper(Precision::Upper);
            (self.kernels.one_plane_sums)([upper], fine, [&mut query.sums[place]]);
        }
    }

    fn multiply_coarse(&self, queries: &mut [Query], precision: Precision, (place, block): (usize, Block)) {
        let chunk = self.chunk_of(block);
        let halves = chunk.halves(precision, rows_of(chunk, block));
        let halves = if precision == Precision::Two { &halves[..1] } else { &halves[..] };
        let (fours, others) = queries.as_chunks_mut::<FIRST_QUERIES>();
        for queries in fours {
            let planes = queries.each_ref().map(|query| query.upper(precision));
            (self.kernels.many_sums)(planes, halves, queries.each_mut().map(|query| &mut query.sums[place]));
        }
        for query in others {
            let upper = query.upper(precision);
            (self.kernels.strip_sums)([upper], halves, [&mut query.sums[place]]);
        }
    }

    /// The second pass over the rows of a block that are left for each query; few of them wait for others.
    fn bound(&self, queries: &mut [Query], block: Block, left: impl Fn(&Query) -> u64) {
        let chunk = self.chunk_of(block);
        let is_many = |query: &Query| left(query).count_ones() >= MANY;
        for queries in queries.chunks_mut(2) {
            if let [a, b] = queries
                && is_many(a)
                && is_many(b)
            {
                let ([a_upper, a_lower], [b_upper, b_lower]) = (a.coded.planes(), b.coded.planes());
                let mut sums = [[0; BLOCK_ROWS]; 4];
                let fine = chunk.codes().fine(rows_of(chunk, block));
                (self.kernels.four_plane_sums)([a_upper, a_lower, b_upper, b_lower], fine, sums.each_mut());
                let [a_sums, b_sums] = sums.as_chunks().0 else { unreachable!("there are four") };
                let (a_left, b_left) = (left(a), left(b));
                self.offer_block(a, block, a_sums, a_left);
                self.offer_block(b, block, b_sums, b_left);
                continue;
            }
            for query in queries {
                let left = left(query);
                if left.count_ones() >= MANY {
                    let mut sums = [[0; BLOCK_ROWS]; 2];
                    let fine = chunk.codes().fine(rows_of(chunk, block));
                    (self.kernels.two_plane_sums)(query.coded.planes(), fine, sums.each_mut());
                    self.offer_block(query, block, &sums, left);
                } else {
                    query.wait(block, left);
                }
            }
        }
    }

    /// Offers some rows of a block, given the sums of all.
    fn offer_block(&self, query: &mut Query, block: Block, sums: &[Sums; 2], left: u64) {
        let chunk = self.chunk_of(block);
        let rows = rows_of(chunk, block);
        let position = block.0 * self.batch.chunk_rows() + rows.start;
        let measured = chunk.measured(Precision::Eight, rows);
        self.offer(query.coded, query.found, sums, measured, left, |row| position + row);
    }

    /// Offers some rows of a few, given their sums.
    fn offer(
        &self,
        coded: &CodedQuery,
        found: &mut Found,
        sums: &[Sums; 2],
        measured: Measured<&[f32], &[f64]>,
        rows: u64,
        position: impl Fn(usize) -> usize,
    ) {
        let (mut least, mut most) = ([0.0; BLOCK_ROWS], [0.0; BLOCK_ROWS]);
        let floor = found.selection.floor();
        let reaching = (self.kernels.bounds)(coded, sums, measured, floor, [&mut least, &mut most]);
        for row in bits(reaching & rows) {
            let bounds = Bounds { lower: least[row], upper: most[row] };
            found.selection.offer(Candidate { position: position(row), bounds });
        }
    }

    /// The second pass over the rows that wait for it.
    fn bound_waiting(&self, coded: &CodedQuery, found: &mut Found) {
        let all = std::mem::take(&mut found.waiting);
        for waiting in all.chunks(WAITING) {
            let mut fine: [&[Line<u8>]; WAITING] = [&[]; WAITING];
            for (fine, &(chunk, row)) in fine.iter_mut().zip(waiting) {
                *fine = self.batch.chunks()[chunk].codes().fine(row..row + 1);
            }
            let mut sums = [[0; BLOCK_ROWS]; 2];
            (self.kernels.row_sums)(coded.planes(), &fine[..waiting.len()], sums.each_mut());
            let (mut scale, mut tangent, mut norm) = ([0.0; WAITING], [0.0; WAITING], [0.0; WAITING]);
            for (index, &(chunk, row)) in waiting.iter().enumerate() {
                let row = self.batch.chunks()[chunk].measured_row(row);
                (scale[index], tangent[index], norm[index]) = (row.scale, row.tangent, row.norm);
            }
            let measured = Measured { scale: &scale[..], tangent: &tangent, norm: &norm[..waiting.len()] };
            self.offer(coded, found, &sums, measured, u64::MAX, |index| {
                let (chunk, row) = waiting[index];
                chunk * self.batch.chunk_rows() + row
            });
        }
        found.waiting = all;
        found.waiting.clear();
    }
}

impl<'a> Query<'a, '_> {
    /// Whether there is a score that a row must be able to reach.
    fn has_floor(&self) -> bool {
        self.found.selection.floor() > f64::NEG_INFINITY
    }

    /// The codes of the query for a precision.
    fn coded_for(&self, precision: Precision) -> &'a CodedQuery {
        if precision == Precision::Outline {
            self.scan.outline.as_ref().expect("outlines are read for queries that have one")
        } else {
            self.coded
        }
    }

    /// The upper plane of these.
    fn upper(&self, precision: Precision) -> &'a [Line<i8>] {
        self.coded_for(precision).planes()[0]
    }

    /// Begins a span of so many blocks.
    fn begin(&mut self, blocks: usize) {
        self.sums.resize(blocks, [0; BLOCK_ROWS]);
        self.merits.clear();
        self.merits.resize(blocks, [f32::NEG_INFINITY; BLOCK_ROWS / STRIP_ROWS]);
        self.left.clear();
        self.left.resize(blocks, 0);
    }

    /// Takes the rows of a span that are likely to be among the best so far to the second pass.
    fn take_likely(&mut self, precision: Precision, span: &[Block]) {
        let top_k = self.scan.search.top_k;
        // The least of the best of as many groups as rows are wanted: as many rows are at least as good.
        let kth = |likely: &[f32]| if likely.len() < top_k { f32::NEG_INFINITY } else { likely[top_k - 1] };
        let before = kth(&self.likely);
        self.likely.extend(self.merits.as_flattened().iter().filter(|&&merit| merit > before));
        if self.likely.len() > top_k {
            self.likely.select_nth_unstable_by(top_k - 1, |a, b| b.total_cmp(a));
            self.likely.truncate(top_k);
        }
        let least = kth(&self.likely);
        if least == f32::NEG_INFINITY {
            return;
        }
        let mut merits = [0.0; BLOCK_ROWS];
        for (place, &block) in span.iter().enumerate() {
            if self.merits[place].iter().all(|&merit| merit < least) {
                continue;
            }
            let chunk = self.scan.chunk_of(block);
            let measured = chunk.measured(precision, rows_of(chunk, block));
            let (sums, left) = (&self.sums[place], self.left[place]);
            (self.scan.kernels.merits)(self.coded_for(precision), precision, sums, measured, left, &mut merits);
            let likely = gathered(&merits.map(|merit| u8::from(merit >= least)));
            self.left[place] &= !likely;
            self.wait(block, likely);
        }
        self.scan.bound_waiting(self.coded, self.found);
    }

    /// Takes what can't be among the best from the rows of a block that are left.
    fn narrow(&mut self, precision: Precision, place: usize, block: Block) {
        if self.left[place] == 0 || self.keep(precision, place, block) <= FEW || precision != Precision::Two {
            return;
        }
        let [_, lower] = self.scan.chunk_of(block).halves(precision, rows_of(self.scan.chunk_of(block), block));
        let mut sums = [0; BLOCK_ROWS];
        (self.scan.kernels.strip_sums)([self.upper(precision)], &[lower], [&mut sums]);
        for (sum, lower) in self.sums[place].iter_mut().zip(sums) {
            *sum = sum.wrapping_mul(4).wrapping_add(lower);
        }
        self.keep(Precision::Four, place, block);
    }

    /// Keeps the rows of a block that may be among the best by their sums, and returns how many.
    fn keep(&mut self, precision: Precision, place: usize, block: Block) -> u32 {
        if self.has_floor() {
            let floor = self.found.selection.floor();
            let chunk = self.scan.chunk_of(block);
            let measured = chunk.measured(precision, rows_of(chunk, block));
            let kernel = self.scan.kernels.reaching;
            self.left[place] &= kernel(self.coded_for(precision), precision, &self.sums[place], measured, floor);
        }
        self.left[place].count_ones()
    }

    /// Lets rows of a block wait for the second pass.
    fn wait(&mut self, block: Block, rows: u64) {
        let chunk = self.scan.chunk_of(block);
        for row in bits(rows).map(|bit| BLOCK_ROWS * block.1 + bit) {
            (self.scan.kernels.fetch)(chunk.codes().fine(row..row + 1));
            self.found.waiting.push((block.0, row));
            if self.found.waiting.len() == WAITING {
                self.scan.bound_waiting(self.coded, self.found);
            }
        }
    }
}

/// The rows of a block in its chunk.
fn rows_of(chunk: &Chunk, (_, block): Block) -> Range<usize> {
    block * BLOCK_ROWS..chunk.len().min((block + 1) * BLOCK_ROWS)
}
