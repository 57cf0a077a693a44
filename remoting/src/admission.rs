//! Who may connect: counts connections, all together and by the address that they are from, and refuses those beyond the limits. Servers
//! that share the counts share the limits. What the limit of an address is, is not known here: it may change at any time.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::logs::Throttle;
use crate::proxy::Ends;

/// How many connections an address may have.
pub type AddressLimit = Arc<dyn Fn(IpAddr) -> usize + Send + Sync>;

/// The connections that there are.
#[derive(Debug)]
pub struct Admission {
    max_connections: usize,
    begun: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    /// Only addresses that have connections.
    of: HashMap<IpAddr, usize>,
    refused: Refused,
    throttle: Throttle,
}

/// How many connections were refused so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Because there were too many in all.
    pub total: u64,
    /// Because there were too many from one address.
    pub address: u64,
}

/// A connection's place, given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    /// For so many connections at the same time.
    pub fn new(max_connections: usize) -> Arc<Self> {
        Arc::new(Self { max_connections, begun: Instant::now(), counts: Mutex::default() })
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.counts.lock().open
    }

    /// How many connections were refused so far.
    pub fn refused(&self) -> Refused {
        self.counts.lock().refused
    }

    /// Takes a place for a connection. `None`, and a line in the log: there are too many.
    pub fn admit(self: &Arc<Self>, ends: Ends, limit: &AddressLimit) -> Option<Place> {
        let address = ends.peer.ip().to_canonical();
        let limit = limit(address);
        let mut counts = self.counts.lock();
        if counts.open >= self.max_connections {
            counts.refused.total += 1;
            self.log(&mut counts, ends, format_args!("there are {} already", self.max_connections));
            return None;
        }
        let of_address = counts.of.get(&address).copied().unwrap_or(0);
        if of_address >= limit {
            counts.refused.address += 1;
            self.log(&mut counts, ends, format_args!("{address} has {of_address} already, and may have {limit}"));
            return None;
        }
        counts.open += 1;
        counts.of.insert(address, of_address + 1);
        drop(counts);
        Some(Place { admission: self.clone(), address })
    }

    fn log(&self, counts: &mut Counts, Ends { peer, local }: Ends, why: std::fmt::Arguments<'_>) {
        let now_ms = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let Some(left_out) = counts.throttle.note(now_ms) else { return };
        tracing::warn!(%peer, %local, left_out, "connection refused: {why}");
    }
}

impl Place {
    /// The same connection's place once a proxy has said where it is from.
    pub fn of(self, ends: Ends, limit: &AddressLimit) -> Option<Self> {
        if self.address == ends.peer.ip().to_canonical() {
            return Some(self);
        }
        let admission = self.admission.clone();
        drop(self);
        admission.admit(ends, limit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.open -= 1;
        if let Some(count) = counts.of.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.of.remove(&self.address);
            }
        }
    }
}
