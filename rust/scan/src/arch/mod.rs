//! Kernels: the loops that read vectors, one set for each instruction set, chosen once at run time.
//!
//! There are four kinds, and every set keeps to the same contract:
//!
//! - *codes*: vectors are rounded to whole numbers of 8 or 16 bits, by the same operations on every CPU, with what that
//!   loses measured. `bounds` has the proof that goes with them.
//! - *first and second pass*, over codes, in whole numbers: exact, so the order of the additions doesn't matter.
//! - *exact*, in float64, `EXACT_ROWS` rows at once. Each row has its own accumulator and goes through the operations
//!   of the reference in their order, never fused, so its result has the reference's bits on every CPU. The same over
//!   panels of `PANEL_ROWS` rows.
//! - *decimals*: numbers as text to float64, correctly rounded. `decimal.rs` says which, and has the loop of most sets.

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod aarch64;
mod portable;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod x86_64;

use std::{ops::RangeInclusive, sync::LazyLock};

use crate::bounds::{CodedQuery, LARGEST_CODE, Measured, power_of_two};

/// How many rows a kernel over codes takes at once: as many as share one load of the query.
pub(crate) const QUAD_ROWS: usize = 4;

/// A line of each of so many consecutive rows. Their codes are kept in turns, a line of each, so that a kernel reads memory
/// from one end to the other: by rows it would take half as long again.
pub(crate) type Quad = [Line<u8>; QUAD_ROWS];

/// How many lines hold the upper four bits of a row's codes, and as many the lower ones. A line has those of 128 codes:
/// its bytes have the first 64 in their upper four bits, the next 64 in their lower.
pub(crate) const fn half_lines(codes: usize) -> usize {
    codes.div_ceil(2 * Line::<u8>::LEN)
}

/// The codes of one row, upper halves and lower: one lane of its quads.
#[derive(Clone, Copy)]
pub(crate) struct CodedRow<'a> {
    pub(crate) halves: [&'a [Quad]; 2],
    pub(crate) lane: usize,
}

/// How many queries go over the same rows at once: with as many rows, all their sums fit into the widest registers.
pub(crate) const FIRST_QUERIES: usize = 4;

/// How many consecutive rows, at most, are a block: those of a word of a mask.
pub(crate) const BLOCK_ROWS: usize = 64;

/// For each of some planes, its sums of products with codes of a block's rows. Values past the last row are undefined.
pub(crate) type Sums<const PLANES: usize> = [[i32; BLOCK_ROWS]; PLANES];

/// How many rows an exact kernel takes at once: independent chains of additions, enough to hide most of their latency.
pub(crate) const EXACT_ROWS: usize = 16;

/// How many rows a panel has: enough chains of additions to hide all of their latency.
pub(crate) const PANEL_ROWS: usize = 32;

/// Codes as the kernels load them: a register of the widest CPUs, which is a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line<T>([T; 64]);

impl<T> Line<T> {
    const LEN: usize = 64;
}

impl<T: Copy + Default> Default for Line<T> {
    fn default() -> Self {
        Self([T::default(); 64])
    }
}

/// The number added to a row's codes, so that none is negative.
pub(crate) const BIAS: u8 = 136;

/// The same number for their upper halves.
pub(crate) const UPPER_BIAS: u8 = 8;

/// How closely codes represent a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Coding {
    /// The sum of the squares of what is lost, in float32, in `portable::LANES` lanes and a tree.
    pub(crate) lost: f32,
    /// The sum of the squares of the codes, without what is added to them; exact.
    pub(crate) squares: f64,
}

/// How a row was coded: its codes are its components times `inverse`, rounded, and are kept plus [`BIAS`]. So they are
/// 16 (upper half - [`UPPER_BIAS`]) and something from -8 to 7.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Encoded {
    pub(crate) inverse: f64,
    /// The upper halves alone.
    pub(crate) upper: Coding,
    /// The whole codes.
    pub(crate) whole: Coding,
}

/// How a query was coded: its codes are its components times `inverse`, rounded, and are 256 `upper` + `lower`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Planes {
    pub(crate) inverse: f64,
    /// The upper plane alone.
    pub(crate) upper: Coding,
    /// Both together. Their squares are below 2^30, of which float64 adds 2^16 exactly.
    pub(crate) whole: Coding,
    /// The sum of each plane's codes, the upper one's first.
    pub(crate) sums: [i32; 2],
    /// The sum of the squares of the components, added in order as the reference does: each addition waits for the one
    /// before, and coding takes no longer meanwhile.
    pub(crate) norm_square: f64,
}

type Encode<T> = fn(&[T], [&mut [Quad]; 2], usize) -> Encoded;
type CodeQuery = fn(&[f64], &mut [Line<i8>], &mut [Line<i8>]) -> Planes;
type BlockSums<const PLANES: usize> = fn([&[Line<i8>]; PLANES], &[Quad], &mut Sums<PLANES>);
type WholeSums<const PLANES: usize> = fn([&[Line<i8>]; PLANES], [&[Quad]; 2], &mut Sums<PLANES>);
type RowSums = fn([&[Line<i8>]; 2], &[CodedRow; QUAD_ROWS]) -> [[i32; QUAD_ROWS]; 2];
type Reaching = fn(&CodedQuery, &[i32; BLOCK_ROWS], Measured<&[f32], &[f64]>, f64) -> u64;
type Bound = fn(&CodedQuery, [&[i32]; 2], Measured<&[f32], &[f64]>, f64, [&mut [f64]; 2]) -> u64;
type Exact<T> = fn(&[f64], [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
type Panel<T> = fn(&[f64], &[T]) -> [f64; PANEL_ROWS];
type Decimals = fn(&[u8], usize, &mut Vec<f64>) -> usize;

/// A set of kernels. All slices of numbers handed to one call have the same length, and so have all of lines; the kernels
/// check it.
pub struct Kernels {
    /// The instruction set.
    pub name: &'static str,
    encode_f32: Encode<f32>,
    encode_f64: Encode<f64>,
    /// Codes a query.
    pub(crate) planes: CodeQuery,
    /// The sums of products of a query's upper plane and the upper halves of a block.
    pub(crate) block_sums: BlockSums<1>,
    /// The same for several queries.
    pub(crate) many_sums: BlockSums<FIRST_QUERIES>,
    /// Which rows of a block may reach a score by these, see [`CodedQuery::reaching`].
    pub(crate) reaching: Reaching,
    /// Asks memory for the lower half of a row, which the second pass is going to read.
    pub(crate) fetch: fn(CodedRow),
    /// The sums of products of both planes of a query and the whole codes of a block.
    pub(crate) whole_sums: WholeSums<2>,
    /// The same for two queries, whose planes follow each other.
    pub(crate) two_whole_sums: WholeSums<4>,
    /// The same for rows that needn't be neighbours.
    pub(crate) row_sums: RowSums,
    /// The bounds of scores from these sums, see [`CodedQuery::bounds`].
    pub(crate) bounds: Bound,
    dots_f32: Exact<f32>,
    dots_f64: Exact<f64>,
    distances_f32: Exact<f32>,
    distances_f64: Exact<f64>,
    panel_dots_f32: Panel<f32>,
    panel_dots_f64: Panel<f64>,
    panel_distances_f32: Panel<f32>,
    panel_distances_f64: Panel<f64>,
    /// Reads decimal numbers, see [`decimal::read`].
    pub(crate) decimals: Decimals,
}

/// A type that vectors are stored in, and its kernels.
pub(crate) trait Number: Copy + Default + PartialOrd + Into<f64> {
    /// The norms of the rows that can be coded.
    const CODED: RangeInclusive<f64>;
    /// The size of a number.
    fn magnitude(self) -> Self;
    /// The factor that scales numbers up to `largest` to numbers up to [`LARGEST_CODE`].
    fn inverse(largest: Self) -> Self;
    /// A product, in float32.
    fn times(self, inverse: Self) -> f32;
    /// Codes a row into a lane of its quads, upper halves and lower.
    fn encode(kernels: &Kernels, row: &[Self], halves: [&mut [Quad]; 2], lane: usize) -> Encoded;
    /// Dot products with the query.
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// Squared distances to the query.
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// Dot products of the rows of a panel with the query.
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS];
    /// Squared distances of the rows of a panel to the query.
    fn panel_distances(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS];
}

impl Number for f32 {
    const CODED: RangeInclusive<f64> = power_of_two(-100)..=power_of_two(100);
    fn magnitude(self) -> Self {
        self.abs()
    }
    fn inverse(largest: Self) -> Self {
        Self::from(LARGEST_CODE) / largest
    }
    fn times(self, inverse: Self) -> f32 {
        self * inverse
    }
    fn encode(kernels: &Kernels, row: &[Self], halves: [&mut [Quad]; 2], lane: usize) -> Encoded {
        (kernels.encode_f32)(row, halves, lane)
    }
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f32)(query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f32)(query, rows)
    }
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_dots_f32)(query, panel)
    }
    fn panel_distances(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_distances_f32)(query, panel)
    }
}

impl Number for f64 {
    const CODED: RangeInclusive<f64> = power_of_two(-400)..=power_of_two(400);
    fn magnitude(self) -> Self {
        self.abs()
    }
    fn inverse(largest: Self) -> Self {
        Self::from(LARGEST_CODE) / largest
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    fn times(self, inverse: Self) -> f32 {
        (self * inverse) as f32
    }
    fn encode(kernels: &Kernels, row: &[Self], halves: [&mut [Quad]; 2], lane: usize) -> Encoded {
        (kernels.encode_f64)(row, halves, lane)
    }
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f64)(query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f64)(query, rows)
    }
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_dots_f64)(query, panel)
    }
    fn panel_distances(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_distances_f64)(query, panel)
    }
}

/// The sets this CPU can run, the slowest first.
#[must_use]
pub fn available() -> Vec<&'static Kernels> {
    let mut sets = vec![&portable::KERNELS];
    #[cfg(target_arch = "aarch64")]
    sets.push(&aarch64::NEON);
    #[cfg(target_arch = "aarch64")]
    sets.extend(aarch64::dotprod());
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::avx2());
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::avx512());
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::vbmi2());
    sets
}

/// The fastest set this CPU can run.
pub(crate) fn kernels() -> &'static Kernels {
    static FASTEST: LazyLock<&Kernels> = LazyLock::new(|| available().pop().expect("the portable set is always there"));
    *FASTEST
}

#[cfg(test)]
mod tests;
