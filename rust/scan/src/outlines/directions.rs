//! Directions: the few along which the rows of a batch lie, and rows in their terms.

use crate::{
    Values,
    arch::{BIAS, BLOCK_ROWS, Kernels, Line, OUTLINE},
    bounds::{CodedVector, U},
    codes::Codes,
};

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

/// The directions along which most of some rows lies, their first principal components: at right angles, as nearly as codes
/// have it.
pub(crate) struct Directions {
    /// A direction is its fine codes over their length. The last row has none.
    codes: Codes,
    /// One by the length of each direction's codes; 0 if it is none.
    inverse_lengths: [f64; OUTLINE],
    dimension: usize,
    /// The square of the length that outlines have before they are turned: s, as `bounds` has it.
    square: f64,
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
            make_orthonormal(&mut directions, dimension, |_, _| ());
            if round < ROUNDS {
                let mut along = vec![[0.0; OUTLINE]; rows.len()];
                (kernels.project)(&rows, &columns_of(&directions, dimension), &mut along);
                for (direction, weights) in weights.chunks_exact_mut(rows.len()).enumerate() {
                    weights.iter_mut().zip(&along).for_each(|(weight, along)| *weight = along[direction]);
                }
            }
        }
        let directions = Self::new(directions, dimension);
        (directions.square <= LARGEST_SQUARE && directions.rest(kernels, &others) <= MOST_REST).then_some(directions)
    }

    /// Codes directions. Each is brought to right angles with the codes of those before, so that only its own rounding is
    /// left between them.
    fn new(mut directions: Vec<f32>, dimension: usize) -> Self {
        let mut codes = Codes::new(dimension);
        codes.resize(OUTLINE, OUTLINE);
        let (mut whole, mut inverse_lengths) = (vec![Vec::new(); COUNT], [0.0; OUTLINE]);
        make_orthonormal(&mut directions, dimension, |index, direction| {
            codes.write(index, Values::F32(direction), &[f64::from(dot(direction, direction)).sqrt()]);
            if codes.usable().contains(index) {
                let bytes = codes.fine(index..index + 1).iter().flat_map(Line::numbers);
                whole[index] = bytes.map(|&code| i32::from(code) - i32::from(BIAS)).take(dimension).collect();
                inverse_lengths[index] = f64::from(product(&whole[index], &whole[index])).sqrt().recip();
                #[expect(clippy::cast_possible_truncation, reason = "the angles of the codes are measured")]
                for (x, &code) in direction.iter_mut().zip(&whole[index]) {
                    *x = (f64::from(code) * inverse_lengths[index]) as f32;
                }
            }
        });
        let rounding = 1.1 * U;
        let square = 1.0 + skew(&whole, &inverse_lengths) + 2.5 * rounding;
        Self { codes, inverse_lengths, dimension, square }
    }

    /// How much of rows lies outside of the directions: the mean of the squares.
    fn rest(&self, kernels: &Kernels, rows: &[&[f32]]) -> f64 {
        let rest = |row: &&[f32]| {
            let row: Vec<f64> = row.iter().map(|&x| x.into()).collect();
            let coded = CodedVector::new(kernels, &row)?;
            Some(f64::from(self.along(kernels, &coded)[COUNT]).powi(2))
        };
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let count = rows.len() as f64;
        rows.iter().map(|row| rest(row).unwrap_or(1.0)).sum::<f64>() / count
    }

    /// The length of rows.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// How much the cosine of two outlines may be less than that of their rows.
    pub(crate) fn slack(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "dimensions are small")]
        let lost_by_codes = (self.dimension as f64).sqrt() / 29_500.0;
        lost_by_codes + 1024.0 * U
    }

    /// The length of every outline, but for rounding.
    pub(crate) fn length(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let turned = OUTLINE as f64;
        (turned * self.square).sqrt()
    }

    /// The outline of a vector, whose dimension must be that of the directions.
    pub(crate) fn outline(&self, kernels: &Kernels, vector: &CodedVector) -> [f32; OUTLINE] {
        let mut outline = self.along(kernels, vector);
        turn(&mut outline);
        outline
    }

    /// How far a vector lies along each direction, and outside of all of them, before that is turned.
    fn along(&self, kernels: &Kernels, vector: &CodedVector) -> [f32; OUTLINE] {
        let mut along = [0.0; OUTLINE];
        let (blocks, _) = along.as_chunks_mut::<BLOCK_ROWS>();
        let (inverse_lengths, _) = self.inverse_lengths.as_chunks::<BLOCK_ROWS>();
        for (index, (block, inverse_lengths)) in blocks.iter_mut().zip(inverse_lengths).enumerate() {
            let mut sums = [[0; BLOCK_ROWS]; 2];
            let fine = self.codes.fine(index * BLOCK_ROWS..(index + 1) * BLOCK_ROWS);
            (kernels.two_plane_sums)(vector.planes(), fine, sums.each_mut());
            vector.cosines(&sums, inverse_lengths, block);
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
        let rest = (self.square - square_of(&along)).max(0.0).sqrt() as f32;
        along[COUNT] = rest;
        along
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
/// mixture of those before becomes 0. Each may be changed a little before the next ones are brought to right angles with it.
fn make_orthonormal(vectors: &mut [f32], dimension: usize, mut change: impl FnMut(usize, &mut [f32])) {
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
        for x in &mut *vector {
            *x *= scale;
        }
        change(index, vector);
    }
}

/// How far the products of directions may be from those of vectors at right angles, whose lengths are 1 or 0: ε, as `bounds`
/// has it, given their codes.
fn skew(codes: &[Vec<i32>], inverse_lengths: &[f64]) -> f64 {
    let mut matrix = vec![[0.0; COUNT]; COUNT];
    for (a, row) in matrix.iter_mut().enumerate() {
        for (b, entry) in row.iter_mut().enumerate().filter(|&(b, _)| a != b) {
            *entry = f64::from(product(&codes[a], &codes[b])) * inverse_lengths[a] * inverse_lengths[b];
        }
    }
    let fourth = squared(&squared(&matrix));
    fourth.as_flattened().iter().map(|x| x * x).sum::<f64>().powf(0.125)
}

/// The product of a matrix with itself.
fn squared(matrix: &[[f64; COUNT]]) -> Vec<[f64; COUNT]> {
    let mut square = vec![[0.0; COUNT]; COUNT];
    for (sums, row) in square.iter_mut().zip(matrix) {
        for (factor, other) in row.iter().zip(matrix) {
            sums.iter_mut().zip(other).for_each(|(sum, x)| *sum += factor * x);
        }
    }
    square
}

/// The product of the codes of two directions; 0 if one is none.
fn product(a: &[i32], b: &[i32]) -> i32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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
        for dimension in [256, 300, 1536] {
            let directions =
                Directions::learn(arch::kernels(), &rows(400, dimension), dimension).expect("they are few");
            let lost: f64 = f64::from(u16::try_from(dimension).expect("it is small")).sqrt() / 29_500.0;
            assert!((directions.slack() - (lost + 1024.0 * unit)).abs() < 1e-15, "{dimension}");
            // The directions as their codes have them, and how far they are from right angles.
            let codes = |index: usize| directions.codes.fine(index..index + 1).iter().flat_map(Line::numbers);
            let vector = |index: usize| -> Vec<f64> {
                let inverse_length = directions.inverse_lengths[index];
                codes(index).take(dimension).map(|&code| (f64::from(code) - 128.0) * inverse_length).collect()
            };
            let vectors: Vec<Vec<f64>> = (0..COUNT).map(vector).collect();
            let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
            assert!(vectors.iter().any(|vector| product(vector, vector) > 0.5), "{dimension}");
            // The differences of the products from ones and zeros, to the fourth power.
            let mut matrix: Vec<Vec<f64>> = (0..COUNT)
                .map(|a| (0..COUNT).map(|b| if a == b { 0.0 } else { product(&vectors[a], &vectors[b]) }).collect())
                .collect();
            for _ in 0..2 {
                matrix = (0..COUNT).map(|a| (0..COUNT).map(|b| product(&matrix[a], &matrix[b])).collect()).collect();
            }
            let skew = matrix.iter().flatten().map(|x| x * x).sum::<f64>().powf(0.125);
            let square = 1.0 + skew + 2.75 * unit;
            assert!((directions.square - square).abs() < 1e-9, "{dimension}: {} {square}", directions.square);
            assert!((directions.length() - (128.0 * directions.square).sqrt()).abs() < 1e-12, "{dimension}");
        }
    }

    #[test]
    fn the_skew_is_the_eighth_root_of_the_squares_of_the_fourth_power() {
        // Two directions whose cosine is 0.6 by their codes, and none else.
        let mut codes = vec![Vec::new(); COUNT];
        (codes[3], codes[90]) = (vec![5, 0], vec![3, 4]);
        let mut inverse_lengths = [0.0; OUTLINE];
        (inverse_lengths[3], inverse_lengths[90]) = (0.2, 0.2);
        let right = (2.0 * 0.6_f64.powi(8)).powf(0.125);
        assert!((skew(&codes, &inverse_lengths) - right).abs() < 1e-12);
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
