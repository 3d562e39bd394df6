//! One transaction: reads at a snapshot, writes that all happen or none.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, params};
use value::{Object, Value, id::DocumentId, sort_key};

mod restore;

use crate::{
    document::{self, Document},
    error::{Error, FunctionError, Result},
    limits::{Limits, Usage},
    reads::Reads,
    requests::{Answer, MutationRequest},
    schema::{Schema, TableDefinition},
    storage::{Checkout, set_setting, setting},
    tables::{self, Table, Tables},
};

/// Settings that hold the [`Clock`].
pub(crate) const COMMIT_TIMESTAMP: &str = "commit_timestamp";
pub(crate) const CREATION_TIME: &str = "creation_time";

/// A transaction on one connection. Dropped without [`Transaction::commit`], it leaves no trace.
///
/// Each write checks everything before it touches SQLite: a function may catch what it did wrong and go on. After an
/// error of SQLite's itself ([`Error::Storage`]) only dropping is left.
pub(crate) struct Transaction {
    connection: Checkout,
    writes: bool,
    pub(crate) tables: Arc<Tables>,
    schema: Arc<Schema>,
    limits: Limits,
    usage: Usage,
    clock: Clock,
    changes: Vec<Change>,
    /// The tables written past `changes`, which would grow with what is written.
    rewritten: BTreeSet<String>,
    /// What has been read, if somebody wants to know.
    reads: Option<Reads>,
    /// The timestamp it commits at, once there is something to commit.
    commits_at: Option<i64>,
}

/// A part of a transaction that can be undone alone: where the transaction stood when it began.
pub(crate) struct Part {
    writes: bool,
    tables: Arc<Tables>,
    creation_time: f64,
    changes: usize,
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
    pub(crate) tables: Arc<Tables>,
    pub(crate) clock: Clock,
    pub(crate) changes: Vec<Change>,
    /// The tables that were written to otherwise.
    pub(crate) rewritten: BTreeSet<String>,
}

impl Transaction {
    /// Begins to write on a connection. What was last committed comes along, since nobody commits meanwhile.
    pub(crate) fn write(
        connection: Checkout,
        tables: Arc<Tables>,
        clock: Clock,
        schema: Arc<Schema>,
        limits: Limits,
    ) -> Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self::begun(connection, true, tables, clock, schema, limits))
    }

    /// Begins to read on a connection, at the snapshot of the last commit.
    pub(crate) fn read(
        connection: Checkout,
        tables: Arc<Tables>,
        clock: Clock,
        schema: Arc<Schema>,
        limits: Limits,
    ) -> Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        let commit_timestamp = setting(&connection, COMMIT_TIMESTAMP)?.unwrap_or_default();
        // A commit between `tables` and the snapshot may have made tables: then the snapshot itself says which.
        let is_current = commit_timestamp == clock.commit_timestamp;
        let tables = if is_current { tables } else { Arc::new(Tables::load(&connection)?) };
        let clock = Clock { commit_timestamp, ..clock };
        Ok(Self::begun(connection, false, tables, clock, schema, limits))
    }

    fn begun(
        connection: Checkout,
        writes: bool,
        tables: Arc<Tables>,
        clock: Clock,
        schema: Arc<Schema>,
        limits: Limits,
    ) -> Self {
        Self {
            connection,
            writes,
            tables,
            schema,
            limits,
            usage: Usage::default(),
            clock,
            changes: Vec::new(),
            rewritten: BTreeSet::new(),
            reads: None,
            commits_at: None,
        }
    }

    /// The timestamp of the last commit it sees.
    pub(crate) fn timestamp(&self) -> i64 {
        self.clock.commit_timestamp
    }

    /// Keeps account from here on of what is read.
    pub(crate) fn record_reads(&mut self) {
        self.reads = Some(Reads::default());
    }

    /// What was read since the account began, or was last asked for.
    pub(crate) fn take_reads(&mut self) -> Reads {
        self.reads.replace(Reads::default()).unwrap_or_default()
    }

    /// A table, if there is one of that name.
    pub(crate) fn table_by_name(&mut self, name: &str) -> Option<Arc<Table>> {
        let table = self.tables.get(name).cloned();
        if let (None, Some(reads)) = (&table, &mut self.reads) {
            reads.missing_tables.insert(name.to_owned());
        }
        table
    }

    /// Begins the limits' accounts anew, for the next function that reads the same snapshot.
    pub(crate) fn forget_usage(&mut self) {
        self.usage = Usage::default();
    }

    /// Begins a part of this transaction. Parts are within each other: the last one begun ends first.
    pub(crate) fn begin_part(&mut self, writes: bool) -> Result<Part> {
        let tables = Arc::clone(&self.tables);
        let part =
            Part { writes: self.writes, tables, creation_time: self.clock.creation_time, changes: self.changes.len() };
        self.writes = writes;
        if writes {
            self.connection.prepare_cached("SAVEPOINT part")?.execute([])?;
        }
        Ok(part)
    }

    /// Ends a part: keeps what it wrote, or leaves no trace of it.
    pub(crate) fn end_part(&mut self, part: Part, keep: bool) -> Result<()> {
        if std::mem::replace(&mut self.writes, part.writes) {
            if !keep {
                self.connection.prepare_cached("ROLLBACK TO part")?.execute([])?;
                self.tables = part.tables;
                self.clock.creation_time = part.creation_time;
                self.changes.truncate(part.changes);
            }
            self.connection.prepare_cached("RELEASE part")?.execute([])?;
        }
        Ok(())
    }

    /// The names of the tables written to.
    pub(crate) fn written_tables(&self) -> BTreeSet<String> {
        let numbers = self.changes.iter().map(|change| change.table_number);
        let changed = numbers.filter_map(|number| self.tables.name(number)).map(str::to_owned);
        changed.chain(self.rewritten.iter().cloned()).collect()
    }

    /// What a request was answered with before.
    pub(crate) fn find_answer(&self, request: &MutationRequest) -> Result<Option<Answer>> {
        request.find_answer(&self.connection)
    }

    /// Keeps what a request is answered with, for when it comes again.
    pub(crate) fn keep_answer(
        &mut self,
        request: &MutationRequest,
        value: Value,
        log_lines: Vec<String>,
    ) -> Result<()> {
        let timestamp = self.commits_at();
        request.keep_answer(&self.connection, &Answer { value, log_lines, timestamp })
    }

    /// The timestamp it commits at, if it may write.
    pub(crate) fn commit_timestamp(&mut self) -> Option<i64> {
        self.writes.then(|| self.commits_at())
    }

    fn commits_at(&mut self) -> i64 {
        *self.commits_at.get_or_insert_with(|| nanoseconds_now().max(self.clock.commit_timestamp + 1))
    }

    /// Makes the writes durable. Without any, nothing is written at all.
    pub(crate) fn commit(mut self) -> Result<Commit> {
        if !self.changes.is_empty() || !self.rewritten.is_empty() || self.commits_at.is_some() {
            self.clock.commit_timestamp = self.commits_at();
            set_setting(&self.connection, COMMIT_TIMESTAMP, self.clock.commit_timestamp)?;
            set_setting(&self.connection, CREATION_TIME, self.clock.creation_time)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let Self { connection, tables, clock, changes, rewritten, .. } = self;
        Ok(Commit { connection, tables, clock, changes, rewritten })
    }

    pub(crate) fn get(&mut self, id: DocumentId) -> Result<Option<Document>> {
        self.usage.read_range(&self.limits)?;
        let Some((_, table)) = self.tables.by_number(id.table_number) else { return Ok(None) };
        let by_id = table.by_id().id;
        let mut key = Vec::with_capacity(40);
        sort_key::push(&mut key, Some(&id.to_string().into()));
        let mut statement = self.connection.prepare_cached(
            "SELECT row, internal_id, creation_time, body, packed FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key = ?",
        )?;
        let mut rows = statement.query(params![by_id, key])?;
        if let Some(reads) = &mut self.reads {
            reads.add(by_id, key.clone(), after(&key));
        }
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
        self.check(table_name, &fields)?;
        let table = match self.tables.get(table_name) {
            Some(table) => Arc::clone(table),
            None => Arc::make_mut(&mut self.tables).create(&self.connection, table_name)?,
        };
        let id = new_id(table.number)?;
        let creation_time = milliseconds_now().max(self.clock.creation_time.next_up());
        let document = self.insert_document(&table, id, creation_time, fields)?;
        self.changes.push(Change { table_number: table.number, before: None, after: Some(document) });
        Ok(id)
    }

    /// Sets some fields; `None` takes a field away.
    pub(crate) fn patch(&mut self, id: DocumentId, patch: BTreeMap<String, Option<Value>>) -> Result<()> {
        self.check_writes()?;
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
        self.check_writes()?;
        let before = self.existing("Replace", id)?;
        fields.retain(|name, value| !is_unchanged_system_field(&before, name, Some(value)));
        self.update(before, fields)
    }

    pub(crate) fn delete(&mut self, id: DocumentId) -> Result<()> {
        self.check_writes()?;
        let before = self.existing("Delete", id)?;
        self.usage.write(before.size(), &self.limits)?;
        for index in &self.table(id.table_number).1.indexes {
            self.delete_entry(index.id, &before.index_key(index))?;
        }
        self.connection.prepare_cached("DELETE FROM documents WHERE row = ?")?.execute([before.row])?;
        self.changes.push(Change { table_number: id.table_number, before: Some(before), after: None });
        Ok(())
    }

    /// Visits the documents of an index whose keys lie in `start..end`, each with its key, until told to stop.
    pub(crate) fn scan(
        &mut self,
        table_number: u32,
        index_id: i64,
        (start, end): (&[u8], &[u8]),
        descending: bool,
        mut visit: impl FnMut(&[u8], Document) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.usage.read_range(&self.limits)?;
        let mut statement = self.connection.prepare_cached(if descending {
            "SELECT row, internal_id, creation_time, body, packed, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key DESC"
        } else {
            "SELECT row, internal_id, creation_time, body, packed, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key"
        })?;
        let mut rows = statement.query(params![index_id, start, end])?;
        let mut read = (start.to_vec(), end.to_vec());
        while let Some(row) = rows.next()? {
            let document = Document::read(row, table_number)?;
            self.usage.read(document.size(), &self.limits)?;
            let key = row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?;
            if visit(key, document)?.is_break() {
                if descending {
                    read.0 = key.to_vec();
                } else {
                    read.1 = after(key);
                }
                break;
            }
        }
        if let Some(reads) = &mut self.reads {
            reads.add(index_id, read.0, read.1);
        }
        Ok(())
    }

    fn existing(&mut self, verb: &str, id: DocumentId) -> Result<Document> {
        self.get(id)?
            .ok_or_else(|| Error::function("NonexistentDocument", format!("{verb} on nonexistent document ID {id}")))
    }

    fn update(&mut self, before: Document, fields: Object) -> Result<()> {
        if before.fields == fields {
            return Ok(());
        }
        let (name, table) = self.table(before.id.table_number);
        self.check(&name, &fields)?;
        let after = Document { fields, ..before };
        let (body, packed) = document::encode(&after.fields);
        self.connection
            .prepare_cached("UPDATE documents SET body = ?, packed = ? WHERE row = ?")?
            .execute(params![body, packed, after.row])?;
        for index in &table.indexes {
            let (old, new) = (before.index_key(index), after.index_key(index));
            if old != new {
                self.delete_entry(index.id, &old)?;
                self.insert_entry(index.id, &new, after.row)?;
            }
        }
        self.changes.push(Change { table_number: after.id.table_number, before: Some(before), after: Some(after) });
        Ok(())
    }

    /// Writes a document and its index entries.
    fn insert_document(
        &mut self,
        table: &Table,
        id: DocumentId,
        creation_time: f64,
        fields: Object,
    ) -> Result<Document> {
        self.clock.creation_time = self.clock.creation_time.max(creation_time);
        let (body, packed) = document::encode(&fields);
        self.connection
            .prepare_cached(
                "INSERT INTO documents (table_number, internal_id, creation_time, body, packed) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![id.table_number, id.internal.as_slice(), creation_time, body, packed])?;
        let document = Document { row: self.connection.last_insert_rowid(), id, creation_time, fields };
        for index in &table.indexes {
            self.insert_entry(index.id, &document.index_key(index), document.row)?;
        }
        Ok(document)
    }

    fn check_writes(&self) -> Result<()> {
        if self.writes {
            return Ok(());
        }
        Err(Error::function("ReadOnly", "Queries can't write to the database."))
    }

    /// Checks what is about to be written: that the function may, Convex's rules for documents, the schema, the limits.
    fn check(&mut self, table_name: &str, fields: &Object) -> Result<()> {
        self.check_writes()?;
        if let Some(name) = ["_id", "_creationTime"].into_iter().find(|name| fields.contains_key(*name)) {
            return Err(Error::function("SystemField", format!("`{name}` is set by the system and can't be changed.")));
        }
        tables::check_name(table_name)?;
        value::size::check_document(fields).map_err(|error| FunctionError::new(error.code(), error.to_string()))?;
        if self.schema.validates
            && let Some(definition) = self.schema.tables.get(table_name)
        {
            check_schema(table_name, definition, fields, &self.tables)?;
        }
        self.usage.write(value::size::size_of_document(fields), &self.limits)
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
    definition: &TableDefinition,
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

/// The least key after this one, since no key is the beginning of another.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// A new document's id. It begins with the time: documents that come one after the other are neighbours in `by_id`, where
/// each random id would write to a page of its own. 64 bits are left to chance.
fn new_id(table_number: u32) -> Result<DocumentId> {
    const NANOSECONDS_A_DAY: i64 = 86_400 * 1_000_000_000;
    let now = nanoseconds_now();
    let mut random = [0; 14];
    getrandom::fill(&mut random).map_err(|error| Error::function("InternalServerError", error.to_string()))?;
    random[..6].copy_from_slice(&(now / 1_000_000).to_be_bytes()[2..]);
    let days = u16::try_from(now / NANOSECONDS_A_DAY).unwrap_or(u16::MAX);
    Ok(DocumentId::new(table_number, random, days))
}

pub(crate) fn nanoseconds_now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds with a fraction, as Convex gives them")]
fn milliseconds_now() -> f64 {
    nanoseconds_now() as f64 / 1e6
}
