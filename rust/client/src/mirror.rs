//! A mirror: the rows of a vector index, kept here and updated by the changes since the last read.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use scan::{Batch, PageEnd, PageError, Place, Row, SortedBatch, decode_rows};
use value::{Array, Packed, Value};

use crate::{
    client::Client,
    error::Result,
    pages::{Description, VectorIndex},
};

/// The rows of an index as they were at a commit.
pub(crate) struct Mirror {
    rows: SortedBatch<Place>,
    /// The place of each id's row, and about how many bytes the row takes.
    places: HashMap<Arc<str>, (Place, usize)>,
    bytes: usize,
    /// The cursor after which changes are read.
    cursor: Option<String>,
    /// The index's description at that commit, and the id of its document; None if the index was deleted.
    index: Option<(String, Description)>,
}

/// The outcome of reading an index for the first time.
pub(crate) enum FirstReading {
    /// The index's rows.
    Rows(Mirror),
    /// There is no such index.
    NoIndex,
    /// The functions can't report changes.
    NotFollowed,
}

/// The pages of a first reading.
#[derive(Default)]
struct FirstPages {
    count: usize,
    /// Ids of rows that had two places.
    twice: HashSet<Arc<str>>,
}

/// The outcome of an update of a mirror.
enum Caught {
    Up,
    /// The changes aren't known, so the rows must be read again.
    Behind,
}

impl Mirror {
    /// Reads an index, and returns how many bytes that took. The index isn't followed if the deployed functions have no
    /// operation for that, or if its ids aren't unique, since changes are told by id.
    pub(crate) fn read(
        client: &Client,
        index: &VectorIndex,
        authorization: Option<&str>,
    ) -> Result<(FirstReading, usize)> {
        let mut mirror =
            Self { rows: SortedBatch::new(0), places: HashMap::new(), bytes: 0, cursor: None, index: None };
        let mut first = FirstPages::default();
        let mut bytes = match client.read_pages_in_bytes(index, authorization, |page| mirror.take(page, &mut first)) {
            Ok(bytes) => bytes,
            Err(error) if error.is_unsupported_operation() => 0,
            Err(error) => return Err(error),
        };
        if mirror.cursor.is_none() {
            // Functions whose first page doesn't give the cursor. It is asked for before they are read.
            bytes += match mirror.follow(client, index, authorization) {
                Ok((_, bytes)) => bytes,
                Err(error) if error.is_unsupported_operation() => return Ok((FirstReading::NotFollowed, bytes)),
                Err(error) => return Err(error),
            };
            mirror.rows = SortedBatch::new(mirror.description().map_or(0, |description| description.dimension));
            if mirror.index.is_some() {
                bytes += client.read_pages(index, authorization, |page| mirror.take(page, &mut first))?;
            }
        }
        if mirror.index.is_none() {
            return Ok((FirstReading::NoIndex, bytes));
        }
        let FirstPages { count, mut twice } = first;
        // One page shows one commit. Between several, rows may have changed.
        let (caught, more) = match count {
            1 => (Caught::Up, 0),
            _ => mirror.follow_and(client, index, authorization, |id| {
                twice.remove(id);
            })?,
        };
        match caught {
            Caught::Up if twice.is_empty() => Ok((FirstReading::Rows(mirror), bytes + more)),
            Caught::Up => Ok((FirstReading::NotFollowed, bytes + more)),
            Caught::Behind => {
                let (reading, again) = Self::read(client, index, authorization)?;
                Ok((reading, bytes + more + again))
            }
        }
    }

    /// Adds the rows of a page. The first one may give the index's description and the cursor. Without them nothing is
    /// added, and no further page is read.
    fn take(&mut self, page: &[u8], first: &mut FirstPages) -> Result<PageEnd, PageError> {
        let (rows, end) = decode_rows(page)?;
        if let Some(changes) = end.changes.as_ref().and_then(Value::as_object) {
            self.cursor = changes.get("since").and_then(Value::as_str).map(str::to_owned);
            self.index = changes.get("index").and_then(identified);
            self.rows = SortedBatch::new(self.description().map_or(0, |description| description.dimension));
        }
        if self.index.is_none() {
            return Ok(PageEnd { has_more: false, ..end });
        }
        first.count += 1;
        for (place, row) in &rows {
            if self.note(place, row).is_some() {
                // If the row was deleted and written again while pages were read, it is among the changes since.
                first.twice.insert(Arc::clone(&row.id));
            }
        }
        self.rows.extend(rows);
        Ok(end)
    }

    /// Applies the changes, and returns how many bytes that took. False if the index must be read again.
    pub(crate) fn refresh(
        &mut self,
        client: &Client,
        index: &VectorIndex,
        authorization: Option<&str>,
    ) -> Result<(bool, usize)> {
        let (caught, bytes) = self.follow(client, index, authorization)?;
        Ok((matches!(caught, Caught::Up), bytes))
    }

    /// The index's description; None if it was deleted.
    pub(crate) fn description(&self) -> Option<&Description> {
        self.index.as_ref().map(|(_, description)| description)
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows.
    pub(crate) fn batch(&self) -> &Arc<Batch> {
        self.rows.batch()
    }

    fn follow(&mut self, client: &Client, index: &VectorIndex, authorization: Option<&str>) -> Result<(Caught, usize)> {
        self.follow_and(client, index, authorization, |_| {})
    }

    /// Follows the changes to the last commit, and calls `changed` with each changed row's id. Each page is applied
    /// whole, so that after an error the next call continues behind it.
    fn follow_and(
        &mut self,
        client: &Client,
        index: &VectorIndex,
        authorization: Option<&str>,
        mut changed: impl FnMut(&str),
    ) -> Result<(Caught, usize)> {
        let mut caught = Caught::Up;
        let bytes = client.read_changes(index, self.cursor.clone(), authorization, |page| {
            let (rows, end) = decode_rows(page)?;
            let said = end.changes.as_ref().and_then(Value::as_object);
            let field = |name| said.and_then(|said| said.get(name));
            let is_known = field("isKnown") == Some(&Value::Boolean(true));
            let described = field("index").and_then(identified);
            // Another id means that the index was made again, perhaps on another deployment at the same URL.
            let is_same = self.index.as_ref().map(|(id, _)| id) == described.as_ref().map(|(id, _)| id);
            if self.cursor.is_some() && !(is_known && is_same) {
                caught = Caught::Behind;
                return Ok(PageEnd { has_more: false, ..end });
            }
            self.index = described;
            if let Some(Value::Array(Array::Values(deleted))) = field("deleted") {
                for id in deleted.iter().filter_map(Value::as_str) {
                    changed(id);
                    self.forget(id);
                }
            }
            for (place, row) in rows {
                changed(&row.id);
                self.note(&place, &row);
                self.rows.set(place, row);
            }
            self.cursor.clone_from(&end.continuation_cursor);
            Ok(end)
        });
        match bytes {
            // The rows of one transaction have grown since, and are more than can be read at once.
            Err(error) if self.cursor.is_some() && error.may_be_too_much() => Ok((Caught::Behind, 0)),
            bytes => Ok((caught, bytes?)),
        }
    }

    /// Notes a row's place. If its id had another place, the row there is removed, and that place is returned.
    fn note(&mut self, place: &Place, row: &Row) -> Option<Place> {
        let bytes = bytes_of(row);
        self.bytes += bytes;
        let (other, bytes_before) = self.places.insert(Arc::clone(&row.id), (place.clone(), bytes))?;
        self.bytes -= bytes_before;
        if other == *place {
            return None;
        }
        self.rows.remove(&other);
        Some(other)
    }

    fn forget(&mut self, id: &str) {
        if let Some((place, bytes)) = self.places.remove(id) {
            self.bytes -= bytes;
            self.rows.remove(&place);
        }
    }
}

/// About how much memory a row takes: its numbers with their codes, its outline, its id twice, its place and norms, its
/// metadata.
pub(crate) fn bytes_of(row: &Row) -> usize {
    let numbers = match &row.vector {
        Some(Packed::F32(numbers)) => 6 * numbers.len(),
        Some(Packed::F64(numbers)) => 10 * numbers.len(),
        None => 0,
    };
    numbers + 2 * row.id.len() + 256 + heap_bytes(&row.metadata)
}

/// About how much memory a value takes beside itself.
fn heap_bytes(value: &Value) -> usize {
    /// The size of a map's node, which has room for eleven fields.
    const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>());
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(Array::Packed(numbers)) => 8 * numbers.len(),
        Value::Array(Array::Values(items)) => items.iter().map(|item| size_of::<Value>() + heap_bytes(item)).sum(),
        Value::Object(fields) => {
            let nodes = fields.len().div_ceil(6) * NODE;
            nodes + fields.iter().map(|(name, field)| name.len() + heap_bytes(field)).sum::<usize>()
        }
        _ => 0,
    }
}

/// The id of the document that lists an index, and its description.
fn identified(index: &Value) -> Option<(String, Description)> {
    let id = index.as_object()?.get("_id")?.as_str()?.to_owned();
    Some((id, Description::of_row(index)?))
}
