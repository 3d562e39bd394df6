//! A vector in codes of 16 bits, as two planes: a query, or a row that gets an outline.

use crate::arch::{BIAS, Coding, Kernels, Line, Number, Planes, Sums, row_lines};

use super::{DIMENSIONS, MAX_ERROR, error};

/// The codes d of a vector, and their measures.
pub(crate) struct CodedVector {
    /// The upper plane, then the lower one.
    pub(super) lines: Vec<Line<i8>>,
    pub(super) upper: PlaneMeasures,
    pub(super) whole: PlaneMeasures,
    /// The sum of each plane's codes.
    pub(super) sums: [i32; 2],
    /// The square root of the vector's sum of squares, as the reference adds it up.
    pub(super) norm: f64,
}

/// The measures that bounds need of the upper plane, or of both planes.
#[derive(Clone, Copy)]
pub(super) struct PlaneMeasures {
    /// One by the length of the codes.
    pub(super) inverse_length: f64,
    /// F.
    pub(super) error: f64,
    /// The cosine of the angle whose sine that is.
    pub(super) error_cosine: f64,
}

impl PlaneMeasures {
    fn new(Coding { lost, squares }: Coding, inverse: f64, norm: f64) -> Self {
        let error = error(inverse, lost, norm);
        Self { inverse_length: squares.sqrt().recip(), error, error_cosine: (1.0 - error * error).sqrt() }
    }
}

impl CodedVector {
    /// Codes a vector; `None` if it lies outside the range of the proof.
    pub(crate) fn new(kernels: &Kernels, vector: &[f64]) -> Option<Self> {
        if !DIMENSIONS.contains(&vector.len()) {
            return None;
        }
        let width = row_lines(vector.len());
        let mut lines = vec![Line::default(); 2 * width];
        let (upper, lower) = lines.split_at_mut(width);
        let Planes { inverse, upper, whole, sums, norm_square } = (kernels.planes)(vector, upper, lower);
        let norm = norm_square.sqrt();
        if !f64::CODED.contains(&norm) {
            return None;
        }
        let [upper, whole] = [upper, whole].map(|coding| PlaneMeasures::new(coding, inverse, norm));
        (upper.error <= f64::from(MAX_ERROR)).then_some(Self { lines, upper, whole, sums, norm })
    }

    /// The planes, for the kernels.
    pub(crate) fn planes(&self) -> [&[Line<i8>]; 2] {
        let (upper, lower) = self.lines.split_at(self.lines.len() / 2);
        [upper, lower]
    }

    /// The part of each plane's sums that comes from the bias of fine codes.
    pub(super) fn biases(&self) -> [i32; 2] {
        self.sums.map(|sum| sum * i32::from(BIAS))
    }

    /// The cosines of the angles between its codes and the fine codes of some rows, given one by the length of each row's.
    #[expect(clippy::cast_possible_truncation, reason = "rounding is in the proof")]
    pub(crate) fn cosines(&self, [upper, lower]: &[Sums; 2], inverse_lengths: &[f64], cosines: &mut [f32]) {
        let biases = self.biases();
        for (index, (cosine, inverse_length)) in cosines.iter_mut().zip(inverse_lengths).enumerate() {
            let [upper, lower] = [upper[index].wrapping_sub(biases[0]), lower[index].wrapping_sub(biases[1])];
            let sum = 256.0 * f64::from(upper) + f64::from(lower);
            *cosine = (sum * self.whole.inverse_length * inverse_length) as f32;
        }
    }
}
