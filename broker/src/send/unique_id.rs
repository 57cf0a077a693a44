//! Message ids as Java clients make them, for messages that arrive without one (property `UNIQ_KEY`):
//! address, process, loader hash, milliseconds since the month began and a counter, all as upper-case hex.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};

const HEX: &[u8; 16] = b"0123456789ABCDEF";
/// Characters of an id whose address is IPv4; an IPv6 address makes it longer.
const SHORT: usize = 32;
const LONG: usize = 56;

/// A message id, kept without allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueId {
    text: [u8; LONG],
    len: usize,
}

impl UniqueId {
    /// The id's characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

/// Makes ids that are unique as long as no other process with the same address and pid makes more than 65,536 in a millisecond.
#[derive(Debug)]
pub struct UniqueIds {
    prefix: Vec<u8>,
    counter: AtomicU16,
}

impl UniqueIds {
    /// `discriminator` stands where Java puts its class loader's hash: it tells two brokers of one process apart.
    pub fn new(address: IpAddr, pid: u32, discriminator: u32) -> Self {
        let mut prefix = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        // Java keeps the low sixteen bits of the pid.
        prefix.extend_from_slice(&(pid as u16).to_be_bytes());
        prefix.extend_from_slice(&discriminator.to_be_bytes());
        UniqueIds { prefix, counter: AtomicU16::new(0) }
    }

    /// The next id.
    pub fn next(&self, now_ms: i64) -> UniqueId {
        let since_month = (now_ms - month_start_ms(now_ms)) as i32;
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut id = UniqueId { text: [0; LONG], len: 0 };
        let tail = since_month.to_be_bytes().into_iter().chain(counter.to_be_bytes());
        for byte in self.prefix.iter().copied().chain(tail) {
            id.text[id.len] = HEX[usize::from(byte >> 4)];
            id.text[id.len + 1] = HEX[usize::from(byte & 15)];
            id.len += 2;
        }
        debug_assert!(id.len == SHORT || id.len == LONG);
        id
    }
}

/// Midnight (UTC) of the first day of the month that `now_ms` lies in.
fn month_start_ms(now_ms: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    let days = now_ms.div_euclid(DAY_MS);
    (days - day_of_month(days)) * DAY_MS
}

/// Days that passed in the month before the given day since 1970-01-01 (proleptic Gregorian calendar; the arithmetic counts
/// from 1 March of the year 0, so that a leap day ends its year).
fn day_of_month(days: i64) -> i64 {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5
}

#[cfg(test)]
mod tests;
