//! One transaction: reads at a snapshot, writes that all happen or none.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, params};
use value::{Object, Value, id::DocumentId};

use crate::{
    document::{self, Document},
    error::{Error, FunctionError, Result},
    limits::{Limits, Usage},
    schema::Schema,
    storage::Checkout,
    tables::{Table, Tables},
};

/// A transaction on one connection. Dropped without [`Transaction::commit`], it leaves no trace.
pub(crate) struct Transaction {
    connection: Checkout,
    pub(crate) tables: Tables,
    pub(crate) schema: Arc<Schema>,
    limits: Limits,
    usage: Usage,
    clock: Clock,
    changes: Vec<Change>,
}

/// The last times given out; both only grow, across restarts too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Nanoseconds since 1970 of the last commit that wrote.
    pub(crate) commit_timestamp: i64,
    /// Milliseconds since 1970 of the last insert.
    pub(crate) creation_time: f64,
}

/// A document before and after a write.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) table_number: u32,
    pub(crate) before: Option<Document>,
    pub(crate) after: Option<Document>,
}

/// What a commit did, for those who keep something in step with it. The connection comes along: while it is held,
/// nobody else commits.
pub(crate) struct Commit {
    pub(crate) connection: Checkout,
    pub(crate) tables: Tables,
    pub(crate) clock: Clock,
    pub(crate) changes: Vec<Change>,
}

impl Transaction {
    /// Begins on a connection: at once as a writer where the transaction may write, else at a snapshot.
    pub(crate) fn begin(
        connection: Checkout,
        writes: bool,
        tables: Tables,
        schema: Arc<Schema>,
        limits: Limits,
        clock: Clock,
    ) -> Result<Self> {
        connection.prepare_cached(if writes { "BEGIN IMMEDIATE" } else { "BEGIN" })?.execute([])?;
        Ok(Self { connection, tables, schema, limits, usage: Usage::default(), clock, changes: Vec::new() })
    }

    /// Makes the writes durable. Without any, nothing is written at all.
    pub(crate) fn commit(mut self) -> Result<Commit> {
        if !self.changes.is_empty() {
            self.clock.commit_timestamp = nanoseconds_now().max(self.clock.commit_timestamp + 1);
            let mut set =
                self.connection.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)")?;
            set.execute(params!["commit_timestamp", self.clock.commit_timestamp])?;
            set.execute(params!["creation_time", self.clock.creation_time])?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(Commit { connection: self.connection, tables: self.tables, clock: self.clock, changes: self.changes })
    }

    pub(crate) fn get(&mut self, id: DocumentId) -> Result<Option<Document>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT row, internal_id, creation_time, body, packed FROM documents
             WHERE table_number = ? AND internal_id = ?",
        )?;
        let mut rows = statement.query(params![id.table_number, id.internal.as_slice()])?;
        let Some(found) = rows.next()? else { return Ok(None) };
        let document = Document::read(found, id.table_number)?;
        self.usage.read(document.size(), &self.limits)?;
        Ok(Some(document))
    }

    /// A stored document, outside of a transaction's accounts.
    pub(crate) fn stored(connection: &Connection, table_number: u32, row: i64) -> Result<Document> {
        let mut statement = connection
            .prepare_cached("SELECT row, internal_id, creation_time, body, packed FROM documents WHERE row = ?")?;
        let mut rows = statement.query([row])?;
        let found = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Document::read(found, table_number)
    }

    pub(crate) fn insert(&mut self, table_name: &str, fields: Object) -> Result<DocumentId> {
        let table = match self.tables.get(table_name) {
            Some(table) => Arc::clone(table),
            None => self.tables.create(&self.connection, table_name)?,
        };
        self.clock.creation_time = milliseconds_now().max(self.clock.creation_time.next_up());
        let id = new_id(table.number)?;
        let mut document = Document { row: 0, id, creation_time: self.clock.creation_time, fields };
        self.check(table_name, &document)?;
        let (body, packed) = document::encode(&document.fields);
        self.connection
            .prepare_cached(
                "INSERT INTO documents (table_number, internal_id, creation_time, body, packed) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![id.table_number, id.internal.as_slice(), document.creation_time, body, packed])?;
        document.row = self.connection.last_insert_rowid();
        for index in &table.indexes {
            self.insert_entry(index.id, &document.index_key(&index.fields), document.row)?;
        }
        self.changes.push(Change { table_number: table.number, before: None, after: Some(document) });
        Ok(id)
    }

    /// Sets some fields; `None` takes a field away.
    pub(crate) fn patch(&mut self, id: DocumentId, patch: BTreeMap<String, Option<Value>>) -> Result<()> {
        let before = self.existing("Update", id)?;
        let mut fields = before.fields.clone();
        for (name, value) in patch {
            match value {
                _ if is_unchanged_system_field(&before, &name, value.as_ref()) => {}
                Some(value) => drop(fields.insert(name, value)),
                None => drop(fields.remove(&name)),
            }
        }
        self.update(before, fields)
    }

    pub(crate) fn replace(&mut self, id: DocumentId, mut fields: Object) -> Result<()> {
        let before = self.existing("Replace", id)?;
        fields.retain(|name, value| !is_unchanged_system_field(&before, name, Some(value)));
        self.update(before, fields)
    }

    pub(crate) fn delete(&mut self, id: DocumentId) -> Result<()> {
        let before = self.existing("Delete", id)?;
        self.usage.write(before.size(), &self.limits)?;
        for index in &self.table(id.table_number).1.indexes {
            self.delete_entry(index.id, &before.index_key(&index.fields))?;
        }
        self.connection.prepare_cached("DELETE FROM documents WHERE row = ?")?.execute([before.row])?;
        self.changes.push(Change { table_number: id.table_number, before: Some(before), after: None });
        Ok(())
    }

    /// The documents of an index whose keys lie in `start..end`, with their keys, at most `limit` of them.
    pub(crate) fn scan(
        &mut self,
        table_number: u32,
        index_id: i64,
        range: (&[u8], &[u8]),
        descending: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Document)>> {
        let mut statement = self.connection.prepare_cached(if descending {
            "SELECT row, internal_id, creation_time, body, packed, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?"
        } else {
            "SELECT row, internal_id, creation_time, body, packed, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
        })?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![index_id, range.0, range.1, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let document = Document::read(row, table_number)?;
            self.usage.read(document.size(), &self.limits)?;
            found.push((row.get(5)?, document));
        }
        Ok(found)
    }

    fn existing(&mut self, verb: &str, id: DocumentId) -> Result<Document> {
        self.get(id)?.ok_or_else(|| {
            Error::function("NonexistentDocument", format!("{verb} on nonexistent document ID {id}"))
        })
    }

    fn update(&mut self, before: Document, fields: Object) -> Result<()> {
        if before.fields == fields {
            return Ok(());
        }
        let (name, table) = self.table(before.id.table_number);
        let after = Document { fields, ..before };
        self.check(&name, &after)?;
        let (body, packed) = document::encode(&after.fields);
        self.connection
            .prepare_cached("UPDATE documents SET body = ?, packed = ? WHERE row = ?")?
            .execute(params![body, packed, after.row])?;
        for index in &table.indexes {
            let (old, new) = (before.index_key(&index.fields), after.index_key(&index.fields));
            if old != new {
                self.delete_entry(index.id, &old)?;
                self.insert_entry(index.id, &new, after.row)?;
            }
        }
        self.changes.push(Change { table_number: after.id.table_number, before: Some(before), after: Some(after) });
        Ok(())
    }

    /// Checks a document about to be written: Convex's rules for documents, the schema, the limits.
    fn check(&mut self, table_name: &str, document: &Document) -> Result<()> {
        value::size::check_document(&document.fields)
            .map_err(|error| FunctionError::new(error.code(), error.to_string()))?;
        if self.schema.validates
            && let Some(definition) = self.schema.tables.get(table_name)
        {
            check_schema(table_name, definition, &document.fields, &self.tables)?;
        }
        self.usage.write(document.size(), &self.limits)
    }

    fn table(&self, number: u32) -> (String, Arc<Table>) {
        let (name, table) = self.tables.by_number(number).expect("a stored document's table exists");
        (name.to_owned(), Arc::clone(table))
    }

    fn insert_entry(&self, index_id: i64, key: &[u8], row: i64) -> Result<()> {
        self.connection
            .prepare_cached("INSERT INTO entries (index_id, key, row) VALUES (?, ?, ?)")?
            .execute(params![index_id, key, row])?;
        Ok(())
    }

    fn delete_entry(&self, index_id: i64, key: &[u8]) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM entries WHERE index_id = ? AND key = ?")?
            .execute(params![index_id, key])?;
        Ok(())
    }
}

/// Checks a document's fields against its table's declaration.
pub(crate) fn check_schema(
    table_name: &str,
    definition: &crate::schema::TableDefinition,
    fields: &Object,
    tables: &Tables,
) -> Result<()> {
    definition.document.check_fields(fields, tables).map_err(|mismatch| {
        Error::function(
            "SchemaEnforcementError",
            format!(
                "Failed to insert or update a document in table \"{table_name}\" because it does not match the schema: {mismatch}"
            ),
        )
    })
}

/// System fields may be handed back as they are.
fn is_unchanged_system_field(document: &Document, name: &str, value: Option<&Value>) -> bool {
    matches!(name, "_id" | "_creationTime") && document.field(name).as_ref() == value
}

fn new_id(table_number: u32) -> Result<DocumentId> {
    const NANOSECONDS_A_DAY: i64 = 86_400 * 1_000_000_000;
    let mut random = [0; 14];
    getrandom::fill(&mut random).map_err(|error| Error::function("InternalServerError", error.to_string()))?;
    let days = u16::try_from(nanoseconds_now() / NANOSECONDS_A_DAY).unwrap_or(u16::MAX);
    Ok(DocumentId::new(table_number, random, days))
}

fn nanoseconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds with a fraction, as Convex gives them")]
fn milliseconds_now() -> f64 {
    nanoseconds_now() as f64 / 1e6
}
