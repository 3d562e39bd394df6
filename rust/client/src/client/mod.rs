//! A call of a function over HTTP: the request, its deadline, and what may be repeated.

mod snapshots;

use std::time::{Duration, Instant};

use base::FunctionKind;
use ureq::{
    Agent, Body, RequestBuilder,
    http::{Response, Uri},
};
use value::{Object, Value, json};
use wire::reply;

use crate::error::{Error, Result};

pub use snapshots::{Phase, Report};

/// A reply is at most what a function may return, as JSON: 16 MiB of floats take some four times that.
const REPLY_BYTES: u64 = 64 << 20;

/// A connection that was idle longer may have been closed by the other side, which shows only after a write is sent.
const IDLE: Duration = Duration::from_secs(15);

/// Waits before a call is repeated are drawn from zero to a bound: first this one, then twice the last, up to the longest.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// From the beginning of a call to its end, repetitions included.
    pub timeout: Duration,
    /// How often a call is repeated that certainly wasn't executed, or that only reads.
    pub retries: u32,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
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

/// A deployment, as it is reached over HTTP. Connections are kept and shared by threads.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    options: Options,
}

impl Client {
    /// A client of the deployment at a URL. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The URL isn't `http://` or `https://` with a host.
    pub fn new(url: &str, options: Options) -> Result<Self> {
        let trimmed = url.trim().trim_end_matches('/');
        let is_one = trimmed.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_one {
            return Err(Error::Url { url: url.to_owned() });
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the credential to another host.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(IDLE)
            .user_agent(concat!("mastra-convex/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, url: trimmed.to_owned(), options })
    }

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// It could not be reached; a write that may have been executed is [`Error::OutcomeUnknown`].
    pub fn call(&self, call: &Call<'_>) -> Result<Outcome> {
        let mut fields = self.object(&self.send(call)?)?;
        let log_lines = match fields.remove(reply::LOG_LINES) {
            Some(Value::Array(lines)) => lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        Ok(Outcome { result: self.result(fields), log_lines })
    }

    /// Calls a function that may take another time than others.
    pub(crate) fn call_within(&self, call: &Call<'_>, time: Duration) -> Result<Value> {
        self.outcome(&self.send_within(call, time)?)
    }

    /// What a reply says of the function: its value, or how it failed.
    pub(crate) fn outcome(&self, reply: &[u8]) -> Result<Value> {
        self.result(self.object(reply)?)
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

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// Sends a call, again where that is safe, and gives the body of the answer.
    pub(crate) fn send(&self, call: &Call<'_>) -> Result<Vec<u8>> {
        self.send_within(call, self.options.timeout)
    }

    fn send_within(&self, call: &Call<'_>, time: Duration) -> Result<Vec<u8>> {
        let deadline = Instant::now() + time;
        let mut body = String::with_capacity(256);
        let request = Value::from([
            ("path", call.path.into()),
            ("args", call.args.clone()),
            ("format", "convex_encoded_json".into()),
        ]);
        json::encode(&request, json::Format::Encoded, &mut body);
        self.repeat(deadline, call.reads, || self.send_once(call, &body, deadline))
    }

    /// Makes an attempt, again where it failed and may be repeated, until the deadline.
    fn repeat<T>(&self, deadline: Instant, reads: bool, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        let mut backoff = BACKOFF;
        for attempts in 0.. {
            let error = match attempt() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = match &error {
                Error::Refused { retry_after: Some(seconds), .. } => Duration::from_secs_f64(seconds.clamp(0.0, 60.0)),
                _ => backoff.mul_f64(random_fraction()),
            };
            // With less time left, an answer that is late looks as one that never came.
            let in_time = Instant::now() + wait + BACKOFF < deadline;
            if attempts >= self.options.retries || !in_time || !may_repeat(&error, reads) {
                return Err(error);
            }
            std::thread::sleep(wait);
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
        unreachable!("the loop ends by returning")
    }

    fn send_once(&self, call: &Call<'_>, body: &str, deadline: Instant) -> Result<Vec<u8>> {
        let route = call.kind.route();
        let left = deadline.saturating_duration_since(Instant::now());
        let request = self.agent.post(format!("{}/api/{route}", self.url)).header("Content-Type", "application/json");
        let request = self.with_headers(request, call.authorization).config().timeout_global(Some(left));
        // Earlier: a call that never got through is known not to have been executed.
        let request = request.timeout_connect(Some(left.mul_f64(0.9))).build();
        let reply = request.send(body).map_err(|error| self.broken(call.path, call.reads, &error))?;
        self.read(reply, call.path, call.reads)
    }

    /// The headers that every request has.
    fn with_headers<B>(&self, mut request: RequestBuilder<B>, authorization: Option<&str>) -> RequestBuilder<B> {
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        match authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    /// The body of a reply, if it isn't a refusal.
    fn read(&self, mut reply: Response<Body>, path: &str, reads: bool) -> Result<Vec<u8>> {
        let status = reply.status().as_u16();
        let retry_after = reply.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        // `nan` and `inf` are numbers to `parse`.
        let retry_after = retry_after.filter(|seconds: &f64| seconds.is_finite());
        let read = reply.body_mut().with_config().limit(REPLY_BYTES).read_to_vec();
        let bytes = read.map_err(|error| self.broken(path, reads, &error))?;
        // 560: a function that failed, as the official client knows it; the body is the same.
        if status == 200 || status == 560 {
            return Ok(bytes);
        }
        let fields = self.object(&bytes).unwrap_or_default();
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = match text("message") {
            message if message.is_empty() => String::from_utf8_lossy(&bytes).chars().take(200).collect(),
            message => message,
        };
        Err(Error::Refused { url: self.url.clone(), status, code: text("code"), message, retry_after })
    }

    /// What a failure below HTTP means for the call of a path.
    fn broken(&self, path: &str, reads: bool, error: &ureq::Error) -> Error {
        use ureq::{Error as Broken, Timeout};
        let (url, reason) = (self.url.clone(), error.to_string());
        let refused = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
        match error {
            Broken::HostNotFound | Broken::ConnectionFailed | Broken::Tls(_) | Broken::Rustls(_) => {
                Error::Connect { url, reason }
            }
            Broken::Timeout(Timeout::Resolve | Timeout::Connect) => Error::Connect { url, reason },
            Broken::Io(error) if refused(error) => Error::Connect { url, reason },
            Broken::BodyExceedsLimit(_) | Broken::Protocol(_) | Broken::Http(_) if reads => {
                Error::Protocol { url, reason }
            }
            Broken::Timeout(_) if reads => Error::Timeout { url, seconds: self.options.timeout.as_secs_f64() },
            _ if reads => Error::Connect { url, reason },
            _ => Error::OutcomeUnknown { url, path: path.to_owned(), reason },
        }
    }

    fn object(&self, bytes: &[u8]) -> Result<Object> {
        match json::decode(bytes) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => Err(self.protocol(format!("found {}, expected a JSON object", other.type_name()))),
            Err(error) => Err(self.protocol(format!("found a body that isn't JSON: {error}"))),
        }
    }

    pub(crate) fn protocol(&self, reason: String) -> Error {
        Error::Protocol { url: self.url.clone(), reason }
    }
}

/// Whether a call may be made again: it wasn't executed, or may be executed twice.
fn may_repeat(error: &Error, reads: bool) -> bool {
    match error {
        Error::Connect { .. } => true,
        // Too early, rate limited, overloaded or conflicting with other writes: nothing was executed.
        Error::Refused { status, .. } => {
            matches!(status, 425 | 429 | 503) || (reads && matches!(status, 408 | 500 | 502 | 504))
        }
        _ => false,
    }
}

/// A number from 0 to 1.
fn random_fraction() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
