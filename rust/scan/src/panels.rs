//! Panels: a copy of a chunk's vectors, a column of several rows at a time, for scoring all of them exactly.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    Values,
    arch::{Number, PANEL_ROWS},
};

/// The vectors of a chunk in groups of `PANEL_ROWS` rows, the last one filled up with zeros; in each group first the
/// rows' first components, then their second ones, and so on. An exact kernel then needs no shuffles, and takes half as
/// long.
///
/// They take as much memory as the vectors, and writing them takes as long as three queries save. So they are written
/// when they would be used for the second time: most batches are never asked for so many rows that all must be scored.
#[derive(Default)]
pub(crate) struct Panels {
    was_asked: AtomicBool,
    written: OnceLock<Written>,
}

enum Written {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// A chunk that is copied is about to be written to.
impl Clone for Panels {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Panels {
    /// The panels of these vectors, one after the other; none the first time.
    pub(crate) fn of(&self, values: Values, dimension: usize) -> Option<Values<'_>> {
        if self.written.get().is_none() && !self.was_asked.swap(true, Ordering::Relaxed) {
            return None;
        }
        let written = self.written.get_or_init(|| match values {
            Values::F32(values) => Written::F32(written(values, dimension)),
            Values::F64(values) => Written::F64(written(values, dimension)),
        });
        Some(match written {
            Written::F32(values) => Values::F32(values),
            Written::F64(values) => Values::F64(values),
        })
    }
}

fn written<T: Number>(values: &[T], dimension: usize) -> Vec<T> {
    /// So many columns of a panel fit into the fastest cache.
    const COLUMNS: usize = 32;
    let panel = PANEL_ROWS * dimension;
    let mut panels = vec![T::default(); values.len().div_ceil(panel) * panel];
    for (panel, rows) in panels.chunks_exact_mut(panel).zip(values.chunks(panel)) {
        for (index, columns) in panel.chunks_mut(COLUMNS * PANEL_ROWS).enumerate() {
            for (lane, row) in rows.chunks_exact(dimension).enumerate() {
                for (column, &x) in columns.as_chunks_mut::<PANEL_ROWS>().0.iter_mut().zip(&row[index * COLUMNS..]) {
                    column[lane] = x;
                }
            }
        }
    }
    panels
}
