//! A call of a function over HTTP: the request, its deadline and its outcome.
//!
//! | phase of the failure | known about the call | error of a call that reads | of one that may write |
//! | --- | --- | --- | --- |
//! | resolve, connect, TLS, proxy | nothing was sent | `Connect`, repeated | the same |
//! | send, wait, receive | it may have been executed | `Connect`, repeated; `Timeout` if late | `OutcomeUnknown` |
//! | refusal with Convex's `code` | it wasn't executed | `Refused`, repeated if that may help | the same |
//! | 408, 425, 429, 5xx without it | a gateway's; it may have been executed | `Refused`, repeated | `OutcomeUnknown` |
//! | decoding | the reply isn't Convex's | `Protocol` | `OutcomeUnknown` |

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

/// The longest reply: the largest value that a function may return, as JSON. 16 MiB of floats take four times as much.
const REPLY_BYTES: usize = 64 << 20;

/// The code of a refusal to call functions of a component that isn't mounted.
const COMPONENT_NOT_FOUND: &str = "ComponentPathNotFound";

/// The system's query that lists the mounted components.
const COMPONENTS: &str = "_system/frontend/components:list";

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest time from the beginning of a call to its end, repetitions included.
    pub timeout: Duration,
    /// How often a failed call is repeated, if it certainly wasn't executed or only reads.
    pub retries: u32,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
    /// A PEM file of the certificate authorities to trust, instead of those that come with the package.
    pub ca_file: Option<PathBuf>,
    /// The path of the component whose functions are called; the app's by default.
    pub component: Option<String>,
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
    /// Whether the call only reads, so that it may be executed twice.
    pub reads: bool,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
}

/// The outcome of a function that was called.
#[derive(Debug)]
pub struct Outcome {
    /// The returned value, or the function's error.
    pub result: Result<Value>,
    /// The console lines that the deployment sends with the reply.
    pub log_lines: Vec<String>,
}

/// A deployment that is reached over HTTP. Clones share their connections, and threads may share a client.
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
    url: Arc<str>,
    component: Option<Arc<str>>,
    timeout: Duration,
    retries: u32,
    budget: Arc<Budget>,
}

impl Client {
    /// A client of the deployment at a URL. It reads the proxy from the environment now, and sends nothing yet.
    ///
    /// # Errors
    ///
    /// The URL isn't `http://` or `https://` with a host; certificates can't be read; a header's name or value is
    /// invalid.
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
            component: options.component.map(Into::into),
            timeout: options.timeout,
            retries: options.retries,
            budget: Budget::of(url),
        })
    }

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// The deployment couldn't be reached. [`Error::OutcomeUnknown`] if a write may have been executed.
    pub async fn call(&self, call: &Call<'_>) -> Result<Outcome> {
        let mut fields = self.fields(call, &self.send(call).await?)?;
        let log_lines = match fields.remove(reply::LOG_LINES) {
            Some(Value::Array(lines)) => lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        Ok(Outcome { result: self.result(fields), log_lines })
    }

    /// The value in the reply to a call that only reads, or the function's error.
    pub(crate) fn outcome(&self, reply: &[u8]) -> Result<Value> {
        self.result(self.object(reply)?)
    }

    /// The fields of a reply that tells whether the call succeeded.
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

    /// The component whose functions are called; None for the app's.
    pub(crate) fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a call, repeats it where that is safe, and returns the body of the reply.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>> {
        let sent = self.send_to(self.component(), call).await;
        match (sent, self.component()) {
            (Err(Error::Refused { code, .. }), Some(component)) if code == COMPONENT_NOT_FOUND => {
                Err(self.no_component(component, call.authorization).await)
            }
            (sent, _) => sent,
        }
    }

    /// Sends a call of a function of a component, or of the app. For a component there is one route for all kinds.
    async fn send_to(&self, component: Option<&str>, call: &Call<'_>) -> Result<Vec<u8>> {
        let deadline = Instant::now() + self.timeout;
        let mut body = String::with_capacity(256);
        let mut request = Object::from([
            ("path".to_owned(), call.path.into()),
            ("args".to_owned(), call.args.clone()),
            ("format".to_owned(), "convex_encoded_json".into()),
        ]);
        if let Some(component) = component {
            request.insert("componentPath".to_owned(), component.into());
        }
        json::encode(&request.into(), json::Format::Encoded, &mut body);
        let route = component.map_or_else(|| format!("/api/{}", call.kind.route()), |_| "/api/function".to_owned());
        let outgoing = Outgoing {
            method: Method::POST,
            path: &route,
            authorization: call.authorization,
            content_type: Some("application/json"),
            body: body.into(),
        };
        self.exchange(&outgoing, call.path, call.reads, deadline).await
    }

    /// The error for a component that isn't mounted, with those that are.
    async fn no_component(&self, component: &str, authorization: Option<&str>) -> Error {
        let (kind, path, args) = (FunctionKind::Query, COMPONENTS, Value::Object(Object::new()));
        let asked = self.send_to(None, &Call { kind, path, args: &args, reads: true, authorization }).await;
        let mounted = asked.and_then(|reply| self.outcome(&reply)).ok().and_then(|listed| {
            let Value::Array(listed) = listed else { return None };
            let paths = listed.iter().filter_map(|one| Some(one.as_object()?.get("path")?.as_str()?.to_owned()));
            // The app itself has no path.
            Some(paths.filter(|path| !path.is_empty()).collect())
        });
        Error::NoComponent { url: self.url.to_string(), component: component.to_owned(), mounted }
    }

    /// Sends a request, repeats it where that is safe, and returns the body of the reply. `what` names the request in
    /// an error about an unknown outcome.
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
        // Status 560 means that a function failed, as in the official client. The body has the same form.
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

    /// The error for a failure below HTTP: whether the request may have been executed depends on the failure.
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
