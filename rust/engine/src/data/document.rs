//! A document, and its form in SQLite.

use rusqlite::Connection;
use value::{Array, Object, Packed, Value, id::DocumentId, json, sort_key};

use super::tables::Index;
use crate::error::{Error, Result};

/// A document: its fields without the two system fields, which are kept apart.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// SQLite's row, by which index entries refer to it.
    pub(crate) row: i64,
    pub(crate) id: DocumentId,
    /// Milliseconds since 1970, strictly increasing from insert to insert.
    pub(crate) creation_time: f64,
    pub(crate) fields: Object,
}

/// A document's fields as they are stored.
pub(crate) struct Stored {
    /// JSON text without the packed arrays at its top level.
    pub(crate) body: String,
    /// Those arrays.
    pub(crate) packed: Option<Vec<u8>>,
    pub(crate) checksum: u32,
}

/// A document before and after a write.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) table_number: u32,
    pub(crate) before: Option<Document>,
    pub(crate) after: Option<Document>,
}

impl Document {
    /// The document of a row, by the row's number.
    pub(crate) fn stored(connection: &Connection, table_number: u32, row: i64) -> Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT row, internal_id, creation_time, body, packed, checksum FROM documents WHERE row = ?",
        )?;
        let mut rows = statement.query([row])?;
        let found = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Self::read(found, table_number)
    }

    /// The document of a row with the columns `row, internal_id, creation_time, body, packed, checksum`.
    pub(crate) fn read(columns: &rusqlite::Row<'_>, table_number: u32) -> Result<Self> {
        let id = DocumentId { table_number, internal: columns.get(1)? };
        let creation_time = columns.get(2)?;
        let (body, packed) = (text(columns, 3)?, blob(columns, 4)?);
        // Documents that format 1 wrote have none.
        if let Some(expected) = columns.get::<_, Option<u32>>(5)?
            && checksum(&id, creation_time, body, packed) != expected
        {
            return Err(broken(&format!("document {id} is not as it was written: its checksum differs")));
        }
        Ok(Self { row: columns.get(0)?, id, creation_time, fields: decode(body, packed)? })
    }

    /// The document as it is stored.
    pub(crate) fn encode(&self) -> Stored {
        let (body, packed) = encode(&self.fields);
        let checksum = checksum(&self.id, self.creation_time, &body, packed.as_deref());
        Stored { body, packed, checksum }
    }

    /// The value at a dotted path, system fields included.
    pub(crate) fn field(&self, path: &str) -> Option<Value> {
        match path {
            "_id" => Some(self.id.to_string().into()),
            "_creationTime" => Some(self.creation_time.into()),
            _ => {
                let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
                let mut found = self.fields.get(first)?;
                for step in rest.into_iter().flat_map(|rest| rest.split('.')) {
                    found = found.as_object()?.get(step)?;
                }
                Some(found.clone())
            }
        }
    }

    /// The document as functions see it.
    pub(crate) fn into_value(mut self) -> Value {
        self.fields.insert("_id".to_owned(), self.id.to_string().into());
        self.fields.insert("_creationTime".to_owned(), self.creation_time.into());
        Value::Object(self.fields)
    }

    /// Its key in an index.
    pub(crate) fn index_key(&self, index: &Index) -> Vec<u8> {
        let mut key = Vec::with_capacity(64);
        for field in index.key_fields() {
            sort_key::push(&mut key, self.field(field).as_ref());
        }
        key
    }

    /// Its size as Convex counts it, system fields included.
    pub(crate) fn size(&self) -> usize {
        value::size::size_of_document(&self.fields)
    }
}

/// A document's fields as they are stored: JSON text without the packed arrays at its top level, and those.
fn encode(fields: &Object) -> (String, Option<Vec<u8>>) {
    let (packed, plain): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(_, value)| matches!(value, Value::Array(Array::Packed(_))));
    let mut bytes = Vec::new();
    for (name, value) in packed {
        if let Value::Array(Array::Packed(numbers)) = value {
            encode_packed(name, numbers, &mut bytes);
        }
    }
    let mut body = String::with_capacity(128);
    json::encode_fields(plain.into_iter(), json::Format::Encoded, &mut body);
    (body, (!bytes.is_empty()).then_some(bytes))
}

/// CRC-32 of a document's row. SQLite has checksums in its log only, so it wouldn't notice a bit that the disk flipped.
/// A CRC-32 finds any damage within 32 bits, and all but one in 2^32 of other damages.
fn checksum(id: &DocumentId, creation_time: f64, body: &str, packed: Option<&[u8]>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&id.internal);
    sum.update(&creation_time.to_le_bytes());
    sum.update(body.as_bytes());
    sum.update(packed.unwrap_or_default());
    sum.finalize()
}

/// The fields of [`encode`]d text and bytes.
fn decode(body: &str, packed: Option<&[u8]>) -> Result<Object> {
    let Value::Object(mut fields) = json::decode(body.as_bytes()).map_err(|error| broken(&error.to_string()))? else {
        return Err(broken("a stored document is not an object"));
    };
    let mut rest = packed.unwrap_or_default();
    while !rest.is_empty() {
        let (name, numbers) = decode_packed(&mut rest).ok_or_else(|| broken("packed numbers end early"))?;
        fields.insert(name, numbers.into());
    }
    Ok(fields)
}

/// Appends one array: length of its name (2 bytes), name, bytes a number (4 or 8), count (4 bytes), numbers; all
/// little-endian.
fn encode_packed(name: &str, numbers: &Packed, bytes: &mut Vec<u8>) {
    let name_length = u16::try_from(name.len()).expect("field names have at most 1024 bytes");
    let count = u32::try_from(numbers.len()).expect("arrays have at most 8192 items");
    let width: u8 = if let Packed::F32(_) = numbers { 4 } else { 8 };
    // In one step, of the right size.
    bytes.reserve(2 + name.len() + 1 + 4 + usize::from(width) * numbers.len());
    bytes.extend_from_slice(&name_length.to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(width);
    bytes.extend_from_slice(&count.to_le_bytes());
    match numbers {
        Packed::F32(numbers) => bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes())),
        Packed::F64(numbers) => bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes())),
    }
}

fn decode_packed(rest: &mut &[u8]) -> Option<(String, Packed)> {
    let name_length = u16::from_le_bytes(rest.split_off(..2)?.try_into().ok()?);
    let name = std::str::from_utf8(rest.split_off(..usize::from(name_length))?).ok()?.to_owned();
    let width = *rest.split_off_first()?;
    let count = usize::try_from(u32::from_le_bytes(rest.split_off(..4)?.try_into().ok()?)).ok()?;
    let numbers = rest.split_off(..count.checked_mul(usize::from(width))?)?;
    let packed = match width {
        4 => Packed::F32(numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        8 => Packed::F64(numbers.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
        _ => return None,
    };
    Some((name, packed))
}

fn text<'a>(columns: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a str> {
    columns.get_ref(column)?.as_str().map_err(|error| broken(&error.to_string()))
}

fn blob<'a>(columns: &'a rusqlite::Row<'_>, column: usize) -> Result<Option<&'a [u8]>> {
    columns.get_ref(column)?.as_blob_or_null().map_err(|error| broken(&error.to_string()))
}

/// The error for stored data that can't be read: another program changed the file, or it is damaged.
pub(crate) fn broken(reason: &str) -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Error::Storage(rusqlite::Error::SqliteFailure(code, Some(reason.to_owned())))
}
