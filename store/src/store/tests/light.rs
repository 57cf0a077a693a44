//! Light queues in a whole store, over kills and clean stops.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Machine, message};
use crate::error::PutError;
use crate::light::{LIGHT_QUEUE, offset_in};
use crate::message::NewMessage;
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{ReadLimits, ReadStatus};
use crate::record::{Properties, RecordView, properties, sys_flag};
use crate::store::Store;

const LIMITS: ReadLimits = ReadLimits { max_messages: 1000, max_bytes: usize::MAX };

fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.options.light_queues = true;
    machine.options.max_read_messages_in_memory = 1000;
    machine.options.max_read_bytes_in_memory = 1 << 20;
    machine.options.max_read_messages_on_disk = 1000;
    machine.options.max_read_bytes_on_disk = 1 << 20;
    machine
}

fn dispatch_to(names: &str) -> Vec<u8> {
    let mut text = Vec::new();
    properties::push(&mut text, "KEYS", "k");
    properties::push(&mut text, "INNER_MULTI_DISPATCH", names);
    // What a client claims counts for nothing.
    properties::push(&mut text, "INNER_MULTI_QUEUE_OFFSET", "77");
    text
}

/// The queue's first offset, and where in the log each of its messages lies and what its own offset there is.
fn content(store: &Store, topic: &str) -> (i64, Vec<(PhysicalOffset, i64)>) {
    let begin = store.min_offset(topic, LIGHT_QUEUE).unwrap_or_default();
    let read = store.read_queue_blocking(topic, LIGHT_QUEUE, begin, LIMITS, &|_| true).unwrap();
    let mut found = Vec::new();
    for slice in &read.records {
        let mut rest = &slice[..];
        while !rest.is_empty() {
            let view = RecordView::parse(rest).unwrap();
            found.push((view.physical_offset(), offset_in(&view, topic).0));
            rest = &rest[view.size()..];
        }
    }
    (begin.0, found)
}

#[test]
fn a_message_is_in_its_own_queue_and_in_each_light_one() {
    for append_crc in [false, true] {
        let mut machine = machine();
        machine.options.append_property_crc = append_crc;
        let store = machine.open();
        let text = dispatch_to("%LMQ%a,plain,%LMQ%b,%LMQ%a");
        let first = store.put(&message("t", 3, b"1", &text)).unwrap();
        let second = store.put(&message("t", 3, b"2", &dispatch_to("%LMQ%b"))).unwrap();
        store.dispatch_all().unwrap();
        assert_eq!(content(&store, "%LMQ%a"), (0, vec![(first.physical_offset, 0)]));
        let both = vec![(first.physical_offset, 0), (second.physical_offset, 1)];
        assert_eq!(content(&store, "%LMQ%b"), (0, both));
        assert_eq!((first.queue_offset.0, second.queue_offset.0), (0, 1));
        assert_eq!(store.max_offset("t", QueueId(3)), Some(QueueOffset(2)));
        assert_eq!(store.max_offset("plain", QueueId(0)), None, "only names with the prefix are light queues");
        assert_eq!(store.light_queue_count(), 2);
        let record = store.message_at(first.physical_offset).unwrap();
        let view = RecordView::parse(&record).unwrap();
        view.verify(first.physical_offset).unwrap();
        let offsets = view.properties().get_str("INNER_MULTI_QUEUE_OFFSET").unwrap();
        let numbers: Vec<Option<i64>> = offsets.split(',').map(|text| text.parse().ok()).collect();
        assert_eq!(numbers, [Some(0), None, Some(0), None]);
        assert_eq!(view.properties().get_str("KEYS"), Some("k"));
    }
}

#[test]
fn what_waits_or_is_not_meant_for_consumers_enters_no_light_queue() {
    let machine = machine();
    let store = machine.open();
    let text = dispatch_to("%LMQ%a");
    for topic in ["%RETRY%g", "%DLQ%g", "rmq_sys_wheel_timer", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC"] {
        let put = store.put(&message(topic, 0, b"x", &text)).unwrap();
        let record = store.message_at(put.physical_offset).unwrap();
        let view = RecordView::parse(&record).unwrap();
        assert_eq!(view.properties().get("INNER_MULTI_QUEUE_OFFSET"), None, "{topic}");
        assert!(
            view.properties().get("INNER_MULTI_DISPATCH").is_some(),
            "{topic}: it may come to its light queues later"
        );
    }
    let half = NewMessage { sys_flag: sys_flag::PREPARED, ..message("t", 0, b"x", &text) };
    store.put(&half).unwrap();
    store.dispatch_all().unwrap();
    assert_eq!(store.light_queue_count(), 0);
}

#[test]
fn a_name_that_is_no_folders_is_refused() {
    let machine = machine();
    let store = machine.open();
    let end = store.max_physical_offset();
    for name in ["%LMQ%a/b".to_owned(), format!("%LMQ%{}", "x".repeat(260)), "%LMQ%../up".to_owned()] {
        let refused = store.put(&message("t", 0, b"x", &dispatch_to(&name)));
        assert!(matches!(refused, Err(PutError::BadLightQueue { .. })), "{name}: {refused:?}");
    }
    assert_eq!(store.max_physical_offset(), end, "nothing is stored");
}

#[test]
fn without_light_queues_the_property_is_one_like_all_others() {
    let mut machine = machine();
    machine.options.light_queues = false;
    let store = machine.open();
    let text = dispatch_to("%LMQ%a/b");
    let put = store.put(&message("t", 0, b"x", &text)).unwrap();
    store.dispatch_all().unwrap();
    let record = store.message_at(put.physical_offset).unwrap();
    assert_eq!(RecordView::parse(&record).unwrap().properties(), Properties(&text));
    assert_eq!(store.light_queue_count(), 0);
}

#[derive(Debug, Clone)]
enum Step {
    /// Names as bits, the last message's number of a batch (0: no batch).
    Put(u8, usize),
    Dispatch,
    Delete(u8),
    Checkpoint,
    Kill,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..8u8, 0..3usize).prop_map(|(names, batch)| Step::Put(names, batch)),
        3 => Just(Step::Dispatch),
        1 => (0..3u8).prop_map(Step::Delete),
        1 => Just(Step::Checkpoint),
        2 => Just(Step::Kill),
        1 => Just(Step::Stop),
    ]
}

fn name(index: u8) -> String {
    format!("%LMQ%{index}")
}

fn names(bits: u8) -> String {
    (0..3).filter(|index| bits >> index & 1 == 1).map(name).collect::<Vec<_>>().join(",")
}

fn batch_body(properties: &[u8], count: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..count {
        let size = 4 * 5 + 1 + 2 + properties.len();
        body.extend_from_slice(&(size as i32).to_be_bytes());
        body.extend_from_slice(&[0; 12]);
        body.extend_from_slice(&1_i32.to_be_bytes());
        body.push(b'x');
        body.extend_from_slice(&(properties.len() as i16).to_be_bytes());
        body.extend_from_slice(properties);
    }
    body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The naive model: for each light queue the list of its messages' places in the log.
    #[test]
    fn light_queues_are_lists_that_survive_everything(steps in prop::collection::vec(step(), 1..60)) {
        let mut machine = machine();
        let mut store = machine.open();
        let mut model: BTreeMap<u8, Vec<PhysicalOffset>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Put(bits, batch) => {
                    let text = dispatch_to(&names(bits));
                    let puts = match batch {
                        0 => vec![store.put(&message("t", 1, b"x", &text)).unwrap()],
                        count => store.put_batch(&message("t", 1, &batch_body(&text, count), b"")).unwrap(),
                    };
                    for index in (0..3).filter(|index| bits >> index & 1 == 1) {
                        model.entry(index).or_default().extend(puts.iter().map(|put| put.physical_offset));
                    }
                }
                Step::Dispatch => store.dispatch(),
                Step::Delete(index) => {
                    store.delete_topic(&name(index)).unwrap();
                    model.remove(&index);
                }
                Step::Checkpoint => store.checkpoint_now(),
                Step::Kill => {
                    machine.crash(store);
                    store = machine.open();
                }
                Step::Stop => {
                    store.close().unwrap();
                    drop(store);
                    store = machine.open();
                }
            }
            store.dispatch_all().unwrap();
            for index in 0..3 {
                let expected = model.get(&index).cloned().unwrap_or_default();
                let expected: Vec<_> = expected.into_iter().zip(0_i64..).collect();
                let (begin, found) = content(&store, &name(index));
                prop_assert_eq!((begin, found), (0, expected));
            }
            let past_end = store.next_offset(&name(0), LIGHT_QUEUE);
            let read = store.read_queue_blocking(&name(0), LIGHT_QUEUE, past_end, LIMITS, &|_| true).unwrap();
            prop_assert!(matches!(read.status, ReadStatus::OverflowOne | ReadStatus::NoSuchQueue | ReadStatus::NoMessage));
        }
    }
}
