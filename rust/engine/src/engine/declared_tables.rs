//! Tables with a vector index that are declared while the deployment runs, beside those of the built-in schema.

use std::sync::{Arc, PoisonError};

use base::locked;
use value::{Object, Value, json};
use wire::Code;

use super::{Committed, Engine};

use crate::{
    data::{
        schema::{TableDefinition, VectorIndex},
        settings::{set_setting, setting},
        storage::Checkout,
    },
    error::{Error, Result},
    vectors::VectorSource,
};

/// The setting that stores the declared tables.
const DECLARED_TABLES: &str = "declared_tables";

impl Engine {
    /// Makes sure that the schema has a table with a vector index.
    pub(crate) fn declare_vector_table(&self, table: &str, mut options: Value) -> Result<()> {
        let functions = self.functions();
        let mut definition = functions.vector_table(table, options.clone())?;
        let connection = self.storage.writer();
        let mut schema = (*self.schema()).clone();
        let mut declared = declared_tables(&connection)?;
        let mut outdated = Vec::new();
        if let Some(existing) = schema.tables.get(table) {
            let lacking = lacking_filter_fields(table, existing, &definition)?;
            if lacking.is_empty() {
                return Ok(());
            }
            if !declared.contains_key(table) {
                return Err(Error::function(
                    Code::SchemaConflict,
                    format!("table {table} is declared by the schema, without the filter fields {lacking:?}"),
                ));
            }
            let fields = existing.vector_indexes.values().flat_map(|index| &index.filter_fields).chain(&lacking);
            let fields: Vec<Value> = fields.map(|field| field.as_str().into()).collect();
            if let Value::Object(options) = &mut options {
                options.insert("filterFields".to_owned(), fields.into());
            }
            definition = functions.vector_table(table, options.clone())?;
            outdated.extend(existing.vector_indexes.values().map(|index| VectorSource::of_index(table, index)));
        } else if self.options.functions.is_some() {
            return Err(Error::function(Code::TableNotDeclared, format!("the schema has no table {table}")));
        }
        schema.tables.insert(table.to_owned(), definition);
        declared.insert(table.to_owned(), options);
        let Committed { mut tables, clock } = self.committed();
        connection.execute_batch("BEGIN")?;
        schema.apply(&connection, Arc::make_mut(&mut tables))?;
        set_setting(&connection, DECLARED_TABLES, json::to_string(&declared.into(), json::Format::Encoded))?;
        connection.execute_batch("COMMIT")?;
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Committed { tables, clock };
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        for source in &outdated {
            self.residents.forget(source);
        }
        self.leave(&connection, Vec::new(), usize::MAX);
        locked(&self.watches).mark_all_stale();
        Ok(())
    }
}

/// Tables declared at run time, with the options they were declared with.
pub(super) fn declared_tables(connection: &Checkout) -> Result<Object> {
    let Some(text) = setting::<String>(connection, DECLARED_TABLES)? else { return Ok(Object::new()) };
    let declared = json::decode(text.as_bytes()).ok();
    Ok(declared.and_then(|tables| tables.as_object().cloned()).unwrap_or_default())
}

/// The filter fields that a table lacks for the wanted definition; an error if they differ in anything else.
fn lacking_filter_fields(table: &str, existing: &TableDefinition, wanted: &TableDefinition) -> Result<Vec<String>> {
    let conflict = |name: &str, found: String, wanted: String| {
        let message = format!("table {table} has index {name}: {found}; asked for: {wanted}");
        Err(Error::function(Code::SchemaConflict, message))
    };
    let none = || "none of that name".to_owned();
    for (name, fields) in &wanted.indexes {
        let found = existing.indexes.get(name);
        if found != Some(fields) {
            return conflict(name, found.map_or_else(none, |fields| format!("{fields:?}")), format!("{fields:?}"));
        }
    }
    let mut lacking = Vec::new();
    for (name, index) in &wanted.vector_indexes {
        match existing.vector_indexes.get(name) {
            Some(found) if found.vector_field == index.vector_field && found.dimensions == index.dimensions => {
                let fields = index.filter_fields.iter().filter(|field| !found.filter_fields.contains(field));
                lacking.extend(fields.cloned());
            }
            found => return conflict(name, found.map_or_else(none, VectorIndex::to_string), index.to_string()),
        }
    }
    Ok(lacking)
}
