//! A Convex deployment in this process: its functions run on its data.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use rusqlite::params;
use scan::Batch;
use value::{Object, Value, json};

use crate::{
    auth::Providers,
    caller::Caller,
    error::{Error, Result},
    folders::{self, Folder},
    functions::{self, FunctionKind, Functions},
    last_writes::LastWrites,
    limits::Limits,
    locks::locked,
    reads::Writes,
    requests::MutationRequest,
    schema::{Schema, TableDefinition, VectorIndex},
    storage::{Checkout, Storage, Synchronous, Target, make_folder, set_setting, setting},
    tables::{BY_CREATION_TIME, Tables},
    transaction::{COMMIT_TIMESTAMP, CREATION_TIME, Clock, Commit, Transaction},
    vectors::{self, ResidentVectors, VectorSource},
    watches::Watches,
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
    /// An `auth.config.ts` to take instead of the functions' own.
    pub auth_config: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { functions: None, limits: Limits::CONVEX, synchronous: Synchronous::Full, auth_config: None }
    }
}

/// How a call ended, and what it logged.
#[derive(Debug)]
pub struct Outcome {
    /// The returned value; an error if there is no such function for the caller, or it failed. A failed mutation leaves
    /// no trace.
    pub result: Result<Value>,
    /// `[LOG] …` lines, in order.
    pub log_lines: Vec<String>,
    /// Where a query's page ended: given back, the query gives the same page.
    pub journal: Option<String>,
    /// The timestamp at which what a mutation did can be seen.
    pub timestamp: Option<i64>,
}

/// A handle on a deployment. All handles of a process on one folder share it; the last one closes it.
///
/// A handle is of no use in a forked child: every call there is [`Error::Forked`].
#[derive(Clone)]
pub struct Deployment {
    inner: Option<Arc<Inner>>,
    process: u32,
}

pub(crate) struct Inner {
    /// Where it stands among the open folders; in memory it stands nowhere.
    folder: Option<Arc<Folder>>,
    pub(crate) options: Options,
    pub(crate) storage: Storage,
    pub(crate) functions: Functions,
    providers: Providers,
    schema: RwLock<Arc<Schema>>,
    committed: RwLock<Committed>,
    last_writes: LastWrites,
    residents: ResidentVectors,
    pub(crate) watches: Mutex<Watches>,
}

/// What the last commit left.
#[derive(Clone)]
pub(crate) struct Committed {
    pub(crate) tables: Arc<Tables>,
    clock: Clock,
}

impl Deployment {
    /// Opens a deployment, or another handle on one that is open.
    ///
    /// # Errors
    ///
    /// The folder is another process's, damaged, of a newer format, or open here with other options; a function file
    /// doesn't load; stored documents don't match the schema.
    pub fn open(target: Target, mut options: Options) -> Result<Self> {
        // One folder may be given in many ways.
        if let Some(folder) = &mut options.functions
            && let Ok(path) = folder.canonicalize()
        {
            *folder = path;
        }
        let Target::Folder(path) = target else {
            return Ok(Self::new(Arc::new(Inner::open(Target::Memory, None, options)?)));
        };
        make_folder(&path)?;
        let path = path.canonicalize().map_err(|error| Error::Io { path, reason: error.to_string() })?;
        let folder = folders::folder(&path);
        let mut open = locked(&folder);
        if let Some(inner) = open.upgrade() {
            if let Some(difference) = difference(&inner.options, &options) {
                return Err(Error::OptionsDiffer { path, difference });
            }
            return Ok(Self::new(inner));
        }
        let inner = Arc::new(Inner::open(Target::Folder(path), Some(Arc::clone(&folder)), options)?);
        *open = Arc::downgrade(&inner);
        Ok(Self::new(inner))
    }

    fn new(inner: Arc<Inner>) -> Self {
        Self { inner: Some(inner), process: std::process::id() }
    }

    /// Calls a function: of one kind, or of any.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork. How the call itself ended is in the outcome.
    pub fn call(&self, kind: Option<FunctionKind>, path: &str, args: Value, caller: &Caller) -> Result<Outcome> {
        Ok(self.inner()?.call(kind, path, args, caller))
    }

    /// Calls a mutation, once however often it is requested: if the request succeeded before, its outcome is the one it
    /// had then. Outcomes are kept for 14 days, with the data.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork. How the call itself ended is in the outcome.
    pub fn mutation_once(
        &self,
        request: &MutationRequest,
        path: &str,
        args: Value,
        caller: &Caller,
    ) -> Result<Outcome> {
        Ok(self.inner()?.mutation_once(request, path, args, caller))
    }

    /// The user whom a token belongs to, as the providers of `auth.config` vouch. Waits for a provider's keys where they
    /// aren't known yet.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the token is no provider's or not valid now; the provider's keys can't
    /// be had.
    pub fn user(&self, token: &str) -> Result<Caller> {
        self.inner()?.providers.identify(token, SystemTime::now()).map(Caller::user)
    }

    /// Calls several queries at one snapshot: no commit comes between them. Each has its own outcome, in order.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn query_batch(&self, queries: Vec<(String, Value)>, caller: &Caller) -> Result<Vec<Outcome>> {
        let inner = self.inner()?;
        let mut snapshot = None;
        Ok(queries.into_iter().map(|(path, args)| inner.query_at(&mut snapshot, &path, args, None, caller)).collect())
    }

    /// Calls a query at the timestamp of the last commit; none if the timestamp is of another, since no others are kept.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork; the data can't be read.
    pub fn query_at(&self, timestamp: i64, path: &str, args: Value, caller: &Caller) -> Result<Option<Outcome>> {
        let inner = self.inner()?;
        let transaction = inner.begin_read().map_err(|error| inner.storage.place(error))?;
        if transaction.timestamp() != timestamp {
            return Ok(None);
        }
        Ok(Some(inner.query_at(&mut Some(transaction), path, args, None, caller)))
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

    /// The timestamp of this process's last commit that wrote to a table, or of the last one before it opened the data.
    /// As long as it stays the same, so does what was read of the table after asking for it.
    ///
    /// # Errors
    ///
    /// The handle is closed, or of before a fork.
    pub fn last_write(&self, table: &str) -> Result<i64> {
        Ok(self.inner()?.last_writes.get(table))
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

    pub(crate) fn inner(&self) -> Result<&Arc<Inner>> {
        if self.process != std::process::id() {
            return Err(Error::Forked);
        }
        self.inner.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        if self.process == std::process::id() {
            // Whoever opens the folder next waits until the last handle has let go of it.
            let folder = inner.folder.clone();
            let _open = folder.as_deref().map(locked);
            drop(inner);
        } else {
            // SQLite's connections are the parent's; closing them here would break its locks.
            std::mem::forget(inner);
        }
    }
}

impl Inner {
    fn open(target: Target, folder: Option<Arc<Folder>>, options: Options) -> Result<Self> {
        let storage = Storage::open(target, options.synchronous)?;
        let (functions, schema) = Functions::load(options.functions.as_deref(), options.limits)?;
        let auth_config = match &options.auth_config {
            Some(file) => Some(functions::default_export(file, &options.limits)?),
            None => functions.auth_config()?,
        };
        let providers = auth_config.as_ref().map(Providers::from_config).transpose()?.unwrap_or_default();
        Self::start(&storage, &functions, &options, schema).map_err(|error| storage.place(error)).map(
            |(schema, committed)| Self {
                folder,
                options,
                storage,
                functions,
                providers,
                schema: RwLock::new(Arc::new(schema)),
                last_writes: LastWrites::new(committed.clock.commit_timestamp),
                committed: RwLock::new(committed),
                residents: ResidentVectors::default(),
                watches: Mutex::default(),
            },
        )
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
            commit_timestamp: setting(&connection, COMMIT_TIMESTAMP)?.unwrap_or_default(),
            creation_time: setting(&connection, CREATION_TIME)?.unwrap_or_default(),
        };
        if options.functions.is_none() {
            for (table, declaration) in declared_tables(&connection)? {
                let definition = functions.vector_table(&table, declaration)?;
                schema.tables.insert(table, definition);
            }
        }
        let mut tables = Tables::load(&connection)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        apply_schema(&connection, &schema, &mut tables)?;
        connection.execute_batch("COMMIT")?;
        Ok((schema, Committed { tables: Arc::new(tables), clock }))
    }

    /// A transaction on the last commit, for reading.
    pub(crate) fn begin_read(&self) -> Result<Transaction> {
        self.read_with(self.storage.reader()?, self.options.limits)
    }

    /// The same, for reading all there is.
    pub(crate) fn begin_read_whole(&self) -> Result<Transaction> {
        self.read_with(self.storage.reader()?, Limits::OFF)
    }

    /// A snapshot for live queries, and what `act` does with the watches while nobody commits.
    pub(crate) fn begin_live<T>(&self, act: impl FnOnce(&mut Watches, i64) -> T) -> Result<(Transaction, T)> {
        // A commit has its connection when it comes to the watches; in memory there is only one.
        let connection = self.storage.reader()?;
        let mut watches = locked(&self.watches);
        let mut transaction = self.read_with(connection, self.options.limits)?;
        transaction.record_reads();
        let acted = act(&mut watches, transaction.timestamp());
        Ok((transaction, acted))
    }

    fn read_with(&self, connection: Checkout, limits: Limits) -> Result<Transaction> {
        let Committed { tables, clock } = self.committed();
        Transaction::read(connection, tables, clock, self.schema(), limits)
    }

    /// A transaction on what was last committed, once all others have ended.
    pub(crate) fn begin_write(&self, limits: Limits) -> Result<Transaction> {
        let connection = self.storage.writer();
        let Committed { tables, clock } = self.committed();
        Transaction::write(connection, tables, clock, self.schema(), limits)
    }

    /// Commits, lets everybody see it, at the timestamp that is returned, and waits until it is as durable as asked for.
    /// Until it is seen the connection is held, so commits come one after the other.
    pub(crate) fn commit(&self, transaction: Transaction) -> Result<i64> {
        let under_way = self.last_writes.begin(transaction.written_tables());
        let Committed { tables: tables_before, clock: clock_before } = self.committed();
        let mut watches = locked(&self.watches);
        let Commit { connection, tables, clock, changes, rewritten } = transaction.commit()?;
        let timestamp = clock.commit_timestamp;
        if timestamp != clock_before.commit_timestamp {
            // Before a live query can see it, and wait for the disk as well.
            if let Some(durability) = &self.storage.durability {
                durability.written(timestamp);
            }
            watches.committed(timestamp, || {
                if rewritten.is_empty() { Writes::new(&changes, &tables_before, &tables) } else { Writes::vast() }
            });
            drop(watches);
            under_way.finish(timestamp);
            self.residents.apply(&changes, &rewritten);
            *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Committed { tables, clock };
            if let Some(durability) = &self.storage.durability {
                drop(connection);
                durability.wait(timestamp)?;
            }
        }
        Ok(timestamp)
    }

    pub(crate) fn vectors(&self, source: &VectorSource) -> Result<Arc<Batch>> {
        if let Some(batch) = self.residents.get(source) {
            return Ok(batch);
        }
        let mut transaction = self.begin_write(Limits::OFF)?;
        // Somebody else may have built it while this thread waited for the connection.
        match self.residents.get(source) {
            Some(batch) => Ok(batch),
            None => self.residents.build(source, &mut transaction),
        }
    }

    fn declare_vector_table(&self, table: &str, mut options: Value) -> Result<()> {
        let mut definition = self.functions.vector_table(table, options.clone())?;
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
                    "SchemaConflict",
                    format!("table {table} is declared by the schema, without the filter fields {lacking:?}"),
                ));
            }
            let fields = existing.vector_indexes.values().flat_map(|index| &index.filter_fields).chain(&lacking);
            let fields: Vec<Value> = fields.map(|field| field.as_str().into()).collect();
            if let Value::Object(options) = &mut options {
                options.insert("filterFields".to_owned(), fields.into());
            }
            definition = self.functions.vector_table(table, options.clone())?;
            outdated.extend(existing.vector_indexes.values().map(|index| vectors::source_of_index(table, index)));
        } else if self.options.functions.is_some() {
            return Err(Error::function("TableNotDeclared", format!("the schema has no table {table}")));
        }
        schema.tables.insert(table.to_owned(), definition);
        declared.insert(table.to_owned(), options);
        let Committed { mut tables, clock } = self.committed();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        apply_schema(&connection, &schema, Arc::make_mut(&mut tables))?;
        set_setting(&connection, DECLARED_TABLES, json::to_string(&declared.into(), json::Format::Encoded))?;
        connection.execute_batch("COMMIT")?;
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Committed { tables, clock };
        *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(schema);
        for source in &outdated {
            self.residents.forget(source);
        }
        locked(&self.watches).mark_all_stale();
        Ok(())
    }

    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn committed(&self) -> Committed {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
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
        let mut documents = connection.prepare("SELECT row FROM entries WHERE index_id = ? ORDER BY key")?;
        let rows = documents.query_map([by_creation_time], |row| row.get::<_, i64>(0))?;
        for row in rows {
            let document = Transaction::stored(connection, table.number, row?)?;
            if schema.validates {
                definition.check(name, &document.fields, tables).map_err(|error| {
                    Error::function("SchemaEnforcementError", format!("Document {}: {error}", document.id))
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

/// Tables declared at run time, with the options they were declared with.
fn declared_tables(connection: &Checkout) -> Result<Object> {
    let Some(text) = setting::<String>(connection, DECLARED_TABLES)? else { return Ok(Object::new()) };
    let declared = json::decode(text.as_bytes()).ok();
    Ok(declared.and_then(|tables| tables.as_object().cloned()).unwrap_or_default())
}

/// The filter fields that a table lacks to serve whoever wants another definition; an error where it lacks more.
fn lacking_filter_fields(table: &str, existing: &TableDefinition, wanted: &TableDefinition) -> Result<Vec<String>> {
    let conflict = |name: &str, found: String, wanted: String| {
        let message = format!("table {table} has index {name}: {found}; asked for: {wanted}");
        Err(Error::function("SchemaConflict", message))
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

/// Which option differs, in the words of whoever gave it.
fn difference(open: &Options, asked: &Options) -> Option<String> {
    let file = |path: &Option<PathBuf>, none: &str| {
        path.as_ref().map_or_else(|| none.to_owned(), |path| path.display().to_string())
    };
    let described = |options: &Options| {
        [
            ("functions", file(&options.functions, "the built-in ones")),
            ("limits", if options.limits == Limits::CONVEX { "\"convex\"" } else { "\"off\"" }.to_owned()),
            ("synchronous", format!("{:?}", options.synchronous.name())),
            ("auth_config", file(&options.auth_config, "the functions' own")),
        ]
    };
    let mut options = described(open).into_iter().zip(described(asked));
    let ((name, open), (_, asked)) = options.find(|(open, asked)| open != asked)?;
    Some(format!("{name} is {open}, asked for {asked}"))
}
