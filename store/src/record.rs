//! The record codec: how one message lies in the commit log, in a batch body and in a pull's answer. Free of
//! I/O; every length that comes from the bytes is checked before it is used.
//!
//! Layout of a record, all integers big-endian (Apache RocketMQ 5.5.0, `MessageExtEncoder`):
//!
//! ```text
//! at  bytes  field
//!  0      4  total size
//!  4      4  magic: V1 (topic length in 1 byte) or V2 (2 bytes, for topics of more than 127)
//!  8      4  CRC-32 of the body, without its top bit
//! 12      4  queue id
//! 16      4  flag (the producer's own)
//! 20      8  queue offset
//! 28      8  physical offset
//! 36      4  sysFlag: see [`sys_flag`]
//! 40      8  born time in ms
//! 48   8|20  born host: IPv4 or IPv6 address, then the port in 4 bytes
//!         8  store time in ms
//!      8|20  store host
//!         4  times consumed in vain
//!         8  offset of the prepared transaction message
//!       4+n  body
//!     1|2+n  topic
//!       2+n  properties: `name\x01value\x02` each
//! ```

mod batch;
mod encode;
pub(crate) mod hash;
mod message_id;
pub mod properties;
mod view;

#[cfg(test)]
mod tests;

pub use batch::{BatchError, BatchMessage, BatchMessages};
pub use encode::{EncodeError, MAX_PROPERTIES_BYTES};
pub(crate) use encode::{Encoded, encode};
pub use hash::{java_hash, java_hash_of_bytes, tags_code};
pub use message_id::{MessageIdError, decode_message_id, encode_message_id, push_message_id};
pub use properties::Properties;
pub(crate) use view::{HEAD_BYTES, head_matches, head_store_ms, is_at};
pub use view::{RecordError, RecordView, Step, step};

/// Magic of a record whose topic length takes one byte.
pub const MAGIC_V1: u32 = 0xDAA3_20A7;
/// Magic of a record whose topic length takes two bytes.
pub const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Magic of the filler at a segment's end.
pub const MAGIC_BLANK: u32 = 0xCBD4_3194;

/// Bytes of a filler, and what a record must leave free behind it in its segment.
pub(crate) const BLANK_BYTES: usize = 8;

/// Where the fields lie whose place does not depend on others.
mod at {
    pub(super) const MAGIC: usize = 4;
    pub(super) const BODY_CRC: usize = 8;
    pub(super) const QUEUE_ID: usize = 12;
    pub(super) const FLAG: usize = 16;
    pub(super) const QUEUE_OFFSET: usize = 20;
    pub(super) const PHYSICAL_OFFSET: usize = 28;
    pub(super) const SYS_FLAG: usize = 36;
    pub(super) const BORN_MS: usize = 40;
    pub(super) const BORN_HOST: usize = 48;
}

/// Bytes of the checksum property `__CRC32#\x01` + 10 digits + `\x02` that may end the properties.
pub(crate) const CRC_PROPERTY_BYTES: usize = properties::CRC.len() + 1 + 10 + 1;

/// The bits of a record's sysFlag.
pub mod sys_flag {
    /// The body is compressed.
    pub const COMPRESSED: i32 = 1;
    /// The message has several tags.
    pub const MULTI_TAGS: i32 = 1 << 1;
    /// The transaction kind: none (0), or one of the three below.
    pub const TRANSACTION_MASK: i32 = 3 << 2;
    /// A half message: it enters no queue.
    pub const PREPARED: i32 = 1 << 2;
    /// The message of a committed transaction.
    pub const COMMIT: i32 = 2 << 2;
    /// The message of a transaction that was rolled back: it enters no queue.
    pub const ROLLBACK: i32 = 3 << 2;
    /// The born host is an IPv6 address.
    pub const BORN_HOST_V6: i32 = 1 << 4;
    /// The store host is an IPv6 address.
    pub const STORE_HOST_V6: i32 = 1 << 5;
    /// The consumer must split the body.
    pub const NEED_UNWRAP: i32 = 1 << 6;
    /// One record that holds a batch.
    pub const INNER_BATCH: i32 = 1 << 7;
    /// The kind of compression: 0 zlib (of old clients), or one of the three below.
    pub const COMPRESSION_MASK: i32 = 7 << 8;
    /// LZ4.
    pub const COMPRESSION_LZ4: i32 = 1 << 8;
    /// Zstandard.
    pub const COMPRESSION_ZSTD: i32 = 2 << 8;
    /// zlib.
    pub const COMPRESSION_ZLIB: i32 = 3 << 8;

    /// Whether a message of this kind gets a queue offset and can be consumed: all but prepared and rolled-back ones.
    pub fn enters_queue(sys_flag: i32) -> bool {
        !matches!(sys_flag & TRANSACTION_MASK, PREPARED | ROLLBACK)
    }
}

/// The checksum that records carry for their bodies.
fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes) & 0x7FFF_FFFF
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array_at(bytes, at))
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(array_at(bytes, at))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(array_at(bytes, at))
}

/// The `N` bytes at `at`. Callers have checked the length; a mistake of theirs reads as zeros.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    debug_assert!(at + N <= bytes.len(), "field outside the record");
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}
