//! Resident vectors: the vectors of an index range as a batch in memory, updated at each commit.

use std::{
    collections::BTreeSet,
    mem,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use base::locked;
use scan::{Batch, Row, SortedBatch};
use value::{Array, Object, Value};
use wire::Code;

use crate::{
    data::{
        document::{Change, Document},
        schema::VectorIndex,
        tables::{BY_CREATION_TIME, Index},
        transaction::Transaction,
    },
    error::{Error, Result},
};

/// How many rows are added to a batch at once, which costs less than one by one.
const ROWS_AT_ONCE: usize = 256;

/// A choice of vectors: those of the documents whose first indexed fields equal `prefix`, in the index's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSource {
    /// The table.
    pub table: String,
    /// One of its indexes.
    pub index: String,
    /// The values of its first fields.
    pub prefix: Vec<Value>,
    /// The field that holds the vector.
    pub vector_field: String,
    /// The length of a vector.
    pub dimension: usize,
    /// The field that is the row's id, `_id` included.
    pub id_field: String,
    /// The part that is kept as a row's metadata.
    pub metadata: MetadataSource,
}

/// The part of a document that is a row's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataSource {
    /// The object in this field; an empty object if it is missing.
    Field(String),
    /// An object of these fields.
    Fields(Vec<String>),
}

impl VectorSource {
    /// The vectors of a declared vector index.
    pub(crate) fn of_index(table: &str, index: &VectorIndex) -> Self {
        Self {
            table: table.to_owned(),
            index: BY_CREATION_TIME.to_owned(),
            prefix: Vec::new(),
            vector_field: index.vector_field.clone(),
            dimension: index.dimensions,
            id_field: "_id".to_owned(),
            metadata: MetadataSource::Fields(index.filter_fields.clone()),
        }
    }
}

/// The batches in memory.
#[derive(Default)]
pub(crate) struct ResidentVectors(Mutex<Vec<Resident>>);

struct Resident {
    source: VectorSource,
    table_number: u32,
    /// The source's index. The rows are sorted by its keys.
    index: Index,
    rows: SortedBatch<Vec<u8>>,
}

impl ResidentVectors {
    /// The batch of a source, if it is in memory.
    pub(crate) fn get(&self, source: &VectorSource) -> Option<Arc<Batch>> {
        locked(&self.0)
            .iter()
            .find(|resident| resident.source == *source)
            .map(|resident| Arc::clone(resident.rows.batch()))
    }

    /// Reads a source into memory. It replaces the same source with another dimension, whose index was made again. The
    /// transaction is one that writes, so that nothing is committed meanwhile.
    pub(crate) fn build(&self, source: &VectorSource, transaction: &mut Transaction) -> Result<Arc<Batch>> {
        let Some(resident) = Resident::read(source, transaction)? else {
            return Ok(Arc::new(Batch::new(source.dimension)));
        };
        let batch = Arc::clone(resident.rows.batch());
        let mut residents = locked(&self.0);
        residents.retain(|other| VectorSource { dimension: source.dimension, ..other.source.clone() } != *source);
        residents.push(resident);
        Ok(batch)
    }

    /// Drops the batch of a source that won't be requested again.
    pub(crate) fn forget(&self, source: &VectorSource) {
        locked(&self.0).retain(|resident| resident.source != *source);
    }

    /// Drops all batches. Those that are requested again are read anew.
    pub(crate) fn forget_all(&self) {
        locked(&self.0).clear();
    }

    /// The number of vectors in memory.
    pub(crate) fn vectors(&self) -> usize {
        locked(&self.0).iter().map(|resident| resident.rows.batch().len()).sum()
    }

    /// Applies a commit to the batches. Batches of tables whose writes aren't in the commit's changes are dropped, to
    /// be read again.
    pub(crate) fn apply(&self, changes: &[Change], rewritten: &BTreeSet<String>) {
        let mut residents = locked(&self.0);
        residents.retain(|resident| !rewritten.contains(&resident.source.table));
        for resident in &mut *residents {
            let number = resident.table_number;
            resident.apply(changes.iter().filter(|change| change.table_number == number));
        }
    }
}

impl Resident {
    /// `None` for a table that doesn't exist.
    fn read(source: &VectorSource, transaction: &mut Transaction) -> Result<Option<Self>> {
        let Some(table) = transaction.tables.get(&source.table).map(Arc::clone) else { return Ok(None) };
        let index = table.index(&source.index).ok_or_else(|| {
            Error::says(Code::IndexNotFoundError, &[&format_args!("{}.{}", source.table, source.index)])
        })?;
        if source.prefix.len() > index.fields.len() {
            return Err(Error::function(
                Code::InvalidIndexRange,
                format!("Index {}.{} has the fields {:?} only.", source.table, source.index, index.fields),
            ));
        }
        let mut resident = Self {
            source: source.clone(),
            table_number: table.number,
            index: index.clone(),
            rows: SortedBatch::new(source.dimension),
        };
        let mut start = Vec::new();
        for value in &source.prefix {
            value::sort_key::push(&mut start, Some(value));
        }
        let end = value::sort_key::after_prefix(&start);
        let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
        transaction.scan(table.number, index.id, (&start, &end), false, |key, document| {
            rows.push((key.to_vec(), row(source, &document)));
            if rows.len() == ROWS_AT_ONCE {
                resident.rows.extend(mem::replace(&mut rows, Vec::with_capacity(ROWS_AT_ONCE)));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        resident.rows.extend(rows);
        Ok(Some(resident))
    }

    /// Follows writes, in their order.
    fn apply<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) {
        let mut written = Vec::new();
        for change in changes {
            let held = |document: &&Document| self.holds(document);
            let (before, after) = (change.before.as_ref().filter(held), change.after.as_ref().filter(held));
            let key = after.map(|document| document.index_key(&self.index));
            if let Some(before) = before.map(|document| document.index_key(&self.index))
                && key.as_ref() != Some(&before)
            {
                self.put(mem::take(&mut written));
                self.rows.remove(&before);
            }
            if let (Some(key), Some(after)) = (key, after) {
                written.push((key, row(&self.source, after)));
            }
        }
        self.put(written);
    }

    /// Sets the rows of keys. Without rows, the batch isn't copied.
    fn put(&mut self, rows: Vec<(Vec<u8>, Row)>) {
        if !rows.is_empty() {
            self.rows.extend(rows);
        }
    }

    /// Whether a document is in the source's range.
    fn holds(&self, document: &Document) -> bool {
        let prefix = self.index.fields.iter().zip(&self.source.prefix);
        prefix.into_iter().all(|(field, value)| document.field(field).as_ref() == Some(value))
    }
}

fn row(source: &VectorSource, document: &Document) -> Row {
    let id = match document.field(&source.id_field) {
        Some(Value::String(id)) => id,
        _ => document.id.to_string(),
    };
    let metadata = match &source.metadata {
        MetadataSource::Field(field) => document.fields.get(field).cloned().unwrap_or_else(|| Object::new().into()),
        MetadataSource::Fields(fields) => {
            let kept = fields.iter().filter_map(|field| Some((field.clone(), document.field(field)?)));
            Value::Object(kept.collect())
        }
    };
    let vector = match document.fields.get(&source.vector_field) {
        Some(Value::Array(Array::Packed(numbers))) => Some(numbers.clone()),
        Some(Value::Array(array)) => array.numbers(),
        _ => None,
    };
    Row { id: id.into(), vector, metadata: Arc::new(metadata) }
}
