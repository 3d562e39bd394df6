//! The shape of a reply to a call: names of fields, and the line above an error's text.
//!
//! ```json
//! {"status": "success", "value": …, "logLines": […]}
//! {"status": "error", "errorMessage": "[Request ID: …] Server Error\n…", "errorData": …, "errorKind": "…", "errorCode": "…"}
//! ```
//!
//! Messages of the sync WebSocket have the same fields beside their text. [`ERROR_KIND`] and [`ERROR_CODE`] are this
//! package's own; Convex's clients skip them.

/// `"success"` or `"error"`.
pub const STATUS: &str = "status";
/// The value that was returned.
pub const VALUE: &str = "value";
/// The error's text.
pub const ERROR_MESSAGE: &str = "errorMessage";
/// A thrown `ConvexError`'s data. Clients take its presence for a `ConvexError`.
pub const ERROR_DATA: &str = "errorData";
/// The [`Kind`](crate::Kind) of the error, by its name.
pub const ERROR_KIND: &str = "errorKind";
/// The error's code, by its name.
pub const ERROR_CODE: &str = "errorCode";
/// The function's console lines.
pub const LOG_LINES: &str = "logLines";

const OPENING: &str = "[Request ID: ";
const CLOSING: &str = "] Server Error";

/// An error's text as a reply has it: a line that names the request stands above it.
#[must_use]
pub fn with_heading(request: u64, text: &str) -> String {
    format!("{OPENING}{request:016x}{CLOSING}\n{text}")
}

/// An error's text without the line above it. None if there is only that line, as from a production deployment of
/// Convex.
#[must_use]
pub fn without_heading(text: &str) -> Option<&str> {
    let Some((request, rest)) = text.strip_prefix(OPENING).and_then(|text| text.split_once(CLOSING)) else {
        return Some(text);
    };
    if !request.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Some(text);
    }
    match rest.strip_prefix('\n') {
        Some(text) if !text.is_empty() => Some(text),
        None if !rest.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_put_above_a_text_and_taken_away() {
        let text = with_heading(0xab, "Uncaught Error: boom\nsecond line");
        assert_eq!(text, "[Request ID: 00000000000000ab] Server Error\nUncaught Error: boom\nsecond line");
        assert_eq!(without_heading(&text), Some("Uncaught Error: boom\nsecond line"));
    }

    #[test]
    fn a_heading_alone_tells_nothing() {
        for text in ["[Request ID: ab] Server Error", "[Request ID: ab] Server Error\n"] {
            assert_eq!(without_heading(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_without_a_heading_stays_as_it_is() {
        let texts =
            ["", "boom", "[Request ID: ab", "[Request ID: x] Server Error\nboom", "[Request ID: ab] Server Errors"];
        for text in texts {
            assert_eq!(without_heading(text), Some(text), "{text:?}");
        }
    }
}
