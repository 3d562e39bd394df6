//! Database queries: index ranges, filters and pages.

use std::{ops::ControlFlow, sync::Arc};

use value::{Value, sort_key};

mod cursor;
mod expression;

use super::{
    document::Document,
    tables::{BY_CREATION_TIME, Index, Table},
    transaction::Transaction,
};
use crate::error::{Error, Result};
use cursor::{Cursor, invalid_cursor};
pub(crate) use expression::{Arithmetic, Comparison, Expression};
use wire::Code;

/// Convex's bound on the documents of a page.
const MAX_PAGE_SIZE: usize = 32_000;

/// A query as functions build it.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) table: String,
    /// `None` scans in creation order.
    pub(crate) index: Option<String>,
    pub(crate) range: Vec<Bound>,
    pub(crate) descending: bool,
    /// Conditions on documents, all of which must hold.
    pub(crate) filters: Vec<Expression>,
}

/// One condition of an index range; the value `None` is `undefined`.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) comparison: Comparison,
    pub(crate) field: String,
    pub(crate) value: Option<Value>,
}

/// The limits of a page.
#[derive(Debug)]
pub(crate) struct PageLimits {
    pub(crate) documents: usize,
    /// Documents read, including those that the filters don't admit.
    pub(crate) rows_read: Option<usize>,
    /// The size of the documents read, in bytes.
    pub(crate) bytes_read: Option<usize>,
}

/// A part of a query's documents.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) documents: Vec<Document>,
    /// Whether the query has no more documents after these.
    pub(crate) is_done: bool,
    /// The key at which the next page begins.
    pub(crate) continue_cursor: String,
    /// The key at which the page could be split in two, if it has more than two documents.
    pub(crate) split_cursor: Option<String>,
}

/// The part of an index that a query reads: the keys of `start..end`.
struct Range {
    table: Arc<Table>,
    index: Index,
    start: Vec<u8>,
    end: Vec<u8>,
}

impl Transaction {
    /// At most `limit` of a query's documents.
    pub(crate) fn collect(&mut self, query: &Query, limit: usize) -> Result<Vec<Document>> {
        match self.range(query)? {
            Some(range) => Ok(self.run(query, &range, &PageLimits::of_documents(limit))?.0),
            None => Ok(Vec::new()),
        }
    }

    /// A page of the documents after a cursor: up to a number of documents, or all until another cursor.
    ///
    /// As on Convex, only the next page shows that a full page was the last one.
    pub(crate) fn paginate(
        &mut self,
        query: &Query,
        cursor: Option<&str>,
        end: Option<&str>,
        limits: &PageLimits,
    ) -> Result<Page> {
        if limits.documents > MAX_PAGE_SIZE {
            return Err(Error::says(Code::PageSizeTooLarge, &[&MAX_PAGE_SIZE, &limits.documents]));
        }
        let range = self.range(query)?;
        let fingerprint = fingerprint(query, range.as_ref());
        let read = |cursor| Cursor::read(cursor, fingerprint);
        let (after, until) = (cursor.map(read).transpose()?, end.map(read).transpose()?);
        let (mut documents, mut last_key, mut middle) = (Vec::new(), None, None);
        if let Some(mut range) = range
            && after != Some(Cursor::End)
        {
            if let Some(Cursor::After(key)) = after {
                range.skip_past(&key, query.descending)?;
            }
            if let Some(Cursor::After(key)) = &until {
                range.stop_after(key, query.descending);
            }
            let unlimited = PageLimits::of_documents(usize::MAX);
            let limits = if until.is_some() { &unlimited } else { limits };
            (documents, last_key) = self.run(query, &range, limits)?;
            if documents.len() > 2 {
                middle = documents.get((documents.len() - 1) / 2).map(|document| document.index_key(&range.index));
            }
        }
        let end = until.unwrap_or_else(|| last_key.map_or(Cursor::End, Cursor::After));
        Ok(Page {
            documents,
            is_done: end == Cursor::End,
            continue_cursor: end.write(fingerprint),
            split_cursor: middle.map(|key| Cursor::After(key).write(fingerprint)),
        })
    }

    /// The first documents of a range that the query's filters admit, and the key at which a limit was reached.
    fn run(&mut self, query: &Query, range: &Range, limits: &PageLimits) -> Result<(Vec<Document>, Option<Vec<u8>>)> {
        let mut documents = Vec::new();
        let mut last_key = None;
        let (mut rows, mut bytes) = (0, 0);
        let is_over = |found: usize, limit: Option<usize>| limit.is_some_and(|limit| found >= limit);
        if limits.documents > 0 {
            let keys = (range.start.as_slice(), range.end.as_slice());
            self.scan(range.table.number, range.index.id, keys, query.descending, |key, document| {
                rows += 1;
                bytes += document.size();
                if query.admits(&document)? {
                    documents.push(document);
                }
                if documents.len() < limits.documents
                    && !is_over(rows, limits.rows_read)
                    && !is_over(bytes, limits.bytes_read)
                {
                    return Ok(ControlFlow::Continue(()));
                }
                last_key = Some(key.to_vec());
                Ok(ControlFlow::Break(()))
            })?;
        }
        Ok((documents, last_key))
    }

    /// The range that a query reads; `None` for a table that doesn't exist.
    fn range(&mut self, query: &Query) -> Result<Option<Range>> {
        let name = query.index.as_deref().unwrap_or(BY_CREATION_TIME);
        let index_not_found = || Error::says(Code::IndexNotFoundError, &[&format_args!("{}.{name}", query.table)]);
        let Some(table) = self.table_by_name(&query.table) else {
            return if query.index.is_some() { Err(index_not_found()) } else { Ok(None) };
        };
        let index = table.index(name).ok_or_else(index_not_found)?.clone();
        if let Some(definition) = self.schema.tables.get(&query.table) {
            definition.check_index(&query.table, name)?;
        }
        let (start, end) = key_range(&query.table, &index, &query.range)?;
        Ok(Some(Range { table, index, start, end }))
    }
}

impl Query {
    fn admits(&self, document: &Document) -> Result<bool> {
        for filter in &self.filters {
            if !filter.holds(document)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl PageLimits {
    pub(crate) fn of_documents(documents: usize) -> Self {
        Self { documents, rows_read: None, bytes_read: None }
    }
}

impl Range {
    /// Leaves out the part after a key. A key outside of the range leaves all of it, or nothing.
    fn stop_after(&mut self, key: &[u8], descending: bool) {
        if descending {
            self.start = self.start.as_slice().max(key).to_vec();
        } else {
            self.end = self.end.clone().min(sort_key::after(key));
        }
    }

    /// Leaves out the part before a key, and the key.
    fn skip_past(&mut self, key: &[u8], descending: bool) -> Result<()> {
        // A cursor comes from a client, so it must not extend the range.
        if key < self.start.as_slice() || key >= self.end.as_slice() {
            return Err(invalid_cursor());
        }
        if descending {
            self.end = key.to_vec();
        } else {
            self.start = sort_key::after(key);
        }
        Ok(())
    }
}

/// The keys of an index that a range admits, as `start..end`.
///
/// Equalities cover a prefix of the index's fields; then one field may have a lower and an upper bound.
pub(crate) fn key_range(table: &str, index: &Index, range: &[Bound]) -> Result<(Vec<u8>, Vec<u8>)> {
    let invalid = |code, reason: String| Error::function(code, format!("Index {table}.{}: {reason}", index.name));
    let fields: Vec<&str> = index.key_fields().collect();
    for bound in range {
        if !fields.contains(&bound.field.as_str()) {
            return Err(invalid(
                Code::FieldNotInIndex,
                format!("`{}` is not one of its fields {fields:?}", bound.field),
            ));
        }
    }
    let (equalities, bounds): (Vec<&Bound>, Vec<&Bound>) =
        range.iter().partition(|bound| bound.comparison == Comparison::Eq);
    let mut prefix = Vec::new();
    for field in &fields[..equalities.len().min(fields.len())] {
        let Some(equality) = equalities.iter().find(|bound| bound.field == *field) else {
            return Err(invalid(
                Code::InvalidIndexRange,
                format!("equalities must cover its first fields in order; `{field}` has none. Its fields: {fields:?}"),
            ));
        };
        sort_key::push(&mut prefix, equality.value.as_ref());
    }
    let (mut start, mut end) = (prefix.clone(), sort_key::after_prefix(&prefix));
    let (mut lower, mut upper, mut bounded) = (false, false, "");
    for bound in bounds {
        if (lower || upper) && bound.field != bounded {
            return Err(invalid(
                Code::BoundsOnMultipleFields,
                format!("only one field can have bounds, not both `{bounded}` and `{}`", bound.field),
            ));
        }
        bounded = &bound.field;
        if fields.get(equalities.len()) != Some(&bounded) {
            return Err(invalid(
                Code::InvalidIndexRange,
                format!("bounds must be on the field after the equalities, not on `{bounded}`. Its fields: {fields:?}"),
            ));
        }
        let taken = match bound.comparison {
            Comparison::Gt | Comparison::Gte => std::mem::replace(&mut lower, true),
            _ => std::mem::replace(&mut upper, true),
        };
        if taken {
            return Err(invalid(Code::AlreadyDefinedBound, format!("`{}` has two bounds on one side", bound.field)));
        }
        let mut key = prefix.clone();
        sort_key::push(&mut key, bound.value.as_ref());
        match bound.comparison {
            Comparison::Gt => start = sort_key::after_prefix(&key),
            Comparison::Gte => start = key,
            Comparison::Lte => end = sort_key::after_prefix(&key),
            _ => end = key,
        }
    }
    Ok((start, end))
}

/// The query that a cursor belongs to: the table, the index and its fields, the range, the order and the filters.
///
/// FNV-1a, since it must be the same in every process.
fn fingerprint(query: &Query, range: Option<&Range>) -> u64 {
    let index = range.map(|range| (&range.index.name, &range.index.fields, &range.start, &range.end));
    let description = format!("{} {index:?} {} {:?}", query.table, query.descending, query.filters);
    description
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
