//! Retries as clients see them: the record of a message that waited on a retry topic, with the topic that the client asked for and
//! the message's handle. Only topic, properties and lengths change; everything else is copied as it is stored.

use bolide_store::record::RecordView;
use bolide_store::record::properties::push;

/// Magic number of records whose topic has up to 127 bytes, which one byte tells.
const MAGIC_V1: u32 = 0xDAA3_20A7;
/// Magic number of records with a longer topic, whose length two bytes tell.
const MAGIC_V2: u32 = 0xDAA3_20AB;
/// The longest topic of a record of the first kind.
const MAX_V1_TOPIC_BYTES: usize = 127;

/// Writes the record with another topic and one more property to `out`; `false`, writing nothing, where the properties would become
/// longer than a record can hold.
pub(super) fn relabel(view: &RecordView<'_>, topic: &str, property: (&str, &str), out: &mut Vec<u8>) -> bool {
    let record = view.bytes();
    let body_end = view.body().as_ptr_range().end as usize - record.as_ptr() as usize;
    let mut properties = Vec::with_capacity(view.properties().0.len() + property.1.len() + 16);
    view.properties().copy_without(&[property.0], &mut properties);
    if properties.last().is_some_and(|last| *last != 2) {
        properties.push(2);
    }
    push(&mut properties, property.0, property.1);
    let Ok(properties_len) = i16::try_from(properties.len()) else { return false };
    let Ok(topic_len) = i16::try_from(topic.len()) else { return false };
    let start = out.len();
    out.extend_from_slice(&record[..body_end]);
    let is_v1 = topic.len() <= MAX_V1_TOPIC_BYTES;
    out[start + 4..start + 8].copy_from_slice(&if is_v1 { MAGIC_V1 } else { MAGIC_V2 }.to_be_bytes());
    // The low byte is all of a short length.
    out.extend_from_slice(&topic_len.to_be_bytes()[usize::from(is_v1)..]);
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&properties_len.to_be_bytes());
    out.extend_from_slice(&properties);
    let Ok(size) = i32::try_from(out.len() - start) else {
        out.truncate(start);
        return false;
    };
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bolide_store::{ManualClock, NewMessage, NoEvents, QueueId, RealDisk, Store, StoreOptions};
    use bytes::Bytes;

    use super::*;

    fn stored(topic: &str, properties: &[u8]) -> Bytes {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { segment_bytes: 1 << 20, ..StoreOptions::new(folder.path()) };
        let clock = Arc::new(ManualClock::new(1));
        let store = Store::open(options, Arc::new(RealDisk), clock, Arc::new(NoEvents)).unwrap();
        let message = NewMessage {
            topic,
            queue: QueueId(3),
            flag: 7,
            sys_flag: 0,
            born_ms: 1,
            born_host: "[::1]:1".parse().unwrap(),
            store_host: "127.0.0.1:1".parse().unwrap(),
            reconsume_times: 2,
            prepared_offset: 0,
            body: b"body",
            properties,
        };
        let put = store.put(&message).unwrap();
        store.dispatch();
        Bytes::copy_from_slice(&store.message_at(put.physical_offset).unwrap())
    }

    #[test]
    fn only_topic_and_property_change_whatever_their_lengths() {
        let long = "t".repeat(200);
        for (before, after) in [("%RETRY%g_orders", "orders"), (long.as_str(), "orders"), ("orders", long.as_str())] {
            let record = stored(before, b"a\x011\x02POP_CK\x01old\x02");
            let view = RecordView::parse(&record).unwrap();
            let mut out = b"before".to_vec();
            assert!(relabel(&view, after, ("POP_CK", "handle"), &mut out));
            let changed = RecordView::parse(&out[6..]).unwrap();
            assert_eq!(changed.size(), out.len() - 6);
            assert_eq!((changed.topic(), changed.body(), changed.queue()), (after, view.body(), view.queue()));
            assert_eq!(changed.properties().0, b"a\x011\x02POP_CK\x01handle\x02");
            assert_eq!((changed.reconsume_times(), changed.born_host()), (2, view.born_host()));
        }
    }

    #[test]
    fn properties_that_grow_too_long_are_left_alone() {
        let mut properties = b"a\x01".to_vec();
        properties.extend(vec![b'x'; 32_760]);
        properties.push(2);
        let record = stored("t", &properties);
        let mut out = Vec::new();
        assert!(!relabel(&RecordView::parse(&record).unwrap(), "u", ("POP_CK", "handle"), &mut out));
        assert!(out.is_empty());
    }
}
