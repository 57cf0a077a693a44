//! Who may connect: counts connections, all together, by the address that they are from and by the user whose they are, and refuses those
//! beyond the limits. Servers that share the counts share the limits. What the limit of an address or a user is, is not known here: it may
//! change at any time.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::Hash;
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
    /// Only users who have connections.
    of_users: HashMap<Arc<str>, usize>,
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
    /// Because there were too many of one user.
    pub user: u64,
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
        uncount(&mut counts.of, &self.address);
    }
}

/// Whose a connection is: the user's who signed its first request, whoever signs later ones. Who was refused once stays so.
#[derive(Debug, Default)]
pub struct Seat(Mutex<Option<Result<Taken, usize>>>);

#[derive(Debug)]
struct Taken {
    admission: Arc<Admission>,
    user: Arc<str>,
}

impl Seat {
    /// Makes a connection the user's, unless it is somebody's already.
    ///
    /// # Errors
    /// When the user has as many connections as they may: how many. The log has a line.
    pub fn take(
        &self,
        admission: &Arc<Admission>,
        ends: Ends,
        user: &str,
        limit: impl FnOnce() -> usize,
    ) -> Result<(), usize> {
        let mut taken = self.0.lock();
        if let Some(taken) = &*taken {
            return taken.as_ref().map(|_| ()).map_err(|of_user| *of_user);
        }
        let limit = limit();
        let mut counts = admission.counts.lock();
        let of_user = counts.of_users.get(user).copied().unwrap_or(0);
        if of_user >= limit {
            counts.refused.user += 1;
            admission.log(&mut counts, ends, format_args!("user {user} has {of_user} already, and may have {limit}"));
            *taken = Some(Err(of_user));
            return Err(of_user);
        }
        let user: Arc<str> = user.into();
        counts.of_users.insert(user.clone(), of_user + 1);
        *taken = Some(Ok(Taken { admission: admission.clone(), user }));
        Ok(())
    }

    /// The connection is gone.
    pub fn leave(&self) {
        *self.0.lock() = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        uncount(&mut self.admission.counts.lock().of_users, &self.user);
    }
}

/// One fewer; who has none is not kept.
fn uncount<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
