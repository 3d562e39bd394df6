//! How far the first pass, over 8 bits a component, can be from the float64 reference, proved.
//!
//! # Notation
//!
//! q is the query and x a row, both taken as exact; n is the dimension, u = 2⁻²⁴ the rounding unit of float32 and
//! v = 2⁻⁵³ that of float64. ‖·‖ is the true Euclidean length. The reference's norms Q and N, computed sequentially in
//! float64, are within (n + 4) v of ‖q‖ and ‖x‖, relatively, as long as no square that matters under- or overflows,
//! which the range sees to.
//!
//! # Range
//!
//! 32 ≤ n ≤ 2¹⁶: for shorter vectors the exact kernels are as fast, and the integer sums of longer ones could overflow.
//! 2⁻⁴⁰⁰ ≤ Q ≤ 2⁴⁰⁰; the same for N, but 2⁻¹⁰⁰ ≤ N ≤ 2¹⁰⁰ for rows of float32 numbers, whose codes are computed in
//! float32. What lies outside is decided exactly, never bounded: zero rows, huge rows, rows of subnormal numbers, and
//! rows whose codes lose more than half of their length.
//!
//! # Rows
//!
//! The codes c of a row are whole numbers from -127 to 127: with an inverse step i, about 127 / max |xⱼ|, they are
//! y = ix rounded. What the kernel rounds is ŷ instead of y, each component within 1.01 u of it, relatively (what
//! underflows is below u, and the largest component is at least 126). The differences ŷⱼ − cⱼ are exact (both are
//! within a factor 2, or cⱼ is 0), and their squares are summed in float32 in `LANES` lanes and a tree: fewer than
//! 2¹¹ + 8 roundings. So with R the root of the computed sum, the loss ρ = x − c/i satisfies
//!
//! ‖ρ‖ ≤ (R (1 + 2⁻¹²) + 1.01 u ‖y‖ + u) / i ≤ R (1 + 2⁻¹²) / i + 1.1 u ‖x‖, because ‖y‖ ≥ 126.
//!
//! E ≥ ‖ρ‖ / ‖x‖ is stored in float32, rounded up, and so is the step 1 / (iN), rounded to nearest.
//!
//! # Query
//!
//! The query is coded likewise, in 16 bits: its codes are d = 256 h + l, with h from -127 to 127 and l from -128 to 127,
//! each kept as a plane of 8 bits. The loss φ is bounded by F ‖q‖ as above, once for 256 h alone and once for d: the
//! squares of the former reach 2¹⁴, those of the latter 2⁻², which float32 holds as well as any.
//!
//! # Cosine and dot product
//!
//! The products of codes are summed in whole numbers, so the sum is exact on every CPU: S = d · c or 256 h · c. With k
//! the query's inverse step, q = d/k + φ and x = c/i + ρ, and
//!
//! |q·x − S / (ki)| = |φ · c/i + q · ρ| ≤ F ‖q‖ (1 + E) ‖x‖ + ‖q‖ E ‖x‖ (Cauchy–Schwarz).
//!
//! Divided by QN, S / (ki) is S times the row's step times the query's, 1 / (kQ). It is at most (1 + E)(1 + F) ≤ 2.25, so
//! rounding the row's step to float32 changes it by less than 2.25 u, and the float64 operations of the conversion by
//! less than 16 v; that of ‖q‖ and ‖x‖ for Q and N, and the reference's own roundings (γ₆₄(n) for its dot product, its
//! norms and three last operations), by less than (4n + 32) v ≤ 2⁻³⁴. All of it is covered by W = 2⁻²⁰:
//!
//! |S / (kiQN) − cosine| ≤ E + (1 + E) F + W = e.
//!
//! The same e, times QN, holds for the dot product.
//!
//! # Euclidean
//!
//! ‖q − x‖² = ‖q‖² + ‖x‖² − 2 q·x, so with the bounds c ± e of the cosine, the square of the distance is within
//! 2QN e + W (Q² + N²) of Q² + N² − 2QN c: W covers the roundings of every term, none of which is larger than
//! 2 (Q² + N²), and those of the reference's sum of squares, (n + 4) 2v of it. What follows, `1 / (1 + √sum)`, is rounded
//! in the same way in both, and each of its operations is monotone, rounding included.

use std::ops::RangeInclusive;

use crate::{
    Metric,
    arch::{Encoded, Kernels, Line, Planes},
    codes::Codes,
    select::Bounds,
};

/// The lengths of vectors that the proof is for.
pub(crate) const DIMENSIONS: RangeInclusive<usize> = 32..=1 << 16;

/// The largest E and F that the proof is for.
pub(crate) const MAX_ERROR: f32 = 0.5;

/// The rounding unit of float32.
const U: f64 = f32::EPSILON as f64 / 2.0;

/// W.
const SLACK: f64 = power_of_two(-20);

/// 2 to a power that float64 holds as a normal number.
pub(crate) const fn power_of_two(exponent: i16) -> f64 {
    #[expect(clippy::cast_sign_loss, reason = "the exponent of a normal number is positive with its bias")]
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// ‖ρ‖ / ‖x‖ at most, or ‖φ‖ / ‖q‖, and the step in proportion to the norm.
fn loss(inverse: f64, squares: f32, norm: f64) -> (f64, f64) {
    let step = 1.0 / (inverse * norm);
    (step, f64::from(squares).sqrt() * (1.0 + power_of_two(-12)) * step + 1.1 * U)
}

/// A row's step, and its E.
#[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof; what isn't finite has no codes")]
pub(crate) fn row_error(Encoded { inverse, squares }: Encoded, norm: f64) -> (f32, f32) {
    let (step, error) = loss(inverse, squares, norm);
    // The next number up: rounding to nearest loses at most half of that.
    (step as f32, (error as f32).next_up())
}

/// What a sum of products of codes is worth: for the upper plane of the query alone, or for both.
#[derive(Clone, Copy)]
struct Precision {
    /// 1 / (kQ), times 256 for the upper plane alone.
    step: f64,
    /// F.
    error: f64,
}

impl Precision {
    /// The cosine, by the sum for a row with this step and E, and how far off it can be.
    fn cosine(self, sum: f64, step: f32, error: f32) -> (f64, f64) {
        let row_error = f64::from(error);
        (sum * self.step * f64::from(step), row_error + (1.0 + row_error) * self.error + SLACK)
    }
}

/// A query made ready for the first pass, with the errors of its results.
pub(crate) struct FirstPass {
    metric: Metric,
    /// Q.
    norm: f64,
    upper: Vec<Line<i8>>,
    lower: Vec<Line<i8>>,
    by_upper: Precision,
    by_both: Precision,
    /// What the codes' bias adds to the sums for each plane.
    bias: [i32; 2],
}

impl FirstPass {
    /// Makes a query ready, given its norm by the reference; `None` if it lies outside the range of the proof.
    pub(crate) fn new(kernels: &Kernels, metric: Metric, query: &[f64], norm: f64) -> Option<Self> {
        if !DIMENSIONS.contains(&query.len()) || !(power_of_two(-400)..=power_of_two(400)).contains(&norm) {
            return None;
        }
        let empty = || vec![Line::default(); Line::<i8>::needed(query.len())];
        let (mut upper, mut lower) = (empty(), empty());
        let Planes { inverse, sums, squares } = (kernels.planes)(query, &mut upper, &mut lower);
        let [by_upper, by_both] = squares.map(|squares| {
            let (step, error) = loss(inverse, squares, norm);
            Precision { step, error }
        });
        let by_upper = Precision { step: by_upper.step * 256.0, ..by_upper };
        if by_upper.error > f64::from(MAX_ERROR) {
            return None;
        }
        Some(Self { metric, norm, upper, lower, by_upper, by_both, bias: sums.map(|sum| sum * 128) })
    }

    /// The upper plane of the query, for the kernels.
    pub(crate) fn upper_plane(&self) -> &[Line<i8>] {
        &self.upper
    }

    /// The lower plane of the query, for the kernels.
    pub(crate) fn lower_plane(&self) -> &[Line<i8>] {
        &self.lower
    }

    /// The largest scores that some rows can have, from `first` on, by the kernel's sums for the upper plane.
    pub(crate) fn largest(&self, sums: &[i32], codes: &Codes, first: usize, norms: &[f64], largest: &mut [f64]) {
        let rows = first..first + sums.len();
        let rows = codes.steps()[rows.clone()].iter().zip(&codes.errors()[rows.clone()]).zip(&norms[rows]);
        for ((&sum, ((&step, &error), &norm)), largest) in sums.iter().zip(rows).zip(largest) {
            let (cosine, error) = self.by_upper.cosine(f64::from(sum - self.bias[0]), step, error);
            *largest = self.score(cosine + error, norm, 1.0);
        }
    }

    /// What the kernel's sum for the upper plane says about the score of a row.
    pub(crate) fn by_upper(&self, sum: i32, (step, error): (f32, f32), norm: f64) -> Bounds {
        self.bounds(self.by_upper.cosine(f64::from(sum - self.bias[0]), step, error), norm)
    }

    /// What the kernel's sums for both planes say about the score of a row.
    pub(crate) fn by_both(&self, [upper, lower]: [i32; 2], (step, error): (f32, f32), norm: f64) -> Bounds {
        let sum = 256.0 * f64::from(upper - self.bias[0]) + f64::from(lower - self.bias[1]);
        self.bounds(self.by_both.cosine(sum, step, error), norm)
    }

    fn bounds(&self, (cosine, error): (f64, f64), norm: f64) -> Bounds {
        Bounds { lower: self.score(cosine - error, norm, -1.0), upper: self.score(cosine + error, norm, 1.0) }
    }

    /// The score of a row by its cosine: never lower with `side` 1.0, never higher with -1.0.
    fn score(&self, cosine: f64, norm: f64, side: f64) -> f64 {
        match self.metric {
            Metric::Cosine => cosine,
            Metric::DotProduct => cosine * (self.norm * norm),
            Metric::Euclidean => {
                let sum = self.norm * self.norm + norm * norm;
                let square = sum - 2.0 * self.norm * norm * cosine - side * SLACK * sum;
                let square = if square > 0.0 { square } else { 0.0 };
                1.0 / (1.0 + square.sqrt())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Values,
        arch::{self, FIRST_ROWS},
        naive,
    };

    fn norm(vector: &[f64]) -> f64 {
        vector.iter().fold(0.0, |sum, x| sum + x * x).sqrt()
    }

    /// Numbers between -1 and 1, the same ones every time.
    fn noise(len: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f64::from(u32::try_from(state >> 32).expect("32 bits")) / f64::from(1_u32 << 31) - 1.0
            })
            .collect()
    }

    /// Holds the bounds of a row's score to the reference; how wide they are for the upper plane and for both, or `None`
    /// if the row or the query isn't covered.
    fn widths(metric: Metric, query: &[f64], row: &[f64], narrow: bool) -> Option<[f64; 2]> {
        #[expect(clippy::cast_possible_truncation, reason = "float32 is wanted")]
        let narrowed: Vec<f32> = row.iter().map(|&x| x as f32).collect();
        let row: Vec<f64> = if narrow { narrowed.iter().map(|&x| f64::from(x)).collect() } else { row.to_vec() };
        let values = if narrow { Values::F32(&narrowed) } else { Values::F64(&row) };
        let norms = [norm(&row)];
        let codes = Codes::of(row.len(), values, &norms);
        let kernels = arch::kernels();
        let first = FirstPass::new(kernels, metric, query, norm(query))?;
        if !codes.coded().contains(0) {
            return None;
        }
        let score = naive::score(metric, query, &row).expect("rows that are covered rank");
        let [upper, lower] = [first.upper_plane(), first.lower_plane()]
            .map(|plane| (kernels.row_sums)(plane, [codes.lines(0..1); FIRST_ROWS])[0]);
        let loss = (codes.steps()[0], codes.errors()[0]);
        let mut largest = [0.0];
        first.largest(&[upper], &codes, 0, &norms, &mut largest);
        let by_upper = first.by_upper(upper, loss, norms[0]);
        assert_eq!(largest[0].to_bits(), by_upper.upper.to_bits(), "{metric}");
        let width = if metric == Metric::DotProduct { norm(query) * norms[0] } else { 1.0 };
        Some([by_upper, first.by_both([upper, lower], loss, norms[0])].map(|Bounds { lower, upper }| {
            assert!((lower..=upper).contains(&score), "{metric} {}: {score} not in {lower}..={upper}", query.len());
            (upper - lower) / width
        }))
    }

    #[test]
    fn scores_of_all_magnitudes_lie_within_their_bounds() {
        let mut covered = 0;
        for dimension in [32, 33, 64, 100, 384] {
            for exponent in (-420..=420).step_by(7) {
                for metric in Metric::ALL {
                    let scaled = |scale: i32, seed| {
                        noise(dimension, seed).iter().map(|x| x * 2_f64.powi(scale)).collect::<Vec<_>>()
                    };
                    let seed = u64::try_from(exponent + 1000).expect("positive");
                    for query_exponent in [0, exponent, -exponent, 300] {
                        let query = scaled(query_exponent, seed);
                        for narrow in [true, false] {
                            // Where vectors point the same way, sums are largest and distances smallest.
                            for row_seed in [seed, seed + 1] {
                                let row = scaled(exponent, row_seed);
                                covered += usize::from(widths(metric, &query, &row, narrow).is_some());
                            }
                        }
                    }
                }
            }
        }
        assert!(covered > 9_000, "{covered} were covered");
    }

    #[test]
    fn bounds_are_narrow_for_embeddings() {
        for metric in [Metric::Cosine, Metric::DotProduct] {
            for seed in 0..20 {
                let [by_upper, by_both] =
                    widths(metric, &noise(1536, seed), &noise(1536, seed + 100), true).expect("embeddings are covered");
                assert!(by_upper < 0.02 && by_both < 0.01, "{metric}: {by_upper} and {by_both}");
            }
        }
    }

    /// A vector of `len` numbers whose codes lose as much as they can, all in one direction: its first component sets the
    /// step to 1, and the others are `steps` and almost half a step.
    fn lossy(len: usize, largest: f64, steps: f64) -> Vec<f64> {
        std::iter::once(largest).chain(std::iter::repeat_n(steps + 0.499, len - 1)).collect()
    }

    #[test]
    fn bounds_hold_where_every_loss_adds_up() {
        for len in [100, 400, 2000] {
            for steps in [0.0, 1.0, 5.0, 40.0] {
                // The row loses as much as the proof allows, in the direction of the query, which loses nothing.
                let row = lossy(len, 127.0, steps);
                let along: Vec<f64> = std::iter::once(0.0).chain(std::iter::repeat_n(1.0, len - 1)).collect();
                // The query loses as much as it can, in its upper plane or in both, in the direction of the row.
                let upper = lossy(len, 32512.0, steps * 256.0 + 127.0);
                let both = lossy(len, 32512.0, steps);
                for (query, row) in [(&along, &row), (&upper, &along), (&both, &along), (&upper, &row), (&both, &row)] {
                    for sign in [1.0, -1.0] {
                        let row: Vec<f64> = row.iter().map(|x| x * sign).collect();
                        for metric in Metric::ALL {
                            for narrow in [true, false] {
                                widths(metric, query, &row, narrow);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bounds_hold_where_only_rounding_is_lost() {
        // Codes of 1 and -1 lose nothing.
        for len in (32..200).step_by(3) {
            for seed in 0..4 {
                let signs = |seed| noise(len, seed).into_iter().map(f64::signum).collect::<Vec<_>>();
                let (query, row) = (signs(seed), signs(seed + 9));
                for (query, row) in [(&query, &row), (&query, &query)] {
                    for metric in Metric::ALL {
                        let width = widths(metric, query, row, true).expect("ones are covered");
                        assert!(metric == Metric::Euclidean || width[1] < 4e-6, "{metric}: {width:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_query_outside_the_range_has_no_first_pass() {
        let uniform = |x: f64| vec![x; 64];
        let first = |query: &[f64]| FirstPass::new(arch::kernels(), Metric::Cosine, query, norm(query));
        assert!(first(&uniform(1.0)).is_some());
        for x in [0.0, 1e-150, 1e150, 1e200] {
            assert!(first(&uniform(x)).is_none(), "{x}");
        }
        assert!(first(&[1.0; 31]).is_none(), "short vectors have no codes");
        assert!(first(&vec![1.0; (1 << 16) + 1]).is_none(), "nor have vectors whose sums could overflow");
        assert!(first(&lossy(40_000, 32512.0, 127.0)).is_none(), "nor those that lose more than half of their length");
    }

    #[test]
    fn rows_outside_the_range_have_no_codes() {
        let coded = |values: Values, norm: f64| Codes::of(values.len(), values, &[norm]).coded().contains(0);
        assert!(coded(Values::F32(&[1.0; 64]), 8.0));
        for x in [0.0, 1e-40, 1e37, f32::NAN, f32::INFINITY] {
            assert!(!coded(Values::F32(&[x; 64]), 8.0 * f64::from(x)), "{x}");
        }
        for x in [0.0, 1e-150, 1e150] {
            assert!(!coded(Values::F64(&[x; 64]), 8.0 * x), "{x}");
        }
        let lossy = lossy(40_000, 127.0, 0.0);
        assert!(!coded(Values::F64(&lossy), norm(&lossy)));
    }
}
