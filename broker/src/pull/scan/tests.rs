use std::sync::Arc;

use bolide_store::record::properties::push;
use bolide_store::{ManualClock, NewMessage, NoEvents, QueueId, ReadLimits, RealDisk, Store, StoreOptions};

use super::*;
use crate::filter::Subscription;
use crate::quota::Party;

const LIMITS: ReadLimits = ReadLimits { max_messages: 32, max_bytes: usize::MAX };

/// A store with messages `n=0`, `n=1`, … in one queue.
fn store(folder: &std::path::Path, messages: i32) -> Store {
    let options = StoreOptions { segment_bytes: 1 << 20, ..StoreOptions::new(folder) };
    let clock = Arc::new(ManualClock::new(1));
    let store = Store::open(options, Arc::new(RealDisk), clock, Arc::new(NoEvents)).unwrap();
    for number in 0..messages {
        let mut properties = Vec::new();
        push(&mut properties, "n", number.to_string());
        let host = "127.0.0.1:1".parse().unwrap();
        let message = NewMessage {
            topic: "t",
            queue: QueueId(0),
            flag: 0,
            sys_flag: 0,
            born_ms: 1,
            born_host: host,
            store_host: host,
            reconsume_times: 0,
            prepared_offset: 0,
            body: b"body",
            properties: &properties,
        };
        store.put(&message).unwrap();
    }
    store.dispatch_all().unwrap();
    store
}

fn pull(expression: &str, from: i64) -> Pull<&'static str> {
    Pull {
        party: Party { peer: ([127, 0, 0, 1], 1).into(), user: "" },
        group: "g",
        topic: "t",
        queue: QueueId(0),
        offset: QueueOffset(from),
        limits: LIMITS,
        subscription: Arc::new(Subscription::by_properties("t", expression, 1).unwrap()),
        topic_sys_flag: 0,
        group_sys_flag: 0,
    }
}

fn scan_store(store: &Store, pull: &Pull<&'static str>) -> (ReadStatus, i64, Vec<i64>) {
    let read = scan(pull, |from| store.read_queue_blocking("t", QueueId(0), from, LIMITS, &|_| true)).unwrap();
    let mut offsets = Vec::new();
    for slice in &read.records {
        let mut rest = &slice[..];
        while let Ok(view) = RecordView::parse(rest) {
            offsets.push(view.queue_offset().0);
            rest = &rest[view.size()..];
        }
    }
    assert_eq!(offsets.len(), read.count);
    assert_eq!(read.records.iter().map(|slice| slice.len()).sum::<usize>(), read.bytes);
    (read.status, read.next_offset.0, offsets)
}

#[test]
fn only_what_matches_is_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 10);
    let found = scan_store(&store, &pull("n BETWEEN 2 AND 4 OR n = 8", 0));
    assert_eq!(found, (ReadStatus::Found, 10, vec![2, 3, 4, 8]));
}

#[test]
fn a_rare_match_is_found_without_the_client_asking_for_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 500);
    let (status, _, offsets) = scan_store(&store, &pull("n = 450", 0));
    assert_eq!((status, offsets), (ReadStatus::Found, vec![450]));
}

#[test]
fn what_was_passed_over_is_not_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), 2_000);
    let mut from = 0;
    let mut pulls = 0;
    loop {
        let (status, next, offsets) = scan_store(&store, &pull("n = 1999", from));
        pulls += 1;
        assert!(next > from);
        from = next;
        if status == ReadStatus::Found {
            assert_eq!(offsets, [1999]);
            break;
        }
        assert_eq!(status, ReadStatus::NoMatched);
    }
    assert_eq!(pulls, 3);
    assert_eq!(scan_store(&store, &pull("n = 1", 2_000)).0, ReadStatus::OverflowOne);
}
