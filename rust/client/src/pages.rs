//! A vector index of a deployment, page by page, to a batch.

use scan::{Batch, PageError, decode_page};
use value::Value;

use crate::{
    client::{Call, Client, FunctionKind},
    error::Result,
};

/// Rows a page, as the original client asks for.
const PAGE_ROWS: f64 = 256.0;

impl Client {
    /// Reads the rows of a vector index through the storage function, with the bytes that took.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]'s; a page isn't one.
    pub fn read_vectors(
        &self,
        storage_function: &str,
        table_name: &str,
        dimension: usize,
        authorization: Option<&str>,
    ) -> Result<(Batch, usize)> {
        let mut batch = Some(Batch::new(dimension));
        let (mut bytes, mut cursor, mut page_rows) = (0, Value::Null, PAGE_ROWS);
        loop {
            let args = Value::from([
                ("op", "queryTable".into()),
                ("tableName", table_name.into()),
                ("pageSize", page_rows.into()),
                ("cursor", cursor.clone()),
            ]);
            let kind = FunctionKind::Mutation;
            let page = self.send(&Call { kind, path: storage_function, args: &args, reads: true, authorization })?;
            bytes += page.len();
            let end = match decode_page(&page, &mut batch) {
                // Rows larger than a transaction may read so many of; only the deployment knows how large they are.
                Err(PageError::Refused { message, .. }) if page_rows > 1.0 && message.contains("Too many bytes") => {
                    page_rows = (page_rows / 2.0).floor();
                    continue;
                }
                end => end?,
            };
            match end.continuation_cursor.filter(|_| end.has_more) {
                Some(next) => cursor = next.into(),
                None => return Ok((batch.unwrap_or_else(|| Batch::new(dimension)), bytes)),
            }
        }
    }
}
