//! Reads a vector index of a deployment page by page.

use base::FunctionKind;
use scan::{PageEnd, PageError};
use serde_json::Deserializer;
use value::Value;

use crate::{
    client::{Call, Client},
    error::{Error, Result},
    runtime::{Task, wait},
};

/// The table that lists the indexes.
pub const INDEXES: &str = "mastra_vector_indexes";

/// Rows per page, as in the original client.
const PAGE_ROWS: f64 = 256.0;

/// The most rows per page of vectors in bytes. The deployment returns as many of them as a transaction can read.
const PAGE_ROWS_IN_BYTES: f64 = 8000.0;

/// A vector index: its name, and the storage function of its tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VectorIndex {
    /// The storage function's path.
    pub storage_function: String,
    /// The index's name.
    pub name: String,
}

impl VectorIndex {
    /// The storage function's arguments for describing the index.
    #[must_use]
    pub fn describe(&self) -> Value {
        let keys = Value::from([("id", self.name.as_str().into())]);
        Value::from([("op", "load".into()), ("tableName", INDEXES.into()), ("keys", keys)])
    }
}

/// The description of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The length of its vectors.
    pub dimension: usize,
    /// `cosine`, `dotproduct` or `euclidean`.
    pub metric: String,
}

impl Description {
    /// The description in the storage function's reply to [`VectorIndex::describe`]; None if the index doesn't exist.
    ///
    /// # Errors
    ///
    /// The reply is a refusal.
    pub fn of_reply(reply: &Value) -> Result<Option<Self>> {
        let field = |name| reply.as_object().and_then(|reply| reply.get(name));
        let text = |name| field(name).and_then(Value::as_str).map(str::to_owned);
        match field("ok") {
            Some(Value::Boolean(true)) => Ok(field("result").and_then(Self::of_row)),
            _ => Err(Error::Page(PageError::Refused {
                page: 0,
                message: text("error").unwrap_or_else(|| "the storage function gave no reply of its own".to_owned()),
                code: text("code"),
            })),
        }
    }

    /// The description in a row of the list of indexes.
    pub(crate) fn of_row(row: &Value) -> Option<Self> {
        let fields = row.as_object()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length of vectors")]
        let dimension = fields.get("dimension")?.as_f64()? as usize;
        Some(Self { dimension, metric: fields.get("metric")?.as_str()?.to_owned() })
    }
}

impl Client {
    /// Describes an index; None if there is no such index.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`]; the reply is a refusal.
    pub fn describe(&self, index: &VectorIndex, authorization: Option<&str>) -> Result<Option<Description>> {
        let (kind, path) = (FunctionKind::Mutation, index.storage_function.as_str());
        let args = index.describe();
        let reply = wait(self.call(&Call { kind, path, args: &args, reads: true, authorization }))?;
        Description::of_reply(&reply.result?)
    }

    /// Reads all rows of an index, and returns the number of bytes received. `take` decodes each page while the next
    /// one is on its way.
    ///
    /// Vectors come as bytes, or as decimals if the deployed functions can't send bytes.
    pub(crate) fn read_pages(
        &self,
        index: &VectorIndex,
        authorization: Option<&str>,
        mut take: impl FnMut(&[u8]) -> Result<PageEnd, PageError>,
    ) -> Result<usize> {
        match self.read_pages_in_bytes(index, authorization, &mut take) {
            Err(error) if error.is_unsupported_operation() => {}
            outcome => return outcome,
        }
        self.paged(index, "queryTable", (None, PAGE_ROWS), authorization, take)
    }

    /// As [`Self::read_pages`], of functions that can send bytes. The first page may also say from where on changes of
    /// its rows are read.
    pub(crate) fn read_pages_in_bytes(
        &self,
        index: &VectorIndex,
        authorization: Option<&str>,
        take: impl FnMut(&[u8]) -> Result<PageEnd, PageError>,
    ) -> Result<usize> {
        self.paged(index, "queryVectors", (None, PAGE_ROWS_IN_BYTES), authorization, take)
    }

    /// Starts to find out whether the backend can report changes, for which it needs commit timestamps. Deployed
    /// functions that can't answer count as true. If they don't report changes either, reading the changes will fail.
    pub(crate) fn has_changes(&self, index: &VectorIndex, authorization: Option<&str>) -> Task<Result<bool>> {
        let args = Value::from([("op", "backend".into()), ("tableName", INDEXES.into())]);
        let (client, path) = (self.clone(), index.storage_function.clone());
        let authorization = authorization.map(str::to_owned);
        Task::start(async move {
            let (kind, authorization) = (FunctionKind::Mutation, authorization.as_deref());
            let call = Call { kind, path: &path, args: &args, reads: true, authorization };
            let reply = client.call(&call).await?.result?;
            let backend = reply.as_object().and_then(|reply| reply.get("result")?.as_object()?.get("commitTimestamps"));
            Ok(backend != Some(&Value::Boolean(false)))
        })
    }

    /// Reads the changes of an index since a cursor. Without one, it only gets the cursor to begin at.
    pub(crate) fn read_changes(
        &self,
        index: &VectorIndex,
        cursor: Option<String>,
        authorization: Option<&str>,
        take: impl FnMut(&[u8]) -> Result<PageEnd, PageError>,
    ) -> Result<usize> {
        self.paged(index, "queryChanges", (cursor, PAGE_ROWS), authorization, take)
    }

    /// A request for a page.
    fn page(
        &self,
        index: &VectorIndex,
        op: &str,
        cursor: Option<&str>,
        rows: f64,
        authorization: Option<&str>,
    ) -> impl Future<Output = Result<Vec<u8>>> + Send + use<> {
        let args = Value::from([
            ("op", op.into()),
            ("tableName", format!("mastra_vector_{}", index.name).into()),
            ("pageSize", rows.into()),
            ("cursor", cursor.map_or(Value::Null, Value::from)),
            ("asBytes", true.into()),
        ]);
        let (client, path) = (self.clone(), index.storage_function.clone());
        let authorization = authorization.map(str::to_owned);
        async move {
            let (kind, authorization) = (FunctionKind::Mutation, authorization.as_deref());
            client.send(&Call { kind, path: &path, args: &args, reads: true, authorization }).await
        }
    }

    /// Reads page after page, from a cursor on, each of so many rows.
    fn paged(
        &self,
        index: &VectorIndex,
        op: &str,
        (mut cursor, mut rows): (Option<String>, f64),
        authorization: Option<&str>,
        mut take: impl FnMut(&[u8]) -> Result<PageEnd, PageError>,
    ) -> Result<usize> {
        let (mut bytes, mut ahead) = (0, None::<(Task<Result<Vec<u8>>>, String)>);
        loop {
            // Only a page that is read ahead needs a thread besides this one.
            let page = match ahead.take() {
                Some((page, asked)) if Some(&asked) == cursor.as_ref() => wait(page.end())?,
                _ => wait(self.page(index, op, cursor.as_deref(), rows, authorization))?,
            };
            bytes += page.len();
            ahead = next_cursor(&page).map(|next| {
                let page = Task::start(self.page(index, op, Some(&next), rows, authorization));
                (page, next)
            });
            let end = take(&page);
            let end = match end {
                // The function's error is reported like that of any call.
                Err(refused @ PageError::Refused { .. }) => {
                    let error = self.outcome(&page).err().unwrap_or(refused.into());
                    // The rows of this page may be too large for one transaction. Only the deployment knows their size,
                    // so half as many are tried.
                    if rows > 1.0 && error.may_be_too_much() {
                        rows = (rows / 2.0).floor();
                        continue;
                    }
                    return Err(error);
                }
                end => end?,
            };
            match end.continuation_cursor.filter(|_| end.has_more) {
                Some(next) => cursor = Some(next),
                None => return Ok(bytes),
            }
        }
    }
}

/// The bytes at a page's beginning and end in which the next page's cursor is searched.
const ENDS: usize = 1024;

/// A guess of the next page's cursor, without decoding the page, which then gives the true one.
fn next_cursor(page: &[u8]) -> Option<String> {
    let ends = [&page[..page.len().min(ENDS)], &page[page.len().saturating_sub(ENDS)..]];
    ends.into_iter().find_map(|end| {
        find(end, b"\"hasMore\":true")?;
        let name = b"\"continuationCursor\":";
        let value = &end[find(end, name)? + name.len()..];
        Deserializer::from_slice(value).into_iter().next()?.ok()
    })
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
