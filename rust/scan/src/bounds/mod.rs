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
//! numbers, and rows whose fine codes lose more than half of their length. If a query's upper plane loses so much, all rows
//! are scored exactly.
//!
//! # Codes
//!
//! The fine codes c of a row are whole numbers from -119 to 119: with an inverse step i, about 119 / max |xⱼ|, they are
//! y = ix rounded. The coarse codes a have another inverse step j, about √n / (0.3 N): of y = jx, the whole number below
//! it, at least -8 and at most 7, is a. What it stands for is a + 1/2. Its upper two bits are b = ⌊a / 4⌋, from -2 to 1, and
//! stand for 3.75 (b + 1/2). Twice what they stand for, 2a + 1 and, in units of 3.75, 2b + 1, are odd whole numbers up to 15
//! and 3. Codes of a query have 16 bits: d = 256 h + l with h from -119 to 119 and l from -128 to 127, each kept as a plane
//! of 8 bits. The first pass goes by h alone and 2b + 1, 2a + 1 or c; the second one by d and c.
//!
//! What the kernel rounds is ŷ instead of y, each component within 1.01 u of it, relatively; what underflows is below u.
//! ‖y‖ ≥ 18: for fine codes the largest component is at least 118, and for coarse ones ‖y‖ is about √n / 0.3. Whatever code
//! it gets, the difference of ŷⱼ and what the code stands for, which float32 holds exactly, is rounded once, and the
//! squares of these are summed in float32 in `LANES` lanes and a tree: fewer than 2¹¹ + 16 roundings. So with R the root of
//! the computed sum, and i the inverse step of either kind, the loss ρ, which is x less what its codes stand for over i,
//! satisfies
//!
//! ‖ρ‖ ≤ (R (1 + 2⁻¹²) + 1.01 u ‖y‖ + u) / i ≤ R (1 + 2⁻¹²) / i + 1.1 u ‖x‖, because ‖y‖ ≥ 18.
//!
//! So E ≥ ‖ρ‖ / ‖x‖ is known of two, four and eight bits; likewise F of the query. The squares of what h loses reach 2¹⁴,
//! those of what d does 2⁻², and those of what is beyond the last coarse step 2²⁰, which float32 holds as well as any.
//!
//! # Angles
//!
//! The distance of a vector's tip from a line through the origin is at most ‖ρ‖, where ρ leads to any point of that line.
//! So the sine of the angle between a row and its codes is at most E, whatever the step. If E < 1 the angle is below 90°:
//! the codes' point is nearer to the tip than the origin is. Codes whose E is about 1 or more let every row pass. Angles
//! between vectors keep the triangle inequality: with θ the one between the codes of the query and those of the row, and
//! δ = asin E + asin F, the one between query and row is
//!
//! θ − δ ≤ ∠(q, x) ≤ θ + δ.
//!
//! The products of codes are summed in whole numbers, so the sum S = h · (2b + 1), h · (2a + 1), h · c or d · c is exact on
//! every CPU, and cos θ is S over the lengths of both, which are roots of whole numbers. So the cosine of the query and the row is
//! at most cos (θ − δ), or 1 if θ < δ, and at least cos (θ + δ), or -1 if that is beyond 180°.
//!
//! Of each row are stored, in float32, its scale, which is one by the length of its codes and √(1 − E²), and its tangent,
//! which is E / √(1 − E²), rounded up.
//!
//! # Rounding
//!
//! The reference's own operations are off by less than (4n + 32) v ≤ 2⁻³⁴ (γ₆₄(n) for its dot product and its norms, and
//! three more), relatively to ‖q‖ ‖x‖. W = 2⁻²⁰ covers that and ours in float64 many times.
//!
//! [`CodedQuery::reaching`] asks whether θ ≤ φ + δ, φ being the angle of the score that is to be reached, with W taken from
//! its cosine. With ψ = φ + asin F, computed in float64, that is so for certain if ψ ≥ 90° is taken to be; else ψ + asin E
//! is below 180°, where the cosine falls, and the question is whether cos θ ≥ cos ψ √(1 − E²) − sin ψ E. It is asked after
//! a division by √(1 − E²): whether cos θ times the scale's part of it ≥ cos ψ − sin ψ tan (asin E). In float32 the left
//! side is off by less than 6 u of itself, the right side's terms by less than 4 u of themselves. Multiplied by √(1 − E²),
//! all of that is less than 16 u. 2⁻¹⁸ = 64 u is taken from cos ψ and added to sin ψ: multiplied in the same way, that is
//! 64 u (√(1 − E²) + E) ≥ 64 u, and covers it.
//!
//! [`CodedQuery::bounds`] comes to the cosine in float32. S is added up of the planes' sums, which are off by u each; with
//! 256 ‖h‖ ≤ 1.6 ‖d‖, since F ≤ 1/2. √(1 − E²) is one by the root of 1 + tan², off by 3 u, and E by 5 u, so cos θ is off by
//! less than 12 u. Its sine is taken as √((1 − cos θ) (1 + cos θ) + 32 u), which is no less than the true one, because what
//! is under the root is off by less than 30 u. cos δ is off by 9 u, sin δ by 8 u, and the whole by less than 40 u. If θ < δ
//! but its cosine comes out lower, then cos θ − cos δ < 21 u. 1 − cos (θ − δ) is no larger, because sin ((δ − θ) / 2) ≤
//! sin ((δ + θ) / 2). The same holds at 180°. 64 u, on either side of the cosine, covers all of that and the reference.
//!
//! # Outlines
//!
//! An outline stands for a vector in the first pass. For it a row is coded as a query is. q̂ and x̂ are the codes d of the
//! query and of a row over their lengths. A direction is its fine codes over their length, or 0 where there is none. P is
//! the matrix of the directions, y = Px̂. A is what `PPᵀ` differs by from the unit matrix, which has zeros for directions that
//! are none. ε is the eighth root of the sum of the squares of the entries of A⁴, which is no less than the magnitude of any
//! eigenvalue of A. So no eigenvalue of `PᵀP` is larger than 1 + ε, `(1 + ε) I − PᵀP` is positive semidefinite, and by the
//! Cauchy–Schwarz inequality for the product that it makes
//!
//! (1 + ε) q̂ · x̂ ≤ Pq̂ · Px̂ + r r', where r = √(1 + ε − ‖y‖²) is of the row and r' of the query.
//!
//! The products of codes are summed in whole numbers, and ỹ is y rounded to float32, so ‖ỹ − y‖ ≤ η = 1.1 u. With
//! s = 1 + ε + 2.5 η, which is at most 1.1, the outline is (ỹ, r̃), where r̃ = √(s − ‖ỹ‖²) is no less than r, since
//! ‖ỹ‖² ≤ ‖y‖² + 2.5 η. The square of its length is s. The right side above is at most the product of the outlines and
//! 2.5 η. In both places 2.1 η would do; the rest covers what float64 rounds. So
//!
//! q̂ · x̂ ≤ (s cos θ + 2.5 η) / (1 + ε) ≤ cos θ + 5 η, θ being the angle between the outlines.
//!
//! A component of d is off by less than 0.51, and the largest is at least 30463. So F ≤ 0.51 √n / 30463, the angle between
//! a vector and its codes d is at most √n / 59000, and the cosine of the query and the row is at most q̂ · x̂ + √n / 29500.
//!
//! Turning both outlines and stretching them in the same way leaves the angle as it is. They are coded as any vector of 128
//! numbers, which can't lose half of its length.
//! 1024 u covers what is rounded besides, with 5 η: r̃, the additions that turn an outline, 8 u of its length each, and its
//! length, which is taken to be √(128 s), so that E is off by less than 20 u of itself, and below 0.999 its angle by less
//! than 450 u.
//!
//! # Dot product and euclidean
//!
//! The dot product is the cosine times QN. ‖q − x‖² = ‖q‖² + ‖x‖² − 2 q·x, of which the cosine that is too high gives a
//! square that is too low. Rounding adds less than W (Q² + N²) to it and to the reference's sum of squares, which is off
//! by (n + 4) 2v. The next step, `1 / (1 + √sum)`, is rounded in the same way in both, and each of its operations is
//! monotone, rounding included.

mod vector;

use std::ops::RangeInclusive;

use crate::{
    Metric,
    arch::{BIAS, BLOCK_ROWS, Coding, Kernels, Line, Merits, Sums},
    mask::gathered,
};

pub(crate) use vector::CodedVector;
use vector::PlaneMeasures;

/// The lengths of vectors that the proof is for.
pub(crate) const DIMENSIONS: RangeInclusive<usize> = 32..=1 << 16;

/// The largest code of a row, and of the upper plane of a query.
pub(crate) const LARGEST_CODE: i8 = 119;

/// The step of coarse codes, by the root of the mean of a row's squares: with it both two bits and four lose little of
/// numbers that are distributed normally.
pub(crate) const COARSE_STEP: f64 = 0.3;

/// Half a step of the coarse codes' upper two bits, by a step of all four. Less than 2, because what is beyond the last
/// steps is rarely far beyond; by float32 all multiples up to the third are exact.
pub(crate) const TWO_BITS: f32 = 1.875;

/// The largest E that bounds can go by.
const LARGEST_ERROR: f64 = 0.999;

/// The largest tangent of fine codes that the proof is for: E is 1/2.
pub(crate) const MAX_TANGENT: f32 = 0.577;

/// The largest F of the upper plane that the proof is for.
pub(crate) const MAX_ERROR: f32 = 0.5;

/// The rounding unit of float32.
pub(crate) const U: f64 = power_of_two(-24);

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

/// How the sums of a row's codes are scaled, and the tangent of the angle that they may be off by. Codes that lose about
/// the whole length say nothing.
#[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof; what isn't finite has no codes")]
pub(crate) fn row_measures(Coding { lost, squares }: Coding, inverse: f64, norm: f64) -> (f32, f32) {
    let error = error(inverse, lost, norm);
    let error_cosine = (1.0 - error * error).sqrt();
    // The next number up: rounding to nearest loses at most half of that.
    let tangent = ((error / error_cosine) as f32).next_up();
    if error < LARGEST_ERROR { ((squares.sqrt() * error_cosine).recip() as f32, tangent) } else { (0.0, f32::INFINITY) }
}

/// The codes of a row that are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// The coarse codes of its outline, with the upper plane of the query's.
    Outline,
    /// The upper two bits of its coarse codes, with the query's upper plane.
    Two,
    /// All four, with the same.
    Four,
    /// The fine codes, with the same.
    Upper,
    /// The fine codes, with both planes.
    Eight,
}

impl Precision {
    /// Twice what is kept, less this, is 2b + 1 or 2a + 1 of coarse codes, and 2c of fine ones.
    const fn offset(self) -> i32 {
        match self {
            Self::Two => 3,
            Self::Outline | Self::Four => 15,
            Self::Upper => 2 * BIAS as i32,
            Self::Eight => unreachable!(),
        }
    }

    /// The factor that makes of that the code whose length the scale has.
    const fn unit(self) -> f64 {
        if let Self::Upper = self { 0.5 } else { 1.0 }
    }
}

/// The measures of a row, or of several, taken when they were coded.
#[derive(Clone, Copy)]
pub(crate) struct Measured<F32, F64> {
    /// One by the length of the codes and √(1 − E²).
    pub(crate) scale: F32,
    /// E / √(1 − E²).
    pub(crate) tangent: F32,
    /// N.
    pub(crate) norm: F64,
}

/// A query made ready for the passes over codes, with the errors of their results.
pub(crate) struct CodedQuery {
    metric: Metric,
    vector: CodedVector,
    /// Q; of an outline, that of its query.
    norm: f64,
    /// W, or the same of outlines.
    slack: f64,
}

impl CodedQuery {
    /// Makes a query ready; `None` if it lies outside the range of the proof.
    pub(crate) fn new(kernels: &Kernels, metric: Metric, query: &[f64]) -> Option<Self> {
        let vector = CodedVector::new(kernels, query)?;
        let norm = vector.norm;
        Some(Self { metric, vector, norm, slack: SLACK })
    }

    /// Makes the outline of a query ready, whose cosine with a row's may be less than the query's by `slack`.
    pub(crate) fn outline(&self, kernels: &Kernels, outline: &[f64], slack: f64) -> Option<Self> {
        let vector = CodedVector::new(kernels, outline)?;
        Some(Self { metric: self.metric, vector, norm: self.norm, slack: self.slack + slack })
    }

    /// Q.
    pub(crate) fn norm(&self) -> f64 {
        self.norm
    }

    /// Its codes.
    pub(crate) fn vector(&self) -> &CodedVector {
        &self.vector
    }

    /// The planes of the query, for the kernels.
    pub(crate) fn planes(&self) -> [&[Line<i8>]; 2] {
        self.vector.planes()
    }

    /// How good rows of a block may be by the sums of the upper plane, the better the larger, and the best of some groups. Which rows
    /// count is given as bits. Only an estimate.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn merits(
        &self,
        precision: Precision,
        sums: &Sums,
        rows: Measured<&[f32], &[f64]>,
        counted: u64,
        merits: &mut [f32; BLOCK_ROWS],
    ) -> Merits {
        match self.metric {
            Metric::Cosine => self.estimate(precision, sums, rows, merits, |cosine, _| cosine),
            Metric::DotProduct => self.estimate(precision, sums, rows, merits, |cosine, norm| cosine * norm),
            Metric::Euclidean => {
                let twice = 2.0 * self.norm;
                self.estimate(precision, sums, rows, merits, |cosine, norm| (twice * cosine - norm) * norm);
            }
        }
        for (index, merit) in merits.iter_mut().enumerate() {
            *merit = if counted >> index & 1 == 1 { *merit } else { f32::NEG_INFINITY };
        }
        let mut best = *merits;
        let mut width = BLOCK_ROWS;
        while width > Merits::default().len() {
            width /= 2;
            for lane in 0..width {
                best[lane] = if best[lane + width] > best[lane] { best[lane + width] } else { best[lane] };
            }
        }
        best.as_chunks().0[0]
    }

    /// Estimates how good rows are by the sums of the upper plane.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "an estimate")]
    fn estimate(
        &self,
        precision: Precision,
        sums: &Sums,
        rows: Measured<&[f32], &[f64]>,
        merits: &mut [f32; BLOCK_ROWS],
        merit: impl Fn(f64, f64) -> f64,
    ) {
        let count = rows.norm.len();
        let (sums, scales) = (&sums[..count], &rows.scale[..count]);
        let cosine_of = self.upper_cosine(precision);
        for (index, found) in merits[..count].iter_mut().enumerate() {
            let cosine = cosine_of(sums[index], scales[index]);
            *found = merit(cosine.into(), rows.norm[index]) as f32;
        }
    }

    /// The cosine of the angle between the query's upper plane and the codes of a row, by the cosine of E's angle: as a
    /// function of the sum and the scale, so that what is the same for all rows is computed once.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "rounding is in the proof")]
    fn upper_cosine(&self, precision: Precision) -> impl Fn(i32, f32) -> f32 {
        let offset = precision.offset() * self.vector.sums[0];
        let factor = (precision.unit() * self.vector.upper.inverse_length) as f32;
        move |sum, scale| 2_i32.wrapping_mul(sum).wrapping_sub(offset) as f32 * factor * scale
    }

    /// Which of at most `BLOCK_ROWS` rows may reach a score, by the sums of the upper plane and one kind of codes; as bits,
    /// the lowest for the first.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn reaching(
        &self,
        precision: Precision,
        sums: &Sums,
        rows: Measured<&[f32], &[f64]>,
        floor: f64,
    ) -> u64 {
        let mut flags = [0; BLOCK_ROWS];
        match self.metric {
            Metric::Cosine => {
                let limit = self.limit(floor);
                self.flag(precision, sums, rows, &mut flags, |_| limit);
            }
            Metric::DotProduct => {
                self.flag(precision, sums, rows, &mut flags, |norm| self.limit(floor / (self.norm * norm)));
            }
            Metric::Euclidean => {
                // The largest distance that comes to the score when it is rounded; nothing is nearer than 0.
                let distance = if floor > 0.0 { (1.0 + power_of_two(-50)) / floor - 1.0 } else { f64::INFINITY };
                let square = if distance >= 0.0 { distance * distance } else { f64::NEG_INFINITY };
                self.flag(precision, sums, rows, &mut flags, |norm| {
                    let sum = self.norm * self.norm + norm * norm;
                    self.limit(((1.0 - SLACK) * sum - (1.0 + SLACK) * square) / (2.0 * self.norm * norm))
                });
            }
        }
        gathered(&flags)
    }

    /// Cosine and sine of φ + asin F with their slack, given the cosine that is to be reached.
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn limit(&self, floor: f64) -> [f32; 2] {
        let PlaneMeasures { error, error_cosine, .. } = self.vector.upper;
        let cosine = (floor - self.slack).min(2.0);
        let sine = ((1.0 - cosine) * (1.0 + cosine)).max(0.0).sqrt();
        let limit = cosine * error_cosine - sine * error;
        // From 90° on the sum with the row's angle may be beyond 180°.
        if limit > 0.0 {
            [limit as f32 - SLACK_F32, (sine * error_cosine + cosine * error) as f32 + SLACK_F32]
        } else {
            // Not 0: a tangent may be infinite.
            [f32::NEG_INFINITY, 1.0]
        }
    }

    /// Flags the rows whose codes may reach a limit. No branch depends on a row, so that the loop becomes one over vectors.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn flag(
        &self,
        precision: Precision,
        sums: &Sums,
        rows: Measured<&[f32], &[f64]>,
        flags: &mut [u8; BLOCK_ROWS],
        limit: impl Fn(f64) -> [f32; 2],
    ) {
        let count = rows.norm.len();
        let (sums, scales, tangents) = (&sums[..count], &rows.scale[..count], &rows.tangent[..count]);
        let cosine_of = self.upper_cosine(precision);
        for (index, flag) in flags[..count].iter_mut().enumerate() {
            let cosine = cosine_of(sums[index], scales[index]);
            let [limit_cosine, limit_sine] = limit(rows.norm[index]);
            *flag = u8::from(cosine >= limit_cosine - limit_sine * tangents[index]);
        }
    }

    /// The bounds of the scores of at most `BLOCK_ROWS` rows, from the sums of both planes and their fine codes. The
    /// scores lie from `least` to `most`. Also which of them may reach one, as above.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn bounds(
        &self,
        sums: &[Sums; 2],
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
        [upper, lower]: &[Sums; 2],
        rows: Measured<&[f32], &[f64]>,
        [least, most]: [&mut [f64]; 2],
        score: impl Fn(f64, f64, f64) -> f64,
    ) {
        let count = rows.norm.len();
        let (upper, lower, least, most) = (&upper[..count], &lower[..count], &mut least[..count], &mut most[..count]);
        let (scales, tangents) = (&rows.scale[..count], &rows.tangent[..count]);
        let biases = self.vector.biases();
        let PlaneMeasures { inverse_length, error, error_cosine } = self.vector.whole;
        let [query_inverse_length, query_error, query_cosine] = [inverse_length, error, error_cosine].map(|x| x as f32);
        for index in 0..count {
            let sum = 256.0 * upper[index].wrapping_sub(biases[0]) as f32 + lower[index].wrapping_sub(biases[1]) as f32;
            let error_cosine = (1.0 + tangents[index] * tangents[index]).sqrt().recip();
            let error = tangents[index] * error_cosine;
            let cosine = sum * query_inverse_length * scales[index] * error_cosine;
            let sine = ((1.0 - cosine) * (1.0 + cosine) + SINE_SLACK).sqrt();
            let delta_cosine = error_cosine * query_cosine - error * query_error;
            let delta_sine = error * query_cosine + error_cosine * query_error;
            let (along, across) = (cosine * delta_cosine, sine * delta_sine);
            let largest = if cosine >= delta_cosine { 1.0 } else { along + across };
            let smallest = if cosine <= -delta_cosine { -1.0 } else { along - across };
            least[index] = score(f64::from(smallest - SLACK_F32), rows.norm[index], -1.0);
            most[index] = score(f64::from(largest + SLACK_F32), rows.norm[index], 1.0);
        }
    }
}

#[cfg(test)]
mod tests;
