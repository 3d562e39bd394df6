//! SOCKS 5 (RFC 1928, with names and passwords by RFC 1929), as far as a client needs it to connect.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::lookup_host,
};

use super::{Endpoint, Stream};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const CONNECT: u8 = 1;
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// The reason of a refusal, by its number.
const REFUSALS: [&str; 8] = [
    "general failure",
    "not allowed",
    "network unreachable",
    "host unreachable",
    "connection refused",
    "TTL expired",
    "command not supported",
    "address type not supported",
];

/// Has a proxy connect to an endpoint. `resolves` says that the proxy resolves the name.
pub(super) async fn open(
    stream: &mut Box<dyn Stream>,
    endpoint: &Endpoint,
    resolves: bool,
    login: Option<&(String, String)>,
) -> io::Result<()> {
    let methods: &[u8] = if login.is_some() { &[VERSION, 2, NO_LOGIN, LOGIN] } else { &[VERSION, 1, NO_LOGIN] };
    stream.write_all(methods).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, login) {
        ([VERSION, NO_LOGIN], _) => {}
        ([VERSION, LOGIN], Some((name, password))) => {
            let mut request = vec![1];
            for text in [name, password] {
                request.push(u8::try_from(text.len()).map_err(|_| io::Error::other("its login is too long"))?);
                request.extend(text.as_bytes());
            }
            stream.write_all(&request).await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            if answer[1] != 0 {
                return Err(io::Error::other("it doesn't take the login"));
            }
        }
        ([VERSION, _], _) => return Err(io::Error::other("it wants a login")),
        _ => return Err(io::Error::other("it doesn't speak SOCKS 5")),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    let address = match endpoint.host.parse::<IpAddr>() {
        Ok(address) => Some(address),
        Err(_) if resolves => None,
        Err(_) => lookup_host((endpoint.host.as_str(), endpoint.port)).await?.next().as_ref().map(SocketAddr::ip),
    };
    match address {
        Some(IpAddr::V4(address)) => {
            request.push(V4);
            request.extend(address.octets());
        }
        Some(IpAddr::V6(address)) => {
            request.push(V6);
            request.extend(address.octets());
        }
        None => {
            let length = u8::try_from(endpoint.host.len()).map_err(|_| io::Error::other("the name is too long"))?;
            request.extend([NAME, length]);
            request.extend(endpoint.host.as_bytes());
        }
    }
    request.extend(endpoint.port.to_be_bytes());
    stream.write_all(&request).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer[1] != 0 {
        let reason = REFUSALS.get(usize::from(answer[1]) - 1).copied().unwrap_or("unknown reason");
        return Err(io::Error::other(reason));
    }
    let rest = match answer[3] {
        V4 => 4,
        V6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(io::Error::other("it doesn't speak SOCKS 5")),
    };
    stream.read_exact(&mut vec![0; rest + 2]).await?;
    Ok(())
}
