//! Norms: the square root of a vector's sum of squares, summed in order as the reference does.

use crate::arch::{EXACT_ROWS, Kernels, Number};

/// The norm of one vector. Each addition waits for the one before, so wider instructions don't help.
pub(crate) fn norm(vector: &[f64]) -> f64 {
    vector.iter().fold(0.0, |sum, x| sum + x * x).sqrt()
}

/// The norms of `len` vectors laid one after the other, several at once.
pub(crate) fn norms<T: Number>(kernels: &Kernels, values: &[T], dimension: usize, len: usize) -> Vec<f64> {
    let mut norms = Vec::with_capacity(len);
    // (0 - b) * (0 - b) has the bits of b * b, so the distance to the origin needs no kernel of its own.
    let origin = vec![0.0; dimension];
    for first in (0..len).step_by(EXACT_ROWS) {
        // The last group is filled up with its last vector again.
        let vectors = std::array::from_fn(|i| (first + i).min(len - 1) * dimension)
            .map(|start| &values[start..start + dimension]);
        let squares = T::distances(kernels, &origin, vectors);
        norms.extend(squares[..EXACT_ROWS.min(len - first)].iter().map(|square| square.sqrt()));
    }
    norms
}
