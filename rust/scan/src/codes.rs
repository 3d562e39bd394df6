//! Codes: the rows of a chunk in 8 bits a component, which the first pass reads instead of the rows.

use std::ops::Range;

use crate::{
    Mask, Values,
    arch::{self, CodedRow, FIRST_ROWS, Kernels, Line, Number, Quad},
    bounds,
};

/// Codes of consecutive rows, in [`Quad`]s.
///
/// They take `dimension` bytes a row, filled up to whole lines, and eight for what bounds need. Vectors of few
/// numbers have none: scoring those is as fast.
///
/// They are written with the rows, not at the first search: coding a row takes half as long as scoring it, so even a
/// batch that is built, asked once and dropped is none the slower.
#[derive(Clone)]
pub(crate) struct Codes {
    dimension: usize,
    /// For each few rows as many as a row has lines; the last ones may have lanes without a row.
    quads: Vec<Quad>,
    /// What one step of a row's codes is worth, in proportion to the row's norm.
    steps: Vec<f32>,
    /// The length of what a row's codes lose, in proportion to the row's norm, at most.
    errors: Vec<f32>,
    /// The rows whose codes mean something. Others are scored exactly.
    coded: Mask,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, quads: Vec::new(), steps: Vec::new(), errors: Vec::new(), coded: Mask::none(0) }
    }

    /// The codes of all rows of a chunk, given their norms.
    pub(crate) fn of(dimension: usize, values: Values, norms: &[f64]) -> Self {
        let mut codes = Self::new(dimension);
        codes.resize(norms.len());
        codes.write(0, values, norms);
        codes
    }

    /// How many lines a row has.
    fn width(&self) -> usize {
        if bounds::DIMENSIONS.contains(&self.dimension) { Line::<u8>::needed(self.dimension) } else { 0 }
    }

    /// Makes room for rows at the end, which have no codes yet.
    pub(crate) fn resize(&mut self, rows: usize) {
        self.quads.resize(rows.div_ceil(FIRST_ROWS) * self.width(), Quad::default());
        self.steps.resize(rows, 0.0);
        self.errors.resize(rows, 0.0);
        while self.coded.len() < rows {
            self.coded.push(false);
        }
    }

    /// Writes the codes of as many rows as there are norms, from `first` on.
    pub(crate) fn write(&mut self, first: usize, values: Values, norms: &[f64]) {
        match values {
            Values::F32(values) => self.encode(first, values, norms, arch::kernels()),
            Values::F64(values) => self.encode(first, values, norms, arch::kernels()),
        }
    }

    fn encode<T: Number>(&mut self, first: usize, values: &[T], norms: &[f64], kernels: &Kernels) {
        let width = self.width();
        if width == 0 {
            return;
        }
        let rows = values.chunks_exact(self.dimension).zip(norms);
        for (index, (row, &norm)) in rows.enumerate().map(|(index, row)| (first + index, row)) {
            let error = T::CODED.contains(&norm).then(|| {
                let encoded =
                    T::encode(kernels, row, &mut self.quads[index / FIRST_ROWS * width..][..width], index % FIRST_ROWS);
                (self.steps[index], self.errors[index]) = bounds::row_error(encoded, norm);
                self.errors[index]
            });
            self.coded.set(index, error.is_some_and(|error| error <= bounds::MAX_ERROR));
        }
    }

    /// The rows that have codes.
    pub(crate) fn coded(&self) -> &Mask {
        &self.coded
    }

    /// The codes of a row.
    pub(crate) fn row(&self, row: usize) -> CodedRow<'_> {
        let quads = &self.quads[row / FIRST_ROWS * self.width()..][..self.width()];
        CodedRow { quads, lane: row % FIRST_ROWS }
    }

    /// The codes of consecutive rows, of which the first is one of a quad's first lane.
    pub(crate) fn quads(&self, rows: Range<usize>) -> &[Quad] {
        &self.quads[rows.start / FIRST_ROWS * self.width()..rows.end.div_ceil(FIRST_ROWS) * self.width()]
    }

    pub(crate) fn steps(&self) -> &[f32] {
        &self.steps
    }

    pub(crate) fn errors(&self) -> &[f32] {
        &self.errors
    }
}
