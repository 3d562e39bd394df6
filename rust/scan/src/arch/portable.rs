//! Kernels in safe Rust for any CPU: the specification that the others are tested against.
//!
//! The loops that the compiler turns into wide instructions by itself are generic and always inlined: compiled within a
//! function for a CPU's features, they are that CPU's kernels too.

use std::array;

use crate::decimal::{self, Word};

use super::{
    BIAS, BLOCK_ROWS, BlockSums, Coding, EXACT_ROWS, Encoded, FIRST_QUERIES, Kernels, Line, Number, OUTLINE,
    PANEL_ROWS, PROJECTED_ROWS, Place, Planes, QUAD_ROWS, STRIP_COLUMNS, STRIP_ROWS, StripSums, Sums, strip_lines,
};
use crate::bounds::{COARSE_STEP, TWO_BITS};

pub(super) const KERNELS: Kernels = Kernels {
    name: "portable",
    project: project::<16>,
    encode_f32: encode,
    encode_f64: encode,
    planes,
    strip_sums,
    many_sums: |planes, halves, sums| one_by_one(strip_sums, planes, halves, sums),
    many_share: false,
    merits: |query, precision, sums, rows, counted, merits| query.merits(precision, sums, rows, counted, merits),
    reaching: |query, precision, sums, rows, floor| query.reaching(precision, sums, rows, floor),
    fetch: |_| (),
    one_plane_sums: block_sums,
    two_plane_sums: block_sums,
    four_plane_sums: |planes, rows, sums| two_by_two(block_sums, planes, rows, sums),
    row_sums,
    bounds: |query, sums, rows, floor, bounds| query.bounds(sums, rows, floor, bounds),
    dots_f32: dots,
    narrow_dots: dots,
    dots_f64: dots,
    distances_f32: distances,
    distances_f64: distances,
    panel_dots_f32: panel_dots,
    narrow_panel_dots: panel_dots,
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

/// The integer whose bits [`rounded`] gives.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn signed(bits: u32) -> i32 {
    bits.wrapping_sub(ROUND.to_bits()).cast_signed()
}

/// The largest magnitude; undefined if there is a NaN.
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

/// `LANES` numbers; the last ones are filled up with zeros. A closure that goes over them all wouldn't always be inlined.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn group_at<T: Number>(numbers: &[T], group: usize) -> [T; LANES] {
    let (whole, rest) = numbers.as_chunks::<LANES>();
    whole.get(group).copied().unwrap_or_else(|| {
        let mut padded = [T::default(); LANES];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    })
}

/// How many such groups have their codes in a line, a byte each.
const GROUPS: usize = Line::<u8>::LEN / LANES;

/// The codes of such a group in its line.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn group_of<T>(line: &mut Line<T>, index: usize) -> &mut [T; LANES] {
    &mut line.0.as_chunks_mut().0[index % GROUPS]
}

/// Projects several rows at once, `LANES` columns at a time, and the last ones by themselves.
#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
pub(super) fn project<const LANES: usize>(
    rows: &[&[f32]],
    matrix: &[[f32; OUTLINE]],
    projected: &mut [[f32; OUTLINE]],
) {
    assert!(rows.len() == projected.len() && rows.iter().all(|row| row.len() == matrix.len()));
    let ((groups, others), (projected, others_projected)) = (rows.as_chunks(), projected.as_chunks_mut());
    for (rows, projected) in groups.iter().zip(projected) {
        project_group::<PROJECTED_ROWS, LANES>(rows, matrix, projected);
    }
    for (row, projected) in others.iter().zip(others_projected) {
        project_group::<1, LANES>(&[row], matrix, array::from_mut(projected));
    }
}

#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
fn project_group<const ROWS: usize, const LANES: usize>(
    rows: &[&[f32]; ROWS],
    matrix: &[[f32; OUTLINE]],
    projected: &mut [[f32; OUTLINE]; ROWS],
) {
    for part in 0..OUTLINE / LANES {
        let mut sums = [[0.0; LANES]; ROWS];
        for (at, column) in matrix.iter().enumerate() {
            let column = &column.as_chunks::<LANES>().0[part];
            for row in 0..ROWS {
                for lane in 0..LANES {
                    sums[row][lane] += rows[row][at] * column[lane];
                }
            }
        }
        for row in 0..ROWS {
            projected[row].as_chunks_mut().0[part] = sums[row];
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "a dimension")]
pub(super) fn encode<T: Number>(row: &[T], norm: f64, Place { strips, lane, fine }: Place) -> Encoded {
    let coarse_inverse = T::from_f64((row.len() as f64).sqrt() / (COARSE_STEP * norm));
    let fine_inverse = T::inverse(largest(row));
    let [upper, lower] = strips;
    let mut measures = Measures::default();
    for group in 0..row.len().div_ceil(LANES) {
        let numbers = group_at(row, group);
        let fine = group_of(&mut fine[group / GROUPS], group);
        let inverses = [coarse_inverse, fine_inverse];
        // The padding of the last group loses nothing. The others are told apart, so that their loops have a known length.
        let count = row.len() - group * LANES;
        let coarse = if count < LANES {
            measures.code(&numbers[..count], inverses, fine)
        } else {
            measures.code(&numbers, inverses, fine)
        };
        for (line, codes) in (group * LANES / STRIP_COLUMNS..).zip(coarse.as_chunks::<STRIP_COLUMNS>().0) {
            let [mut upper_bits, mut lower_bits] = [0, 0];
            for (part, codes) in codes.as_chunks::<4>().0.iter().enumerate() {
                let codes = u32::from_le_bytes(*codes);
                upper_bits |= (codes >> 2 & 0x0303_0303) << (2 * part);
                lower_bits |= (codes & 0x0303_0303) << (2 * part);
            }
            upper[line].0.as_chunks_mut().0[lane] = upper_bits.to_le_bytes();
            lower[line].0.as_chunks_mut().0[lane] = lower_bits.to_le_bytes();
        }
    }
    let coding = |lost: [f32; LANES], squares: [i32; LANES]| Coding {
        lost: total(lost),
        squares: squares.iter().sum::<i32>().into(),
    };
    let Measures { lost: [two_lost, four_lost, eight_lost], squares: [two_squares, four_squares, eight_squares] } =
        measures;
    Encoded {
        coarse_inverse: coarse_inverse.into(),
        two: coding(two_lost, two_squares),
        four: coding(four_lost, four_squares),
        fine_inverse: fine_inverse.into(),
        eight: coding(eight_lost, eight_squares),
    }
}

/// The sums of squares of what two, four and eight bits lose, and of their codes.
#[derive(Default)]
struct Measures {
    lost: [[f32; LANES]; 3],
    squares: [[i32; LANES]; 3],
}

impl Measures {
    /// Codes at most a group: returns the coarse codes and writes the fine ones.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small whole numbers")]
    fn code<T: Number>(
        &mut self,
        numbers: &[T],
        [coarse_inverse, fine_inverse]: [T; 2],
        fine: &mut [u8; LANES],
    ) -> [u8; LANES] {
        let (mut coarse, mut codes) = ([0; LANES], [0; LANES]);
        let [two_lost, four_lost, eight_lost] = &mut self.lost;
        let [two_squares, four_squares, eight_squares] = &mut self.squares;
        for index in 0..numbers.len() {
            let x = numbers[index].times(coarse_inverse);
            // Between two whole numbers, of which the lower one is taken; the last ones hold what is beyond them.
            let bounded = if x > 7.5 { 7.5 } else { x };
            let bounded = if bounded < -7.5 { -7.5 } else { bounded };
            let bits = rounded(bounded - 0.5).1.wrapping_add(8) & 15;
            coarse[index] = bits as u8;
            let (two, four) = (2 * (bits >> 2).cast_signed() - 3, 2 * bits.cast_signed() - 15);
            let (two_rest, four_rest) = (x - TWO_BITS * two as f32, x - 0.5 * four as f32);
            two_lost[index] += two_rest * two_rest;
            four_lost[index] += four_rest * four_rest;
            two_squares[index] += two * two;
            four_squares[index] += four * four;

            let x = numbers[index].times(fine_inverse);
            let (eight, bits) = rounded(x);
            codes[index] = (bits as u8).wrapping_add(BIAS);
            eight_lost[index] += (x - eight) * (x - eight);
            eight_squares[index] += signed(bits) * signed(bits);
        }
        *fine = codes;
        coarse
    }
}

#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are wanted")]
pub(super) fn planes(query: &[f64], upper: &mut [Line<i8>], lower: &mut [Line<i8>]) -> Planes {
    let inverse = 256.0 * f64::inverse(largest(query));
    let (mut upper_lost, mut whole_lost) = ([0.0; LANES], [0.0; LANES]);
    let (mut upper_sums, mut lower_sums) = ([0_i32; LANES], [0_i32; LANES]);
    let (mut upper_squares, mut whole_squares) = ([0_i32; LANES], [0.0; LANES]);
    let mut norm_square = 0.0;
    for group in 0..query.len().div_ceil(LANES) {
        let numbers = group_at(query, group);
        let line = group / GROUPS;
        let (upper, lower) = (group_of(&mut upper[line], group), group_of(&mut lower[line], group));
        for lane in 0..LANES {
            let x = numbers[lane].times(inverse);
            let (whole, bits) = rounded(x);
            // The lower 8 bits have a sign, so the upper ones are those of the nearest multiple of 256.
            let low = bits as i8;
            let high = (bits.wrapping_add(128) >> 8) as i8;
            let rest = x - f32::from(high) * 256.0;
            upper[lane] = high;
            lower[lane] = low;
            upper_sums[lane] += i32::from(high);
            lower_sums[lane] += i32::from(low);
            upper_lost[lane] += rest * rest;
            whole_lost[lane] += (x - whole) * (x - whole);
            upper_squares[lane] += i32::from(i16::from(high) * i16::from(high));
            whole_squares[lane] += f64::from(whole) * f64::from(whole);
        }
        for x in numbers {
            norm_square += x * x;
        }
    }
    Planes {
        inverse,
        upper: Coding { lost: total(upper_lost), squares: upper_squares.iter().sum::<i32>().into() },
        whole: Coding { lost: total(whole_lost), squares: whole_squares.iter().sum() },
        sums: [upper_sums.iter().sum(), lower_sums.iter().sum()],
        norm_square,
    }
}

fn strip_sums([plane]: [&[Line<i8>]; 1], halves: &[&[Line<u8>]], [sums]: [&mut Sums; 1]) {
    half_by_half(halves, sums, |half, sums| {
        by_strips([plane], [half], [sums], |[strip]| [strip_sum(plane, strip)]);
    });
}

/// The sums of two bits of a strip. Pairs of bytes are taken as numbers of 16 bits, for whose products the baseline has an
/// instruction; the first of each pair and the second one are multiplied apart.
fn strip_sum(plane: &[Line<i8>], strip: &[Line<u8>]) -> [i32; STRIP_ROWS] {
    /// How many such numbers a line has, and how many of them a register of the baseline.
    const PAIRS: usize = Line::<u8>::LEN / 2;
    const LANES: usize = 8;
    /// Of so many lines 16 bits hold the sums: a product is at most 384 in magnitude, and each line has eight for a pair.
    const SHORT: usize = 8;
    let mut sums = [0; STRIP_ROWS];
    let mut columns = columns_of(plane);
    for lines in strip.chunks(SHORT) {
        let mut short = [[0_i16; LANES]; PAIRS / LANES];
        for (line, columns) in lines.iter().zip(columns.by_ref()) {
            let columns: [[[i16; LANES]; 2]; 4] = std::array::from_fn(|part| {
                [0, 1].map(|odd| std::array::from_fn(|lane| columns[4 * part + 2 * (lane % 2) + odd].into()))
            });
            for (short, bytes) in short.iter_mut().zip(line.0.as_chunks::<{ 2 * LANES }>().0) {
                let mut sum = *short;
                for lane in 0..LANES {
                    let pair = u16::from_le_bytes([bytes[2 * lane], bytes[2 * lane + 1]]);
                    let product = |part: usize, odd: usize| {
                        (pair >> (2 * part + 8 * odd) & 3).cast_signed() * columns[part][odd][lane]
                    };
                    let first = product(0, 0) + product(0, 1) + product(1, 0) + product(1, 1);
                    sum[lane] += first + product(2, 0) + product(2, 1) + product(3, 0) + product(3, 1);
                }
                *short = sum;
            }
        }
        for (sum, short) in sums.iter_mut().zip(short.as_flattened().as_chunks::<2>().0) {
            *sum += i32::from(short[0]) + i32::from(short[1]);
        }
    }
    sums
}

/// The sums of coarse codes by those of two bits, which `sums_of` makes: four of the lower ones make an upper one.
pub(super) fn half_by_half(halves: &[&[Line<u8>]], sums: &mut Sums, sums_of: impl Fn(&[Line<u8>], &mut Sums)) {
    let (first, others) = halves.split_first().expect("two bits at least");
    sums_of(first, sums);
    for half in others {
        let mut lower = [0; BLOCK_ROWS];
        sums_of(half, &mut lower);
        for (sum, lower) in sums.iter_mut().zip(lower) {
            *sum = sum.wrapping_mul(4).wrapping_add(lower);
        }
    }
}

/// The columns of a plane that each line of a strip has codes of.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn columns_of(plane: &[Line<i8>]) -> impl Iterator<Item = &[i8; STRIP_COLUMNS]> {
    plane.iter().flat_map(|line| line.0.as_chunks().0)
}

/// The sums of a block by those of its strips, which `sums_of` makes; having checked that it is a block.
///
/// One strip after the other, so that codes are read in their order: where two strips take turns, some CPUs no longer see
/// what to fetch ahead, and wait for memory twice as long.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn by_strips<const QUERIES: usize, const HALVES: usize>(
    planes: [&[Line<i8>]; QUERIES],
    halves: [&[Line<u8>]; HALVES],
    mut sums: [&mut Sums; QUERIES],
    sums_of: impl Fn([&[Line<u8>]; HALVES]) -> [[i32; STRIP_ROWS]; QUERIES],
) {
    let width = strip_lines(planes[0].len() * Line::<u8>::LEN);
    let count = halves[0].len() / width;
    assert!(planes.iter().all(|plane| plane.len() == planes[0].len()));
    assert!(halves.iter().all(|half| half.len() == count * width) && count <= BLOCK_ROWS / STRIP_ROWS);
    for index in 0..count {
        let mut strip = [&[][..]; HALVES];
        for (strip, half) in strip.iter_mut().zip(halves) {
            *strip = &half[index * width..][..width];
        }
        for (sums, found) in sums.iter_mut().zip(sums_of(strip)) {
            sums.as_chunks_mut().0[index] = found;
        }
    }
}

/// The sums for several queries by a kernel for one: for CPUs whose registers can't hold more.
pub(super) fn one_by_one(
    strip_sums: StripSums<1>,
    planes: [&[Line<i8>]; FIRST_QUERIES],
    halves: &[&[Line<u8>]],
    sums: [&mut Sums; FIRST_QUERIES],
) {
    for (plane, sums) in planes.into_iter().zip(sums) {
        strip_sums([plane], halves, [sums]);
    }
}

fn block_sums<const PLANES: usize>(planes: [&[Line<i8>]; PLANES], block: &[Line<u8>], sums: [&mut Sums; PLANES]) {
    by_neighbours(planes, block, sums, |planes, rows| planes.map(|plane| rows.map(|row| sum(plane, row))));
}

fn row_sums(planes: [&[Line<i8>]; 2], rows: &[&[Line<u8>]], sums: [&mut Sums; 2]) {
    let row = |index: usize| rows[index];
    by_quads(planes, rows.len(), row, sums, |planes, rows| planes.map(|plane| rows.map(|row| sum(plane, row))));
}

/// The sums for four planes by a kernel for two: for CPUs whose registers can't hold more.
pub(super) fn two_by_two(
    two_plane_sums: BlockSums<2>,
    [a, b, c, d]: [&[Line<i8>]; 4],
    block: &[Line<u8>],
    [a_sums, b_sums, c_sums, d_sums]: [&mut Sums; 4],
) {
    two_plane_sums([a, b], block, [a_sums, b_sums]);
    two_plane_sums([c, d], block, [c_sums, d_sums]);
}

/// The sums of a block by those of a few rows, which `sums_of` makes.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn by_neighbours<const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    block: &[Line<u8>],
    sums: [&mut Sums; PLANES],
    sums_of: impl Fn([&[Line<i8>]; PLANES], [&[Line<u8>]; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; PLANES],
) {
    let width = planes[0].len();
    by_quads(planes, block.len() / width, |index| &block[index * width..][..width], sums, sums_of);
}

/// The sums of so many rows by those of a few, which `sums_of` makes; having checked that they are as long as the planes.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn by_quads<'a, const PLANES: usize>(
    planes: [&[Line<i8>]; PLANES],
    count: usize,
    row: impl Fn(usize) -> &'a [Line<u8>],
    mut sums: [&mut Sums; PLANES],
    sums_of: impl Fn([&[Line<i8>]; PLANES], [&[Line<u8>]; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; PLANES],
) {
    let width = planes[0].len();
    assert!(planes.iter().all(|plane| plane.len() == width) && count <= BLOCK_ROWS);
    for first in (0..count).step_by(QUAD_ROWS) {
        // Where there is no further row, the last one is taken again.
        let mut rows = [&[][..]; QUAD_ROWS];
        for (index, rows) in rows.iter_mut().enumerate() {
            *rows = row((first + index).min(count - 1));
            assert!(rows.len() == width);
        }
        for (sums, found) in sums.iter_mut().zip(sums_of(planes, rows)) {
            sums.as_chunks_mut().0[first / QUAD_ROWS] = found;
        }
    }
}

/// The sum of products of a plane and codes.
fn sum(plane: &[Line<i8>], codes: &[Line<u8>]) -> i32 {
    let mut sums = [0; 16];
    for (plane, codes) in plane.iter().zip(codes) {
        for (plane, codes) in plane.0.as_chunks::<16>().0.iter().zip(codes.0.as_chunks::<16>().0) {
            for lane in 0..16 {
                // The product fits into 16 bits, for which the baseline has an instruction.
                sums[lane] += i32::from(i16::from(plane[lane]) * i16::from(codes[lane]));
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

/// [`panel_dots`] of numbers whose products are exact, for CPUs that multiply and add in one step.
#[expect(clippy::inline_always, reason = "compiled for each set")]
#[inline(always)]
pub(super) fn narrow_panel_dots(query: &[f64], panel: &[f32]) -> [f64; PANEL_ROWS] {
    down_columns(query, panel, |sum, a, b| a.mul_add(b, sum))
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
