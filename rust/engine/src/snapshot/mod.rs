//! Snapshots: the tables of a deployment in a zip, in the form of `npx convex export`.
//!
//! | in the zip | |
//! | --- | --- |
//! | `README.md` | a description |
//! | `_tables/documents.jsonl` | one line per table: `{"id": <its number>, "name": …}` |
//! | `<table>/documents.jsonl` | one line per document: its exported JSON, system fields included |
//! | `<table>/generated_schema.jsonl` | `"uniform"`: every value's type can be read from its text |
//!
//! Only one document at a time is in memory.

mod archive;
mod export;
mod import;

use std::{collections::BTreeMap, fs::File, ops::ControlFlow};

use ring::digest::{SHA256, digest};
use value::{Value, sort_key};

use crate::{
    data::{tables::BY_CREATION_TIME, transaction::Transaction},
    deployment::Deployment,
    error::{Error, Result},
};

pub use import::ImportMode;

/// The content of a snapshot, or of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The tables, by name.
    pub tables: BTreeMap<String, Content>,
    /// The parts of a snapshot that this deployment can't hold: components and stored files.
    pub left_out: Vec<String>,
}

/// The content of a table, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The number of documents.
    pub documents: u64,
    hash: u128,
}

/// The phases of which progress is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Writing documents into a zip; counted in documents.
    Export,
    /// Reading documents from a zip; counted in bytes.
    Read,
    /// Writing documents from a zip into a deployment; counted in bytes.
    Import,
    /// Reading the written documents again, to check them; counted in documents.
    Check,
}

/// The progress callback: takes the amount done and the total. If it breaks, the work ends and leaves nothing behind.
pub type Report<'a> = dyn FnMut(Phase, u64, u64) -> ControlFlow<()> + 'a;

impl Content {
    /// Adds a document.
    fn add(&mut self, document: &Value) {
        // A sort key has every bit of a value, and its type.
        let mut key = Vec::with_capacity(1024);
        sort_key::push(&mut key, Some(document));
        let digest = digest(&SHA256, &key);
        let half = digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        self.documents += 1;
        self.hash = self.hash.wrapping_add(u128::from_be_bytes(*half));
    }

    /// The documents in 32 hexadecimal digits: the sum of the first halves of their SHA-256.
    #[must_use]
    pub fn hash(&self) -> String {
        format!("{:032x}", self.hash)
    }
}

impl Deployment {
    /// A file without a name, which is gone when closed. It is in the data folder, which should have room, or, without
    /// a folder, among the system's temporary files.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the file can't be made.
    pub fn temporary_file(&self) -> Result<File> {
        let made = match self.engine()?.storage.folder() {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        made.map_err(Error::SnapshotFile)
    }

    /// The content of a snapshot in a file.
    ///
    /// # Errors
    ///
    /// The file isn't a snapshot, or is damaged; it can't be read; the progress callback breaks.
    pub fn read_snapshot(file: &File, report: &mut Report<'_>) -> Result<Summary> {
        let mut archive = archive::Archive::open(file)?;
        let mut meter = Meter::new(Phase::Read, archive.bytes(), report);
        let tables = archive.tables().clone();
        let mut summary = Summary { left_out: archive.left_out().to_vec(), ..Summary::default() };
        for name in tables.into_keys() {
            let mut content = Content::default();
            archive.read(&name, &mut meter, |document| {
                content.add(&document.into_value());
                Ok(())
            })?;
            summary.tables.insert(name, content);
        }
        Ok(summary)
    }
}

/// The content of a table.
fn content(transaction: &mut Transaction, table_name: &str, meter: &mut Meter<'_, '_>) -> Result<Content> {
    let mut content = Content::default();
    each(transaction, table_name, |document| {
        content.add(&document);
        meter.advance(1)
    })?;
    Ok(content)
}

/// Visits a table's documents, in the order they were made.
fn each(transaction: &mut Transaction, table_name: &str, mut visit: impl FnMut(Value) -> Result<()>) -> Result<()> {
    let Some(table) = transaction.table_by_name(table_name) else { return Ok(()) };
    let by_creation_time = table.index(BY_CREATION_TIME).expect("every table has it").id;
    let end = sort_key::after_prefix(&[]);
    transaction.scan(table.number, by_creation_time, (&[], &end), false, |_, document| {
        visit(document.into_value())?;
        Ok(ControlFlow::Continue(()))
    })
}

/// Counts the progress of a phase, and reports it now and then.
struct Meter<'a, 'b> {
    phase: Phase,
    done: u64,
    total: u64,
    next: u64,
    report: &'a mut Report<'b>,
}

impl<'a, 'b> Meter<'a, 'b> {
    fn new(phase: Phase, total: u64, report: &'a mut Report<'b>) -> Self {
        Self { phase, done: 0, total, next: 0, report }
    }

    fn advance(&mut self, by: u64) -> Result<()> {
        const REPORTS: u64 = 256;
        self.done += by;
        if self.done < self.next && self.done != self.total {
            return Ok(());
        }
        self.next = self.done + self.total / REPORTS;
        match (self.report)(self.phase, self.done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}
