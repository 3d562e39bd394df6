//! A vector index of a deployment, page by page, to a batch.

use scan::{Batch, decode_page};
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
        let (mut bytes, mut cursor) = (0, Value::Null);
        loop {
            let args = Value::from([
                ("op", "queryTable".into()),
                ("tableName", table_name.into()),
                ("pageSize", PAGE_ROWS.into()),
                ("cursor", cursor),
            ]);
            let kind = FunctionKind::Mutation;
            let page = self.send(&Call { kind, path: storage_function, args: &args, reads: true, authorization })?;
            bytes += page.len();
            let end = decode_page(&page, &mut batch)?;
            match end.continuation_cursor.filter(|_| end.has_more) {
                Some(next) => cursor = next.into(),
                None => return Ok((batch.unwrap_or_else(|| Batch::new(dimension)), bytes)),
            }
        }
    }
}
