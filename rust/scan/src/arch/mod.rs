//! Kernels: the loops that read vectors, one set for each instruction set, chosen once at run time.
//!
//! There are five kinds, and every set keeps to the same contract:
//!
//! - *projections*: products of vectors and a matrix, in float32, summed up in the same order on every CPU, so that all
//!   learn the same directions.
//! - *codes*: vectors are rounded to whole numbers of 4, 8 or 16 bits, by the same operations on every CPU, with what that
//!   loses measured. `bounds` has the proof that goes with them.
//! - *first and second pass*, over codes, in whole numbers: exact, so the order of the additions doesn't matter.
//! - *exact*, in float64, `EXACT_ROWS` rows at once. Each row has its own accumulator and goes through the operations of
//!   the reference in their order, so its result has the reference's bits on every CPU. Operations are fused only where
//!   that can't change a bit. The same over panels of `PANEL_ROWS` rows.
//! - *decimals*: numbers as text to float64, correctly rounded. `decimal.rs` says which, and has the loop of most sets.

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod aarch64;
mod portable;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod x86_64;

use std::{ops::RangeInclusive, sync::LazyLock};

use crate::bounds::{CodedQuery, LARGEST_CODE, Measured, Precision, power_of_two};

/// How many rows share a line of coarse codes: one in each lane of the widest registers, so that no sum has to be added up
/// over lanes.
pub(crate) const STRIP_ROWS: usize = 16;

/// How many components of each of those rows have two bits in a line. Of each row it has four bytes, one after the other:
/// the first components are in their lowest two bits, four further ones in the next two, and so on.
pub(crate) const STRIP_COLUMNS: usize = 16;

/// How many lines hold two bits of each coarse code of a strip: as many columns as a plane of a query has.
pub(crate) const fn strip_lines(dimension: usize) -> usize {
    row_lines(dimension) * (Line::<u8>::LEN / STRIP_COLUMNS)
}

/// How many lines hold a row's fine codes, a byte each, or a plane of a query.
pub(crate) const fn row_lines(dimension: usize) -> usize {
    dimension.div_ceil(Line::<u8>::LEN)
}

/// How many rows a kernel over fine codes takes at once: as many as share one load of the query.
pub(crate) const QUAD_ROWS: usize = 4;

/// How many queries go over the same rows at once: all their sums fit into the widest registers.
pub(crate) const FIRST_QUERIES: usize = 4;

/// How many consecutive rows, at most, are a block: those of a word of a mask.
pub(crate) const BLOCK_ROWS: usize = 64;

/// The sums of products of a query with codes of a block's rows. Values past the last row are undefined.
pub(crate) type Sums = [i32; BLOCK_ROWS];

/// The best of each of some groups of a block's rows, as [`CodedQuery::merits`] has it.
pub(crate) type Merits = [f32; BLOCK_ROWS / STRIP_ROWS];

/// How many rows an exact kernel takes at once: independent chains of additions, enough to hide most of their latency.
pub(crate) const EXACT_ROWS: usize = 16;

/// How many rows a panel has: enough chains of additions to hide all of their latency.
pub(crate) const PANEL_ROWS: usize = 32;

/// How many numbers an outline has: as many as there are codes of four bits in a line.
pub(crate) const OUTLINE: usize = 128;

/// How many rows are projected at once: as many as share one load of the matrix.
pub(crate) const PROJECTED_ROWS: usize = 4;

/// Codes as the kernels load them: a register of the widest CPUs, which is a line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line<T>([T; 64]);

impl<T> Line<T> {
    const LEN: usize = 64;

    pub(crate) fn numbers(&self) -> &[T; 64] {
        &self.0
    }
}

impl<T: Copy + Default> Default for Line<T> {
    fn default() -> Self {
        Self([T::default(); 64])
    }
}

/// The number added to a row's fine codes, so that none is negative.
pub(crate) const BIAS: u8 = 128;

/// How closely codes represent a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Coding {
    /// The sum of the squares of what is lost, in float32, in `portable::LANES` lanes and a tree.
    pub(crate) lost: f32,
    /// The sum of the squares of the codes, without what is added to them; exact.
    pub(crate) squares: f64,
}

/// How a row was coded: coarsely, its components being multiplied by one number, and finely, by another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Encoded {
    pub(crate) coarse_inverse: f64,
    /// By the upper two bits of the coarse codes alone.
    pub(crate) two: Coding,
    /// By all four.
    pub(crate) four: Coding,
    pub(crate) fine_inverse: f64,
    pub(crate) eight: Coding,
}

/// Where a row's codes are written.
pub(crate) struct Place<'a> {
    /// The lines of its strip: the upper two bits of coarse codes, and the lower two.
    pub(crate) strips: [&'a mut [Line<u8>]; 2],
    /// Which row of the strip it is.
    pub(crate) lane: usize,
    /// The lines of its fine codes.
    pub(crate) fine: &'a mut [Line<u8>],
}

/// How a query was coded, or a row that gets an outline: its codes are its components times `inverse`, rounded, and are 256 `upper` + `lower`.
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

type Project = fn(&[&[f32]], &[[f32; OUTLINE]], &mut [[f32; OUTLINE]]);
type Encode<T> = fn(&[T], f64, Place) -> Encoded;
type CodeQuery = fn(&[f64], &mut [Line<i8>], &mut [Line<i8>]) -> Planes;
type StripSums<const QUERIES: usize> = fn([&[Line<i8>]; QUERIES], &[&[Line<u8>]], [&mut Sums; QUERIES]);
type BlockSums<const PLANES: usize> = fn([&[Line<i8>]; PLANES], &[Line<u8>], [&mut Sums; PLANES]);
type RowSums = fn([&[Line<i8>]; 2], &[&[Line<u8>]], [&mut Sums; 2]);
type BestMerits = fn(&CodedQuery, Precision, &Sums, Measured<&[f32], &[f64]>, u64, &mut [f32; BLOCK_ROWS]) -> Merits;
type Reaching = fn(&CodedQuery, Precision, &Sums, Measured<&[f32], &[f64]>, f64) -> u64;
type Bound = fn(&CodedQuery, &[Sums; 2], Measured<&[f32], &[f64]>, f64, [&mut [f64]; 2]) -> u64;
type Exact<T> = fn(&[f64], [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
type Panel<T> = fn(&[f64], &[T]) -> [f64; PANEL_ROWS];
type Decimals = fn(&[u8], usize, &mut Vec<f64>) -> usize;

/// A set of kernels. All slices of numbers handed to one call have the same length, and so have all of lines; the kernels
/// check it.
pub struct Kernels {
    /// The instruction set.
    pub name: &'static str,
    /// The sums of a matrix's rows, each times a number: for each of some lists of numbers.
    pub(crate) project: Project,
    encode_f32: Encode<f32>,
    encode_f64: Encode<f64>,
    /// Codes a query, or a row that gets an outline.
    pub(crate) planes: CodeQuery,
    /// The sums of products of a query's upper plane and coarse codes of a block's strips: two bits of each, or the upper two
    /// and the lower two.
    pub(crate) strip_sums: StripSums<1>,
    /// The same for several queries.
    pub(crate) many_sums: StripSums<FIRST_QUERIES>,
    /// Whether that reads codes once for all of them.
    pub(crate) many_share: bool,
    /// How good rows may be by a query's upper plane, and the best of some groups, see [`CodedQuery::merits`].
    pub(crate) merits: BestMerits,
    /// Which rows of a block may reach a score by it, see [`CodedQuery::reaching`].
    pub(crate) reaching: Reaching,
    /// Asks memory for the fine codes of a row, which the second pass is going to read.
    pub(crate) fetch: fn(&[Line<u8>]),
    /// The sums of products of a plane and the fine codes of a block.
    pub(crate) one_plane_sums: BlockSums<1>,
    /// The same for both planes of a query, or the upper ones of two.
    pub(crate) two_plane_sums: BlockSums<2>,
    /// The same for both planes of two queries, or the upper ones of four.
    pub(crate) four_plane_sums: BlockSums<4>,
    /// The sums for both planes of a query, of at most `BLOCK_ROWS` rows from anywhere.
    pub(crate) row_sums: RowSums,
    /// The bounds of scores from these sums, see [`CodedQuery::bounds`].
    pub(crate) bounds: Bound,
    dots_f32: Exact<f32>,
    /// The same for queries whose numbers are float32's as well: their products are exact in float64, so those that are added
    /// in one step have the same bits.
    narrow_dots: Exact<f32>,
    dots_f64: Exact<f64>,
    distances_f32: Exact<f32>,
    distances_f64: Exact<f64>,
    panel_dots_f32: Panel<f32>,
    narrow_panel_dots: Panel<f32>,
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
    /// The number of this type next to one of float64.
    fn from_f64(x: f64) -> Self;
    /// The factor that scales numbers up to `largest` to numbers up to [`LARGEST_CODE`].
    fn inverse(largest: Self) -> Self;
    /// A product, in float32.
    fn times(self, inverse: Self) -> f32;
    /// Codes a row, given its norm.
    fn encode(kernels: &Kernels, row: &[Self], norm: f64, place: Place) -> Encoded;
    /// Dot products with the query.
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// The same of a query whose numbers are all float32's.
    fn narrow_dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// Squared distances to the query.
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// Dot products of the rows of a panel with the query.
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS];
    /// The same of a query whose numbers are all float32's.
    fn narrow_panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS];
    /// Squared distances of the rows of a panel to the query.
    fn panel_distances(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS];
}

impl Number for f32 {
    const CODED: RangeInclusive<f64> = power_of_two(-100)..=power_of_two(100);
    fn magnitude(self) -> Self {
        self.abs()
    }
    #[expect(clippy::cast_possible_truncation, reason = "what the number is doesn't matter, only that it is known")]
    fn from_f64(x: f64) -> Self {
        x as Self
    }
    fn inverse(largest: Self) -> Self {
        Self::from(LARGEST_CODE) / largest
    }
    fn times(self, inverse: Self) -> f32 {
        self * inverse
    }
    fn encode(kernels: &Kernels, row: &[Self], norm: f64, place: Place) -> Encoded {
        (kernels.encode_f32)(row, norm, place)
    }
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f32)(query, rows)
    }
    fn narrow_dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.narrow_dots)(query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f32)(query, rows)
    }
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_dots_f32)(query, panel)
    }
    fn narrow_panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.narrow_panel_dots)(query, panel)
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
    fn from_f64(x: f64) -> Self {
        x
    }
    fn inverse(largest: Self) -> Self {
        Self::from(LARGEST_CODE) / largest
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    fn times(self, inverse: Self) -> f32 {
        (self * inverse) as f32
    }
    fn encode(kernels: &Kernels, row: &[Self], norm: f64, place: Place) -> Encoded {
        (kernels.encode_f64)(row, norm, place)
    }
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f64)(query, rows)
    }
    fn narrow_dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        Self::dots(kernels, query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f64)(query, rows)
    }
    fn panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        (kernels.panel_dots_f64)(query, panel)
    }
    fn narrow_panel_dots(kernels: &Kernels, query: &[f64], panel: &[Self]) -> [f64; PANEL_ROWS] {
        Self::panel_dots(kernels, query, panel)
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
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::zen4());
    sets
}

/// The fastest set this CPU can run.
pub(crate) fn kernels() -> &'static Kernels {
    static FASTEST: LazyLock<&Kernels> = LazyLock::new(|| available().pop().expect("the portable set is always there"));
    *FASTEST
}

#[cfg(test)]
mod tests;
