//! How far the float32 first pass can be from the float64 reference, proved.
//!
//! # Notation
//!
//! q is the query and x a row of float32 numbers, both taken as exact; n is the dimension, u = 2⁻²⁴ the rounding unit
//! of float32 and v = 2⁻⁵³ that of float64; γ(k) = ku / (1 − ku), at most 1.02 ku while ku ≤ 0.01. ‖·‖ is the true
//! Euclidean length. The reference's norms, computed sequentially in float64, are within (n + 4) v of it, relatively,
//! as long as no square that matters under- or overflows, which the ranges below see to.
//!
//! # Range
//!
//! For cosine and dot product 2⁻⁴⁰⁰ ≤ ‖q‖ ≤ 2⁴⁰⁰ and 2⁻⁶⁰ ≤ ‖x‖ ≤ 2¹⁰⁰; for Euclidean ‖q‖, ‖x‖ ≤ 2⁶⁰; n ≤ 2²⁰ always.
//! What lies outside is decided exactly, never bounded: zero rows, huge rows, rows of subnormal numbers. Rows of
//! float64 numbers are decided exactly too: a first pass over them would read the same bytes, and the exact kernels
//! read them nearly as fast.
//!
//! # Dot product and cosine
//!
//! The query is scaled by a power of two s so that ‖sq‖ is in [1, 2), and rounded to float32: q̂. Scaling is exact but for
//! components below 2⁻⁶⁰⁰, whose loss vanishes in w.
//! Its residual r = ‖sq − q̂‖ is measured, not assumed: it is 0 for a query of float32 numbers.
//!
//! Each product passes through at most m = ⌈n / LANES⌉ + log₂ LANES + 1 roundings: one of its own where the kernel
//! doesn't fuse, its lane's additions, the tree. So the computed D satisfies
//!
//! |D − q̂·x| ≤ γ(m) Σ|q̂ᵢxᵢ| + w ≤ γ(m) ‖q̂‖‖x‖ + w, and |q̂·x − sq·x| ≤ r‖x‖ (Cauchy–Schwarz).
//!
//! w is what underflow adds: each of at most 2n + 16 operations and n roundings of the query loses at most 2⁻¹²⁵ beyond
//! its relative error, even if the process has switched the CPU to flush subnormals to zero. With ‖x‖ ≥ 2⁻⁶⁰ that is at
//! most (4n + 64) 2⁻⁶⁵ ‖x‖. The reference's own dot product is within γ₆₄(n) ‖q‖‖x‖ of q·x, at most 1.02 nv ‖q‖‖x‖, and
//! its two norms and three last roundings change a cosine by at most (2n + 12) v. Conversions here, a handful of float64
//! operations, add less than 8v. Divided by ‖sq‖‖x‖ ≥ ‖x‖, with ‖q̂‖ ≤ ‖sq‖ (1 + r):
//!
//! |D / (‖sq‖‖x‖) − cosine| ≤ 1.02 mu (1 + r) + r + (16n + 64) v = e.
//!
//! The same e, times ‖q‖‖x‖, holds for the dot product D / s. No sum overflows: ‖q̂‖‖x‖ < 2¹⁰².
//!
//! # Euclidean
//!
//! The query is rounded as it is (a row can't be scaled with it): q̂, r = ‖q − q̂‖ measured. The distances are summed from
//! differences, so there is no cancellation: each difference and each square is relatively right, and the computed S is
//! y² (1 + θ) + w with y = ‖q̂ − x‖, |θ| ≤ γ(m + 2) and |w| ≤ (4n + 64) 2⁻¹²⁵. So y is within γ(m + 2) √S + 1.02 √|w| of
//! √S, ‖q − x‖ within r of y, and the reference's distance within (n + 4) v of that, relatively:
//!
//! |√S − distance| ≤ (1.02 (m + 2) u + (2n + 16) v) √S + 1.1 (r + √((4n + 64) 2⁻¹²⁵)).
//!
//! `1 / (1 + distance)` is monotone; its two roundings are covered by a relative 4v on both bounds.

use crate::{Metric, arch::LANES, select::Bounds};

/// The rounding units of float32 and float64.
const U: f64 = f32::EPSILON as f64 / 2.0;
const V: f64 = f64::EPSILON / 2.0;

/// The longest vectors the proof is for.
const MAX_DIMENSION: usize = 1 << 20;

/// A query made ready for the first pass, with the errors of its results.
pub(crate) struct FirstPass {
    metric: Metric,
    /// q̂.
    query: Vec<f32>,
    /// s: a power of two.
    scale: f64,
    /// The reference's norm of q.
    norm: f64,
    /// The norms of the rows that the proof is for.
    rows: std::ops::RangeInclusive<f64>,
    /// e, or for Euclidean the error of a distance in proportion to it.
    relative: f64,
    /// For Euclidean, the error of a distance besides.
    absolute: f64,
}

/// 2 to a power that float64 holds as a normal number.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(u64::try_from(exponent + 1023).expect("the exponent of a normal number") << 52)
}

impl FirstPass {
    /// Makes a query ready, given its norm by the reference; `None` if it lies outside the range of the proof.
    pub(crate) fn new(metric: Metric, query: &[f64], norm: f64) -> Option<Self> {
        if query.len() > MAX_DIMENSION {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 2^20")]
        let (n, m) = (query.len() as f64, (query.len().div_ceil(LANES) + LANES.ilog2() as usize + 1) as f64);
        match metric {
            Metric::Cosine | Metric::DotProduct => {
                if !(power_of_two(-400)..=power_of_two(400)).contains(&norm) {
                    return None;
                }
                #[expect(clippy::cast_possible_wrap, reason = "11 bits")]
                let exponent = (norm.to_bits() >> 52) as i64 - 1023;
                let scale = power_of_two(-exponent);
                let (query, residual) = narrow(query, scale);
                let relative = 1.02 * m * U * (1.0 + residual) + residual + (16.0 * n + 64.0) * V;
                let rows = power_of_two(-60)..=power_of_two(100);
                Some(Self { metric, query, scale, norm, rows, relative, absolute: 0.0 })
            }
            Metric::Euclidean => {
                if norm > power_of_two(60) {
                    return None;
                }
                let (query, residual) = narrow(query, 1.0);
                let relative = 1.02 * (m + 2.0) * U + (2.0 * n + 16.0) * V;
                let absolute = 1.1 * (residual + ((4.0 * n + 64.0) * power_of_two(-125)).sqrt());
                let rows = 0.0..=power_of_two(60);
                Some(Self { metric, query, scale: 1.0, norm, rows, relative, absolute })
            }
        }
    }

    /// The query as the kernels want it.
    pub(crate) fn query(&self) -> &[f32] {
        &self.query
    }

    /// Whether the proof holds for a row of this norm.
    pub(crate) fn covers(&self, norm: f64) -> bool {
        self.rows.contains(&norm)
    }

    /// What a kernel's result says about the score of a row.
    pub(crate) fn bounds(&self, result: f32, norm: f64) -> Bounds {
        let result = f64::from(result);
        match self.metric {
            Metric::Cosine => {
                let score = result / (self.scale * self.norm * norm);
                Bounds { lower: score - self.relative, upper: score + self.relative }
            }
            Metric::DotProduct => {
                let score = result / self.scale;
                let error = self.relative * self.norm * norm;
                Bounds { lower: score - error, upper: score + error }
            }
            Metric::Euclidean => {
                let distance = result.sqrt();
                let error = distance * self.relative + self.absolute;
                let score = |distance: f64| 1.0 / (1.0 + distance);
                Bounds {
                    lower: score(distance + error) * (1.0 - 4.0 * V),
                    upper: score((distance - error).max(0.0)) * (1.0 + 4.0 * V),
                }
            }
        }
    }
}

/// A scaled query in float32, and an upper bound of the length of what that loses.
#[expect(clippy::cast_possible_truncation, reason = "what is lost is measured")]
fn narrow(query: &[f64], scale: f64) -> (Vec<f32>, f64) {
    let narrowed: Vec<f32> = query.iter().map(|x| (x * scale) as f32).collect();
    let lost: f64 = query.iter().zip(&narrowed).map(|(x, &y)| (x * scale - f64::from(y)).powi(2)).sum();
    // Each difference is exact, and 2⁻²⁰ is more than the rounding of a sum of 2²⁰ squares.
    (narrowed, lost.sqrt() * (1.0 + power_of_two(-20)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arch, naive};

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

    /// Whether a row was covered; if so, its score must lie within its bounds.
    fn is_covered_rightly(metric: Metric, query: &[f64], row: &[f64], slack: f64) -> bool {
        let (row, _) = narrow(row, 1.0);
        let exact: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
        let Some(first) = FirstPass::new(metric, query, norm(query)).filter(|first| first.covers(norm(&exact))) else {
            return false;
        };
        let score = naive::score(metric, query, &exact).expect("rows that are covered rank");
        for kernels in arch::available() {
            let kernel = if metric == Metric::Euclidean { kernels.first_distances } else { kernels.first_dots };
            let Bounds { lower, upper } = first.bounds(kernel(first.query(), [&row; 4])[0], norm(&exact));
            assert!(
                (lower..=upper).contains(&score),
                "{} {metric} {}: {score} not in {lower}..={upper}",
                kernels.name,
                query.len()
            );
            let width = if metric == Metric::DotProduct { norm(query) * norm(&exact) } else { 1.0 };
            assert!(upper - lower <= slack * width, "{metric}: {lower}..={upper} is too wide");
        }
        true
    }

    #[test]
    fn scores_of_all_magnitudes_lie_within_their_bounds() {
        let mut covered = 0;
        for dimension in [1, 3, 16, 17, 40, 384] {
            for exponent in -150..=127 {
                for metric in Metric::ALL {
                    let scaled = |scale: i32, seed| {
                        noise(dimension, seed).iter().map(|x| x * 2_f64.powi(scale)).collect::<Vec<_>>()
                    };
                    let seed = u64::try_from(exponent + 1000).expect("positive");
                    for query_exponent in [0, exponent, -exponent, 300] {
                        let (query, row) = (scaled(query_exponent, seed), scaled(exponent, seed + 1));
                        covered += usize::from(is_covered_rightly(metric, &query, &row, 1.0));
                        // Where vectors point the same way, sums are largest and distances smallest.
                        let parallel = scaled(exponent, seed);
                        covered += usize::from(is_covered_rightly(metric, &query, &parallel, 1.0));
                    }
                }
            }
        }
        assert!(covered > 12_000, "{covered} were covered");
    }

    #[test]
    fn bounds_are_narrow_for_embeddings() {
        for metric in Metric::ALL {
            for seed in 0..20 {
                let (query, _) = narrow(&noise(1536, seed), 1.0);
                let query: Vec<f64> = query.into_iter().map(f64::from).collect();
                assert!(is_covered_rightly(metric, &query, &noise(1536, seed + 100), 2e-5));
            }
        }
    }

    #[test]
    fn rows_of_the_smallest_numbers_are_not_covered() {
        // Half of such a row underflows in float32, and the bounds know nothing of it.
        let query = noise(384, 1);
        let row: Vec<f64> = noise(384, 2).iter().map(|x| x * 2_f64.powi(-140)).collect();
        assert!(!is_covered_rightly(Metric::Cosine, &query, &row, 1.0));
        assert!(!is_covered_rightly(Metric::DotProduct, &query, &row, 1.0));
    }

    #[test]
    fn a_query_outside_the_range_has_no_first_pass() {
        for metric in [Metric::Cosine, Metric::DotProduct] {
            assert!(FirstPass::new(metric, &[1e-150], 1e-150).is_none());
            assert!(FirstPass::new(metric, &[1e150], 1e150).is_none());
            assert!(FirstPass::new(metric, &[0.0], 0.0).is_none());
            assert!(FirstPass::new(metric, &[1e200], f64::INFINITY).is_none());
        }
        assert!(FirstPass::new(Metric::Euclidean, &[1e20], 1e20).is_none());
        assert!(FirstPass::new(Metric::Euclidean, &[0.0], 0.0).is_some());
    }

    #[test]
    fn a_query_of_float32_numbers_loses_nothing() {
        let query = [0.1_f32, -3.5e-7, 1e5].map(f64::from);
        let norm = query.iter().map(|x| x * x).sum::<f64>().sqrt();
        let first = FirstPass::new(Metric::Cosine, &query, norm).expect("in range");
        let lossy = FirstPass::new(Metric::Cosine, &[0.1, -3.5e-7, 1e5], norm).expect("in range");
        assert!(first.relative < lossy.relative);
        assert!(first.relative < 1e-6);
    }
}
