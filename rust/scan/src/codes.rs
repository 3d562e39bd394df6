//! Codes: the rows of a chunk in fewer bits, which are read instead of the rows.

use std::ops::Range;

use crate::{
    Mask, Values,
    arch::{self, Coding, Encoded, Kernels, Line, Number, Place, STRIP_ROWS, row_lines, strip_lines},
    bounds::{self, Precision},
};

/// Codes of consecutive rows: coarse ones of four bits a component, and fine ones of eight.
///
/// The first pass reads coarse codes, or where these decide about too few rows, fine ones; the second pass reads fine codes
/// of single rows. All take one and a half times `dimension` bytes a row, filled up to
/// whole lines, and 24 for what bounds need. Vectors of few numbers have none: scoring those is as fast.
///
/// They are written with the rows, not at the first search: coding a row takes half as long as scoring it, so even a
/// batch that is built, asked once and dropped is none the slower.
#[derive(Clone)]
pub(crate) struct Codes {
    dimension: usize,
    /// How many lines the fine codes of a row have; 0 if there are no codes.
    width: usize,
    coarse: Coarse,
    fine: Vec<Line<u8>>,
    /// Of the fine codes.
    measures: Measures,
    /// The rows with valid codes. Others are scored exactly.
    usable: Mask,
}

/// Coarse codes of consecutive vectors, four bits a component.
///
/// Of these the first pass reads the upper two bits, of all vectors, and the lower two where it has to. So each pair of bits is
/// kept apart, in strips of a few vectors.
#[derive(Clone)]
pub(crate) struct Coarse {
    /// How many lines a half of a strip has.
    width: usize,
    /// The upper two bits, and the lower two. The last strip may have lanes without a vector.
    halves: [Vec<Line<u8>>; 2],
    /// By the upper two bits, and by all four.
    measures: [Measures; 2],
}

/// The measures that bounds need of each row's codes.
#[derive(Clone, Default)]
pub(crate) struct Measures {
    /// One by the length of the codes and the cosine of their angle to the row, at least.
    pub(crate) scales: Vec<f32>,
    /// The tangent of that angle, at most.
    pub(crate) tangents: Vec<f32>,
}

impl Measures {
    fn resize(&mut self, rows: usize) {
        self.scales.resize(rows, 0.0);
        self.tangents.resize(rows, 0.0);
    }

    fn set(&mut self, row: usize, coding: Coding, inverse: f64, norm: f64) {
        (self.scales[row], self.tangents[row]) = bounds::row_measures(coding, inverse, norm);
    }
}

impl Coarse {
    /// Those of no vectors.
    pub(crate) fn new(dimension: usize) -> Self {
        Self { width: strip_lines(dimension), halves: Default::default(), measures: Default::default() }
    }

    /// Where the lines of the strips of some vectors are, of which the first is the first of a strip.
    fn strips_of(&self, vectors: Range<usize>) -> Range<usize> {
        vectors.start / STRIP_ROWS * self.width..vectors.end.div_ceil(STRIP_ROWS) * self.width
    }

    /// Adds vectors at the end, which have no codes yet; there will be so many at most.
    pub(crate) fn resize(&mut self, vectors: usize, most: usize) {
        let [lines, most_lines] = [vectors, most].map(|vectors| self.strips_of(0..vectors).end);
        for half in &mut self.halves {
            make_room(half, lines, most_lines);
            half.resize(lines, Line::default());
        }
        for measures in &mut self.measures {
            measures.resize(vectors);
        }
    }

    /// Writes the codes of a vector, given its norm, and its fine ones elsewhere.
    pub(crate) fn encode<T: Number>(
        &mut self,
        kernels: &Kernels,
        index: usize,
        (vector, norm): (&[T], f64),
        fine: &mut [Line<u8>],
    ) -> Encoded {
        let lane = index % STRIP_ROWS;
        let strip = self.strips_of(index - lane..index + 1);
        let strips = self.halves.each_mut().map(|half| &mut half[strip.clone()]);
        let encoded = T::encode(kernels, vector, norm, Place { strips, lane, fine });
        for (measures, coding) in self.measures.iter_mut().zip([encoded.two, encoded.four]) {
            measures.set(index, coding, encoded.coarse_inverse, norm);
        }
        encoded
    }

    /// The upper two bits and the lower two of consecutive vectors, of which the first is the first of a strip.
    pub(crate) fn halves(&self, vectors: Range<usize>) -> [&[Line<u8>]; 2] {
        let strips = self.strips_of(vectors);
        self.halves.each_ref().map(|half| &half[strips.clone()])
    }

    /// The measures that bounds need besides the sums and the norms.
    pub(crate) fn measures(&self, precision: Precision) -> &Measures {
        &self.measures[usize::from(precision != Precision::Two)]
    }
}

impl Codes {
    pub(crate) fn new(dimension: usize) -> Self {
        let is_coded = bounds::DIMENSIONS.contains(&dimension);
        Self {
            dimension,
            width: if is_coded { row_lines(dimension) } else { 0 },
            coarse: Coarse::new(if is_coded { dimension } else { 0 }),
            fine: Vec::new(),
            measures: Measures::default(),
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

    /// Adds rows at the end, which have no codes yet; there will be so many at most.
    pub(crate) fn resize(&mut self, rows: usize, most: usize) {
        self.coarse.resize(rows, most);
        make_room(&mut self.fine, rows * self.width, most * self.width);
        self.fine.resize(rows * self.width, Line::default());
        self.measures.resize(rows);
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
                let fine = &mut self.fine[index * self.width..][..self.width];
                let Encoded { fine_inverse, eight, .. } = self.coarse.encode(kernels, index, (row, norm), fine);
                self.measures.set(index, eight, fine_inverse, norm);
                self.measures.tangents[index] <= bounds::MAX_TANGENT
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

    pub(crate) fn coarse(&self) -> &Coarse {
        &self.coarse
    }

    /// The measures of the fine codes.
    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }
}

/// Makes room for so many items in all: for twice as many as before, so that items which come one by one are seldom moved,
/// but for none that will never come.
pub(crate) fn make_room<T>(items: &mut Vec<T>, len: usize, most: usize) {
    if items.capacity() < len {
        items.reserve_exact((2 * items.capacity()).min(most).max(len) - items.len());
    }
}
