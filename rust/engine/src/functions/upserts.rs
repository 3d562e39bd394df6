//! The built-in module `upserts` in native code: many rows cross from JavaScript at once.
#![expect(clippy::needless_pass_by_value, reason = "QuickJS hands over a method's arguments as values")]

use rquickjs::{Array as JsArray, Ctx, Exception, Value as JsValue};
use value::{Object, id::DocumentId};

use super::{
    arguments::{object, text},
    database::check,
    host::Host,
};
use crate::data::query::{Bound, Comparison, Query};

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
