//! The rows that have codes: bounded by half of their codes, those that may be among the best by all of them, and offered.

use std::ops::Range;

use crate::{
    arch::{BLOCK_ROWS, FIRST_QUERIES, QUAD_ROWS, Sums},
    bounds::{CodedQuery, Measured, Precision},
    chunk::Chunk,
    mask::bits,
    select::{Bounds, Candidate},
};

use super::{Found, Scan, filled};

/// For fewer rows the first pass doesn't pay: it leaves many until the best are found, and whole codes are in the cache.
const FIRST_PASS_ROWS: usize = 2048;

/// So few rows of a block the second pass takes in less time than the first one takes all of them.
const FEW: u32 = 8;

/// Of so many rows the second pass takes the whole block: scattered ones take it three times as long.
const MANY: u32 = 22;

/// How many rows the second pass takes at once, where it doesn't take a block.
const WAITING: usize = 16;

/// Whether the first pass is due: it pays where it leaves few rows to the second.
#[derive(Default)]
pub(super) struct FirstPass {
    /// How many blocks to go without.
    without: usize,
    /// How many blocks it was last left out for.
    pause: usize,
}

impl FirstPass {
    fn is_due(&mut self) -> bool {
        let is_due = self.without == 0;
        self.without = self.without.saturating_sub(1);
        is_due
    }

    /// Notes how many rows of a block it left: where too many, it is left out for a while, each time for longer.
    fn left(&mut self, rows: u32) {
        self.pause = if rows < MANY { 0 } else { (2 * self.pause + 1).min(15) };
        self.without = self.pause;
    }
}

/// A query that has codes, and what is found for it.
struct Query<'a, 'b> {
    scan: &'a Scan<'b>,
    coded: &'a CodedQuery,
    found: &'a mut Found,
}

impl Scan<'_> {
    /// The passes over the rows of a chunk that have codes, each block for all queries while it is in the cache.
    pub(super) fn passes(scans: &[Self], index: usize, found: &mut [Found]) {
        let each = scans.iter().zip(found);
        let mut queries: Vec<Query> =
            each.filter_map(|(scan, found)| scan.coded.as_ref().map(|coded| Query { scan, coded, found })).collect();
        let (scan, chunk) = (&scans[0], &scans[0].batch.chunks()[index]);
        for block in 0..chunk.len().div_ceil(BLOCK_ROWS) {
            // The same for all queries.
            let admitted = scan.admitted(index, block).0 & chunk.codes().usable().word(block);
            for queries in queries.chunks_mut(FIRST_QUERIES) {
                let mut left = [admitted; FIRST_QUERIES];
                // The first that needs none leaves it out for the others too; to ask each would take longer.
                if queries.iter_mut().all(|query| query.is_first_pass_due(admitted)) {
                    scan.first_pass(queries, (index, block), &mut left);
                }
                for (queries, left) in queries.chunks_mut(2).zip(left.as_chunks().0) {
                    scan.second_pass(queries, (index, block), *left);
                }
            }
        }
    }

    /// The first pass over a block: takes what can't be among the best for a query from the rows that are left for it.
    fn first_pass(&self, queries: &mut [Query], (index, block): (usize, usize), left: &mut [u64; FIRST_QUERIES]) {
        let chunk = &self.batch.chunks()[index];
        let rows = block_rows(chunk, block);
        let [upper, _] = chunk.codes().halves(rows.clone());
        let measured = chunk.measured(Precision::Upper, rows);
        let take = |Query { coded, found, .. }: &mut Query, sums: &[i32; BLOCK_ROWS], left: &mut u64| {
            *left &= (self.kernels.reaching)(coded, sums, measured, found.selection.floor());
            found.first_pass.left(left.count_ones());
        };
        if let [a, b, c, d] = queries {
            let planes = [&*a, &*b, &*c, &*d].map(|each| each.coded.planes()[0]);
            let mut sums = [[0; BLOCK_ROWS]; FIRST_QUERIES];
            (self.kernels.many_sums)(planes, upper, &mut sums);
            for ((each, sums), left) in queries.iter_mut().zip(&sums).zip(left) {
                take(each, sums, left);
            }
        } else {
            for (each, left) in queries.iter_mut().zip(left) {
                let mut sums = [[0; BLOCK_ROWS]];
                (self.kernels.block_sums)([each.coded.planes()[0]], upper, &mut sums);
                take(each, &sums[0], left);
            }
        }
    }

    /// The second pass over a block for one query or two: offers the rows that are left for each, or lets them wait.
    fn second_pass(&self, queries: &mut [Query], (index, block): (usize, usize), left: [u64; 2]) {
        let is_many = |left: u64| left.count_ones() >= MANY;
        let chunk = &self.batch.chunks()[index];
        let halves = || chunk.codes().halves(block_rows(chunk, block));
        if let ([a, b], true) = (&mut *queries, left.into_iter().all(is_many)) {
            let ([a_upper, a_lower], [b_upper, b_lower]) = (a.coded.planes(), b.coded.planes());
            let mut sums = [[0; BLOCK_ROWS]; 4];
            (self.kernels.two_whole_sums)([a_upper, a_lower, b_upper, b_lower], halves(), &mut sums);
            let (of_each, _) = sums.as_chunks();
            self.offer(a, (index, block), &of_each[0], left[0]);
            self.offer(b, (index, block), &of_each[1], left[1]);
            return;
        }
        for (each, left) in queries.iter_mut().zip(left) {
            if is_many(left) {
                let mut sums = [[0; BLOCK_ROWS]; 2];
                (self.kernels.whole_sums)(each.coded.planes(), halves(), &mut sums);
                self.offer(each, (index, block), &sums, left);
            } else {
                for row in bits(left).map(|bit| BLOCK_ROWS * block + bit) {
                    (self.kernels.fetch)(chunk.codes().row(row));
                    each.found.waiting.push((index, row));
                    if each.found.waiting.len() == WAITING {
                        self.bound_waiting(each.coded, each.found);
                    }
                }
            }
        }
    }

    /// Offers the rows of a block that are left for a query, given the sums of all of them.
    fn offer(
        &self,
        Query { coded, found, .. }: &mut Query,
        (index, block): (usize, usize),
        [upper, lower]: &Sums<2>,
        left: u64,
    ) {
        let chunk = &self.batch.chunks()[index];
        let rows = block_rows(chunk, block);
        let position = index * self.batch.chunk_rows() + rows.start;
        let measured = chunk.measured(Precision::Whole, rows);
        let (mut least, mut most) = ([0.0; BLOCK_ROWS], [0.0; BLOCK_ROWS]);
        let floor = found.selection.floor();
        let reaching = (self.kernels.bounds)(coded, [upper, lower], measured, floor, [&mut least, &mut most]);
        for row in bits(reaching & left) {
            let bounds = Bounds { lower: least[row], upper: most[row] };
            found.selection.offer(Candidate { position: position + row, bounds });
        }
    }

    /// The second pass over the rows that wait for it.
    pub(super) fn bound_waiting(&self, coded: &CodedQuery, found: &mut Found) {
        for waiting in found.waiting.chunks(WAITING) {
            let mut sums = [[0; WAITING]; 2];
            let (mut inverse_length, mut error, mut norm) = ([0.0; WAITING], [0.0; WAITING], [0.0; WAITING]);
            for (group, rows) in waiting.chunks(QUAD_ROWS).enumerate() {
                let rows = filled(rows, |&(chunk, row)| self.batch.chunks()[chunk].codes().row(row));
                for (sums, found) in sums.iter_mut().zip((self.kernels.row_sums)(coded.planes(), &rows)) {
                    sums.as_chunks_mut().0[group] = found;
                }
            }
            for (index, &(chunk, row)) in waiting.iter().enumerate() {
                let row = self.batch.chunks()[chunk].measured_row(row);
                (inverse_length[index], error[index], norm[index]) = (row.inverse_length, row.error, row.norm);
            }
            let measured =
                Measured { inverse_length: &inverse_length[..], error: &error, norm: &norm[..waiting.len()] };
            let (mut least, mut most) = ([0.0; WAITING], [0.0; WAITING]);
            let floor = found.selection.floor();
            let [upper, lower] = &sums;
            let reaching = (self.kernels.bounds)(coded, [upper, lower], measured, floor, [&mut least, &mut most]);
            for index in bits(reaching) {
                let (chunk, row) = waiting[index];
                let position = chunk * self.batch.chunk_rows() + row;
                let bounds = Bounds { lower: least[index], upper: most[index] };
                found.selection.offer(Candidate { position, bounds });
            }
        }
        found.waiting.clear();
    }
}

impl Query<'_, '_> {
    /// Whether the first pass should look at the rows of a block.
    fn is_first_pass_due(&mut self, admitted: u64) -> bool {
        self.scan.rows >= FIRST_PASS_ROWS
            && admitted.count_ones() > FEW
            && self.found.selection.floor() > f64::NEG_INFINITY
            && self.found.first_pass.is_due()
    }
}

/// The rows of a block of a chunk.
fn block_rows(chunk: &Chunk, block: usize) -> Range<usize> {
    block * BLOCK_ROWS..chunk.len().min((block + 1) * BLOCK_ROWS)
}
