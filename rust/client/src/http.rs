//! Requests over HTTP/1.1 on kept connections. A failure tells whether the request may have been executed.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base::{Process, locked};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant as Deadline, timeout_at},
};

use crate::net::{Connector, Forwarding, Unreached};

/// The longest time that an idle connection is kept. Later the other side may have closed it, and this side would
/// notice only after it has sent a write.
const IDLE: Duration = Duration::from_secs(15);

/// Connections at once; further calls wait for one. Each takes one of the 1,024 files that a process may have open.
const MAX_CONNECTIONS: usize = 128;

const USER_AGENT: &str = concat!("mastra-convex/", env!("CARGO_PKG_VERSION"));

/// Why a request has no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    Unreached(Unreached),
    /// The connection broke after the request was sent, or while it was.
    Broken(String),
    /// The deadline passed after the request was sent.
    Late,
    /// The reply isn't HTTP, or is too large.
    Malformed(String),
}

/// The connections to one deployment.
pub(crate) struct Http {
    connector: Connector,
    headers: HeaderMap,
    pool: Mutex<Pool>,
}

/// The connections of one process: a forked child has none of its parent's.
struct Pool {
    process: Process,
    permits: Arc<Semaphore>,
    /// The connections without a request; the last used one is at the end.
    idle: Vec<(Connection, Instant)>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    forwarding: Option<Forwarding>,
}

/// A request to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    /// The path with its query, below the deployment's URL.
    pub(crate) path: &'a str,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
}

/// A reply whose body is still to be read.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    /// Returned to the pool once the body is read.
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Http {
    /// Sends nothing yet. Each request will have these headers.
    pub(crate) fn new(connector: Connector, headers: HeaderMap) -> Self {
        Self { connector, headers, pool: Mutex::new(Pool::new()) }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The headers of each request.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Sends a request and waits for the head of its reply.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>, deadline: Instant) -> Result<Reply, Failure> {
        // A connection must be there a little before the deadline. So a call that got none is known not to have been
        // executed.
        let left = deadline.saturating_duration_since(Instant::now());
        let connected_by = Deadline::from_std(deadline.checked_sub(left / 10).unwrap_or(deadline));
        let late = |what: &str| Failure::Unreached(Unreached::new(what));
        let permits = Arc::clone(&self.pool().permits);
        let permit = timeout_at(connected_by, permits.acquire_owned()).await;
        let permit = permit.map_err(|_| late("all connections were in use, for too long"))?;
        let permit = permit.expect("it is never closed");
        loop {
            let idle = self.pool().take();
            let was_idle = idle.is_some();
            let connection = async {
                match idle {
                    Some(mut connection) => Ok(connection.sender.ready().await.is_ok().then_some(connection)),
                    None => self.connect().await.map(Some),
                }
            };
            let connection = timeout_at(connected_by, connection).await;
            let Some(mut connection) = connection.map_err(|_| late("connecting took too long"))?? else { continue };
            let request = self.request(outgoing, connection.forwarding.as_ref()).map_err(Failure::Unreached)?;
            let sent = timeout_at(deadline.into(), connection.sender.try_send_request(request)).await;
            return match sent.map_err(|_| Failure::Late)? {
                Ok(reply) => {
                    let (head, body) = reply.into_parts();
                    let connection = Some(connection);
                    Ok(Reply { status: head.status, headers: head.headers, body, connection, _permit: permit })
                }
                // The other side had closed this connection, so nothing was sent.
                Err(error) if error.message().is_some() && was_idle => continue,
                Err(error) if error.message().is_some() => {
                    Err(Failure::Unreached(Unreached::new(error.error().to_string())))
                }
                Err(error) => Err(failure(error.error())),
            };
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let connected = self.connector.connect().await.map_err(Failure::Unreached)?;
        let (sender, connection) = handshake(TokioIo::new(connected.stream))
            .await
            .map_err(|error| Failure::Unreached(Unreached::new(error.to_string())))?;
        // Its errors reach the calls that wait for a reply.
        tokio::spawn(connection);
        Ok(Connection { sender, forwarding: connected.forwarding })
    }

    fn request(
        &self,
        outgoing: &Outgoing<'_>,
        forwarding: Option<&Forwarding>,
    ) -> Result<Request<Full<Bytes>>, Unreached> {
        let endpoint = self.connector.endpoint();
        let target = match forwarding {
            Some(_) => endpoint.url(outgoing.path),
            None => format!("{}{}", endpoint.prefix, outgoing.path),
        };
        let mut request = Request::builder().method(&outgoing.method).uri(target);
        let headers = request.headers_mut().ok_or_else(|| Unreached::new("the path is none of a URL"))?;
        let value = |name: HeaderName, text: &str| {
            HeaderValue::from_str(text).map_err(|_| Unreached::new(format!("{name} can't be a header")))
        };
        headers.insert(header::HOST, value(header::HOST, &endpoint.authority)?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.extend(self.headers.clone());
        if let Some(content_type) = outgoing.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(authorization) = outgoing.authorization {
            headers.insert(header::AUTHORIZATION, value(header::AUTHORIZATION, authorization)?);
        }
        if let Some(authorization) = forwarding.and_then(|forwarding| forwarding.authorization.as_ref()) {
            headers.insert(header::PROXY_AUTHORIZATION, value(header::PROXY_AUTHORIZATION, authorization)?);
        }
        request.body(Full::new(outgoing.body.clone())).map_err(|error| Unreached::new(error.to_string()))
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        let mut pool = locked(&self.pool);
        if !pool.process.is_current() {
            *pool = Pool::new();
        }
        pool
    }

    /// Reads a reply to its end, and keeps the connection.
    pub(crate) async fn read(&self, mut reply: Reply, limit: usize, deadline: Instant) -> Result<Vec<u8>, Failure> {
        let announced =
            reply.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(limit));
        while let Some(chunk) = reply.chunk(deadline).await? {
            if bytes.len() + chunk.len() > limit {
                return Err(Failure::Malformed(format!("the reply is larger than {limit} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        if let Some(connection) = reply.connection.take() {
            self.pool().keep(connection);
        }
        Ok(bytes)
    }
}

impl Reply {
    /// The next part of the body; None at its end.
    pub(crate) async fn chunk(&mut self, deadline: Instant) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = timeout_at(deadline.into(), self.body.frame()).await.map_err(|_| Failure::Late)?;
            match frame.transpose().map_err(|error| failure(&error))? {
                None => return Ok(None),
                Some(frame) => {
                    // Trailers aren't used.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

impl Pool {
    fn new() -> Self {
        Self { process: Process::current(), permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)), idle: Vec::new() }
    }

    fn take(&mut self) -> Option<Connection> {
        self.idle.retain(|(connection, since)| since.elapsed() < IDLE && !connection.sender.is_closed());
        self.idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&mut self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle.push((connection, Instant::now()));
        }
    }
}

/// The failure of a request that was sent.
fn failure(error: &hyper::Error) -> Failure {
    use std::error::Error;
    let reason = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if error.is_parse() { Failure::Malformed(reason) } else { Failure::Broken(reason) }
}
