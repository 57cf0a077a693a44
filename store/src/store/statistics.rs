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

/// Counts since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages stored.
    pub puts: u64,
    /// Bytes of their records.
    pub put_bytes: u64,
    /// Puts refused.
    pub put_failures: u64,
    /// Longest wait of a put for its place in the log, in ms, since the statistics were last asked for.
    pub put_max_ms: i64,
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
    pub(super) reads_found: AtomicU64,
    pub(super) reads_missed: AtomicU64,
    pub(super) read_messages: AtomicU64,
    pub(super) damaged_messages: AtomicU64,
    /// When the last record was stored that is on the disk.
    pub(super) log_ms: AtomicI64,
}

impl Counters {
    pub(super) fn get(&self) -> Statistics {
        Statistics {
            puts: self.puts.load(Relaxed),
            put_bytes: self.put_bytes.load(Relaxed),
            put_failures: self.put_failures.load(Relaxed),
            put_max_ms: self.put_max_ms.swap(0, Relaxed),
            reads_found: self.reads_found.load(Relaxed),
            reads_missed: self.reads_missed.load(Relaxed),
            read_messages: self.read_messages.load(Relaxed),
            damaged_messages: self.damaged_messages.load(Relaxed),
        }
    }
}
