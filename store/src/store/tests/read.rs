//! What reads answer.

use super::{Machine, message};
use crate::disk::Disk;
use crate::error::ReadError;
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{Boundary, QueueRead, ReadLimits, ReadStatus};
use crate::record::{RecordView, sys_flag, tags_code};
use crate::store::Store;

const Q: QueueId = QueueId(0);

fn read(store: &Store, offset: i64, max_messages: usize) -> QueueRead {
    let limits = ReadLimits { max_messages, max_bytes: 1 << 20 };
    store.read_queue_blocking("T", Q, QueueOffset(offset), limits, &|_| true).unwrap()
}

/// A store with `count` messages, one each 10 ms.
fn filled(machine: &Machine, count: usize) -> Store {
    let store = machine.open();
    for at in 0..count {
        let tag = if at % 3 == 0 { &b"TAGS\x01A\x02"[..] } else { b"TAGS\x01B\x02" };
        store.put(&message("T", 0, format!("body {at}").as_bytes(), tag)).unwrap();
        machine.clock.advance(10);
    }
    store.dispatch_all().unwrap();
    store
}

#[test]
fn statuses_follow_apache() {
    let machine = Machine::new();
    let store = filled(&machine, 10);
    let status = |offset, next| {
        let read = read(&store, offset, 32);
        assert_eq!((read.next_offset.0, read.min_offset.0, read.max_offset.0), (next, 0, 10));
        read.status
    };
    assert_eq!(status(0, 10), ReadStatus::Found);
    assert_eq!(status(-1, 0), ReadStatus::TooSmall);
    assert_eq!(status(10, 10), ReadStatus::OverflowOne);
    assert_eq!(status(11, 10), ReadStatus::OverflowBadly);
    let limits = ReadLimits { max_messages: 1, max_bytes: 1 };
    let elsewhere = store.read_queue("T", QueueId(1), QueueOffset(5), limits, &|_| true).unwrap();
    assert_eq!((elsewhere.status, elsewhere.next_offset), (ReadStatus::NoSuchQueue, QueueOffset(0)));
    let half = message("T", 2, b"half", b"");
    store.put(&crate::NewMessage { sys_flag: sys_flag::PREPARED, ..half }).unwrap();
    store.dispatch_all().unwrap();
    assert_eq!(store.max_offset("T", QueueId(2)), None, "half messages enter no queue");
    assert_eq!(store.statistics().reads_found, 1);
}

#[test]
fn limits_and_filters() {
    let mut machine = Machine::new();
    machine.options.max_read_messages_in_memory = 6;
    machine.options.max_filter_bytes = 20 * 40;
    let store = filled(&machine, 100);
    assert_eq!(read(&store, 0, 32).count, 6, "the store's own limit");
    assert_eq!(read(&store, 0, 4).count, 4);
    let one = ReadLimits { max_messages: 32, max_bytes: 1 };
    let read = store.read_queue_blocking("T", Q, QueueOffset(7), one, &|_| true).unwrap();
    assert_eq!((read.count, read.next_offset.0), (1, 8), "a first message whatever its length");

    let tag_a = tags_code(b"A");
    let limits = ReadLimits { max_messages: 3, max_bytes: 1 << 20 };
    let read = store.read_queue_blocking("T", Q, QueueOffset(1), limits, &|tags| tags == tag_a).unwrap();
    assert_eq!((read.count, read.next_offset.0, read.records.len()), (3, 10, 3));
    let none = store.read_queue_blocking("T", Q, QueueOffset(0), limits, &|_| false).unwrap();
    assert_eq!(
        (none.status, none.next_offset.0),
        (ReadStatus::NoMatched, 40),
        "a filter passes over so many units only"
    );
}

#[test]
fn neighbours_share_a_slice() {
    let machine = Machine::new();
    let store = filled(&machine, 20);
    let read = read(&store, 12, 8);
    assert_eq!((read.records.len(), read.count), (1, 8));
    assert_eq!(read.bytes, read.records[0].len());
}

#[test]
fn what_is_not_cached_is_cold() {
    let mut machine = Machine::new();
    let store = filled(&machine, 400);
    store.inner.dispatcher.settle(&store.inner.surroundings()).unwrap();
    store.inner.log.flush().unwrap();
    machine.disk.set_cold(true);
    let limits = ReadLimits { max_messages: 8, max_bytes: 1 << 20 };
    let cold = store.read_queue("T", Q, QueueOffset(0), limits, &|_| true);
    assert!(matches!(cold, Err(ReadError::Cold)), "{cold:?}");
    assert_eq!(read(&store, 0, 8).count, 8);
    let hot = store.read_queue("T", Q, QueueOffset(395), limits, &|_| true).unwrap();
    assert_eq!(hot.count, 5, "the newest messages never are");
    machine.options.in_memory_percent = 0;
    assert!(store.is_in_memory("T", Q, QueueOffset(0)));
    assert!(!store.is_in_memory("T", Q, QueueOffset(400)));
}

#[test]
fn offsets_by_time() {
    let machine = Machine::new();
    let begin = 1_700_000_000_000;
    let store = filled(&machine, 50);
    // Three messages at the same time, then nothing for a while.
    for _ in 0..3 {
        store.put(&message("T", 0, b"same", b"")).unwrap();
    }
    store.dispatch_all().unwrap();
    let offset = |ms, boundary| store.offset_by_time("T", Q, ms, boundary).unwrap().0;
    assert_eq!((offset(begin + 70, Boundary::Lower), offset(begin + 70, Boundary::Upper)), (7, 7));
    assert_eq!((offset(begin + 75, Boundary::Lower), offset(begin + 75, Boundary::Upper)), (8, 7));
    assert_eq!((offset(begin + 500, Boundary::Lower), offset(begin + 500, Boundary::Upper)), (50, 52));
    assert_eq!((offset(begin + 999, Boundary::Lower), offset(begin + 999, Boundary::Upper)), (53, 52));
    assert_eq!((offset(0, Boundary::Lower), offset(0, Boundary::Upper)), (0, 0));
    assert_eq!(store.store_time("T", Q, QueueOffset(7)).unwrap(), Some(begin + 70));
    assert_eq!(store.store_time("T", Q, QueueOffset(53)).unwrap(), None);
    assert_eq!(store.earliest_store_time("T", Q).unwrap(), Some(begin));
    assert_eq!(store.earliest_log_time().unwrap(), Some(begin));
    assert_eq!(store.offset_by_time("none", Q, begin, Boundary::Lower).unwrap().0, 0);
}

#[test]
fn delayed_messages_carry_their_delivery_time() {
    let machine = Machine::new();
    let store = machine.open();
    store.put(&message("SCHEDULE_TOPIC_XXXX", 2, b"later", b"DELAY\x013\x02TAGS\x01A\x02")).unwrap();
    store.dispatch_all().unwrap();
    let arrival = machine.events.arrivals.lock()[0].clone();
    assert_eq!(arrival.tags_code, arrival.store_ms + 10_000);
}

#[test]
fn damaged_records_are_left_out() {
    let machine = Machine::new();
    let store = filled(&machine, 12);
    let fourth = {
        let read = read(&store, 3, 1);
        RecordView::parse(&read.records[0]).unwrap().physical_offset()
    };
    let log = machine.options.commit_log.join(format!("{:020}", 0));
    machine.disk.open(&log).unwrap().write_at(fourth.0 as u64 + 4, b"XX").unwrap();
    let read = read(&store, 0, 8);
    assert_eq!((read.status, read.count, read.next_offset.0), (ReadStatus::Found, 7, 8));
    assert_eq!(store.statistics().damaged_messages, 1);
    assert!(matches!(store.message_at(fourth), Err(ReadError::Damaged { .. })));
    assert!(matches!(
        store.message_at(PhysicalOffset(fourth.0 + 1)),
        Err(ReadError::NoRecord(_) | ReadError::Damaged { .. })
    ));
    assert!(matches!(store.message_at(PhysicalOffset(1 << 40)), Err(ReadError::NoRecord(_))));
    assert!(matches!(store.message_at(PhysicalOffset(-5)), Err(ReadError::NoRecord(_))));
}

#[test]
fn a_deleted_topic_begins_anew() {
    let mut machine = Machine::new();
    let store = filled(&machine, 30);
    assert_eq!(store.queues("T"), [Q]);
    assert!(store.delete_topic("T").unwrap());
    assert!(!store.delete_topic("T").unwrap());
    assert_eq!((store.max_offset("T", Q), store.topics().len()), (None, 0));
    assert!(!machine.disk.exists(&machine.path("consumequeue/T")).unwrap());
    assert_eq!(store.put(&message("T", 0, b"new", b"")).unwrap().queue_offset, QueueOffset(0));
    machine.crash(store);
    let store = machine.open();
    assert_eq!(read(&store, 0, 32).count, 1);
}

#[test]
fn what_is_left_to_a_holder_of_the_dispatchers_lock_is_done() {
    let store = Machine::new().open();
    let dispatcher = &store.inner.dispatcher;
    dispatcher.glance(&store.inner.surroundings(), |_| {
        store.put(&message("T", 0, b"", b"")).unwrap();
        store.dispatch();
        assert_eq!(store.dispatched_offset(), PhysicalOffset(0), "the lock is taken");
    });
    assert_eq!(store.dispatched_offset(), store.max_physical_offset());
}
