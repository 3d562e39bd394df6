//! The parts of a JSON Web Token: header, claims, times. None of them can be trusted before the signature is checked.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use value::{Object, Value, json};

use crate::error::{Error, Result};

/// Longer tokens are refused unread: providers keep theirs below the 8 KiB that many servers allow for headers.
const TOKEN_BYTES: usize = 16 << 10;

/// How far the clocks of a provider and of this machine may be apart: Convex's tolerance for custom JWTs.
const LEEWAY: Duration = Duration::from_secs(5);

/// A parsed token. It has no `Debug`, so that none can be logged by mistake.
pub(super) struct Token<'a> {
    /// The header's `alg`.
    pub(super) algorithm: String,
    /// The header's `kid`.
    pub(super) key_id: Option<String>,
    /// The claim `iss`, as it was written.
    pub(super) issuer: String,
    /// The claim `aud`: none, one or several.
    pub(super) audiences: Vec<String>,
    /// All claims.
    pub(super) claims: Object,
    /// The signed text: header and claims, encoded.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Parses a token.
    ///
    /// # Errors
    ///
    /// The text isn't three parts of base64url with JSON in the first two, names no issuer or algorithm, or is too
    /// long.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        if text.len() > TOKEN_BYTES {
            return Err(unparsable(&format!("it has {} bytes, expected at most {TOKEN_BYTES}", text.len())));
        }
        let not_three = || unparsable("expected three parts separated by dots");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(not_three)?;
        let (header, claims) = signed.split_once('.').ok_or_else(not_three)?;
        if claims.contains('.') {
            return Err(not_three());
        }
        let (header, claims) = (object("header", header)?, object("payload", claims)?);
        if header.contains_key("crit") {
            return Err(unparsable("its header's crit asks for an extension, expected none"));
        }
        let algorithm = text_of(&header, "alg")?.ok_or_else(|| unparsable("its header has no alg"))?;
        let issuer = text_of(&claims, "iss")?.ok_or_else(|| Error::Unauthenticated {
            code: "InvalidAuthHeader",
            message: "Missing issuer claim ('iss') in JWT payload".to_owned(),
        })?;
        Ok(Self {
            algorithm: algorithm.to_owned(),
            key_id: text_of(&header, "kid")?.map(str::to_owned),
            issuer: issuer.to_owned(),
            audiences: audiences(&claims)?,
            signed: signed.as_bytes(),
            signature: decode("signature", signature)?,
            claims,
        })
    }

    /// The time from which the token is refused: a while after its `exp`.
    ///
    /// # Errors
    ///
    /// The token has expired, isn't valid yet, or has invalid times; the text says which.
    pub(super) fn expires(&self, now: SystemTime) -> Result<SystemTime, String> {
        let expiry = self.time("exp")?.ok_or("Missing expiry claim ('exp')")?;
        let expires = expiry.checked_add(LEEWAY).ok_or("exp is too far away")?;
        if now >= expires {
            let ago = now.duration_since(expiry).unwrap_or_default().as_secs();
            return Err(format!("it expired {ago} s ago (exp)"));
        }
        for (claim, what) in [("nbf", "is not valid yet, but"), ("iat", "was issued in the future,")] {
            let ahead = self.time(claim)?.and_then(|time| time.duration_since(now).ok()).unwrap_or_default();
            if ahead > LEEWAY {
                return Err(format!("it {what} in {} s ({claim})", ahead.as_secs()));
            }
        }
        Ok(expires)
    }

    /// A claim that is a time, in seconds since 1970.
    fn time(&self, claim: &str) -> Result<Option<SystemTime>, String> {
        let Some(value) = self.claims.get(claim) else { return Ok(None) };
        let since_1970 = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = since_1970.and_then(|duration| SystemTime::UNIX_EPOCH.checked_add(duration));
        time.map(Some).ok_or_else(|| format!("{claim} is no time, expected seconds since 1970"))
    }
}

fn unparsable(problem: &str) -> Error {
    Error::Unauthenticated { code: "InvalidAuthHeader", message: format!("Could not parse JWT payload: {problem}") }
}

fn decode(part: &str, text: &str) -> Result<Vec<u8>> {
    BASE64URL.decode(text).map_err(|_| unparsable(&format!("its {part} is not base64url")))
}

/// A part that is JSON. The error for an invalid part doesn't show its content.
fn object(part: &str, text: &str) -> Result<Object> {
    match json::decode(&decode(part, text)?) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(unparsable(&format!("its {part} is {}, expected an object", other.type_name()))),
        Err(error) => {
            Err(unparsable(&format!("its {part} is not JSON that Convex can hold, at byte {}", error.offset)))
        }
    }
}

fn text_of<'a>(fields: &'a Object, name: &str) -> Result<Option<&'a str>> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(unparsable(&format!("{name} is {}, expected a string", other.type_name()))),
    }
}

fn audiences(claims: &Object) -> Result<Vec<String>> {
    let wrong = || unparsable("aud is neither a string nor a list of strings");
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(audience)) => Ok(vec![audience.clone()]),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}
