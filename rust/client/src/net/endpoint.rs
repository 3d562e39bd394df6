//! The parts of a deployment's URL: where to connect, and the prefix of its paths.

use std::net::IpAddr;

use hyper::Uri;

/// Where a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Whether the connection uses TLS.
    pub(crate) is_tls: bool,
    /// The host's name or address; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The `Host` header.
    pub(crate) authority: String,
    /// The prefix of every path: empty, or `/…` without a slash at its end.
    pub(crate) prefix: String,
}

impl Endpoint {
    /// Parses a URL; None if it isn't `http://` or `https://` with a host.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?;
        let authority = uri.authority()?.as_str();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned();
        Some(Self {
            is_tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.trim_end_matches('.').to_ascii_lowercase();
        let is_address = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        is_address || host == "localhost" || host.ends_with(".localhost")
    }

    /// `host:port`, for a request to a proxy.
    pub(crate) fn host_and_port(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The whole URL of a path, for a request to a proxy that forwards `http://`.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let endpoint = Endpoint::parse(" https://host.example:8443/convex/ ").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.is_tls), ("host.example", 8443, true));
        assert_eq!(endpoint.url("/api/query"), "https://host.example:8443/convex/api/query");
        let endpoint = Endpoint::parse("http://[::1]").unwrap();
        assert_eq!(endpoint.host_and_port(), "[::1]:80");
        assert_eq!((endpoint.authority.as_str(), endpoint.prefix.as_str()), ("[::1]", ""));
        for other in ["", "ftp://host", "http://", "host:80", "http:/x"] {
            assert_eq!(Endpoint::parse(other), None, "{other}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("localhost.example", false),
            ("10.0.0.1", false),
            ("127.example", false),
        ] {
            assert_eq!(Endpoint::parse(&format!("http://{host}")).unwrap().is_loopback(), expected, "{host}");
        }
    }
}
