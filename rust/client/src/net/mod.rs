//! A connection to a deployment: through a proxy if the environment names one, over TLS if the URL is `https://`. Calls
//! and live queries use the same.

mod certificates;
mod endpoint;
mod proxies;
mod socks;

use std::{io, path::Path, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, pki_types::ServerName},
};

use crate::error::Result;

pub(crate) use endpoint::Endpoint;
use proxies::{Protocol, Proxy};

/// A stream of bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes connections to one deployment.
pub(crate) struct Connector {
    endpoint: Endpoint,
    proxy: Result<Option<Proxy>, String>,
    tls: Arc<ClientConfig>,
}

/// An open connection.
pub(crate) struct Connected {
    pub(crate) stream: Box<dyn Stream>,
    /// Set if a proxy forwards each request, instead of opening a tunnel.
    pub(crate) forwarding: Option<Forwarding>,
}

/// A proxy that forwards requests.
pub(crate) struct Forwarding {
    /// The `Proxy-Authorization` header, if the proxy's URL has a login.
    pub(crate) authorization: Option<String>,
}

/// Why there is no connection. No part of a call was sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Unreached {
    pub(crate) reason: String,
    /// Whether the other side's certificate is the reason.
    pub(crate) is_untrusted: bool,
}

impl Unreached {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_untrusted: false }
    }
}

impl Connector {
    /// Reads the proxy of an endpoint and the trusted authorities from the environment.
    ///
    /// # Errors
    ///
    /// The certificates can't be read.
    pub(crate) fn new(endpoint: Endpoint, ca_file: Option<&Path>) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let tls = certificates::tls_config(ca_file, variable)?;
        Ok(Self { proxy: Proxy::find(&endpoint, variable), tls, endpoint })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Opens a connection for requests. A proxy of plain HTTP forwards them.
    pub(crate) async fn connect(&self) -> Result<Connected, Unreached> {
        match self.proxy()? {
            Some(proxy) if proxy.forwards(&self.endpoint) => {
                let forwarding = Some(Forwarding { authorization: proxy.authorization() });
                Ok(Connected { stream: self.reach(proxy).await?, forwarding })
            }
            proxy => Ok(Connected { stream: self.through(proxy).await?, forwarding: None }),
        }
    }

    /// Opens a connection for a WebSocket, which uses a proxy's tunnel.
    pub(crate) async fn connect_through(&self) -> Result<Box<dyn Stream>, Unreached> {
        self.through(self.proxy()?).await
    }

    fn proxy(&self) -> Result<Option<&Proxy>, Unreached> {
        self.proxy.as_ref().map(Option::as_ref).map_err(|reason| Unreached::new(reason.clone()))
    }

    async fn through(&self, proxy: Option<&Proxy>) -> Result<Box<dyn Stream>, Unreached> {
        let Endpoint { host, port, is_tls, .. } = &self.endpoint;
        let stream: Box<dyn Stream> = match proxy {
            None => Box::new(dial(host, *port).await?),
            Some(proxy) => {
                let mut stream = self.reach(proxy).await?;
                let opened = match proxy.protocol {
                    Protocol::Socks { resolves } => {
                        socks::open(&mut stream, &self.endpoint, resolves, proxy.login.as_ref()).await
                    }
                    Protocol::Http | Protocol::Https => {
                        open_tunnel(&mut stream, &self.endpoint.host_and_port(), proxy.authorization()).await
                    }
                };
                opened.map_err(|error| {
                    Unreached::new(format!("the proxy {}:{} didn't connect: {error}", proxy.host, proxy.port))
                })?;
                stream
            }
        };
        if *is_tls { self.secure(host, stream).await } else { Ok(stream) }
    }

    /// Opens a connection to a proxy.
    async fn reach(&self, proxy: &Proxy) -> Result<Box<dyn Stream>, Unreached> {
        let named = |error: Unreached| Unreached {
            reason: format!("the proxy {}:{}: {}", proxy.host, proxy.port, error.reason),
            ..error
        };
        let stream = dial(&proxy.host, proxy.port).await.map_err(named)?;
        match proxy.protocol {
            Protocol::Https => self.secure(&proxy.host, Box::new(stream)).await.map_err(named),
            _ => Ok(Box::new(stream)),
        }
    }

    async fn secure(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Unreached> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| Unreached::new(error.to_string()))?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        secured.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
            let is_untrusted = matches!(cause, Some(rustls::Error::InvalidCertificate(_)));
            Unreached { reason: format!("no TLS connection to {host}: {error}"), is_untrusted }
        })
    }
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, Unreached> {
    let resolved = lookup_host((host, port)).await;
    let addresses = resolved.map_err(|error| Unreached::new(format!("the name {host} has no address: {error}")))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A call writes little and then waits for its answer, so Nagle's delay would only cost time.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(Unreached::new(last.map_or_else(|| format!("the name {host} has no address"), |error| error.to_string())))
}

/// The longest answer of a proxy to `CONNECT`, in bytes.
const MAX_ANSWER: usize = 16 << 10;

/// Asks an HTTP proxy for a tunnel.
async fn open_tunnel(stream: &mut Box<dyn Stream>, target: &str, authorization: Option<String>) -> io::Result<()> {
    let authorization = authorization.map(|header| format!("Proxy-Authorization: {header}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_ANSWER {
            return Err(io::Error::other("its answer is too long"));
        }
        // Read byte by byte, since the deployment's own bytes begin right behind the answer.
        answer.push(stream.read_u8().await?);
    }
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if status.len() == 3 && status.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("it answered {line:?}"))),
    }
}
