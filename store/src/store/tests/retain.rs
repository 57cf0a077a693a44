//! Retention over the whole store, against a list of what was stored.

use std::cell::Cell;
use std::sync::Arc;

use super::random::Random;
use super::{Machine, message};
use crate::disk::Disk;
use crate::error::{PutError, ReadError};
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{ReadLimits, ReadStatus};
use crate::record::RecordView;
use crate::retention::RetentionRules;
use crate::store::Store;

const HISTORIES: u64 = 40;
const STEPS: usize = 120;
const RESERVED_MS: i64 = 1_000;

fn rules() -> RetentionRules {
    RetentionRules {
        reserved_ms: RESERVED_MS,
        is_time: true,
        max_used_percent: 75,
        clean_forcibly_percent: 85,
        clean_forcibly: true,
        refuse_percent: 90,
        segment_pause_ms: 100,
        look_pause_ms: 10_000,
        topics: Vec::new(),
    }
}

fn all_done(_: PhysicalOffset, _: bool) -> bool {
    true
}

/// Looks until nothing goes any more.
fn settle(store: &Store, rules: &RetentionRules) {
    while store.retain(rules, &all_done).unwrap().removed {}
}

fn fill(machine: &Machine, store: &Store, count: usize, step_ms: i64) {
    for at in 0..count {
        let properties = format!("UNIQ_KEY\x01key-{at}\x02");
        let topic = if at % 4 == 0 { "B" } else { "A" };
        store.put(&message(topic, 0, &[b'x'; 300], properties.as_bytes())).unwrap();
        machine.clock.advance(step_ms);
    }
    store.dispatch_all().unwrap();
    store.checkpoint_now();
}

fn status(store: &Store, topic: &str, offset: i64) -> ReadStatus {
    let limits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };
    store.read_queue_blocking(topic, QueueId(0), QueueOffset(offset), limits, &|_| true).unwrap().status
}

struct Message {
    topic: &'static str,
    offset: i64,
    physical: i64,
    store_ms: i64,
}

struct History {
    machine: Machine,
    random: Random,
    stored: Vec<Message>,
}

impl History {
    fn put(&mut self, store: &Store) {
        let topic = ["A", "B", "C"][self.random.below(3)];
        let body = vec![b'b'; self.random.below(900)];
        match store.put(&message(topic, 0, &body, b"")) {
            Ok(put) => self.stored.push(Message {
                topic,
                offset: put.queue_offset.0,
                physical: put.physical_offset.0,
                store_ms: put.store_ms,
            }),
            Err(error) => assert!(matches!(error, PutError::NearlyFull { .. }), "{error}"),
        }
    }

    /// What can be read is what the log still has, and queues begin with it.
    fn check(&self, store: &Store) {
        store.dispatch_all().unwrap();
        let begin = store.min_physical_offset().0;
        for topic in ["A", "B", "C"] {
            let all: Vec<_> = self.stored.iter().filter(|message| message.topic == topic).collect();
            let Some(max) = store.max_offset(topic, QueueId(0)) else {
                assert!(all.is_empty());
                continue;
            };
            assert_eq!(max.0, all.len() as i64, "{topic}: no offset is given twice");
            let left = all.iter().filter(|message| message.physical >= begin);
            let first = left.clone().next().map_or(max.0, |message| message.offset);
            assert_eq!(store.min_offset(topic, QueueId(0)).unwrap().0, first, "{topic} begins with the log");
            for message in left {
                let record = store.message_at(PhysicalOffset(message.physical)).unwrap();
                assert_eq!(RecordView::parse(&record).unwrap().queue_offset().0, message.offset);
            }
            if first > 0 {
                assert_eq!(status(store, topic, first - 1), ReadStatus::TooSmall);
            }
        }
    }

    /// Nothing went too early: what is gone lies in segments that expired.
    fn check_age(&self, begin: i64, now_ms: i64) {
        for message in self.stored.iter().filter(|message| message.physical < begin) {
            assert!(now_ms - message.store_ms > RESERVED_MS, "a message of {} ms", now_ms - message.store_ms);
        }
    }
}

#[test]
fn random_histories() {
    for seed in 1..=HISTORIES {
        let mut history = History { machine: Machine::new(), random: Random::new(seed), stored: Vec::new() };
        let mut store = history.machine.open();
        let mut forced = false;
        for _ in 0..STEPS {
            match history.random.below(12) {
                0..6 => (0..history.random.below(12)).for_each(|_| history.put(&store)),
                6 => history.machine.clock.advance(history.random.below(600) as i64),
                7 => {
                    let used = [10, 80, 88, 95][history.random.below(4)];
                    history.machine.disk.set_used_percent(used);
                }
                8 => {
                    store.checkpoint_now();
                    store.dispatch_all().unwrap();
                    forced |= history.machine.disk.space(&history.machine.path("")).unwrap().exceeds(85);
                    store.retain(&rules(), &all_done).unwrap();
                    history.check(&store);
                    if !forced {
                        let now_ms = crate::Clock::now_ms(&*history.machine.clock);
                        history.check_age(store.min_physical_offset().0, now_ms);
                    }
                }
                9 => {
                    store.close().unwrap();
                    drop(store);
                    store = history.machine.open();
                }
                10 => {
                    history.machine.crash(store);
                    store = history.machine.open();
                }
                _ => {}
            }
        }
        history.machine.disk.set_used_percent(10);
        history.machine.clock.advance(RESERVED_MS + 1);
        history.put(&store);
        store.checkpoint_now();
        store.dispatch_all().unwrap();
        settle(&store, &rules());
        history.check(&store);
    }
}

#[test]
fn expired_segments_go_one_at_a_time_with_their_queues_and_index() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 200, 10);
    let files = |folder: &str| machine.disk.list(&machine.path(folder)).unwrap().len();
    let (segments, queue_files, index_files) = (files("commitlog"), files("consumequeue/A/0"), files("index"));
    assert!(segments > 6 && queue_files > 6 && index_files > 3);
    assert!(store.retain(&rules(), &all_done).unwrap().removed);
    assert_eq!(files("commitlog"), segments - 1);
    settle(&store, &rules());
    let begin = store.min_physical_offset();
    assert!(begin.0 > 0 && files("commitlog") < segments - 1);
    assert!(files("consumequeue/A/0") < queue_files && files("index") < index_files);
    let min = store.min_offset("A", QueueId(0)).unwrap();
    assert_eq!(store.offset_from("A", QueueId(0), begin).unwrap(), min);
    assert_eq!(status(&store, "A", min.0 - 1), ReadStatus::TooSmall);
    assert_eq!(status(&store, "A", min.0), ReadStatus::Found);
    assert!(matches!(store.message_at(PhysicalOffset(0)), Err(ReadError::NoRecord(_))));
    assert!(!store.query_index("B", "key-196", 10, 0, i64::MAX).unwrap().is_empty());
    machine.clock.advance(1_000_000);
    settle(&store, &rules());
    assert!(store.max_physical_offset().0 - store.min_physical_offset().0 <= 8 << 10, "the last segment stays");
    assert!(store.min_offset("A", QueueId(0)) < store.max_offset("A", QueueId(0)));
}

#[test]
fn expired_segments_wait_for_their_hour_unless_room_is_short() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 100, 30);
    let rules = RetentionRules { is_time: false, ..rules() };
    assert!(!store.retain(&rules, &all_done).unwrap().removed);
    machine.disk.set_used_percent(76);
    assert!(store.retain(&rules, &all_done).unwrap().removed);
}

#[test]
fn a_full_disk_forces_segments_out_and_refuses_messages_until_there_is_room() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 100, 0);
    machine.disk.set_used_percent(86);
    assert!(store.retain(&rules(), &all_done).unwrap().removed);
    let unforced = RetentionRules { clean_forcibly: false, ..rules() };
    assert!(!store.retain(&unforced, &all_done).unwrap().removed);
    assert!(store.put(&message("A", 0, b"", b"")).is_ok());
    machine.disk.set_used_percent(91);
    store.retain(&rules(), &all_done).unwrap();
    let refused = store.put(&message("A", 0, b"", b"")).unwrap_err();
    assert_eq!(refused, PutError::NearlyFull { used_percent: 91 });
    assert_eq!(store.health().nearly_full, Some(refused));
    assert!(store.put_again(&message("A", 0, b"", b"")).is_ok(), "what frees room may use it");
    machine.disk.set_used_percent(50);
    store.retain(&rules(), &all_done).unwrap();
    assert!(store.put(&message("A", 0, b"", b"")).is_ok());
}

#[test]
fn a_segment_stays_while_something_in_it_is_needed() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 100, 30);
    let asked = Cell::new(None);
    let release = |before: PhysicalOffset, forced: bool| {
        asked.set(Some((before.0, forced)));
        false
    };
    let retained = store.retain(&rules(), &release).unwrap();
    assert!(retained.pinned && !retained.removed);
    assert_eq!((store.min_physical_offset().0, asked.get()), (0, Some((8 << 10, false))));
    machine.disk.set_used_percent(95);
    machine.clock.advance(-100_000);
    assert!(store.retain(&rules(), &release).unwrap().pinned);
    assert_eq!(asked.get(), Some((8 << 10, true)));
}

#[test]
fn topics_have_times_of_their_own() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 100, 30);
    let longer = RetentionRules { topics: vec![(Arc::from("B"), 1_000_000)], ..rules() };
    settle(&store, &longer);
    assert_eq!(store.min_physical_offset().0, 0, "the whole segment stays");
    assert_eq!(store.min_offset("A", QueueId(0)).unwrap().0, 0);
    let shorter = RetentionRules { reserved_ms: 1_000_000, topics: vec![(Arc::from("A"), 900)], ..rules() };
    machine.clock.advance(60_000);
    settle(&store, &shorter);
    assert_eq!(store.min_physical_offset().0, 0);
    assert_eq!(store.min_offset("A", QueueId(0)), store.max_offset("A", QueueId(0)));
    assert_eq!(store.min_offset("B", QueueId(0)).unwrap().0, 0);
    assert_eq!(status(&store, "A", 3), ReadStatus::TooSmall);
}

#[test]
fn readers_keep_what_they_hold_of_a_segment_that_goes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(crate::ManualClock::new(1_700_000_000_000));
    let options = super::small_options(folder.path());
    let options = crate::StoreOptions { hot_window_bytes: 1 << 20, ..options };
    let store = Store::open(options, Arc::new(crate::RealDisk), clock.clone(), Arc::new(crate::NoEvents)).unwrap();
    let first = store.put(&message("A", 0, &[7; 1_000], b"")).unwrap();
    let held = store.message_at(first.physical_offset).unwrap();
    for _ in 0..40 {
        store.put(&message("A", 0, &[8; 1_000], b"")).unwrap();
    }
    store.dispatch_all().unwrap();
    store.checkpoint_now();
    clock.advance(2_000);
    store.put(&message("A", 0, b"", b"")).unwrap();
    settle(&store, &RetentionRules { max_used_percent: 100, clean_forcibly: false, refuse_percent: 100, ..rules() });
    assert!(store.min_physical_offset() > first.physical_offset);
    assert!(!folder.path().join("commitlog/00000000000000000000").exists());
    let record = RecordView::parse(&held).unwrap();
    assert_eq!(record.body(), [7; 1_000]);
    store.close().unwrap();
}

#[test]
fn files_that_a_crash_left_behind_go_at_the_next_start() {
    let machine = Machine::new();
    let store = machine.open();
    fill(&machine, &store, 100, 30);
    let copy = machine.disk.fork();
    settle(&store, &rules());
    drop(store);
    // The segments went, their queues did not.
    for segment in 0..4 {
        copy.remove_file(&machine.path(&format!("commitlog/{:020}", segment * (8 << 10)))).unwrap();
    }
    let machine = Machine { disk: copy, ..machine };
    let store = machine.open();
    let before = machine.disk.list(&machine.path("index")).unwrap().len();
    store.retain(&RetentionRules { is_time: false, ..rules() }, &all_done).unwrap();
    assert!(machine.disk.list(&machine.path("index")).unwrap().len() < before);
    assert_eq!(store.min_physical_offset().0, 4 * (8 << 10));
}
