//! The result of `getUserIdentity()` for both kinds of token, and for a user whom an admin acts as.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use engine::Identity;
use value::Value;

use super::{
    LATER, NOW, at, claims, custom,
    issuer::{SigningKey, Site},
    oidc,
};
use crate::common::{text, value};

/// Asserts that two values are the same, by their JSON.
fn assert_value(found: &Value, expected: &str) {
    assert_eq!(text(found), text(&value(expected)));
}

#[test]
fn a_custom_jwt_gives_its_claims_under_their_own_names() {
    for key in [SigningKey::rsa(), SigningKey::p256()] {
        let token = key.token_of(
            "k",
            &claims(
                r#""given_name": "Ann", "roles": ["a", 1, null], "properties": {"email": "a@b.c", "deep": {"er": true}},
                "https://x.example/y": null, "nothing": {}, "fva": [1, -1], "jti": "1", "iat": 1799999999, "nbf": 0,
                "tokenIdentifier": "other|user", "issuer": "other", "subject": {"x": 1}, "#,
            ),
        );
        let identity = custom(&key).identify(&token, at(NOW)).expect("it is good");
        let expected = r#"{"tokenIdentifier": "https://users.example|ann", "issuer": "https://users.example",
            "subject": "ann", "given_name": "Ann", "roles": ["a", 1, null], "properties.email": "a@b.c",
            "properties.deep.er": true, "https://x.example/y": null, "subject.x": 1}"#;
        assert_value(&identity.to_value(), expected);
        assert_eq!(identity.expires(), Some(at(LATER + 5)));
    }
}

#[test]
fn an_id_token_gives_standard_claims_under_convex_names() {
    let site = Site::new();
    let key = SigningKey::rsa();
    site.put_provider(&[key.public(r#""kid": "k""#)]);
    let issuer = &site.url;
    let claims = format!(
        r#"{{"iss": "{issuer}/", "sub": "ann", "aud": ["app"], "iat": {NOW}, "exp": {LATER}, "nonce": "n", "azp": "app",
        "auth_time": 1, "acr": "0", "amr": [], "at_hash": "h", "c_hash": "h", "jti": "j", "nbf": 1, "fva": [0, 0],
        "name": "Ann B", "given_name": "Ann", "family_name": "B", "nickname": "an", "preferred_username": "ann",
        "profile": "p", "picture": "q", "website": "w", "email": "a@b.c", "email_verified": true, "gender": "f",
        "birthdate": "2000-02-29", "zoneinfo": "Europe/Rome", "locale": "it", "phone_number": "+1",
        "phone_number_verified": false, "address": {{"formatted": "Here 1"}}, "updated_at": 951782400,
        "middle_name": null, "org": {{"id": 7}}}}"#
    );
    let identity = oidc(&site).identify(&key.token_of("k", &claims), at(NOW)).expect("it is good");
    let expected = format!(
        r#"{{"tokenIdentifier": "{issuer}/|ann", "issuer": "{issuer}/", "subject": "ann", "name": "Ann B",
        "givenName": "Ann", "familyName": "B", "nickname": "an", "preferredUsername": "ann", "profileUrl": "p",
        "pictureUrl": "q", "websiteUrl": "w", "email": "a@b.c", "emailVerified": true, "gender": "f",
        "birthday": "2000-02-29", "timezone": "Europe/Rome", "language": "it", "phoneNumber": "+1",
        "phoneNumberVerified": false, "address": "Here 1", "updatedAt": "2000-02-29T00:00:00+00:00",
        "middle_name": null, "org": {{"id": 7}}}}"#
    );
    assert_value(&identity.to_value(), &expected);
}

#[test]
fn an_admin_acts_as_whom_the_attributes_name() {
    let table = [
        (r#"{"issuer": "https://a.b", "subject": "ann"}"#, Ok(r#", "tokenIdentifier": "https://a.b|ann""#)),
        (r#"{"issuer": "a", "subject": "b", "tokenIdentifier": "t", "roles": [1], "emailVerified": true}"#, Ok("")),
        (r#"{"tokenIdentifier": "t", "updatedAt": "2000-01-01T00:00:00Z", "address": "Here 1"}"#, Ok("")),
        (r#"{"subject": "ann"}"#, Err("neither a tokenIdentifier nor both issuer and subject")),
        (r#"{"tokenIdentifier": null, "issuer": "a"}"#, Err("neither a tokenIdentifier")),
        (r#"{"tokenIdentifier": 7}"#, Err("tokenIdentifier is number, expected a string")),
        (r#"{"tokenIdentifier": "t", "email": true}"#, Err("email is boolean, expected a string")),
        (r#"{"tokenIdentifier": "t", "emailVerified": "yes"}"#, Err("expected a boolean")),
        ("[]", Err("is array, expected an object")),
        ("{", Err("is not JSON")),
    ];
    for (attributes, expected) in table {
        let found = Identity::decode_acting_as(&BASE64.encode(attributes));
        match (found, expected) {
            (Ok(identity), Ok(more)) => {
                let expected = attributes.replace('}', &format!("{more}}}"));
                assert_value(&identity.to_value(), &expected);
                assert_eq!(identity.expires(), None);
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.code(), "HeaderParseFailure");
                let message = error.to_string();
                assert!(message.starts_with("Malformed Authorization header: "), "{message}");
                assert!(message.contains(expected), "{message}");
            }
            (found, _) => panic!("{attributes}: {found:?}"),
        }
    }
    let identity = Identity::acting_as(&value(r#"{"tokenIdentifier": "t", "name": null}"#)).expect("it names someone");
    assert_value(&identity.to_value(), r#"{"tokenIdentifier": "t"}"#);
    assert!(Identity::decode_acting_as("not base64").is_err());
}
