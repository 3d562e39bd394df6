//! Codes: the rows of a chunk in fewer bits, which are read instead of the rows.

use std::ops::Range;

use crate::{
    Mask, Values,
    arch::{self, Encoded, Kernels, Line, Number, Place, STRIP_ROWS, row_lines, strip_lines},
    bounds::{self, Precision},
};

/// Codes of consecutive rows: coarse ones of four bits a component, and fine ones of eight.
///
/// The first pass reads only the upper two bits of the coarse ones, of all rows, and the lower two where it has to. So each
/// pair of bits is kept apart, in strips of a few rows. The second pass reads fine codes of single rows.
///
/// They take one and a half times `dimension` bytes a row, filled up to whole lines, and 24 for what bounds need. Vectors
/// of few numbers have none: scoring those is as fast.
///
/// They are written with the rows, not at the first search: coding a row takes half as long as scoring it, so even a
/// batch that is built, asked once and dropped is none the slower.
#[derive(Clone)]
pub(crate) struct Codes {
    dimension: usize,
    /// How many lines the fine codes of a row have; 0 if there are no codes.
    width: usize,
    /// The upper two bits of coarse codes, and the lower two. The last strip may have lanes without a row.
    coarse: [Vec<Line<u8>>; 2],
    fine: Vec<Line<u8>>,
    measures: [Measures; Precision::COUNT],
    /// The rows with valid codes. Others are scored exactly.
    usable: Mask,
}

/// The measures that bounds need of each row's codes.
#[derive(Clone, Default)]
pub(crate) struct Measures {
    /// One by the length of the codes and the cosine of their angle to the row, at least.
    pub(crate) scales: Vec<f32>,
    /// The tangent of that angle, at most.
    pub(crate) tangents: Vec<f32>,
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            width: if bounds::DIMENSIONS.contains(&dimension) { row_lines(dimension) } else { 0 },
            coarse: [Vec::new(), Vec::new()],
            fine: Vec::new(),
            measures: Default::default(),
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

    /// Where the lines of the strips of some rows are, of which the first is the first of a strip.
    fn strips_of(&self, rows: Range<usize>) -> Range<usize> {
        let width = if self.width == 0 { 0 } else { strip_lines(self.dimension) };
        rows.start / STRIP_ROWS * width..rows.end.div_ceil(STRIP_ROWS) * width
    }

    /// Adds rows at the end, which have no codes yet; there will be so many at most.
    pub(crate) fn resize(&mut self, rows: usize, most: usize) {
        let [lines, most_lines] = [rows, most].map(|rows| self.strips_of(0..rows).end);
        for lines_of in &mut self.coarse {
            make_room(lines_of, lines, most_lines);
            lines_of.resize(lines, Line::default());
        }
        make_room(&mut self.fine, rows * self.width, most * self.width);
        self.fine.resize(rows * self.width, Line::default());
        for measures in &mut self.measures {
            measures.scales.resize(rows, 0.0);
            measures.tangents.resize(rows, 0.0);
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
                let lane = index % STRIP_ROWS;
                let strip = self.strips_of(index - lane..index + 1);
                let place = Place {
                    strips: self.coarse.each_mut().map(|lines| &mut lines[strip.clone()]),
                    lane,
                    fine: &mut self.fine[index * self.width..][..self.width],
                };
                let Encoded { coarse_inverse, two, four, fine_inverse, eight } = T::encode(kernels, row, norm, place);
                let codings = [(two, coarse_inverse), (four, coarse_inverse), (eight, fine_inverse)];
                for (measures, (coding, inverse)) in self.measures.iter_mut().zip(codings) {
                    (measures.scales[index], measures.tangents[index]) = bounds::row_measures(coding, inverse, norm);
                }
                self.measures(Precision::Eight).tangents[index] <= bounds::MAX_TANGENT
            };
            self.usable.set(index, is_usable);
        }
    }

    /// The rows with valid codes.
    pub(crate) fn usable(&self) -> &Mask {
        &self.usable
    }

    /// The fine codes of consecutive rows.
    pub(crate) fn fine(&self, rows: Range<usize>) -> &[Line<u8>] {
        &self.fine[rows.start * self.width..rows.end * self.width]
    }

    /// The upper two bits and the lower two of the coarse codes of consecutive rows, of which the first is the first of a
    /// strip.
    pub(crate) fn coarse(&self, rows: Range<usize>) -> [&[Line<u8>]; 2] {
        let strips = self.strips_of(rows);
        self.coarse.each_ref().map(|lines| &lines[strips.clone()])
    }

    /// The measures that bounds of rows need besides the sums and the norms.
    pub(crate) fn measures(&self, precision: Precision) -> &Measures {
        &self.measures[precision as usize]
    }
}

/// Makes room for so many items in all: for twice as many as before, so that items which come one by one are seldom moved,
/// but for none that will never come.
pub(crate) fn make_room<T>(items: &mut Vec<T>, len: usize, most: usize) {
    if items.capacity() < len {
        items.reserve_exact((2 * items.capacity()).min(most).max(len) - items.len());
    }
}
