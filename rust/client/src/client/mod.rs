//! A call of a function over HTTP: the request, its deadline, and what its outcome is.
//!
//! | phase | of what failed there is known | a call that reads | one that may write |
//! | --- | --- | --- | --- |
//! | resolve, connect, TLS, proxy | nothing was sent | `Connect`, repeated | the same |
//! | send, wait, receive | it may have been executed | `Connect`, repeated; late: `Timeout` | `OutcomeUnknown` |
//! | a refusal with Convex's `code` | it wasn't executed | `Refused`, repeated if it may pass | the same |
//! | a refusal without, 408, 425, 429, 5xx | a gateway's: it may have been executed | `Refused`, repeated | `OutcomeUnknown` |
//! | decode | the reply isn't Convex's | `Protocol` | `OutcomeUnknown` |

mod retries;
mod snapshots;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use base::FunctionKind;
use hyper::{
    HeaderMap, Method,
    header::{HeaderName, HeaderValue},
};
use value::{Object, Value, json};
use wire::reply;

use crate::{
    error::{Error, Result},
    http::{Failure, Http, Outgoing, Reply},
    net::{Connector, Endpoint},
};

pub(crate) use retries::Budget;
pub use snapshots::{Phase, Report};

/// A reply is at most what a function may return, as JSON: 16 MiB of floats take some four times that.
const REPLY_BYTES: usize = 64 << 20;

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// From the beginning of a call to its end, repetitions included.
    pub timeout: Duration,
    /// How often a call is repeated that certainly wasn't executed, or that only reads.
    pub retries: u32,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
    /// Certificates of the authorities that are trusted, in PEM, in place of those that come with the package.
    pub ca_file: Option<PathBuf>,
}

/// A call to be made.
#[derive(Debug)]
pub struct Call<'a> {
    /// The function's kind.
    pub kind: FunctionKind,
    /// `dir/module:export`.
    pub path: &'a str,
    /// Its arguments, an object.
    pub args: &'a Value,
    /// Whether it may be executed twice: it only reads.
    pub reads: bool,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// What a function that was called came to.
#[derive(Debug)]
pub struct Outcome {
    /// Its value, or how it failed.
    pub result: Result<Value>,
    /// What it logged, as far as the deployment tells.
    pub log_lines: Vec<String>,
}

/// A deployment, as it is reached over HTTP. Clones share their connections, as threads may.
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
    url: Arc<str>,
    timeout: Duration,
    retries: u32,
    budget: Arc<Budget>,
}

impl Client {
    /// A client of the deployment at a URL. Nothing is sent yet; the environment says now which proxy leads there.
    ///
    /// # Errors
    ///
    /// The URL isn't `http://` or `https://` with a host; certificates can't be read; a header can't be one.
    pub fn new(url: &str, options: Options) -> Result<Self> {
        let endpoint = Endpoint::parse(url).ok_or_else(|| Error::Url { url: url.to_owned() })?;
        let mut headers = HeaderMap::new();
        for (name, value) in options.headers {
            let parsed = (HeaderName::try_from(&name), HeaderValue::from_str(&value));
            let (Ok(key), Ok(value)) = parsed else { return Err(Error::Header { name }) };
            headers.append(key, value);
        }
        let connector = Connector::new(endpoint, options.ca_file.as_deref())?;
        let url = url.trim().trim_end_matches('/');
        Ok(Self {
            http: Arc::new(Http::new(connector, headers)),
            url: url.into(),
            timeout: options.timeout,
            retries: options.retries,
            budget: Budget::of(url),
        })
    }

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// It could not be reached; a write that may have been executed is [`Error::OutcomeUnknown`].
    pub async fn call(&self, call: &Call<'_>) -> Result<Outcome> {
        let mut fields = self.fields(call, &self.send(call).await?)?;
        let log_lines = match fields.remove(reply::LOG_LINES) {
            Some(Value::Array(lines)) => lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        Ok(Outcome { result: self.result(fields), log_lines })
    }

    /// What a reply says of a function that only reads: its value, or how it failed.
    pub(crate) fn outcome(&self, reply: &[u8]) -> Result<Value> {
        self.result(self.object(reply)?)
    }

    /// A reply's fields, where it says how the call ended.
    fn fields(&self, call: &Call<'_>, reply: &[u8]) -> Result<Object> {
        let fields = self.object(reply).and_then(|fields| match fields.get(reply::STATUS).and_then(Value::as_str) {
            Some("success" | "error") => Ok(fields),
            _ => Err(self.protocol("neither a success nor an error".to_owned())),
        });
        fields.map_err(|error| match error {
            Error::Protocol { reason, .. } if !call.reads => self.unknown(call.path, reason),
            error => error,
        })
    }

    fn result(&self, mut fields: Object) -> Result<Value> {
        match fields.get(reply::STATUS).and_then(Value::as_str) {
            Some("success") => {
                fields.remove(reply::VALUE).ok_or_else(|| self.protocol("a success without a `value`".to_owned()))
            }
            Some("error") => {
                let data = fields.remove(reply::ERROR_DATA);
                let text = |name| fields.get(name).and_then(Value::as_str);
                let message = text(reply::ERROR_MESSAGE).unwrap_or("unknown error").to_owned();
                Err(Error::function(text(reply::ERROR_KIND), text(reply::ERROR_CODE), message, data))
            }
            _ => Err(self.protocol("neither a success nor an error".to_owned())),
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        self.http.connector()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a call, again where that is safe, and gives the body of the answer.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>> {
        let deadline = Instant::now() + self.timeout;
        let mut body = String::with_capacity(256);
        let request = Value::from([
            ("path", call.path.into()),
            ("args", call.args.clone()),
            ("format", "convex_encoded_json".into()),
        ]);
        json::encode(&request, json::Format::Encoded, &mut body);
        let route = format!("/api/{}", call.kind.route());
        let outgoing = Outgoing {
            method: Method::POST,
            path: &route,
            authorization: call.authorization,
            content_type: Some("application/json"),
            body: body.into(),
        };
        self.exchange(&outgoing, call.path, call.reads, deadline).await
    }

    /// Sends a request, again where that is safe, and gives the body of the answer. `what` it asks for is named where
    /// the outcome isn't known.
    async fn exchange(&self, outgoing: &Outgoing<'_>, what: &str, reads: bool, deadline: Instant) -> Result<Vec<u8>> {
        retries::repeat(&self.budget, self.retries, deadline, reads, || async {
            let reply = self.http.send(outgoing, deadline).await;
            self.read(reply.map_err(|failure| self.broken(what, reads, failure))?, what, reads, deadline).await
        })
        .await
    }

    /// The body of a reply, if it isn't a refusal.
    async fn read(&self, reply: Reply, what: &str, reads: bool, deadline: Instant) -> Result<Vec<u8>> {
        let status = reply.status.as_u16();
        let retry_after = reply.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        // `nan` and `inf` are numbers to `parse`.
        let retry_after = retry_after.filter(|seconds: &f64| seconds.is_finite());
        let read = self.http.read(reply, REPLY_BYTES, deadline).await;
        let bytes = read.map_err(|failure| self.broken(what, reads, failure))?;
        // 560: a function that failed, as the official client knows it; the body is the same.
        if status == 200 || status == 560 {
            return Ok(bytes);
        }
        let fields = self.object(&bytes).unwrap_or_default();
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (code, mut message) = (text("code"), text("message"));
        if message.is_empty() {
            message = String::from_utf8_lossy(&bytes).chars().take(200).collect();
        }
        let is_of_gateway = code.is_empty() && matches!(status, 408 | 425 | 429 | 500..);
        if is_of_gateway && !reads {
            return Err(self.unknown(what, format!("it answered {status}: {message}")));
        }
        if status == 407 && code.is_empty() {
            let reason = "the proxy wants another login (407)".to_owned();
            return Err(Error::Connect { url: self.url.to_string(), reason });
        }
        Err(Error::Refused { url: self.url.to_string(), status, code, message, retry_after })
    }

    /// What a failure below HTTP means for what was asked.
    fn broken(&self, what: &str, reads: bool, failure: Failure) -> Error {
        let url = self.url.to_string();
        match failure {
            Failure::Unreached(unreached) if unreached.is_untrusted => {
                Error::Untrusted { url, reason: unreached.reason }
            }
            Failure::Unreached(unreached) => Error::Connect { url, reason: unreached.reason },
            Failure::Broken(reason) if reads => Error::Connect { url, reason },
            Failure::Malformed(reason) if reads => Error::Protocol { url, reason },
            Failure::Late if reads => Error::Timeout { url, seconds: self.timeout.as_secs_f64() },
            Failure::Broken(reason) | Failure::Malformed(reason) => self.unknown(what, reason),
            Failure::Late => self.unknown(what, format!("it did not answer within {} s", self.timeout.as_secs_f64())),
        }
    }

    fn unknown(&self, what: &str, reason: String) -> Error {
        Error::OutcomeUnknown { url: self.url.to_string(), path: what.to_owned(), reason }
    }

    fn object(&self, bytes: &[u8]) -> Result<Object> {
        match json::decode(bytes) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => Err(self.protocol(format!("found {}, expected a JSON object", other.type_name()))),
            Err(error) => Err(self.protocol(format!("found a body that isn't JSON: {error}"))),
        }
    }

    pub(crate) fn protocol(&self, reason: String) -> Error {
        Error::Protocol { url: self.url.to_string(), reason }
    }
}
