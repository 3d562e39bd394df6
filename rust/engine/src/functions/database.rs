//! The methods behind `ctx.db`, in the call that an isolate is running.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a method's arguments as values")]

use std::{collections::BTreeMap, mem};

use rquickjs::{Array as JsArray, Ctx, Exception, Object as JsObject, Value as JsValue};
use value::{
    Object, Value, check_field_name,
    id::DocumentId,
    size::{SizeError, check_value},
};
use wire::Code;

use super::{
    arguments::{object, parse_id, read_query, text},
    border::{from_js, to_js},
    host::{Host, Js},
};
use crate::{
    data::{
        document::Document,
        query::{Bound, Comparison, Page, PageLimits, Query},
    },
    error::{Error, FunctionError},
};

pub(super) fn get<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>) -> Js<'js> {
    let text = text(ctx, &id, "id")?;
    let document = host.database(ctx, |transaction| transaction.get(parse_id(&text, "get")?))?;
    match document {
        Some(document) => to_js(ctx, document.into_value()),
        None => Ok(JsValue::new_null(ctx.clone())),
    }
}

pub(super) fn insert<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, value: JsValue<'js>) -> Js<'js> {
    let table = text(ctx, &table, "table")?;
    let fields = object(ctx, value, "insert")?;
    let id = host.database(ctx, |transaction| transaction.insert(&table, fields))?;
    to_js(ctx, id.to_string().into())
}

pub(super) fn patch<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>, value: JsValue<'js>) -> rquickjs::Result<()> {
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

pub(super) fn replace<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>, value: JsValue<'js>) -> rquickjs::Result<()> {
    let id = text(ctx, &id, "id")?;
    let fields = object(ctx, value, "replace")?;
    check(host, ctx, &fields)?;
    host.database(ctx, |transaction| transaction.replace(parse_id(&id, "replace")?, fields))
}

pub(super) fn delete<'js>(host: &Host, ctx: &Ctx<'js>, id: JsValue<'js>) -> rquickjs::Result<()> {
    let id = text(ctx, &id, "id")?;
    host.database(ctx, |transaction| transaction.delete(parse_id(&id, "delete")?))
}

pub(super) fn normalize_id<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, id: JsValue<'js>) -> Js<'js> {
    let (table, id) = (text(ctx, &table, "table")?, text(ctx, &id, "id")?);
    let table = host.database(ctx, |transaction| Ok(transaction.table_by_name(&table)))?;
    let id =
        id.parse::<DocumentId>().ok().filter(|id| table.as_ref().is_some_and(|table| table.number == id.table_number));
    to_js(ctx, id.map_or(Value::Null, |id| id.to_string().into()))
}

pub(super) fn id_in_table<'js>(host: &Host, ctx: &Ctx<'js>, table: JsValue<'js>, id: JsValue<'js>) -> Js<'js> {
    let (table, text) = (text(ctx, &table, "table")?, text(ctx, &id, "id")?);
    host.database(ctx, |transaction| {
        let parsed = parse_id(&text, "get")?;
        if transaction.table_by_name(&table).is_some_and(|table| table.number == parsed.table_number) {
            return Ok(());
        }
        let found = transaction.tables.name(parsed.table_number).unwrap_or("unknown").to_owned();
        Err(Error::function(
            Code::InvalidTable,
            format!("Invalid argument `id` for `db.get`: expected to be an Id<{table:?}>, got Id<{found:?}> instead."),
        ))
    })?;
    Ok(id)
}

pub(super) fn collect<'js>(host: &Host, ctx: &Ctx<'js>, query: JsValue<'js>, limit: JsValue<'js>) -> Js<'js> {
    let query = read_query(ctx, &query)?;
    let limit = limit.get::<Option<usize>>()?.unwrap_or(usize::MAX);
    let documents = host.database(ctx, |transaction| transaction.collect(&query, limit))?;
    Ok(documents_to_js(ctx, documents)?.into_value())
}

/// A page that a function reads. A query that runs again ends the page at the same key as before.
pub(super) fn paginate<'js>(host: &Host, ctx: &Ctx<'js>, query: JsValue<'js>, options: JsValue<'js>) -> Js<'js> {
    let query = read_query(ctx, &query)?;
    let options: JsObject = options.get()?;
    let limits = PageLimits {
        documents: options.get("numItems")?,
        rows_read: options.get("maximumRowsRead")?,
        bytes_read: options.get("maximumBytesRead")?,
    };
    let (cursor, end): (Option<String>, Option<String>) = (options.get("cursor")?, options.get("endCursor")?);
    let journal = {
        let mut call = host.call();
        if mem::replace(&mut call.has_paginated, true) {
            Err(Error::says(Code::MultiplePaginatedDatabaseQueries, &[]))
        } else {
            Ok(call.journal.take())
        }
    };
    let end = end.or(journal.map_err(|error| host.throw(ctx, error))?);
    let page = read_page(host, ctx, &query, cursor.as_deref(), end.as_deref(), &limits)?;
    host.call().journal = Some(page.continue_cursor.clone());
    page_to_js(ctx, page)
}

/// Documents read ahead count as read even if the function never looks at them, so few large ones are read ahead.
const BYTES_READ_AHEAD: usize = 256 << 10;

/// A part of the documents that a function iterates over.
pub(super) fn next_batch<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    query: JsValue<'js>,
    cursor: JsValue<'js>,
    size: JsValue<'js>,
) -> Js<'js> {
    let (query, cursor): (_, Option<String>) = (read_query(ctx, &query)?, cursor.get()?);
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
    object.set("splitCursor", to_js(ctx, page.split_cursor.map_or(Value::Null, Value::from))?)?;
    object.set("pageStatus", JsValue::new_null(ctx.clone()))?;
    Ok(object.into_value())
}

fn documents_to_js<'js>(ctx: &Ctx<'js>, documents: Vec<Document>) -> rquickjs::Result<JsArray<'js>> {
    let array = JsArray::new(ctx.clone())?;
    for (position, document) in documents.into_iter().enumerate() {
        array.set(position, to_js(ctx, document.into_value())?)?;
    }
    Ok(array)
}

/// The module `mastra/model/upserts.ts` in native code: many rows cross from JavaScript at once.
pub(super) fn upsert_rows<'js>(
    host: &Host,
    ctx: &Ctx<'js>,
    table: JsValue<'js>,
    index: JsValue<'js>,
    fields: JsValue<'js>,
    rows: JsValue<'js>,
) -> rquickjs::Result<()> {
    let (table, index) = (text(ctx, &table, "table")?, text(ctx, &index, "index")?);
    let fields: Vec<String> = fields.get()?;
    let rows = rows.get::<JsArray>()?.iter().map(|row| object(ctx, row?, "insert")).collect::<Result<Vec<_>, _>>()?;
    let mut stored = Vec::with_capacity(rows.len());
    for row in &rows {
        stored.push(named_like(host, ctx, (&table, &index, &fields), row)?);
    }
    for (row, stored) in rows.into_iter().zip(stored) {
        match stored {
            Some(id) => {
                check(host, ctx, &row)?;
                host.database(ctx, |transaction| transaction.replace(id, row))?;
            }
            None => drop(host.database(ctx, |transaction| transaction.insert(&table, row))?),
        }
    }
    Ok(())
}

/// The id of the one document that equals a row in some fields.
fn named_like(
    host: &Host,
    ctx: &Ctx<'_>,
    (table, index, fields): (&str, &str, &[String]),
    row: &Object,
) -> rquickjs::Result<Option<DocumentId>> {
    let equal =
        |field: &String| Bound { comparison: Comparison::Eq, field: field.clone(), value: row.get(field).cloned() };
    let query = Query {
        table: table.to_owned(),
        index: Some(index.to_owned()),
        range: fields.iter().map(equal).collect(),
        descending: false,
        filters: Vec::new(),
    };
    let found = host.database(ctx, |transaction| transaction.collect(&query, 2))?;
    match &found[..] {
        [] => Ok(None),
        [document] => Ok(Some(document.id)),
        several => {
            let ids: Vec<String> = several.iter().map(|document| document.id.to_string()).collect();
            let message =
                format!("unique() query returned more than one result from table {table}: [{}]", ids.join(", "));
            Err(Exception::throw_message(ctx, &message))
        }
    }
}

/// Reports an invalid value before other errors of a write, as Convex's own client does.
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
