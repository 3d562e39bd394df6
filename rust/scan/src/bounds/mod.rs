//! How far the passes over codes can be from the float64 reference, proved.
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
//! float32. Rows outside of the range are scored exactly, never bounded: zero rows, huge rows, rows of subnormal
//! numbers, and rows whose codes lose more than half of their length. If a query's upper plane loses so much, all rows
//! are scored exactly.
//!
//! # Codes
//!
//! The codes c of a row are whole numbers from -119 to 119: with an inverse step i, about 119 / max |xⱼ|, they are
//! y = ix rounded. Each is c = 16 a + b with a from -7 to 7 and b from -8 to 7, the upper and the lower half of its 8
//! bits. Those of the query have 16: d = 256 h + l with h from -119 to 119 and l from -128 to 127, each kept as a plane
//! of 8 bits. The first pass goes by a and h alone, the second one by c and d.
//!
//! What the kernel rounds is ŷ instead of y, each component within 1.01 u of it, relatively (what underflows is below u,
//! and the largest component is at least 118). The differences ŷⱼ − cⱼ, or ŷⱼ − 16 aⱼ, are rounded once at most, and
//! their squares are summed in float32 in `LANES` lanes and a tree: fewer than 2¹¹ + 16 roundings. So with R the root of
//! the computed sum, the loss ρ = x − c/i, or x − 16 a/i, satisfies
//!
//! ‖ρ‖ ≤ (R (1 + 2⁻¹²) + 1.01 u ‖y‖ + u) / i ≤ R (1 + 2⁻¹²) / i + 1.1 u ‖x‖, because ‖y‖ ≥ 118.
//!
//! E ≥ ‖ρ‖ / ‖x‖ is stored in float32, rounded up, for either, but at most 1. Likewise F of the query; the squares of
//! what h loses reach 2¹⁴, those of what d does 2⁻², which float32 holds as well as any.
//!
//! # Angles
//!
//! The distance of a vector's tip from a line through the origin is at most ‖ρ‖, where ρ leads to any point of that line.
//! So the sine of the angle between a row and its codes is at most E, whatever the step; and the angle is at most 90°,
//! because no code has another sign than its component. Angles between vectors keep the triangle inequality: with θ the
//! one between the codes of the query and those of the row, and δ = asin E + asin F, the one between query and row is
//!
//! θ − δ ≤ ∠(q, x) ≤ θ + δ.
//!
//! The products of codes are summed in whole numbers, so the sum S = h · a or d · c is exact on every CPU, and cos θ is S
//! over the lengths of both, which are roots of whole numbers. So the cosine of the query and the row is at most
//! cos (θ − δ), or 1 if θ < δ, and at least cos (θ + δ), or -1 if that is beyond 180°.
//!
//! # Rounding
//!
//! The reference's own operations are off by less than (4n + 32) v ≤ 2⁻³⁴ (γ₆₄(n) for its dot product and its norms, and
//! three more), relatively to ‖q‖ ‖x‖. W = 2⁻²⁰ covers that and ours in float64 many times.
//!
//! [`CodedQuery::bounds`] comes to the cosine in float32. S is added up of the planes' sums, which are off by u each; with
//! 256 ‖h‖ ≤ 1.6 ‖d‖, since F ≤ 1/2, and the rounded inverses of lengths, cos θ is off by less than 8 u. Its sine is taken
//! as √((1 − cos θ) (1 + cos θ) + 32 u), which is no less than the true one, because what is under the root is off by
//! less than 22 u. The root of 1 − E² is off by 3 u, cos δ by 6 u, sin δ by 5 u, and the whole by less than 25 u.
//! 2⁻¹⁸ = 64 u, on either side of the cosine, covers that and the reference.
//!
//! [`CodedQuery::reaching`] asks instead whether θ ≤ φ + δ, φ being the angle of the score that is to be reached, with W
//! taken from its cosine. In float32, cos θ is off by less than 6 u. Of the other side,
//! cos (φ + asin F) cos asin E − sin (φ + asin F) E, the query's part is computed in float64; √((1 − E) (1 + E)) is off by
//! 4 u, relatively, and the whole by less than 8 u. 2⁻¹⁸ covers both.
//!
//! # Dot product and euclidean
//!
//! The dot product is the cosine times QN. ‖q − x‖² = ‖q‖² + ‖x‖² − 2 q·x, of which the cosine that is too high gives a
//! square that is too low. Rounding adds less than W (Q² + N²) to it and to the reference's sum of squares, which is off
//! by (n + 4) 2v. The next step, `1 / (1 + √sum)`, is rounded in the same way in both, and each of its operations is
//! monotone, rounding included.

use std::ops::RangeInclusive;

use crate::{
    Metric,
    arch::{BIAS, BLOCK_ROWS, Coding, Kernels, Line, Number, Planes, UPPER_BIAS, half_lines},
    mask::gathered,
};

/// The lengths of vectors that the proof is for.
pub(crate) const DIMENSIONS: RangeInclusive<usize> = 32..=1 << 16;

/// The largest code of a row, and of the upper plane of a query.
pub(crate) const LARGEST_CODE: i8 = 119;

/// The largest E of whole codes, and the largest F of the upper plane, that the proof is for.
pub(crate) const MAX_ERROR: f32 = 0.5;

/// The rounding unit of float32.
const U: f64 = f32::EPSILON as f64 / 2.0;

/// W.
const SLACK: f64 = power_of_two(-20);

/// Covers the roundings of float32: 64 u, which is 2⁻¹⁸.
const SLACK_F32: f32 = 32.0 * f32::EPSILON;

/// Covers those of the square of a sine: 32 u.
const SINE_SLACK: f32 = 16.0 * f32::EPSILON;

/// 2 to a power that float64 holds as a normal number.
pub(crate) const fn power_of_two(exponent: i16) -> f64 {
    #[expect(clippy::cast_sign_loss, reason = "the exponent of a normal number is positive with its bias")]
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// E, or F.
fn error(inverse: f64, lost: f32, norm: f64) -> f64 {
    f64::from(lost).sqrt() * (1.0 + power_of_two(-12)) / (inverse * norm) + 1.1 * U
}

/// One by the length of a row's codes, and E.
#[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof; what isn't finite has no codes")]
pub(crate) fn row_measures(Coding { lost, squares }: Coding, inverse: f64, norm: f64) -> (f32, f32) {
    // The next number up: rounding to nearest loses at most half of that.
    let error = (error(inverse, lost, norm) as f32).next_up().min(1.0);
    (squares.sqrt().recip() as f32, error)
}

/// The operands of the sums of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// The upper halves of a row's codes, and the query's upper plane.
    Upper,
    /// The whole codes of both.
    Whole,
}

/// The measures of a row, or of several, taken when they were coded.
#[derive(Clone, Copy)]
pub(crate) struct Measured<F32, F64> {
    /// One by the length of the codes.
    pub(crate) inverse_length: F32,
    /// E.
    pub(crate) error: F32,
    /// N.
    pub(crate) norm: F64,
}

/// A query made ready for the passes over codes, with the errors of their results.
pub(crate) struct CodedQuery {
    metric: Metric,
    /// Q.
    norm: f64,
    /// The upper plane, then the lower one.
    lines: Vec<Line<i8>>,
    upper: QueryCodes,
    whole: QueryCodes,
    /// The sum of each plane's codes.
    sums: [i32; 2],
}

/// The measures that bounds need of a query's upper plane, or of both planes.
struct QueryCodes {
    /// One by the length of the codes.
    inverse_length: f64,
    /// F.
    error: f64,
    /// The cosine of the angle whose sine that is.
    error_cosine: f64,
}

impl QueryCodes {
    fn new(Coding { lost, squares }: Coding, inverse: f64, norm: f64) -> Self {
        let error = error(inverse, lost, norm);
        Self { inverse_length: squares.sqrt().recip(), error, error_cosine: (1.0 - error * error).sqrt() }
    }
}

impl CodedQuery {
    /// Makes a query ready; `None` if it lies outside the range of the proof.
    pub(crate) fn new(kernels: &Kernels, metric: Metric, query: &[f64]) -> Option<Self> {
        if !DIMENSIONS.contains(&query.len()) {
            return None;
        }
        let width = 2 * half_lines(query.len());
        let mut lines = vec![Line::default(); 2 * width];
        let (upper, lower) = lines.split_at_mut(width);
        let Planes { inverse, upper, whole, sums, norm_square } = (kernels.planes)(query, upper, lower);
        let norm = norm_square.sqrt();
        if !f64::CODED.contains(&norm) {
            return None;
        }
        let [upper, whole] = [upper, whole].map(|coding| QueryCodes::new(coding, inverse, norm));
        (upper.error <= f64::from(MAX_ERROR)).then_some(Self { metric, norm, lines, upper, whole, sums })
    }

    /// Q.
    pub(crate) fn norm(&self) -> f64 {
        self.norm
    }

    /// The planes of the query, for the kernels.
    pub(crate) fn planes(&self) -> [&[Line<i8>]; 2] {
        let (upper, lower) = self.lines.split_at(self.lines.len() / 2);
        [upper, lower]
    }

    /// Which of at most `BLOCK_ROWS` rows may reach a score, by the sums of the upper plane and the upper halves; as bits,
    /// the lowest for the first.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn reaching(&self, sums: &[i32; BLOCK_ROWS], rows: Measured<&[f32], &[f64]>, floor: f64) -> u64 {
        let mut flags = [0; BLOCK_ROWS];
        match self.metric {
            Metric::Cosine => {
                let limit = self.limit(floor);
                self.flag(sums, rows, &mut flags, |_| limit);
            }
            Metric::DotProduct => {
                self.flag(sums, rows, &mut flags, |norm| self.limit(floor / (self.norm * norm)));
            }
            Metric::Euclidean => {
                // The largest distance that comes to the score when it is rounded; nothing is nearer than 0.
                let distance = if floor > 0.0 { (1.0 + power_of_two(-50)) / floor - 1.0 } else { f64::INFINITY };
                let square = if distance >= 0.0 { distance * distance } else { f64::NEG_INFINITY };
                self.flag(sums, rows, &mut flags, |norm| {
                    let sum = self.norm * self.norm + norm * norm;
                    self.limit(((1.0 - SLACK) * sum - (1.0 + SLACK) * square) / (2.0 * self.norm * norm))
                });
            }
        }
        gathered(&flags)
    }

    /// Cosine and sine of φ + asin F, given the cosine that is to be reached.
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn limit(&self, floor: f64) -> [f32; 2] {
        let QueryCodes { error, error_cosine, .. } = self.upper;
        let cosine = (floor - SLACK).min(2.0);
        let sine = ((1.0 - cosine) * (1.0 + cosine)).max(0.0).sqrt();
        if cosine > -error_cosine {
            [(cosine * error_cosine - sine * error) as f32, (sine * error_cosine + cosine * error) as f32]
        } else {
            // Beyond 180°: reached by all.
            [-1.0, 0.0]
        }
    }

    /// Flags the rows whose codes may reach a limit. No branch depends on a row, so that the loop becomes one over vectors.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounding is in the proof")]
    fn flag(
        &self,
        sums: &[i32; BLOCK_ROWS],
        rows: Measured<&[f32], &[f64]>,
        flags: &mut [u8; BLOCK_ROWS],
        limit: impl Fn(f64) -> [f32; 2],
    ) {
        let (bias, query_inverse_length) = (self.sums[0] * i32::from(UPPER_BIAS), self.upper.inverse_length as f32);
        let count = rows.norm.len();
        let (sums, inverse_lengths, errors) = (&sums[..count], &rows.inverse_length[..count], &rows.error[..count]);
        for (index, flag) in flags[..count].iter_mut().enumerate() {
            let cosine = sums[index].wrapping_sub(bias) as f32 * query_inverse_length * inverse_lengths[index];
            let (error, [limit_cosine, limit_sine]) = (errors[index], limit(rows.norm[index]));
            let error_cosine = ((1.0 - error) * (1.0 + error)).sqrt();
            let least = limit_cosine * error_cosine - limit_sine * error;
            *flag = u8::from(cosine + SLACK_F32 >= least) | u8::from(limit_cosine - SLACK_F32 <= -error_cosine);
        }
    }

    /// The bounds of the scores of at most `BLOCK_ROWS` rows, from the sums of both planes and their whole codes. The
    /// scores lie from `least` to `most`. Also which of them may reach one, as above.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn bounds(
        &self,
        sums: [&[i32]; 2],
        rows: Measured<&[f32], &[f64]>,
        floor: f64,
        [least, most]: [&mut [f64]; 2],
    ) -> u64 {
        match self.metric {
            Metric::Cosine => self.bound(sums, rows, [least, most], |cosine, _, _| cosine),
            Metric::DotProduct => self.bound(sums, rows, [least, most], |cosine, norm, _| cosine * (self.norm * norm)),
            Metric::Euclidean => self.bound(sums, rows, [least, most], |cosine, norm, side| {
                let sum = self.norm * self.norm + norm * norm;
                let square = sum - 2.0 * self.norm * norm * cosine - side * SLACK * sum;
                1.0 / (1.0 + square.max(0.0).sqrt())
            }),
        }
        let mut flags = [0; BLOCK_ROWS];
        for (flag, &most) in flags.iter_mut().zip(&most[..rows.norm.len()]) {
            *flag = u8::from(most >= floor);
        }
        gathered(&flags)
    }

    /// The bounds by what a score is of a row's cosine and norm: never lower with 1.0, never higher with -1.0.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounding is in the proof")]
    fn bound(
        &self,
        [upper, lower]: [&[i32]; 2],
        rows: Measured<&[f32], &[f64]>,
        [least, most]: [&mut [f64]; 2],
        score: impl Fn(f64, f64, f64) -> f64,
    ) {
        let count = rows.norm.len();
        let (upper, lower, least, most) = (&upper[..count], &lower[..count], &mut least[..count], &mut most[..count]);
        let (inverse_lengths, errors) = (&rows.inverse_length[..count], &rows.error[..count]);
        let biases = self.sums.map(|sum| sum * i32::from(BIAS));
        let QueryCodes { inverse_length, error, error_cosine } = self.whole;
        let [query_inverse_length, query_error, query_cosine] = [inverse_length, error, error_cosine].map(|x| x as f32);
        for index in 0..count {
            let sum = 256.0 * upper[index].wrapping_sub(biases[0]) as f32 + lower[index].wrapping_sub(biases[1]) as f32;
            let cosine = sum * query_inverse_length * inverse_lengths[index];
            let sine = ((1.0 - cosine) * (1.0 + cosine) + SINE_SLACK).sqrt();
            let error = errors[index];
            let error_cosine = ((1.0 - error) * (1.0 + error)).sqrt();
            let delta_cosine = error_cosine * query_cosine - error * query_error;
            let delta_sine = error * query_cosine + error_cosine * query_error;
            let (along, across) = (cosine * delta_cosine, sine * delta_sine);
            let largest = if cosine >= delta_cosine - SLACK_F32 { 1.0 } else { along + across };
            let smallest = if cosine <= SLACK_F32 - delta_cosine { -1.0 } else { along - across };
            least[index] = score(f64::from(smallest - SLACK_F32), rows.norm[index], -1.0);
            most[index] = score(f64::from(largest + SLACK_F32), rows.norm[index], 1.0);
        }
    }
}

#[cfg(test)]
mod tests;
