//! What the process finds around it: variables, the host's name and its addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The part of the machine that a configuration depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The variable `NAMESRV_ADDR`.
    pub namesrv_addr: Option<String>,
    /// The variable `ROCKETMQ_HOME`.
    pub rocketmq_home: Option<String>,
    /// The variable `HOME`.
    pub home: Option<String>,
    /// The host's name.
    pub host_name: String,
    /// The address under which other machines reach this one; loopback if there is none.
    pub address: IpAddr,
}

impl Environment {
    /// Looks at the machine that this process runs on.
    pub fn of_process() -> Self {
        Self {
            namesrv_addr: std::env::var("NAMESRV_ADDR").ok(),
            rocketmq_home: std::env::var("ROCKETMQ_HOME").ok(),
            home: std::env::var("HOME").ok().filter(|home| !home.is_empty()),
            host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            address: reachable(&addresses()),
        }
    }
}

/// The addresses of this host's interfaces, those of bridges (Docker's, say) left out.
fn addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let bridge = |name: &str| Path::new("/sys/class/net").join(name).join("bridge").exists();
    interfaces.iter().filter(|interface| !bridge(&interface.name)).map(if_addrs::Interface::ip).collect()
}

/// The address that Apache would take: IPv4 before IPv6, public before private, never loopback unless nothing else is there.
fn reachable(addresses: &[IpAddr]) -> IpAddr {
    let rank = |address: &&IpAddr| match address {
        IpAddr::V4(address) => u8::from(address.is_private() || address.is_link_local()),
        IpAddr::V6(address) => 2 + u8::from(address.is_unique_local() || address.is_unicast_link_local()),
    };
    let outward = addresses.iter().filter(|address| !address.is_loopback() && !address.is_unspecified());
    outward.min_by_key(rank).copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests;
