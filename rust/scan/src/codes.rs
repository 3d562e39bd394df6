//! Codes: the rows of a chunk in 8 bits a component, which are read instead of the rows.

use std::ops::Range;

use crate::{
    Mask, Values,
    arch::{self, CodedRow, Kernels, Number, QUAD_ROWS, Quad, half_lines},
    bounds::{self, Precision},
};

/// Codes of consecutive rows, the upper four bits of each apart from the lower four, in [`Quad`]s. The first pass reads
/// only the upper halves.
///
/// They take `dimension` bytes a row, filled up to whole lines, and sixteen for what bounds need. Vectors of few
/// numbers have none: scoring those is as fast.
///
/// They are written with the rows, not at the first search: coding a row takes half as long as scoring it, so even a
/// batch that is built, asked once and dropped is none the slower.
#[derive(Clone)]
pub(crate) struct Codes {
    dimension: usize,
    /// How many lines half a row has.
    width: usize,
    /// For each few rows as many as half a row has lines; the last ones may have lanes without a row.
    upper: Vec<Quad>,
    /// As many again.
    lower: Vec<Quad>,
    /// One by the length of a row's codes: of the upper halves alone, and of the whole.
    inverse_lengths: [Vec<f32>; 2],
    /// The sine of the angle between a row and its codes, at most; likewise.
    errors: [Vec<f32>; 2],
    /// The rows whose codes mean something. Others are scored exactly.
    coded: Mask,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            width: if bounds::DIMENSIONS.contains(&dimension) { half_lines(dimension) } else { 0 },
            upper: Vec::new(),
            lower: Vec::new(),
            inverse_lengths: [Vec::new(), Vec::new()],
            errors: [Vec::new(), Vec::new()],
            coded: Mask::none(0),
        }
    }

    /// The codes of all rows of a chunk, given their norms.
    pub(crate) fn of(dimension: usize, values: Values, norms: &[f64]) -> Self {
        let mut codes = Self::new(dimension);
        codes.resize(norms.len(), norms.len());
        codes.write(0, values, norms);
        codes
    }

    /// Where the quads of some rows are, of which the first is one of a quad's first lane.
    fn quads_of(&self, rows: Range<usize>) -> Range<usize> {
        rows.start / QUAD_ROWS * self.width..rows.end.div_ceil(QUAD_ROWS) * self.width
    }

    /// Adds rows at the end, which have no codes yet; there will be so many at most.
    pub(crate) fn resize(&mut self, rows: usize, most: usize) {
        let [quads, most] = [rows, most].map(|rows| self.quads_of(0..rows).end);
        for half in [&mut self.upper, &mut self.lower] {
            make_room(half, quads, most);
            half.resize(quads, Quad::default());
        }
        self.inverse_lengths.iter_mut().chain(&mut self.errors).for_each(|measures| measures.resize(rows, 0.0));
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
        if self.width == 0 {
            return;
        }
        let rows = values.chunks_exact(self.dimension).zip(norms);
        for (index, (row, &norm)) in rows.enumerate().map(|(index, row)| (first + index, row)) {
            let error = T::CODED.contains(&norm).then(|| {
                let lane = index % QUAD_ROWS;
                let quads = self.quads_of(index - lane..index + 1);
                let halves = [&mut self.upper[quads.clone()], &mut self.lower[quads]];
                let [inverse_lengths, errors] = bounds::row_measures(T::encode(kernels, row, halves, lane), norm);
                [self.inverse_lengths[0][index], self.inverse_lengths[1][index]] = inverse_lengths;
                [self.errors[0][index], self.errors[1][index]] = errors;
                errors[1]
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
        let lane = row % QUAD_ROWS;
        CodedRow { halves: self.halves(row - lane..row + 1), lane }
    }

    /// The upper and lower halves of consecutive rows, of which the first is one of a quad's first lane.
    pub(crate) fn halves(&self, rows: Range<usize>) -> [&[Quad]; 2] {
        let quads = self.quads_of(rows);
        [&self.upper[quads.clone()], &self.lower[quads]]
    }

    /// What bounds of rows need besides the sums and the norms.
    pub(crate) fn measures(&self, precision: Precision) -> [&[f32]; 2] {
        [&self.inverse_lengths[precision as usize], &self.errors[precision as usize]]
    }
}

/// Makes room for so many items in all: for twice as many as before, so that items which come one by one are seldom moved,
/// but for none that will never come.
pub(crate) fn make_room<T>(items: &mut Vec<T>, len: usize, most: usize) {
    if items.capacity() < len {
        items.reserve_exact((2 * items.capacity()).min(most).max(len) - items.len());
    }
}
