//! The state that all handles on a deployment share. Transactions begin and commit here.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base::locked;
use scan::Batch;

mod declared_tables;
mod environment;
mod reload;
mod tidying;

use crate::{
    auth::Providers,
    data::{
        clock::Clock,
        folders::Folder,
        last_writes::LastWrites,
        reads::Writes,
        schema::Schema,
        storage::{Checkout, Storage, Target},
        tables::Tables,
        transaction::{Commit, Transaction},
        variables,
    },
    error::Result,
    executions::Executions,
    functions::Functions,
    limits::Limits,
    live::watches::Watches,
    options::Options,
    statistics::{Sizes, Statistics},
    vectors::{ResidentVectors, VectorSource},
};
use declared_tables::declared_tables;
use tidying::Tidying;

/// An open deployment: its data, its functions, its vectors in memory and its live queries.
pub(crate) struct Engine {
    /// Its entry among the open folders; None for in-memory deployments.
    pub(crate) folder: Option<Arc<Folder>>,
    pub(crate) options: Options,
    pub(crate) storage: Storage,
    functions: RwLock<Arc<Functions>>,
    pub(crate) providers: RwLock<Arc<Providers>>,
    schema: RwLock<Arc<Schema>>,
    committed: RwLock<Committed>,
    pub(crate) last_writes: LastWrites,
    residents: ResidentVectors,
    pub(crate) watches: Mutex<Watches>,
    pub(crate) executions: Executions,
    pub(crate) statistics: Statistics,
    tidying: Tidying,
}

/// The state after the last commit.
#[derive(Clone)]
pub(crate) struct Committed {
    pub(crate) tables: Arc<Tables>,
    pub(crate) clock: Clock,
}

impl Engine {
    pub(crate) fn open(target: Target, folder: Option<Arc<Folder>>, options: Options) -> Result<Self> {
        let storage = Storage::open(target, options.synchronous)?;
        let stored = variables::stored(&storage.writer()).map_err(|error| storage.place(error))?;
        let variables = Arc::new(stored);
        let (functions, schema) =
            Functions::load(options.functions.as_deref(), options.limits, Arc::clone(&variables))?;
        let providers = environment::providers(&functions, &options, &variables)?;
        Self::start(&storage, &functions, &options, schema).map_err(|error| storage.place(error)).map(
            |(schema, committed)| Self {
                folder,
                options,
                storage,
                functions: RwLock::new(Arc::new(functions)),
                providers: RwLock::new(Arc::new(providers)),
                schema: RwLock::new(Arc::new(schema)),
                last_writes: LastWrites::new(committed.clock.commit_timestamp),
                committed: RwLock::new(committed),
                residents: ResidentVectors::default(),
                watches: Mutex::default(),
                executions: Executions::default(),
                statistics: Statistics::default(),
                tidying: Tidying::default(),
            },
        )
    }

    /// Reads the state that the last process left, and applies the schema to the data.
    fn start(
        storage: &Storage,
        functions: &Functions,
        options: &Options,
        mut schema: Schema,
    ) -> Result<(Schema, Committed)> {
        let connection = storage.writer();
        let clock = Clock::load(&connection)?;
        if options.functions.is_none() {
            for (table, declaration) in declared_tables(&connection)? {
                let definition = functions.vector_table(&table, declaration)?;
                schema.tables.insert(table, definition);
            }
        }
        let mut tables = Tables::load(&connection)?;
        connection.execute_batch("BEGIN")?;
        schema.apply(&connection, &mut tables)?;
        connection.execute_batch("COMMIT")?;
        Ok((schema, Committed { tables: Arc::new(tables), clock }))
    }

    /// A transaction on the last commit, for reading.
    pub(crate) fn begin_read(&self) -> Result<Transaction> {
        self.read_with(self.storage.reader()?, self.options.limits)
    }

    /// The same without limits, for reading all data.
    pub(crate) fn begin_read_whole(&self) -> Result<Transaction> {
        self.read_with(self.storage.reader()?, Limits::OFF)
    }

    /// A snapshot for live queries, and the result of `act` on the watches while no thread commits.
    pub(crate) fn begin_live<T>(&self, act: impl FnOnce(&mut Watches, i64) -> T) -> Result<(Transaction, T)> {
        // A commit holds its connection when it locks the watches. In memory there is only one connection, so it must
        // be taken first here too.
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

    /// A transaction that may write, on the last commit. Waits for other transactions that write.
    pub(crate) fn begin_write(&self, limits: Limits) -> Result<Transaction> {
        let connection = self.storage.writer();
        let Committed { tables, clock } = self.committed();
        Transaction::write(connection, tables, clock, self.schema(), limits)
    }

    /// Commits, makes the commit visible at the returned timestamp, and waits until it is as durable as the options
    /// ask. The connection is held until the commit is visible, so commits come one after the other.
    pub(crate) fn commit(&self, transaction: Transaction) -> Result<i64> {
        self.storage.check_in_place()?;
        let under_way = self.last_writes.begin(transaction.written_tables());
        let Committed { tables: tables_before, clock: clock_before } = self.committed();
        let mut watches = locked(&self.watches);
        let Commit { connection, tables, clock, changes, rewritten, left } = transaction.commit()?;
        let timestamp = clock.commit_timestamp;
        if timestamp == clock_before.commit_timestamp {
            // Nothing was written, but something may be left to do.
            self.leave(&connection, left, 0);
        } else {
            // This comes before a live query can see the commit and wait for the disk too.
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
            // An import's changes aren't listed, but they are many. A commit without any stored an answer.
            let changed = if rewritten.is_empty() { changes.len().max(1) } else { usize::MAX };
            self.leave(&connection, left, changed);
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
        // Another thread may have built it while this one waited for the connection.
        match self.residents.get(source) {
            Some(batch) => Ok(batch),
            None => self.residents.build(source, &mut transaction),
        }
    }

    /// The sizes of the data, and the numbers of what is in memory.
    pub(crate) fn sizes(&self) -> Result<Sizes> {
        let (resident_vectors, live_queries) = (self.residents.vectors(), locked(&self.watches).queries());
        Ok(Sizes { resident_vectors, live_queries, ..self.storage.sizes()? })
    }

    pub(crate) fn providers(&self) -> Arc<Providers> {
        Arc::clone(&self.providers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The functions of calls that begin now.
    pub(crate) fn functions(&self) -> Arc<Functions> {
        Arc::clone(&self.functions.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn committed(&self) -> Committed {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
