//! What functions can do: the methods behind `ctx` and the globals, in the call that an isolate is running.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a method's arguments as values")]

use std::{
    collections::BTreeMap,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex},
    time::Instant,
};

use rquickjs::{Array as JsArray, Ctx, Exception, Function, Object as JsObject, TypedArray, Value as JsValue};
use value::{
    Packed, Value, check_field_name,
    id::DocumentId,
    size::{SizeError, check_value},
};

use super::{
    FunctionKind,
    border::{from_js, to_js},
    call::Call,
    deadline::Deadline,
    globals::{self, next_random, unit_interval},
};
use crate::{
    document::Document,
    error::{Error, FunctionError, Result},
    query::{Arithmetic, Bound, Comparison, Expression, Page, PageLimits, Query},
    storage::locked,
    transaction::Transaction,
};

/// One isolate's side of the engine. Cloning shares it.
///
/// The call is never locked while JavaScript runs, which may come back here.
#[derive(Clone)]
pub(crate) struct Host {
    call: Arc<Mutex<Call>>,
    deadline: Arc<Deadline>,
}

impl Host {
    pub(crate) fn new(deadline: Arc<Deadline>) -> Self {
        Self { call: Arc::default(), deadline }
    }

    /// Begins a call.
    pub(crate) fn begin(&self, call: Call) {
        let mut running = locked(&self.call);
        let numbers = running.numbers;
        *running = Call { numbers, ..call };
    }

    /// Ends the call and hands back what it holds.
    pub(crate) fn end(&self) -> Call {
        let mut running = locked(&self.call);
        let numbers = running.numbers;
        mem::replace(&mut *running, Call { numbers, ..Call::default() })
    }

    /// Keeps a packed array for JavaScript; its number is returned.
    pub(crate) fn keep(&self, numbers: Packed) -> usize {
        let mut call = locked(&self.call);
        let number = call.next_number();
        call.packed.insert(number, numbers);
        number
    }

    /// The packed array of a number; none if it is an earlier call's.
    pub(crate) fn kept(&self, number: usize) -> Option<Packed> {
        locked(&self.call).packed.get(&number).cloned()
    }

    /// An engine's error that a function let through.
    pub(crate) fn take_error(&self, number: usize) -> Option<Error> {
        locked(&self.call).errors.remove(&number)
    }

    /// The timestamp at which the running mutation commits.
    pub(crate) fn commit_timestamp(&self) -> Option<i64> {
        locked(&self.call).transaction.as_mut()?.commit_timestamp()
    }

    /// Throws an engine's error in JavaScript.
    pub(crate) fn throw(&self, ctx: &Ctx<'_>, error: Error) -> rquickjs::Error {
        let message = error.to_string();
        let data = match &error {
            Error::Function(error) => error.data.clone(),
            _ => None,
        };
        let number = {
            let mut call = locked(&self.call);
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

    /// Does something in the call's transaction; the time it takes isn't the function's own.
    fn database<T>(&self, ctx: &Ctx<'_>, act: impl FnOnce(&mut Transaction) -> Result<T>) -> rquickjs::Result<T> {
        let began = Instant::now();
        let result = match &mut *locked(&self.call) {
            Call { failure: Some(failure), .. } => Err(Error::function("InternalServerError", failure.to_string())),
            Call { transaction: Some(transaction), .. } => act(transaction),
            _ => Err(Error::function("NoDatabase", "Can't use ctx.db outside of queries and mutations, or at import.")),
        };
        self.deadline.give_back(began.elapsed());
        result.map_err(|error| self.throw(ctx, error))
    }

    /// Keeps a panic for the end of the call.
    fn contain<T>(&self, ctx: &Ctx<'_>, act: impl FnOnce() -> rquickjs::Result<T>) -> rquickjs::Result<T> {
        panic::catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
            locked(&self.call).panic = Some(panic);
            Err(Exception::throw_message(ctx, "the engine panicked"))
        })
    }

    /// The object through which our JavaScript reaches all this.
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
        method!("get", get, id);
        method!("insert", insert, table, value);
        method!("patch", patch, id, value);
        method!("replace", replace, id, value);
        method!("delete", delete, id);
        method!("normalizeId", normalize_id, table, id);
        method!("idInTable", id_in_table, table, id);
        method!("collect", collect, query, limit);
        method!("paginate", paginate, query, options);
        method!("nextBatch", next_batch, query, cursor, size);
        method!("run", run, kind, path, args);
        method!("vectorSearch", vector_search, table, index, vector, limit, filter);
        method!("numbers", numbers, number);
        method!("log", log, line);
        object.set("encodeText", Function::new(ctx.clone(), globals::encode_text)?)?;
        object.set("decodeText", Function::new(ctx.clone(), globals::decode_text)?)?;
        object.set("toBase64", Function::new(ctx.clone(), globals::to_base64)?)?;
        object.set("fromBase64", Function::new(ctx.clone(), globals::from_base64)?)?;
        object.set("clone", Function::new(ctx.clone(), globals::clone)?)?;
        let host = self.clone();
        object.set("now", Function::new(ctx.clone(), move || locked(&host.call).now)?)?;
        let host = self.clone();
        let random = move || unit_interval(next_random(&mut locked(&host.call).random));
        object.set("random", Function::new(ctx.clone(), random)?)?;
        let host = self.clone();
        object.set("snapshotTs", Function::new(ctx.clone(), move |ctx| snapshot_timestamp(&host, &ctx))?)?;
        let host = self.clone();
        object.set("identity", Function::new(ctx.clone(), move |ctx| identity(&host, &ctx))?)?;
        Ok(object)
    }
}

type Js<'js> = rquickjs::Result<JsValue<'js>>;

fn get<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>) -> Js<'js> {
    let text = text(ctx, &id, "id")?;
    let document = host.database(ctx, |transaction| transaction.get(parse_id(&text, "get")?))?;
    match document {
        Some(document) => to_js(ctx, document.into_value()),
        None => Ok(JsValue::new_null(ctx.clone())),
    }
}

fn insert<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, value: JsValue<'js>) -> Js<'js> {
    let table = text(ctx, &table, "table")?;
    let fields = object(ctx, value, "insert")?;
    let id = host.database(ctx, |transaction| transaction.insert(&table, fields))?;
    to_js(ctx, id.to_string().into())
}

fn patch<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>, value: JsValue<'js>) -> rquickjs::Result<()> {
    let id = text(ctx, &id, "id")?;
    let object = value
        .into_object()
        .ok_or_else(|| Exception::throw_type(ctx, "Invalid argument `value` for `db.patch`: an object"))?;
    let mut fields = BTreeMap::new();
    for property in object.props::<String, JsValue>() {
        let (name, value) = property?;
        let value = from_js(ctx, value, &name)?;
        fields.insert(name, value);
    }
    check(host, ctx, fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))))?;
    host.database(ctx, |transaction| transaction.patch(parse_id(&id, "patch")?, fields))
}

fn replace<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>, value: JsValue<'js>) -> rquickjs::Result<()> {
    let id = text(ctx, &id, "id")?;
    let fields = object(ctx, value, "replace")?;
    check(host, ctx, &fields)?;
    host.database(ctx, |transaction| transaction.replace(parse_id(&id, "replace")?, fields))
}

fn delete<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>) -> rquickjs::Result<()> {
    let id = text(ctx, &id, "id")?;
    host.database(ctx, |transaction| transaction.delete(parse_id(&id, "delete")?))
}

fn normalize_id<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, id: JsValue<'js>) -> Js<'js> {
    let (table, id) = (text(ctx, &table, "table")?, text(ctx, &id, "id")?);
    let table = host.database(ctx, |transaction| Ok(transaction.table_by_name(&table)))?;
    let id =
        id.parse::<DocumentId>().ok().filter(|id| table.as_ref().is_some_and(|table| table.number == id.table_number));
    to_js(ctx, id.map_or(Value::Null, |id| id.to_string().into()))
}

fn id_in_table<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, id: JsValue<'js>) -> Js<'js> {
    let (table, text) = (text(ctx, &table, "table")?, text(ctx, &id, "id")?);
    host.database(ctx, |transaction| {
        let parsed = parse_id(&text, "get")?;
        if transaction.table_by_name(&table).is_some_and(|table| table.number == parsed.table_number) {
            return Ok(());
        }
        let found = transaction.tables.name(parsed.table_number).unwrap_or("unknown").to_owned();
        Err(Error::function(
            "InvalidTable",
            format!("Expected an ID of table `{table}`, found ID {text:?} of table `{found}`."),
        ))
    })?;
    Ok(id)
}

fn collect<'js>(host: &Host, ctx: &Ctx<'js>, query: JsValue<'js>, limit: JsValue<'js>) -> Js<'js> {
    let query = read_query(ctx, query)?;
    let limit = limit.get::<Option<usize>>()?.unwrap_or(usize::MAX);
    let documents = host.database(ctx, |transaction| transaction.collect(&query, limit))?;
    Ok(documents_to_js(ctx, documents)?.into_value())
}

/// A page that a caller asked for; a query that runs again ends it where it ended before.
fn paginate<'js>(host: &Host, ctx: &Ctx<'js>, query: JsValue<'js>, options: JsValue<'js>) -> Js<'js> {
    let query = read_query(ctx, query)?;
    let options: JsObject = options.get()?;
    let limits = PageLimits {
        documents: options.get("numItems")?,
        rows_read: options.get("maximumRowsRead")?,
        bytes_read: options.get("maximumBytesRead")?,
    };
    let (cursor, end): (Option<String>, Option<String>) = (options.get("cursor")?, options.get("endCursor")?);
    let journal = {
        let mut call = locked(&host.call);
        if mem::replace(&mut call.has_paginated, true) {
            let message = "A function can paginate one query, not several.";
            Err(Error::function("MultiplePaginatedDatabaseQueries", message))
        } else {
            Ok(call.journal.take())
        }
    };
    let end = end.or(journal.map_err(|error| host.throw(ctx, error))?);
    let page = read_page(host, ctx, &query, cursor.as_deref(), end.as_deref(), &limits)?;
    locked(&host.call).journal = Some(page.continue_cursor.clone());
    page_to_js(ctx, page)
}

/// What a function may not come to look at counts as read all the same, so of large documents few are read ahead.
const BYTES_READ_AHEAD: usize = 256 << 10;

/// A part of what a function goes through document by document.
fn next_batch<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    query: JsValue<'js>,
    cursor: JsValue<'js>,
    size: JsValue<'js>,
) -> Js<'js> {
    let (query, cursor): (_, Option<String>) = (read_query(ctx, query)?, cursor.get()?);
    let limits = PageLimits { bytes_read: Some(BYTES_READ_AHEAD), ..PageLimits::of_documents(size.get()?) };
    page_to_js(ctx, read_page(host, ctx, &query, cursor.as_deref(), None, &limits)?)
}

fn read_page(
    host: &Host,
    ctx: &Ctx<'_>,
    query: &Query,
    cursor: Option<&str>,
    end: Option<&str>,
    limits: &PageLimits,
) -> rquickjs::Result<Page> {
    host.database(ctx, |transaction| transaction.paginate(query, cursor, end, limits))
}

fn page_to_js<'js>(ctx: &Ctx<'js>, page: Page) -> Js<'js> {
    let object = JsObject::new(ctx.clone())?;
    object.set("page", documents_to_js(ctx, page.documents)?)?;
    object.set("isDone", page.is_done)?;
    object.set("continueCursor", page.continue_cursor)?;
    Ok(object.into_value())
}

fn run<'js>(host: &Host, ctx: &Ctx<'js>, kind: JsValue<'js>, path: JsValue<'js>, args: JsValue<'js>) -> Js<'js> {
    let kind = match text(ctx, &kind, "kind")?.as_str() {
        "Query" => FunctionKind::Query,
        "Mutation" => FunctionKind::Mutation,
        _ => FunctionKind::Action,
    };
    let path = text(ctx, &path, "function")?;
    let args = from_js(ctx, args, "arguments")?.unwrap_or_default();
    let begun = {
        let mut call = locked(&host.call);
        let platform = call.platform.clone();
        platform.ok_or_else(no_call).and_then(|platform| Ok((platform, call.begin(&host.deadline)?)))
    };
    let (platform, call) = begun.map_err(|error| host.throw(ctx, error))?;
    let (result, call) = platform.run(kind, &path, args, call);
    locked(&host.call).end(call, &host.deadline);
    to_js(ctx, result.map_err(|error| host.throw(ctx, error))?)
}

fn no_call() -> Error {
    Error::function("NoCall", "Functions can't be called at import.")
}

fn snapshot_timestamp<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let timestamp = host.database(ctx, |transaction| Ok(transaction.timestamp()))?;
    to_js(ctx, Value::Int64(timestamp))
}

fn identity<'js>(host: &Host, ctx: &Ctx<'js>) -> Js<'js> {
    let caller = locked(&host.call).caller.clone();
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
    let platform = locked(&host.call).platform.clone();
    let found = platform
        .ok_or_else(no_call)
        .and_then(|platform| platform.vector_search(&table, &index, &vector, limit, &conditions))
        .map_err(|error| host.throw(ctx, error))?;
    let hits: Vec<Value> =
        found.into_iter().map(|(id, score)| Value::from([("_id", id.into()), ("_score", score.into())])).collect();
    to_js(ctx, hits.into())
}

/// A packed array's numbers, to fill its proxy.
fn numbers<'js>(host: &Host, ctx: &Ctx<'js>, number: JsValue<'js>) -> rquickjs::Result<TypedArray<'js, f64>> {
    let Some(kept) = host.kept(number.get()?) else {
        return Err(Exception::throw_message(ctx, "This array belongs to an earlier call."));
    };
    TypedArray::new(ctx.clone(), kept.iter().collect::<Vec<f64>>())
}

fn log<'js>(host: &Host, ctx: &Ctx<'js>, line: JsValue<'js>) -> rquickjs::Result<()> {
    let line = text(ctx, &line, "line")?;
    locked(&host.call).log(line);
    Ok(())
}

fn documents_to_js<'js>(ctx: &Ctx<'js>, documents: Vec<Document>) -> rquickjs::Result<JsArray<'js>> {
    let array = JsArray::new(ctx.clone())?;
    for (position, document) in documents.into_iter().enumerate() {
        array.set(position, to_js(ctx, document.into_value())?)?;
    }
    Ok(array)
}

fn text(ctx: &Ctx<'_>, value: &JsValue<'_>, argument: &str) -> rquickjs::Result<String> {
    match value.as_string() {
        Some(text) => text.to_string(),
        None => Err(Exception::throw_type(
            ctx,
            &format!("Invalid argument `{argument}`: a string, not {}", value.type_name()),
        )),
    }
}

fn object<'js>(ctx: &Ctx<'js>, value: JsValue<'js>, method: &str) -> rquickjs::Result<value::Object> {
    match from_js(ctx, value, "value")? {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Exception::throw_type(ctx, &format!("Invalid argument `value` for `db.{method}`: an object"))),
    }
}

/// Tells what can't be a value before what else is wrong with a write, as Convex's own client does.
fn check<'a>(
    host: &Host,
    ctx: &Ctx<'_>,
    fields: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> rquickjs::Result<()> {
    fields.into_iter().try_for_each(|(name, value)| {
        let named = check_field_name(name).map_err(|error| SizeError::FieldName { path: String::new(), error });
        named
            .and_then(|()| check_value(value))
            .map_err(|error| host.throw(ctx, FunctionError::new(error.code(), format!("{name}: {error}")).into()))
    })
}

fn parse_id(text: &str, method: &str) -> Result<DocumentId> {
    text.parse().map_err(|error| {
        FunctionError::new("InvalidId", format!("Invalid argument `id` for `db.{method}`: {text:?}: {error}")).into()
    })
}

fn read_query<'js>(ctx: &Ctx<'js>, query: JsValue<'js>) -> rquickjs::Result<Query> {
    let query: JsObject = query.get()?;
    let mut range = Vec::new();
    for bound in query.get::<_, JsArray>("range")?.iter::<JsObject>() {
        let bound = bound?;
        let comparison: String = bound.get("type")?;
        range.push(Bound {
            comparison: read_comparison(&comparison).ok_or_else(|| {
                Exception::throw_type(ctx, &format!("Invalid index range: `{comparison}` is not a comparison"))
            })?,
            field: bound.get("fieldPath")?,
            value: from_js(ctx, bound.get("value")?, "index range")?,
        });
    }
    let mut filters = Vec::new();
    for filter in query.get::<_, JsArray>("filters")?.iter::<JsObject>() {
        filters.push(read_expression(ctx, &filter?)?);
    }
    Ok(Query {
        table: query.get("table")?,
        index: query.get("index")?,
        range,
        descending: query.get::<_, Option<String>>("order")?.as_deref() == Some("desc"),
        filters,
    })
}

fn read_comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "eq" => Comparison::Eq,
        "neq" => Comparison::Neq,
        "gt" => Comparison::Gt,
        "gte" => Comparison::Gte,
        "lt" => Comparison::Lt,
        "lte" => Comparison::Lte,
        _ => return None,
    })
}

fn read_expression<'js>(ctx: &Ctx<'js>, expression: &JsObject<'js>) -> rquickjs::Result<Expression> {
    let operator: String = expression.get("operator")?;
    let given: JsArray = expression.get("operands")?;
    match operator.as_str() {
        "field" => return Ok(Expression::Field(given.get(0)?)),
        "literal" => return Ok(Expression::Literal(from_js(ctx, given.get(0)?, "filter")?)),
        _ => {}
    }
    let mut operands = Vec::new();
    for operand in given.iter::<JsObject>() {
        operands.push(read_expression(ctx, &operand?)?);
    }
    let arithmetic = match operator.as_str() {
        "and" => return Ok(Expression::And(operands)),
        "or" => return Ok(Expression::Or(operands)),
        "add" => Some(Arithmetic::Add),
        "sub" => Some(Arithmetic::Sub),
        "mul" => Some(Arithmetic::Mul),
        "div" => Some(Arithmetic::Div),
        "mod" => Some(Arithmetic::Mod),
        _ => None,
    };
    let wrong = || Exception::throw_type(ctx, &format!("Invalid filter: `{operator}` got {} operands", given.len()));
    let mut operands = operands.into_iter();
    let first = operands.next().ok_or_else(wrong)?;
    match operator.as_str() {
        "not" => return Ok(Expression::Not(Box::new(first))),
        "neg" => return Ok(Expression::Negate(Box::new(first))),
        _ => {}
    }
    let sides = Box::new((first, operands.next().ok_or_else(wrong)?));
    match (arithmetic, read_comparison(&operator)) {
        (Some(operation), _) => Ok(Expression::Arithmetic(operation, sides)),
        (None, Some(comparison)) => Ok(Expression::Compare(comparison, sides)),
        (None, None) => Err(wrong()),
    }
}
