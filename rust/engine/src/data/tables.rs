//! The existing tables and indexes, by name and number.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use rusqlite::{Connection, params};
use wire::Code;

use crate::error::{Error, Result};

/// The number of the first table that a user makes. Convex numbers them in order of creation.
const FIRST_TABLE_NUMBER: u32 = 10_001;

/// The indexes that every table has.
pub(crate) const BY_CREATION_TIME: &str = "by_creation_time";
pub(crate) const BY_ID: &str = "by_id";

/// The tables at one moment. Cloning shares each table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    by_name: HashMap<String, Arc<Table>>,
    names: HashMap<u32, String>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) number: u32,
    pub(crate) indexes: Vec<Index>,
}

/// A database index. Its keys hold the fields, then the creation time, then the id; those of `by_id` the id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
}

impl Table {
    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// The index that finds documents by their ids.
    pub(crate) fn by_id(&self) -> &Index {
        self.index(BY_ID).expect("every table has it")
    }
}

impl Index {
    /// The fields in its keys, in order.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &str> {
        let system: &[&str] = if self.name == BY_ID { &["_id"] } else { &["_creationTime", "_id"] };
        self.fields.iter().map(String::as_str).chain(system.iter().copied())
    }
}

impl Tables {
    pub(crate) fn load(connection: &Connection) -> Result<Self> {
        let mut indexes: HashMap<u32, Vec<Index>> = HashMap::new();
        let mut statement = connection.prepare("SELECT table_number, id, name, fields FROM indexes ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let fields: String = row.get(3)?;
            let fields = fields.split('\n').filter(|field| !field.is_empty()).map(str::to_owned).collect();
            indexes.entry(row.get(0)?).or_default().push(Index { id: row.get(1)?, name: row.get(2)?, fields });
        }
        let mut tables = Self::default();
        let mut statement = connection.prepare("SELECT number, name FROM tables")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            tables.put(row.get(1)?, Table { number, indexes: indexes.remove(&number).unwrap_or_default() });
        }
        Ok(tables)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Table>> {
        self.by_name.get(name)
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<(&str, &Arc<Table>)> {
        let name = self.names.get(&number)?;
        Some((name, self.by_name.get(name)?))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.get(name).map(|table| table.number)
    }

    /// All tables, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Table>)> {
        self.by_name.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// The names of all tables, by number.
    pub(crate) fn numbers(&self) -> BTreeMap<u32, String> {
        self.names.iter().map(|(number, name)| (*number, name.clone())).collect()
    }

    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }

    /// Makes a table with its system indexes, in the connection's transaction.
    pub(crate) fn create(&mut self, connection: &Connection, name: &str) -> Result<Arc<Table>> {
        self.create_with(connection, name, self.next_number())
    }

    /// The number that the next new table gets.
    pub(crate) fn next_number(&self) -> u32 {
        self.names.keys().max().map_or(FIRST_TABLE_NUMBER, |highest| highest + 1)
    }

    fn create_with(&mut self, connection: &Connection, name: &str, number: u32) -> Result<Arc<Table>> {
        connection.execute("INSERT INTO tables (number, name) VALUES (?, ?)", params![number, name])?;
        let system = [BY_ID, BY_CREATION_TIME].map(|index| insert_index(connection, number, index, &[]));
        let indexes = system.into_iter().collect::<Result<_>>()?;
        Ok(self.put(name.to_owned(), Table { number, indexes }))
    }

    /// Gives a table the declared indexes, and removes those that are no longer declared. Returns the new indexes,
    /// which have no entries yet.
    pub(crate) fn set_indexes(
        &mut self,
        connection: &Connection,
        name: &str,
        declared: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<Index>> {
        let table = Arc::clone(self.get(name).expect("indexes are set on tables that exist"));
        let kept = |index: &&Index| {
            [BY_ID, BY_CREATION_TIME].contains(&index.name.as_str())
                || declared.get(&index.name).is_some_and(|fields| *fields == index.fields)
        };
        let (mut indexes, dropped): (Vec<&Index>, Vec<&Index>) = table.indexes.iter().partition(kept);
        for index in dropped {
            connection.execute("DELETE FROM entries WHERE index_id = ?", [index.id])?;
            connection.execute("DELETE FROM indexes WHERE id = ?", [index.id])?;
        }
        let mut added = Vec::new();
        for (index_name, fields) in declared {
            if table.index(index_name).is_none_or(|index| index.fields != *fields) {
                added.push(insert_index(connection, table.number, index_name, fields)?);
            }
        }
        indexes.extend(&added);
        let indexes = indexes.into_iter().cloned().collect();
        self.put(name.to_owned(), Table { number: table.number, indexes });
        Ok(added)
    }

    /// Gives tables numbers, and makes those that are missing; a table that has one of the numbers and isn't named gets
    /// the next free one. Returns the tables whose number changed.
    pub(crate) fn renumber(
        &mut self,
        connection: &Connection,
        numbers: &BTreeMap<String, u32>,
    ) -> Result<BTreeSet<String>> {
        let wanted: BTreeMap<u32, &String> = numbers.iter().map(|(name, number)| (*number, name)).collect();
        let mut free = self.names.keys().chain(wanted.keys()).max().map_or(FIRST_TABLE_NUMBER, |highest| highest + 1);
        let mut moves = BTreeMap::new();
        for (name, table) in &self.by_name {
            match numbers.get(name) {
                Some(number) if *number != table.number => drop(moves.insert(name.clone(), *number)),
                None if wanted.contains_key(&table.number) => {
                    moves.insert(name.clone(), free);
                    free += 1;
                }
                _ => {}
            }
        }
        // All tables give up their numbers first, so that one can take another's.
        for name in moves.keys() {
            let number = self.by_name[name].number;
            connection.execute("UPDATE tables SET number = -number WHERE number = ?", [number])?;
            connection.execute("UPDATE indexes SET table_number = -table_number WHERE table_number = ?", [number])?;
            self.names.remove(&number);
        }
        for (name, number) in &moves {
            let table = Arc::clone(&self.by_name[name]);
            let from = -i64::from(table.number);
            connection.execute("UPDATE tables SET number = ? WHERE number = ?", params![number, from])?;
            connection.execute("UPDATE indexes SET table_number = ? WHERE table_number = ?", params![number, from])?;
            self.put(name.clone(), Table { number: *number, indexes: table.indexes.clone() });
        }
        for (number, name) in wanted {
            if self.get(name).is_none() {
                self.create_with(connection, name, number)?;
            }
        }
        Ok(moves.into_keys().collect())
    }

    fn put(&mut self, name: String, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        self.names.insert(table.number, name.clone());
        self.by_name.insert(name, Arc::clone(&table));
        table
    }
}

fn insert_index(connection: &Connection, table_number: u32, name: &str, fields: &[String]) -> Result<Index> {
    connection.execute(
        "INSERT INTO indexes (table_number, name, fields) VALUES (?, ?, ?)",
        params![table_number, name, fields.join("\n")],
    )?;
    Ok(Index { id: connection.last_insert_rowid(), name: name.to_owned(), fields: fields.to_vec() })
}

/// Checks that a text can name a table.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return Ok(());
    }
    Err(Error::function(
        Code::InvalidTableName,
        format!("`{name}` is not a table name: a letter, then letters, digits and underscores, at most 64 in all"),
    ))
}
