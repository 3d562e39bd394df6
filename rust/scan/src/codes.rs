//! Codes: the rows of a chunk in 8 bits per component, which are read instead of the rows.

use std::ops::Range;

use crate::{
    Mask, Values,
    arch::{self, CodedRow, Encoded, Kernels, Number, QUAD_ROWS, Quad, half_lines},
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
    /// Of the upper halves alone.
    upper_measures: Measures,
    /// Of the whole codes.
    whole_measures: Measures,
    /// The rows with valid codes. Others are scored exactly.
    usable: Mask,
}

/// The measures that bounds need of each row's codes.
#[derive(Clone, Default)]
pub(crate) struct Measures {
    /// One by the length of the codes.
    pub(crate) inverse_lengths: Vec<f32>,
    /// The sine of the angle between the row and its codes, at most.
    pub(crate) errors: Vec<f32>,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            width: if bounds::DIMENSIONS.contains(&dimension) { half_lines(dimension) } else { 0 },
            upper: Vec::new(),
            lower: Vec::new(),
            upper_measures: Measures::default(),
            whole_measures: Measures::default(),
            usable: Mask::none(0),
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
        for measures in [&mut self.upper_measures, &mut self.whole_measures] {
            measures.inverse_lengths.resize(rows, 0.0);
            measures.errors.resize(rows, 0.0);
        }
        while self.usable.len() < rows {
            self.usable.push(false);
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
            let is_usable = T::CODED.contains(&norm) && {
                let lane = index % QUAD_ROWS;
                let quads = self.quads_of(index - lane..index + 1);
                let halves = [&mut self.upper[quads.clone()], &mut self.lower[quads]];
                let Encoded { inverse, upper, whole } = T::encode(kernels, row, halves, lane);
                for (measures, coding) in [(&mut self.upper_measures, upper), (&mut self.whole_measures, whole)] {
                    (measures.inverse_lengths[index], measures.errors[index]) =
                        bounds::row_measures(coding, inverse, norm);
                }
                self.whole_measures.errors[index] <= bounds::MAX_ERROR
            };
            self.usable.set(index, is_usable);
        }
    }

    /// The rows with valid codes.
    pub(crate) fn usable(&self) -> &Mask {
        &self.usable
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

    /// The measures that bounds of rows need besides the sums and the norms.
    pub(crate) fn measures(&self, precision: Precision) -> &Measures {
        match precision {
            Precision::Upper => &self.upper_measures,
            Precision::Whole => &self.whole_measures,
        }
    }
}

/// Makes room for so many items in all: for twice as many as before, so that items which come one by one are seldom moved,
/// but for none that will never come.
pub(crate) fn make_room<T>(items: &mut Vec<T>, len: usize, most: usize) {
    if items.capacity() < len {
        items.reserve_exact((2 * items.capacity()).min(most).max(len) - items.len());
    }
}
