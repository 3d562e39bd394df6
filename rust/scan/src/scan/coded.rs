//! The rows that have codes: bounded by half of their codes, those that may be among the best by all of them, and offered.

use std::ops::Range;

use crate::{
    arch::{BLOCK_ROWS, FIRST_QUERIES, FIRST_ROWS, Line, Sums},
    bounds::{CodedQuery, Measured, Precision},
    chunk::Chunk,
    mask::bits,
    select::{Bounds, Candidate},
};

use super::{Found, Scan, filled};

/// Where more than one row in so many is wanted, the first pass leaves too many to pay.
const FIRST_PASS_SHARE: usize = 64;

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

impl Scan<'_> {
    /// Goes through the rows of a chunk that have codes, each block for all queries while it is in the cache.
    pub(super) fn coded_rows(scans: &[Self], index: usize, found: &mut [Found]) {
        let each = scans.iter().zip(found);
        let mut coded: Vec<_> =
            each.filter_map(|(scan, found)| scan.coded.as_ref().map(|query| (scan, query, found))).collect();
        let mut sums = [[0; BLOCK_ROWS]; FIRST_QUERIES];
        for block in 0..scans[0].batch.chunks()[index].len().div_ceil(BLOCK_ROWS) {
            for group in coded.chunks_mut(FIRST_QUERIES) {
                let are_due =
                    group.iter_mut().fold(true, |all, (scan, _, found)| scan.is_due((index, block), found) && all);
                if are_due {
                    scans[0].upper_sums(group.iter().map(|(_, query, _)| query.planes()[0]), (index, block), &mut sums);
                }
                for ((scan, query, found), sums) in group.iter_mut().zip(&sums) {
                    scan.block(query, (index, block), are_due.then_some(sums), found);
                }
            }
        }
    }

    /// The first pass's sums of a block for some queries, of which the upper planes are given.
    fn upper_sums<'b>(
        &self,
        mut planes: impl ExactSizeIterator<Item = &'b [Line<i8>]>,
        (index, block): (usize, usize),
        sums: &mut Sums<FIRST_QUERIES>,
    ) {
        let chunk = &self.batch.chunks()[index];
        let [upper, _] = chunk.codes().halves(block_rows(chunk, block));
        if planes.len() == FIRST_QUERIES {
            let planes = std::array::from_fn(|_| planes.next().expect("there are so many"));
            (self.kernels.many_sums)(planes, upper, sums);
        } else {
            for (plane, sums) in planes.zip(sums.as_chunks_mut().0) {
                (self.kernels.block_sums)([plane], upper, sums);
            }
        }
    }

    /// Whether the first pass is going to look at a block.
    fn is_due(&self, (index, block): (usize, usize), found: &mut Found) -> bool {
        let (admitted, _) = self.admitted(index, block);
        self.search.top_k < self.rows / FIRST_PASS_SHARE
            && admitted.count_ones() > FEW
            && found.selection.floor() > f64::NEG_INFINITY
            && found.first_pass.is_due()
    }

    /// The passes over the codes of a block; there are sums of the first one, or it is left out.
    fn block(
        &self,
        query: &CodedQuery,
        (index, block): (usize, usize),
        sums: Option<&[i32; BLOCK_ROWS]>,
        found: &mut Found,
    ) {
        let chunk = &self.batch.chunks()[index];
        let rows = block_rows(chunk, block);
        let coded = self.admitted(index, block).0 & chunk.codes().coded().word(block);
        let mut left = coded;
        if let Some(sums) = sums {
            let measured = chunk.measured(Precision::Upper, rows.clone());
            left &= (self.kernels.reaching)(query, sums, measured, found.selection.floor());
            found.first_pass.left(left.count_ones());
        }
        if left.count_ones() < MANY {
            for row in bits(left) {
                (self.kernels.fetch)(chunk.codes().row(rows.start + row));
                found.waiting.push((index, rows.start + row));
                if found.waiting.len() == WAITING {
                    self.bound_waiting(query, found);
                }
            }
        } else {
            let mut sums = [[0; BLOCK_ROWS]; 2];
            (self.kernels.whole_sums)(query.planes(), chunk.codes().halves(rows.clone()), &mut sums);
            let mut bounds = [Bounds::default(); BLOCK_ROWS];
            let measured = chunk.measured(Precision::Whole, rows.clone());
            (self.kernels.bounds)(query, [&sums[0], &sums[1]], measured, &mut bounds[..rows.len()]);
            let position = index * self.batch.chunk_rows() + rows.start;
            for row in bits(left) {
                found.selection.offer(Candidate { position: position + row, bounds: bounds[row] });
            }
        }
    }

    /// The second pass over the rows that wait for it.
    pub(super) fn bound_waiting(&self, query: &CodedQuery, found: &mut Found) {
        for waiting in found.waiting.chunks(WAITING) {
            let mut sums = [[0; WAITING]; 2];
            let (mut inverse, mut error, mut norm) = ([0.0; WAITING], [0.0; WAITING], [0.0; WAITING]);
            for (group, rows) in waiting.chunks(FIRST_ROWS).enumerate() {
                let coded = filled(rows, |&(chunk, row)| self.batch.chunks()[chunk].codes().row(row));
                for (sums, found) in sums.iter_mut().zip((self.kernels.row_sums)(query.planes(), &coded)) {
                    sums.as_chunks_mut().0[group] = found;
                }
            }
            for (index, &(chunk, row)) in waiting.iter().enumerate() {
                let row = self.batch.chunks()[chunk].measured_row(row);
                (inverse[index], error[index], norm[index]) = (row.inverse, row.error, row.norm);
            }
            let measured = Measured { inverse: &inverse[..], error: &error, norm: &norm[..] };
            let mut bounds = [Bounds::default(); WAITING];
            (self.kernels.bounds)(query, [&sums[0], &sums[1]], measured, &mut bounds);
            for (&(chunk, row), bounds) in waiting.iter().zip(bounds) {
                let position = chunk * self.batch.chunk_rows() + row;
                found.selection.offer(Candidate { position, bounds });
            }
        }
        found.waiting.clear();
    }
}

/// The rows of a block of a chunk.
fn block_rows(chunk: &Chunk, block: usize) -> Range<usize> {
    block * BLOCK_ROWS..chunk.len().min((block + 1) * BLOCK_ROWS)
}
