//! The position in a query's results, as text.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use value::Value;
use wire::Code;

use crate::error::{Error, FunctionError, Result};

/// The position at which a page ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// After the document with this key.
    After(Vec<u8>),
    /// After the last document.
    End,
}

impl Cursor {
    /// The text: a hash of the query, and the key, which is never empty.
    pub(super) fn write(self, fingerprint: u64) -> String {
        let mut bytes = fingerprint.to_le_bytes().to_vec();
        if let Self::After(key) = self {
            bytes.extend(key);
        }
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn read(text: &str, fingerprint: u64) -> Result<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match bytes.split_first_chunk::<8>() {
            Some((head, _)) if u64::from_le_bytes(*head) != fingerprint => Err(invalid_cursor()),
            Some((_, [])) => Ok(Self::End),
            Some((_, key)) => Ok(Self::After(key.to_vec())),
            None => Err(Error::function(Code::InvalidCursor, "Failed to parse cursor")),
        }
    }
}

pub(super) fn invalid_cursor() -> Error {
    Error::Function(FunctionError {
        code: Code::InvalidCursor,
        message: "InvalidCursor: the cursor does not belong to this query, or was not made here".to_owned(),
        data: Some(Value::from([("isConvexSystemError", true.into()), ("paginationError", "InvalidCursor".into())])),
    })
}
