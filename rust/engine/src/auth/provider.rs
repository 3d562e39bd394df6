//! An entry of `auth.config.ts`. It recognises its tokens and checks their signatures.

use std::{fmt, sync::Arc, time::SystemTime};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ureq::http::Uri;
use value::{Object, Value};

use super::{
    identity::Identity,
    keys::{Algorithm, KeySet},
    misconfigured,
    remote_keys::{Location, RemoteKeys},
    token::Token,
};
use crate::error::{Error, Result};

/// Base64 of `data:` URIs, whose padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An issuer that makes no tokens. An admin acts as its only user, whom the rules of `mastra/auth.ts` exempt.
const ADMINISTRATORS_ISSUER: &str = "mastra-convex";

/// A provider: the issuer and audience of its tokens, and how they are checked.
#[derive(Debug)]
pub(super) struct Provider {
    kind: Kind,
    /// The issuer's URL, with its scheme, without a slash at the end.
    issuer: String,
    application_id: Option<String>,
    algorithm: Algorithm,
    keys: Keys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `OpenID` Connect: its tokens are ID tokens, and its keys are found by discovery.
    Oidc,
    /// A custom JWT issuer, with keys at a given URL.
    CustomJwt,
}

#[derive(Debug)]
enum Keys {
    /// The keys are in `auth.config.ts` itself, as a `data:` URI.
    Given(KeySet),
    Remote(RemoteKeys),
}

impl Provider {
    /// Reads the entry at a position.
    pub(super) fn from_config(position: usize, entry: &Value) -> Result<Self> {
        let place = format!("providers[{position}]");
        let Value::Object(fields) = entry else {
            return Err(misconfigured(&place, &format!("{}, expected an object", entry.type_name())));
        };
        let entry = Entry { place, fields };
        match fields.get("type") {
            None => {
                entry.only(&["domain", "applicationID"])?;
                let issuer = entry.issuer("domain")?;
                Ok(Self {
                    kind: Kind::Oidc,
                    application_id: Some(entry.text("applicationID")?.to_owned()),
                    // The algorithms that Convex accepts for ID tokens, except Ed25519, which providers rarely use.
                    algorithm: Algorithm::Rs256,
                    keys: Keys::Remote(RemoteKeys::new(Location::Discovery(issuer.clone()))),
                    issuer,
                })
            }
            Some(Value::String(kind)) if kind == "customJwt" => {
                entry.only(&["type", "issuer", "jwks", "algorithm", "applicationID"])?;
                let named = fields.get("applicationID").map(|_| entry.text("applicationID"));
                let algorithm = entry.algorithm()?;
                Ok(Self {
                    kind: Kind::CustomJwt,
                    issuer: entry.issuer("issuer")?,
                    application_id: named.transpose()?.map(str::to_owned),
                    algorithm,
                    keys: entry.keys(algorithm)?,
                })
            }
            Some(other) => Err(entry.wrong("type", &format!("{}, expected \"customJwt\" or none", shown(other)))),
        }
    }

    /// Whether a token claims this issuer and this application.
    pub(super) fn issued(&self, token: &Token<'_>) -> bool {
        let for_us = self.application_id.as_ref().is_none_or(|id| token.audiences.contains(id));
        // Some providers leave the scheme out, or put a slash at the end, in one of the two places.
        let issuer = token.issuer.trim_end_matches('/');
        let same = issuer == self.issuer || (!has_scheme(issuer) && format!("https://{issuer}") == self.issuer);
        for_us && same
    }

    /// The user of one of this provider's tokens.
    pub(super) fn identify(&self, token: &Token<'_>, now: SystemTime) -> Result<Identity> {
        self.verify(token, now)?;
        self.read(token, now).map_err(|problem| self.refused(&problem))
    }

    /// Like [`identify`](Self::identify), but only with known keys: None if keys may have to be fetched.
    pub(super) fn identify_at_once(&self, token: &Token<'_>, now: SystemTime) -> Option<Result<Identity>> {
        if let Keys::Remote(remote) = &self.keys {
            remote.known(now)?.verify(token, self.algorithm).ok()?;
        }
        Some(self.identify(token, now))
    }

    /// Checks the signature. If no key fits, newer keys are fetched, since the known ones may be outdated.
    fn verify(&self, token: &Token<'_>, now: SystemTime) -> Result<()> {
        let verify = |keys: &KeySet| keys.verify(token, self.algorithm).map_err(|problem| self.refused(&problem));
        let remote = match &self.keys {
            Keys::Given(keys) => return verify(keys),
            Keys::Remote(remote) => remote,
        };
        let unreachable = |reason| Error::AuthProvider { issuer: self.issuer.clone(), reason };
        let keys: Arc<KeySet> = remote.keys(now).map_err(unreachable)?;
        verify(&keys).or_else(|refused| match remote.newer(&keys, now).map_err(unreachable)? {
            Some(keys) => verify(&keys),
            None => Err(refused),
        })
    }

    /// Checks and reads the claims of a token that is signed.
    fn read(&self, token: &Token<'_>, now: SystemTime) -> Result<Identity, String> {
        let expires = token.expires(now)?;
        if self.kind == Kind::CustomJwt {
            return Identity::from_custom_jwt(token, expires);
        }
        // As on Convex, an ID token is for one application, and has the time when it was made.
        if token.audiences.len() != 1 {
            return Err(format!("its aud names {} applications, expected one", token.audiences.len()));
        }
        if !token.claims.contains_key("iat") {
            return Err("Missing issue time claim ('iat')".to_owned());
        }
        Identity::from_id_token(token, expires)
    }

    fn refused(&self, problem: &str) -> Error {
        let (code, message) = match self.kind {
            Kind::Oidc => ("Unauthenticated", "Could not verify OIDC token claim"),
            Kind::CustomJwt => ("InvalidAuthHeader", "Could not validate token"),
        };
        Error::Unauthenticated { code, message: format!("{message}: {problem}") }
    }
}

/// The provider's name in errors.
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.application_id {
            Some(id) => write!(f, "{} for {id:?}", self.issuer),
            None => write!(f, "{} for any aud", self.issuer),
        }
    }
}

/// A provider's fields, and its position in the list.
struct Entry<'a> {
    place: String,
    fields: &'a Object,
}

impl<'a> Entry<'a> {
    fn wrong(&self, field: &str, problem: &str) -> Error {
        misconfigured(&format!("{}.{field}", self.place), problem)
    }

    fn only(&self, known: &[&str]) -> Result<()> {
        match self.fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(self.wrong(unknown, &format!("unknown, expected only {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    fn text(&self, field: &str) -> Result<&'a str> {
        match self.fields.get(field) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(other) => Err(self.wrong(field, &format!("{}, expected a text", shown(other)))),
            None => Err(self.wrong(field, "missing, expected a text")),
        }
    }

    /// A URL, `https://` where it has no scheme.
    fn issuer(&self, field: &str) -> Result<String> {
        let text = self.text(field)?;
        let issuer = if has_scheme(text) { text.to_owned() } else { format!("https://{text}") };
        // A text without a scheme may not be a URL at all, but a client's id for instance.
        let is_host = |host: &str| has_scheme(text) || host == "localhost" || host.contains('.');
        if issuer.trim_end_matches('/').ends_with(&format!("://{ADMINISTRATORS_ISSUER}")) {
            return Err(self.wrong(field, &format!("{text:?}, expected another: that is the administrator's issuer")));
        }
        if is_url(&issuer, is_host) {
            Ok(issuer.trim_end_matches('/').to_owned())
        } else {
            Err(self.wrong(field, &format!("{text:?}, expected a URL with http:// or https://, or a host")))
        }
    }

    fn algorithm(&self) -> Result<Algorithm> {
        let name = self.text("algorithm")?;
        let unknown = || self.wrong("algorithm", &format!("{name:?}, expected \"RS256\" or \"ES256\""));
        Algorithm::from_name(name).ok_or_else(unknown)
    }

    fn keys(&self, algorithm: Algorithm) -> Result<Keys> {
        let text = self.text("jwks")?;
        let Some(data) = text.strip_prefix("data:") else {
            return if is_url(text, |_| true) {
                Ok(Keys::Remote(RemoteKeys::new(Location::Url(text.to_owned()))))
            } else {
                Err(self.wrong("jwks", &format!("{text:?}, expected a URL with http:// or https://, or a data: URI")))
            };
        };
        let wrong = |problem: &str| self.wrong("jwks", &format!("a broken data: URI: {problem}"));
        let set = read_data(data).ok_or_else(|| wrong("expected a media type, a comma and the data"))?;
        let keys = KeySet::parse(&set).map_err(|problem| wrong(&problem))?;
        if keys.fits(algorithm) {
            Ok(Keys::Given(keys))
        } else {
            Err(wrong(&format!("expected a public key for {algorithm}, found none")))
        }
    }
}

fn has_scheme(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn is_url(text: &str, is_host: impl Fn(&str) -> bool) -> bool {
    has_scheme(text)
        && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty() && is_host(host)))
}

/// The content of a `data:` URI. `rest` is the URI from its media type on (RFC 2397).
fn read_data(data: &str) -> Option<Vec<u8>> {
    let (media_type, data) = data.split_once(',')?;
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(data).collect();
    if !media_type.to_ascii_lowercase().ends_with(";base64") {
        return Some(bytes);
    }
    let text: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(text).ok()
}

/// A value as errors show it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.type_name().to_owned(),
    }
}
