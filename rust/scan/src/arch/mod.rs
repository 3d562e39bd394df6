//! Kernels: the loops that read vectors, one set for each instruction set, chosen once at run time.
//!
//! Two kinds, and every set keeps to the same contract:
//!
//! - *first pass*, in float32, `FIRST_ROWS` rows at once. Component `i` is accumulated in lane `i % LANES`, in order,
//!   by a multiplication and an addition or by one fused operation, and the `LANES` sums are added up pairwise, in a
//!   tree. `bounds.rs` proves how far off the result can be.
//! - *exact*, in float64, `EXACT_ROWS` rows at once. Each row has its own accumulator and goes through the operations
//!   of the reference in their order, never fused, so its result has the reference's bits on every CPU.

mod portable;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions that not every CPU has, and loads by address")]
mod x86_64;

use std::sync::LazyLock;

/// How many rows a first-pass kernel takes at once: as many as share one load of the query and still leave registers
/// for `LANES` sums each on AVX2.
pub(crate) const FIRST_ROWS: usize = 4;

/// How many partial sums a first-pass kernel keeps for a row.
pub(crate) const LANES: usize = 16;

/// How many rows an exact kernel takes at once: independent chains of additions, enough to hide most of their latency.
pub(crate) const EXACT_ROWS: usize = 8;

type First = fn(&[f32], [&[f32]; FIRST_ROWS]) -> [f32; FIRST_ROWS];
type Exact<T> = fn(&[f64], [&[T]; EXACT_ROWS]) -> [f64; EXACT_ROWS];

/// A set of kernels. All slices handed to one call have the same length, which the kernels check.
pub struct Kernels {
    /// The instruction set.
    pub name: &'static str,
    /// Approximate dot products.
    pub(crate) first_dots: First,
    /// Approximate squared distances.
    pub(crate) first_distances: First,
    dots_f32: Exact<f32>,
    dots_f64: Exact<f64>,
    distances_f32: Exact<f32>,
    distances_f64: Exact<f64>,
}

/// A type that vectors are stored in, and its exact kernels.
pub(crate) trait Number: Copy + Into<f64> {
    /// Dot products with the query.
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
    /// Squared distances to the query.
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS];
}

impl Number for f32 {
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f32)(query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f32)(query, rows)
    }
}

impl Number for f64 {
    fn dots(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.dots_f64)(query, rows)
    }
    fn distances(kernels: &Kernels, query: &[f64], rows: [&[Self]; EXACT_ROWS]) -> [f64; EXACT_ROWS] {
        (kernels.distances_f64)(query, rows)
    }
}

/// The sets this CPU can run, the slowest first.
#[must_use]
pub fn available() -> Vec<&'static Kernels> {
    let mut sets = vec![&portable::KERNELS];
    #[cfg(target_arch = "x86_64")]
    sets.extend(x86_64::avx2());
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
    fn first_pass_kernels_are_near_the_sums() {
        for kernels in available() {
            for dimension in (0..70).chain([384, 1536]) {
                let query = narrow(&numbers(dimension, 7));
                let rows: Vec<Vec<f32>> =
                    (0..FIRST_ROWS as u64).map(|seed| narrow(&numbers(dimension, seed))).collect();
                let rows: [&[f32]; FIRST_ROWS] = std::array::from_fn(|i| &rows[i][..]);
                let check = |sums: [f32; FIRST_ROWS], term: fn(f64, f64) -> f64| {
                    for (sum, row) in sums.into_iter().zip(rows) {
                        let terms = || query.iter().zip(row).map(|(&a, &b)| term(a.into(), b.into()));
                        let size: f64 = terms().map(f64::abs).sum();
                        assert!((f64::from(sum) - terms().sum::<f64>()).abs() <= 1e-5 * size, "{}", kernels.name);
                    }
                };
                check((kernels.first_dots)(&query, rows), |a, b| a * b);
                check((kernels.first_distances)(&query, rows), |a, b| (a - b) * (a - b));
            }
        }
    }
}
