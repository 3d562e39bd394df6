//! `auth.config.ts`, good and bad.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use engine::Providers;
use value::Value;

use super::{
    NOW, at, claims, data_uri,
    issuer::{SigningKey, key_set},
};
use crate::common::value;

#[test]
fn keys_may_be_written_into_the_configuration() {
    let key = SigningKey::p256();
    let set = key_set(&[key.public(r#""kid": "k", "note": "100%+""#)]);
    let base64 = BASE64.encode(&set);
    let escaped: String = set.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let table = [
        format!("data:text/plain;charset=utf-8;base64,{base64}"),
        format!("data:application/json;BASE64,{}", base64.trim_end_matches('=')),
        format!("data:;base64,{}", base64.replace('+', "%2B").replace('=', "%3D")),
        format!("data:;base64, {}\n{}", &base64[..20], &base64[20..]),
        format!("data:,{escaped}"),
        format!("data:application/json,{}", set.replace('%', "%25")),
    ];
    let token = key.token_of("k", &claims(""));
    for jwks in table {
        let provider = [
            ("type", "customJwt".into()),
            ("issuer", "users.example".into()),
            ("jwks", jwks.as_str().into()),
            ("algorithm", "ES256".into()),
        ];
        let config = Value::from([("providers", vec![Value::from(provider)].into())]);
        let found = Providers::from_config(&config).expect(&jwks).identify(&token, at(NOW));
        assert!(found.is_ok(), "{jwks}: {found:?}");
    }
}

#[test]
fn a_bad_configuration_is_told_by_provider_and_field() {
    let set = |keys: &[String]| data_uri(&key_set(keys));
    let rsa = set(&[SigningKey::rsa().public(r#""kid": "k""#)]);
    let jwt = |fields: &str| format!(r#"{{"providers": [{{"type": "customJwt", {fields}}}]}}"#);
    let with_jwks = |jwks: &str| jwt(&format!(r#""issuer": "a.b", "algorithm": "ES256", "jwks": "{jwks}""#));
    let two = r#"{"providers": [{"domain": "a.b", "applicationID": "x"}, {"domain": "a.b"}]}"#;
    let domain = |domain: &str| format!(r#"{{"providers": [{{"domain": {domain}, "applicationID": "x"}}]}}"#);
    let table = [
        ("null".to_owned(), "the default export is null, expected an object"),
        ("{}".to_owned(), "providers is missing, expected a list"),
        (r#"{"providers": {}}"#.to_owned(), "providers is object, expected a list"),
        (r#"{"providers": ["a"]}"#.to_owned(), "providers[0] is string, expected an object"),
        (two.to_owned(), "providers[1].applicationID is missing, expected a text"),
        (r#"{"providers": [{"applicationID": "x"}]}"#.to_owned(), "providers[0].domain is missing"),
        (domain("null"), "providers[0].domain is null, expected a text"),
        (domain(r#""""#), "providers[0].domain is \"\", expected a text"),
        (domain(r#""X7Gd""#), "providers[0].domain is \"X7Gd\", expected a URL"),
        (domain(r#""ftp://a.b""#), "providers[0].domain is \"ftp://a.b\", expected a URL"),
        (domain(r#""https://""#), "providers[0].domain is \"https://\", expected a URL"),
        (domain(r#""\"https://a.b\"""#), "expected a URL"),
        (domain(r#""https://mastra-convex/""#), "that is the administrator's issuer"),
        (domain(r#""a.b", "clientID": "x""#), "providers[0].clientID is unknown, expected only domain, applicationID"),
        (r#"{"providers": [{"type": "oidc"}]}"#.to_owned(), "type is \"oidc\", expected \"customJwt\" or none"),
        (jwt(r#""issuer": "a.b", "jwks": "https://a.b""#), "providers[0].algorithm is missing"),
        (jwt(r#""issuer": "a.b", "jwks": "https://a.b", "algorithm": "HS256""#), "is \"HS256\", expected \"RS256\" or"),
        (jwt(r#""jwks": "https://a.b", "algorithm": "RS256""#), "providers[0].issuer is missing"),
        (jwt(r#""issuer": "a.b", "algorithm": "RS256""#), "providers[0].jwks is missing"),
        (jwt(r#""applicationId": "x""#), "providers[0].applicationId is unknown, expected only type, issuer"),
        (jwt(r#""issuer": "a.b", "algorithm": "RS256", "applicationID": null"#), "applicationID is null"),
        (with_jwks("keys.json"), "providers[0].jwks is \"keys.json\", expected a URL"),
        (with_jwks("data:text/plain"), "jwks is a broken data: URI: expected a media type, a comma"),
        (with_jwks("data:;base64,*"), "jwks is a broken data: URI"),
        (with_jwks("data:,{}"), "found no list of keys"),
        (with_jwks(&rsa), "expected a public key for ES256, found none"),
    ];
    for (config, expected) in table {
        let error = Providers::from_config(&value(&config)).expect_err(&config);
        assert_eq!(error.code(), "InvalidAuthConfig");
        let message = error.to_string();
        assert!(message.starts_with("auth.config: ") && message.contains(expected), "{message:?} lacks {expected:?}");
    }
    assert!(Providers::from_config(&value(r#"{"providers": []}"#)).is_ok());
}
