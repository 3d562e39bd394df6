//! The keys that are used, when they are fetched, and the errors if they can't be.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use engine::Error;

use super::{
    NOW, at, claims,
    issuer::{Page, SigningKey, Site, key_set},
    oidc, providers, refusal,
};
use crate::common::{field, value};

#[test]
fn only_keys_that_fit_verify() {
    let (rsa, p256) = (SigningKey::rsa(), SigningKey::p256());
    let token = |fields: &str| rsa.token(&format!(r#"{{"alg": "RS256"{fields}}}"#), &claims(""));
    let (plain, named) = (token(""), token(r#", "kid": "k""#));
    let key = |fields: &str| rsa.public(fields);
    let zero_in_front = with_zero_in_front(&key(r#""kid": "k""#));
    let broken = r#"{"kid": "k", "kty": "RSA", "n": "AQAB"}"#.to_owned();
    let table = [
        (vec![key(r#""kid": "k""#)], &plain, true),
        (vec![zero_in_front], &plain, true),
        (vec![key(r#""use": "sig", "alg": "RS256", "key_ops": ["verify"]"#)], &plain, true),
        (vec![key(r#""use": "enc""#)], &plain, false),
        (vec![key(r#""alg": "RS512""#)], &plain, false),
        (vec![key(r#""key_ops": ["encrypt"]"#)], &plain, false),
        (vec![key(r#""key_ops": "verify""#)], &plain, false),
        (vec![p256.public(r#""kid": "p""#), key(r#""kid": "k""#), broken.clone()], &plain, true),
        (vec![key(r#""kid": "k""#), key(r#""kid": "l""#)], &plain, false),
        (vec![key(r#""kid": "l""#), key(r#""kid": "k""#)], &named, true),
        (vec![key(r#""x5t#S256": "t""#)], &named, false),
        (vec![broken, key(r#""kid": "k""#)], &named, true),
    ];
    let site = Site::new();
    for (keys, token, good) in table {
        site.put("/keys", Page { content_type: "application/jwk-set+json", ..Page::json(key_set(&keys)) });
        let providers = providers(&format!(
            r#"{{"providers": [{{"type": "customJwt", "issuer": "https://users.example", "jwks": "{}/keys",
                "algorithm": "RS256"}}]}}"#,
            site.url
        ));
        assert_eq!(providers.identify(token, at(NOW)).is_ok(), good, "{keys:?}");
    }
}

/// An RSA key whose modulus has a sign byte, as some providers write it.
fn with_zero_in_front(key: &str) -> String {
    let modulus = field(&value(key), "n");
    let modulus = modulus.as_str().expect("it is text");
    let bytes = BASE64URL.decode(modulus).expect("it is base64url");
    key.replace(modulus, &BASE64URL.encode([vec![0], bytes].concat()))
}

#[test]
fn keys_are_kept_and_fetched_again_when_they_no_longer_fit() {
    let site = Site::new();
    let (old, new) = (SigningKey::rsa(), SigningKey::p256());
    let jwks = |keys: &[String]| site.put("/keys", Page::json(key_set(keys)));
    jwks(&[old.public(r#""kid": "old""#)]);
    let url = &site.url;
    let providers = providers(&format!(
        r#"{{"providers": [
            {{"type": "customJwt", "issuer": "a.example", "jwks": "{url}/keys", "algorithm": "RS256"}},
            {{"type": "customJwt", "issuer": "b.example", "jwks": "{url}/keys", "algorithm": "ES256"}}]}}"#
    ));
    assert!(site.requests().is_empty(), "nothing is fetched before it is needed");
    let claims = |issuer: &str| format!(r#"{{"iss": "{issuer}", "sub": "ann", "exp": {}}}"#, NOW + 86_400);
    let of_old = old.token_of("old", &claims("a.example"));
    let of_new = new.token_of("new", &claims("b.example"));
    // The time, the token, whether it is accepted, and the number of fetches.
    let check = |after: u64, token: &str, good: bool, fetches: usize| {
        let found = providers.identify(token, at(NOW + after));
        assert_eq!(found.is_ok(), good, "after {after} s: {found:?}");
        assert_eq!(site.requests().len(), fetches, "after {after} s");
    };
    check(0, &of_old, true, 1);
    check(1, &of_old, true, 0);
    check(599, &of_old, true, 0);
    check(600, &of_old, true, 1);
    // An unknown key is fetched once in ten seconds, whether the provider has it or not.
    check(0, &of_new, false, 1);
    check(9, &of_new, false, 0);
    check(10, &of_new, false, 1);
    jwks(&[old.public(r#""kid": "old""#), new.public(r#""kid": "new""#)]);
    check(19, &of_new, false, 0);
    check(20, &of_new, true, 1);
    // A withdrawn key is accepted until keys are fetched again.
    jwks(&[]);
    check(619, &of_new, true, 0);
    check(620, &of_new, false, 1);
    // Another key has the same id.
    let other = SigningKey::p256();
    jwks(&[other.public(r#""kid": "new""#)]);
    check(630, &other.token_of("new", &claims("b.example")), true, 1);
    check(631, &of_new, false, 0);
}

#[test]
fn a_failing_fetch_is_told_remembered_tried_again_and_takes_no_keys_away() {
    let site = Site::new();
    let key = SigningKey::rsa();
    let providers = oidc(&site);
    let claims =
        format!(r#"{{"iss": "{}", "sub": "a", "aud": "app", "iat": {NOW}, "exp": {}}}"#, site.url, NOW + 86_400);
    let token = key.token_of("k", &claims);
    let page = |status, content_type, body: &str| Page { status, content_type, ..Page::json(body) };
    let discovery = "/.well-known/openid-configuration";
    let elsewhere = format!(r#"{{"issuer": "https://else.example", "jwks_uri": "{}/keys"}}"#, site.url);
    let no_keys = format!(r#"{{"issuer": "{}"}}"#, site.url);
    let of_document = [
        (page(404, "text/plain", ""), "HTTP 404"),
        (page(200, "text/html", "{}"), "Content-Type \"text/html\""),
        (Page::json("{"), "no discovery document"),
        (Page::json("[]"), "names the issuer None"),
        (Page::json(elsewhere), "names the issuer Some(\"https://else.example\")"),
        (Page::json(no_keys), "names no jwks_uri"),
        (Page::json(" ".repeat(2 << 20)), "can't read"),
    ];
    let of_keys = [
        (Page { status: 302, location: "/keys", ..Page::json("") }, "too many redirects"),
        (page(500, "application/json", "{}"), "HTTP 500"),
        (Page::json("{}"), "found no list of keys"),
        (Page::json("<html>"), "expected a JSON Web Key Set"),
    ];
    let failure = |seconds, contains: &str| {
        let error = providers.identify(&token, at(seconds)).expect_err("the keys can't be had");
        assert!(matches!(&error, Error::AuthProvider { issuer, .. } if *issuer == site.url), "{error:?}");
        assert_eq!(error.code(), "AuthProviderDiscoveryFailed");
        assert!(error.to_string().contains(contains), "{error} lacks {contains}");
    };
    // A failure is remembered for ten seconds, and the next call after them asks again.
    let mut later = (NOW..).step_by(10);
    let mut fails_anew = |contains| {
        let now = later.next().expect("there is always a later");
        failure(now, contains);
        site.requests();
        failure(now + 9, contains);
        assert!(site.requests().is_empty(), "the failure is remembered");
    };
    for (page, contains) in of_document {
        site.put(discovery, page);
        fails_anew(contains);
    }
    site.put_provider(&[key.public(r#""kid": "k""#)]);
    for (page, contains) in of_keys {
        site.put("/keys", page);
        fails_anew(contains);
    }
    let now = later.next().expect("there is always a later");
    site.put("/moved", Page::json(key_set(&[key.public(r#""kid": "k""#)])));
    site.put("/keys", Page { status: 302, location: "/moved", ..Page::json("") });
    assert!(providers.identify_at_once(&token, at(now)).is_none(), "keys would have to be fetched");
    assert!(providers.identify(&token, at(now)).is_ok());
    assert!(matches!(providers.identify_at_once(&token, at(now)), Some(Ok(_))));
    // While the provider is unreachable, known keys work, and a user with an unknown key gets the reason.
    site.put("/keys", page(503, "text/plain", ""));
    let unknown = key.token_of("unknown", &claims);
    assert!(providers.identify_at_once(&unknown, at(now + 30)).is_none(), "newer keys would have to be fetched");
    let found = providers.identify(&unknown, at(now + 30));
    assert!(matches!(found, Err(Error::AuthProvider { .. })), "{found:?}");
    assert_eq!(refusal(providers.identify(&unknown, at(now + 31)), &unknown).0, "Unauthenticated");
    assert!(providers.identify(&token, at(now + 599)).is_ok());
    failure(now + 600, "HTTP 503");
    site.put_provider(&[key.public(r#""kid": "k""#)]);
    failure(now + 609, "HTTP 503");
    assert!(providers.identify(&token, at(now + 610)).is_ok());
}

#[test]
fn a_provider_that_does_not_answer_is_an_error_of_the_provider() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    let providers =
        providers(&format!(r#"{{"providers": [{{"domain": "http://{closed}", "applicationID": "app"}}]}}"#));
    let key = SigningKey::rsa();
    let token = key.token_of("k", &format!(r#"{{"iss": "http://{closed}", "sub": "a", "aud": "app"}}"#));
    let error = providers.identify(&token, at(NOW)).expect_err("the keys can't be had");
    assert!(matches!(error, Error::AuthProvider { .. }), "{error:?}");
}

#[test]
fn callers_at_the_same_time_share_a_fetch() {
    const CALLERS: usize = 8;
    let site = Site::new();
    let key = SigningKey::rsa();
    site.put("/keys", Page::json(key_set(&[key.public(r#""kid": "k""#)])));
    let url = &site.url;
    let providers = providers(&format!(
        r#"{{"providers": [{{"type": "customJwt", "issuer": "https://users.example", "jwks": "{url}/keys",
            "algorithm": "RS256"}}]}}"#
    ));
    let token = key.token_of("k", &claims(""));
    // The server answers when all callers are on their way.
    let barrier = Arc::new(Barrier::new(CALLERS + 1));
    site.hold(&barrier);
    thread::scope(|scope| {
        let first = scope.spawn(|| providers.identify(&token, at(NOW)));
        for _ in 0..CALLERS {
            scope.spawn(|| {
                barrier.wait();
                assert!(providers.identify(&token, at(NOW)).is_ok());
            });
        }
        assert!(first.join().expect("it answers").is_ok());
    });
    assert_eq!(site.requests(), ["/keys"]);
}
