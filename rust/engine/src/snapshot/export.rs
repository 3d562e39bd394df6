//! Writing a snapshot.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Seek, SeekFrom, Write},
};

use value::{Value, json};
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{Content, Meter, Phase, Report, Summary, each};
use crate::{
    data::transaction::Transaction,
    deployment::Deployment,
    error::{Error, Result},
};

const README: &str = "# A snapshot of a Convex deployment

`<table>/documents.jsonl` has the documents of a table as JSON, one per line.
`mastra-convex import` and `npx convex import` bring them into a deployment.
";

/// The fastest level, since embeddings hardly get smaller with more effort.
const COMPRESSION_LEVEL: i64 = 1;

/// After so many bytes the disk has to take them. Else the system keeps hundreds of megabytes, and a sync of the log, which
/// a write waits for, may have to wait for all of them.
const BYTES_PER_SYNC: usize = 8 << 20;

type Zip<'a> = ZipWriter<BufWriter<Output<'a>>>;

/// A file, which ignores further writes after a failed one. A dropped [`ZipWriter`] ends its file, and would print a
/// second failure; the first one was already returned.
struct Output<'a> {
    file: &'a File,
    unsynced: usize,
    /// The position in the file, if writing had not failed.
    lost: Option<u64>,
}

impl Output<'_> {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unsynced >= BYTES_PER_SYNC {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        Ok(written)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(position) = &mut self.lost {
            *position += bytes.len() as u64;
            return Ok(bytes.len());
        }
        let written = self.write_some(bytes);
        if written.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.lost = Some(self.file.stream_position().unwrap_or_default());
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.lost.is_some() { Ok(()) } else { self.file.flush() }
    }
}

impl Seek for Output<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let Some(position) = &mut self.lost else { return self.file.seek(to) };
        *position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::Current(by) => position.saturating_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().saturating_add_signed(by),
        };
        Ok(*position)
    }
}

impl Deployment {
    /// Writes the tables as they are after the last commit; later commits aren't included. In memory, writers wait.
    /// Returns the commit's timestamp, and the content that was written.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the data can't be read, or the file written; the progress callback
    /// breaks.
    pub fn export_snapshot(&self, file: &File, report: &mut Report<'_>) -> Result<(i64, Summary)> {
        let engine = self.engine()?;
        let exported = engine.begin_read_whole().and_then(|mut transaction| {
            let tables = export(&mut transaction, file, report)?;
            Ok((transaction.timestamp(), Summary { tables, left_out: Vec::new() }))
        });
        exported.map_err(|error| engine.storage.place(error))
    }
}

fn export(transaction: &mut Transaction, file: &File, report: &mut Report<'_>) -> Result<BTreeMap<String, Content>> {
    let numbers: BTreeMap<u32, String> = transaction.tables.numbers();
    let mut total = 0;
    for name in numbers.values() {
        total += transaction.count(name)?;
    }
    let mut meter = Meter::new(Phase::Export, total, report);
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 20, Output { file, unsynced: 0, lost: None }));
    start(&mut zip, "README.md".to_owned())?;
    zip.write_all(README.as_bytes()).map_err(Error::SnapshotFile)?;
    start(&mut zip, "_tables/documents.jsonl".to_owned())?;
    for (number, name) in &numbers {
        let table = [("name", name.as_str().into()), ("id", Value::Int64(i64::from(*number)))];
        write_line(&mut zip, &table.into())?;
    }
    let mut contents = BTreeMap::new();
    for name in numbers.into_values() {
        start(&mut zip, format!("{name}/documents.jsonl"))?;
        let mut content = Content::default();
        each(transaction, &name, |document| {
            content.add(&document);
            write_line(&mut zip, &document)?;
            meter.advance(1)
        })?;
        start(&mut zip, format!("{name}/generated_schema.jsonl"))?;
        write_line(&mut zip, &"uniform".into())?;
        contents.insert(name, content);
    }
    zip.finish().map_err(failed)?.flush().map_err(Error::SnapshotFile)?;
    Ok(contents)
}

/// Begins the next file of the zip.
fn start(zip: &mut Zip<'_>, path: String) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(COMPRESSION_LEVEL))
        .unix_permissions(0o644)
        // The file's size isn't known yet.
        .large_file(true);
    zip.start_file(path, options).map_err(failed)
}

fn write_line(zip: &mut Zip<'_>, value: &Value) -> Result<()> {
    let mut line = String::with_capacity(1024);
    json::encode(value, json::Format::Export, &mut line);
    line.push('\n');
    zip.write_all(line.as_bytes()).map_err(Error::SnapshotFile)
}

fn failed(error: ZipError) -> Error {
    Error::SnapshotFile(match error {
        ZipError::Io(error) => error,
        error => io::Error::other(error),
    })
}
