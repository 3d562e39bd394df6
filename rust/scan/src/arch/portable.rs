//! Kernels in safe Rust for any CPU: the specification that the others are tested against.
//!
//! The loops that the compiler turns into wide instructions by itself are generic and always inlined: compiled within a
//! function for a CPU's features, they are that CPU's kernels too.

use crate::decimal::{self, Word};

use super::{
    BIAS, BLOCK_ROWS, BlockSums, CodedRow, Coding, EXACT_ROWS, Encoded, FIRST_QUERIES, Kernels, Line, Number,
    PANEL_ROWS, Planes, QUAD_ROWS, Quad, Sums, WholeSums,
};

pub(super) const KERNELS: Kernels = Kernels {
    name: "portable",
    encode_f32: encode,
    encode_f64: encode,
    planes,
    block_sums,
    many_sums: |planes, quads, sums| one_by_one(block_sums, planes, quads, sums),
    reaching: |query, sums, rows, floor| query.reaching(sums, rows, floor),
    fetch: |_| (),
    whole_sums,
    two_whole_sums: |planes, halves, sums| two_by_two(whole_sums, planes, halves, sums),
    row_sums,
    bounds: |query, sums, rows, floor, bounds| query.bounds(sums, rows, floor, bounds),
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
pub(super) fn encode<T: Number>(row: &[T], [upper, lower]: [&mut [Quad]; 2], lane: usize) -> Encoded {
    let inverse = T::inverse(largest(row));
    let (mut upper_lost, mut whole_lost) = ([0.0; LANES], [0.0; LANES]);
    let (mut upper_squares, mut whole_squares) = ([0; LANES], [0; LANES]);
    for group in 0..row.len().div_ceil(LANES) {
        let numbers = group_at(row, group);
        let mut codes = [0_u8; LANES];
        for index in 0..LANES {
            let x = numbers[index].times(inverse);
            let (whole, bits) = rounded(x);
            codes[index] = (bits as u8).wrapping_add(BIAS);
            // The upper four bits of that, rounded; there are no ties.
            let (high, high_bits) = rounded((whole + 0.5) / 16.0);
            let rest = x - 16.0 * high;
            upper_lost[index] += rest * rest;
            whole_lost[index] += (x - whole) * (x - whole);
            upper_squares[index] += signed(high_bits) * signed(high_bits);
            whole_squares[index] += signed(bits) * signed(bits);
        }
        let quad = group / (2 * GROUPS);
        let (upper, lower) = (group_of(&mut upper[quad][lane], group), group_of(&mut lower[quad][lane], group));
        // On copies, which can't overlap: otherwise it would be done byte by byte.
        let (mut upper_half, mut lower_half) = (*upper, *lower);
        // The first half of a line's codes comes first, and clears what was there.
        if group % (2 * GROUPS) < GROUPS {
            for index in 0..LANES {
                upper_half[index] = codes[index] & 0xf0;
                lower_half[index] = codes[index] << 4;
            }
        } else {
            for index in 0..LANES {
                upper_half[index] |= codes[index] >> 4;
                lower_half[index] |= codes[index] & 0x0f;
            }
        }
        (*upper, *lower) = (upper_half, lower_half);
    }
    Encoded {
        inverse: inverse.into(),
        upper: Coding { lost: total(upper_lost), squares: upper_squares.iter().sum::<i32>().into() },
        whole: Coding { lost: total(whole_lost), squares: whole_squares.iter().sum::<i32>().into() },
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

fn block_sums([plane]: [&[Line<i8>]; 1], quads: &[Quad], sums: &mut Sums<1>) {
    let upper = |quad: &Quad, lane: usize| {
        let line = &quad[lane].0;
        [line.map(|byte| byte >> 4), line.map(|byte| byte & 0x0f)]
    };
    by_groups([plane], [quads], sums, |[quads]| {
        [std::array::from_fn(|lane| sum(plane, quads.iter().map(|quad| upper(quad, lane))))]
    });
}

/// The sums of a block by those of each few rows, which `group_sums` makes of their quads; having checked that it is a block.
#[expect(clippy::inline_always, reason = "part of a kernel")]
#[inline(always)]
pub(super) fn by_groups<'a, const PLANES: usize, const HALVES: usize>(
    planes: [&[Line<i8>]; PLANES],
    halves: [&'a [Quad]; HALVES],
    sums: &mut Sums<PLANES>,
    group_sums: impl Fn([&'a [Quad]; HALVES]) -> [[i32; QUAD_ROWS]; PLANES],
) {
    let width = planes[0].len() / 2;
    let groups = halves[0].len() / width;
    assert!(planes.iter().all(|plane| plane.len() == 2 * width));
    assert!(halves.iter().all(|half| half.len() == groups * width) && groups <= BLOCK_ROWS / QUAD_ROWS);
    for group in 0..groups {
        let found = group_sums(halves.map(|half| &half[group * width..][..width]));
        for (sums, found) in sums.iter_mut().zip(found) {
            sums.as_chunks_mut().0[group] = found;
        }
    }
}

/// The sums for several queries by a kernel for one: for CPUs whose registers can't hold more.
pub(super) fn one_by_one(
    block_sums: BlockSums<1>,
    planes: [&[Line<i8>]; FIRST_QUERIES],
    quads: &[Quad],
    sums: &mut Sums<FIRST_QUERIES>,
) {
    for (plane, sums) in planes.into_iter().zip(sums.as_chunks_mut().0) {
        block_sums([plane], quads, sums);
    }
}

fn whole_sums(planes: [&[Line<i8>]; 2], halves: [&[Quad]; 2], sums: &mut Sums<2>) {
    by_groups(planes, halves, sums, |halves| row_sums(planes, &[0, 1, 2, 3].map(|lane| CodedRow { halves, lane })));
}

/// The sums for two queries by a kernel for one, as above.
pub(super) fn two_by_two(whole_sums: WholeSums<2>, planes: [&[Line<i8>]; 4], halves: [&[Quad]; 2], sums: &mut Sums<4>) {
    for (planes, sums) in planes.as_chunks().0.iter().zip(sums.as_chunks_mut().0) {
        whole_sums(*planes, halves, sums);
    }
}

fn row_sums(planes: [&[Line<i8>]; 2], rows: &[CodedRow; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; 2] {
    let whole = |CodedRow { halves: [upper, lower], lane }: CodedRow, line: usize| {
        let (upper, lower) = (&upper[line][lane].0, &lower[line][lane].0);
        let byte = |join: fn(u8, u8) -> u8| std::array::from_fn(|index| join(upper[index], lower[index]));
        [byte(|upper, lower| upper & 0xf0 | lower >> 4), byte(|upper, lower| upper << 4 | lower & 0x0f)]
    };
    planes.map(|plane| rows.map(|row| sum(plane, (0..plane.len() / 2).map(|line| whole(row, line)))))
}

/// The sum of products of a plane and codes, of which there are two lines at a time.
fn sum(plane: &[Line<i8>], codes: impl ExactSizeIterator<Item = [[u8; 64]; 2]>) -> i32 {
    let (pairs, single) = plane.as_chunks::<2>();
    assert!(single.is_empty() && pairs.len() == codes.len());
    let mut sums = [0; 16];
    for (plane, codes) in pairs.iter().zip(codes) {
        for (plane, codes) in plane.iter().zip(codes) {
            for (plane, codes) in plane.0.as_chunks::<16>().0.iter().zip(codes.as_chunks::<16>().0) {
                for lane in 0..16 {
                    // The product fits into 16 bits, for which the baseline has an instruction.
                    sums[lane] += i32::from(i16::from(plane[lane]) * i16::from(codes[lane]));
                }
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
