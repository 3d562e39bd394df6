//! Names of fields: the rules for all objects, documents and nested objects alike.

/// The longest field name, in bytes. As Convex's backend; its guide promises only 64 at the top of a document.
pub const FIELD_NAME_MAX_BYTES: usize = 1024;

/// Why a text can't name a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldNameError {
    /// The name begins with `$`, which is kept for the encoding of values as JSON.
    #[error("field name {name:?} starts with '$', expected a name that does not")]
    Dollar {
        /// The name.
        name: String,
    },
    /// A character is a control character or not ASCII.
    #[error("field name {name:?} has {character:?} at byte {position}, expected printable ASCII only")]
    Character {
        /// The name.
        name: String,
        /// Where the first such character begins, in bytes.
        position: usize,
        /// The character.
        character: char,
    },
    /// The name is too long.
    #[error("field name {start:?}… has {length} bytes, expected at most {FIELD_NAME_MAX_BYTES}")]
    Length {
        /// The first characters of the name.
        start: String,
        /// Its length in bytes.
        length: usize,
    },
}

/// Checks that a text can name a field: at most 1024 printable ASCII characters, the first of them not `$`.
///
/// The empty name is allowed. Documents ask for more at their top level: see [`size::check_document`](crate::size::check_document).
///
/// # Errors
///
/// The name is too long, has other characters, or begins with `$`; looked at in this order.
pub fn check_field_name(name: &str) -> Result<(), FieldNameError> {
    if name.len() > FIELD_NAME_MAX_BYTES {
        let start = name.chars().take(32).collect();
        return Err(FieldNameError::Length { start, length: name.len() });
    }
    if let Some(position) = name.bytes().position(|byte| !matches!(byte, 0x20..=0x7e)) {
        let character = name[position..].chars().next().expect("ASCII came before, so a character begins here");
        return Err(FieldNameError::Character { name: name.to_owned(), position, character });
    }
    if name.starts_with('$') {
        return Err(FieldNameError::Dollar { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_names_a_field() {
        for name in ["", " ", "a b", "_id", "a$", "~", &"n".repeat(1024)] {
            assert_eq!(check_field_name(name), Ok(()));
        }
    }

    #[test]
    fn an_unusable_name_is_refused_with_the_reason() {
        for (name, message) in [
            ("$set", r#"field name "$set" starts with '$', expected a name that does not"#),
            ("aé", r#"field name "aé" has 'é' at byte 1, expected printable ASCII only"#),
            ("\n", r#"field name "\n" has '\n' at byte 0, expected printable ASCII only"#),
            ("\u{7f}", r#"field name "\u{7f}" has '\u{7f}' at byte 0, expected printable ASCII only"#),
        ] {
            assert_eq!(check_field_name(name).unwrap_err().to_string(), message);
        }
        let message = check_field_name(&"n".repeat(1025)).unwrap_err().to_string();
        assert!(message.ends_with("… has 1025 bytes, expected at most 1024"), "{message}");
    }
}
