//! Kernels: the loops that read vectors, one set for each instruction set, chosen once at run time.
//!
//! Four kinds, and every set keeps to the same contract:
//!
//! - *codes*: vectors are rounded to whole numbers of 8 or 16 bits, by the same operations on every CPU, with what that
//!   loses measured. `bounds.rs` has the proof that goes with them.
//! - *first pass*, over codes, in whole numbers: exact, so the order of the additions doesn't matter.
//! - *exact*, in float64, `EXACT_ROWS` rows at once. Each row has its own accumulator and goes through the operations
//!   of the reference in their order, never fused, so its result has the reference's bits on every CPU. The same over
//!   panels of `PANEL_ROWS` rows.
//! - *decimals*: numbers as text to float64, correctly rounded. `decimal.rs` has the loop, and says which.

mod portable;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod x86_64;

use std::{ops::RangeInclusive, sync::LazyLock};

use crate::bounds::power_of_two;

/// How many rows a first-pass kernel takes at once: as many as share one load of the query.
pub(crate) const FIRST_ROWS: usize = 4;

/// How many queries go over the same rows at once: with as many rows, all their sums fit into the widest registers.
pub(crate) const FIRST_QUERIES: usize = 4;

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

    /// How many lines hold so many codes.
    pub(crate) fn needed(codes: usize) -> usize {
        codes.div_ceil(Self::LEN)
    }
}

impl<T: Copy + Default> Default for Line<T> {
    fn default() -> Self {
        Self([T::default(); 64])
    }
}

/// How a row was coded: its codes are its components times `inverse`, rounded, plus 128.
#[derive(Clone, Copy)]
pub(crate) struct Encoded {
    pub(crate) inverse: f64,
    /// The sum of the squares of what rounding changed, in float32, in `portable::LANES` lanes and a tree.
    pub(crate) squares: f32,
}

/// How a query was coded: its codes are its components times `inverse`, rounded, and are 256 `upper` + `lower`.
#[derive(Clone, Copy)]
pub(crate) struct Planes {
    pub(crate) inverse: f64,
    /// The sum of each plane's codes, the upper one's first.
    pub(crate) sums: [i32; 2],
    /// As for [`Encoded`]: for the upper plane alone, and for both together.
    pub(crate) squares: [f32; 2],
}

type Encode<T> = fn(&[T], &mut [Line<u8>]) -> Encoded;
type CodeQuery = fn(&[f64], &mut [Line<i8>], &mut [Line<i8>]) -> Planes;
type RunSums = fn(&[Line<i8>], &[Line<u8>], &mut [i32]);
type RowSums = fn(&[Line<i8>], [&[Line<u8>]; FIRST_ROWS]) -> [i32; FIRST_ROWS];
type ManySums = fn([&[Line<i8>]; FIRST_QUERIES], &[Line<u8>], &mut [[i32; FIRST_QUERIES]]);
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
    /// The sums of products of a plane and the codes of consecutive rows, as many as there are sums.
    pub(crate) run_sums: RunSums,
    /// The sums of products of a plane and the codes of some rows.
    pub(crate) row_sums: RowSums,
    /// `run_sums` for several planes at once: the sums of a row are beside one another.
    pub(crate) many_sums: ManySums,
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
    /// What takes numbers up to `largest` to numbers up to 127.
    fn inverse(largest: Self) -> Self;
    /// A product, in float32.
    fn times(self, inverse: Self) -> f32;
    /// Codes a row.
    fn encode(kernels: &Kernels, row: &[Self], codes: &mut [Line<u8>]) -> Encoded;
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
        127.0 / largest
    }
    fn times(self, inverse: Self) -> f32 {
        self * inverse
    }
    fn encode(kernels: &Kernels, row: &[Self], codes: &mut [Line<u8>]) -> Encoded {
        (kernels.encode_f32)(row, codes)
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
        127.0 / largest
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    fn times(self, inverse: Self) -> f32 {
        (self * inverse) as f32
    }
    fn encode(kernels: &Kernels, row: &[Self], codes: &mut [Line<u8>]) -> Encoded {
        (kernels.encode_f64)(row, codes)
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
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::avx2());
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::avx512());
    sets
}

/// The fastest set this CPU can run.
pub(crate) fn kernels() -> &'static Kernels {
    static FASTEST: LazyLock<&Kernels> = LazyLock::new(|| available().pop().expect("the portable set is always there"));
    *FASTEST
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all magnitudes with both signs, the same ones every time.
    fn numbers(len: usize, seed: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                #[expect(clippy::cast_precision_loss, reason = "any number will do")]
                let unit = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
                unit * [1.0, 1e-3, 1e6, 1e-30][(state >> 5) as usize % 4]
            })
            .collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float32 is wanted")]
    fn narrow(numbers: &[f64]) -> Vec<f32> {
        numbers.iter().map(|&x| x as f32).collect()
    }

    #[test]
    fn exact_kernels_have_the_bits_of_sequential_sums() {
        for kernels in available() {
            for dimension in (0..70).chain([384, 1536]) {
                let query = numbers(dimension, 7);
                let wide: Vec<Vec<f64>> = (0..EXACT_ROWS as u64).map(|seed| numbers(dimension, seed)).collect();
                let small: Vec<Vec<f32>> = wide.iter().map(|row| narrow(row)).collect();
                let wide: [&[f64]; EXACT_ROWS] = std::array::from_fn(|i| &wide[i][..]);
                let small: [&[f32]; EXACT_ROWS] = std::array::from_fn(|i| &small[i][..]);
                exact_kernels_match(kernels, &query, wide);
                exact_kernels_match(kernels, &query, small);
            }
        }
    }

    fn exact_kernels_match<T: Number>(kernels: &Kernels, query: &[f64], rows: [&[T]; EXACT_ROWS]) {
        let sum = |row: &[T], term: fn(f64, f64) -> f64| {
            query.iter().zip(row).fold(0.0, |sum, (&a, &b)| sum + term(a, b.into())).to_bits()
        };
        let at = format!("{} {}", kernels.name, query.len());
        let bits = |sums: [f64; EXACT_ROWS]| sums.map(f64::to_bits);
        assert_eq!(bits(T::dots(kernels, query, rows)), rows.map(|row| sum(row, |a, b| a * b)), "{at}");
        assert_eq!(
            bits(T::distances(kernels, query, rows)),
            rows.map(|row| sum(row, |a, b| (a - b) * (a - b))),
            "{at}"
        );
    }

    #[test]
    fn panels_have_the_bits_of_sequential_sums() {
        for kernels in available() {
            for dimension in (0..20).chain([384]) {
                let query = numbers(dimension, 7);
                let wide = numbers(dimension * PANEL_ROWS, 3);
                panels_match(kernels, &query, &wide);
                panels_match(kernels, &query, &narrow(&wide));
            }
        }
    }

    fn panels_match<T: Number>(kernels: &Kernels, query: &[f64], panel: &[T]) {
        let sums = |term: fn(f64, f64) -> f64| {
            let sum = |lane| {
                query
                    .iter()
                    .zip(panel[lane..].iter().step_by(PANEL_ROWS))
                    .fold(0.0, |sum, (&a, &b)| sum + term(a, b.into()))
            };
            (0..PANEL_ROWS.min(panel.len())).map(sum).map(f64::to_bits).collect::<Vec<_>>()
        };
        let bits = |sums: [f64; PANEL_ROWS]| {
            sums[..PANEL_ROWS.min(panel.len())].iter().map(|sum| sum.to_bits()).collect::<Vec<_>>()
        };
        let at = format!("{} {}", kernels.name, query.len());
        assert_eq!(bits(T::panel_dots(kernels, query, panel)), sums(|a, b| a * b), "{at}");
        assert_eq!(bits(T::panel_distances(kernels, query, panel)), sums(|a, b| (a - b) * (a - b)), "{at}");
    }

    #[test]
    fn codes_and_their_sums_are_the_same_on_every_cpu() {
        for dimension in (0..200).chain([384, 1536, 4096]) {
            let query = numbers(dimension, 7);
            let lines = Line::<u8>::needed(dimension);
            let empty = || vec![Line::default(); lines];
            let (mut upper, mut lower) = (empty(), empty());
            let planes = (portable::KERNELS.planes)(&query, &mut upper, &mut lower);
            let rows: Vec<Vec<f64>> = (0..FIRST_ROWS as u64 + 7).map(|seed| numbers(dimension, seed)).collect();
            let encode = |kernels: &Kernels| {
                let mut codes = vec![Line::default(); lines * rows.len()];
                let mut encoded = Vec::new();
                for (index, row) in rows.iter().enumerate() {
                    let codes = &mut codes[index * lines..][..lines];
                    // The same rows in float32 are coded first, and their codes then written over.
                    let narrow = f32::encode(kernels, &narrow(row), codes);
                    let sum: i32 = codes.iter().flat_map(|line| line.0).map(i32::from).sum();
                    encoded.push((narrow.inverse, narrow.squares, sum));
                    let wide = f64::encode(kernels, row, codes);
                    encoded.push((wide.inverse, wide.squares, 0));
                }
                (codes, encoded)
            };
            let (codes, encoded) = encode(&portable::KERNELS);
            let row = |index: usize| &codes[index * lines..][..lines];
            for kernels in available() {
                let at = format!("{} {dimension}", kernels.name);
                let (mut same_upper, mut same_lower) = (empty(), empty());
                let same = (kernels.planes)(&query, &mut same_upper, &mut same_lower);
                assert_eq!(
                    (same.inverse, same.sums, same.squares),
                    (planes.inverse, planes.sums, planes.squares),
                    "{at}"
                );
                let (same_codes, same_encoded) = encode(kernels);
                assert_eq!(same_encoded, encoded, "{at}");
                assert!(same_codes.iter().zip(&codes).all(|(a, b)| a.0 == b.0), "{at}");
                for count in 0..rows.len() {
                    let run = &codes[..count * lines];
                    let mut many = vec![[-1; FIRST_QUERIES]; count];
                    (kernels.many_sums)([&upper, &lower, &lower, &upper], run, &mut many);
                    let mut sums = vec![[-1; FIRST_QUERIES]; count];
                    for (query, plane) in [&upper, &lower, &lower, &upper].into_iter().enumerate() {
                        let mut one = vec![-1; count];
                        (kernels.run_sums)(plane, run, &mut one);
                        sums.iter_mut().zip(one).for_each(|(sums, sum)| sums[query] = sum);
                    }
                    assert_eq!(many, sums, "{at}");
                }
                for (plane, same_plane) in [(&upper, &same_upper), (&lower, &same_lower)] {
                    assert!(plane.iter().zip(same_plane).all(|(a, b)| a.0 == b.0), "{at}");
                    let sum = |row: &[Line<u8>]| -> i32 {
                        let products = |(a, b): (&Line<i8>, &Line<u8>)| {
                            a.0.iter().zip(b.0).map(|(&a, b)| i32::from(a) * i32::from(b)).sum::<i32>()
                        };
                        plane.iter().zip(row).map(products).sum()
                    };
                    for count in 0..rows.len() {
                        let mut sums = vec![-1; count];
                        (kernels.run_sums)(plane, &codes[..count * lines], &mut sums);
                        assert!(sums.iter().enumerate().all(|(index, &found)| found == sum(row(index))), "{at}");
                    }
                    let mixed = [3, 0, 5, 1].map(row);
                    assert_eq!((kernels.row_sums)(plane, mixed), mixed.map(sum), "{at}");
                }
            }
        }
    }

    #[test]
    fn sums_of_the_longest_vectors_do_not_overflow() {
        let lines = *crate::bounds::DIMENSIONS.end() / Line::<u8>::LEN;
        let codes = vec![Line([255; Line::<u8>::LEN]); lines];
        for kernels in available() {
            for extreme in [-128, 127] {
                let plane = vec![Line([extreme; Line::<i8>::LEN]); lines];
                let sum = 255 * i32::from(extreme) * (1 << 16);
                assert_eq!((kernels.row_sums)(&plane, [&codes; FIRST_ROWS]), [sum; FIRST_ROWS], "{}", kernels.name);
            }
        }
    }

    /// What a set reads of numbers with a comma behind each: `None` for one that it leaves.
    fn decimals(kernels: &Kernels, texts: &[String]) -> Vec<Option<f64>> {
        // Numbers at the very beginning or end of a text are left, so there is something around these.
        let text = format!("{}{},{}", " ".repeat(32), texts.join(","), " ".repeat(64));
        let (mut start, mut found) = (32, Vec::new());
        while found.len() < texts.len() {
            let mut numbers = Vec::new();
            let stop = (kernels.decimals)(text.as_bytes(), start, &mut numbers);
            found.extend(numbers.into_iter().map(Some));
            if let Some(left) = texts.get(found.len()) {
                found.push(None);
                start = stop + left.len() + 1;
            }
        }
        found
    }

    #[test]
    fn decimals_are_read_to_the_last_bit() {
        let simple = ["0.0", "-0.0", "9.5", "-1.0", "0.99999999999999999", "0.00000000000000000001"];
        let mut texts: Vec<String> = simple.map(String::from).into();
        for (index, number) in numbers(20_000, 5).into_iter().enumerate() {
            texts.push(format!("{:.*}", 1 + index % 24, number % 10.0));
            texts.push(format!("{}", number % 1.0));
        }
        // As near to halfway between two float64s as 18 digits get: from 4 to 8 they are 2^-50 apart.
        let unit = 10_u128.pow(18);
        for number in numbers(5_000, 6) {
            let halfway = u128::from((1 << 53) | (number.to_bits() % (1 << 53)) | 1);
            let digits = (halfway * unit) >> 51;
            texts.extend((digits - 2..=digits + 2).map(|near| format!("{}.{:018}", near / unit, near % unit)));
        }
        for kernels in available() {
            let found = decimals(kernels, &texts);
            let read = found.iter().flatten().count();
            for (text, number) in texts.iter().zip(found) {
                let expected = text.parse::<f64>().expect("a number");
                let right = number.is_none_or(|number| number.to_bits() == expected.to_bits());
                assert!(right, "{} {text} {number:?}", kernels.name);
            }
            assert!(read > texts.len() / 2, "{} read {read} of {}", kernels.name, texts.len());
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_left() {
        for odd in [
            "1",
            "-1",
            "",
            "-",
            ".5",
            "-.5",
            "1.",
            "-1.",
            "01.5",
            "10.5",
            "+1.5",
            "--1.5",
            "1..5",
            "1.5.5",
            "1e5",
            "1.5e5",
            "1.5E5",
            "1.5e-5",
            " 1.5",
            "1.5 ",
            "1 .5",
            "1.5]",
            "[1.5",
            "\"1.5\"",
            "null",
            "1.5/",
            "1.5:",
            "1.5;5",
            "1.\u{b5}5",
            "1.5\0",
            "x.5",
            "/.5",
            ":.5",
            "1.00000000000000000000000",
            "0.0000000000000000000000001",
            "0.12345678901234567890",
            "1.0000000000000000000",
        ] {
            for length in 1..=16 {
                // So that its comma is at different places of a block of 64 bytes.
                let texts = [format!("0.{}", "5".repeat(length)), String::from(odd), String::from("-0.5")];
                for kernels in available() {
                    let read = decimals(kernels, &texts).iter().map(Option::is_some).collect::<Vec<_>>();
                    assert_eq!(read, [true, false, true], "{} {odd:?}", kernels.name);
                }
            }
        }
    }
}
