//! Calls of functions: permission, transaction, and the checks of arguments and results.

use std::{sync::Arc, time::Instant};

use base::FunctionKind;
use value::{Packed, Value};
use wire::Code;

use crate::{
    caller::Caller,
    data::{requests::MutationRequest, schema::Shown, tables::Tables, transaction::Transaction},
    engine::Engine,
    error::{Error, FunctionError, Result},
    functions::{Call, Function, Platform},
    outcome::Outcome,
    system::{self, SystemAction, SystemQuery},
    vector_search,
    vectors::VectorSource,
};

/// A query: one of the functions, or one that the engine answers itself.
enum Query {
    System(SystemQuery),
    Function(Function),
}

impl Engine {
    /// Calls a function: of one kind, or of any.
    pub(crate) fn call(
        self: &Arc<Self>,
        kind: Option<FunctionKind>,
        path: &str,
        args: Value,
        caller: &Caller,
    ) -> Outcome {
        if let None | Some(FunctionKind::Query) = kind
            && SystemQuery::find(path, caller).is_some()
        {
            return self.query_at(&mut None, path, args, None, caller);
        }
        if let None | Some(FunctionKind::Action) = kind
            && let Some(action) = SystemAction::find(path, caller)
        {
            return self.outcome((kind, path), caller, |call| (action.run(self, path, args), call));
        }
        self.outcome((kind, path), caller, |call| match self.callable(kind, path, &args, caller.is_admin(), None) {
            Ok(function) => self.run(&function, args, call),
            Err(error) => (Err(error), call),
        })
    }

    /// Calls a mutation, unless the request was answered before.
    pub(crate) fn mutation_once(
        self: &Arc<Self>,
        request: &MutationRequest,
        path: &str,
        args: Value,
        caller: &Caller,
    ) -> Outcome {
        self.outcome((Some(FunctionKind::Mutation), path), caller, |mut call| {
            // A caller who may not call the function must not learn its outcome for others.
            let callable = self.callable(Some(FunctionKind::Mutation), path, &args, caller.is_admin(), None);
            let begun = callable.and_then(|function| {
                let transaction = self.begin_write(self.options.limits)?;
                Ok((function, transaction.find_answer(request)?, transaction))
            });
            match begun {
                Err(error) => (Err(error), call),
                Ok((_, Some(answer), transaction)) => {
                    drop(transaction);
                    call.log_lines = answer.log_lines;
                    call.timestamp = Some(answer.timestamp);
                    // The first caller may still be waiting for the disk.
                    (self.storage.wait_for_disk().map(|()| answer.value), call)
                }
                Ok((function, None, transaction)) => {
                    call.transaction = Some(transaction);
                    let (value, call) = self.execute(&function, args, call);
                    self.end_mutation(Some(request), value, call)
                }
            }
        })
    }

    /// Calls a query at the given snapshot, or at a new one, which is then left in `snapshot` for the next query.
    pub(crate) fn query_at(
        self: &Arc<Self>,
        snapshot: &mut Option<Transaction>,
        path: &str,
        args: Value,
        journal: Option<String>,
        caller: &Caller,
    ) -> Outcome {
        self.outcome((Some(FunctionKind::Query), path), caller, |mut call| {
            let query = match self.query(path, &args, caller) {
                Ok(query) => query,
                Err(error) => return (Err(error), call),
            };
            let mut transaction = match snapshot.take() {
                Some(mut transaction) => {
                    transaction.forget_usage();
                    transaction
                }
                None => match self.begin_read() {
                    Ok(transaction) => transaction,
                    Err(error) => return (Err(error), call),
                },
            };
            match query {
                Query::System(query) => {
                    let value = query.answer(self, &mut transaction, path, args);
                    *snapshot = Some(transaction);
                    (value, call)
                }
                Query::Function(function) => {
                    call.transaction = Some(transaction);
                    call.journal = journal;
                    let (value, mut call) = self.execute(&function, args, call);
                    *snapshot = call.transaction.take();
                    (value, call)
                }
            }
        })
    }

    /// Calls a mutation, and returns its transaction uncommitted if the function ran.
    pub(crate) fn run_in(
        self: &Arc<Self>,
        transaction: Transaction,
        path: &str,
        args: Value,
        caller: &Caller,
    ) -> (Outcome, Option<Transaction>) {
        let mut left = None;
        let outcome = self.outcome((Some(FunctionKind::Mutation), path), caller, |mut call| {
            let function = match self.callable(Some(FunctionKind::Mutation), path, &args, caller.is_admin(), None) {
                Ok(function) => function,
                Err(error) => return (Err(error), call),
            };
            call.transaction = Some(transaction);
            let (value, mut call) = self.execute(&function, args, call);
            left = call.transaction.take();
            (value, call)
        });
        (outcome, left)
    }

    /// Runs a call of the function that the caller named, and keeps it among the latest calls.
    fn outcome(
        self: &Arc<Self>,
        (kind, path): (Option<FunctionKind>, &str),
        caller: &Caller,
        run: impl FnOnce(Call) -> (Result<Value>, Call),
    ) -> Outcome {
        let begun = Instant::now();
        let mut outcome = match Call::new(Arc::clone(self) as Arc<dyn Platform>, caller.clone()) {
            Ok(call) => {
                let (result, Call { log_lines, journal, timestamp, .. }) = run(call);
                let result = result.map_err(|error| self.storage.place(error));
                Outcome { log_lines, journal, timestamp, ..Outcome::new(result) }
            }
            Err(error) => Outcome::new(Err(error)),
        };
        outcome.duration = begun.elapsed();
        if !system::is_system(path) {
            self.executions.add((kind, path), &outcome);
            let functions = self.functions();
            self.statistics.add(functions.canonical(path), &outcome);
        }
        self.tidy_up();
        outcome
    }

    /// The query of a path, if the caller may call it with these arguments.
    fn query(&self, path: &str, args: &Value, caller: &Caller) -> Result<Query> {
        match SystemQuery::find(path, caller) {
            Some(query) => Ok(Query::System(query)),
            None => self.callable(Some(FunctionKind::Query), path, args, caller.is_admin(), None).map(Query::Function),
        }
    }

    /// The function of a path, if it is of that kind, takes these arguments, and is public or internal ones are reached.
    fn callable(
        &self,
        kind: Option<FunctionKind>,
        path: &str,
        args: &Value,
        reaches_internal: bool,
        transaction: Option<&Transaction>,
    ) -> Result<Function> {
        let function = self.functions().find(path, !reaches_internal)?;
        if let Some(kind) = kind.filter(|kind| *kind != function.kind) {
            let (wanted, found) = (kind.name(), function.kind.name());
            return Err(Error::says(Code::WrongFunctionType, &[&function.path(), &wanted, &found]));
        }
        check_is_object(args)?;
        self.check_value(args, &function, Part::Arguments)?;
        function.args.check(args, &self.tables(transaction)).map_err(|mismatch| {
            Error::function(Code::ArgumentValidationError, format!("ArgumentValidationError: {mismatch}"))
        })?;
        Ok(function)
    }

    /// The tables as a transaction sees them, or the last commit.
    fn tables(&self, transaction: Option<&Transaction>) -> Arc<Tables> {
        transaction.map_or_else(|| self.committed().tables, |transaction| Arc::clone(&transaction.tables))
    }

    /// Runs a function in a transaction of its own, if its kind has one.
    fn run(&self, function: &Function, args: Value, mut call: Call) -> (Result<Value>, Call) {
        let begun = match function.kind {
            FunctionKind::Query => self.begin_read().map(Some),
            FunctionKind::Mutation => self.begin_write(self.options.limits).map(Some),
            FunctionKind::Action => Ok(None),
        };
        if function.kind != FunctionKind::Action {
            call.begin_transaction();
        }
        match begun {
            Ok(transaction) => call.transaction = transaction,
            Err(error) => return (Err(error), call),
        }
        let (value, mut call) = self.execute(function, args, call);
        if function.kind == FunctionKind::Mutation {
            return self.end_mutation(None, value, call);
        }
        call.transaction = None;
        (value, call)
    }

    /// Commits a mutation's writes, if it succeeded, with its answer to a request. Otherwise nothing is written.
    fn end_mutation(
        &self,
        request: Option<&MutationRequest>,
        value: Result<Value>,
        mut call: Call,
    ) -> (Result<Value>, Call) {
        let Some(mut transaction) = call.transaction.take() else { return (value, call) };
        let committed = value.and_then(|value| {
            if let Some(request) = request {
                transaction.keep_answer(request, value.clone(), call.log_lines.clone())?;
            }
            call.timestamp = Some(self.commit(transaction)?);
            Ok(value)
        });
        (committed, call)
    }

    /// Runs a function in a part of its caller's transaction.
    fn run_within(&self, function: &Function, args: Value, mut call: Call) -> (Result<Value>, Call) {
        let transaction = call.transaction.as_mut().expect("the caller has one");
        let part = match transaction.begin_part(function.kind == FunctionKind::Mutation) {
            Ok(part) => part,
            Err(error) => return (Err(error), call),
        };
        let (mut value, mut call) = self.execute(function, args, call);
        if let Some(transaction) = &mut call.transaction
            && let Err(error) = transaction.end_part(part, value.is_ok())
        {
            value = Err(error);
        }
        (value, call)
    }

    /// Runs a function in its call's transaction, and checks what it returns.
    fn execute(&self, function: &Function, args: Value, call: Call) -> (Result<Value>, Call) {
        let limits = &self.options.limits;
        let limit = if function.kind == FunctionKind::Action { limits.action_time } else { limits.user_time };
        let time = call.time.map_or(limit, |left| left.min(limit));
        let (value, call) = function.run(args, call, time);
        let value = value.and_then(|value| {
            self.check_value(&value, function, Part::Value)?;
            match function.returns.check(&value, &self.tables(call.transaction.as_ref())) {
                Ok(()) => Ok(value),
                Err(mismatch) => {
                    Err(Error::function(Code::ReturnsValidationError, format!("ReturnsValidationError: {mismatch}")))
                }
            }
        });
        (value, call)
    }

    /// Checks that Convex takes a function's arguments, or its value.
    fn check_value(&self, value: &Value, function: &Function, part: Part) -> Result<()> {
        value::size::check_value(value).map_err(|error| {
            let path = function.path();
            let message = match part {
                Part::Arguments => format!("Invalid arguments for {path}: {error}"),
                Part::Value => format!("Function {path} return value invalid: {error}"),
            };
            FunctionError::new(error.code(), message)
        })?;
        let (size, limit) = (value::size::size(value), self.options.limits.value_bytes);
        if size > limit {
            let (path, actual, limit) = (function.path(), value::size::Mebibytes(size), value::size::Mebibytes(limit));
            let message = match part {
                Part::Arguments => format!("Arguments for {path} are too large (actual: {actual}, limit: {limit})"),
                Part::Value => format!("Function {path} return value is too large (actual: {actual}, limit: {limit})"),
            };
            return Err(Error::function(Code::ValueTooLargeError, message));
        }
        Ok(())
    }
}

/// The arguments or the value of a call.
#[derive(Clone, Copy)]
enum Part {
    Arguments,
    Value,
}

/// The arguments as the one object that a function takes.
fn check_is_object(args: &Value) -> Result<()> {
    let (expected, found) = match args {
        Value::Object(_) => return Ok(()),
        Value::Array(array) => ("a single object", format!(" {} arguments", array.len())),
        _ => ("an object", String::new()),
    };
    let message = format!(
        "ArgumentValidationError: Expected to receive {expected} as the function's argument. Instead received{found}: {}",
        Shown(args)
    );
    Err(Error::function(Code::ArgumentValidationError, message))
}

impl Platform for Engine {
    fn run(&self, kind: FunctionKind, path: &str, args: Value, call: Call) -> (Result<Value>, Call) {
        let function = match self.callable(Some(kind), path, &args, true, call.transaction.as_ref()) {
            Ok(function) => function,
            Err(error) => return (Err(error), call),
        };
        if call.transaction.is_some() {
            self.run_within(&function, args, call)
        } else {
            self.run(&function, args, call)
        }
    }

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
            return Err(Error::says(Code::IndexNotFoundError, &[&name]));
        };
        definition.check_index(table, index)?;
        let batch = self.vectors(&VectorSource::of_index(table, declared))?;
        vector_search::search(&name, declared, &batch, vector, limit, conditions)
    }
}
