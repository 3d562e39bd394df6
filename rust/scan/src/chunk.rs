//! A run of consecutive rows: the unit that is shared between batches and copied on write.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, OnceLock},
};

use value::{Packed, Value};

use crate::{
    Filter, Mask, Matrix, Row, Values,
    arch::{self, Line},
    bounds::{Measured, Precision},
    codes::{Coarse, Codes, Measures, make_room},
    filter::Columns,
    norms::norms,
    outlines::{Directions, Outlines},
    panels::Panels,
};

/// Consecutive rows of a batch. Each has a slot of `dimension` numbers, also where its vector is missing or of another
/// length; such a slot holds zeros and the vector, if any, is among `others`.
#[derive(Clone)]
pub(crate) struct Chunk {
    dimension: usize,
    slots: Slots,
    /// The square root of each row's sum of squares, summed in order: the `sqrt(mag_b)` of the reference.
    norms: Vec<f64>,
    codes: Codes,
    outlines: OnceLock<Outlines>,
    panels: Panels,
    /// Rows that weren't removed.
    live: Mask,
    /// Rows whose vector has the batch's dimension and only finite components.
    finite: Mask,
    /// `None`: the row's position as text.
    ids: Vec<Option<Arc<str>>>,
    /// `None`: an empty object.
    metadata: Vec<Option<Arc<Value>>>,
    columns: Columns,
    others: BTreeMap<usize, Option<Packed>>,
}

#[derive(Clone)]
enum Slots {
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Rows of a borrowed matrix, from `first` on.
    Borrowed {
        matrix: Arc<dyn Matrix>,
        first: usize,
    },
}

impl Chunk {
    /// A chunk without rows. They are going to have outlines if there are directions.
    pub(crate) fn new(dimension: usize, directions: Option<&Arc<Directions>>) -> Self {
        Self {
            dimension,
            slots: Slots::F32(Vec::new()),
            norms: Vec::new(),
            codes: Codes::new(dimension),
            outlines: directions.map(|directions| Outlines::new(Arc::clone(directions)).into()).unwrap_or_default(),
            panels: Panels::default(),
            live: Mask::none(0),
            finite: Mask::none(0),
            ids: Vec::new(),
            metadata: Vec::new(),
            columns: Columns::default(),
            others: BTreeMap::new(),
        }
    }

    /// The rows of a matrix from `first` on, as many as there are ids. The vectors aren't copied.
    pub(crate) fn borrowed(
        dimension: usize,
        matrix: Arc<dyn Matrix>,
        first: usize,
        ids: Vec<Option<Arc<str>>>,
        metadata: Vec<Option<Arc<Value>>>,
    ) -> Self {
        let len = ids.len();
        let mut chunk = Self {
            dimension,
            slots: Slots::Borrowed { matrix, first },
            norms: Vec::new(),
            codes: Codes::new(dimension),
            outlines: OnceLock::new(),
            panels: Panels::default(),
            live: Mask::from_fn(len, |_| true),
            finite: Mask::none(0),
            ids,
            metadata,
            columns: Columns::default(),
            others: BTreeMap::new(),
        };
        let norms = match chunk.values() {
            Values::F32(values) => norms(arch::kernels(), values, dimension, len),
            Values::F64(values) => norms(arch::kernels(), values, dimension, len),
        };
        chunk.finite = Mask::from_fn(len, |row| norms[row].is_finite() || chunk.is_finite(row));
        chunk.codes = Codes::of(dimension, chunk.values(), &norms);
        chunk.norms = norms;
        chunk
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn live(&self) -> &Mask {
        &self.live
    }

    pub(crate) fn finite(&self) -> &Mask {
        &self.finite
    }

    pub(crate) fn norms(&self) -> &[f64] {
        &self.norms
    }

    /// The slots in panels, if they are there.
    pub(crate) fn panels(&self) -> Option<Values<'_>> {
        self.panels.of(self.values(), self.dimension)
    }

    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Whether its rows have outlines.
    pub(crate) fn has_outlines(&self) -> bool {
        self.outlines.get().is_some()
    }

    /// Gives its rows outlines.
    pub(crate) fn outline(&self, directions: &Arc<Directions>) {
        self.outlines.get_or_init(|| {
            let mut outlines = Outlines::new(Arc::clone(directions));
            outlines.resize(self.len(), self.len());
            outlines.write(arch::kernels(), 0, self.values());
            outlines
        });
    }

    /// The coarse codes for a precision.
    fn coarse(&self, precision: Precision) -> &Coarse {
        if precision == Precision::Outline {
            self.outlines.get().expect("only outlines that all rows have are read").coarse()
        } else {
            self.codes.coarse()
        }
    }

    /// The upper two bits and the lower two of coarse codes of some rows, of which the first is the first of a strip.
    pub(crate) fn halves(&self, precision: Precision, rows: Range<usize>) -> [&[Line<u8>]; 2] {
        self.coarse(precision).halves(rows)
    }

    /// The measures that bounds of some rows need besides the sums.
    pub(crate) fn measured(&self, precision: Precision, rows: Range<usize>) -> Measured<&[f32], &[f64]> {
        let Measures { scales, tangents } = match precision {
            Precision::Upper | Precision::Eight => self.codes.measures(),
            _ => self.coarse(precision).measures(precision),
        };
        Measured { scale: &scales[rows.clone()], tangent: &tangents[rows.clone()], norm: &self.norms[rows] }
    }

    /// The same of one row, by its fine codes.
    pub(crate) fn measured_row(&self, row: usize) -> Measured<f32, f64> {
        let Measures { scales, tangents } = self.codes.measures();
        Measured { scale: scales[row], tangent: tangents[row], norm: self.norms[row] }
    }

    pub(crate) fn id(&self, row: usize) -> Option<Arc<str>> {
        self.ids[row].clone()
    }

    pub(crate) fn metadata(&self, row: usize) -> Option<&Arc<Value>> {
        self.metadata[row].as_ref()
    }

    /// Writes which rows match a filter, 64 a word.
    pub(crate) fn matching(&self, filter: &Filter, words: &mut [u64]) {
        words.copy_from_slice(self.live.words());
        filter.narrow(&self.columns, &self.metadata, words);
    }

    /// The slots of all rows.
    pub(crate) fn values(&self) -> Values<'_> {
        match &self.slots {
            Slots::F32(values) => Values::F32(values),
            Slots::F64(values) => Values::F64(values),
            Slots::Borrowed { matrix, first } => {
                let range = first * self.dimension..(first + self.len()) * self.dimension;
                match matrix.values() {
                    Values::F32(values) => Values::F32(&values[range]),
                    Values::F64(values) => Values::F64(&values[range]),
                }
            }
        }
    }

    pub(crate) fn vector(&self, row: usize) -> Option<Packed> {
        if let Some(other) = self.others.get(&row) {
            return other.clone();
        }
        let range = row * self.dimension..(row + 1) * self.dimension;
        Some(match self.values() {
            Values::F32(values) => Packed::from_f32(&values[range]),
            Values::F64(values) => Packed::from_f64(&values[range]),
        })
    }

    /// Adds rows at the end, up to as many as a chunk has.
    pub(crate) fn extend(&mut self, rows: impl ExactSizeIterator<Item = Row>, chunk_rows: usize) {
        let (first, len) = (self.len(), self.len() + rows.len());
        self.own();
        let [numbers, most] = [len, chunk_rows].map(|rows| rows * self.dimension);
        match &mut self.slots {
            Slots::F32(values) => make_room(values, numbers, most),
            Slots::F64(values) => make_room(values, numbers, most),
            Slots::Borrowed { .. } => unreachable!("the slots were copied"),
        }
        self.norms.resize(len, 0.0);
        self.codes.resize(len, chunk_rows);
        if let Some(outlines) = self.outlines.get_mut() {
            outlines.resize(len, chunk_rows);
        }
        self.ids.resize(len, None);
        self.metadata.resize(len, None);
        for (position, row) in (first..).zip(rows) {
            self.live.push(true);
            self.finite.push(false);
            self.put(position, row);
        }
        self.measure(first..len);
    }

    pub(crate) fn replace(&mut self, position: usize, row: Row) {
        self.own();
        self.live.set(position, true);
        self.put(position, row);
        self.measure(position..position + 1);
    }

    /// Keeps a row, its vector in its slot or among the others.
    fn put(&mut self, position: usize, row: Row) {
        self.ids[position] = Some(row.id);
        self.metadata[position] = Some(row.metadata);
        self.columns = Columns::default();
        self.others.remove(&position);
        match row.vector {
            Some(vector) if vector.len() == self.dimension => self.write(position, &vector),
            other => {
                self.others.insert(position, other);
                self.write(position, &Packed::F32(vec![0.0; self.dimension].into()));
            }
        }
    }

    /// Computes what depends on the slots of some rows.
    fn measure(&mut self, rows: Range<usize>) {
        self.panels = Panels::default();
        let (kernels, dimension, count) = (arch::kernels(), self.dimension, rows.len());
        let slots = rows.start * dimension..rows.end * dimension;
        let (norms, values) = match &self.slots {
            Slots::F32(values) => {
                (norms(kernels, &values[slots.clone()], dimension, count), Values::F32(&values[slots]))
            }
            Slots::F64(values) => {
                (norms(kernels, &values[slots.clone()], dimension, count), Values::F64(&values[slots]))
            }
            Slots::Borrowed { .. } => unreachable!("the slots were copied"),
        };
        self.codes.write(rows.start, values, &norms);
        if let Some(outlines) = self.outlines.get_mut() {
            outlines.write(kernels, rows.start, values);
        }
        for (row, norm) in rows.zip(norms) {
            self.norms[row] = norm;
            let finite = !self.others.contains_key(&row) && (norm.is_finite() || self.is_finite(row));
            self.finite.set(row, finite);
        }
    }

    /// Marks a row as removed, and frees its data beside the slot. Returns whether the row was there.
    pub(crate) fn remove(&mut self, row: usize) -> bool {
        let was_live = self.live.contains(row);
        self.live.set(row, false);
        self.metadata[row] = None;
        was_live
    }

    /// Copies borrowed slots, so that they can be written to.
    fn own(&mut self) {
        let owned = match (&self.slots, self.values()) {
            (Slots::Borrowed { .. }, Values::F32(values)) => Slots::F32(values.to_vec()),
            (Slots::Borrowed { .. }, Values::F64(values)) => Slots::F64(values.to_vec()),
            _ => return,
        };
        self.slots = owned;
    }

    /// Writes a vector of the chunk's dimension into a slot, or into the next one; float64 numbers widen the whole chunk.
    fn write(&mut self, row: usize, vector: &Packed) {
        if let (Slots::F32(values), Packed::F64(_)) = (&self.slots, vector) {
            // The room is for rows to come.
            let mut wide = Vec::with_capacity(values.capacity());
            wide.extend(values.iter().map(|&x| f64::from(x)));
            self.slots = Slots::F64(wide);
        }
        let first = row * self.dimension;
        match (&mut self.slots, vector) {
            (Slots::F32(values), Packed::F32(vector)) => write_from(values, first, vector.iter().copied()),
            (Slots::F64(values), Packed::F64(vector)) => write_from(values, first, vector.iter().copied()),
            (Slots::F64(values), Packed::F32(vector)) => write_from(values, first, vector.iter().map(|&x| x.into())),
            (Slots::F32(_), Packed::F64(_)) => unreachable!("the chunk was widened"),
            (Slots::Borrowed { .. }, _) => unreachable!("the slots were copied"),
        }
    }

    fn is_finite(&self, row: usize) -> bool {
        let range = row * self.dimension..(row + 1) * self.dimension;
        match self.values() {
            Values::F32(values) => values[range].iter().all(|x| x.is_finite()),
            Values::F64(values) => values[range].iter().all(|x| x.is_finite()),
        }
    }
}

/// Overwrites the items from `first` on; appends if `first` is the end.
fn write_from<T>(values: &mut Vec<T>, first: usize, numbers: impl Iterator<Item = T>) {
    if first == values.len() {
        values.extend(numbers);
    } else {
        values[first..].iter_mut().zip(numbers).for_each(|(slot, number)| *slot = number);
    }
}
