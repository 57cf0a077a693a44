//! The scrub: reads each full segment of the commit log from time to time and compares it with the checksums that were taken
//! when it became full, so that rotten bits are found while somebody can still do something about them. Here is what is
//! decided; [`Store::scrub`](crate::Store::scrub) reads, and keeps the checksums in files of our own.

mod examine;
mod records;
mod sums;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::offset::PhysicalOffset;

pub(crate) use examine::{Examination, Findings};
pub(crate) use sums::{CHECKED_AT, SUMS_HEAD_BYTES, Sums, SumsHead};

/// Folder of the checksums, under the store's; a file for each segment, named like it.
pub(crate) const CHECKSUMS: &str = "checksums";
/// Each checksum covers so many bytes of a segment; the last one covers what is left.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;

/// While nothing is due, new segments are looked for this often.
const LOOK_MS: i64 = 10_000;

/// What an operator can set about the scrub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrubRules {
    /// Bytes read per second at most; 0: nothing is read.
    pub bytes_per_second: u64,
    /// Time between two looks at the same segment, in milliseconds.
    pub interval_ms: i64,
}

/// Bytes of a full segment that are not what was written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin in the log.
    pub offset: PhysicalOffset,
    /// How many they are at most: 1 where a single bit has changed, 0 where a record is damaged and nothing tells where in it.
    pub bytes: u64,
    /// Where the record starts that the first of them belongs to.
    pub record: PhysicalOffset,
    /// What is wrong.
    pub problem: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, bytes, record, problem } = self;
        match bytes {
            0 => write!(f, "the record at {record}: {problem}"),
            1 => write!(f, "the byte at {offset}, in the record at {record}: {problem}"),
            _ => write!(f, "{bytes} bytes from {offset} on, in the record at {record}: {problem}"),
        }
    }
}

/// What the scrub did since the store was opened, and what is wrong now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Bytes read.
    pub read_bytes: u64,
    /// Segments read to their end.
    pub checked_segments: u64,
    /// Full segments that are there, and how many of them have been read at least once.
    pub segments: u64,
    /// See `segments`.
    pub known_segments: u64,
    /// When the segment was read that has not been read for the longest time; `None`: one never was, or there is none.
    pub oldest_check_ms: Option<i64>,
    /// Damaged places in the segments that are there, as far as they have been read since the start.
    pub damages: u64,
    /// The last one that was found, in words.
    pub last_damage: Option<String>,
}

/// A full segment as the scrub knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its first offset.
    pub(crate) start: i64,
    /// When it was read last; `None`: never, so that there are no checksums yet.
    pub(crate) checked_ms: Option<i64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Read this segment.
    Read(i64),
    /// Nothing for so many milliseconds.
    Rest(u64),
}

/// Decides at `now_ms`: segments without checksums come first, the newest of them before all, for until then nothing covers
/// some of their fields; then the one that has not been read for the longest time, once that is `interval_ms` ago.
pub(crate) fn next(segments: impl Iterator<Item = Candidate>, interval_ms: i64, now_ms: i64) -> Next {
    // A time to come is a clock that was set back; waiting for it could take for ever.
    let age_ms = |checked_ms: i64| if checked_ms > now_ms { i64::MAX } else { now_ms - checked_ms };
    let oldest = segments.max_by_key(|segment| match segment.checked_ms {
        None => (true, segment.start),
        Some(checked_ms) => (false, age_ms(checked_ms)),
    });
    let wait_ms = match oldest {
        None => LOOK_MS,
        Some(Candidate { checked_ms: None, start }) => return Next::Read(start),
        Some(Candidate { checked_ms: Some(checked_ms), start }) => match interval_ms.saturating_sub(age_ms(checked_ms))
        {
            ..=0 => return Next::Read(start),
            wait_ms => wait_ms.min(LOOK_MS),
        },
    };
    Next::Rest(wait_ms.unsigned_abs())
}
