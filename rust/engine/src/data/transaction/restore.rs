//! Writes whole tables as they were in another deployment. Documents keep their ids and creation times, and tables keep
//! their numbers.
//!
//! These writes aren't kept as changes, so that memory doesn't grow with them. Followers of commits get the names of
//! the tables only.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::ErrorCode;
use value::{Object, id::DocumentId};
use wire::Code;

use super::Transaction;
use crate::{
    data::tables::BY_CREATION_TIME,
    error::{Error, Result},
};

impl Transaction {
    /// The number of documents in a table; 0 if there is no such table.
    pub(crate) fn count(&mut self, table_name: &str) -> Result<u64> {
        let Some(table) = self.table_by_name(table_name) else { return Ok(0) };
        if let Some(reads) = &mut self.reads {
            reads.add_table(&table);
        }
        let by_creation_time = table.index(BY_CREATION_TIME).expect("every table has it").id;
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM entries WHERE index_id = ?")?;
        Ok(statement.query_row([by_creation_time], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    /// Deletes a table's documents.
    pub(crate) fn clear(&mut self, table_name: &str) -> Result<()> {
        let Some(table) = self.tables.get(table_name).map(Arc::clone) else { return Ok(()) };
        let by_creation_time = table.index(BY_CREATION_TIME).expect("every table has it").id;
        self.connection.execute(
            "DELETE FROM documents WHERE row IN (SELECT row FROM entries WHERE index_id = ?)",
            [by_creation_time],
        )?;
        for index in &table.indexes {
            self.connection.execute("DELETE FROM entries WHERE index_id = ?", [index.id])?;
        }
        self.rewritten.insert(table_name.to_owned());
        Ok(())
    }

    /// Gives tables numbers, and makes those that are missing. A table that has one of the numbers and isn't named gets
    /// a new one. Every table whose number changes must be empty, since ids hold the number.
    pub(crate) fn number_tables(&mut self, numbers: &BTreeMap<String, u32>) -> Result<()> {
        let renumbered = Arc::make_mut(&mut self.tables).renumber(&self.connection, numbers)?;
        self.rewritten.extend(renumbered);
        Ok(())
    }

    /// Writes a document as it was in the other deployment.
    ///
    /// # Errors
    ///
    /// The document breaks a rule for documents, or the schema; its id is taken.
    pub(crate) fn restore(
        &mut self,
        table_name: &str,
        id: DocumentId,
        creation_time: f64,
        fields: Object,
    ) -> Result<()> {
        self.check(table_name, &fields)?;
        let table = self.tables.get(table_name).map(Arc::clone).expect("tables are numbered before they are filled");
        let inserted = self.insert_document(&table, id, creation_time, fields);
        inserted.map_err(|error| match error {
            Error::Storage(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                Error::function(Code::DuplicateId, format!("the id {id} again, expected each once"))
            }
            error => error,
        })?;
        if !self.rewritten.contains(table_name) {
            self.rewritten.insert(table_name.to_owned());
        }
        Ok(())
    }
}
