//! A batch: the rows of one vector index in stored order.

use std::{
    fmt,
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
};

use value::{Packed, Value};

use crate::{
    Filter, Mask,
    arch::{self, OUTLINE},
    chunk::Chunk,
    outlines::{Directions, Outlining, SAMPLE, to_unit},
};

/// One row as it is handed in.
#[derive(Clone, Debug)]
pub struct Row {
    /// The caller's name for the row. A batch doesn't read it.
    pub id: Arc<str>,
    /// Its vector. A row without one, or with one of another length than the batch's dimension, never ranks.
    pub vector: Option<Packed>,
    /// The metadata that filters compare, usually an object.
    pub metadata: Arc<Value>,
}

/// Vectors in memory of another owner, such as an array of Python's.
///
/// The numbers mustn't change while a batch uses them: their norms are computed once.
pub trait Matrix: Send + Sync {
    /// All numbers, one row after the other; the same slice each time.
    fn values(&self) -> Values<'_>;
}

/// Numbers of vectors, one row after the other.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// In float32.
    F32(&'a [f32]),
    /// In float64.
    F64(&'a [f64]),
}

impl Values<'_> {
    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Matrix for Vec<f32> {
    fn values(&self) -> Values<'_> {
        Values::F32(self)
    }
}

impl Matrix for Vec<f64> {
    fn values(&self) -> Values<'_> {
        Values::F64(self)
    }
}

/// Why a matrix can't be a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The numbers don't make whole rows.
    #[error("the vectors hold {values} numbers, which is not a multiple of the dimension {dimension}")]
    Ragged {
        /// How many numbers there are.
        values: usize,
        /// The length of a row.
        dimension: usize,
    },
    /// The number of ids differs from that of rows.
    #[error("ids length ({ids}) must match vectors length ({rows})")]
    Ids {
        /// How many ids there are.
        ids: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// The number of metadata objects differs from that of rows.
    #[error("metadata length ({metadata}) must match vectors length ({rows})")]
    Metadata {
        /// How many metadata objects there are.
        metadata: usize,
        /// How many rows there are.
        rows: usize,
    },
}

/// The rows of one vector index in stored order.
///
/// A row keeps its position until [`Batch::compact`]. Cloning is cheap: rows are shared in chunks, and a write copies
/// the one chunk it touches, so that a reader keeps a snapshot while a writer goes on.
#[derive(Clone)]
pub struct Batch {
    dimension: usize,
    chunk_rows: usize,
    /// All but the last hold `chunk_rows` rows.
    chunks: Vec<Arc<Chunk>>,
    positions: usize,
    len: usize,
    outlining: Arc<Outlining>,
}

/// The metadata of a row without any.
static NO_METADATA: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::from([])));

/// An empty object, the same one each time.
pub(crate) fn no_metadata() -> Arc<Value> {
    Arc::clone(&NO_METADATA)
}

/// The size a chunk of float32 rows aims at: what one write may have to copy. 512 KiB takes some 20 µs, and the chunks
/// of 100 000 rows of 768 numbers are still few enough (600) for a clone to take microseconds.
const CHUNK_BYTES: usize = 512 * 1024;

/// The rows of such a chunk at most, so that their ids are copied quickly.
const CHUNK_ROWS: usize = 1024;

/// The size of a chunk of borrowed rows, which aren't written to. With fewer chunks, a search waits less often for
/// memory elsewhere. Over a million rows of 384 numbers it takes three quarters of the time.
const BORROWED_CHUNK_BYTES: usize = 8 * 1024 * 1024;

/// The lengths of rows that may have outlines. Those of shorter rows would be longer than two bits of them; of longer ones
/// the sample that directions are learnt of would be large.
const OUTLINED_DIMENSIONS: RangeInclusive<usize> = 2 * OUTLINE..=4096;

/// Rows of a chunk of so many bytes: whole words of a [`Mask`].
fn chunk_rows(dimension: usize, bytes: usize) -> usize {
    let rows = bytes / size_of::<f32>() / dimension.max(1);
    (rows / 64 * 64).max(64)
}

impl Batch {
    /// A batch without rows.
    #[must_use]
    pub fn new(dimension: usize) -> Self {
        let chunk_rows = chunk_rows(dimension, CHUNK_BYTES).min(CHUNK_ROWS);
        Self { dimension, chunk_rows, chunks: Vec::new(), positions: 0, len: 0, outlining: Arc::default() }
    }

    /// A batch over a whole matrix, which is borrowed, not copied. Ids default to row numbers as text, metadata to
    /// empty objects.
    ///
    /// # Errors
    ///
    /// If the numbers aren't whole rows, or there are more or fewer ids or metadata objects than rows.
    #[expect(clippy::needless_pass_by_value, reason = "the batch keeps the matrix, in as many copies as it has chunks")]
    pub fn from_matrix(
        dimension: usize,
        matrix: Arc<dyn Matrix>,
        ids: Option<Vec<Arc<str>>>,
        metadata: Option<Vec<Arc<Value>>>,
    ) -> Result<Self, BatchError> {
        let values = matrix.values().len();
        let rows = match values.checked_div(dimension) {
            Some(rows) if rows * dimension == values => rows,
            // Rows of nothing can't be counted by their numbers.
            None if values == 0 => ids.as_ref().map(Vec::len).or(metadata.as_ref().map(Vec::len)).unwrap_or(0),
            _ => return Err(BatchError::Ragged { values, dimension }),
        };
        if let Some(ids) = ids.as_ref().map(Vec::len).filter(|&ids| ids != rows) {
            return Err(BatchError::Ids { ids, rows });
        }
        if let Some(metadata) = metadata.as_ref().map(Vec::len).filter(|&metadata| metadata != rows) {
            return Err(BatchError::Metadata { metadata, rows });
        }
        let mut batch = Self { chunk_rows: chunk_rows(dimension, BORROWED_CHUNK_BYTES), ..Self::new(dimension) };
        let mut ids = ids.into_iter().flatten();
        let mut metadata = metadata.into_iter().flatten();
        for first in (0..rows).step_by(batch.chunk_rows) {
            let len = batch.chunk_rows.min(rows - first);
            batch.chunks.push(Arc::new(Chunk::borrowed(
                dimension,
                Arc::clone(&matrix),
                first,
                (0..len).map(|_| ids.next()).collect(),
                (0..len).map(|_| metadata.next()).collect(),
            )));
        }
        batch.positions = rows;
        batch.len = rows;
        Ok(batch)
    }

    /// Adds a row after all others.
    pub fn push(&mut self, row: Row) {
        self.extend([row]);
    }

    /// Adds rows after all others, in less time than one by one.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row, IntoIter: ExactSizeIterator>) {
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let taken = self.positions % self.chunk_rows;
            if taken == 0 {
                if self.outlining.directions().is_none() && self.outlining.is_outgrown(self.len) {
                    self.outlining = Arc::default();
                }
                self.chunks.push(Arc::new(Chunk::new(self.dimension, self.outlining.directions())));
            }
            let count = rows.len().min(self.chunk_rows - taken);
            let chunk = self.chunks.last_mut().expect("a chunk was just added if there was none with room");
            Arc::make_mut(chunk).extend(rows.by_ref().take(count), self.chunk_rows);
            self.positions += count;
            self.len += count;
        }
    }

    /// Puts a row in another's place; a removed one is live again.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn replace(&mut self, position: usize, row: Row) {
        let (chunk, index) = self.chunk_mut(position);
        let was_removed = !chunk.live().contains(index);
        chunk.replace(index, row);
        self.len += usize::from(was_removed);
    }

    /// Removes a row; the positions of others stay. Removing it again changes nothing.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn remove(&mut self, position: usize) {
        let (chunk, index) = self.chunk_mut(position);
        if chunk.remove(index) {
            self.len -= 1;
        }
    }

    /// Frees the positions of removed rows. Positions change, but the order doesn't.
    pub fn compact(&mut self) {
        if self.len == self.positions {
            return;
        }
        let mut compacted = Self::new(self.dimension);
        if !self.outlining.is_outgrown(self.len) {
            compacted.outlining = Arc::clone(&self.outlining);
        }
        let live: Vec<usize> = self.live().collect();
        compacted.extend(live.into_iter().map(|position| self.row(position)));
        *self = compacted;
    }

    /// How many rows there are, without removed ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many positions there are: rows, and removed rows that still take one.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// The length of the vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// A row's id.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    #[must_use]
    pub fn id(&self, position: usize) -> Arc<str> {
        let (chunk, index) = self.chunk(position);
        chunk.id(index).unwrap_or_else(|| position.to_string().into())
    }

    /// A row's metadata; an empty object for a removed row.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    #[must_use]
    pub fn metadata(&self, position: usize) -> Arc<Value> {
        let (chunk, index) = self.chunk(position);
        Arc::clone(chunk.metadata(index).unwrap_or(&NO_METADATA))
    }

    /// A row's vector as it was handed in, also where it never ranks.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    #[must_use]
    pub fn vector(&self, position: usize) -> Option<Packed> {
        let (chunk, index) = self.chunk(position);
        chunk.vector(index)
    }

    /// A row, whole.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    #[must_use]
    pub fn row(&self, position: usize) -> Row {
        Row { id: self.id(position), vector: self.vector(position), metadata: self.metadata(position) }
    }

    /// The positions of the rows in stored order.
    pub fn live(&self) -> impl Iterator<Item = usize> + '_ {
        let firsts = (0..).step_by(self.chunk_rows);
        self.chunks.iter().zip(firsts).flat_map(|(chunk, first)| chunk.live().iter().map(move |index| first + index))
    }

    /// The rows whose metadata matches a filter.
    #[must_use]
    pub fn mask(&self, filter: &Filter) -> Mask {
        let mut mask = Mask::none(self.positions);
        // Chunks but the last have whole words of rows.
        for (chunk, words) in self.chunks.iter().zip(mask.words_mut().chunks_mut(self.chunk_rows / 64)) {
            chunk.matching(filter, words);
        }
        mask
    }

    /// The directions of the outlines, if all rows have outlines.
    pub(crate) fn directions(&self) -> Option<&Directions> {
        let directions = self.outlining.directions()?;
        self.chunks.iter().all(|chunk| chunk.has_outlines()).then_some(directions)
    }

    /// Whether all rows have outlines.
    #[doc(hidden)]
    #[must_use]
    pub fn has_outlines(&self) -> bool {
        self.directions().is_some()
    }

    /// Gives the rows of one more chunk outlines, if queries that would have read them went over enough rows, these
    /// included, and no other thread is at it.
    pub(crate) fn outline_some(&self, rows: usize) {
        if rows > 0
            && self.outlining.is_due(rows)
            && let Some(_turn) = self.outlining.turn()
        {
            self.outline(1);
        }
    }

    /// Gives the rows of so many more chunks outlines, if these pay.
    #[doc(hidden)]
    pub fn outline(&self, chunks: usize) {
        let mut without = self.chunks.iter().filter(|chunk| !chunk.has_outlines()).take(chunks).peekable();
        if OUTLINED_DIMENSIONS.contains(&self.dimension)
            && without.peek().is_some()
            && let Some(directions) = self.outlining.learn(self.len, || self.learn())
        {
            without.for_each(|chunk| chunk.outline(directions));
        }
    }

    /// The directions of rows from everywhere.
    fn learn(&self) -> Option<Directions> {
        let mut sample = Vec::new();
        for position in self.live().step_by(self.len.div_ceil(SAMPLE).max(1)) {
            let (chunk, row) = self.chunk(position);
            if chunk.codes().usable().contains(row) {
                let numbers = row * self.dimension..(row + 1) * self.dimension;
                let (norm, first) = (chunk.norms()[row], sample.len());
                sample.resize(first + self.dimension, 0.0);
                match chunk.values() {
                    Values::F32(values) => to_unit(&values[numbers], norm, &mut sample[first..]),
                    Values::F64(values) => to_unit(&values[numbers], norm, &mut sample[first..]),
                }
            }
        }
        Directions::learn(arch::kernels(), &sample, self.dimension)
    }

    /// Chunks in order with the position of their first row.
    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// How many rows each chunk but the last has.
    pub(crate) fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// The chunk of a position, and the row's place in it.
    pub(crate) fn chunk(&self, position: usize) -> (&Chunk, usize) {
        assert!(position < self.positions, "position {position} of a batch with {} positions", self.positions);
        (&self.chunks[position / self.chunk_rows], position % self.chunk_rows)
    }

    fn chunk_mut(&mut self, position: usize) -> (&mut Chunk, usize) {
        assert!(position < self.positions, "position {position} of a batch with {} positions", self.positions);
        (Arc::make_mut(&mut self.chunks[position / self.chunk_rows]), position % self.chunk_rows)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("dimension", &self.dimension).field("len", &self.len).finish_non_exhaustive()
    }
}
