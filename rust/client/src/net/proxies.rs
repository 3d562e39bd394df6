//! The proxy of a deployment, by curl's rules and environment variables.
//!
//! - `http_proxy` is for `http://`, `https_proxy` or `HTTPS_PROXY` for `https://`, `all_proxy` or `ALL_PROXY` for both.
//!   `HTTP_PROXY` doesn't count: in a CGI script it is a header that the other side chose.
//! - The first of these that is set counts. If it is empty, there is no proxy.
//! - `no_proxy` or `NO_PROXY` lists the hosts that are reached directly: `*`, or names, addresses and blocks of
//!   addresses (`10.0.0.0/8`), separated by commas or blanks. A name includes its subdomains, with or without a leading
//!   dot. An entry with a port counts for that port only.
//! - This machine is never reached through a proxy.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::percent_decode_str;

use super::Endpoint;

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    /// SOCKS 5. `resolves` says that the proxy resolves names.
    Socks {
        resolves: bool,
    },
}

/// A proxy. It has no `Debug`: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, String)>,
}

/// The port of a proxy whose URL names none, as in curl.
const PORT: u16 = 1080;

impl Proxy {
    /// The proxy of an endpoint. The error names the variable whose value is invalid, but not the value, which may have
    /// a password.
    pub(crate) fn find(endpoint: &Endpoint, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let first = |names: &[&'static str]| names.iter().find_map(|&name| Some((name, variable(name)?)));
        let names: &[_] = if endpoint.is_tls {
            &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
        } else {
            &["http_proxy", "all_proxy", "ALL_PROXY"]
        };
        let Some((name, value)) = first(names) else { return Ok(None) };
        let excluded = first(&["no_proxy", "NO_PROXY"]).is_some_and(|(_, list)| is_listed(&list, endpoint));
        if value.trim().is_empty() || endpoint.is_loopback() || excluded {
            return Ok(None);
        }
        Self::parse(value.trim()).map(Some).ok_or_else(|| {
            format!("{name} is not the URL of a proxy; expected http://, https://, socks5:// or socks5h:// and a host")
        })
    }

    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "https" => Protocol::Https,
            "socks5" => Protocol::Socks { resolves: false },
            "socks5h" => Protocol::Socks { resolves: true },
            _ => return None,
        };
        let rest = rest.split('/').next()?;
        let (login, host) = match rest.rsplit_once('@') {
            Some((login, host)) => {
                let (name, password) = login.split_once(':').unwrap_or((login, ""));
                let decoded = |text| percent_decode_str(text).decode_utf8().ok().map(String::from);
                (Some((decoded(name)?, decoded(password)?)), host)
            }
            None => (None, rest),
        };
        let (host, port) = host_and_port(host)?;
        Some(Self { protocol, host: host.to_owned(), port: port.unwrap_or(PORT), login })
    }

    /// The `Proxy-Authorization` header, if the proxy's URL has a login.
    pub(crate) fn authorization(&self) -> Option<String> {
        let (name, password) = self.login.as_ref()?;
        Some(format!("Basic {}", BASE64.encode(format!("{name}:{password}"))))
    }

    /// Whether this proxy forwards requests to an endpoint, instead of opening a tunnel.
    pub(crate) fn forwards(&self, endpoint: &Endpoint) -> bool {
        !endpoint.is_tls && !matches!(self.protocol, Protocol::Socks { .. })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or an IPv6 address by itself.
fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').map(str::parse).transpose().ok()?;
        return Some((host, port));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    (!host.is_empty()).then_some((host, port))
}

/// Whether a list of `no_proxy` names an endpoint.
fn is_listed(list: &str, endpoint: &Endpoint) -> bool {
    let host = endpoint.host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return address.is_some_and(|address| is_within(address, network, bits));
        }
        let Some((name, port)) = host_and_port(entry) else { return false };
        if port.is_some_and(|port| port != endpoint.port) {
            return false;
        }
        if let Ok(listed) = name.parse::<IpAddr>() {
            return address == Some(listed.to_canonical());
        }
        let name = name.trim_start_matches("*.").trim_matches('.').to_ascii_lowercase();
        let above = host.strip_suffix(&name);
        address.is_none() && !name.is_empty() && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    })
}

/// Whether an address is in a block.
fn is_within(address: IpAddr, network: &str, bits: &str) -> bool {
    let network = network.trim_start_matches('[').trim_end_matches(']');
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let rest = 32 - bits;
            u64::from(address.to_bits()) >> rest == u64::from(network.to_bits()) >> rest
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let rest = 128 - bits;
            address.to_bits().checked_shr(rest) == network.to_bits().checked_shr(rest)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let proxy = Proxy::find(&Endpoint::parse(url).unwrap(), variable).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let (http, https) = ("http://a.example", "https://a.example");
        for (variables, for_http, for_https) in [
            (&[("HTTPS_PROXY", "http://p:1")][..], None, Some("p:1")),
            (&[("https_proxy", "p:2"), ("HTTPS_PROXY", "http://p:1")], None, Some("p:2")),
            (&[("http_proxy", "http://p:3/")], Some("p:3"), None),
            (&[("HTTP_PROXY", "http://p:3")], None, None),
            (&[("ALL_PROXY", "socks5h://u:w@p")], Some("p:1080"), Some("p:1080")),
            (&[("ALL_PROXY", "http://p:4"), ("https_proxy", "")], Some("p:4"), None),
            (&[("all_proxy", "http://[::2]:5")], Some("::2:5"), Some("::2:5")),
        ] {
            assert_eq!(found(http, variables).as_deref(), for_http, "{variables:?}");
            assert_eq!(found(https, variables).as_deref(), for_https, "{variables:?}");
        }
    }

    #[test]
    fn a_host_listed_in_no_proxy_is_reached_directly() {
        for (list, url, direct) in [
            ("a.example", "https://a.example", true),
            ("a.example", "https://b.a.example", true),
            ("a.example", "https://ba.example", false),
            (".a.example", "https://a.example", true),
            ("*.a.example", "https://x.a.example", true),
            ("A.Example", "https://a.example.", true),
            ("x , a.example", "https://a.example", true),
            ("x a.example", "https://a.example", true),
            ("*", "https://a.example", true),
            ("a.example:443", "https://a.example", true),
            ("a.example:8443", "https://a.example", false),
            ("a.example:8443", "https://a.example:8443", true),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("10.0.0.0/0", "https://11.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.3:9", true),
            ("10.1.2.3:8", "https://10.1.2.3:9", false),
            ("2.3", "https://10.1.2.3", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("::/0", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::2]", false),
            ("10.0.0.0/33, /8, :, .", "https://10.1.2.3", false),
            ("", "https://a.example", false),
        ] {
            let is_direct = found(url, &[("ALL_PROXY", "http://p:1"), ("NO_PROXY", list)]).is_none();
            assert_eq!(is_direct, direct, "{list:?} {url}");
        }
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        for url in ["http://localhost:1", "http://127.0.0.1:1", "https://[::1]:1"] {
            assert_eq!(found(url, &[("ALL_PROXY", "http://p:1")]), None);
        }
    }

    #[test]
    fn a_login_is_decoded_and_an_error_does_not_show_it() {
        let proxy = Proxy::parse("http://us%40er:p%3Aw@host:1").unwrap();
        assert_eq!(proxy.authorization().unwrap(), format!("Basic {}", BASE64.encode("us@er:p:w")));
        let endpoint = Endpoint::parse("https://a.example").unwrap();
        let Err(error) = Proxy::find(&endpoint, |_| Some("gopher://u:secret@host".to_owned())) else { panic!() };
        assert!(error.starts_with("https_proxy ") && !error.contains("secret"), "{error}");
    }
}
