//! Counts of what the store does, cheap enough for every message, and its state of health.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::error::PutError;

/// Whether the store works, and if not, why.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Why writes are refused, if they are.
    pub refusal: Option<PutError>,
    /// Why messages of producers are refused while all else works: the disk is nearly full.
    pub nearly_full: Option<PutError>,
    /// What stops queues and index from following the log, if something does.
    pub dispatch_error: Option<String>,
    /// Bytes of the log that queues and index do not show yet.
    pub dispatch_behind_bytes: u64,
    /// Bytes of the log that are not on the disk yet.
    pub flush_behind_bytes: u64,
}

/// Upper ends, in ms and exclusive but for the first, of the classes in which [`Statistics::put_times`] and
/// [`Statistics::flush_times`] are counted.
pub const PUT_TIMES_MS: [i64; 12] = [0, 10, 50, 100, 200, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 10_000];

/// Counts since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages stored.
    pub puts: u64,
    /// Bytes of their records.
    pub put_bytes: u64,
    /// Puts refused.
    pub put_failures: u64,
    /// Puts by how long they waited for that: one count for each class that [`PUT_TIMES_MS`] bounds, and one for the rest.
    pub put_times: [u64; PUT_TIMES_MS.len() + 1],
    /// How long all puts waited together, in milliseconds.
    pub put_ms: u64,
    /// Syncs of the commit log by how long they took, in the same classes.
    pub flush_times: [u64; PUT_TIMES_MS.len() + 1],
    /// How long they took together, in milliseconds.
    pub flush_ms: u64,
    /// Reads that found messages.
    pub reads_found: u64,
    /// Reads that did not.
    pub reads_missed: u64,
    /// Messages handed out.
    pub read_messages: u64,
    /// Messages that could not be handed out because their records are damaged.
    pub damaged_messages: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) puts: AtomicU64,
    pub(super) put_bytes: AtomicU64,
    pub(super) put_failures: AtomicU64,
    pub(super) put_max_ms: AtomicI64,
    /// Puts that waited at all, by class; the first one stays 0.
    pub(super) late_puts: [AtomicU64; PUT_TIMES_MS.len() + 1],
    pub(super) put_ms: AtomicU64,
    pub(super) flushes: [AtomicU64; PUT_TIMES_MS.len() + 1],
    pub(super) flush_ms: AtomicU64,
    pub(super) reads_found: AtomicU64,
    pub(super) reads_missed: AtomicU64,
    pub(super) read_messages: AtomicU64,
    pub(super) damaged_messages: AtomicU64,
    /// When the last record was stored that is on the disk.
    pub(super) log_ms: AtomicI64,
}

impl Counters {
    /// Notes how long a put waited, if it did.
    pub(super) fn waited(&self, ms: i64) {
        if ms > 0 {
            self.put_max_ms.fetch_max(ms, Relaxed);
            let class = PUT_TIMES_MS.partition_point(|limit_ms| *limit_ms <= ms);
            self.late_puts[class].fetch_add(1, Relaxed);
            self.put_ms.fetch_add(ms.unsigned_abs(), Relaxed);
        }
    }

    /// Notes how long a sync of the log took.
    pub(super) fn flushed(&self, ms: i64) {
        let class = if ms > 0 { PUT_TIMES_MS.partition_point(|limit_ms| *limit_ms <= ms) } else { 0 };
        self.flushes[class].fetch_add(1, Relaxed);
        self.flush_ms.fetch_add(ms.max(0).unsigned_abs(), Relaxed);
    }

    pub(super) fn get(&self) -> Statistics {
        let puts = self.puts.load(Relaxed);
        let mut put_times = self.late_puts.each_ref().map(|count| count.load(Relaxed));
        put_times[0] = puts.saturating_sub(put_times.iter().sum());
        Statistics {
            puts,
            put_times,
            put_ms: self.put_ms.load(Relaxed),
            flush_times: self.flushes.each_ref().map(|count| count.load(Relaxed)),
            flush_ms: self.flush_ms.load(Relaxed),
            put_bytes: self.put_bytes.load(Relaxed),
            put_failures: self.put_failures.load(Relaxed),
            reads_found: self.reads_found.load(Relaxed),
            reads_missed: self.reads_missed.load(Relaxed),
            read_messages: self.read_messages.load(Relaxed),
            damaged_messages: self.damaged_messages.load(Relaxed),
        }
    }
}
