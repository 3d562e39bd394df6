//! Users' tokens, from providers with real keys and real web servers.

mod configuration;
mod identities;
mod issuer;
mod keys;
mod tokens;

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use engine::{Error, Identity, Providers};

use self::issuer::{SigningKey, Site, key_set};
use crate::common::value;

/// The tests' present, in seconds since 1970.
const NOW: u64 = 1_800_000_000;
const LATER: u64 = NOW + 600;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The providers of the JSON of a configuration.
fn providers(config: &str) -> Providers {
    Providers::from_config(&value(config)).unwrap_or_else(|error| panic!("{config}: {error}"))
}

fn data_uri(keys: &str) -> String {
    format!("data:text/plain;charset=utf-8;base64,{}", BASE64.encode(keys))
}

/// One provider of custom JWTs, `https://users.example`, with this key under the id `k`, for the application `app`.
fn custom(key: &SigningKey) -> Providers {
    let algorithm = key.algorithm();
    let jwks = data_uri(&key_set(&[key.public(r#""kid": "k""#)]));
    providers(&format!(
        r#"{{"providers": [{{"type": "customJwt", "issuer": "https://users.example", "jwks": "{jwks}",
            "algorithm": "{algorithm}", "applicationID": "app"}}]}}"#
    ))
}

/// One OIDC provider at a site, for the application `app`.
fn oidc(site: &Site) -> Providers {
    let url = &site.url;
    providers(&format!(r#"{{"providers": [{{"domain": "{url}", "applicationID": "app"}}]}}"#))
}

/// Claims that `custom` takes, with more fields in front of them.
fn claims(more: &str) -> String {
    format!(r#"{{{more} "iss": "https://users.example", "sub": "ann", "aud": "app", "exp": {LATER}}}"#)
}

/// A refusal's code and text, which hold nothing of the token.
fn refusal(result: Result<Identity, Error>, token: &str) -> (&'static str, String) {
    let error = result.expect_err("it is refused");
    let shown = format!("{error} {error:?}");
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(!shown.contains(part), "{shown} shows {part}");
    }
    (error.code(), error.to_string())
}
