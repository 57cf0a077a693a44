//! Where brokers serve gRPC: what a broker publishes through the name servers, and what clients are told. A broker publishes an entry
//! `grpc://host:port` among its filter servers, which name servers keep with the broker and clients of Apache's ignore; for each
//! further listener, one that bears the listener's name, `grpc+name://host:port`.

use std::net::{IpAddr, SocketAddr};

use bolide_proto::v2::{Address, AddressScheme, Endpoints};

use crate::broker::Broker;
use crate::config::BrokerConfig;

/// What an entry begins with.
const SCHEME: &str = "grpc";
/// What follows, and a listener's name if it has one.
const AUTHORITY: &str = "://";
/// Stands before a listener's name.
const NAME: char = '+';

/// A port for clients that are to be told an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Tells it from others; the same on all brokers.
    pub(crate) name: String,
    /// The address that is listened on, if not the broker's own.
    pub(crate) bind: Option<IpAddr>,
    /// The port that is listened on.
    pub(crate) port: u16,
    /// What clients dial, as host:port.
    advertised: String,
}

/// The configuration names a listener that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "grpcListeners: {0:?} is no listener; write NAME=PORT@HOST:PORT or NAME=IP:PORT@HOST:PORT, each name and port once"
)]
pub struct BadListener(String);

/// The listeners beside the one of `grpcServerPort`.
///
/// # Errors
/// When one of them is not written as it should be.
pub(crate) fn listeners(config: &BrokerConfig) -> Result<Vec<Listener>, BadListener> {
    let mut found: Vec<Listener> = Vec::new();
    for text in config.grpc_listeners.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        let listener = listener(text).filter(|listener| {
            let is_taken = |other: &Listener| other.name == listener.name || other.port == listener.port;
            listener.port != config.grpc_server_port && !found.iter().any(is_taken)
        });
        found.push(listener.ok_or_else(|| BadListener(text.to_owned()))?);
    }
    Ok(found)
}

fn listener(text: &str) -> Option<Listener> {
    let (name, rest) = text.split_once('=')?;
    let (place, advertised) = rest.split_once('@')?;
    let (bind, port) = match place.parse::<SocketAddr>() {
        Ok(place) => (Some(place.ip()), place.port()),
        Err(_) => (None, place.parse().ok()?),
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    parse(advertised)?;
    (port != 0 && is_name).then(|| Listener { name: name.to_owned(), bind, port, advertised: advertised.to_owned() })
}

/// The name of the listener on this port; `None`: it is the one of `grpcServerPort`.
pub(super) fn name_of(config: &BrokerConfig, port: u16) -> Option<String> {
    // What was wrong was told at the start.
    listeners(config).ok()?.into_iter().find(|listener| listener.port == port).map(|listener| listener.name)
}

/// What this broker publishes; nothing, where it serves no gRPC.
pub(crate) fn published(broker: &Broker) -> Vec<String> {
    let config = broker.config.get();
    if config.grpc_server_port == 0 {
        return Vec::new();
    }
    let own = || SocketAddr::new(broker.store_host.ip(), config.grpc_server_port).to_string();
    let advertised = Some(config.grpc_advertised_address.clone()).filter(|address| !address.is_empty());
    let first = format!("{SCHEME}{AUTHORITY}{}", advertised.unwrap_or_else(own));
    let named = |Listener { name, advertised, .. }| format!("{SCHEME}{NAME}{name}{AUTHORITY}{advertised}");
    let others = listeners(&config).unwrap_or_default().into_iter().map(named);
    std::iter::once(first).chain(others).collect()
}

/// The endpoint among a broker's filter servers, for clients that came in on the listener of this name. A broker that has none of that
/// name is dialled where all others dial it.
pub(super) fn of_filter_servers(entries: &[String], listener: Option<&str>) -> Option<Endpoints> {
    let of = |wanted: Option<&str>| {
        entries.iter().find_map(|entry| {
            let (scheme, address) = entry.split_once(AUTHORITY)?;
            let name = scheme.strip_prefix(SCHEME)?;
            (name.strip_prefix(NAME) == wanted && (wanted.is_some() || name.is_empty())).then(|| parse(address))?
        })
    };
    of(listener).or_else(|| of(None))
}

/// The endpoint of an address.
pub(super) fn of_address(address: SocketAddr) -> Endpoints {
    endpoints(address.ip().to_string(), address.port())
}

fn parse(text: &str) -> Option<Endpoints> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then(|| endpoints(host.to_owned(), port))
}

fn endpoints(host: String, port: u16) -> Endpoints {
    let scheme = match host.parse() {
        Ok(IpAddr::V4(_)) => AddressScheme::IPv4,
        Ok(IpAddr::V6(_)) => AddressScheme::IPv6,
        Err(_) => AddressScheme::DomainName,
    };
    Endpoints { scheme: scheme.into(), addresses: vec![Address { host, port: port.into() }] }
}

#[cfg(test)]
mod tests;
