//! Reading a snapshot's zip.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use value::{Object, Value, id::DocumentId, json};
use zip::{ZipArchive, result::ZipError};

use super::Meter;
use crate::{
    data::{clock::milliseconds_now, tables},
    error::{Error, FunctionError, Result},
};

/// The longest line: a document of 1 MiB as JSON. There, a float of nine bytes may take 24, and a character six.
const LINE_BYTES: u64 = 16 << 20;

/// How far the clock of the machine that made a snapshot may be ahead of this machine's. Documents that are made here
/// later should have later times.
const AHEAD_MS: f64 = 3_600_000.0;

/// A snapshot in a file.
pub(super) struct Archive<'a> {
    zip: ZipArchive<BufReader<&'a File>>,
    tables: BTreeMap<String, u32>,
    left_out: Vec<String>,
    bytes: u64,
}

/// A document as a snapshot has it.
pub(super) struct ExportedDocument {
    pub(super) id: DocumentId,
    pub(super) creation_time: f64,
    /// The other fields, without the system fields.
    pub(super) fields: Object,
}

impl ExportedDocument {
    pub(super) fn into_value(mut self) -> Value {
        self.fields.insert("_id".to_owned(), self.id.to_string().into());
        self.fields.insert("_creationTime".to_owned(), self.creation_time.into());
        Value::Object(self.fields)
    }
}

impl<'a> Archive<'a> {
    /// Opens a snapshot, and reads its list of tables.
    pub(super) fn open(file: &'a File) -> Result<Self> {
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
            ZipError::Io(error) => of_system(WHOLE, error),
            error => wrong(WHOLE, format!("no zip, or not the whole of one ({error})")),
        })?;
        if zip.has_duplicate_names() {
            return Err(wrong(WHOLE, "two files in it have the same name, expected each name once".to_owned()));
        }
        let (mut names, mut left_out) = (BTreeSet::new(), BTreeSet::new());
        for path in zip.file_names() {
            let path = path.map_err(|error| wrong(WHOLE, error.to_string()))?;
            match path.split('/').collect::<Vec<_>>()[..] {
                ["_components", component, ..] => drop(left_out.insert(format!("_components/{component}"))),
                ["_storage", ..] => drop(left_out.insert("_storage".to_owned())),
                [table, "documents.jsonl"] if !table.starts_with('_') => drop(names.insert(table.to_owned())),
                _ => {}
            }
        }
        let left_out = left_out.into_iter().collect();
        let mut archive = Self { zip, tables: BTreeMap::new(), left_out, bytes: 0 };
        archive.tables = archive.read_tables()?;
        for name in names {
            if !archive.tables.contains_key(&name) {
                return Err(wrong(
                    TABLES,
                    format!("no table {name}; expected one, as there is a {name}/documents.jsonl"),
                ));
            }
            archive.bytes += archive.zip.by_name(&documents(&name)).map_or(0, |entry| entry.size());
        }
        Ok(archive)
    }

    /// The tables' names and numbers.
    pub(super) fn tables(&self) -> &BTreeMap<String, u32> {
        &self.tables
    }

    /// Its other content.
    pub(super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The bytes of all documents.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Visits the documents of a table, in the file's order. An error in one is reported with its line.
    pub(super) fn read(
        &mut self,
        table: &str,
        meter: &mut Meter<'_, '_>,
        mut visit: impl FnMut(ExportedDocument) -> Result<()>,
    ) -> Result<()> {
        let number = self.tables[table];
        self.lines(&documents(table), |place, line| {
            let document = document(table, number, line).map_err(|reason| wrong(place, reason))?;
            visit(document).map_err(|error| match error {
                Error::Function(FunctionError { code, message, data }) => {
                    FunctionError { code, message: format!("{place}: {message}"), data }.into()
                }
                error => error,
            })?;
            meter.advance(line.len() as u64)
        })
    }

    fn read_tables(&mut self) -> Result<BTreeMap<String, u32>> {
        if self.zip.index_for_name(TABLES).is_none() {
            let reason = format!("no {TABLES} in it, which every snapshot of Convex has");
            return Err(wrong(WHOLE, reason));
        }
        let (mut numbers, mut names) = (BTreeMap::new(), BTreeMap::<u32, String>::new());
        self.lines(TABLES, |place, line| {
            let (name, number) = table(line).map_err(|reason| wrong(place, reason))?;
            if name.starts_with('_') {
                return Ok(());
            }
            tables::check_name(&name).map_err(|error| wrong(place, error.to_string()))?;
            if let Some(other) = names.insert(number, name.clone()) {
                return Err(wrong(place, format!("the number {number} of {name} is also the number of {other}")));
            }
            match numbers.insert(name, number) {
                None => Ok(()),
                Some(_) => Err(wrong(place, "the table again, expected each once".to_owned())),
            }
        })?;
        Ok(numbers)
    }

    /// Visits the lines of a file in the zip. The file may be missing.
    fn lines(&mut self, path: &str, mut visit: impl FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
        let entry = match self.zip.by_name(path) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(()),
            Err(error) => return Err(wrong(path, error.to_string())),
        };
        let mut entry = BufReader::with_capacity(1 << 16, entry);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let place = format!("{path}, line {number}");
            let read = entry.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line);
            match read.map_err(|error| of_system(&place, error))? {
                0 => return Ok(()),
                length if length as u64 == LINE_BYTES => {
                    return Err(wrong(&place, format!("{LINE_BYTES} bytes or more, expected a document of 1 MiB")));
                }
                _ => visit(&place, &line)?,
            }
        }
    }
}

/// The place in errors about a file that isn't a snapshot at all.
const WHOLE: &str = "not a snapshot";

/// The file that lists the tables.
const TABLES: &str = "_tables/documents.jsonl";

/// The file of a table's documents.
fn documents(table: &str) -> String {
    format!("{table}/documents.jsonl")
}

fn object(line: &[u8]) -> Result<Object, String> {
    match json::decode_export(line) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(found) => Err(format!("found {}, expected an object", found.type_name())),
        Err(error) => Err(error.to_string()),
    }
}

fn table(line: &[u8]) -> Result<(String, u32), String> {
    let fields = object(line)?;
    let number = match fields.get("id") {
        Some(Value::Int64(number)) => u32::try_from(*number).ok().filter(|number| *number > 0),
        _ => None,
    };
    match (fields.get("name"), number) {
        (Some(Value::String(name)), Some(number)) => Ok((name.clone(), number)),
        _ => Err("expected a table's `name`, and its number as `id`".to_owned()),
    }
}

fn document(table: &str, number: u32, line: &[u8]) -> Result<ExportedDocument, String> {
    let mut fields = object(line)?;
    let id = match fields.remove("_id") {
        Some(Value::String(id)) => id.parse::<DocumentId>().map_err(|error| format!("`_id`: {error}"))?,
        _ => return Err("expected an `_id`".to_owned()),
    };
    if id.table_number != number {
        let found = id.table_number;
        return Err(format!("`_id` is one of table number {found}, expected the number of {table}, {number}"));
    }
    let Some(Value::Float64(creation_time)) = fields.remove("_creationTime") else {
        return Err("expected a number as `_creationTime`, with a point".to_owned());
    };
    let latest = milliseconds_now() + AHEAD_MS;
    if !(0.0..=latest).contains(&creation_time) {
        return Err(format!(
            "`_creationTime` is {creation_time:?}, expected milliseconds since 1970, at most an hour from now ({latest:?})"
        ));
    }
    Ok(ExportedDocument { id, creation_time, fields })
}

fn wrong(place: &str, reason: String) -> Error {
    Error::Snapshot { place: place.to_owned(), reason }
}

/// The error of a failed read: the zip is damaged, or its file can't be read.
fn of_system(place: &str, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | Other | UnexpectedEof => wrong(place, format!("the zip is damaged ({error})")),
        _ => Error::SnapshotFile(error),
    }
}
