//! A JSON Web Key Set, and signatures checked with it.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use value::{Object, Value, json};

use super::token::Token;

/// The allowed algorithms of signatures. `none` and those with a shared secret aren't allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The algorithm with a name, as headers, keys and `auth.config.ts` have it.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The keys that a provider signs with.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// An uncompressed point: 4, x, y.
    P256(Vec<u8>),
}

impl KeySet {
    /// Reads a key set. Keys for other purposes and of other kinds are ignored.
    ///
    /// # Errors
    ///
    /// The text isn't a key set; the error says how.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let set = json::decode(text).map_err(|error| format!("expected a JSON Web Key Set, found {error}"))?;
        match set.as_object().and_then(|fields| fields.get("keys")) {
            Some(Value::Array(keys)) => Ok(Self { keys: keys.iter().filter_map(|key| Key::read(&key)).collect() }),
            _ => Err("expected a JSON Web Key Set, found no list of keys".to_owned()),
        }
    }

    /// Whether the set has a key for an algorithm.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.material.algorithm() == algorithm)
    }

    /// Checks a token's signature with the key that it names, or with the only key. Keys in the token itself (`jwk`,
    /// `jku`, `x5c`, `x5u`) are ignored.
    ///
    /// # Errors
    ///
    /// No key of the set made this signature; the text says more.
    pub(super) fn verify(&self, token: &Token<'_>, algorithm: Algorithm) -> Result<(), String> {
        // The provider's algorithm counts, not the token's. Otherwise a token that claims HS256 would be checked with a
        // public key as the secret.
        if token.algorithm != algorithm.name() {
            return Err(format!("its alg is {:?}, expected {algorithm}", token.algorithm));
        }
        let of_kind = self.keys.iter().filter(|key| key.material.algorithm() == algorithm);
        let keys: Vec<&Key> = match &token.key_id {
            Some(_) => of_kind.filter(|key| key.id == token.key_id).collect(),
            None => of_kind.collect(),
        };
        match (&token.key_id, keys.len()) {
            (Some(id), 0) => Err(format!("no {algorithm} key of the provider has its kid {id:?}")),
            (None, 0) => Err(format!("the provider has no {algorithm} key")),
            (None, count @ 2..) => Err(format!("it has no kid, and the provider has {count} {algorithm} keys")),
            _ if keys.iter().any(|key| key.material.signed(token)) => Ok(()),
            _ => Err("its signature is not the provider's".to_owned()),
        }
    }
}

impl Key {
    fn read(key: &Value) -> Option<Self> {
        let fields = key.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa(RsaPublicKeyComponents { n: integer(fields, "n")?, e: integer(fields, "e")? }),
            ("EC", Some("P-256")) => {
                let point = [vec![4], coordinate(fields, "x")?, coordinate(fields, "y")?].concat();
                Material::P256(point)
            }
            _ => return None,
        };
        let signs = text("use").is_none_or(|purpose| purpose == "sig");
        let verifies = match fields.get("key_ops") {
            Some(Value::Array(operations)) => operations.iter().any(|operation| operation.as_str() == Some("verify")),
            Some(_) => false,
            None => true,
        };
        let as_said = text("alg").is_none_or(|name| name == material.algorithm().name());
        (signs && verifies && as_said).then(|| Self { id: text("kid").map(str::to_owned), material })
    }
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        match self {
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, token.signed, &token.signature),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(token.signed, &token.signature)
            }
        }
        .is_ok()
    }
}

/// A big-endian integer. Some providers write leading zeros, which ring refuses.
fn integer(fields: &Object, name: &str) -> Option<Vec<u8>> {
    let bytes = BASE64URL.decode(fields.get(name)?.as_str()?).ok()?;
    Some(bytes.into_iter().skip_while(|&byte| byte == 0).collect())
}

/// A coordinate on P-256.
fn coordinate(fields: &Object, name: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(fields.get(name)?.as_str()?).ok().filter(|bytes| bytes.len() == 32)
}
