//! Accepted tokens, and the errors of the others.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use engine::{Error, Providers};
use proptest::prelude::*;

use super::{
    LATER, NOW, at, claims, custom, data_uri,
    issuer::{SigningKey, Site, seal},
    oidc, providers, refusal,
};
use crate::common::{field, value};

#[test]
fn openssl_signs_what_is_believed_here() {
    let file = value(include_str!("openssl.json"));
    for algorithm in ["RS256", "ES256"] {
        let jwks = data_uri(include_str!("openssl.json"));
        let providers = providers(&format!(
            r#"{{"providers": [{{"type": "customJwt", "issuer": "openssl.example", "jwks": "{jwks}",
                "algorithm": "{algorithm}"}}]}}"#
        ));
        let token = field(&field(&file, "tokens"), algorithm);
        let identity = providers.identify(token.as_str().expect("it is text"), at(NOW)).expect("it is good");
        assert_eq!(field(&identity.to_value(), "subject"), algorithm.to_lowercase().into());
    }
}

#[test]
fn bad_tokens_are_refused_each_with_its_reason() {
    let (rsa, p256) = (SigningKey::rsa(), SigningKey::p256());
    let providers = custom(&rsa);
    let good = rsa.token_of("k", &claims(""));
    assert!(providers.identify(&good, at(NOW)).is_ok());
    let signed = |claims: &str| rsa.token_of("k", claims);
    let parts: Vec<&str> = good.split('.').collect();
    let other = claims("").replace("ann", "bob");
    let public = rsa.public(r#""kid": "k""#);
    let (parse, decode) = ("Could not parse JWT payload: ", "Could not validate token: ");
    let table = [
        ("", parse, "expected three parts"),
        ("no token", parse, "expected three parts"),
        (parts[0], parse, "expected three parts"),
        (&format!("{}.{}", parts[0], parts[1]), parse, "expected three parts"),
        (&format!("{good}.{}", parts[2]), parse, "expected three parts"),
        (&format!("{good}.."), parse, "expected three parts"),
        (&good[..good.len() - 1], parse, "signature is not base64url"),
        (&format!("{good}="), parse, "signature is not base64url"),
        (&good[..good.len() - 2], decode, "signature is not the provider's"),
        (&format!("{}.{}.", parts[0], parts[1]), decode, "signature is not the provider's"),
        (&format!("{good}{}", "x".repeat(16 << 10)), parse, "expected at most 16384"),
        (&format!("{}.{}.{}", parts[0], BASE64URL.encode(&other), parts[2]), decode, "signature is not"),
        (&rsa.token("not JSON", &claims("")), parse, "header is not JSON"),
        (&rsa.token("[]", &claims("")), parse, "header is array, expected an object"),
        (&rsa.token("{}", &claims("")), parse, "header has no alg"),
        (&rsa.token(r#"{"alg": 256}"#, &claims("")), parse, "alg is number, expected a string"),
        (&rsa.token(r#"{"alg": "RS256", "kid": 7}"#, &claims("")), parse, "kid is number, expected a string"),
        (&rsa.token(r#"{"alg": "RS256", "crit": ["b64"], "b64": false}"#, &claims("")), parse, "crit"),
        (&signed("not JSON"), parse, "payload is not JSON"),
        (&signed("\"text\""), parse, "payload is string, expected an object"),
        (&signed(&claims(r#""sub": "bob","#)), parse, "payload is not JSON"),
        (&signed(&"[".repeat(9000)), parse, "payload is not JSON"),
        (&seal(r#"{"alg": "none"}"#, &claims(""), |_| Vec::new()), decode, "alg is \"none\", expected RS256"),
        (&seal(r#"{"alg": "none", "kid": "k"}"#, &claims(""), |_| Vec::new()), decode, "expected RS256"),
        (&seal(r#"{"alg": "HS256", "kid": "k"}"#, &claims(""), |text| hmac(&public, text)), decode, "\"HS256\""),
        (&rsa.token(r#"{"alg": "rs256", "kid": "k"}"#, &claims("")), decode, "alg is \"rs256\", expected RS256"),
        (&rsa.token(r#"{"alg": "RS512", "kid": "k"}"#, &claims("")), decode, "alg is \"RS512\", expected RS256"),
        (&p256.token_of("k", &claims("")), decode, "alg is \"ES256\", expected RS256"),
        (&p256.token(r#"{"alg": "RS256", "kid": "k"}"#, &claims("")), decode, "signature is not the provider's"),
        (&rsa.token_of("other", &claims("")), decode, "has its kid \"other\""),
        (&signed(&claims(r#""nbf": 1800000006,"#)), decode, "it is not valid yet, but in 6 s (nbf)"),
        (&signed(&claims(r#""iat": 1800000006,"#)), decode, "it was issued in the future, in 6 s (iat)"),
        (&signed(&claims(r#""nbf": "soon","#)), decode, "nbf is no time"),
        (&signed(&claims("").replace("1800000600", "1799999995")), decode, "it expired 5 s ago (exp)"),
        (&signed(&claims("").replace("1800000600", "1e300")), decode, "exp is no time"),
        (&signed(&claims("").replace("1800000600", "-1")), decode, "exp is no time"),
        (&signed(&claims("").replace("1800000600", "\"1800000600\"")), decode, "exp is no time"),
        (&signed(&claims("").replace("\"exp\"", "\"EXP\"")), decode, "Missing expiry claim ('exp')"),
        (&signed(&claims("").replace("\"sub\"", "\"SUB\"")), decode, "Missing subject claim ('sub')"),
        (&signed(&claims("").replace("\"ann\"", "7")), decode, "sub is number, expected a string"),
        (&signed(&claims("").replace("\"iss\"", "\"ISS\"")), "Missing issuer claim ('iss') in JWT payload", ""),
        (&signed(&claims("").replace("\"https://users.example\"", "[]")), parse, "iss is array"),
        (&signed(&claims("").replace("\"app\"", "7")), parse, "aud is neither"),
        (&signed(&claims("").replace("\"app\"", "[7]")), parse, "aud is neither"),
    ];
    for (token, begins, contains) in table {
        let (code, message) = refusal(providers.identify(token, at(NOW)), token);
        assert_eq!(code, "InvalidAuthHeader", "{message}");
        assert!(message.starts_with(begins) && message.contains(contains), "{message:?} lacks {contains:?}");
    }
}

/// A signature made with a public key as if it were a shared secret.
fn hmac(secret: &str, text: &str) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[test]
fn a_token_for_others_finds_no_provider() {
    let key = SigningKey::rsa();
    let providers = custom(&key);
    let issuer = "https://users.example";
    let table = [
        (claims("").replace("\"app\"", "\"other\""), Some("NoAuthProvider")),
        (claims("").replace("\"app\"", "[]"), Some("NoAuthProvider")),
        (claims("").replace("\"aud\"", "\"AUD\""), Some("NoAuthProvider")),
        (claims("").replace("\"app\"", "[\"other\", \"app\"]"), None),
        (claims("").replace(issuer, "https://users.example/"), None),
        (claims("").replace(issuer, "users.example"), None),
        (claims("").replace(issuer, "http://users.example"), Some("NoAuthProvider")),
        (claims("").replace(issuer, "https://users.example/x"), Some("NoAuthProvider")),
        (claims("").replace(issuer, "https://users.example.evil.example"), Some("NoAuthProvider")),
        (claims("").replace(issuer, ""), Some("NoAuthProvider")),
    ];
    for (claims, expected) in table {
        let token = key.token_of("k", &claims);
        let found = providers.identify(&token, at(NOW));
        assert_eq!(found.as_ref().err().map(Error::code), expected, "{claims}: {found:?}");
        if expected.is_some() {
            let (_, message) = refusal(found, &token);
            assert!(message.contains("expected those of [https://users.example for \"app\"]"), "{message}");
        }
    }
    let token = key.token_of("k", &claims(""));
    assert_eq!(refusal(Providers::default().identify(&token, at(NOW)), &token).0, "NoAuthProvider");
}

#[test]
fn clocks_may_be_five_seconds_apart() {
    let key = SigningKey::p256();
    let providers = custom(&key);
    let token = key.token_of("k", &claims(r#""nbf": 1800000000, "iat": 1800000000,"#));
    let table = [(0, false), (NOW - 6, false), (NOW - 5, true), (NOW, true), (LATER + 4, true), (LATER + 5, false)];
    for (seconds, good) in table {
        assert_eq!(providers.identify(&token, at(seconds)).is_ok(), good, "{seconds}");
    }
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert!(providers.identify(&token, before_1970).is_err());
}

#[test]
fn an_id_token_is_checked_as_convex_does() {
    let site = Site::new();
    let (rsa, p256) = (SigningKey::rsa(), SigningKey::p256());
    site.put_provider(&[rsa.public(r#""kid": "k""#), p256.public(r#""kid": "e""#)]);
    let providers = oidc(&site);
    let good = format!(r#"{{"iss": "{}", "sub": "ann", "aud": "app", "iat": {NOW}, "exp": {LATER}}}"#, site.url);
    let table = [
        (rsa.token_of("k", &good), None),
        (rsa.token(r#"{"alg": "RS256"}"#, &good), None),
        (p256.token_of("e", &good), Some("alg is \"ES256\", expected RS256")),
        (rsa.token_of("e", &good), Some("has its kid \"e\"")),
        (rsa.token_of("k", &good.replace("\"app\"", "[\"app\", \"b\"]")), Some("names 2 applications")),
        (rsa.token_of("k", &good.replace("\"iat\"", "\"IAT\"")), Some("Missing issue time claim")),
        (rsa.token_of("k", &good.replace("\"sub\"", "\"SUB\"")), Some("Missing subject claim")),
        (rsa.token_of("k", &good.replace('{', r#"{"email": 7, "#)), Some("email is not a string")),
        (rsa.token_of("k", &good.replace('{', r#"{"email_verified": "true", "#)), Some("not a boolean")),
        (rsa.token_of("k", &good.replace('{', r#"{"address": "x", "#)), Some("address is not an object")),
        (rsa.token_of("k", &good.replace('{', r#"{"updated_at": 1e99, "#)), Some("updated_at is not")),
    ];
    for (token, expected) in table {
        match (providers.identify(&token, at(NOW)), expected) {
            (Ok(_), None) => {}
            (result, Some(expected)) => {
                let (code, message) = refusal(result, &token);
                assert_eq!(code, "Unauthenticated");
                assert!(message.starts_with("Could not verify OIDC token claim: "), "{message}");
                assert!(message.contains(expected), "{message}");
            }
            (Err(error), None) => panic!("{error}"),
        }
    }
}

proptest! {
    #[test]
    fn a_token_with_another_byte_is_refused(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let key = SigningKey::rsa();
        let providers = custom(&key);
        let mut token = key.token_of("k", &claims("")).into_bytes();
        let position = position.index(token.len());
        prop_assume!(token[position] != byte);
        token[position] = byte;
        let token = String::from_utf8_lossy(&token);
        prop_assert!(providers.identify(&token, at(NOW)).is_err());
    }

    #[test]
    fn claims_of_any_shape_get_an_answer(
        name in "exp|nbf|iat|sub|aud|iss|[ -~]{0,4}",
        claim in prop_oneof![
            any::<f64>().prop_map(|number| format!("{number:e}")),
            "[ !#-\\[\\]-~]{0,9}".prop_map(|text| format!("{text:?}")),
            r#"null|true|\[\]|\{\}|\["app"\]|\{"a": \{"": 1\}\}|\{"\$bytes": "AA=="\}|\[\[\{\}\]\]"#,
        ],
        seconds in any::<u32>(),
    ) {
        let key = SigningKey::p256();
        let of_all = [("iss", "\"users.example\""), ("aud", "\"app\""), ("sub", "\"ann\""), ("exp", "4294967296")];
        let others = of_all.iter().filter(|(other, _)| *other != name);
        let others: String = others.map(|(other, claim)| format!(", {other:?}: {claim}")).collect();
        let token = key.token_of("k", &format!("{{{name:?}: {claim}{others}}}"));
        let _ = custom(&key).identify(&token, at(seconds.into()));
    }
}
