//! Why a function failed, as a reply tells it.

use std::borrow::Cow;

use crate::{Code, Kind, reply::without_heading};

/// The beginning of each thrown error's text, also if a database call or a nested call threw it. Each nested call that
/// passes an error on adds it once more.
const THROWN: &str = "Uncaught Error: ";

/// A failure's kind and code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of the failure.
    pub kind: Kind,
    /// Convex's short name. It may be one of a newer deployment that isn't in the table.
    pub code: Cow<'static, str>,
}

impl Failure {
    /// The failure in a reply: by its kind and code if it has them, else by its text.
    ///
    /// A text counts only if the whole of it is a sentence of the table. A function that throws a copy of such a
    /// sentence can't be told apart.
    #[must_use]
    pub fn read(kind: Option<&str>, code: Option<&str>, text: &str, has_data: bool) -> Self {
        if let (Some(kind), Some(code)) = (kind, code) {
            return Self { kind: Kind::from_name(kind).unwrap_or(Kind::Function), code: Cow::Owned(code.to_owned()) };
        }
        let text = without_heading(text).unwrap_or_default();
        let code = match Code::of_text(text.trim_start_matches(THROWN), text.starts_with(THROWN)) {
            Some(code) => code,
            None if has_data => Code::ConvexError,
            None => Code::Error,
        };
        code.into()
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self { kind: code.kind(), code: Cow::Borrowed(code.name()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Failure {
        Failure::read(None, None, text, false)
    }

    #[test]
    fn the_kind_and_the_code_of_a_reply_are_believed() {
        let limit = "Too many writes in a single function execution (limit: 16000)";
        let told = Failure::read(Some("Function"), Some("Error"), limit, true);
        assert_eq!(told, Code::Error.into());
        let told = Failure::read(Some("LimitExceeded"), Some("Newer"), "boom", false);
        assert_eq!(told, Failure { kind: Kind::LimitExceeded, code: "Newer".into() });
        let told = Failure::read(Some("Newer"), Some("Newer"), "boom", false);
        assert_eq!(told, Failure { kind: Kind::Function, code: "Newer".into() });
    }

    #[test]
    fn a_kind_or_a_code_alone_is_not_believed() {
        let limit = "Too many writes in a single function execution (limit: 16000)";
        for (kind, code) in [(Some("Function"), None), (None, Some("Error"))] {
            assert_eq!(Failure::read(kind, code, limit, false), Code::TooManyWrites.into());
        }
    }

    #[test]
    fn data_without_a_sentence_is_a_thrown_convex_error() {
        let told = |text| Failure::read(None, None, text, true);
        assert_eq!(told("Uncaught ConvexError: boom"), Code::ConvexError.into());
        assert_eq!(told("[Request ID: 1] Server Error"), Code::ConvexError.into());
        assert_eq!(told("Uncaught Error: InvalidCursor: too old"), Code::InvalidCursor.into());
    }

    #[test]
    fn a_sentence_counts_at_the_beginning_of_the_text_only() {
        let limit = "Too many writes in a single function execution (limit: 16000)";
        let texts = [
            limit.to_owned(),
            format!("Uncaught Error: {limit}"),
            format!("Uncaught Error: Uncaught Error: {limit}"),
            format!("[Request ID: 0a] Server Error\nUncaught Error: {limit}"),
            format!("[Request ID: 0a] Server Error\nUncaught Error: {limit}\n    at handler (../convex/a.ts:1:2)"),
        ];
        for text in texts {
            assert_eq!(read(&text), Code::TooManyWrites.into(), "{text:?}");
        }
        let texts = [
            format!("Uncaught TypeError: {limit}"),
            format!("Uncaught Error: it says: {limit}"),
            format!("Uncaught Error: {limit}, it says"),
            format!("Uncaught Error: boom\n{limit}"),
            format!("Uncaught Error: [Request ID: 0a] Server Error\n{limit}"),
            "the parcel is too large".to_owned(),
            "Uncaught Error: the parcel is too large".to_owned(),
            "Uncaught Error: payment timed out".to_owned(),
            "Uncaught Error: the maximum in a single function execution".to_owned(),
            "Uncaught Error: table users already exists".to_owned(),
            "Uncaught Error: Could not find the parcel".to_owned(),
            "Uncaught Error: out of memory".to_owned(),
            "Uncaught Error: ArgumentValidationError: the e-mail is wrong".to_owned(),
            "[Request ID: 0a] Server Error".to_owned(),
            String::new(),
        ];
        for text in texts {
            assert_eq!(read(&text), Code::Error.into(), "{text:?}");
        }
    }
}
