//! The methods behind `ctx` and the globals, which work on the call that an isolate is running. Those behind `ctx.db`
//! are in [`database`].
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a method's arguments as values")]

use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use base::{FunctionKind, locked};
use rquickjs::{Array as JsArray, Ctx, Exception, Function, Object as JsObject, TypedArray, Value as JsValue};
use value::{Packed, Value};
use wire::Code;

use super::{
    arguments::text,
    border::{from_js, to_js},
    call::{Call, FunctionName},
    database,
    deadline::Deadline,
    globals, numbers,
    random::{next_random, unit_interval},
    web,
};

use crate::{
    data::transaction::Transaction,
    error::{Error, Result},
};

/// The engine, as one isolate sees it. Cloning shares it.
///
/// The call is never locked while JavaScript runs, since JavaScript may call these methods.
#[derive(Clone)]
pub(crate) struct Host {
    call: Arc<Mutex<Call>>,
    deadline: Arc<Deadline>,
}

impl Host {
    pub(crate) fn new(deadline: Arc<Deadline>) -> Self {
        Self { call: Arc::default(), deadline }
    }

    /// The call, for as long as the guard lives.
    pub(super) fn call(&self) -> MutexGuard<'_, Call> {
        locked(&self.call)
    }

    /// Begins a call.
    pub(crate) fn begin(&self, call: Call) {
        let mut running = self.call();
        let numbers = running.numbers;
        *running = Call { numbers, ..call };
    }

    /// Ends the call, and returns it.
    pub(crate) fn end(&self) -> Call {
        let mut running = self.call();
        let numbers = running.numbers;
        mem::replace(&mut *running, Call { numbers, ..Call::default() })
    }

    /// Takes the call from an isolate that is stuck in JavaScript: it goes on for longer than `grace` after its deadline,
    /// or its caller has given it up. None while the engine works for it, or a function that it called runs, which is
    /// watched itself.
    pub(super) fn take_stuck_call(&self, is_given_up: bool, grace: Duration) -> Option<Call> {
        // A method that works for the call has it locked until the time of that is given back.
        let mut running = self.call.try_lock().ok()?;
        let is_over = is_given_up || self.deadline.has_passed_by(grace);
        (is_over && !running.has_called).then(|| mem::take(&mut *running))
    }

    /// Keeps a packed array for JavaScript, and returns its number.
    pub(crate) fn keep(&self, numbers: Packed) -> usize {
        let mut call = self.call();
        let number = call.next_number();
        call.packed.insert(number, numbers);
        number
    }

    /// The packed array with a number; None if it belongs to an earlier call.
    pub(crate) fn kept(&self, number: usize) -> Option<Packed> {
        self.call().packed.get(&number).cloned()
    }

    /// An error of the engine's that a function didn't catch.
    pub(crate) fn take_error(&self, number: usize) -> Option<Error> {
        self.call().errors.remove(&number)
    }

    /// Whether the running call can write the timestamp at which it commits.
    pub(crate) fn has_commit_timestamps(&self) -> bool {
        self.call().transaction.as_ref().is_none_or(|transaction| transaction.limits().commit_timestamps)
    }

    /// The timestamp at which the running mutation commits.
    pub(crate) fn commit_timestamp(&self) -> Option<i64> {
        self.call().transaction.as_mut()?.commit_timestamp()
    }

    /// Throws an error of the engine's in JavaScript.
    pub(crate) fn throw(&self, ctx: &Ctx<'_>, error: Error) -> rquickjs::Error {
        let message = error.to_string();
        let data = match &error {
            Error::Function(error) => error.data.clone(),
            _ => None,
        };
        let number = {
            let mut call = self.call();
            let number = call.next_number();
            if matches!(error, Error::Storage(_)) {
                call.failure.get_or_insert(error);
            } else {
                call.errors.insert(number, error);
            }
            number
        };
        let thrown = Exception::from_message(ctx.clone(), &message).and_then(|exception| {
            exception.as_object().set("hostError", number)?;
            if let Some(data) = data {
                exception.as_object().set("data", to_js(ctx, data)?)?;
            }
            Ok(exception)
        });
        match thrown {
            Ok(exception) => exception.throw(),
            Err(error) => error,
        }
    }

    /// Works in the call's transaction. The time of that doesn't count as the function's.
    pub(super) fn database<T>(
        &self,
        ctx: &Ctx<'_>,
        act: impl FnOnce(&mut Transaction) -> Result<T>,
    ) -> rquickjs::Result<T> {
        let began = Instant::now();
        let mut call = self.call();
        let result = match &mut *call {
            Call { failure: Some(failure), .. } => Err(Error::function(Code::InternalServerError, failure.to_string())),
            Call { transaction: Some(transaction), .. } => act(transaction),
            _ => Err(Error::function(
                Code::NoDatabase,
                "Can't use ctx.db outside of queries and mutations, or at import.",
            )),
        };
        self.deadline.give_back(began.elapsed());
        drop(call);
        result.map_err(|error| self.throw(ctx, error))
    }

    /// Keeps a panic for the end of the call.
    fn contain<T>(&self, ctx: &Ctx<'_>, act: impl FnOnce() -> rquickjs::Result<T>) -> rquickjs::Result<T> {
        panic::catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
            self.call().panic = Some(panic);
            Err(Exception::throw_message(ctx, "the engine panicked"))
        })
    }

    /// The object through which our JavaScript calls these methods.
    pub(crate) fn object<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<JsObject<'js>> {
        let object = JsObject::new(ctx.clone())?;

        macro_rules! method {
            ($name:literal, $function:path, $($argument:ident),*) => {{
                let host = self.clone();
                let method = move |ctx: Ctx<'js>, $($argument: JsValue<'js>),*| {
                    host.contain(&ctx, || $function(&host, &ctx, $($argument),*))
                };
                object.set($name, Function::new(ctx.clone(), method)?)?;
            }};
        }
        method!("get", database::get, id);
        method!("insert", database::insert, table, value);
        method!("patch", database::patch, id, value);
        method!("replace", database::replace, id, value);
        method!("delete", database::delete, id);
        method!("normalizeId", database::normalize_id, table, id);
        method!("idInTable", database::id_in_table, table, id);
        method!("collect", database::collect, query, limit);
        method!("paginate", database::paginate, query, options);
        method!("nextBatch", database::next_batch, query, cursor, size);
        method!("run", run, kind, path, args);
        method!("runLater", run_later, path, args);
        method!("vectorSearch", vector_search, table, index, vector, limit, filter);
        method!("numbers", packed_numbers, number);
        method!("scores", numbers::scores, metric, query, rows);
        method!("toBytes", numbers::to_bytes, vector);
        method!("fromBytes", numbers::from_bytes, bytes);
        method!("upsertRows", database::upsert_rows, table, index, fields, rows);
        method!("log", log, line);
        object.set("encodeText", Function::new(ctx.clone(), globals::encode_text)?)?;
        object.set("decodeText", Function::new(ctx.clone(), globals::decode_text)?)?;
        object.set("toBase64", Function::new(ctx.clone(), globals::to_base64)?)?;
        object.set("fromBase64", Function::new(ctx.clone(), globals::from_base64)?)?;
        object.set("parseUrl", Function::new(ctx.clone(), web::parse_url)?)?;
        object.set("setUrlPart", Function::new(ctx.clone(), web::set_url_part)?)?;
        object.set("parseForm", Function::new(ctx.clone(), web::parse_form)?)?;
        object.set("writeForm", Function::new(ctx.clone(), web::write_form)?)?;
        object.set("digest", Function::new(ctx.clone(), web::digest)?)?;
        object.set("hmac", Function::new(ctx.clone(), web::hmac)?)?;
        object.set("toJson", Function::new(ctx.clone(), globals::to_json)?)?;
        object.set("fromJson", Function::new(ctx.clone(), globals::from_json)?)?;
        object.set("compare", Function::new(ctx.clone(), globals::compare)?)?;
        object.set("size", Function::new(ctx.clone(), globals::size)?)?;
        let host = self.clone();
        object.set("now", Function::new(ctx.clone(), move || host.call().now)?)?;
        let host = self.clone();
        let random = move || unit_interval(next_random(&mut host.call().random));
        object.set("random", Function::new(ctx.clone(), random)?)?;
        let host = self.clone();
        object.set("snapshotTs", Function::new(ctx.clone(), move |ctx| snapshot_timestamp(&host, &ctx))?)?;
        let host = self.clone();
        object.set("functionMetadata", Function::new(ctx.clone(), move |ctx| function_metadata(&host, &ctx))?)?;
        let host = self.clone();
        object.set("transactionMetrics", Function::new(ctx.clone(), move |ctx| transaction_metrics(&host, &ctx))?)?;
        let host = self.clone();
        object.set("identity", Function::new(ctx.clone(), move |ctx| identity(&host, &ctx))?)?;
        Ok(object)
    }
}

/// The result of a method.
pub(super) type Js<'js> = rquickjs::Result<JsValue<'js>>;

fn run<'js>(host: &Host, ctx: &Ctx<'js>, kind: JsValue<'js>, path: JsValue<'js>, args: JsValue<'js>) -> Js<'js> {
    let kind = FunctionKind::from_name(&text(ctx, &kind, "kind")?).unwrap_or(FunctionKind::Action);
    let path = text(ctx, &path, "function")?;
    let args = from_js(ctx, args, "arguments")?.unwrap_or_default();
    let begun = {
        let mut call = host.call();
        let platform = call.platform.clone();
        platform.ok_or_else(no_call).and_then(|platform| Ok((platform, call.begin(&host.deadline)?)))
    };
    let (platform, call) = begun.map_err(|error| host.throw(ctx, error))?;
    let (result, call) = platform.run(kind, &path, args, call);
    host.call().end(call, &host.deadline);
    to_js(ctx, result.map_err(|error| host.throw(ctx, error))?)
}

/// Leaves a mutation to be called after the commit of this one.
fn run_later<'js>(host: &Host, ctx: &Ctx<'js>, path: JsValue<'js>, args: JsValue<'js>) -> rquickjs::Result<()> {
    let path = text(ctx, &path, "function")?;
    let args = from_js(ctx, args, "arguments")?.unwrap_or_default();
    host.database(ctx, |transaction| {
        transaction.leave((path, args));
        Ok(())
    })
}

fn no_call() -> Error {
    Error::function(Code::NoCall, "Functions can't be called at import.")
}

fn snapshot_timestamp<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let timestamp = host.database(ctx, |transaction| {
        let is_there = transaction.limits().snapshot_timestamps;
        is_there.then(|| transaction.timestamp()).ok_or_else(|| {
            // These are the words of a backend without it.
            Error::function(Code::InternalServerError, "Unknown operation 1.0/getSnapshotTs")
        })
    })?;
    to_js(ctx, Value::Int64(timestamp))
}

fn function_metadata<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let function = host.call().function.clone();
    let metadata = function.map(|FunctionName { name, kind, is_public }| {
        Value::from([
            ("name", name.into()),
            ("componentPath", "".into()),
            ("type", kind.name().to_ascii_lowercase().into()),
            ("visibility", if is_public { "public" } else { "internal" }.into()),
        ])
    });
    to_js(ctx, metadata.unwrap_or_default())
}

fn transaction_metrics<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let metrics = host.database(ctx, |transaction| Ok(transaction.metrics()))?;
    to_js(ctx, metrics)
}

fn identity<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let caller = host.call().caller.clone();
    to_js(ctx, caller.map(|caller| caller.identity()).unwrap_or_default())
}

fn vector_search<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    table: JsValue<'js>,
    index: JsValue<'js>,
    vector: JsValue<'js>,
    limit: JsValue<'js>,
    filter: JsValue<'js>,
) -> Js<'js> {
    let (table, index) = (text(ctx, &table, "tableName")?, text(ctx, &index, "indexName")?);
    let vector = match from_js(ctx, vector, "vector")? {
        Some(Value::Array(array)) => array.numbers(),
        _ => None,
    };
    let Some(vector) = vector else {
        return Err(Exception::throw_type(ctx, "Invalid argument `vector` for `vectorSearch`: a list of numbers"));
    };
    let limit: f64 = limit.get()?;
    let mut conditions = Vec::new();
    for condition in filter.get::<JsArray>()?.iter::<JsObject>() {
        let condition = condition?;
        conditions.push((condition.get("field")?, from_js(ctx, condition.get("value")?, "filter")?));
    }
    let platform = host.call().platform.clone();
    let found = platform
        .ok_or_else(no_call)
        .and_then(|platform| platform.vector_search(&table, &index, &vector, limit, &conditions))
        .map_err(|error| host.throw(ctx, error))?;
    let hits: Vec<Value> =
        found.into_iter().map(|(id, score)| Value::from([("_id", id.into()), ("_score", score.into())])).collect();
    to_js(ctx, hits.into())
}

/// A packed array's numbers, to fill its proxy.
fn packed_numbers<'js>(host: &Host, ctx: &Ctx<'js>, number: JsValue<'js>) -> rquickjs::Result<TypedArray<'js, f64>> {
    let Some(kept) = host.kept(number.get()?) else {
        return Err(Exception::throw_message(ctx, "This array belongs to an earlier call."));
    };
    TypedArray::new(ctx.clone(), kept.iter().collect::<Vec<f64>>())
}

fn log<'js>(host: &Host, ctx: &Ctx<'js>, line: JsValue<'js>) -> rquickjs::Result<()> {
    let line = text(ctx, &line, "line")?;
    host.call().log(line);
    Ok(())
}
