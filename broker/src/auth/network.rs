//! Networks that requests may come from: `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use bolide_remoting::proxy::Believed;

use crate::config::BrokerConfig;

/// An address, or all that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many leading bits count.
    prefix: u8,
    /// It was written without a prefix.
    single: bool,
}

impl Network {
    /// Is the address one of the network's? An IPv4 address in the form of an IPv6 one counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let ignored = 32 - u32::from(self.prefix);
                (own.to_bits() ^ other.to_bits()).checked_shr(ignored).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let ignored = 128 - u32::from(self.prefix);
                (own.to_bits() ^ other.to_bits()).checked_shr(ignored).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let single = prefix.is_none();
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| ()))?;
        if prefix > longest {
            return Err(());
        }
        Ok(Self { address, prefix, single })
    }
}

/// The networks between the commas of a list.
///
/// # Errors
/// The first word that is none.
pub fn networks(text: &str) -> Result<Vec<Network>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(|()| word.to_owned())).collect()
}

/// The proxies that `proxyProtocolFrom` names, which the start has looked at.
pub(crate) fn proxies(config: &BrokerConfig) -> Vec<Network> {
    networks(&config.proxy_protocol_from).unwrap_or_default()
}

/// Who may say whom a connection is from.
pub(crate) fn believed(config: &BrokerConfig) -> Believed {
    let proxies = proxies(config);
    Arc::new(move |source| proxies.is_empty() || proxies.iter().any(|network| network.contains(source)))
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.single { write!(out, "{}", self.address) } else { write!(out, "{}/{}", self.address, self.prefix) }
    }
}
