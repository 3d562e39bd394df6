//! A Convex deployment in this process: its functions run on its data.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak},
};

use rusqlite::{OptionalExtension, params};
use scan::Batch;
use value::{Packed, Value, json};

use crate::{
    error::{Error, FunctionError, Result},
    functions::{Call, Function, FunctionKind, Functions},
    limits::Limits,
    schema::{Schema, TableDefinition, VectorIndex},
    storage::{Checkout, Storage, Synchronous, Target, locked},
    tables::{BY_CREATION_TIME, Tables},
    transaction::{Clock, Commit, Transaction, check_schema},
    vectors::{self, ResidentVectors, VectorSearch, VectorSource},
};

/// Where the tables are kept that [`Deployment::declare_vector_table`] added to the built-in schema.
const DECLARED_TABLES: &str = "declared_tables";

/// How a deployment runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A functions folder instead of the built-in functions.
    pub functions: Option<PathBuf>,
    /// The limits calls run under.
    pub limits: Limits,
    /// What an acknowledged write survives.
    pub synchronous: Synchronous,
}

impl Default for Options {
    fn default() -> Self {
        Self { functions: None, limits: Limits::CONVEX, synchronous: Synchronous::Full }
    }
}

/// Who calls: that decides which functions can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Reaches all functions.
    Admin,
    /// Reaches public ones.
    Anonymous,
}

/// What a function returned, and what it logged.
#[derive(Debug)]
pub struct Outcome {
    /// The returned value.
    pub value: Value,
    /// `[LOG] …` lines, in order.
    pub log_lines: Vec<String>,
}

/// A handle on a deployment. All handles of a process on one folder share it; the last one closes it.
///
/// A handle is of no use in a forked child: every call there is [`Error::Forked`].
pub struct Deployment {
    inner: Option<Arc<Inner>>,
    process: u32,
}

struct Inner {
    options: Options,
    storage: Storage,
    functions: Functions,
    schema: RwLock<Arc<Schema>>,
    committed: RwLock<Committed>,
    residents: ResidentVectors,
}

/// What the last commit left.
#[derive(Clone)]
struct Committed {
    tables: Tables,
    clock: Clock,
}

/// The folders open in this process.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Inner>>>> = LazyLock::new(Mutex::default);

impl Deployment {
    /// Opens a deployment, or another handle on one that is open.
    ///
    /// # Errors
    ///
    /// The folder is another process's, damaged, of a newer format, or open here with other options; a function file
    /// doesn't load; stored documents don't match the schema.
    pub fn open(target: Target, options: Options) -> Result<Self> {
        let Target::Folder(folder) = target else {
            return Ok(Self::new(Arc::new(Inner::open(Target::Memory, options)?)));
        };
        let mut open = locked(&OPEN);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let folder = folder.canonicalize().unwrap_or(folder);
        if let Some(inner) = open.get(&folder).and_then(Weak::upgrade) {
            if let Some(difference) = difference(&inner.options, &options) {
                return Err(Error::OptionsDiffer { path: folder, difference });
            }
            return Ok(Self::new(inner));
        }
        let inner = Arc::new(Inner::open(Target::Folder(folder.clone()), options)?);
        let folder = folder.canonicalize().unwrap_or(folder);
        open.insert(folder, Arc::downgrade(&inner));
        Ok(Self::new(inner))
    }

    fn new(inner: Arc<Inner>) -> Self {
        Self { inner: Some(inner), process: std::process::id() }
    }

    /// Calls a function: of one kind, or of any.
    ///
    /// # Errors
    ///
    /// There is no such function for this caller, or it failed; a failed mutation leaves no trace.
    pub fn call(&self, kind: Option<FunctionKind>, path: &str, args: Value, caller: Caller) -> Result<Outcome> {
        let inner = self.inner()?;
        inner.call(kind, path, args, caller).map_err(|error| inner.storage.place(error))
    }

    /// The vectors of a source as they are after the last commit.
    ///
    /// # Errors
    ///
    /// The table has no such index; the data can't be read.
    pub fn vectors(&self, source: &VectorSource) -> Result<Arc<Batch>> {
        let inner = self.inner()?;
        inner.vectors(source).map_err(|error| inner.storage.place(error))
    }

    /// A number that grows with each commit that wrote: nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn commit_timestamp(&self) -> Result<i64> {
        Ok(self.inner()?.committed().clock.commit_timestamp)
    }

    /// Makes sure that the schema has a table with a vector index, as `defineMastraNativeVectorTable(options)` of the
    /// built-in functions defines it.
    ///
    /// # Errors
    ///
    /// The table has that index with another declaration; a user's own functions folder doesn't declare it.
    pub fn declare_vector_table(&self, table: &str, options: Value) -> Result<()> {
        let inner = self.inner()?;
        inner.declare_vector_table(table, options).map_err(|error| inner.storage.place(error))
    }

    fn inner(&self) -> Result<&Arc<Inner>> {
        if self.process != std::process::id() {
            return Err(Error::Forked);
        }
        self.inner.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let inner = self.inner.take();
        if self.process == std::process::id() {
            // Whoever opens the folder next waits until the last handle has let go of it.
            let _open = locked(&OPEN);
            drop(inner);
        } else {
            // SQLite's connections are the parent's; closing them here would break its locks.
            std::mem::forget(inner);
        }
    }
}

/// To be called in a forked child: lets go of the parent's folder locks, whose descriptors the child inherited.
pub fn forget_after_fork() {
    let Ok(mut open) = OPEN.try_lock() else { return };
    for (_, inner) in open.drain() {
        if let Some(inner) = inner.upgrade() {
            inner.storage.forget_lock();
            std::mem::forget(inner);
        }
    }
}

impl Inner {
    fn open(target: Target, options: Options) -> Result<Self> {
        let storage = Storage::open(target, options.synchronous)?;
        let (functions, schema) = Functions::load(options.functions.as_deref(), options.limits)?;
        Self::start(&storage, &functions, &options, schema)
            .map_err(|error| storage.place(error))
            .map(|(schema, committed)| Self {
                options,
                storage,
                functions,
                schema: RwLock::new(Arc::new(schema)),
                committed: RwLock::new(committed),
                residents: ResidentVectors::default(),
            })
    }

    /// Reads where the last process stopped, and gives the data the schema.
    fn start(
        storage: &Storage,
        functions: &Functions,
        options: &Options,
        mut schema: Schema,
    ) -> Result<(Schema, Committed)> {
        let connection = storage.writer();
        let clock = Clock {
            commit_timestamp: setting(&connection, "commit_timestamp")?.unwrap_or_default(),
            creation_time: setting(&connection, "creation_time")?.unwrap_or_default(),
        };
        if options.functions.is_none() {
            for (table, declaration) in declared_tables(&connection)? {
                schema.tables.insert(table.clone(), functions.vector_table(&table, declaration)?);
            }
        }
        let mut tables = Tables::load(&connection)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        apply_schema(&connection, &schema, &mut tables)?;
        connection.execute_batch("COMMIT")?;
        Ok((schema, Committed { tables, clock }))
    }

    fn call(
        self: &Arc<Self>,
        kind: Option<FunctionKind>,
        path: &str,
        args: Value,
        caller: Caller,
    ) -> Result<Outcome> {
        let function = self.functions.find(path, caller == Caller::Anonymous)?;
        if let Some(kind) = kind.filter(|kind| *kind != function.kind) {
            let (wanted, found) = (kind.name(), function.kind.name());
            return Err(Error::function(
                "WrongFunctionType",
                format!("Trying to execute {path} as {wanted}, but it is defined as {found}."),
            ));
        }
        self.check_value(&args, "arguments")?;
        if let Err(mismatch) = function.args.check(&args, &self.committed().tables) {
            return Err(Error::function("ArgumentValidationError", format!("ArgumentValidationError: {mismatch}")));
        }
        match function.kind {
            FunctionKind::Query => self.run_query(function, args),
            FunctionKind::Mutation => self.run_mutation(function, args),
            FunctionKind::Action => self.run_action(function, args),
        }
    }

    fn run_query(&self, function: &Function, args: Value) -> Result<Outcome> {
        let transaction = self.begin(self.storage.reader()?, false, self.options.limits)?;
        let call = Call::new(Some(transaction))?;
        let (outcome, call) = self.functions.run(function, args, call, self.options.limits.user_time);
        self.outcome(function, outcome?, call.log_lines)
    }

    fn run_mutation(&self, function: &Function, args: Value) -> Result<Outcome> {
        let transaction = self.begin(self.storage.writer(), true, self.options.limits)?;
        let call = Call::new(Some(transaction))?;
        let (outcome, mut call) = self.functions.run(function, args, call, self.options.limits.user_time);
        let outcome = self.outcome(function, outcome?, call.log_lines)?;
        let transaction = call.transaction.take().expect("a mutation's call keeps its transaction");
        self.publish(transaction.commit()?);
        Ok(outcome)
    }

    fn run_action(self: &Arc<Self>, function: &Function, args: Value) -> Result<Outcome> {
        let mut call = Call::new(None)?;
        call.vector_search = Some(Arc::clone(self) as Arc<dyn VectorSearch>);
        let (outcome, call) = self.functions.run(function, args, call, self.options.limits.action_time);
        self.outcome(function, outcome?, call.log_lines)
    }

    /// Checks what a function returned.
    fn outcome(&self, function: &Function, value: Value, log_lines: Vec<String>) -> Result<Outcome> {
        self.check_value(&value, "return value")?;
        if let Err(mismatch) = function.returns.check(&value, &self.committed().tables) {
            return Err(Error::function("ReturnsValidationError", format!("ReturnsValidationError: {mismatch}")));
        }
        Ok(Outcome { value, log_lines })
    }

    fn check_value(&self, value: &Value, what: &str) -> Result<()> {
        value::size::check_value(value)
            .map_err(|error| FunctionError::new(error.code(), format!("The {what} of a function: {error}")))?;
        let (size, limit) = (value::size::size(value), self.options.limits.value_bytes);
        if size > limit {
            return Err(Error::function(
                "ValueTooLarge",
                format!("The {what} of a function may have {limit} bytes; these have {size}."),
            ));
        }
        Ok(())
    }

    /// A transaction on what was last committed.
    fn begin(&self, connection: Checkout, writes: bool, limits: Limits) -> Result<Transaction> {
        let Committed { tables, clock } = self.committed();
        Transaction::begin(connection, writes, tables, self.schema(), limits, clock)
    }

    /// Lets everybody see a commit. Its connection is still held, so commits come one after the other.
    fn publish(&self, commit: Commit) {
        let Commit { connection, tables, clock, changes } = commit;
        if !changes.is_empty() {
            self.residents.apply(&tables, &changes);
            *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Committed { tables, clock };
        }
        drop(connection);
    }

    fn vectors(&self, source: &VectorSource) -> Result<Arc<Batch>> {
        if let Some(batch) = self.residents.get(source) {
            return Ok(batch);
        }
        let mut transaction = self.begin(self.storage.writer(), true, Limits::OFF)?;
        // Somebody else may have built it while this thread waited for the connection.
        match self.residents.get(source) {
            Some(batch) => Ok(batch),
            None => self.residents.build(source, &mut transaction),
        }
    }

    fn declare_vector_table(&self, table: &str, options: Value) -> Result<()> {
        let definition = self.functions.vector_table(table, options.clone())?;
        let declared = |schema: &Schema| -> Result<bool> {
            let Some(existing) = schema.tables.get(table) else { return Ok(false) };
            for (name, index) in &definition.vector_indexes {
                match existing.vector_indexes.get(name) {
                    Some(found) if found.covers(index) => {}
                    found => return Err(conflict(table, name, index, found)),
                }
            }
            Ok(true)
        };
        if declared(&self.schema())? {
            return Ok(());
        }
        if self.options.functions.is_some() {
            return Err(Error::function("TableNotDeclared", format!("the schema has no table {table}")));
        }
        let connection = self.storage.writer();
        let mut schema = (*self.schema()).clone();
        if declared(&schema)? {
            return Ok(());
        }
        schema.tables.insert(table.to_owned(), definition);
        let mut all = declared_tables(&connection)?;
        all.push((table.to_owned(), options));
        let mut committed = self.committed();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        apply_schema(&connection, &schema, &mut committed.tables)?;
        let all: value::Object = all.into_iter().collect();
        set_setting(&connection, DECLARED_TABLES, json::to_string(&all.into(), json::Format::Encoded))?;
        connection.execute_batch("COMMIT")?;
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = committed;
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        Ok(())
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn committed(&self) -> Committed {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl VectorSearch for Inner {
    fn vector_search(
        &self,
        table: &str,
        index: &str,
        vector: &Packed,
        limit: f64,
        conditions: &[(String, Option<Value>)],
    ) -> Result<Vec<(String, f64)>> {
        let schema = self.schema();
        let Some(definition) = schema.tables.get(table) else { return Ok(Vec::new()) };
        let name = format!("{table}.{index}");
        let Some(declared) = definition.vector_indexes.get(index) else {
            return Err(Error::function("IndexNotFoundError", format!("Vector index {name} not found.")));
        };
        let batch = self.vectors(&vectors::source_of_index(table, declared))?;
        vectors::search(&name, declared, &batch, vector, limit, conditions)
    }
}

/// Makes the schema's tables and indexes, and checks the documents of tables whose declaration is new.
fn apply_schema(connection: &Checkout, schema: &Schema, tables: &mut Tables) -> Result<()> {
    for (name, definition) in &schema.tables {
        if tables.get(name).is_none() {
            tables.create(connection, name)?;
        }
        let added = tables.set_indexes(connection, name, &definition.indexes)?;
        let checked = format!("schema of {name}");
        let validator = if schema.validates { definition.document.to_string() } else { String::new() };
        let unchanged = setting::<String>(connection, &checked)?.as_ref() == Some(&validator);
        if unchanged && added.is_empty() {
            continue;
        }
        let table = tables.get(name).expect("made above").clone();
        let by_creation_time = table.index(BY_CREATION_TIME).expect("every table has it").id;
        let mut documents =
            connection.prepare("SELECT row FROM entries WHERE index_id = ? ORDER BY key")?;
        let rows = documents.query_map([by_creation_time], |row| row.get::<_, i64>(0))?;
        for row in rows {
            let document = Transaction::stored(connection, table.number, row?)?;
            if schema.validates {
                check_schema(name, definition, &document.fields, tables).map_err(|error| {
                    Error::function("SchemaEnforcementError", format!("Document {}: {error}", document.id))
                })?;
            }
            for index in &added {
                connection
                    .prepare_cached("INSERT INTO entries (index_id, key, row) VALUES (?, ?, ?)")?
                    .execute(params![index.id, document.index_key(&index.fields), document.row])?;
            }
        }
        set_setting(connection, &checked, validator)?;
    }
    Ok(())
}

fn setting<T: rusqlite::types::FromSql>(connection: &Checkout, name: &str) -> Result<Option<T>> {
    Ok(connection.query_row("SELECT value FROM settings WHERE name = ?", [name], |row| row.get(0)).optional()?)
}

fn set_setting(connection: &Checkout, name: &str, value: String) -> Result<()> {
    connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", params![name, value])?;
    Ok(())
}

/// Tables declared at run time, with the options they were declared with.
fn declared_tables(connection: &Checkout) -> Result<Vec<(String, Value)>> {
    let Some(text) = setting::<String>(connection, DECLARED_TABLES)? else { return Ok(Vec::new()) };
    let declared = json::decode(text.as_bytes()).ok();
    Ok(declared.and_then(|tables| tables.as_object().cloned()).unwrap_or_default().into_iter().collect())
}

fn conflict(table: &str, name: &str, wanted: &VectorIndex, found: Option<&VectorIndex>) -> Error {
    let found = found.map_or_else(|| "none of that name".to_owned(), VectorIndex::to_string);
    Error::function("SchemaConflict", format!("table {table} has vector index {name}: {found}; asked for: {wanted}"))
}

fn difference(open: &Options, asked: &Options) -> Option<String> {
    let of = |name: &str, open: &dyn std::fmt::Debug, asked: &dyn std::fmt::Debug| {
        let (open, asked) = (format!("{open:?}"), format!("{asked:?}"));
        (open != asked).then(|| format!("{name} is {open}, asked for {asked}"))
    };
    of("functions", &open.functions, &asked.functions)
        .or_else(|| of("limits", &open.limits, &asked.limits))
        .or_else(|| of("synchronous", &open.synchronous, &asked.synchronous))
}

impl Functions {
    /// The table that `defineMastraNativeVectorTable(options)` defines.
    fn vector_table(&self, name: &str, options: Value) -> Result<TableDefinition> {
        let table = self.describe_table(name, "mastra/schema", "defineMastraNativeVectorTable", options)?;
        Ok(TableDefinition::from_export(&table)?.1)
    }
}
