//! Outlines: the rows of a batch in few numbers, whose codes the first pass reads instead of theirs.
//!
//! Embeddings lie along far fewer directions than they have numbers. So 128 numbers decide about most rows: how far the row
//! lies along each of 127 directions, and how much of it lies outside of them all. They are a vector of their own, with coarse
//! codes like any other's, and no two rows are more alike than their outlines are (`bounds`).
//!
//! A batch gets them once queries went over so many rows that this took as long as it takes to learn the directions: then
//! the rows of one chunk with each query, or with each few of several at once. So a batch that is asked a few times doesn't pay
//! for what it won't use, and no call is kept waiting for long. Rows that are added later get theirs at once, along the
//! same directions. A batch that is compacted once it has four times as many rows learns anew.
//!
//! Where much of the rows lies outside of any 127 directions, there are no outlines, and bits of all components are read.

mod directions;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    Values,
    arch::{Kernels, Line, Number, OUTLINE, row_lines},
    bounds::{CodedQuery, CodedVector},
    codes::Coarse,
};

pub(crate) use directions::{Directions, SAMPLE};

/// The codes of the outlines of a chunk's rows.
#[derive(Clone)]
pub(crate) struct Outlines {
    directions: Arc<Directions>,
    coarse: Coarse,
}

impl Outlines {
    /// Those of no rows.
    pub(crate) fn new(directions: Arc<Directions>) -> Self {
        Self { directions, coarse: Coarse::new(OUTLINE) }
    }

    /// Adds rows at the end, which have no outlines yet; there will be so many at most.
    pub(crate) fn resize(&mut self, rows: usize, most: usize) {
        self.coarse.resize(rows, most);
    }

    /// Writes the codes of rows, from `first` on.
    pub(crate) fn write(&mut self, kernels: &Kernels, first: usize, values: Values) {
        match values {
            Values::F32(values) => self.encode(kernels, first, values),
            Values::F64(values) => self.encode(kernels, first, values),
        }
    }

    fn encode<T: Number>(&mut self, kernels: &Kernels, first: usize, values: &[T]) {
        let length = self.directions.length();
        // Outlines have no second pass.
        let mut fine = [Line::default(); row_lines(OUTLINE)];
        let mut wide = Vec::new();
        for (index, row) in (first..).zip(values.chunks_exact(self.directions.dimension())) {
            wide.clear();
            wide.extend(row.iter().map(|&x| x.into()));
            // A row beyond the range has no codes either, so the first pass doesn't ask for its outline.
            if let Some(coded) = CodedVector::new(kernels, &wide) {
                let outline = self.directions.outline(kernels, &coded);
                self.coarse.encode(kernels, index, (&outline, length), &mut fine);
            }
        }
    }

    /// The codes.
    pub(crate) fn coarse(&self) -> &Coarse {
        &self.coarse
    }
}

/// The outline of a query that is ready.
pub(crate) fn outlined(kernels: &Kernels, directions: &Directions, coded: &CodedQuery) -> Option<CodedQuery> {
    let outline = directions.outline(kernels, coded.vector()).map(f64::from);
    coded.outline(kernels, &outline, directions.slack())
}

/// Scales a row to the length 1; one without codes becomes 0.
pub(crate) fn to_unit<T: Number>(row: &[T], norm: f64, unit: &mut [f32]) {
    if T::CODED.contains(&norm) {
        let inverse = T::from_f64(norm.recip());
        unit.iter_mut().zip(row).for_each(|(unit, x)| *unit = x.times(inverse));
    } else {
        unit.fill(0.0);
    }
}

/// When the rows of a batch get outlines; the same for all copies of it.
#[derive(Default)]
pub(crate) struct Outlining {
    /// How many rows were gone over, for each query, that would have been bounded by outlines.
    rows: AtomicUsize,
    learnt: OnceLock<Learnt>,
    /// Held by the thread that makes outlines.
    turn: Mutex<()>,
}

struct Learnt {
    /// How many rows the batch had.
    len: usize,
    /// `None` if outlines don't pay.
    directions: Option<Arc<Directions>>,
}

impl Outlining {
    /// After how many rows directions are learnt. It takes about as long to bound so many.
    const ROWS: usize = 8 << 20;

    /// How many times as many rows as when directions were learnt may be of another kind.
    const OUTGROWN: usize = 4;

    /// Whether enough rows were gone over, these included.
    pub(crate) fn is_due(&self, rows: usize) -> bool {
        let before = self.rows.load(Ordering::Relaxed);
        before >= Self::ROWS || self.rows.fetch_add(rows, Ordering::Relaxed).saturating_add(rows) >= Self::ROWS
    }

    /// The turn to make outlines; `None` while another thread has it, which isn't waited for.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }

    /// The directions, if they were learnt and pay.
    pub(crate) fn directions(&self) -> Option<&Arc<Directions>> {
        self.learnt.get()?.directions.as_ref()
    }

    /// The directions, which are learnt the first time; `None` if they don't pay.
    pub(crate) fn learn(&self, len: usize, learn: impl FnOnce() -> Option<Directions>) -> Option<&Arc<Directions>> {
        let learnt = self.learnt.get_or_init(|| Learnt { len, directions: learn().map(Arc::new) });
        learnt.directions.as_ref()
    }

    /// Whether a batch has so many rows now that others may be typical.
    pub(crate) fn is_outgrown(&self, len: usize) -> bool {
        self.learnt.get().is_some_and(|learnt| len >= Self::OUTGROWN * learnt.len)
    }
}
