//! Messages as brokers store and send them: this reads the records of an answer. All integers are big-endian; the layout is that of
//! Apache's commit log, from `MessageDecoder`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use flate2::read::ZlibDecoder;

const MAGIC_SHORT_TOPIC: u32 = 0xDAA3_20A7;
const MAGIC_LONG_TOPIC: u32 = 0xDAA3_20AB;
const COMPRESSED: i32 = 1;
const BORN_HOST_V6: i32 = 1 << 4;
const STORE_HOST_V6: i32 = 1 << 5;
const COMPRESSION_MASK: i32 = 7 << 8;
const COMPRESSION_LZ4: i32 = 1 << 8;
const COMPRESSION_ZSTD: i32 = 2 << 8;
/// No body that is shown is longer when it is decompressed.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// The property with the id that the producer gave.
pub(crate) const UNIQUE_KEY: &str = "UNIQ_KEY";

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    pub(crate) queue_id: i32,
    pub(crate) flag: i32,
    pub(crate) queue_offset: i64,
    pub(crate) physical_offset: i64,
    pub(crate) sys_flag: i32,
    pub(crate) born_ms: i64,
    pub(crate) born_host: SocketAddr,
    pub(crate) store_ms: i64,
    pub(crate) store_host: SocketAddr,
    pub(crate) reconsume_times: i32,
    /// Decompressed, where that is known here.
    pub(crate) body: Vec<u8>,
    pub(crate) topic: String,
    pub(crate) properties: BTreeMap<String, String>,
}

impl StoredMessage {
    /// Reads the message that `bytes` begin with, and what follows.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        let size = u32::from_be_bytes(Reader(bytes).array()?) as usize;
        let (record, rest) = bytes.split_at_checked(size).ok_or("it is cut off")?;
        let mut reader = Reader(record);
        reader.array::<4>()?;
        let magic = u32::from_be_bytes(reader.array()?);
        if magic != MAGIC_SHORT_TOPIC && magic != MAGIC_LONG_TOPIC {
            return Err("its magic is wrong");
        }
        reader.array::<4>()?;
        let (queue_id, flag) = (reader.int()?, reader.int()?);
        let (queue_offset, physical_offset) = (reader.long()?, reader.long()?);
        let sys_flag = reader.int()?;
        let (born_ms, born_host) = (reader.long()?, reader.host(sys_flag & BORN_HOST_V6 != 0)?);
        let (store_ms, store_host) = (reader.long()?, reader.host(sys_flag & STORE_HOST_V6 != 0)?);
        let reconsume_times = reader.int()?;
        reader.array::<8>()?;
        let length = reader.int()?;
        let body =
            decompressed(reader.take(usize::try_from(length).map_err(|_| "its lengths do not add up")?)?, sys_flag);
        let length = match magic {
            MAGIC_LONG_TOPIC => u16::from_be_bytes(reader.array()?).into(),
            _ => usize::from(reader.array::<1>()?[0]),
        };
        let topic = String::from_utf8_lossy(reader.take(length)?).into_owned();
        let length = u16::from_be_bytes(reader.array()?).into();
        let properties = properties(&String::from_utf8_lossy(reader.take(length)?));
        let message = Self {
            queue_id,
            flag,
            queue_offset,
            physical_offset,
            sys_flag,
            born_ms,
            born_host,
            store_ms,
            store_host,
            reconsume_times,
            body,
            topic,
            properties,
        };
        Ok((message, rest))
    }

    /// Reads all messages of an answer.
    pub(crate) fn parse_all(mut bytes: &[u8]) -> Result<Vec<Self>, &'static str> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let (message, rest) = Self::parse(bytes)?;
            messages.push(message);
            bytes = rest;
        }
        Ok(messages)
    }

    /// The id that says where it is stored: the broker's address and the place in its log, in hexadecimal.
    pub(crate) fn offset_id(&self) -> String {
        let ip = match self.store_host.ip() {
            IpAddr::V4(ip) => format!("{:08X}", u32::from(ip)),
            IpAddr::V6(ip) => format!("{:032X}", u128::from(ip)),
        };
        format!("{ip}{:08X}{:016X}", self.store_host.port(), self.physical_offset)
    }

    /// The id that its producer gave it, or the one of its place.
    pub(crate) fn id(&self) -> String {
        self.properties.get(UNIQUE_KEY).cloned().unwrap_or_else(|| self.offset_id())
    }

    pub(crate) fn tags(&self) -> Option<&String> {
        self.properties.get("TAGS")
    }

    pub(crate) fn keys(&self) -> Option<&String> {
        self.properties.get("KEYS")
    }
}

/// The broker and the place in its log that an offset id names; `None` for other texts.
pub(crate) fn parse_offset_id(id: &str) -> Option<(SocketAddr, i64)> {
    if !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let ip_digits = match id.len() {
        32 => 8,
        56 => 32,
        _ => return None,
    };
    let (ip, rest) = id.split_at(ip_digits);
    let (port, offset) = rest.split_at(8);
    let number = |digits| u128::from_str_radix(digits, 16).ok();
    let ip = match ip_digits {
        8 => IpAddr::V4(Ipv4Addr::from(number(ip)? as u32)),
        _ => IpAddr::V6(Ipv6Addr::from(number(ip)?)),
    };
    Some((SocketAddr::new(ip, u16::try_from(number(port)?).ok()?), number(offset)? as i64))
}

/// Splits `name\x01value\x02…`.
fn properties(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('\u{2}').filter_map(|pair| pair.split_once('\u{1}'));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn decompressed(body: &[u8], sys_flag: i32) -> Vec<u8> {
    let mut plain = Vec::new();
    match sys_flag & COMPRESSION_MASK {
        _ if sys_flag & COMPRESSED == 0 => body.to_vec(),
        COMPRESSION_LZ4 => format!("({} bytes, compressed with LZ4)", body.len()).into_bytes(),
        COMPRESSION_ZSTD => format!("({} bytes, compressed with Zstandard)", body.len()).into_bytes(),
        _ => match ZlibDecoder::new(body).take(MAX_BODY_BYTES).read_to_end(&mut plain) {
            Ok(_) => plain,
            Err(_) => format!("({} bytes that cannot be decompressed)", body.len()).into_bytes(),
        },
    }
}

/// What is left to read of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (array, rest) = self.0.split_first_chunk().ok_or("it is cut off")?;
        self.0 = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("its lengths do not add up")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32, &'static str> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn long(&mut self) -> Result<i64, &'static str> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn host(&mut self, is_v6: bool) -> Result<SocketAddr, &'static str> {
        let ip = match is_v6 {
            true => IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)),
            false => IpAddr::V4(Ipv4Addr::from(self.array::<4>()?)),
        };
        Ok(SocketAddr::new(ip, self.int()? as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC_SHORT_TOPIC.to_be_bytes());
        for int in [0_i32, 3, 7] {
            bytes.extend(int.to_be_bytes());
        }
        for long in [11_i64, 4096] {
            bytes.extend(long.to_be_bytes());
        }
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(1_i64.to_be_bytes());
        bytes.extend([10, 0, 0, 1, 0, 0, 0, 80]);
        bytes.extend(2_i64.to_be_bytes());
        bytes.extend([127, 0, 0, 1, 0, 0, 42, 159]);
        bytes.extend(0_i32.to_be_bytes());
        bytes.extend(0_i64.to_be_bytes());
        bytes.extend(5_i32.to_be_bytes());
        bytes.extend(b"hello\x05topic");
        let properties = b"TAGS\x01red\x02KEYS\x01k\x02";
        bytes.extend((properties.len() as u16).to_be_bytes());
        bytes.extend(properties);
        let mut record = (bytes.len() as u32 + 4).to_be_bytes().to_vec();
        record.extend(bytes);
        record
    }

    #[test]
    fn records_are_read_one_after_the_other() {
        let two = [record(), record()].concat();
        let messages = StoredMessage::parse_all(&two).unwrap();
        assert_eq!(messages.len(), 2);
        let message = &messages[1];
        assert_eq!((message.queue_id, message.flag, message.queue_offset), (3, 7, 11));
        assert_eq!((message.topic.as_str(), message.body.as_slice()), ("topic", &b"hello"[..]));
        assert_eq!((message.tags().unwrap().as_str(), message.keys().unwrap().as_str()), ("red", "k"));
        assert_eq!(message.offset_id(), "7F00000100002A9F0000000000001000");
        assert_eq!(parse_offset_id(&message.offset_id()), Some((message.store_host, 4096)));
    }

    #[test]
    fn what_is_no_record_says_why() {
        let record = record();
        for length in 1..record.len() {
            assert!(StoredMessage::parse_all(&record[..length]).is_err(), "{length}");
        }
        let mut wrong = record;
        wrong[4] = 0;
        assert_eq!(StoredMessage::parse_all(&wrong), Err("its magic is wrong"));
    }

    #[test]
    fn other_texts_are_no_offset_ids() {
        for text in ["", "7F000001", "zF00000100002A9F0000000000001000", "7F000001FFFFFFFF0000000000001000"] {
            assert_eq!(parse_offset_id(text), None, "{text}");
        }
    }
}
