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
    store.dispatch_all().unwrap();
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
