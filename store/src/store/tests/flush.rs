//! What is promised about the disk: nothing is reported as flushed before it is, and after a failed sync or on a full
//! disk nothing is accepted.

use super::{Machine, message};
use crate::Arrival;
use crate::error::{PutError, StoreError};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::options::FlushMode;
use crate::read::{ReadLimits, ReadStatus};

#[test]
fn nothing_is_flushed_before_the_sync_is_done() {
    let mut machine = Machine::new();
    machine.options.flush_mode = FlushMode::Sync;
    let store = machine.open();
    machine.disk.hold_syncs(true);
    let before = machine.disk.syncs();
    let first = store.put(&message("T", 0, b"one", b"")).unwrap();
    store.request_flush(first.end());
    machine.disk.wait_for_syncs(before + 1);
    // These come while the sync of the first is under way, and share the next one.
    let puts: Vec<_> = (0..50).map(|_| store.put(&message("T", 0, b"more", b"")).unwrap()).collect();
    puts.iter().for_each(|put| store.request_flush(put.end()));
    assert!(machine.events.flushed.lock().is_empty());
    assert_eq!(store.flushed_offset(), PhysicalOffset(0));

    machine.disk.hold_syncs(false);
    let last = puts.last().unwrap().end();
    machine.events.wait_flushed(last);
    assert!(store.flushed_offset() >= last);
    // One sync for the first message; the rest lies in at most two segments.
    assert!(machine.disk.syncs() - before <= 4, "{} syncs", machine.disk.syncs() - before);
}

#[test]
fn a_failed_sync_poisons_the_store() {
    let mut machine = Machine::new();
    let store = machine.open();
    let put = store.put(&message("T", 0, b"kept", b"")).unwrap();
    machine.disk.fail_syncs(Some(&machine.options.commit_log));
    store.request_flush(put.end());
    machine.events.wait_refused();
    machine.disk.fail_syncs(None);

    assert!(matches!(store.put(&message("T", 0, b"no", b"")), Err(PutError::Poisoned { .. })));
    assert!(matches!(store.health().refusal, Some(PutError::Poisoned { .. })));
    assert!(machine.events.flushed.lock().is_empty());
    // Reading goes on.
    store.dispatch_all().unwrap();
    let limits = ReadLimits { max_messages: 9, max_bytes: 9_999 };
    let read = store.read_queue_blocking("T", QueueId(0), QueueOffset(0), limits, &|_| true).unwrap();
    assert_eq!((read.status, read.count), (ReadStatus::Found, 1));
    // The folder is not marked as closed cleanly: the next start recovers.
    assert!(matches!(store.close(), Err(StoreError::Refused(PutError::Poisoned { .. }))));
    machine.crash(store);
    let store = machine.open();
    assert_eq!(store.max_offset("T", QueueId(0)), Some(QueueOffset(1)));
    store.put(&message("T", 0, b"again", b"")).unwrap();
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    let machine = Machine::new();
    let store = machine.open();
    machine.disk.set_full(true);
    let mut stored = 0;
    let refusal = loop {
        match store.put(&message("T", 0, &[7; 1_000], b"")) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    // The keeper may have made the next segment before the disk became full.
    assert!((7..=14).contains(&stored), "{stored} messages in 8 KiB segments");
    assert_eq!(refusal, PutError::NoSpace);
    assert_eq!(store.health().refusal, Some(PutError::NoSpace));
    machine.disk.set_full(false);
    // Trying is not free, so the refusal stands for a while.
    assert_eq!(store.put(&message("T", 0, &[7; 1_000], b"")), Err(PutError::NoSpace));
    machine.clock.advance(1_000);
    let put = store.put(&message("T", 0, &[7; 1_000], b"")).unwrap();
    assert_eq!(put.queue_offset.0, stored);
    assert_eq!(store.health().refusal, None);
}

#[test]
fn a_queue_that_cannot_be_written_stops_dispatch_until_it_can() {
    let mut machine = Machine::new();
    machine.options.queue_file_units = 10_000;
    let store = machine.open();
    machine.disk.fail_writes(Some(&machine.path("consumequeue")));
    for _ in 0..1_000 {
        store.put(&message("T", 0, b"", b"")).unwrap();
    }
    while store.health().dispatch_error.is_none() {
        store.dispatch();
    }
    assert!(store.max_offset("T", QueueId(0)).unwrap() < QueueOffset(1_000));
    machine.disk.fail_writes(None);
    while store.dispatched_offset() < store.max_physical_offset() {
        store.dispatch();
    }
    assert_eq!(store.health().dispatch_error, None);
    assert_eq!(store.max_offset("T", QueueId(0)), Some(QueueOffset(1_000)));
    let arrivals = machine.events.arrivals.lock();
    let offsets = |arrival: &Arrival| arrival.max_offset.0 - arrival.messages as i64 + 1..=arrival.max_offset.0;
    let mut arrived: Vec<_> = arrivals.iter().flat_map(offsets).collect();
    arrived.sort();
    assert_eq!(arrived, (1..=1_000).collect::<Vec<_>>(), "each message arrives once");
}

#[test]
fn a_failed_sync_of_a_queue_keeps_the_checkpoint_back() {
    let mut machine = Machine::new();
    let store = machine.open();
    for _ in 0..20 {
        store.put(&message("T", 0, b"x", b"")).unwrap();
    }
    store.dispatch_all().unwrap();
    machine.disk.fail_syncs(Some(&machine.path("consumequeue")));
    assert!(matches!(store.close(), Err(StoreError::Incomplete { .. })));
    assert!(store.health().dispatch_error.is_some());
    machine.crash(store);
    assert_eq!(machine.open().max_offset("T", QueueId(0)), Some(QueueOffset(20)));
}

#[test]
fn each_refusal_has_its_reason() {
    let machine = Machine::new();
    let store = machine.open();
    let refusal =
        |topic: &str, queue, body: &[u8], text: &[u8]| store.put(&message(topic, queue, body, text)).unwrap_err();
    assert_eq!(refusal("T", 0, &[0; 2_001], b""), PutError::MessageTooLarge { found: 2_001, limit: 2_000 });
    assert_eq!(refusal("T", 0, b"", &[b'p'; 32_768]), PutError::PropertiesTooLong { found: 32_768, limit: 32_767 });
    assert_eq!(refusal("T", 0, b"", &[b'p'; 32_000]), PutError::MessageTooLarge { found: 32_092, limit: 8_184 });
    assert_eq!(refusal("", 0, b"", b""), PutError::BadTopicLength { found: 0, limit: 255 });
    assert_eq!(refusal("../T", 0, b"", b""), PutError::BadTopicName);
    assert_eq!(refusal("..", 0, b"", b""), PutError::BadTopicName);
    assert_eq!(refusal("T", -1, b"", b""), PutError::BadQueue { found: -1 });
    let batch = |body: &[u8], sys_flag| {
        let mut message = message("T", 0, body, b"");
        message.sys_flag = sys_flag;
        store.put_batch(&message).unwrap_err()
    };
    assert!(matches!(batch(b"short", 0), PutError::BadBatch { position: 0, .. }));
    assert!(matches!(batch(b"", 0), PutError::BadBatch { .. }));
    assert_eq!(batch(b"x", 4), PutError::UnsupportedBatch);
    assert_eq!(store.statistics().put_failures, 10);
    assert_eq!(store.max_physical_offset(), PhysicalOffset(0));
}
