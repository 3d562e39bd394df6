//! Reads, checks and writes of a transaction's documents, with their index entries.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use rusqlite::{CachedStatement, params};
use value::{Object, Value, id::DocumentId, sort_key};
use wire::Code;

use super::Transaction;
use crate::{
    data::{
        document::{Change, Document, Stored},
        schema::Shown,
        tables::{self, Table},
    },
    error::{Error, FunctionError, Result},
};

impl Transaction {
    pub(crate) fn get(&mut self, id: DocumentId) -> Result<Option<Document>> {
        self.usage.read_range(&self.limits)?;
        let Some((_, table)) = self.tables.by_number(id.table_number) else { return Ok(None) };
        let by_id = table.by_id().id;
        let mut key = Vec::with_capacity(40);
        sort_key::push(&mut key, Some(&id.to_string().into()));
        let mut statement = self.connection.prepare_cached(
            "SELECT row, internal_id, creation_time, body, packed, checksum FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key = ?",
        )?;
        let mut rows = statement.query(params![by_id, key])?;
        if let Some(reads) = &mut self.reads {
            reads.add(by_id, key.clone(), sort_key::after(&key));
        }
        let Some(found) = rows.next()? else { return Ok(None) };
        let document = Document::read(found, id.table_number)?;
        self.usage.read(document.size(), &self.limits)?;
        Ok(Some(document))
    }

    pub(crate) fn insert(&mut self, table_name: &str, fields: Object) -> Result<DocumentId> {
        let id = self.new_ids.next(self.tables.number(table_name).unwrap_or_else(|| self.tables.next_number()))?;
        let creation_time = self.clock.next_creation_time();
        check_system_fields(id, creation_time, &fields)?;
        self.check(table_name, &fields)?;
        let table = match self.tables.get(table_name) {
            Some(table) => Arc::clone(table),
            None => Arc::make_mut(&mut self.tables).create(&self.connection, table_name)?,
        };
        let document = self.insert_document(&table, id, creation_time, fields)?;
        self.clock.creation_time = creation_time;
        self.changes.push(Change { table_number: table.number, before: None, after: Some(document) });
        Ok(id)
    }

    /// Sets some fields; `None` removes a field.
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

    /// Visits the documents of an index whose keys are in `start..end`, each with its key, until `visit` breaks.
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
            "SELECT row, internal_id, creation_time, body, packed, checksum, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key DESC"
        } else {
            "SELECT row, internal_id, creation_time, body, packed, checksum, key FROM entries JOIN documents USING (row)
             WHERE index_id = ? AND key >= ? AND key < ? ORDER BY key"
        })?;
        let mut rows = statement.query(params![index_id, start, end])?;
        let mut read = (start.to_vec(), end.to_vec());
        while let Some(row) = rows.next()? {
            let document = Document::read(row, table_number)?;
            self.usage.read(document.size(), &self.limits)?;
            let key = row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?;
            if visit(key, document)?.is_break() {
                if descending {
                    read.0 = key.to_vec();
                } else {
                    read.1 = sort_key::after(key);
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
        self.get(id)?.ok_or_else(|| Error::says(Code::NonexistentDocument, &[&verb, &id]))
    }

    fn update(&mut self, before: Document, fields: Object) -> Result<()> {
        if before.fields == fields {
            return Ok(());
        }
        let (name, table) = self.table(before.id.table_number);
        check_system_fields(before.id, before.creation_time, &fields)?;
        self.check(&name, &fields)?;
        let after = Document { fields, ..before };
        let Stored { body, packed, checksum } = after.encode();
        self.connection
            .prepare_cached("UPDATE documents SET body = ?, packed = ?, checksum = ? WHERE row = ?")?
            .execute(params![body, packed, checksum, after.row])?;
        for index in &table.indexes {
            let (old, new) = (before.index_key(index), after.index_key(index));
            if old != new {
                self.delete_entry(index.id, &old)?;
                self.entry_insertion()?.execute(params![index.id, new, after.row])?;
            }
        }
        self.changes.push(Change { table_number: after.id.table_number, before: Some(before), after: Some(after) });
        Ok(())
    }

    /// Writes a document and its index entries.
    pub(super) fn insert_document(
        &mut self,
        table: &Table,
        id: DocumentId,
        creation_time: f64,
        fields: Object,
    ) -> Result<Document> {
        let mut document = Document { row: 0, id, creation_time, fields };
        let Stored { body, packed, checksum } = document.encode();
        self.connection
            .prepare_cached(
                "INSERT INTO documents (table_number, internal_id, creation_time, body, packed, checksum)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![id.table_number, id.internal.as_slice(), creation_time, body, packed, checksum])?;
        document.row = self.connection.last_insert_rowid();
        let mut insert_entry = self.entry_insertion()?;
        for index in &table.indexes {
            insert_entry.execute(params![index.id, document.index_key(index), document.row])?;
        }
        Ok(document)
    }

    fn check_writes(&self) -> Result<()> {
        if self.writes {
            return Ok(());
        }
        Err(Error::function(Code::ReadOnly, "Queries can't write to the database."))
    }

    /// Checks a write: permission, Convex's rules for documents, the schema, and the limits.
    pub(super) fn check(&mut self, table_name: &str, fields: &Object) -> Result<()> {
        self.check_writes()?;
        tables::check_name(table_name)?;
        value::size::check_document(fields).map_err(|error| FunctionError::new(error.code(), error.to_string()))?;
        if self.schema.validates
            && let Some(definition) = self.schema.tables.get(table_name)
        {
            definition.check(table_name, fields, &self.tables)?;
        }
        self.usage.write(value::size::size_of_document(fields), &self.limits)
    }

    fn table(&self, number: u32) -> (String, Arc<Table>) {
        let (name, table) = self.tables.by_number(number).expect("a stored document's table exists");
        (name.to_owned(), Arc::clone(table))
    }

    /// Inserts an entry: the number of its index, its key and its document's row.
    fn entry_insertion(&self) -> Result<CachedStatement<'_>> {
        Ok(self.connection.prepare_cached("INSERT INTO entries (index_id, key, row) VALUES (?, ?, ?)")?)
    }

    fn delete_entry(&self, index_id: i64, key: &[u8]) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM entries WHERE index_id = ? AND key = ?")?
            .execute(params![index_id, key])?;
        Ok(())
    }
}

/// Refuses fields that the system sets. The document's own system fields were removed before.
fn check_system_fields(id: DocumentId, creation_time: f64, fields: &Object) -> Result<()> {
    let message = if let Some(found) = fields.get("_id") {
        format!("Provided document ID \"{id}\" doesn't match '_id' field {}", Shown(found))
    } else if fields.contains_key("_creationTime") {
        let mut document = fields.clone();
        document.insert("_id".to_owned(), id.to_string().into());
        let document = Value::Object(document);
        format!("Provided creation time {creation_time} doesn't match '_creationTime' field in {}", Shown(&document))
    } else {
        return Ok(());
    };
    Err(Error::function(Code::SystemField, message))
}

/// Whether a field is the document's own system field. Functions may pass these back unchanged.
fn is_unchanged_system_field(document: &Document, name: &str, value: Option<&Value>) -> bool {
    matches!(name, "_id" | "_creationTime") && document.field(name).as_ref() == value
}
