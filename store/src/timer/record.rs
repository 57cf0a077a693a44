//! One record of the timer log: 52 bytes, big-endian.
//!
//! ```text
//! i32 52 | i64 position of the slot's record before | i32 mark | i64 when it was written | i32 slot's time after that
//! i64 offset of the message in the commit log | i32 its size | i32 hash of its topic | i64 reserved
//! ```
//!
//! Apache leaves the last field at 0 and never reads it; here it holds the exact time of delivery, which the slot's time
//! only tells to within a slot's length.

use crate::offset::PhysicalOffset;

/// Length of a record.
pub(crate) const RECORD_BYTES: usize = 52;
/// Where a file has no room for a record and a blank, a blank fills it: i32 bytes left, i64 0, i32 this.
pub(super) const BLANK_MAGIC: i32 = 0xCBD4_3194_u32 as i32;
/// Length of that.
pub(super) const BLANK_BYTES: usize = 16;

const DEFAULT: i32 = 1;
const ROLL: i32 = 1 << 1;
const DELETE: i32 = 1 << 2;
/// Bits that a mark may have.
const MARKS: i32 = 0xF;

/// What is to happen to a record's message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerMark {
    /// It is due later than the wheel reaches: it is stored again and gets a new slot then.
    pub roll: bool,
    /// It is no message to deliver: it takes back another one of its slot.
    pub delete: bool,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerRecord {
    /// Position of the record of the same slot that was written before; -1 for the first.
    pub previous: i64,
    /// What is to happen.
    pub mark: TimerMark,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: i64,
    /// The time of its slot, in milliseconds after `written_ms`; negative for one that came late.
    pub after_ms: i32,
    /// Where the message lies.
    pub physical: PhysicalOffset,
    /// The length of its record in the commit log.
    pub size: i32,
    /// The Java hash of the topic it is for.
    pub topic_hash: i32,
    /// When to deliver it exactly, in milliseconds since 1970; 0 where only the slot is known.
    pub due_ms: i64,
}

impl TimerRecord {
    /// The start of the slot that the record belongs to.
    pub fn slot_ms(&self, precision_ms: i64) -> i64 {
        let time_ms = self.written_ms.saturating_add(i64::from(self.after_ms));
        time_ms.div_euclid(precision_ms) * precision_ms
    }

    pub(super) fn encode(&self) -> [u8; RECORD_BYTES] {
        let mark = DEFAULT | if self.mark.roll { ROLL } else { 0 } | if self.mark.delete { DELETE } else { 0 };
        let mut bytes = [0; RECORD_BYTES];
        let mut rest = &mut bytes[..];
        put(&mut rest, (RECORD_BYTES as i32).to_be_bytes());
        put(&mut rest, self.previous.to_be_bytes());
        put(&mut rest, mark.to_be_bytes());
        put(&mut rest, self.written_ms.to_be_bytes());
        put(&mut rest, self.after_ms.to_be_bytes());
        put(&mut rest, self.physical.0.to_be_bytes());
        put(&mut rest, self.size.to_be_bytes());
        put(&mut rest, self.topic_hash.to_be_bytes());
        put(&mut rest, self.due_ms.to_be_bytes());
        bytes
    }
}

/// What stands at a place of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A record.
    Record(TimerRecord),
    /// The rest of the file is empty on purpose.
    Blank,
    /// Nothing that was written, or only half of it.
    Nothing,
}

impl Unit {
    /// Reads the unit at the start of `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (Some(size), Some(magic)) = (i32_at(bytes, 0), i32_at(bytes, 12)) else { return Unit::Nothing };
        if magic == BLANK_MAGIC {
            return Unit::Blank;
        }
        let Some(bytes) = bytes.first_chunk::<RECORD_BYTES>() else { return Unit::Nothing };
        if size as usize != RECORD_BYTES || magic & !MARKS != 0 || magic & DEFAULT == 0 {
            return Unit::Nothing;
        }
        let int = |at| i32_at(bytes, at).unwrap_or(0);
        let long = |at| i64_at(bytes, at).unwrap_or(0);
        Unit::Record(TimerRecord {
            previous: long(4),
            mark: TimerMark { roll: magic & ROLL != 0, delete: magic & DELETE != 0 },
            written_ms: long(16),
            after_ms: int(24),
            physical: PhysicalOffset(long(28)),
            size: int(36),
            topic_hash: int(40),
            due_ms: long(44),
        })
    }
}

/// What fills a file that has `left` bytes left.
pub(super) fn blank(left: u64) -> [u8; BLANK_BYTES] {
    let mut bytes = [0; BLANK_BYTES];
    let mut rest = &mut bytes[..];
    put(&mut rest, i32::try_from(left).unwrap_or(i32::MAX).to_be_bytes());
    put(&mut rest, 0_i64.to_be_bytes());
    put(&mut rest, BLANK_MAGIC.to_be_bytes());
    bytes
}

/// Writes `bytes` to the front of `rest`, which keeps what lies behind.
pub(super) fn put<const N: usize>(rest: &mut &mut [u8], bytes: [u8; N]) {
    if let Some((head, tail)) = std::mem::take(rest).split_first_chunk_mut() {
        *head = bytes;
        *rest = tail;
    }
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    bytes.get(at..)?.first_chunk().map(|bytes| i64::from_be_bytes(*bytes))
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
}
