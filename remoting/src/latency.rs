//! How long requests took, by what was asked for and what was answered: a table of fixed size to which any thread adds without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::code::{RequestCode, ResponseCode};

/// Upper ends of the classes in milliseconds, Apache's; what is beyond is in one class more.
pub const BOUNDS_MS: [u64; 9] = [1, 3, 5, 7, 10, 100, 1_000, 2_000, 3_000];
/// More than there are pairs of served requests and their answers. What finds no place is not counted.
const SLOTS: usize = 1 << 10;

/// A request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What was asked for; -1 for all that is not served.
    pub request: RequestCode,
    /// How it went.
    pub response: ResponseCode,
    /// The answer was given later than the request was read: it waited for messages, for the disk, or for others.
    pub parked: bool,
    /// Nobody waited for an answer.
    pub oneway: bool,
}

/// Requests of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Which.
    pub kind: Kind,
    /// How many took up to each of [`BOUNDS_MS`] and longer than the one before, and how many longer than all.
    pub counts: [u64; BOUNDS_MS.len() + 1],
    /// How long all took together, in milliseconds.
    pub sum_ms: u64,
}

/// The table.
#[derive(Debug)]
pub struct Latencies(Box<[Slot]>);

#[derive(Debug, Default)]
struct Slot {
    /// 0: free.
    key: AtomicU64,
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Kind {
    /// Never 0, for no answer has a code of 16 ones.
    fn key(self) -> u64 {
        let request = if self.response == ResponseCode::REQUEST_CODE_NOT_SUPPORTED { -1 } else { self.request.0 };
        let flags = u64::from(self.parked) << 1 | u64::from(self.oneway);
        !(u64::from(request as u32) << 32 | u64::from(self.response.0 as u32 & 0x3FFF_FFFF) << 2 | flags)
    }

    fn of_key(key: u64) -> Self {
        let key = !key;
        Kind {
            request: RequestCode((key >> 32) as i32),
            response: ResponseCode(((key as u32) >> 2) as i32),
            parked: key & 2 != 0,
            oneway: key & 1 != 0,
        }
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies((0..SLOTS).map(|_| Slot::default()).collect())
    }
}

impl Latencies {
    /// Adds `count` requests that took this long each.
    pub fn add(&self, kind: Kind, elapsed: Duration, count: u64) {
        let Some(slot) = self.slot(kind.key()) else { return };
        let ms = elapsed.as_millis() as u64;
        let class = BOUNDS_MS.iter().position(|bound_ms| ms <= *bound_ms).unwrap_or(BOUNDS_MS.len());
        slot.counts[class].fetch_add(count, Relaxed);
        if ms > 0 {
            slot.sum_ms.fetch_add(ms * count, Relaxed);
        }
    }

    /// The slot of a key, the first free one if it has none yet.
    fn slot(&self, key: u64) -> Option<&Slot> {
        // Fibonacci hashing: neighbouring codes lie apart.
        let start = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize;
        (0..SLOTS).map(|step| &self.0[(start + step) % SLOTS]).find(|slot| {
            let found = slot.key.load(Relaxed);
            let taken = if found == 0 { slot.key.compare_exchange(0, key, Relaxed, Relaxed) } else { Err(found) };
            found == key || taken.is_ok() || taken == Err(key)
        })
    }

    /// All that was counted, in the order of their kinds.
    pub fn all(&self) -> Vec<Latency> {
        let used = self.0.iter().filter(|slot| slot.key.load(Relaxed) != 0);
        let mut all: Vec<Latency> = used
            .map(|slot| Latency {
                kind: Kind::of_key(slot.key.load(Relaxed)),
                counts: slot.counts.each_ref().map(|count| count.load(Relaxed)),
                sum_ms: slot.sum_ms.load(Relaxed),
            })
            .collect();
        all.sort_unstable_by_key(|latency| latency.kind);
        all
    }
}

/// A connection's requests that are answered where they are read. Neighbours of a kind are counted together, so that the clock is not
/// read for each.
pub(crate) struct Tally {
    latencies: Option<Arc<Latencies>>,
    begun: Instant,
    kind: Option<Kind>,
    count: u64,
}

impl Tally {
    pub(crate) fn new(latencies: Option<Arc<Latencies>>) -> Self {
        Tally { latencies, begun: Instant::now(), kind: None, count: 0 }
    }

    /// A run of frames begins that were read just now.
    pub(crate) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// When the run began.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    pub(crate) fn note(&mut self, kind: Kind) {
        if self.kind != Some(kind) {
            self.settle();
            self.kind = Some(kind);
        }
        self.count += 1;
    }

    /// Counts what was noted; the run has ended.
    pub(crate) fn settle(&mut self) {
        if let (Some(latencies), Some(kind)) = (&self.latencies, self.kind.take()) {
            latencies.add(kind, self.begun.elapsed(), self.count);
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests;
