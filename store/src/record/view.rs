//! Reads records: a borrowed view whose structure has been checked, and the checks that recovery adds.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use super::encode::host_bytes;
use super::{
    BLANK_BYTES, CRC_PROPERTY_BYTES, MAGIC_BLANK, MAGIC_V1, MAGIC_V2, Properties, array_at, at, crc32, i32_at, i64_at,
    properties, sys_flag, u32_at,
};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};

/// No record is shorter; the fields that say where it belongs and when it was stored lie within.
pub(crate) const HEAD_BYTES: usize = 88;

/// The least that a disk writes.
const SECTOR_BYTES: usize = 512;

/// Why bytes are not a (sound) record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The bytes end before the record does.
    #[error("the record needs {needed} bytes")]
    Incomplete {
        /// Its length, as far as is known.
        needed: usize,
    },
    /// A size of 0: nothing was written here, or not to the end.
    #[error("nothing is written here")]
    Unwritten,
    /// Neither a record nor a filler.
    #[error("0x{0:08X} is no record's magic")]
    Magic(u32),
    /// The lengths within do not add up to the size in front.
    #[error("its lengths do not add up")]
    Lengths,
    /// The body's checksum differs.
    #[error("the body's checksum is wrong")]
    BodyChecksum,
    /// The checksum in the properties differs.
    #[error("the record's checksum is wrong")]
    RecordChecksum,
    /// Some of its sectors never reached the disk.
    #[error("parts of the record never reached the disk")]
    Torn,
    /// It was written for another place.
    #[error("the record was written for offset {0}")]
    Elsewhere(PhysicalOffset),
}

impl RecordError {
    /// The same without numbers, for counters and answers.
    pub fn problem(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "it is cut off",
            Self::Unwritten => "nothing is written there",
            Self::Magic(_) => "its magic is wrong",
            Self::Lengths => "its lengths do not add up",
            Self::BodyChecksum => "its body's checksum is wrong",
            Self::RecordChecksum => "its checksum is wrong",
            Self::Torn => "parts of it never reached the disk",
            Self::Elsewhere(_) => "it was written for another offset",
        }
    }
}

/// What lies at a position of the log.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A record.
    Record(RecordView<'a>),
    /// A filler that takes `size` bytes, up to the segment's end.
    Blank {
        /// Its length.
        size: usize,
    },
}

/// Looks at what `bytes` start with. They may go on behind it. Structure is checked, checksums are not.
pub fn step(bytes: &[u8]) -> Result<Step<'_>, RecordError> {
    if bytes.len() < BLANK_BYTES {
        return Err(RecordError::Incomplete { needed: BLANK_BYTES });
    }
    let size = u32_at(bytes, 0) as usize;
    if size == 0 {
        // The first word of a record is written last: the rest of an unfinished one may be there already.
        return Err(RecordError::Unwritten);
    }
    match u32_at(bytes, at::MAGIC) {
        MAGIC_BLANK if size >= BLANK_BYTES && size <= i32::MAX as usize => Ok(Step::Blank { size }),
        MAGIC_BLANK => Err(RecordError::Lengths),
        MAGIC_V1 | MAGIC_V2 => RecordView::parse(bytes).map(Step::Record),
        other => Err(RecordError::Magic(other)),
    }
}

/// A record within a larger buffer.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    bytes: &'a [u8],
    body: &'a [u8],
    topic: &'a str,
    properties: Properties<'a>,
    store_at: usize,
}

impl<'a> RecordView<'a> {
    /// The record that `bytes` start with.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        if bytes.len() < HEAD_BYTES {
            return Err(RecordError::Incomplete { needed: HEAD_BYTES });
        }
        let magic = u32_at(bytes, at::MAGIC);
        if magic != MAGIC_V1 && magic != MAGIC_V2 {
            return Err(RecordError::Magic(magic));
        }
        let size = usize::try_from(i32_at(bytes, 0)).map_err(|_| RecordError::Lengths)?;
        if size < HEAD_BYTES {
            return Err(RecordError::Lengths);
        }
        let bytes = bytes.get(..size).ok_or(RecordError::Incomplete { needed: size })?;
        let sys_flag = i32_at(bytes, at::SYS_FLAG);
        let store_at = at::BORN_HOST + host_bytes(sys_flag, sys_flag::BORN_HOST_V6);
        let after_hosts = store_at + 8 + host_bytes(sys_flag, sys_flag::STORE_HOST_V6) + 12;
        let rest = bytes.get(after_hosts..).ok_or(RecordError::Lengths)?;
        let (body, rest) = split_prefixed::<4>(rest)?;
        let (topic, rest) = if magic == MAGIC_V2 { split_prefixed::<2>(rest)? } else { split_prefixed::<1>(rest)? };
        let (properties, rest) = split_prefixed::<2>(rest)?;
        if !rest.is_empty() {
            return Err(RecordError::Lengths);
        }
        let topic = std::str::from_utf8(topic).map_err(|_| RecordError::Lengths)?;
        Ok(Self { bytes, body, topic, properties: Properties(properties), store_at })
    }

    /// All checks that recovery makes: place, body checksum, and the checksum in the properties if there is one.
    pub fn verify(&self, offset: PhysicalOffset) -> Result<(), RecordError> {
        if self.physical_offset() != offset {
            return Err(RecordError::Elsewhere(self.physical_offset()));
        }
        // Without a body Apache leaves the field as it is.
        if !self.body.is_empty() && crc32(self.body) != u32_at(self.bytes, at::BODY_CRC) {
            return Err(RecordError::BodyChecksum);
        }
        match self.expected_record_crc() {
            Some(expected) if crc32(&self.bytes[..self.bytes.len() - CRC_PROPERTY_BYTES]) != expected => {
                Err(RecordError::RecordChecksum)
            }
            _ => Ok(()),
        }
    }

    /// Whether a power cut while the record was written has left sectors behind its first as zeros, as they were before.
    /// [`RecordView::verify`] sees that for the body; topic and properties have no checksum of their own.
    pub(crate) fn is_torn(&self, offset: PhysicalOffset) -> bool {
        let first = SECTOR_BYTES - (offset.0 as usize) % SECTOR_BYTES;
        let body_end = self.after_hosts() + 12 + 4 + self.body.len();
        // Without properties the record ends with their length, which is 0.
        let end = if self.properties.0.is_empty() { self.bytes.len() - 2 } else { self.bytes.len() };
        // Sectors that end with the body's bytes have been checked.
        let unchecked = (first..end).step_by(SECTOR_BYTES).filter(|start| start + SECTOR_BYTES > body_end);
        unchecked.into_iter().any(|start| {
            let sector = &self.bytes[start..end.min(start + SECTOR_BYTES)];
            sector.iter().all(|byte| *byte == 0)
        })
    }

    /// The whole record.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its length.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The queue it belongs to.
    pub fn queue(&self) -> QueueId {
        QueueId(i32_at(self.bytes, at::QUEUE_ID))
    }

    /// The producer's own flag.
    pub fn flag(&self) -> i32 {
        i32_at(self.bytes, at::FLAG)
    }

    /// Its offset in its queue.
    pub fn queue_offset(&self) -> QueueOffset {
        QueueOffset(i64_at(self.bytes, at::QUEUE_OFFSET))
    }

    /// Where in the log it says it lies.
    pub fn physical_offset(&self) -> PhysicalOffset {
        PhysicalOffset(i64_at(self.bytes, at::PHYSICAL_OFFSET))
    }

    /// See [`sys_flag`].
    pub fn sys_flag(&self) -> i32 {
        i32_at(self.bytes, at::SYS_FLAG)
    }

    /// When the producer made it.
    pub fn born_ms(&self) -> i64 {
        i64_at(self.bytes, at::BORN_MS)
    }

    /// The producer's address.
    pub fn born_host(&self) -> SocketAddr {
        self.host(at::BORN_HOST, sys_flag::BORN_HOST_V6)
    }

    /// When it was stored.
    pub fn store_ms(&self) -> i64 {
        i64_at(self.bytes, self.store_at)
    }

    /// The address of the broker that stored it.
    pub fn store_host(&self) -> SocketAddr {
        self.host(self.store_at + 8, sys_flag::STORE_HOST_V6)
    }

    /// How often it was consumed in vain.
    pub fn reconsume_times(&self) -> i32 {
        i32_at(self.bytes, self.after_hosts())
    }

    /// Where the half message of its transaction lies.
    pub fn prepared_offset(&self) -> i64 {
        i64_at(self.bytes, self.after_hosts() + 4)
    }

    /// The body.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The topic.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The properties.
    pub fn properties(&self) -> Properties<'a> {
        self.properties
    }

    fn after_hosts(&self) -> usize {
        self.store_at + 8 + host_bytes(self.sys_flag(), sys_flag::STORE_HOST_V6)
    }

    fn host(&self, host_at: usize, v6_bit: i32) -> SocketAddr {
        let (ip, port_at) = if self.sys_flag() & v6_bit == 0 {
            (IpAddr::from(array_at::<4>(self.bytes, host_at)), host_at + 4)
        } else {
            (IpAddr::from(array_at::<16>(self.bytes, host_at)), host_at + 16)
        };
        // Apache writes ports as 32 bits; what does not fit was never a port.
        SocketAddr::new(ip, u32_at(self.bytes, port_at) as u16)
    }

    /// The checksum over the record, if its properties end with one.
    fn expected_record_crc(&self) -> Option<u32> {
        let text = self.properties.0;
        let entry = text.get(text.len().checked_sub(CRC_PROPERTY_BYTES)?..)?;
        let digits =
            entry.strip_prefix(properties::CRC.as_bytes())?.strip_prefix(&[properties::NAME_END])?.get(..10)?;
        digits
            .iter()
            .rev()
            .try_fold(0u32, |crc, digit| crc.checked_mul(10)?.checked_add(u32::from(digit.checked_sub(b'0')?)))
    }
}

/// When the record was stored whose first [`HEAD_BYTES`] bytes are given.
pub(crate) fn head_store_ms(head: &[u8]) -> i64 {
    let sys_flag = i32_at(head, at::SYS_FLAG);
    i64_at(head, at::BORN_HOST + host_bytes(sys_flag, sys_flag::BORN_HOST_V6))
}

/// Whether the record that `bytes` are, which has at least [`HEAD_BYTES`], says that it belongs to this place.
pub(crate) fn is_at(bytes: &[u8], topic: &str, queue: QueueId, offset: QueueOffset) -> bool {
    i32_at(bytes, at::QUEUE_ID) == queue.0
        && i64_at(bytes, at::QUEUE_OFFSET) == offset.0
        && topic_of(bytes) == Some(topic.as_bytes())
}

/// The topic of a record, as far as its lengths tell.
fn topic_of(bytes: &[u8]) -> Option<&[u8]> {
    let sys_flag = i32_at(bytes, at::SYS_FLAG);
    let hosts = host_bytes(sys_flag, sys_flag::BORN_HOST_V6) + 8 + host_bytes(sys_flag, sys_flag::STORE_HOST_V6);
    let (_, rest) = split_prefixed::<4>(bytes.get(at::BORN_HOST + hosts + 12..)?).ok()?;
    let is_long = u32_at(bytes, at::MAGIC) == MAGIC_V2;
    let topic = if is_long { split_prefixed::<2>(rest) } else { split_prefixed::<1>(rest) };
    topic.ok().map(|(topic, _)| topic)
}

/// Whether a record starts with `head`, which was written for `offset` and has `size` bytes.
pub(crate) fn head_matches(head: &[u8], offset: PhysicalOffset, size: i32) -> bool {
    matches!(u32_at(head, at::MAGIC), MAGIC_V1 | MAGIC_V2)
        && i32_at(head, 0) == size
        && i64_at(head, at::PHYSICAL_OFFSET) == offset.0
}

/// Splits off a field that is preceded by its length in `N` bytes. Lengths are signed, as in Java.
fn split_prefixed<const N: usize>(bytes: &[u8]) -> Result<(&[u8], &[u8]), RecordError> {
    let (prefix, rest) = bytes.split_first_chunk::<N>().ok_or(RecordError::Lengths)?;
    let negative = prefix[0] & 0x80 != 0;
    let length = prefix.iter().fold(0usize, |length, &byte| length << 8 | usize::from(byte));
    if negative || length > rest.len() {
        return Err(RecordError::Lengths);
    }
    Ok(rest.split_at(length))
}
