//! The `Authorization` header: of an admin, who may act as a user, or of a user.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use value::{Value, json};

use crate::{
    error::{Error, Result},
    live::Token,
};

/// The header of an admin who acts as a user. Other headers, and an admin's that names a user, stay as they are.
///
/// # Examples
///
/// ```
/// let user = [("issuer", "https://issuer.example".into()), ("subject", "ann".into())].into();
/// let header = client::acting_as("Convex name|key", &user);
/// assert!(header.starts_with("Convex name|key:eyJ"));
/// assert_eq!(client::acting_as(&header, &user), header);
/// assert_eq!(client::acting_as("Bearer token", &user), "Bearer token");
/// ```
#[must_use]
pub fn acting_as(authorization: &str, user: &Value) -> String {
    match authorization.split_once(' ') {
        Some(("Convex", key)) if split(key).1.is_none() => {
            format!("{authorization}:{}", BASE64.encode(json::to_string(user, json::Format::Encoded)))
        }
        _ => authorization.to_owned(),
    }
}

/// The token of a header, in the form of the sync protocol.
pub(crate) fn token(authorization: Option<&str>) -> Result<Token> {
    Ok(match authorization.and_then(|header| header.split_once(' ')) {
        Some(("Convex", key)) => {
            let (key, user) = split(key);
            Token::Admin { value: key.to_owned(), impersonating: user.map(attributes).transpose()? }
        }
        Some((_, token)) => Token::User { value: token.to_owned() },
        None => Token::None,
    })
}

fn attributes(encoded: &str) -> Result<serde_json::Value> {
    let bad = |reason: String| {
        let cause = Box::<dyn std::error::Error + Send + Sync>::from(format!("the user to act as: {reason}"));
        Error::Credential { cause: cause.into() }
    };
    let bytes = BASE64.decode(encoded).map_err(|error| bad(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))
}

/// Splits an admin key from the user to act as, behind a colon. A deploy key contains a colon too: `prod:name|secret`.
fn split(key: &str) -> (&str, Option<&str>) {
    let secret = key.find('|').unwrap_or_default();
    match key[secret..].split_once(':') {
        Some((_, user)) => (&key[..key.len() - user.len() - 1], Some(user)),
        None => (key, None),
    }
}
