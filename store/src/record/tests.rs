//! The codec against a naive one, and against what it must survive.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::message::NewMessage;
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};

/// A message that owns its parts.
#[derive(Clone, Debug)]
struct Owned {
    topic: String,
    queue: i32,
    flag: i32,
    sys_flag: i32,
    born_ms: i64,
    born_host: SocketAddr,
    store_host: SocketAddr,
    reconsume_times: i32,
    prepared_offset: i64,
    body: Vec<u8>,
    properties: Vec<(String, String)>,
}

impl Owned {
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.properties.iter().for_each(|(name, value)| properties::push(&mut text, name, value));
        text
    }

    fn encode(&self, append_crc: bool, offsets: (i64, i64, i64)) -> Vec<u8> {
        let text = self.text();
        let message = NewMessage {
            topic: &self.topic,
            queue: QueueId(self.queue),
            flag: self.flag,
            sys_flag: self.sys_flag,
            born_ms: self.born_ms,
            born_host: self.born_host,
            store_host: self.store_host,
            reconsume_times: self.reconsume_times,
            prepared_offset: self.prepared_offset,
            body: &self.body,
            properties: &text,
        };
        let mut record = Vec::new();
        let size = encode(&message, append_crc, &mut record).unwrap();
        assert_eq!(size, record.len());
        Encoded(&mut record).complete(QueueOffset(offsets.0), PhysicalOffset(offsets.1), offsets.2, append_crc);
        record
    }

    /// The record as the layout in the module's head has it, field by field.
    fn naive(&self, (queue_offset, physical, store_ms): (i64, i64, i64)) -> Vec<u8> {
        let host = |host: SocketAddr| {
            let mut bytes = match host {
                SocketAddr::V4(host) => host.ip().octets().to_vec(),
                SocketAddr::V6(host) => host.ip().octets().to_vec(),
            };
            bytes.extend(i32::from(host.port()).to_be_bytes());
            bytes
        };
        let sys_flag = self.sys_flag & !48
            | if self.born_host.is_ipv6() { 16 } else { 0 }
            | if self.store_host.is_ipv6() { 32 } else { 0 };
        let long_topic = self.topic.len() > 127;
        let topic_len =
            if long_topic { (self.topic.len() as i16).to_be_bytes().to_vec() } else { vec![self.topic.len() as u8] };
        let text = self.text();
        let fields: Vec<Vec<u8>> = vec![
            if long_topic { 0xDAA3_20ABu32 } else { 0xDAA3_20A7 }.to_be_bytes().to_vec(),
            (crc32fast::hash(&self.body) & 0x7FFF_FFFF).to_be_bytes().to_vec(),
            self.queue.to_be_bytes().to_vec(),
            self.flag.to_be_bytes().to_vec(),
            queue_offset.to_be_bytes().to_vec(),
            physical.to_be_bytes().to_vec(),
            sys_flag.to_be_bytes().to_vec(),
            self.born_ms.to_be_bytes().to_vec(),
            host(self.born_host),
            store_ms.to_be_bytes().to_vec(),
            host(self.store_host),
            self.reconsume_times.to_be_bytes().to_vec(),
            self.prepared_offset.to_be_bytes().to_vec(),
            (self.body.len() as i32).to_be_bytes().to_vec(),
            self.body.clone(),
            topic_len,
            self.topic.clone().into_bytes(),
            (text.len() as i16).to_be_bytes().to_vec(),
            text,
        ];
        let rest = fields.concat();
        [&(rest.len() as i32 + 4).to_be_bytes()[..], &rest].concat()
    }
}

fn hosts() -> impl Strategy<Value = SocketAddr> {
    (any::<std::net::IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn messages() -> impl Strategy<Value = Owned> {
    let numbers = (any::<i32>(), any::<i32>(), any::<i32>(), any::<i64>(), any::<i32>(), any::<i64>());
    let properties = vec(("[a-zA-Z_]{1,10}", "[a-z 0-9é]{1,20}"), 0..6);
    ("[%|a-zA-Z0-9_-]{1,200}", numbers, hosts(), hosts(), vec(any::<u8>(), 0..300), properties).prop_map(
        |(
            topic,
            (queue, flag, sys_flag, born_ms, reconsume_times, prepared_offset),
            born_host,
            store_host,
            body,
            properties,
        )| Owned {
            topic,
            queue,
            flag,
            sys_flag,
            born_ms,
            born_host,
            store_host,
            reconsume_times,
            prepared_offset,
            body,
            properties,
        },
    )
}

proptest! {
    #[test]
    fn encodes_like_the_layout(message in messages(), offsets in (any::<i64>(), any::<i64>(), any::<i64>())) {
        prop_assert_eq!(message.encode(false, offsets), message.naive(offsets));
    }

    #[test]
    fn decodes_what_was_encoded(message in messages(), offsets in (any::<i64>(), any::<i64>(), any::<i64>()), crc: bool, behind in vec(any::<u8>(), 0..20)) {
        let record = message.encode(crc, offsets);
        let bytes = [&record[..], &behind].concat();
        let view = RecordView::parse(&bytes).unwrap();
        prop_assert_eq!(view.bytes(), &record[..]);
        prop_assert_eq!(view.verify(PhysicalOffset(offsets.1)), Ok(()));
        prop_assert_eq!((view.queue_offset().0, view.physical_offset().0, view.store_ms()), offsets);
        prop_assert_eq!(view.topic(), &message.topic);
        prop_assert_eq!((view.queue().0, view.flag(), view.born_ms()), (message.queue, message.flag, message.born_ms));
        prop_assert_eq!((view.born_host(), view.store_host()), (message.born_host, message.store_host));
        prop_assert_eq!((view.reconsume_times(), view.prepared_offset()), (message.reconsume_times, message.prepared_offset));
        prop_assert_eq!(view.body(), &message.body[..]);
        for (name, value) in view.properties().iter().filter(|(name, _)| *name != properties::CRC.as_bytes()) {
            prop_assert!(message.properties.iter().any(|(n, v)| n.as_bytes() == name && v.as_bytes() == value));
        }
        prop_assert!(head_matches(&record, PhysicalOffset(offsets.1), record.len() as i32));
        prop_assert_eq!(head_store_ms(&record), offsets.2);
    }

    /// With the checksum over the record no flipped bit passes.
    #[test]
    fn a_flipped_bit_is_found(message in messages(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut record = message.encode(true, (1, 2, 3));
        let at = at.index(record.len());
        record[at] ^= 1u8 << bit;
        let sound = RecordView::parse(&record).is_ok_and(|view| view.verify(PhysicalOffset(2)).is_ok() && view.size() == record.len());
        // Within the checksum property itself, a damaged name means that there is no checksum to compare with.
        prop_assert!(!sound || at >= record.len() - CRC_PROPERTY_BYTES);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..400), size in any::<i32>(), v2: bool, patch: bool) {
        let mut bytes = bytes;
        if patch && bytes.len() >= 8 {
            bytes[..4].copy_from_slice(&size.rem_euclid(500).to_be_bytes());
            bytes[4..8].copy_from_slice(&if v2 { MAGIC_V2 } else { MAGIC_V1 }.to_be_bytes());
        }
        if let Ok(Step::Record(view)) = step(&bytes) {
            let _ = (view.verify(PhysicalOffset(0)), view.born_host(), view.store_host(), view.prepared_offset(), view.properties().iter().count());
        }
        let _ = BatchMessages::new(&bytes).count();
    }

    #[test]
    fn batches_split_as_they_were_made(messages in vec((any::<i32>(), vec(any::<u8>(), 0..50), vec(any::<u8>(), 0..50)), 0..8)) {
        let mut body = Vec::new();
        for (flag, message, text) in &messages {
            for number in [22 + message.len() as i32 + text.len() as i32, 0, 0, *flag, message.len() as i32] {
                body.extend(number.to_be_bytes());
            }
            body.extend(message);
            body.extend((text.len() as i16).to_be_bytes());
            body.extend(text);
        }
        let split: Vec<_> = BatchMessages::new(&body).map(|message| message.map(|m| (m.flag, m.body.to_vec(), m.properties.to_vec()))).collect();
        prop_assert_eq!(split.into_iter().collect::<Result<Vec<_>, _>>().unwrap(), messages.clone());
        if body.len() > 1 {
            prop_assert!(BatchMessages::new(&body[..body.len() - 1]).any(|message| message.is_err()));
        }
    }

    #[test]
    fn bytes_hash_as_their_text_does(text in "[ -~]{0,40}|\\PC{0,20}") {
        prop_assert_eq!(java_hash_of_bytes(text.as_bytes()), java_hash(&text));
    }

    #[test]
    fn message_ids_come_back(host in hosts(), offset: i64) {
        let id = encode_message_id(host, PhysicalOffset(offset));
        prop_assert_eq!(decode_message_id(&id), Ok((host, PhysicalOffset(offset))));
    }
}

#[test]
fn hashes_like_java() {
    for (text, hash) in
        [("", 0), ("TagA", 2_598_919), ("TopicTest#Key1", -1_656_937_772), ("标签", 857_175), ("😀", 1_772_899)]
    {
        assert_eq!(java_hash(text), hash, "{text}");
        assert_eq!(java_hash_of_bytes(text.as_bytes()), hash, "{text}");
    }
}

#[test]
fn message_ids_look_like_apaches() {
    let host = "192.168.1.2:10911".parse().unwrap();
    let id = encode_message_id(host, PhysicalOffset(0x1_0000_00FF));
    assert_eq!(id, "C0A8010200002A9F00000001000000FF");
    assert_eq!(decode_message_id("C0"), Err(MessageIdError::Length(2)));
    assert_eq!(decode_message_id(&"x".repeat(32)), Err(MessageIdError::Digit));
    assert_eq!(decode_message_id("C0A80102FFFFFFFF00000001000000FF"), Err(MessageIdError::Port(u32::MAX)));
}

#[test]
fn properties_follow_apache() {
    let text = Properties(b"A\x011\x02B\x01\x02\x01x\x02noend\x02A\x012\x02K\x01a b");
    let pairs: Vec<_> = text.iter().collect();
    assert_eq!(pairs, [(&b"A"[..], &b"1"[..]), (b"A", b"2"), (b"K", b"a b")]);
    assert_eq!(text.get_str("A"), Some("2"));
    assert_eq!(text.get("B"), None);
    let mut rest = Vec::new();
    text.copy_without(&["A"], &mut rest);
    assert_eq!(rest, b"K\x01a b\x02");
}

#[test]
fn what_is_no_record_says_what_it_is() {
    let problem = |bytes: &[u8]| step(bytes).map(|_| ()).unwrap_err();
    assert_eq!(problem(&[0; 4]), RecordError::Incomplete { needed: 8 });
    assert_eq!(problem(&[0; 100]), RecordError::Unwritten);
    // Everything of a record but its first word, which is written last.
    let half = [&[0; 4][..], &MAGIC_V1.to_be_bytes(), &[1; 92]].concat();
    assert_eq!(problem(&half), RecordError::Unwritten);
    assert_eq!(problem(&[1; 100]), RecordError::Magic(0x0101_0101));
    let blank = [100u32.to_be_bytes(), MAGIC_BLANK.to_be_bytes()].concat();
    assert!(matches!(step(&blank), Ok(Step::Blank { size: 100 })));
}

#[test]
fn limits_of_length_fields() {
    let host: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let text = vec![b'p'; MAX_PROPERTIES_BYTES + 1];
    let mut message = NewMessage {
        topic: "T",
        queue: QueueId(0),
        flag: 0,
        sys_flag: 0,
        born_ms: 0,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: b"",
        properties: &text,
    };
    assert_eq!(encode(&message, false, &mut Vec::new()), Err(EncodeError::PropertiesTooLong(text.len())));
    message.properties = &text[1..];
    assert!(encode(&message, false, &mut Vec::new()).is_ok());
}
