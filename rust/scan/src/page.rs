//! A page of vectors: one reply of the storage function's paged `queryTable`, decoded straight into rows.
//!
//! ```json
//! {"status": "success", "value": {
//!     "ok": true,
//!     "result": [{"_id": "…", "_creationTime": 1.5, "id": "a", "indexName": "docs", "embedding": [0.5, …], "metadata": {…}}, …],
//!     "hasMore": true, "continuationCursor": "…"}, "logLines": []}
//! ```
//!
//! The inner object alone will do as well. Of what else stands there nothing is looked at, but all must be JSON.

use std::{fmt, sync::Arc};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer,
};
use value::{Packed, Value, json::JsonError};

use crate::{Batch, Row, batch::no_metadata};

/// What a page said besides its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// How many rows it held.
    pub rows: usize,
    /// Whether there are more pages.
    pub has_more: bool,
    /// Where the next one begins.
    pub continuation_cursor: Option<String>,
}

/// Why a page isn't rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The bytes aren't JSON, or not of the shape of a page.
    #[error("page {page}, byte {offset}: {problem}")]
    Malformed {
        /// Which of the pages, from 0.
        page: usize,
        /// How many bytes had been read.
        offset: usize,
        /// What was found there, and what was expected.
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
    let mut reply = Reply::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Inside { reply: &mut reply, enveloped: false }.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        let JsonError { offset, problem } = JsonError::new(bytes, &error);
        PageError::Malformed { page, offset, problem }
    })?;
    let Reply { status, ok, error, code, rows, has_more, continuation_cursor } = reply;
    if status.as_deref() == Some("error") || ok == Some(false) {
        let message = error.unwrap_or_else(|| String::from("Unknown Convex error"));
        return Err(PageError::Refused { page, message, code });
    }
    let Some(rows) = rows else {
        let problem = String::from("no rows, expected a list \"result\"");
        return Err(PageError::Malformed { page, offset: bytes.len(), problem });
    };
    let end = PageEnd { rows: rows.len(), has_more, continuation_cursor };
    append(rows, batch);
    Ok(end)
}

/// Adds rows to a batch. One whose dimension isn't known yet, because no row had a vector, takes the first one's.
fn append(rows: Vec<Row>, batch: &mut Option<Batch>) {
    let first_len = rows.iter().filter_map(|row| row.vector.as_ref()).map(Packed::len).find(|&len| len > 0);
    if batch.as_ref().is_none_or(|batch| batch.dimension() == 0) && !rows.is_empty() {
        let mut made = Batch::new(first_len.unwrap_or(0));
        if let Some(before) = batch {
            before.live().for_each(|position| made.push(before.row(position)));
        }
        *batch = Some(made);
    }
    if let Some(batch) = batch {
        for row in rows {
            batch.push(row);
        }
    }
}

/// What has been read of a reply.
#[derive(Default)]
struct Reply {
    status: Option<String>,
    ok: Option<bool>,
    /// `errorMessage` of the envelope, or `error` of what is inside.
    error: Option<String>,
    code: Option<String>,
    rows: Option<Vec<Row>>,
    has_more: bool,
    continuation_cursor: Option<String>,
}

/// Reads an object of the reply: the envelope, or what is inside.
struct Inside<'a> {
    reply: &'a mut Reply,
    enveloped: bool,
}

impl<'de> DeserializeSeed<'de> for Inside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a reply of queryTable")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { reply, enveloped } = self;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" if !enveloped => map.next_value_seed(Inside { reply, enveloped: true })?,
                "status" if !enveloped => reply.status = map.next_value()?,
                "errorMessage" if !enveloped => reply.error = map.next_value()?,
                "ok" => reply.ok = map.next_value()?,
                "error" => reply.error = map.next_value()?,
                "code" => reply.code = map.next_value()?,
                "result" => reply.rows = map.next_value_seed(Rows)?,
                "hasMore" => reply.has_more = map.next_value()?,
                "continuationCursor" => reply.continuation_cursor = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads the list of rows, or null.
struct Rows;

impl<'de> DeserializeSeed<'de> for Rows {
    type Value = Option<Vec<Row>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows {
    type Value = Option<Vec<Row>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        // One buffer for the numbers of every row: only the packed form is kept.
        let mut numbers = Vec::new();
        while let Some(row) = list.next_element_seed(RowSeed { number: rows.len(), numbers: &mut numbers })? {
            rows.push(row);
        }
        Ok(Some(rows))
    }
}

/// Reads a row.
struct RowSeed<'a> {
    number: usize,
    numbers: &'a mut Vec<f64>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "row {} as an object", self.number)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let (mut id, mut vector, mut metadata) = (None::<String>, None, None::<Value>);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => id = Some(map.next_value()?),
                "embedding" => vector = map.next_value_seed(Embedding(self.numbers))?,
                "metadata" => metadata = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let id = id.ok_or_else(|| A::Error::custom(format_args!("row {} has no id, expected a text", self.number)))?;
        Ok(Row { id: id.into(), vector, metadata: metadata.map_or_else(no_metadata, Arc::new) })
    }
}

/// Reads a vector: `None` unless it is a list of numbers.
struct Embedding<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Embedding<'_> {
    type Value = Option<Packed>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Embedding<'_> {
    type Value = Option<Packed>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Self(numbers) = self;
        numbers.clear();
        let mut all_numbers = true;
        while let Some(Component(component)) = list.next_element()? {
            match component {
                Some(number) => numbers.push(number),
                None => all_numbers = false,
            }
        }
        Ok(all_numbers.then(|| Packed::from_f64(numbers)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
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
