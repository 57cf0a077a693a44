//! One entry of a consume queue: i64 offset in the commit log, i32 size, i64 tags code, big-endian.

use crate::offset::PhysicalOffset;

/// Bytes of a unit.
pub(crate) const UNIT_BYTES: usize = 20;

/// Where a message lies and what tag it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) physical: PhysicalOffset,
    pub(crate) size: i32,
    pub(crate) tags_code: i64,
}

impl Unit {
    /// What Apache fills a queue's first file with where the queue does not begin at the file's start.
    pub(crate) const BLANK: Self = Self::filler(PhysicalOffset(0));

    /// Holds the place of a message that is lost, behind one that ends at `physical`. Its size makes every reader,
    /// Apache's too, pass over it.
    pub(super) const fn filler(physical: PhysicalOffset) -> Self {
        Self { physical, size: i32::MAX, tags_code: 0 }
    }

    pub(crate) fn decode(bytes: &[u8; UNIT_BYTES]) -> Self {
        let [p0, p1, p2, p3, p4, p5, p6, p7, s0, s1, s2, s3, t0, t1, t2, t3, t4, t5, t6, t7] = *bytes;
        Self {
            physical: PhysicalOffset(i64::from_be_bytes([p0, p1, p2, p3, p4, p5, p6, p7])),
            size: i32::from_be_bytes([s0, s1, s2, s3]),
            tags_code: i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
        }
    }

    pub(crate) fn encode(&self) -> [u8; UNIT_BYTES] {
        let mut bytes = [0; UNIT_BYTES];
        bytes[..8].copy_from_slice(&self.physical.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.size.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tags_code.to_be_bytes());
        bytes
    }

    /// The log's offset after the message.
    pub(crate) fn end(&self) -> PhysicalOffset {
        if self.is_filler() { self.physical } else { PhysicalOffset(self.physical.0.saturating_add(self.size.into())) }
    }

    /// Whether it only holds a place.
    pub(crate) fn is_filler(&self) -> bool {
        self.size == i32::MAX
    }

    /// Whether anything was ever written here.
    pub(crate) fn is_written(&self) -> bool {
        self.physical.0 >= 0 && self.size > 0
    }

    /// Whether it only fills a file up to the queue's first message.
    pub(super) fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }
}
