//! The schema: the tables of a deployment, and the checks of their documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use rusqlite::{Connection, params};
use value::{Object, Value};

mod validator;

use super::{
    document::Document,
    settings::{set_setting, setting},
    tables::{BY_CREATION_TIME, Tables},
};
use crate::error::{Error, Result};
use validator::excerpt;
pub(crate) use validator::{Shown, Validator};
use wire::Code;

/// The tables a schema declares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    pub(crate) tables: BTreeMap<String, TableDefinition>,
    /// `false` if the schema was defined with `schemaValidation: false`.
    pub(crate) validates: bool,
}

/// One table's declaration.
#[derive(Clone, Debug)]
pub(crate) struct TableDefinition {
    pub(crate) document: Validator,
    /// The fields of each index by its name, without the creation time at the end of each.
    pub(crate) indexes: BTreeMap<String, Vec<String>>,
    pub(crate) vector_indexes: BTreeMap<String, VectorIndex>,
    /// The names of staged indexes, which are filled but can't be used by queries.
    pub(crate) staged: BTreeSet<String>,
}

/// A vector index's declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VectorIndex {
    pub(crate) vector_field: String,
    pub(crate) dimensions: usize,
    pub(crate) filter_fields: Vec<String>,
}

impl fmt::Display for VectorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dimensions of `{}`, filter fields {:?}", self.dimensions, self.vector_field, self.filter_fields)
    }
}

impl VectorIndex {
    fn from_export(table_name: &str, index: &Value) -> Result<Self> {
        let dimensions = export_field(index, "dimensions")?.as_f64().unwrap_or_default();
        if !(2.0..=4096.0).contains(&dimensions) || dimensions.fract() != 0.0 {
            return Err(Error::function(
                Code::InvalidVectorDimensionError,
                format!(
                    "table {table_name}: a vector index's dimensions must be an integer from 2 to 4096, not {dimensions}"
                ),
            ));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 4096, checked above")]
        let dimensions = dimensions as usize;
        Ok(Self {
            vector_field: text(export_field(index, "vectorField")?)?,
            dimensions,
            filter_fields: items(export_field(index, "filterFields")?)?.iter().map(text).collect::<Result<_>>()?,
        })
    }
}

impl Schema {
    /// Reads the result of a schema's `export()`.
    pub(crate) fn from_export(export: &Value) -> Result<Self> {
        let mut schema =
            Self { tables: BTreeMap::new(), validates: export_field(export, "schemaValidation")? != &false.into() };
        for table in items(export_field(export, "tables")?)? {
            let (name, definition) = TableDefinition::from_export(&table)?;
            schema.tables.insert(name, definition);
        }
        Ok(schema)
    }

    /// Makes the schema's tables and indexes, and checks the documents of tables whose declaration is new.
    pub(crate) fn apply(&self, connection: &Connection, tables: &mut Tables) -> Result<()> {
        for (name, definition) in &self.tables {
            if tables.get(name).is_none() {
                tables.create(connection, name)?;
            }
            let added = tables.set_indexes(connection, name, &definition.indexes)?;
            let checked = format!("schema of {name}");
            let validator = if self.validates { definition.document.to_string() } else { String::new() };
            let unchanged = setting::<String>(connection, &checked)?.as_ref() == Some(&validator);
            if unchanged && added.is_empty() {
                continue;
            }
            let table = tables.get(name).expect("made above").clone();
            let by_creation_time = table.index(BY_CREATION_TIME).expect("every table has it").id;
            let mut documents = connection.prepare("SELECT row FROM entries WHERE index_id = ? ORDER BY key")?;
            let rows = documents.query_map([by_creation_time], |row| row.get::<_, i64>(0))?;
            for row in rows {
                let document = Document::stored(connection, table.number, row?)?;
                if self.validates {
                    definition.check(name, &document.fields, tables).map_err(|error| {
                        Error::function(Code::SchemaEnforcementError, format!("Document {}: {error}", document.id))
                    })?;
                }
                for index in &added {
                    connection
                        .prepare_cached("INSERT INTO entries (index_id, key, row) VALUES (?, ?, ?)")?
                        .execute(params![index.id, document.index_key(index), document.row])?;
                }
            }
            set_setting(connection, &checked, validator)?;
        }
        Ok(())
    }
}

impl TableDefinition {
    /// Reads one table of a schema's export.
    pub(crate) fn from_export(table: &Value) -> Result<(String, Self)> {
        let name = text(export_field(table, "tableName")?)?;
        let mut definition = Self {
            document: Validator::from_json(export_field(table, "documentType")?)?,
            indexes: BTreeMap::new(),
            vector_indexes: BTreeMap::new(),
            staged: BTreeSet::new(),
        };
        if let Some(validator) = table.as_object().and_then(|table| table.get("stagedDocumentType")) {
            // Documents needn't match it yet.
            Validator::from_json(validator)?;
        }
        for (list, is_staged) in [("indexes", false), ("stagedDbIndexes", true)] {
            for index in items(export_field(table, list)?)? {
                let fields = items(export_field(&index, "fields")?)?.iter().map(text).collect::<Result<_>>()?;
                let index_name = definition.declare(&name, &index, is_staged)?;
                definition.indexes.insert(index_name, fields);
            }
        }
        for (list, is_staged) in [("vectorIndexes", false), ("stagedVectorIndexes", true)] {
            for index in items(export_field(table, list)?)? {
                let vector_index = VectorIndex::from_export(&name, &index)?;
                let index_name = definition.declare(&name, &index, is_staged)?;
                definition.vector_indexes.insert(index_name, vector_index);
            }
        }
        Ok((name, definition))
    }

    /// The name of an index that is being declared.
    fn declare(&mut self, table_name: &str, index: &Value, is_staged: bool) -> Result<String> {
        let name = text(export_field(index, "indexDescriptor")?)?;
        if self.indexes.contains_key(&name) || self.vector_indexes.contains_key(&name) {
            return Err(Error::function(
                Code::InvalidSchema,
                format!("table {table_name}: two indexes are called {name}"),
            ));
        }
        if is_staged {
            self.staged.insert(name.clone());
        }
        Ok(name)
    }

    /// Refuses a query by an index that is staged.
    pub(crate) fn check_index(&self, table_name: &str, index: &str) -> Result<()> {
        if !self.staged.contains(index) {
            return Ok(());
        }
        let message =
            format!("Index {table_name}.{index} is staged: queries can use it once the schema no longer says so.");
        Err(Error::function(Code::IndexStagedError, message))
    }

    /// Checks a document's fields.
    pub(crate) fn check(&self, table_name: &str, fields: &Object, tables: &Tables) -> Result<()> {
        self.document
            .check_fields(fields, tables)
            .map_err(|mismatch| Error::says(Code::SchemaEnforcementError, &[&table_name, &mismatch]))
    }
}

fn export_field<'a>(export: &'a Value, name: &str) -> Result<&'a Value> {
    export.as_object().and_then(|fields| fields.get(name)).ok_or_else(|| malformed(export))
}

fn items(value: &Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(array) => Ok(array.iter().map(std::borrow::Cow::into_owned).collect()),
        _ => Err(malformed(value)),
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| malformed(value))
}

fn malformed(found: &Value) -> Error {
    Error::function(Code::InvalidSchema, format!("not part of a schema or validator: {}", excerpt(found)))
}
