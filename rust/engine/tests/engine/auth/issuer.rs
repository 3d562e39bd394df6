//! An auth provider: keys, tokens signed with them, and a web server that hands the keys out.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Barrier, Mutex},
    thread,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};

pub(crate) enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// An RSA key, always the same one, since no crate here makes them.
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("rsa.pk8")).expect("the file holds a key"))
    }

    /// A new one.
    pub(crate) fn p256() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self::P256(key.expect("ring reads what it wrote"))
    }

    /// The public half as a JSON Web Key, with more fields in front of it.
    pub(crate) fn public(&self, fields: &str) -> String {
        match self {
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
                let (n, e) = (BASE64URL.encode(n), BASE64URL.encode(e));
                format!(r#"{{{fields}, "kty": "RSA", "n": "{n}", "e": "{e}"}}"#)
            }
            Self::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
                format!(r#"{{{fields}, "kty": "EC", "crv": "P-256", "x": "{x}", "y": "{y}"}}"#)
            }
        }
    }

    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).expect("it signs");
                signature
            }
            Self::P256(key) => key.sign(&random, text.as_bytes()).expect("it signs").as_ref().to_vec(),
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    /// A token of these claims, by the key that has this id.
    pub(crate) fn token_of(&self, id: &str, claims: &str) -> String {
        self.token(&format!(r#"{{"alg": "{}", "kid": "{id}", "typ": "JWT"}}"#, self.algorithm()), claims)
    }

    /// A token of this header and these claims.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        seal(header, claims, |text| self.sign(text))
    }
}

/// A token with the given text as its signature.
pub(crate) fn seal(header: &str, claims: &str, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let text = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
    let signature = BASE64URL.encode(sign(&text));
    format!("{text}.{signature}")
}

/// The JSON of a key set.
pub(crate) fn key_set(keys: &[String]) -> String {
    format!(r#"{{"keys": [{}]}}"#, keys.join(", "))
}

/// The answer to a request for a page.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// The URL of a redirect.
    pub(crate) location: &'static str,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self { status: 200, content_type: "application/json; charset=utf-8", location: "", body: body.into() }
    }
}

/// A web server on a port of its own, until the test ends.
pub(crate) struct Site {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    pages: BTreeMap<String, Page>,
    requests: Vec<String>,
    gate: Option<Arc<Barrier>>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let state = Arc::<Mutex<State>>::default();
        let of_thread = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&of_thread);
                thread::spawn(move || answer(&stream, &state));
            }
        });
        Self { url, state }
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.state.lock().expect("no test panics with it").pages.insert(path.to_owned(), page);
    }

    /// The discovery document and the key set of an `OpenID` provider.
    pub(crate) fn put_provider(&self, keys: &[String]) {
        let url = &self.url;
        let discovery = format!(r#"{{"issuer": "{url}", "jwks_uri": "{url}/keys"}}"#);
        self.put("/.well-known/openid-configuration", Page::json(discovery));
        self.put("/keys", Page::json(key_set(keys)));
    }

    /// Holds every answer until so many requests have reached `barrier`.
    pub(crate) fn hold(&self, barrier: &Arc<Barrier>) {
        self.state.lock().expect("no test panics with it").gate = Some(Arc::clone(barrier));
    }

    /// The paths asked for since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("no test panics with it").requests)
    }
}

fn answer(mut stream: &TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let _headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let (page, gate) = {
        let mut state = state.lock().expect("no test panics with it");
        let page = state.pages.get(&path).cloned();
        state.requests.push(path);
        (page.unwrap_or(Page { status: 404, ..Page::json("") }), state.gate.clone())
    };
    if let Some(gate) = gate {
        gate.wait();
    }
    let Page { status, content_type, location, body } = page;
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Such\r\nContent-Type: {content_type}\r\nLocation: {location}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
}
