//! Imports a snapshot into a deployment, in one transaction.

use std::{collections::BTreeMap, fs::File};

use wire::Code;

use super::{Content, Meter, Phase, Report, Summary, archive::Archive, content};
use crate::{
    data::transaction::Transaction,
    deployment::Deployment,
    error::{Error, Result},
    limits::Limits,
};

/// The treatment of documents that a table of the snapshot already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// A table may have only documents that are in the snapshot too, equal in each field.
    RequireEmpty,
    /// Existing documents are deleted.
    Replace,
    /// They are deleted, and so are all documents of other tables.
    ReplaceAll,
}

impl ImportMode {
    /// The mode of a name, as Convex's import API has them.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "requireEmpty" => Self::RequireEmpty,
            "replace" => Self::Replace,
            "replaceAll" => Self::ReplaceAll,
            _ => return None,
        })
    }
}

impl Deployment {
    /// Gives the tables of a snapshot the snapshot's content: documents with their ids and creation times, and tables
    /// with their numbers. Tables that aren't in the snapshot stay as they are, unless the mode replaces all. The import
    /// is all or nothing; other writers wait meanwhile. Returns the snapshot's content. The tables were read again, and
    /// have the same content.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the file isn't a snapshot, or is damaged; a document doesn't match
    /// the schema; a table has documents that the snapshot doesn't have (`TableExists`); a table's number belongs to
    /// another table with documents (`TableNumberTaken`); there is no room; the progress callback breaks. After an
    /// error, nothing has changed.
    pub fn import_snapshot(&self, file: &File, mode: ImportMode, report: &mut Report<'_>) -> Result<Summary> {
        let engine = self.engine()?;
        let mut archive = Archive::open(file)?;
        let imported = engine.begin_write(Limits::OFF).and_then(|mut transaction| {
            if !engine.options.limits.renumbers_tables && mode != ImportMode::ReplaceAll {
                check_numbers(&transaction, archive.tables())?;
            }
            make_room(&mut transaction, archive.tables(), mode)?;
            let tables = write(&mut transaction, &mut archive, report)?;
            check(&mut transaction, &tables, report)?;
            engine.commit(transaction)?;
            engine.tidy_up();
            Ok(Summary { tables, left_out: archive.left_out().to_vec() })
        });
        imported.map_err(|error| engine.storage.place(error))
    }
}

/// Empties the tables to replace, and gives all of the snapshot's tables their numbers.
fn make_room(transaction: &mut Transaction, numbers: &BTreeMap<String, u32>, mode: ImportMode) -> Result<()> {
    let replaced: Vec<String> = match mode {
        ImportMode::RequireEmpty => Vec::new(),
        ImportMode::Replace => numbers.keys().cloned().collect(),
        ImportMode::ReplaceAll => transaction.tables.numbers().into_values().collect(),
    };
    for name in &replaced {
        transaction.clear(name)?;
    }
    for (name, number) in numbers {
        let found = transaction.tables.number(name);
        if found.is_some_and(|found| found != *number) && transaction.count(name)? > 0 {
            return Err(table_exists(name));
        }
        if let Some(other) = transaction.tables.name(*number).map(str::to_owned)
            && !numbers.contains_key(&other)
            && transaction.count(&other)? > 0
        {
            return Err(Error::function(
                Code::TableNumberTaken,
                format!(
                    "the ids of table {name} hold its number, {number}, which here is the number of table {other}: \
                     both can't be in one deployment; import into another, or export and delete {other} first"
                ),
            ));
        }
    }
    transaction.number_tables(numbers)
}

/// Fails as Convex does where another table has the number of a snapshot's table, empty or not.
fn check_numbers(transaction: &Transaction, numbers: &BTreeMap<String, u32>) -> Result<()> {
    for (name, number) in numbers {
        if let Some(other) = transaction.tables.name(*number).filter(|other| other != name) {
            let reason = format!("New table `{name}` has IDs that conflict with existing table `{other}`");
            return Err(Error::Snapshot { place: "Hit an error while importing".to_owned(), reason });
        }
    }
    Ok(())
}

/// Writes the documents that don't exist yet.
fn write(
    transaction: &mut Transaction,
    archive: &mut Archive<'_>,
    report: &mut Report<'_>,
) -> Result<BTreeMap<String, Content>> {
    let mut meter = Meter::new(Phase::Import, archive.bytes(), report);
    let names: Vec<String> = archive.tables().keys().cloned().collect();
    let mut contents = BTreeMap::new();
    for name in names {
        // Existing documents must be in the snapshot, each once.
        let mut to_find = transaction.count(&name)?;
        let mut content = Content::default();
        archive.read(&name, &mut meter, |document| {
            let existing = if to_find > 0 { transaction.get(document.id)? } else { None };
            match existing {
                Some(existing) => {
                    let is_same = existing.creation_time.to_bits() == document.creation_time.to_bits()
                        && existing.fields == document.fields;
                    if !is_same {
                        return Err(table_exists(&name));
                    }
                    to_find -= 1;
                }
                None => {
                    transaction.restore(&name, document.id, document.creation_time, document.fields.clone())?;
                }
            }
            content.add(&document.into_value());
            Ok(())
        })?;
        if to_find > 0 {
            return Err(table_exists(&name));
        }
        contents.insert(name, content);
    }
    Ok(contents)
}

/// Reads the written tables again.
fn check(transaction: &mut Transaction, expected: &BTreeMap<String, Content>, report: &mut Report<'_>) -> Result<()> {
    let total = expected.values().map(|content| content.documents).sum();
    let mut meter = Meter::new(Phase::Check, total, report);
    for (name, expected) in expected {
        let found = content(transaction, name, &mut meter)?;
        if found != *expected {
            let described = |content: &Content| format!("{} documents, hash {}", content.documents, content.hash());
            let reason = format!("table {name} has {}; expected {}", described(&found), described(expected));
            return Err(Error::Snapshot { place: "after writing".to_owned(), reason });
        }
    }
    Ok(())
}

fn table_exists(name: &str) -> Error {
    Error::says(Code::TableExists, &[&name])
}
