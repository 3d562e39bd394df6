//! The result of `ctx.auth.getUserIdentity()`.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use value::{Object, Value, json};

use super::token::Token;
use crate::error::{Error, Result};

/// A user, as a provider or an admin describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    attributes: Object,
    expires: Option<SystemTime>,
}

/// The standard claims of an ID token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    /// An object whose text `formatted` is used.
    Address,
    /// Seconds since 1970, or text as RFC 3339 writes it.
    Time,
}

/// The standard claims of `OpenID` Connect (Core 1.0, section 5.1) that Convex knows, with Convex's names.
const STANDARD_CLAIMS: [(&str, &str, Kind); 18] = [
    ("name", "name", Kind::Text),
    ("given_name", "givenName", Kind::Text),
    ("family_name", "familyName", Kind::Text),
    ("nickname", "nickname", Kind::Text),
    ("preferred_username", "preferredUsername", Kind::Text),
    ("profile", "profileUrl", Kind::Text),
    ("picture", "pictureUrl", Kind::Text),
    ("website", "websiteUrl", Kind::Text),
    ("email", "email", Kind::Text),
    ("email_verified", "emailVerified", Kind::Flag),
    ("gender", "gender", Kind::Text),
    ("birthdate", "birthday", Kind::Text),
    ("zoneinfo", "timezone", Kind::Text),
    ("locale", "language", Kind::Text),
    ("phone_number", "phoneNumber", Kind::Text),
    ("phone_number_verified", "phoneNumberVerified", Kind::Flag),
    ("address", "address", Kind::Address),
    ("updated_at", "updatedAt", Kind::Time),
];

/// Claims about the token, not the user.
const REGISTERED_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Further claims of an ID token about itself.
const ID_TOKEN_CLAIMS: [&str; 7] = ["auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash"];

/// The time since a user's last login (Clerk's factor verification age). With it, each token would be another identity.
const FACTOR_AGE: &str = "fva";

impl Identity {
    /// The attributes of a custom JWT: its claims under their own names, with dots for claims inside objects
    /// (`"properties.email"`).
    pub(super) fn from_custom_jwt(token: &Token<'_>, expires: SystemTime) -> Result<Self, String> {
        let mut attributes = Object::new();
        for (name, value) in &token.claims {
            if !REGISTERED_CLAIMS.contains(&name.as_str()) && name != FACTOR_AGE {
                flatten(name.clone(), value, &mut attributes);
            }
        }
        Self::of_token(token, attributes, expires)
    }

    /// The attributes of an ID token: standard claims under Convex's names, others as they are.
    pub(super) fn from_id_token(token: &Token<'_>, expires: SystemTime) -> Result<Self, String> {
        let is_custom = |name: &str| {
            !REGISTERED_CLAIMS.contains(&name)
                && !ID_TOKEN_CLAIMS.contains(&name)
                && name != FACTOR_AGE
                && STANDARD_CLAIMS.iter().all(|(claim, ..)| *claim != name)
        };
        let custom = token.claims.iter().filter(|(name, _)| is_custom(name));
        let mut attributes: Object = custom.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (claim, attribute, kind) in STANDARD_CLAIMS {
            let Some(value) = token.claims.get(claim) else { continue };
            if let Some(value) = kind.read(value).map_err(|expected| format!("{claim} is not {expected}"))? {
                attributes.insert(attribute.to_owned(), value);
            }
        }
        Self::of_token(token, attributes, expires)
    }

    /// The fields of every token come last, so that no claim of another name replaces them.
    fn of_token(token: &Token<'_>, mut attributes: Object, expires: SystemTime) -> Result<Self, String> {
        let subject = match token.claims.get("sub") {
            Some(Value::String(subject)) => subject,
            Some(other) => return Err(format!("sub is {}, expected a string", other.type_name())),
            None => return Err("Missing subject claim ('sub')".to_owned()),
        };
        attributes.insert("tokenIdentifier".to_owned(), token_identifier(&token.issuer, subject));
        attributes.insert("issuer".to_owned(), token.issuer.as_str().into());
        attributes.insert("subject".to_owned(), subject.as_str().into());
        Ok(Self { attributes, expires: Some(expires) })
    }

    /// The user as whom an admin acts, by the attributes that `getUserIdentity()` is to give: `issuer` and `subject`, or
    /// a `tokenIdentifier`, and any others.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`]: both are missing, or an attribute that Convex knows has another type.
    pub fn acting_as(attributes: &Value) -> Result<Self> {
        let Value::Object(attributes) = attributes else {
            return Err(malformed(&format!("the identity is {}, expected an object", attributes.type_name())));
        };
        let mut attributes = attributes.clone();
        let of_identity = ["tokenIdentifier", "issuer", "subject"].map(|name| (name, Kind::Text));
        let standard = STANDARD_CLAIMS.map(|(_, name, kind)| (name, kind));
        for (name, kind) in of_identity.into_iter().chain(standard) {
            match (attributes.get(name), kind) {
                (Some(Value::Null), _) => drop(attributes.remove(name)),
                (None, _)
                | (Some(Value::Boolean(_)), Kind::Flag)
                | (Some(Value::String(_)), Kind::Text | Kind::Address | Kind::Time) => {}
                (Some(other), kind) => {
                    let expected = if kind == Kind::Flag { "a boolean" } else { "a string" };
                    return Err(malformed(&format!("{name} is {}, expected {expected}", other.type_name())));
                }
            }
        }
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        match (text("tokenIdentifier"), text("issuer"), text("subject")) {
            (Some(_), _, _) => {}
            (None, Some(issuer), Some(subject)) => {
                let identifier = token_identifier(issuer, subject);
                attributes.insert("tokenIdentifier".to_owned(), identifier);
            }
            _ => return Err(malformed("found neither a tokenIdentifier nor both issuer and subject")),
        }
        Ok(Self { attributes, expires: None })
    }

    /// The same, from the text behind the colon in `Authorization: Convex <admin key>:<base64 of JSON>`.
    ///
    /// # Errors
    ///
    /// As [`acting_as`](Self::acting_as), or the text is no base64 of JSON.
    pub fn decode_acting_as(encoded: &str) -> Result<Self> {
        let text = BASE64.decode(encoded).map_err(|_| malformed("the identity is not base64"))?;
        Self::acting_as(&json::decode(&text).map_err(|error| malformed(&format!("the identity is not JSON: {error}")))?)
    }

    /// The result of `ctx.auth.getUserIdentity()`: an object with `tokenIdentifier`, `issuer`, `subject` and more.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.attributes.clone())
    }

    /// The time from which the token is refused; None for a user as whom an admin acts.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }
}

impl Kind {
    /// A claim as an attribute, or what was expected instead.
    fn read(self, claim: &Value) -> Result<Option<Value>, &'static str> {
        match (self, claim) {
            (_, Value::Null) => Ok(None),
            (Self::Text | Self::Time, Value::String(_)) | (Self::Flag, Value::Boolean(_)) => Ok(Some(claim.clone())),
            (Self::Address, Value::Object(fields)) => match fields.get("formatted") {
                None | Some(Value::Null) => Ok(None),
                Some(formatted @ Value::String(_)) => Ok(Some(formatted.clone())),
                Some(_) => Err("an object with text as formatted"),
            },
            (Self::Time, Value::Float64(seconds)) => match rfc3339(*seconds) {
                Some(text) => Ok(Some(text.into())),
                None => Err("a time of the years 1970 to 9999"),
            },
            (Self::Text, _) => Err("a string"),
            (Self::Flag, _) => Err("a boolean"),
            (Self::Address, _) => Err("an object"),
            (Self::Time, _) => Err("a number of seconds"),
        }
    }
}

fn flatten(name: String, value: &Value, attributes: &mut Object) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(format!("{name}.{inner}"), value, attributes);
            }
        }
        value => drop(attributes.insert(name, value.clone())),
    }
}

/// The token identifier: unique among all users of all providers.
fn token_identifier(issuer: &str, subject: &str) -> Value {
    format!("{issuer}|{subject}").into()
}

fn malformed(problem: &str) -> Error {
    let message = format!("Malformed Authorization header: {problem}");
    Error::Unauthenticated { code: "HeaderParseFailure", message }
}

/// A time as chrono, and so Convex, writes it: `2001-09-09T01:46:40+00:00`. Fractions of a second are dropped.
fn rfc3339(seconds_since_1970: f64) -> Option<String> {
    const LAST: f64 = 253_402_300_799.0; // 9999-12-31T23:59:59
    if !(0.0..=LAST).contains(&seconds_since_1970) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    let seconds = seconds_since_1970 as u64;
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    // Days of eras of 400 years whose years begin in March, so that a leap day comes last
    // (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        let table = [
            (0.0, Some("1970-01-01T00:00:00+00:00")),
            (951_782_399.0, Some("2000-02-28T23:59:59+00:00")),
            (951_782_400.0, Some("2000-02-29T00:00:00+00:00")),
            (951_868_800.0, Some("2000-03-01T00:00:00+00:00")),
            (1_000_000_000.9, Some("2001-09-09T01:46:40+00:00")),
            (4_107_542_399.0, Some("2100-02-28T23:59:59+00:00")),
            (4_107_542_400.0, Some("2100-03-01T00:00:00+00:00")),
            (253_402_300_799.0, Some("9999-12-31T23:59:59+00:00")),
            (253_402_300_800.0, None),
            (-1.0, None),
            (f64::NAN, None),
        ];
        for (seconds, expected) in table {
            assert_eq!(rfc3339(seconds).as_deref(), expected, "{seconds}");
        }
    }
}
