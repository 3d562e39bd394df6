//! A transaction: reads at a snapshot, and writes that are all made or none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use value::Value;

mod documents;
mod new_ids;
mod restore;

use new_ids::NewIds;

use super::{
    clock::Clock,
    document::Change,
    reads::{Reads, Writes},
    requests::{Answer, MutationRequest},
    schema::Schema,
    storage::Checkout,
    tables::{Table, Tables},
};
use crate::{
    error::Result,
    limits::{Limits, Usage},
};

/// A mutation to call later: its path and its arguments.
pub(crate) type Mutation = (String, Value);

/// A transaction on one connection. If it is dropped without [`Transaction::commit`], nothing is written.
///
/// Each write checks everything before it changes SQLite's data, so a function may catch its error and continue. After
/// an error of SQLite's itself ([`Error::Storage`]), the transaction can only be dropped.
pub(crate) struct Transaction {
    connection: Checkout,
    writes: bool,
    pub(crate) tables: Arc<Tables>,
    pub(crate) schema: Arc<Schema>,
    limits: Limits,
    usage: Usage,
    clock: Clock,
    new_ids: NewIds,
    changes: Vec<Change>,
    /// The tables whose writes aren't in `changes`, which would grow too large.
    rewritten: BTreeSet<String>,
    /// The read set, if it is recorded.
    reads: Option<Reads>,
    /// The timestamp of its commit, set by its first write.
    commits_at: Option<i64>,
    /// The mutations to call after its commit.
    left: Vec<Mutation>,
}

/// A part of a transaction that can be undone alone. It has the transaction's state at the part's beginning.
pub(crate) struct Part {
    writes: bool,
    tables: Arc<Tables>,
    creation_time: f64,
    changes: usize,
    left: usize,
}

/// The changes of a commit, for parts that follow commits. It holds the connection, so no other thread commits
/// meanwhile.
pub(crate) struct Commit {
    pub(crate) connection: Checkout,
    pub(crate) tables: Arc<Tables>,
    pub(crate) clock: Clock,
    pub(crate) changes: Vec<Change>,
    /// The tables with writes that aren't in `changes`.
    pub(crate) rewritten: BTreeSet<String>,
    /// The mutations to call after it.
    pub(crate) left: Vec<Mutation>,
}

impl Transaction {
    /// Begins to write on a connection. `tables`, `clock` and `schema` must be those of the last commit; no other
    /// thread can commit meanwhile.
    pub(crate) fn write(
        connection: Checkout,
        tables: Arc<Tables>,
        clock: Clock,
        schema: Arc<Schema>,
        limits: Limits,
    ) -> Result<Self> {
        // SQLite's own lock is taken by the first write. No other connection writes; a read-only folder has no such lock.
        connection.prepare_cached("BEGIN")?.execute([])?;
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
        let commit_timestamp = Clock::load_commit_timestamp(&connection)?;
        // A commit between `tables` and the snapshot may have made tables. Then they are read from the snapshot.
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
            new_ids: NewIds::default(),
            changes: Vec::new(),
            rewritten: BTreeSet::new(),
            reads: None,
            commits_at: None,
            left: Vec::new(),
        }
    }

    /// The timestamp of the last commit it sees.
    pub(crate) fn timestamp(&self) -> i64 {
        self.clock.commit_timestamp
    }

    /// The limits of the transaction.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Records reads from now on.
    pub(crate) fn record_reads(&mut self) {
        self.reads = Some(Reads::default());
    }

    /// The read set since recording began, or since it was last taken.
    pub(crate) fn take_reads(&mut self) -> Reads {
        self.reads.replace(Reads::default()).unwrap_or_default()
    }

    /// The write set so far; `before` are the tables at the beginning.
    pub(crate) fn writes_since(&self, before: &Tables) -> Writes {
        Writes::new(&self.changes, before, &self.tables)
    }

    /// A table, if there is one of that name.
    pub(crate) fn table_by_name(&mut self, name: &str) -> Option<Arc<Table>> {
        let table = self.tables.get(name).cloned();
        if let (None, Some(reads)) = (&table, &mut self.reads) {
            reads.missing_tables.insert(name.to_owned());
        }
        table
    }

    /// All tables, by number. They don't change until the transaction ends.
    pub(crate) fn all_tables(&mut self) -> Arc<Tables> {
        if let Some(reads) = &mut self.reads {
            reads.lists_tables = true;
        }
        Arc::clone(&self.tables)
    }

    /// The number of documents of each table that has any, and their bytes as they are stored, by the table's number.
    /// Vectors count as packed numbers, index entries don't count.
    pub(crate) fn sizes(&mut self) -> Result<BTreeMap<u32, (u64, u64)>> {
        if let Some(reads) = &mut self.reads {
            self.tables.iter().for_each(|(_, table)| reads.add_table(table));
        }
        let mut sizes = BTreeMap::<u32, (u64, u64)>::new();
        // The lengths are read without the content of long rows.
        let mut statement = self.connection.prepare_cached(
            "SELECT table_number, octet_length(body) + ifnull(octet_length(packed), 0) FROM documents",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (documents, bytes) = sizes.entry(row.get(0)?).or_default();
            *documents += 1;
            *bytes += row.get::<_, i64>(1)?.unsigned_abs();
        }
        Ok(sizes)
    }

    /// Resets the usage of limits, for the next function that reads the same snapshot.
    pub(crate) fn forget_usage(&mut self) {
        self.usage = Usage::default();
    }

    /// The used and remaining amounts of the limits.
    pub(crate) fn metrics(&self) -> Value {
        self.usage.metrics(&self.limits)
    }

    /// Begins a part of this transaction. Parts are nested: the part that began last ends first.
    pub(crate) fn begin_part(&mut self, writes: bool) -> Result<Part> {
        let tables = Arc::clone(&self.tables);
        let (changes, left) = (self.changes.len(), self.left.len());
        let part = Part { writes: self.writes, tables, creation_time: self.clock.creation_time, changes, left };
        self.writes = writes;
        if writes {
            self.connection.prepare_cached("SAVEPOINT part")?.execute([])?;
        }
        Ok(part)
    }

    /// Ends a part, and keeps or undoes its writes.
    pub(crate) fn end_part(&mut self, part: Part, keep: bool) -> Result<()> {
        if std::mem::replace(&mut self.writes, part.writes) {
            if !keep {
                self.connection.prepare_cached("ROLLBACK TO part")?.execute([])?;
                self.tables = part.tables;
                self.clock.creation_time = part.creation_time;
                self.changes.truncate(part.changes);
                self.left.truncate(part.left);
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

    /// The earlier answer to a request.
    pub(crate) fn find_answer(&self, request: &MutationRequest) -> Result<Option<Answer>> {
        request.find_answer(&self.connection)
    }

    /// Stores the answer to a request, in case the request comes again.
    pub(crate) fn keep_answer(
        &mut self,
        request: &MutationRequest,
        value: Value,
        log_lines: Vec<String>,
    ) -> Result<()> {
        let timestamp = self.commits_at();
        request.keep_answer(&self.connection, &Answer { value, log_lines, timestamp })
    }

    /// Leaves a mutation to be called after the commit. It is forgotten if the part that left it is undone.
    pub(crate) fn leave(&mut self, mutation: Mutation) {
        self.left.push(mutation);
    }

    /// The timestamp of its commit; None if it only reads.
    pub(crate) fn commit_timestamp(&mut self) -> Option<i64> {
        self.writes.then(|| self.commits_at())
    }

    fn commits_at(&mut self) -> i64 {
        *self.commits_at.get_or_insert_with(|| self.clock.next_commit_timestamp())
    }

    /// Commits the writes. Without any, nothing is written at all.
    pub(crate) fn commit(mut self) -> Result<Commit> {
        if !self.changes.is_empty() || !self.rewritten.is_empty() || self.commits_at.is_some() {
            self.clock.commit_timestamp = self.commits_at();
            self.clock.save(&self.connection)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let Self { connection, tables, clock, changes, rewritten, left, .. } = self;
        Ok(Commit { connection, tables, clock, changes, rewritten, left })
    }
}
