//! The checksums of a segment, and the file that keeps them. It is a file of our own in a folder that Apache's broker does not
//! look into, and can always be made anew.
//!
//! All integers are big-endian: magic, the segment's first offset, its length, when it was read last (ms), four numbers that
//! tell its last two records (offset and store time each; -1 where there is none), then a CRC-32 of each block of 64 KiB, then
//! a CRC-32 of all of that but the time.

use super::BLOCK_BYTES;

const MAGIC: i64 = i64::from_be_bytes(*b"BOLIDE\x01S");
const HEAD_NUMBERS: usize = 8;
/// Where a file says when the segment was read last.
pub(crate) const CHECKED_AT: usize = 24;

/// Bytes of a file before the first checksum.
pub(crate) const SUMS_HEAD_BYTES: usize = HEAD_NUMBERS * 8;

/// A record by its place and the time it was stored.
pub(crate) type RecordMark = (i64, i64);

/// No record.
pub(crate) const NO_RECORD: RecordMark = (-1, -1);

/// A segment's checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Its first offset.
    pub(crate) start: i64,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its last record but one, and its last.
    pub(crate) tail: [RecordMark; 2],
    /// The CRC-32 of each block.
    pub(crate) blocks: Vec<u32>,
}

/// What stands first in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SumsHead {
    /// When the segment was read last.
    pub(crate) checked_ms: i64,
}

impl SumsHead {
    /// Reads it from a file's first [`SUMS_HEAD_BYTES`] bytes; `None`: that is none for this segment.
    pub(crate) fn decode(bytes: &[u8], start: i64, segment_bytes: u64) -> Option<Self> {
        let numbers = numbers(bytes)?;
        let fits = numbers[0] == MAGIC && numbers[1] == start && numbers[2] as u64 == segment_bytes;
        fits.then_some(Self { checked_ms: numbers[3] })
    }
}

impl Sums {
    /// The file's contents.
    pub(crate) fn encode(&self, checked_ms: i64) -> Vec<u8> {
        let [one, last] = self.tail;
        let numbers = [MAGIC, self.start, self.bytes as i64, checked_ms, one.0, one.1, last.0, last.1];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        bytes.extend(self.blocks.iter().flat_map(|sum| sum.to_be_bytes()));
        bytes.extend(own_sum(&bytes).to_be_bytes());
        bytes
    }

    /// Reads a file; `None`: it is damaged, or another segment's.
    pub(crate) fn decode(bytes: &[u8], start: i64, segment_bytes: u64) -> Option<Self> {
        let (rest, sum) = bytes.split_last_chunk::<4>()?;
        SumsHead::decode(rest, start, segment_bytes)?;
        let numbers = numbers(rest)?;
        let blocks = rest.get(SUMS_HEAD_BYTES..)?.as_chunks::<4>().0;
        let is_whole = own_sum(rest) == u32::from_be_bytes(*sum)
            && blocks.len() as u64 == segment_bytes.div_ceil(BLOCK_BYTES as u64)
            && rest.len() == SUMS_HEAD_BYTES + blocks.len() * 4;
        is_whole.then(|| Self {
            start,
            bytes: segment_bytes,
            tail: [(numbers[4], numbers[5]), (numbers[6], numbers[7])],
            blocks: blocks.iter().map(|sum| u32::from_be_bytes(*sum)).collect(),
        })
    }
}

fn numbers(bytes: &[u8]) -> Option<[i64; HEAD_NUMBERS]> {
    let head = bytes.get(..SUMS_HEAD_BYTES)?;
    let mut numbers = [0; HEAD_NUMBERS];
    numbers.iter_mut().zip(head.as_chunks().0).for_each(|(number, bytes)| *number = i64::from_be_bytes(*bytes));
    Some(numbers)
}

/// The time is left out, so that it can be noted in place.
fn own_sum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..CHECKED_AT]);
    hasher.update(&bytes[CHECKED_AT + 8..]);
    hasher.finalize()
}
