//! A page of vectors: one reply of the storage function's paged `queryTable`, or of its `queryChanges`, decoded straight
//! into rows.
//!
//! ```json
//! {"status": "success", "value": {
//!     "ok": true,
//!     "result": [{"_id": "…", "_creationTime": 1.5, "id": "a", "indexName": "docs", "embedding": [0.5, …], "metadata": {…}}, …],
//!     "hasMore": true, "continuationCursor": "…"}, "logLines": []}
//! ```
//!
//! `queryVectors` gives `"float32": {"$bytes": "…"}` or `"float64"` in the place of an embedding: its numbers in
//! little-endian bytes. The inner object alone will do as well. Of what else stands there nothing is looked at, but all must be JSON.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use value::{FLOAT32, FLOAT64, Packed, Value, json::JsonError};

use crate::{Batch, Row, batch::no_metadata, json::JsonReader};

/// A row's place in stored order: by its creation time, then by its document's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `_creationTime`.
    pub creation_time: f64,
    /// `_id`.
    pub document_id: String,
}

impl Eq for Place {}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = self.creation_time.total_cmp(&other.creation_time);
        by_time.then_with(|| self.document_id.cmp(&other.document_id))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The fields of a page besides its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct PageEnd {
    /// How many rows it held.
    pub rows: usize,
    /// Whether there are more pages.
    pub has_more: bool,
    /// Where the next one begins.
    pub continuation_cursor: Option<String>,
    /// The reply of `queryChanges` about changes.
    pub changes: Option<Value>,
}

/// Why a page can't be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The bytes aren't JSON, or don't have the form of a page.
    #[error("page {page}, byte {offset}: {problem}")]
    Malformed {
        /// Which of the pages, from 0.
        page: usize,
        /// How many bytes had been read.
        offset: usize,
        /// The found text, and the expected form.
        problem: String,
    },
    /// The reply is an error of the function.
    #[error("page {page} is an error: {message}")]
    Refused {
        /// Which of the pages, from 0.
        page: usize,
        /// The error's text.
        message: String,
        /// Its code, if it has one.
        code: Option<String>,
    },
}

/// Decodes a page onto the end of a batch.
///
/// Without a batch one is made whose dimension is the length of the first vector. A row whose embedding is missing, of
/// another length, or holds anything but numbers is kept and never ranks. After an error the batch is as before.
///
/// # Errors
///
/// If the bytes aren't a page, or the page is an error's reply.
pub fn decode_page(bytes: &[u8], batch: &mut Option<Batch>) -> Result<PageEnd, PageError> {
    decode_numbered(bytes, batch, 0)
}

/// Decodes a page to its rows, each with its place in stored order.
///
/// # Errors
///
/// As [`decode_page`].
pub fn decode_rows(bytes: &[u8]) -> Result<(Vec<(Place, Row)>, PageEnd), PageError> {
    let mut all = Vec::new();
    let end = decode(bytes, 0, &mut |rows| all.append(rows))?;
    Ok((all, end))
}

impl Batch {
    /// A batch of the rows of some pages, in order. Without any vector its dimension is 0.
    ///
    /// # Errors
    ///
    /// As [`decode_page`], naming the page.
    pub fn from_pages(pages: &[&[u8]]) -> Result<Self, PageError> {
        let mut batch = None;
        for (page, bytes) in pages.iter().enumerate() {
            decode_numbered(bytes, &mut batch, page)?;
        }
        Ok(batch.unwrap_or_else(|| Self::new(0)))
    }
}

fn decode_numbered(bytes: &[u8], batch: &mut Option<Batch>, page: usize) -> Result<PageEnd, PageError> {
    let mut grown = batch.clone();
    let end = decode(bytes, page, &mut |rows| append(rows, &mut grown))?;
    *batch = grown;
    Ok(end)
}

/// Takes some rows of a page out of the vector.
type Take<'a> = &'a mut dyn FnMut(&mut Vec<(Place, Row)>);

fn decode(bytes: &[u8], page: usize, take: Take<'_>) -> Result<PageEnd, PageError> {
    let mut reply = Reply::default();
    let mut json = JsonReader::new(bytes);
    let read = reply.read(&mut json, Level::Envelope, take).and_then(|()| json.end());
    read.map_err(|JsonError { offset, problem }| PageError::Malformed { page, offset, problem })?;
    let Reply { status, ok, error, code, rows, has_more, continuation_cursor, changes } = reply;
    if status.as_deref() == Some("error") || ok == Some(false) {
        let message = error.unwrap_or_else(|| String::from("Unknown Convex error"));
        return Err(PageError::Refused { page, message, code });
    }
    let Some(rows) = rows else {
        let problem = String::from("no rows, expected a list \"result\"");
        return Err(PageError::Malformed { page, offset: bytes.len(), problem });
    };
    Ok(PageEnd { rows, has_more, continuation_cursor, changes })
}

/// Moves rows to a batch. A batch whose dimension isn't known yet, because no row had a vector, gets that of the first
/// vector.
fn append(rows: &mut Vec<(Place, Row)>, batch: &mut Option<Batch>) {
    let first_len = rows.iter().filter_map(|(_, row)| row.vector.as_ref()).map(Packed::len).find(|&len| len > 0);
    if batch.as_ref().is_none_or(|batch| batch.dimension() == 0) && !rows.is_empty() {
        let mut made = Batch::new(first_len.unwrap_or(0));
        if let Some(before) = batch {
            before.live().for_each(|position| made.push(before.row(position)));
        }
        *batch = Some(made);
    }
    if let Some(batch) = batch {
        batch.extend(rows.drain(..).map(|(_, row)| row));
    }
}

/// The parts of a reply that were read.
#[derive(Default)]
struct Reply {
    status: Option<String>,
    ok: Option<bool>,
    /// `errorMessage` of the envelope, or `error` of the inner object.
    error: Option<String>,
    code: Option<String>,
    /// How many rows it holds.
    rows: Option<usize>,
    has_more: bool,
    continuation_cursor: Option<String>,
    changes: Option<Value>,
}

/// An object of a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// The reply itself, which may be the page too.
    Envelope,
    /// Its value.
    Inside,
}

/// The names that are read of a reply's value, and the further ones of the reply itself.
const PAGE: [&str; 7] = ["ok", "error", "code", "result", "changes", "hasMore", "continuationCursor"];
const ENVELOPE: [&str; 3] = ["value", "status", "errorMessage"];

impl Reply {
    fn read(&mut self, json: &mut JsonReader, level: Level, take: Take<'_>) -> Result<(), JsonError> {
        let names = match level {
            Level::Envelope => &[&PAGE[..], &ENVELOPE[..]].concat(),
            Level::Inside => &PAGE[..],
        };
        json.object("a reply of queryTable", names, |json, name| {
            match name {
                "value" => self.read(json, Level::Inside, take)?,
                "status" => self.status = json.value()?,
                "ok" => self.ok = json.value()?,
                "errorMessage" | "error" => self.error = json.value()?,
                "code" => self.code = json.value()?,
                "result" if json.peek() == Some(b'n') => json.value()?,
                "result" if self.rows.is_some() => {
                    return Err(json.error(String::from("a second list of rows, expected one")));
                }
                "result" => self.rows = Some(read_rows(json, take)?),
                "changes" => self.changes = json.value()?,
                "hasMore" => self.has_more = json.value()?,
                "continuationCursor" => self.continuation_cursor = json.value()?,
                _ => unreachable!("a name of a reply"),
            }
            Ok(())
        })
    }
}

/// How many rows are taken at once: the chunks of batches have a multiple of that.
const ROWS_AT_ONCE: usize = 64;

/// Reads a list of rows, and says how many they are.
fn read_rows(json: &mut JsonReader, take: Take<'_>) -> Result<usize, JsonError> {
    let (mut rows, mut count) = (Vec::with_capacity(ROWS_AT_ONCE), 0);
    // One buffer for the numbers of every row: only the packed form is kept.
    let mut numbers = Vec::new();
    json.list("a list of rows", |json| {
        rows.push(read_row(json, count, &mut numbers)?);
        count += 1;
        if rows.len() == ROWS_AT_ONCE {
            take(&mut rows);
        }
        Ok(())
    })?;
    take(&mut rows);
    Ok(count)
}

/// The names that are read of a row.
const ROW: [&str; 7] = ["_id", "_creationTime", "id", "embedding", FLOAT32, FLOAT64, "metadata"];

fn read_row(json: &mut JsonReader, number: usize, numbers: &mut Vec<f64>) -> Result<(Place, Row), JsonError> {
    let (mut id, mut vector, mut metadata) = (None::<String>, None, None::<Value>);
    let mut place = Place { creation_time: 0.0, document_id: String::new() };
    json.object(&format!("row {number} as an object"), &ROW, |json, name| {
        match name {
            "_id" => place.document_id = json.value()?,
            "_creationTime" => place.creation_time = json.value()?,
            "id" => id = Some(json.value()?),
            "embedding" => vector = read_vector(json, numbers)?,
            FLOAT32 | FLOAT64 => vector = read_bytes(json, name)?,
            "metadata" => metadata = json.value()?,
            _ => unreachable!("a name of a row"),
        }
        Ok(())
    })?;
    let id = id.ok_or_else(|| json.error(format!("row {number} has no id, expected a text")))?;
    let row = Row { id: id.into(), vector, metadata: metadata.map_or_else(no_metadata, Arc::new) };
    Ok((place, row))
}

/// Reads a vector in bytes: `None` unless they are bytes of whole numbers.
fn read_bytes(json: &mut JsonReader, form: &str) -> Result<Option<Packed>, JsonError> {
    Ok(match json.value()? {
        Value::Bytes(bytes) => Packed::from_bytes(form, &bytes),
        _ => None,
    })
}

/// Reads a vector: `None` unless it is a list of numbers.
fn read_vector(json: &mut JsonReader, numbers: &mut Vec<f64>) -> Result<Option<Packed>, JsonError> {
    if json.peek() != Some(b'[') {
        return json.value::<IgnoredAny>().map(|_| None);
    }
    numbers.clear();
    let mut all_numbers = true;
    json.list("a list of numbers", |json| {
        // Plain numbers with a comma behind them; there is one more item in any case.
        json.plain_numbers(numbers);
        match json.value()? {
            Component(Some(number)) => numbers.push(number),
            Component(None) => all_numbers = false,
        }
        Ok(())
    })?;
    Ok(all_numbers.then(|| Packed::from_f64(numbers)))
}

/// An item of an embedding: a float64, bare or as `{"$float": …}`, else `None`.
struct Component(Option<f64>);

impl<'de> Deserialize<'de> for Component {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ComponentVisitor)
    }
}

struct ComponentVisitor;

impl<'de> Visitor<'de> for ComponentVisitor {
    type Value = Component;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Component, E> {
        Ok(Component(Some(number)))
    }

    #[expect(clippy::cast_precision_loss, reason = "a bare number is a float64, however it was written")]
    fn visit_i64<E>(self, number: i64) -> Result<Component, E> {
        Ok(Component(Some(number as f64)))
    }

    #[expect(clippy::cast_precision_loss, reason = "a bare number is a float64, however it was written")]
    fn visit_u64<E>(self, number: u64) -> Result<Component, E> {
        Ok(Component(Some(number as f64)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Component, A::Error> {
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Component(value.as_f64()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Component, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Component(None))
    }

    fn visit_unit<E>(self) -> Result<Component, E> {
        Ok(Component(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Component, E> {
        Ok(Component(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Component, E> {
        Ok(Component(None))
    }
}
