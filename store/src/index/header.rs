//! The 40 bytes in front of an index file.

use crate::offset::PhysicalOffset;

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 40;

/// i64 begin and end store time, i64 begin and end log offset, i32 used slots, i32 number of the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) begin_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) begin_physical: i64,
    pub(crate) end_physical: i64,
    pub(crate) used_slots: i32,
    /// Entries are numbered from 1; 0 ends a chain.
    pub(crate) next: i32,
}

impl Header {
    /// The header of a new file: it begins where the full one before it ended.
    pub(crate) fn after(previous: Option<Self>) -> Self {
        let (ms, physical) = previous.map_or((0, 0), |previous| (previous.end_ms, previous.end_physical));
        Self { begin_ms: ms, end_ms: ms, begin_physical: physical, end_physical: physical, used_slots: 0, next: 1 }
    }

    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Self {
        let long = |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let int = |at: usize| i32::from_be_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        Self {
            begin_ms: long(0),
            end_ms: long(8),
            begin_physical: long(16),
            end_physical: long(24),
            used_slots: int(32),
            next: int(36).max(1),
        }
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        for (at, long) in [self.begin_ms, self.end_ms, self.begin_physical, self.end_physical].into_iter().enumerate() {
            bytes[at * 8..][..8].copy_from_slice(&long.to_be_bytes());
        }
        bytes[32..36].copy_from_slice(&self.used_slots.to_be_bytes());
        bytes[36..].copy_from_slice(&self.next.to_be_bytes());
        bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next <= 1
    }

    pub(crate) fn is_full(&self, units: u32) -> bool {
        self.next as u32 >= units
    }

    /// Takes an entry into account; `new_slot`: it is the first of its slot.
    pub(crate) fn count(&mut self, offset: PhysicalOffset, store_ms: i64, new_slot: bool) {
        if self.is_empty() {
            self.begin_physical = offset.0;
            self.begin_ms = store_ms;
        }
        self.used_slots += i32::from(new_slot);
        self.next += 1;
        self.end_physical = offset.0;
        self.end_ms = store_ms;
    }

    /// Seconds from the file's begin to `store_ms`, as an entry holds them.
    pub(crate) fn seconds_to(&self, store_ms: i64) -> i32 {
        if self.begin_ms <= 0 {
            return 0;
        }
        ((store_ms - self.begin_ms) / 1_000).clamp(0, i32::MAX.into()) as i32
    }

    /// Whether messages stored between `begin_ms` and `end_ms` may be in the file.
    pub(crate) fn overlaps(&self, begin_ms: i64, end_ms: i64) -> bool {
        begin_ms <= self.end_ms && end_ms >= self.begin_ms
    }
}
