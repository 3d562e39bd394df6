//! Kernels in safe Rust for any CPU: the specification that the others are tested against.
//!
//! The loops that the compiler turns into wide instructions by itself are generic and always inlined: compiled within a
//! function for a CPU's features, they are that CPU's kernels too.

use std::slice::ChunksExact;

use crate::{
    bounds::Precision,
    decimal::{self, Word},
};

use super::{
    BLOCK_ROWS, BlockSums, CodedRow, EXACT_ROWS, Encoded, FIRST_QUERIES, FIRST_ROWS, Kernels, Line, Number, PANEL_ROWS,
    Planes, Quad, Sums,
};

pub(super) const KERNELS: Kernels = Kernels {
    name: "portable",
    encode_f32: encode,
    encode_f64: encode,
    planes,
    block_sums,
    many_sums: |planes, quads, sums| one_by_one(block_sums, planes, quads, sums),
    row_sums,
    reaching: |first, precision, sums, rows, floor| first.reaching(precision, sums, rows, floor),
    dots_f32: dots,
    dots_f64: dots,
    distances_f32: distances,
    distances_f64: distances,
    panel_dots_f32: panel_dots,
    panel_dots_f64: panel_dots,
    panel_distances_f32: panel_distances,
    panel_distances_f64: panel_distances,
    decimals: |text, start, numbers| decimal::read(text, start, numbers, commas, sixteen),
};

/// How many partial sums and maxima coding keeps.
const LANES: usize = 32;

/// Adding 1.5 · 2²³ to a number of at most 2²² rounds it to a whole one, which then is in the lowest bits; on CPUs of the
/// baseline `round_ties_even` is a call.
const ROUND: f32 = 12_582_912.0;

/// Rounds to a whole number: as one of float32, and its bits as an integer's, of which the lowest 22 count.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn rounded(x: f32) -> (f32, u32) {
    let shifted = x + ROUND;
    (shifted - ROUND, shifted.to_bits())
}

/// The largest magnitude; nonsense if there is a NaN.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn largest<T: Number>(numbers: &[T]) -> T {
    let larger = |a: T, b: T| if a > b { a } else { b };
    let mut lanes = [T::default(); LANES];
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for numbers in whole {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], numbers[lane].magnitude());
        }
    }
    rest.iter().map(|x| x.magnitude()).chain(lanes).fold(T::default(), larger)
}

/// Adds the lanes up in a tree.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// Numbers in groups of `LANES`, the last one filled up with zeros.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn for_each_group<T: Number>(numbers: &[T], mut group: impl FnMut(usize, &[T; LANES])) {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    for (index, numbers) in whole.iter().enumerate() {
        group(index, numbers);
    }
    if !rest.is_empty() {
        let mut padded = [T::default(); LANES];
        padded[..rest.len()].copy_from_slice(rest);
        group(whole.len(), &padded);
    }
}

/// How many such groups have their codes in a line.
const GROUPS: usize = Line::<u8>::LEN / LANES;

/// The codes of such a group in its line.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn group_of<T>(line: &mut Line<T>, index: usize) -> &mut [T; LANES] {
    &mut line.0.as_chunks_mut().0[index % GROUPS]
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
pub(super) fn encode<T: Number>(row: &[T], quads: &mut [Quad], lane: usize) -> Encoded {
    let inverse = T::inverse(largest(row));
    let mut squares = [0.0; LANES];
    for_each_group(row, |group, numbers| {
        let codes = group_of(&mut quads[group / GROUPS][lane], group);
        for index in 0..LANES {
            let x = numbers[index].times(inverse);
            let (whole, bits) = rounded(x);
            codes[index] = (bits as u8) ^ 128;
            squares[index] += (x - whole) * (x - whole);
        }
    });
    Encoded { inverse: inverse.into(), squares: total(squares) }
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
pub(super) fn planes(query: &[f64], upper: &mut [Line<i8>], lower: &mut [Line<i8>]) -> Planes {
    let inverse = 256.0 * f64::inverse(largest(query));
    let (mut upper_squares, mut both_squares) = ([0.0; LANES], [0.0; LANES]);
    let (mut upper_sums, mut lower_sums) = ([0_i32; LANES], [0_i32; LANES]);
    for_each_group(query, |index, numbers| {
        let line = index / GROUPS;
        let (upper, lower) = (group_of(&mut upper[line], index), group_of(&mut lower[line], index));
        for lane in 0..LANES {
            let x = numbers[lane].times(inverse);
            let (whole, bits) = rounded(x);
            // The lowest 16 bits of the code, so that its upper half rounds to nearest when the lower half is signed.
            let low = bits as i8;
            let high = (bits.wrapping_add(128) >> 8) as i8;
            let rest = x - f32::from(high) * 256.0;
            upper[lane] = high;
            lower[lane] = low;
            upper_sums[lane] += i32::from(high);
            lower_sums[lane] += i32::from(low);
            both_squares[lane] += (x - whole) * (x - whole);
            upper_squares[lane] += rest * rest;
        }
    });
    Planes {
        inverse,
        sums: [upper_sums.iter().sum(), lower_sums.iter().sum()],
        squares: [total(upper_squares), total(both_squares)],
    }
}

fn block_sums(planes: [&[Line<i8>]; 2], quads: &[Quad], sums: &mut Sums<2>) -> Precision {
    for (quads, sums) in quads_of_rows(&planes, quads).zip(sums[0].as_chunks_mut::<FIRST_ROWS>().0) {
        *sums = std::array::from_fn(|lane| row_sum(planes[0], CodedRow { quads, lane }));
    }
    Precision::Upper
}

/// The quads of a block, those of the same rows together, having checked that it is one.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn quads_of_rows<'a>(planes: &[&[Line<i8>]], quads: &'a [Quad]) -> ChunksExact<'a, Quad> {
    let width = planes[0].len();
    let quads = quads.chunks_exact(width);
    assert!(planes.iter().all(|plane| plane.len() == width));
    assert!(quads.remainder().is_empty() && quads.len() <= BLOCK_ROWS / FIRST_ROWS);
    quads
}

/// The sums for several queries by a kernel for one, of the upper plane: for CPUs whose registers can't hold more.
pub(super) fn one_by_one(
    block_sums: BlockSums,
    planes: [&[Line<i8>]; FIRST_QUERIES],
    quads: &[Quad],
    sums: &mut Sums<FIRST_QUERIES>,
) {
    for (plane, sums) in planes.into_iter().zip(sums) {
        let mut found = [[0; BLOCK_ROWS]; 2];
        block_sums([plane; 2], quads, &mut found);
        *sums = found[0];
    }
}

fn row_sums(planes: [&[Line<i8>]; 2], rows: [CodedRow; FIRST_ROWS]) -> [[i32; FIRST_ROWS]; 2] {
    planes.map(|plane| rows.map(|row| row_sum(plane, row)))
}

fn row_sum(plane: &[Line<i8>], row: CodedRow) -> i32 {
    assert_eq!(plane.len(), row.quads.len());
    let mut sums = [0; 16];
    for (plane, quad) in plane.iter().zip(row.quads) {
        for (plane, row) in plane.0.as_chunks::<16>().0.iter().zip(quad[row.lane].0.as_chunks::<16>().0) {
            for lane in 0..16 {
                // The product fits into 16 bits, for which the baseline has an instruction.
                sums[lane] += i32::from(i16::from(plane[lane]) * i16::from(row[lane]));
            }
        }
    }
    sums.iter().sum()
}

fn dots<T: Number>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    in_order(query, rows, |sum, a, b| sum + a * b)
}

fn distances<T: Number>(query: &[f64], rows: [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
    in_order(query, rows, |sum, a, b| sum + (a - b) * (a - b))
}

fn in_order<T: Number>(
    query: &[f64],
    rows: [&[T]; EXACT_ROWS],
    step: impl Fn(f64, f64, f64) -> f64,
) -> [f64; EXACT_ROWS] {
    let rows = rows.map(|row| &row[..query.len()]);
    let mut sums = [0.0; EXACT_ROWS];
    for (i, &a) in query.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = step(*sum, a, row[i].into());
        }
    }
    sums
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
pub(super) fn panel_dots<T: Number>(query: &[f64], panel: &[T]) -> [f64; PANEL_ROWS] {
    down_columns(query, panel, |sum, a, b| sum + a * b)
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
pub(super) fn panel_distances<T: Number>(query: &[f64], panel: &[T]) -> [f64; PANEL_ROWS] {
    down_columns(query, panel, |sum, a, b| sum + (a - b) * (a - b))
}

#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn down_columns<T: Number>(query: &[f64], panel: &[T], step: impl Fn(f64, f64, f64) -> f64) -> [f64; PANEL_ROWS] {
    assert_eq!(panel.len(), query.len() * PANEL_ROWS);
    let mut sums = [0.0; PANEL_ROWS];
    for (&a, column) in query.iter().zip(panel.as_chunks::<PANEL_ROWS>().0) {
        for lane in 0..PANEL_ROWS {
            sums[lane] = step(sums[lane], a, column[lane].into());
        }
    }
    sums
}

/// Where there are commas, as bits: eight bytes at a time, a byte in a word that is 0 then being one.
fn commas(bytes: &[u8; 64]) -> u64 {
    let (words, _) = bytes.as_chunks();
    words.iter().rev().fold(0, |bits, &word| {
        let word = u64::from_le_bytes(word) ^ u64::from_le_bytes([b','; 8]);
        let low = u64::from_le_bytes([0x7f; 8]);
        let equal = !(((word & low) + low) | word | low) >> 7;
        // Gathers the lowest bits of the bytes in the highest byte.
        bits << 8 | equal.wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

fn sixteen(bytes: &[u8; 16], keep: &[u8; 16]) -> Option<u64> {
    let word = |index: usize| Word::of(bytes.as_chunks().0[index], u64::from_le_bytes(keep.as_chunks().0[index]));
    Some(word(0)?.number() * 100_000_000 + word(1)?.number())
}
