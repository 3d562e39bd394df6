//! Directions: the few along which the rows of a batch lie, and rows in their terms.

use crate::arch::{Kernels, OUTLINE, PROJECTED_SHORT};

/// How many directions there are. The last number of an outline is what lies outside of them.
const COUNT: usize = OUTLINE - 1;

/// How many rows the directions are learnt of, at most. Twice as many would take twice as long, and leave a few rows less.
pub(crate) const SAMPLE: usize = 1024;

/// Of so many rows of the sample one is kept to see how well the directions fit others.
const OTHERS: usize = 8;

/// How often the directions are improved.
const ROUNDS: usize = 2;

/// How much of rows may lie outside of directions that pay, by the mean of the squares. Of real embeddings it is a sixth; of
/// rows that differ equally in all directions, half where they have 256 numbers, and more where they have more.
const MOST_REST: f64 = 0.4;

/// The largest square of a length that the proof is for.
const LARGEST_SQUARE: f64 = 1.1;

/// The directions along which most of some rows lies, their first principal components: of length 1 and at right angles, as
/// nearly as float32 has it.
pub(crate) struct Directions {
    /// For each component of a row, that of every direction, and 0.
    columns: Vec<[f32; OUTLINE]>,
    /// The square of the length that outlines have before they are turned: 1, ε and 2.5 η, as `bounds` has them.
    square: f64,
    /// How much the cosine of two outlines may be less than that of their rows.
    slack: f64,
}

impl Directions {
    /// Learns directions of rows of unit length, one after the other.
    ///
    /// By subspace iteration: what is a mixture of rows lies nearer to the first principal components than chance has it,
    /// and each round of weighing the rows by how far they lie along it brings it nearer.
    ///
    /// `None` if much of rows lies outside of the directions, so that outlines would decide about too few: of others than
    /// they were learnt of, to which directions always fit better.
    pub(crate) fn learn(kernels: &Kernels, sample: &[f32], dimension: usize) -> Option<Self> {
        let (mut rows, mut others) = (Vec::new(), Vec::new());
        for (index, row) in sample.chunks_exact(dimension).enumerate() {
            if index % OTHERS == 0 { others.push(row) } else { rows.push(row) }
        }
        if rows.len() < OUTLINE {
            return None;
        }
        let parts: Vec<Vec<[f32; OUTLINE]>> =
            (0..dimension).step_by(OUTLINE).map(|first| rows.iter().map(|row| part_of(row, first)).collect()).collect();
        let mut weights = signs(COUNT * rows.len());
        let mut directions = vec![0.0; COUNT * dimension];
        for round in 0..=ROUNDS {
            let weights_of: Vec<&[f32]> = weights.chunks_exact(rows.len()).collect();
            for (part, first) in parts.iter().zip((0..dimension).step_by(OUTLINE)) {
                let mut mixtures = vec![[0.0; OUTLINE]; weights_of.len()];
                (kernels.project)(&weights_of, part, &mut mixtures);
                for (direction, mixture) in directions.chunks_exact_mut(dimension).zip(mixtures) {
                    let direction = &mut direction[first..dimension.min(first + OUTLINE)];
                    direction.copy_from_slice(&mixture[..direction.len()]);
                }
            }
            make_orthonormal(&mut directions, dimension);
            if round < ROUNDS {
                let mut along = vec![[0.0; OUTLINE]; rows.len()];
                (kernels.project)(&rows, &columns_of(&directions, dimension), &mut along);
                for (direction, weights) in weights.chunks_exact_mut(rows.len()).enumerate() {
                    weights.iter_mut().zip(&along).for_each(|(weight, along)| *weight = along[direction]);
                }
            }
        }
        // Rounding leaves what the first time can't take away from directions that were nearly alike.
        make_orthonormal(&mut directions, dimension);
        let directions = Self::new(&directions, dimension);
        (directions.square <= LARGEST_SQUARE && directions.rest(kernels, &others) <= MOST_REST).then_some(directions)
    }

    /// How much of rows lies outside of the directions: the mean of the squares.
    fn rest(&self, kernels: &Kernels, rows: &[&[f32]]) -> f64 {
        let mut along = vec![[0.0; OUTLINE]; rows.len()];
        (kernels.project)(rows, &self.columns, &mut along);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let count = rows.len() as f64;
        along.iter().map(|along| self.square - square_of(along)).sum::<f64>() / count
    }

    /// The length of rows.
    pub(crate) fn dimension(&self) -> usize {
        self.columns.len()
    }

    fn new(directions: &[f32], dimension: usize) -> Self {
        let unit = f64::from(f32::EPSILON) / 2.0;
        #[expect(clippy::cast_precision_loss, reason = "dimensions are small")]
        let [sums, count] = [PROJECTED_SHORT + dimension.div_ceil(PROJECTED_SHORT) + 4, COUNT].map(|n| n as f64);
        let rounding = 1.1 * sums * unit * count.sqrt();
        Self {
            columns: columns_of(directions, dimension),
            square: 1.0 + skew(directions, dimension) + 2.5 * rounding,
            slack: 5.0 * rounding + 1024.0 * unit,
        }
    }

    /// How much the cosine of two outlines may be less than that of their rows.
    pub(crate) fn slack(&self) -> f64 {
        self.slack
    }

    /// The length of every outline, but for rounding.
    pub(crate) fn length(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let turned = OUTLINE as f64;
        (turned * self.square).sqrt()
    }

    /// Makes the outlines of rows of unit length.
    pub(crate) fn outline(&self, kernels: &Kernels, rows: &[&[f32]], outlines: &mut [[f32; OUTLINE]]) {
        (kernels.project)(rows, &self.columns, outlines);
        for outline in outlines {
            #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
            let rest = (self.square - square_of(outline)).max(0.0).sqrt() as f32;
            outline[COUNT] = rest;
            turn(outline);
        }
    }
}

/// The sum of the squares of some numbers.
fn square_of(numbers: &[f32; OUTLINE]) -> f64 {
    numbers.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

/// Turns an outline and stretches it, all outlines in the same way, by the transform of Walsh and Hadamard: each number
/// becomes a sum of all with signs. So what is large in one number is spread over all, and coarse codes lose less of it.
fn turn(outline: &mut [f32; OUTLINE]) {
    let mut width = OUTLINE;
    while width > 1 {
        width /= 2;
        for pair in outline.chunks_exact_mut(2 * width) {
            let (first, second) = pair.split_at_mut(width);
            for (a, b) in first.iter_mut().zip(second) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
    }
}

/// The numbers of a row from `first` on, filled up with zeros.
fn part_of(row: &[f32], first: usize) -> [f32; OUTLINE] {
    let mut part = [0.0; OUTLINE];
    let row = &row[first..row.len().min(first + OUTLINE)];
    part[..row.len()].copy_from_slice(row);
    part
}

/// Directions, one after the other, as columns.
fn columns_of(directions: &[f32], dimension: usize) -> Vec<[f32; OUTLINE]> {
    let mut columns = vec![[0.0; OUTLINE]; dimension];
    for (index, direction) in directions.chunks_exact(dimension).enumerate() {
        columns.iter_mut().zip(direction).for_each(|(column, &x)| column[index] = x);
    }
    columns
}

/// Numbers 1 and -1 without any order, the same ones every time.
fn signs(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut sign = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 { 1.0 } else { -1.0 }
    };
    (0..count).map(|_| sign()).collect()
}

/// Makes the length of vectors 1 and the angles between them right ones, by the method of Gram and Schmidt. One that is a
/// mixture of those before becomes 0.
fn make_orthonormal(vectors: &mut [f32], dimension: usize) {
    for index in 0..COUNT {
        let (before, rest) = vectors.split_at_mut(index * dimension);
        let vector = &mut rest[..dimension];
        let length = dot(vector, vector).sqrt();
        for other in before.chunks_exact(dimension) {
            let along = dot(vector, other);
            vector.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let left = dot(vector, vector).sqrt();
        let scale = if left > 1e-4 * length { left.recip() } else { 0.0 };
        for x in vector {
            *x *= scale;
        }
    }
}

/// How far the products of some vectors are from those of vectors at right angles, whose lengths are 1 or 0: the root of
/// the sum of the squares of all differences.
fn skew(vectors: &[f32], dimension: usize) -> f64 {
    let vectors: Vec<Vec<f64>> =
        vectors.chunks_exact(dimension).map(|vector| vector.iter().map(|&x| x.into()).collect()).collect();
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut squares = 0.0;
    for (index, vector) in vectors.iter().enumerate() {
        let square = product(vector, vector);
        squares += (square - square.round().min(1.0)).powi(2);
        squares += vectors[..index].iter().map(|other| 2.0 * product(vector, other).powi(2)).sum::<f64>();
    }
    squares.sqrt()
}

/// The product of two vectors, summed up in lanes.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;

    /// Rows of unit length, that lie along a few directions.
    fn rows(count: usize, dimension: usize) -> Vec<f32> {
        #[expect(clippy::cast_precision_loss, reason = "any numbers will do")]
        let row = |row: usize| (0..dimension).map(move |i| ((row % 90 + 2) as f32 * (i + 1) as f32).sin());
        let mut rows: Vec<f32> = (0..count).flat_map(row).collect();
        for row in rows.chunks_exact_mut(dimension) {
            let length = dot(row, row).sqrt();
            for x in row {
                *x /= length;
            }
        }
        rows
    }

    #[test]
    fn the_slack_is_that_of_the_proof() {
        let unit = 2_f64.powi(-24);
        for (dimension, terms) in [(256, 134.0), (300, 135.0), (1536, 144.0)] {
            let directions =
                Directions::learn(arch::kernels(), &rows(400, dimension), dimension).expect("they are few");
            let rounding = 1.1 * 127_f64.sqrt() * terms * unit;
            assert!((directions.slack() - (5.0 * rounding + 1024.0 * unit)).abs() < 1e-15, "{dimension}");
            // The products of the directions, less ones and zeros.
            let product = |a: usize, b: usize| -> f64 {
                directions.columns.iter().map(|column| f64::from(column[a]) * f64::from(column[b])).sum()
            };
            let mut squares = 0.0;
            for a in 0..COUNT {
                for b in 0..COUNT {
                    let right = f64::from(u8::from(a == b && product(a, a) > 0.5));
                    squares += (product(a, b) - right).powi(2);
                }
            }
            let square = 1.0 + squares.sqrt() + 2.5 * rounding;
            assert!((directions.square - square).abs() < 1e-12, "{dimension}: {} {square}", directions.square);
            assert!((directions.length() - (128.0 * square).sqrt()).abs() < 1e-12, "{dimension}");
        }
    }

    #[test]
    fn the_skew_is_that_of_all_pairs() {
        // Two at right angles, one of them too long, and one that lies along both.
        let vectors = [[1.0, 0.0], [0.0, 1.5], [0.5, 0.25]].map(|[a, b]| [a, b, 0.0]);
        let squares = [0.0_f64, 2.25 - 1.0, 0.3125 - 0.0].map(|x| x * x).iter().sum::<f64>();
        let products = [0.0_f64, 0.5, 0.375].map(|x| 2.0 * x * x).iter().sum::<f64>();
        assert!((skew(vectors.as_flattened(), 3) - (squares + products).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn turning_keeps_angles_and_spreads_numbers() {
        let mut one = [0.0; OUTLINE];
        one[5] = 1.0;
        let mut other = [0.0; OUTLINE];
        (other[5], other[90]) = (0.6, 0.8);
        turn(&mut one);
        turn(&mut other);
        assert!(one.iter().all(|x| (x.abs() - 1.0).abs() < 1e-6), "{one:?}");
        let product: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
        assert!((product - 128.0 * 0.6).abs() < 1e-3 && (square_of(&other) - 128.0).abs() < 1e-3, "{product}");
    }
}
