//! The rows that have codes: bounded by coarse codes, those that may be among the best by fine ones, and offered.
//!
//! The first pass goes over some thousand rows at a time, a span, and over each twice. At first it only multiplies, and
//! finds out which rows are likely to be the best. Those are scored at once: so there is a high floor before the others are
//! held against it.

use std::{array, ops::Range};

use crate::{
    arch::{BLOCK_ROWS, FIRST_QUERIES, Line, Merits, STRIP_ROWS, Sums},
    bounds::{CodedQuery, Measured, Precision},
    chunk::Chunk,
    mask::{bits, gathered},
    select::{Bounds, Candidate},
};

use super::{Found, Scan};

/// For fewer rows the first pass doesn't pay: fine codes are in the cache.
const FIRST_PASS_ROWS: usize = 2048;

/// So few rows of a block the second pass takes in less time than the first one goes on with the block.
const FEW: u32 = 8;

/// Of so many rows the second pass takes the whole block: memory gives neighbours in less time.
const MANY: u32 = 22;

/// How many rows the second pass takes at once.
const WAITING: usize = 16;

/// How many blocks a span has, at most. Their sums fit into the second cache, also those of several queries.
const SPAN_BLOCKS: usize = 256;

/// Where more than one row in so many is wanted, the second pass takes all of them.
const WANTED: usize = STRIP_ROWS;

/// A query that has codes, and what is found for it.
struct Query<'a, 'b> {
    scan: &'a Scan<'b>,
    coded: &'a CodedQuery,
    found: &'a mut Found,
    /// For each block of a span, the sums of two bits.
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
        let has_first_pass = scan.rows >= FIRST_PASS_ROWS.max(WANTED * scan.search.top_k);
        let blocks: Vec<Block> = chunks.flat_map(blocks_of).collect();
        for span in blocks.chunks(SPAN_BLOCKS) {
            for query in &mut queries {
                query.sums.resize(span.len(), [0; BLOCK_ROWS]);
                query.merits.clear();
                query.merits.resize(span.len(), [f32::NEG_INFINITY; BLOCK_ROWS / STRIP_ROWS]);
                query.left.clear();
                query.left.resize(span.len(), 0);
            }
            for (place, &block) in span.iter().enumerate() {
                // The same for all queries.
                let admitted = scan.admitted(block).0 & scan.chunk_of(block).codes().usable().word(block.1);
                if admitted.count_ones() <= FEW || !has_first_pass {
                    for query in &mut queries {
                        query.bound(block, admitted);
                    }
                } else {
                    for queries in queries.chunks_mut(FIRST_QUERIES) {
                        scan.multiply(queries, place, block, admitted);
                    }
                }
            }
            for query in &mut queries {
                query.take_likely(span);
                query.narrow(span);
            }
        }
        for query in queries {
            scan.bound_waiting(query.coded, query.found);
        }
    }

    fn chunk_of(&self, block: Block) -> &Chunk {
        &self.batch.chunks()[block.0]
    }

    /// The sums of two bits of a block's coarse codes.
    fn multiply(&self, queries: &mut [Query], place: usize, block: Block, admitted: u64) {
        let chunk = self.chunk_of(block);
        let rows = rows_of(chunk, block);
        let [upper, _] = chunk.codes().coarse(rows.clone());
        if let Ok(queries) = <&mut [Query; FIRST_QUERIES]>::try_from(&mut *queries) {
            let planes = array::from_fn(|index| queries[index].coded.planes()[0]);
            let sums = queries.each_mut().map(|query| &mut query.sums[place]);
            (self.kernels.many_sums)(planes, upper, sums);
        } else {
            for query in &mut *queries {
                (self.kernels.strip_sums)([query.coded.planes()[0]], upper, [&mut query.sums[place]]);
            }
        }
        let measured = chunk.measured(Precision::Two, rows);
        let mut merits = [0.0; BLOCK_ROWS];
        for query in queries {
            query.left[place] = admitted;
            query.merits[place] =
                (self.kernels.merits)(query.coded, &query.sums[place], measured, admitted, &mut merits);
        }
    }

    /// The second pass over a block.
    fn bound_block(&self, coded: &CodedQuery, found: &mut Found, block: Block, left: u64) {
        let chunk = self.chunk_of(block);
        let rows = rows_of(chunk, block);
        let mut fine: [&[Line<u8>]; BLOCK_ROWS] = [&[]; BLOCK_ROWS];
        rows.clone().zip(&mut fine).for_each(|(row, fine)| *fine = chunk.codes().fine(row));
        let sums = self.fine_sums(coded, &fine[..rows.len()]);
        let position = block.0 * self.batch.chunk_rows() + rows.start;
        let measured = chunk.measured(Precision::Eight, rows);
        self.offer(coded, found, &sums, measured, left, |row| position + row);
    }

    fn fine_sums(&self, coded: &CodedQuery, rows: &[&[Line<u8>]]) -> [Sums; 2] {
        let mut sums = [[0; BLOCK_ROWS]; 2];
        (self.kernels.row_sums)(coded.planes(), rows, sums.each_mut());
        sums
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
                *fine = self.batch.chunks()[chunk].codes().fine(row);
            }
            let sums = self.fine_sums(coded, &fine[..waiting.len()]);
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

impl Query<'_, '_> {
    /// Scores the rows of a span that are likely to be among the best so far.
    fn take_likely(&mut self, span: &[Block]) {
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
        let kernels = self.scan.kernels;
        let (mut merits, mut rows) = ([0.0; BLOCK_ROWS], Vec::new());
        for (place, &block) in span.iter().enumerate() {
            if self.merits[place].iter().all(|&merit| merit < least) {
                continue;
            }
            let chunk = self.scan.chunk_of(block);
            let measured = chunk.measured(Precision::Two, rows_of(chunk, block));
            (kernels.merits)(self.coded, &self.sums[place], measured, self.left[place], &mut merits);
            let likely = gathered(&merits.map(|merit| u8::from(merit >= least)));
            self.left[place] &= !likely;
            let first = block.0 * self.scan.batch.chunk_rows() + block.1 * BLOCK_ROWS;
            rows.extend(bits(likely).map(|row| first + row));
        }
        self.scan.score_scattered(&rows, self.found);
    }

    /// The rest of the first pass over a span: takes what can't be among the best from the rows that are left.
    fn narrow(&mut self, span: &[Block]) {
        let kernels = self.scan.kernels;
        for (place, &block) in span.iter().enumerate() {
            let mut left = self.left[place];
            if left == 0 {
                continue;
            }
            let chunk = self.scan.chunk_of(block);
            let rows = rows_of(chunk, block);
            let mut keep = |precision, sums: &Sums| {
                let measured = chunk.measured(precision, rows.clone());
                left &= (kernels.reaching)(self.coded, precision, sums, measured, self.found.selection.floor());
                left.count_ones()
            };
            if keep(Precision::Two, &self.sums[place]) > FEW {
                let mut sums = [0; BLOCK_ROWS];
                let [_, lower] = chunk.codes().coarse(rows.clone());
                (kernels.strip_sums)([self.coded.planes()[0]], lower, [&mut sums]);
                for (sum, upper) in sums.iter_mut().zip(&self.sums[place]) {
                    *sum = sum.wrapping_add(upper.wrapping_mul(4));
                }
                keep(Precision::Four, &sums);
            }
            self.bound(block, left);
        }
    }

    /// The second pass over rows of a block; few of them wait for others.
    fn bound(&mut self, block: Block, rows: u64) {
        let chunk = self.scan.chunk_of(block);
        if rows.count_ones() >= MANY {
            self.scan.bound_block(self.coded, self.found, block, rows);
            return;
        }
        for row in bits(rows).map(|bit| BLOCK_ROWS * block.1 + bit) {
            (self.scan.kernels.fetch)(chunk.codes().fine(row));
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
