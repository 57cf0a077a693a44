//! Where brokers serve gRPC: what a broker publishes through the name servers, and what clients are told. A broker publishes an entry
//! `grpc://host:port` among its filter servers, which name servers keep with the broker and clients of Apache's ignore.

use std::net::{IpAddr, SocketAddr};

use bolide_proto::v2::{Address, AddressScheme, Endpoints};

use crate::broker::Broker;

/// What an entry begins with.
const SCHEME: &str = "grpc://";

/// What this broker publishes; nothing, where it serves no gRPC.
pub(crate) fn published(broker: &Broker) -> Vec<String> {
    let config = broker.config.get();
    if config.grpc_server_port == 0 {
        return Vec::new();
    }
    let own = || SocketAddr::new(broker.store_host.ip(), config.grpc_server_port).to_string();
    let advertised = Some(config.grpc_advertised_address.clone()).filter(|address| !address.is_empty());
    vec![format!("{SCHEME}{}", advertised.unwrap_or_else(own))]
}

/// The endpoint among a broker's filter servers.
pub(super) fn of_filter_servers(entries: &[String]) -> Option<Endpoints> {
    entries.iter().find_map(|entry| parse(entry.strip_prefix(SCHEME)?))
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
mod tests {
    use super::*;

    #[test]
    fn an_entry_for_grpc_is_found_among_others() {
        let of = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
            of_filter_servers(&entries).map(|found| (found.scheme(), found.addresses[0].clone()))
        };
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        assert_eq!(of(&["f:1", "grpc://10.0.0.1:8081"]), Some((AddressScheme::IPv4, address("10.0.0.1", 8081))));
        assert_eq!(of(&["grpc://[::1]:8081"]), Some((AddressScheme::IPv6, address("::1", 8081))));
        assert_eq!(of(&["grpc://mq.example:80"]), Some((AddressScheme::DomainName, address("mq.example", 80))));
        assert_eq!((of(&["f:1"]), of(&["grpc://x"]), of(&["grpc://:1"]), of(&[])), (None, None, None, None));
    }
}
