//! Networks that connections and requests come from: `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::keys::{Allowed, Value};
use crate::proxy::Believed;

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

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.single { write!(out, "{}", self.address) } else { write!(out, "{}/{}", self.address, self.prefix) }
    }
}

/// Those that a key names, as `proxyProtocolFrom` names proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Is the address one of theirs?
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whose PROXY headers are believed if these are the proxies: everybody's where none is named.
    pub fn believed(&self) -> Believed {
        let proxies = self.clone();
        Arc::new(move |source| proxies.0.is_empty() || proxies.contain(source))
    }
}

impl Value for Networks {
    const ALLOWED: Allowed =
        Allowed::Form("addresses or networks with commas between them, such as 10.0.0.5,10.1.0.0/16");

    fn parse(text: &str, _: &Allowed) -> Option<Self> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(|word| word.parse().ok()).collect::<Option<_>>().map(Networks)
    }

    fn print(&self) -> String {
        self.0.iter().map(Network::to_string).collect::<Vec<_>>().join(",")
    }
}
