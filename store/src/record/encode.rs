//! Writes records. What is not known before the append (offsets, store time, the checksum over all of it) is
//! patched in later, under the log's lock.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use super::{CRC_PROPERTY_BYTES, MAGIC_V1, MAGIC_V2, Properties, at, crc32, i32_at, properties, sys_flag};
use crate::message::NewMessage;
use crate::offset::{PhysicalOffset, QueueOffset};

/// The longest properties text that the length field can tell.
pub const MAX_PROPERTIES_BYTES: usize = i16::MAX as usize;

/// The longest topic whose length fits one signed byte.
const MAX_V1_TOPIC_BYTES: usize = i8::MAX as usize;

/// Why a message has no record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The properties, checksum included, exceed [`MAX_PROPERTIES_BYTES`].
    #[error("the properties have {0} bytes, more than {MAX_PROPERTIES_BYTES}")]
    PropertiesTooLong(usize),
    /// The topic exceeds what its length field can tell.
    #[error("the topic has {0} bytes, more than {max}", max = i16::MAX)]
    TopicTooLong(usize),
    /// The record exceeds what its size field can tell.
    #[error("the record has {0} bytes, more than {max}", max = i32::MAX)]
    RecordTooLong(usize),
}

/// Appends `message` to `out` as a record whose offsets and store time are still 0, and returns its length. With
/// `append_crc` the properties end with room for the checksum.
pub(crate) fn encode(message: &NewMessage<'_>, append_crc: bool, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
    let sys_flag = with_address_bits(message);
    let topic = message.topic.as_bytes();
    let topic_len = i16::try_from(topic.len()).map_err(|_| EncodeError::TopicTooLong(topic.len()))?;
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let magic = if topic.len() > MAX_V1_TOPIC_BYTES { MAGIC_V2 } else { MAGIC_V1 };
    out.extend_from_slice(&magic.to_be_bytes());
    out.extend_from_slice(&crc32(message.body).to_be_bytes());
    out.extend_from_slice(&message.queue.0.to_be_bytes());
    out.extend_from_slice(&message.flag.to_be_bytes());
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&sys_flag.to_be_bytes());
    out.extend_from_slice(&message.born_ms.to_be_bytes());
    push_host(out, message.born_host);
    out.extend_from_slice(&[0; 8]);
    push_host(out, message.store_host);
    out.extend_from_slice(&message.reconsume_times.to_be_bytes());
    out.extend_from_slice(&message.prepared_offset.to_be_bytes());
    let body_len = i32::try_from(message.body.len()).map_err(|_| EncodeError::RecordTooLong(message.body.len()))?;
    out.extend_from_slice(&body_len.to_be_bytes());
    out.extend_from_slice(message.body);
    if magic == MAGIC_V2 {
        out.extend_from_slice(&topic_len.to_be_bytes());
    } else {
        out.push(topic_len as u8);
    }
    out.extend_from_slice(topic);
    push_properties(out, message.properties, append_crc)?;
    let size = out.len() - start;
    let claimed = i32::try_from(size).map_err(|_| EncodeError::RecordTooLong(size))?;
    out[start..start + 4].copy_from_slice(&claimed.to_be_bytes());
    Ok(size)
}

/// A freshly encoded record, to be completed with what only the log knows.
pub(crate) struct Encoded<'a>(pub(crate) &'a mut [u8]);

impl Encoded<'_> {
    /// Puts in the offsets and the store time, then the checksum if there is room for one.
    pub(crate) fn complete(
        &mut self,
        queue_offset: QueueOffset,
        physical: PhysicalOffset,
        store_ms: i64,
        append_crc: bool,
    ) {
        let record = &mut *self.0;
        record[at::QUEUE_OFFSET..][..8].copy_from_slice(&queue_offset.0.to_be_bytes());
        record[at::PHYSICAL_OFFSET..][..8].copy_from_slice(&physical.0.to_be_bytes());
        let store_at = at::BORN_HOST + host_bytes(i32_at(record, at::SYS_FLAG), sys_flag::BORN_HOST_V6);
        record[store_at..][..8].copy_from_slice(&store_ms.to_be_bytes());
        if append_crc {
            let covered = record.len() - CRC_PROPERTY_BYTES;
            let mut crc = crc32(&record[..covered]);
            // Apache writes the digits from the last to the first.
            for digit in &mut record[covered + properties::CRC.len() + 1..][..10] {
                *digit = b'0' + (crc % 10) as u8;
                crc /= 10;
            }
        }
    }
}

/// Bytes that a host takes in a record: 8, or 20 if `v6_bit` is set.
pub(super) fn host_bytes(sys_flag: i32, v6_bit: i32) -> usize {
    if sys_flag & v6_bit == 0 { 8 } else { 20 }
}

fn with_address_bits(message: &NewMessage<'_>) -> i32 {
    let mut sys_flag = message.sys_flag & !(sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6);
    if message.born_host.is_ipv6() {
        sys_flag |= sys_flag::BORN_HOST_V6;
    }
    if message.store_host.is_ipv6() {
        sys_flag |= sys_flag::STORE_HOST_V6;
    }
    sys_flag
}

fn push_host(out: &mut Vec<u8>, host: SocketAddr) {
    match host.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
    }
    out.extend_from_slice(&u32::from(host.port()).to_be_bytes());
}

fn push_properties(out: &mut Vec<u8>, text: &[u8], append_crc: bool) -> Result<(), EncodeError> {
    let length_at = out.len();
    out.extend_from_slice(&[0; 2]);
    if append_crc {
        Properties(text).copy_without(&[properties::CRC], out);
        properties::push(out, properties::CRC, [b'0'; 10]);
    } else {
        out.extend_from_slice(text);
    }
    let found = out.len() - length_at - 2;
    let length = i16::try_from(found).map_err(|_| EncodeError::PropertiesTooLong(found))?;
    out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
