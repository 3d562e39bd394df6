//! Which pages of a browser may call: those of an allowed origin that name this server in `Host`.
//!
//! A stranger's page can call any server that its visitor's machine reaches, in two ways. With DNS rebinding, the
//! page's own name leads to this machine; then `Host` has that name. Without it, the browser sends the page's `Origin`.
//! Programs other than browsers send no `Origin`; credentials decide what they may do.

use std::{collections::BTreeSet, io, net::IpAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::reply::Refusal;

/// The hosts and origins that are allowed beside the loopback's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    hosts: BTreeSet<String>,
    origins: BTreeSet<String>,
}

impl Origins {
    /// Allows the address that the server listens on, further hosts, and further origins.
    ///
    /// # Errors
    ///
    /// A host isn't a name or an address without a port; an origin isn't `scheme://host` or `scheme://host:port`.
    pub(crate) fn new(address: IpAddr, hosts: &[String], origins: &[String]) -> io::Result<Self> {
        let refused = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
        let mut allowed = Self::default();
        allowed.hosts.insert(name(&address.to_string()));
        for host in hosts {
            if name_of(host).as_deref() != Some(name(host).as_str()) {
                return Err(refused(format!("--allow-host {host:?}: expected a name or an address, without a port")));
            }
            allowed.hosts.insert(name(host));
        }
        for origin in origins {
            let parsed = Origin::parse(origin).ok_or_else(|| {
                refused(format!("--allow-origin {origin:?}: expected an origin such as \"https://app.example.com\""))
            })?;
            allowed.origins.insert(parsed.text);
        }
        Ok(allowed)
    }

    /// Refuses requests that a page may not make.
    fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let given = headers.get(header::HOST).map(shown);
        for host in given.iter().map(String::as_str).chain(uri.authority().map(Authority::as_str)) {
            let name = name_of(host);
            if !name.as_ref().is_some_and(|name| self.has_host(name)) {
                return Err(Refusal::misdirected(name.as_deref().unwrap_or(host)));
            }
        }
        let Some(host) = given else { return Err(Refusal::misdirected("")) };
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if self.has_origin(&shown(origin), &host) => Ok(()),
            (Some(origin), _) => Err(Refusal::strange_origin(&shown(origin))),
        }
    }

    fn has_host(&self, name: &str) -> bool {
        is_loopback(name) || self.hosts.contains(name)
    }

    /// Whether an origin is the loopback's, this server's own, or one of those that were given.
    fn has_origin(&self, origin: &str, host: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| {
            is_loopback(&origin.name)
                || origin.authority.eq_ignore_ascii_case(host)
                || self.origins.contains(&origin.text)
        })
    }
}

/// Passes a request on, or answers it with a refusal.
pub(crate) async fn check(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    match origins.check(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// An origin, in small letters and without the port that its scheme implies.
struct Origin {
    text: String,
    authority: String,
    name: String,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let is_scheme = !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
        let name = name_of(authority).filter(|name| is_scheme && !name.is_empty())?;
        let implied = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let authority = authority.strip_suffix(implied).unwrap_or(authority);
        Some(Self { text: format!("{scheme}://{authority}"), authority: authority.to_owned(), name })
    }
}

/// A name as it is compared: in small letters, without the brackets of an IPv6 address and without a dot at the end.
fn name(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    host.strip_suffix('.').unwrap_or(host).to_owned()
}

/// The name in `name`, `name:port`, `[v6]` or `[v6]:port`.
fn name_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address of the command line, which needs no brackets.
        Some(_) if authority.parse::<std::net::Ipv6Addr>().is_ok() => (authority, None),
        Some((_, port)) if port.ends_with(']') => (authority, None),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let name = name(host);
    let is_address = name.parse::<IpAddr>().is_ok();
    let is_name = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c));
    (is_port && (is_address || is_name)).then_some(name)
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// A header's value in an error: short and printable, whatever the client sent.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(origins: &Origins, host: Option<&str>, origin: Option<&str>) -> Option<(u16, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().expect("it can be a header"));
            }
        }
        let refusal = origins.check(&headers, &Uri::from_static("/api/query")).err()?;
        Some((refusal.status.as_u16(), refusal.message))
    }

    fn given() -> Origins {
        let address = "192.168.1.5".parse().expect("it is an address");
        let hosts = ["Data.Example.com".to_owned(), "fe80::1".to_owned()];
        Origins::new(address, &hosts, &["https://App.example.com:443".to_owned()]).expect("they are valid")
    }

    #[test]
    fn a_host_is_the_loopback_the_address_or_one_that_was_given() {
        let origins = given();
        for host in [
            "localhost",
            "LOCALHOST:3210",
            "localhost.",
            "app.localhost:1",
            "127.0.0.1",
            "127.3.4.5:80",
            "[::1]:3210",
            "[::1]",
            "[::ffff:127.0.0.1]:1",
            "192.168.1.5:3210",
            "data.example.com",
            "DATA.example.com.:443",
            "[fe80::1]:3210",
        ] {
            assert_eq!(refused(&origins, Some(host), None), None, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3210",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.6",
            "0.0.0.0",
            "localhost:port",
            "localhost:99999",
            "a b",
            "",
            "localhost@evil.example",
            "[::1",
            "xlocalhost",
        ] {
            let (status, message) = refused(&origins, Some(host), None).expect(host);
            assert_eq!(status, 421, "{host}");
            assert!(message.contains("--allow-host"), "{message}");
        }
        assert_eq!(refused(&origins, None, None).expect("no host").0, 421);
        let absolute = Uri::from_static("http://evil.example/api/query");
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        assert_eq!(origins.check(&headers, &absolute).expect_err("two hosts").status.as_u16(), 421);
    }

    #[test]
    fn an_origin_is_the_loopbacks_the_servers_own_or_one_that_was_given() {
        let origins = given();
        for origin in [
            "http://localhost:5173",
            "https://localhost",
            "http://127.0.0.1:8000",
            "http://[::1]:3000",
            "https://app.example.com",
            "https://app.example.com:443",
            "http://data.example.com:3210",
        ] {
            assert_eq!(refused(&origins, Some("data.example.com:3210"), Some(origin)), None, "{origin}");
        }
        for origin in [
            "https://evil.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "null",
            "",
            "https://localhost.evil.example",
            "http://data.example.com",
            "https://sub.app.example.com",
            "*",
        ] {
            let (status, message) = refused(&origins, Some("data.example.com:3210"), Some(origin)).expect(origin);
            assert_eq!(status, 403, "{origin}");
            assert!(message.contains("--allow-origin"), "{message}");
        }
    }

    #[test]
    fn hosts_and_origins_of_another_form_are_refused_when_they_are_given() {
        let new = |hosts: &[&str], origins: &[&str]| {
            let owned = |given: &[&str]| given.iter().map(ToString::to_string).collect::<Vec<_>>();
            Origins::new(IpAddr::from([127, 0, 0, 1]), &owned(hosts), &owned(origins))
        };
        for host in ["http://a", "a:80", "", "a/b", "*"] {
            let error = new(&[host], &[]).expect_err(host).to_string();
            assert!(error.contains(&format!("--allow-host {host:?}")), "{error}");
        }
        for origin in ["a.example", "https://", "https://a/b", "*", "null", "https://a?b"] {
            let error = new(&[], &[origin]).expect_err(origin).to_string();
            assert!(error.contains(&format!("--allow-origin {origin:?}")), "{error}");
        }
    }
}
