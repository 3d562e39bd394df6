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
    arch::{BLOCK_ROWS, Encoded, Kernels, Line, Planes},
    mask::gathered,
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

/// Which planes of the query's codes the sums of products are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// The upper one.
    Upper,
    /// Both.
    Both,
}

/// What was measured of some rows when they were coded: their steps, their Es and their norms.
#[derive(Clone, Copy)]
pub(crate) struct Measured<'a> {
    pub(crate) steps: &'a [f32],
    pub(crate) errors: &'a [f32],
    pub(crate) norms: &'a [f64],
}

/// A query made ready for the first pass, with the errors of its results.
pub(crate) struct FirstPass {
    metric: Metric,
    /// Q.
    norm: f64,
    /// The upper plane, then the lower one.
    lines: Vec<Line<i8>>,
    /// 1 / (kQ).
    step: f64,
    /// F for the upper plane alone, and for both.
    errors: [f64; 2],
    /// What the codes' bias adds to the sums for each plane.
    bias: [i32; 2],
}

impl FirstPass {
    /// Makes a query ready, given its norm by the reference; `None` if it lies outside the range of the proof.
    pub(crate) fn new(kernels: &Kernels, metric: Metric, query: &[f64], norm: f64) -> Option<Self> {
        if !DIMENSIONS.contains(&query.len()) || !(power_of_two(-400)..=power_of_two(400)).contains(&norm) {
            return None;
        }
        let width = Line::<i8>::needed(query.len());
        let mut lines = vec![Line::default(); 2 * width];
        let (upper, lower) = lines.split_at_mut(width);
        let Planes { inverse, sums, squares } = (kernels.planes)(query, upper, lower);
        let [(step, upper_error), (_, both_error)] = squares.map(|squares| loss(inverse, squares, norm));
        if upper_error > f64::from(MAX_ERROR) {
            return None;
        }
        let errors = [upper_error, both_error];
        Some(Self { metric, norm, lines, step, errors, bias: sums.map(|sum| sum * 128) })
    }

    /// The planes of the query, for the kernels.
    pub(crate) fn planes(&self) -> [&[Line<i8>]; 2] {
        let (upper, lower) = self.lines.split_at(self.lines.len() / 2);
        [upper, lower]
    }

    /// What the sums for the planes say about the score of the row at `index` of those measured. For the upper plane
    /// alone the other sum isn't looked at.
    pub(crate) fn bounds(&self, precision: Precision, sums: [i32; 2], rows: Measured, index: usize) -> Bounds {
        let (cosine, error) = self.cosine(precision, sums, rows.steps[index], rows.errors[index]);
        let norm = rows.norms[index];
        Bounds { lower: self.score(cosine - error, norm, -1.0), upper: self.score(cosine + error, norm, 1.0) }
    }

    /// Which of at most `BLOCK_ROWS` rows may reach a score, by the same bounds; as bits, the lowest for the first.
    #[expect(clippy::inline_always, reason = "compiled for each set of kernels")]
    #[inline(always)]
    pub(crate) fn reaching(&self, precision: Precision, sums: [&[i32]; 2], rows: Measured, floor: f64) -> u64 {
        let mut largest = [f64::NEG_INFINITY; BLOCK_ROWS];
        match self.metric {
            Metric::Cosine => self.largest(precision, sums, rows, &mut largest, |cosine, _| cosine),
            Metric::DotProduct => {
                self.largest(precision, sums, rows, &mut largest, |cosine, norm| self.product(cosine, norm));
            }
            Metric::Euclidean => {
                self.largest(precision, sums, rows, &mut largest, |cosine, norm| self.nearness(cosine, norm, 1.0));
            }
        }
        let mut flags = [0_u8; BLOCK_ROWS];
        for (flag, &largest) in flags.iter_mut().zip(&largest) {
            *flag = u8::from(largest >= floor);
        }
        gathered(&flags)
    }

    /// The largest scores that some rows can have. No branch depends on a row, so that the loop becomes one over vectors.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn largest(
        &self,
        precision: Precision,
        [upper, lower]: [&[i32]; 2],
        rows: Measured,
        largest: &mut [f64; BLOCK_ROWS],
        score: impl Fn(f64, f64) -> f64,
    ) {
        let count = rows.norms.len();
        let (upper, lower, steps, errors) =
            (&upper[..count], &lower[..count], &rows.steps[..count], &rows.errors[..count]);
        for (index, largest) in largest[..count].iter_mut().enumerate() {
            let (cosine, error) = self.cosine(precision, [upper[index], lower[index]], steps[index], errors[index]);
            *largest = score(cosine + error, rows.norms[index]);
        }
    }

    /// The cosine by the sums for a row with this step and E, and how far off it can be.
    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn cosine(&self, precision: Precision, [upper, lower]: [i32; 2], step: f32, error: f32) -> (f64, f64) {
        let (weight, query_error) = match precision {
            Precision::Upper => (0.0, self.errors[0]),
            Precision::Both => (1.0, self.errors[1]),
        };
        let sum = 256.0 * f64::from(upper - self.bias[0]) + weight * f64::from(lower.wrapping_sub(self.bias[1]));
        let row_error = f64::from(error);
        (sum * self.step * f64::from(step), row_error + (1.0 + row_error) * query_error + SLACK)
    }

    /// The score of a row by its cosine: never lower with `side` 1.0, never higher with -1.0.
    fn score(&self, cosine: f64, norm: f64, side: f64) -> f64 {
        match self.metric {
            Metric::Cosine => cosine,
            Metric::DotProduct => self.product(cosine, norm),
            Metric::Euclidean => self.nearness(cosine, norm, side),
        }
    }

    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn product(&self, cosine: f64, norm: f64) -> f64 {
        cosine * (self.norm * norm)
    }

    #[expect(clippy::inline_always, reason = "part of a kernel")]
    #[inline(always)]
    fn nearness(&self, cosine: f64, norm: f64, side: f64) -> f64 {
        let sum = self.norm * self.norm + norm * norm;
        let square = sum - 2.0 * self.norm * norm * cosine - side * SLACK * sum;
        let square = if square > 0.0 { square } else { 0.0 };
        1.0 / (1.0 + square.sqrt())
    }
}

#[cfg(test)]
mod tests;
