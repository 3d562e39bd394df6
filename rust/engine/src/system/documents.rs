//! Pages of a table's documents.

use value::{Array, Object, Value, id::DocumentId, json, size};
use wire::Code;

use super::{
    arguments::Arguments,
    shapes::{number, object, page},
};
use crate::{
    data::{
        document::Document,
        query::{Bound, Comparison, Expression, PageLimits, Query},
        tables::{BY_CREATION_TIME, Index, Table},
        transaction::Transaction,
    },
    error::{Error, Result},
};

/// A page's limits besides the number of its documents. A page that reaches one ends early; the next one continues. A
/// transaction may read twice as much.
const ROWS_READ: usize = 16_000;
const BYTES_READ: usize = 8 << 20;

/// A condition on a field. Without a value, the field must be missing.
struct Condition {
    field: String,
    comparison: Comparison,
    value: Option<Value>,
}

/// `{table, order, paginationOpts}`: documents in order of creation. A table that doesn't exist has none.
pub(super) fn table_data(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    args.ignore(&["componentId"]);
    let query = Query {
        table: args.text("table")?,
        index: None,
        range: Vec::new(),
        descending: descending(args)?,
        filters: Vec::new(),
    };
    paginate(transaction, &query, args, Document::into_value)
}

/// `{table, index?, order?, where?, brief?, paginationOpts}`: documents that meet all conditions `{field, op?, value?}`.
///
/// They come in the order of the index. Without one, they come in order of creation; an index whose fields all have
/// equalities keeps that order, so it is used. With `brief`, a field of more bytes becomes `{"_cut": {type, bytes,
/// length?, text}}`, where `text` is the beginning of the text or of the JSON.
pub(super) fn documents(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    let (name, asked) = (args.text("table")?, args.optional_text("index")?);
    let Some(table) = transaction.table_by_name(&name) else {
        return Err(Error::function(Code::Error, format!("There is no table {name:?}")));
    };
    let mut conditions = conditions(args)?;
    let index = if let Some(asked) = &asked {
        let unknown = || Error::says(Code::IndexNotFoundError, &[&format_args!("{name}.{asked}")]);
        table.index(asked).ok_or_else(unknown)?
    } else {
        let staged = transaction.schema.tables.get(&name).map(|definition| &definition.staged);
        fitting(&table, &conditions, |index| staged.is_none_or(|staged| !staged.contains(index)))
    };
    let range = equalities(index, &mut conditions);
    let query = Query {
        table: name,
        index: Some(index.name.clone()),
        range,
        descending: descending(args)?,
        filters: conditions.into_iter().map(Condition::into_expression).collect(),
    };
    let brief = args.optional_count("brief", usize::MAX)?;
    paginate(transaction, &query, args, |document| shown(document, brief))
}

/// `{id, brief?}`: a document; null if there is none.
pub(super) fn document(transaction: &mut Transaction, args: &mut Arguments) -> Result<Value> {
    let (id, brief) = (args.text("id")?, args.optional_count("brief", usize::MAX)?);
    args.done()?;
    let id = id.parse::<DocumentId>().map_err(|error| args.invalid("id", &format!("{id:?}: {error}")))?;
    Ok(transaction.get(id)?.map(|document| shown(document, brief)).unwrap_or_default())
}

/// The page that `paginationOpts` asks for.
fn paginate(
    transaction: &mut Transaction,
    query: &Query,
    args: &mut Arguments,
    shown: impl Fn(Document) -> Value,
) -> Result<Value> {
    let mut options = args.object("paginationOpts")?;
    args.done()?;
    let cursor = options.optional_text("cursor")?;
    let end = options.optional_text("endCursor")?;
    let count = options.optional_count("numItems", ROWS_READ)?.unwrap_or(100);
    options.ignore(&["id", "maximumRowsRead", "maximumBytesRead"]);
    options.done()?;
    let limits = PageLimits { documents: count, rows_read: Some(ROWS_READ), bytes_read: Some(BYTES_READ) };
    let found = transaction.paginate(query, cursor.as_deref(), end.as_deref(), &limits)?;
    Ok(page(found.documents.into_iter().map(shown).collect(), found.is_done, found.continue_cursor))
}

fn descending(args: &mut Arguments) -> Result<bool> {
    let order = args.optional("order", "\"asc\" or \"desc\"", |order| match order.as_str()? {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    })?;
    Ok(order.unwrap_or(false))
}

fn conditions(args: &mut Arguments) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for condition in args.list("where")? {
        let mut condition = Arguments::new("where", condition)?;
        let comparison = condition.optional("op", "\"eq\", \"neq\", \"lt\", \"lte\", \"gt\" or \"gte\"", |op| {
            Comparison::parse(op.as_str()?)
        })?;
        let field = condition.text("field")?;
        let value = condition.take("value");
        condition.done()?;
        conditions.push(Condition { field, comparison: comparison.unwrap_or(Comparison::Eq), value });
    }
    Ok(conditions)
}

impl Condition {
    fn into_expression(self) -> Expression {
        let sides = (Expression::Field(self.field), Expression::Literal(self.value));
        Expression::Compare(self.comparison, Box::new(sides))
    }
}

/// The first index whose fields all have equalities, of those with the most fields; without any, the one by time of
/// creation.
fn fitting<'a>(table: &'a Table, conditions: &[Condition], may_use: impl Fn(&str) -> bool) -> &'a Index {
    let has_equality = |field: &String| {
        conditions.iter().any(|condition| condition.comparison == Comparison::Eq && condition.field == *field)
    };
    if has_equality(&"_id".to_owned()) {
        return table.by_id();
    }
    let fits =
        |index: &&Index| !index.fields.is_empty() && index.fields.iter().all(has_equality) && may_use(&index.name);
    let most = table.indexes.iter().filter(fits).map(|index| index.fields.len()).max();
    let first = table.indexes.iter().filter(fits).find(|index| Some(index.fields.len()) == most);
    first.or_else(|| table.index(BY_CREATION_TIME)).expect("every table has it")
}

/// Takes the equalities on an index's first fields out of the conditions.
fn equalities(index: &Index, conditions: &mut Vec<Condition>) -> Vec<Bound> {
    let mut range = Vec::new();
    for field in index.key_fields() {
        let found =
            conditions.iter().position(|condition| condition.comparison == Comparison::Eq && condition.field == field);
        let Some(position) = found else { break };
        let Condition { field, comparison, value } = conditions.remove(position);
        range.push(Bound { comparison, field, value });
    }
    range
}

/// A document whose fields of more than `brief` bytes are cut.
fn shown(document: Document, brief: Option<usize>) -> Value {
    let mut value = document.into_value();
    if let (Value::Object(fields), Some(brief)) = (&mut value, brief) {
        cut_fields(fields, brief);
    }
    value
}

/// Cuts fields of more than `brief` bytes.
pub(super) fn cut_fields(fields: &mut Object, brief: usize) {
    for value in fields.values_mut() {
        let bytes = size::size(value);
        if bytes > brief {
            *value = cut(value, bytes, brief);
        }
    }
}

fn cut(value: &Value, bytes: usize, brief: usize) -> Value {
    let (text, length) = match value {
        Value::String(text) => (beginning(text, brief), Some(text.chars().count())),
        Value::Bytes(bytes) => (String::new(), Some(bytes.len())),
        Value::Array(items) => {
            // Only so many items are written as can be shown.
            let first: Vec<Value> = items.iter().take(brief.min(8)).map(std::borrow::Cow::into_owned).collect();
            (json_beginning(&Value::Array(Array::Values(first)), brief), Some(items.len()))
        }
        value => (json_beginning(value, brief), None),
    };
    let mut about = vec![("type", value.type_name().into()), ("bytes", number(bytes as u64)), ("text", text.into())];
    if let Some(length) = length {
        about.push(("length", number(length as u64)));
    }
    Value::from([("_cut", object(about))])
}

fn json_beginning(value: &Value, bytes: usize) -> String {
    beginning(&json::to_string(value, json::Format::Encoded), bytes)
}

fn beginning(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
