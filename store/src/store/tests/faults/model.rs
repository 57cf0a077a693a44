//! What a store must show, whatever has happened to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Clock;
use crate::message::Put;
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{ReadLimits, ReadStatus};
use crate::record::RecordView;
use crate::store::Store;

use super::PATIENCE_MS;

/// A message that was accepted.
pub(super) struct Message {
    pub(super) topic: &'static str,
    pub(super) queue: i32,
    pub(super) offset: QueueOffset,
    pub(super) physical: PhysicalOffset,
    pub(super) end: PhysicalOffset,
    pub(super) body: Vec<u8>,
    pub(super) key: String,
}

impl Message {
    pub(super) fn new(topic: &'static str, queue: i32, body: Vec<u8>, key: String, put: Put) -> Self {
        Self { topic, queue, offset: put.queue_offset, physical: put.physical_offset, end: put.end(), body, key }
    }
}

/// A message that was damaged on purpose.
pub(super) struct Damage {
    pub(super) physical: PhysicalOffset,
    /// Whether it must not be served; else it may.
    pub(super) certain: bool,
}

/// The messages that were accepted, in the order of the log.
#[derive(Default)]
pub(super) struct Model {
    messages: Vec<Message>,
    /// Up to where the store said that the log is on the disk. No fault may take that back.
    promised: PhysicalOffset,
    /// Whether a fault is on.
    faulty: bool,
    /// Whether one was since the store was opened.
    was_faulty: bool,
    full: bool,
    room_since_ms: i64,
    healed_ms: i64,
}

impl Model {
    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// A message was accepted: it has the next offset of its queue.
    pub(super) fn stored(&mut self, message: Message) {
        let expected = self.of_queue(message.topic, message.queue).count();
        assert_eq!(message.offset.0, expected as i64, "queue offsets are dense");
        self.messages.push(message);
    }

    pub(super) fn promise(&mut self, flushed: PhysicalOffset) {
        self.promised = self.promised.max(flushed);
    }

    pub(super) fn fault(&mut self) {
        self.faulty = true;
        self.was_faulty = true;
    }

    pub(super) fn was_faulty(&self) -> bool {
        self.was_faulty
    }

    pub(super) fn heal(&mut self, clock: &dyn Clock) {
        if std::mem::take(&mut self.faulty) {
            self.healed_ms = clock.now_ms();
        }
        self.set_full(false, clock);
    }

    pub(super) fn set_full(&mut self, full: bool, clock: &dyn Clock) {
        if self.full {
            self.room_since_ms = clock.now_ms();
        }
        self.full = full;
        self.was_faulty |= full;
    }

    pub(super) fn may_lack_room(&self, clock: &dyn Clock) -> bool {
        self.full || clock.now_ms() < self.room_since_ms + PATIENCE_MS
    }

    /// Whether a segment may be missing for a fault: the failure to make one stands a little longer than the fault.
    pub(super) fn may_lack_segment(&self, clock: &dyn Clock) -> bool {
        self.faulty || clock.now_ms() < self.healed_ms + PATIENCE_MS
    }

    /// The disk is another one now, without faults.
    pub(super) fn restarted(&mut self) {
        (self.faulty, self.was_faulty, self.full) = (false, false, false);
        (self.room_since_ms, self.healed_ms) = (0, 0);
    }

    /// A topic was deleted; says whether it was there.
    pub(super) fn delete(&mut self, topic: &str) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.topic != topic);
        self.messages.len() < before
    }

    /// The process was killed: nothing is lost.
    pub(super) fn killed(&mut self, store: &Store) {
        let end = self.messages.last().map_or(PhysicalOffset(0), |message| message.end);
        assert!(store.max_physical_offset() >= end, "a kill lost messages behind {}", store.max_physical_offset());
        self.promise(store.flushed_offset());
    }

    /// The power failed: what was promised is there, of the rest the older part.
    pub(super) fn cut_off(&mut self, store: &Store) {
        let end = store.max_physical_offset();
        let promised = self.messages.iter().rfind(|message| message.end <= self.promised);
        if let Some(message) = promised {
            assert!(message.end <= end, "the log ends at {end}, but {} was promised", self.promised);
        }
        self.messages.retain(|message| message.end <= end);
        self.promised = PhysicalOffset(0);
        self.promise(store.flushed_offset());
    }

    /// The store shows these messages and no others.
    pub(super) fn check(&self, store: &Store) {
        self.check_damaged(store, None);
    }

    /// Like [`Model::check`], but for one message that is damaged.
    pub(super) fn check_damaged(&self, store: &Store, damage: Option<&Damage>) {
        store.dispatch_all().ok();
        assert_eq!(store.health().dispatch_error, None);
        assert_eq!(store.dispatched_offset(), store.max_physical_offset());
        let mut queues: BTreeMap<(&str, i32), Vec<&Message>> = BTreeMap::new();
        for message in &self.messages {
            queues.entry((message.topic, message.queue)).or_default().push(message);
            self.check_alone(store, message, damage);
        }
        for ((topic, queue), messages) in &queues {
            self.check_queue(store, topic, QueueId(*queue), messages, damage);
        }
        let shown: BTreeSet<(String, i32)> = store
            .topics()
            .iter()
            .flat_map(|topic| store.queues(topic).into_iter().map(|queue| (topic.to_string(), queue.0)))
            .collect();
        for (topic, queue) in shown {
            let known = queues.contains_key(&(topic.as_str(), queue));
            let empty = store.max_offset(&topic, QueueId(queue)) == Some(QueueOffset(0));
            assert!(
                known || empty || damage.is_some_and(|damage| !damage.certain),
                "{topic}/{queue} came from nowhere"
            );
        }
    }

    /// Reads the message with this number, if there is one, while anything may be failing: it is told as it is, or not at all.
    pub(super) fn check_read(&self, store: &Store, number: usize) {
        let Some(message) = self.messages.get(number) else { return };
        let (topic, queue) = (message.topic, QueueId(message.queue));
        let limits = ReadLimits { max_messages: 1, max_bytes: 1_000 };
        match store.read_queue_blocking(topic, queue, message.offset, limits, &|_| true) {
            Ok(read) => {
                let dispatched = store.max_offset(topic, queue).is_some_and(|max| message.offset < max);
                assert_eq!(
                    read.status == ReadStatus::Found,
                    dispatched,
                    "{topic}/{queue} at {}: {read:?}",
                    message.offset
                );
                let bodies = read.records.iter().map(|bytes| RecordView::parse(bytes).unwrap().body());
                assert!(bodies.eq(dispatched.then_some(&message.body[..])));
            }
            Err(error) => assert!(self.was_faulty, "{error}"),
        }
        match store.message_at(message.physical) {
            Ok(bytes) => assert_eq!(RecordView::parse(&bytes).unwrap().body(), message.body),
            Err(error) => assert!(self.was_faulty, "{error}"),
        }
        let found = store.query_index(topic, &message.key, 64, 0, i64::MAX);
        assert!(found.is_ok() || self.was_faulty, "{found:?}");
    }

    /// How many messages a queue has.
    pub(super) fn count(&self, topic: &str, queue: i32) -> usize {
        self.of_queue(topic, queue).count()
    }

    /// What follows from the log has a flipped bit: the store serves these messages or fewer, but no other in their place. Of all
    /// queues together at most `may_lack` messages are missing, and counted. With `index_sound` all keys are found.
    pub(super) fn check_followers(&self, store: &Store, may_lack: usize, index_sound: bool) {
        store.dispatch_all().ok();
        assert_eq!(store.dispatched_offset(), store.max_physical_offset());
        let damaged = store.statistics().damaged_messages;
        let queues: BTreeSet<(&str, i32)> =
            self.messages.iter().map(|message| (message.topic, message.queue)).collect();
        let mut lacking = Vec::new();
        for (topic, queue) in queues {
            let expected: Vec<_> = self.of_queue(topic, queue).collect();
            assert_eq!(
                store.max_offset(topic, QueueId(queue)),
                Some(QueueOffset(expected.len() as i64)),
                "{topic}/{queue}"
            );
            let shown = read_all(store, topic, QueueId(queue));
            let is_missing = |message: &&&Message| shown.iter().all(|(offset, ..)| *offset != message.offset.0);
            lacking.extend(
                expected.iter().filter(is_missing).map(|message| (topic, queue, message.offset, message.physical)),
            );
            for (offset, physical, body) in shown {
                let message = expected[offset as usize];
                assert_eq!((physical, &body), (message.physical, &message.body), "{topic}/{queue} at {offset}");
            }
        }
        assert!(lacking.len() <= may_lack, "{lacking:?} are missing");
        let counted = store.statistics().damaged_messages - damaged;
        assert!(counted >= lacking.len() as u64, "{lacking:?} are missing and not counted");
        for message in &self.messages {
            if let Ok(bytes) = store.message_at(message.physical) {
                assert_eq!(RecordView::parse(&bytes).unwrap().body(), message.body);
            }
            let found = store.query_index(message.topic, &message.key, 64, 0, i64::MAX);
            assert!(!index_sound || found.is_ok_and(|found| found.contains(&message.physical)), "{}", message.key);
        }
    }

    fn of_queue(&self, topic: &str, queue: i32) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| message.topic == topic && message.queue == queue)
    }

    /// The message by its place in the log, and by its key.
    fn check_alone(&self, store: &Store, message: &Message, damage: Option<&Damage>) {
        let found = store.message_at(message.physical);
        if let Some(damage) = damage.filter(|damage| damage.physical == message.physical) {
            assert!(found.is_err() || !damage.certain, "the damaged message at {} is served", message.physical);
            return;
        }
        let bytes = found.unwrap();
        let record = RecordView::parse(&bytes).unwrap();
        assert_eq!(record.body(), message.body);
        let found = store.query_index(message.topic, &message.key, 64, 0, i64::MAX).unwrap();
        assert!(found.contains(&message.physical), "{} at {} is not in the index", message.key, message.physical);
    }

    /// All of a queue, from its first offset to its last.
    fn check_queue(&self, store: &Store, topic: &str, queue: QueueId, messages: &[&Message], damage: Option<&Damage>) {
        let max = QueueOffset(messages.len() as i64);
        assert_eq!(store.max_offset(topic, queue), Some(max), "{topic}/{queue}");
        assert_eq!(store.next_offset(topic, queue), max, "{topic}/{queue}");
        let mut shown = Vec::new();
        let mut next = QueueOffset(0);
        while next < max {
            let limits = ReadLimits { max_messages: 5, max_bytes: 1_000 };
            let read = store.read_queue_blocking(topic, queue, next, limits, &|_| true).unwrap();
            let served = read.status == ReadStatus::Found || read.status == ReadStatus::Removed && damage.is_some();
            assert!(served && read.next_offset > next, "{topic}/{queue} at {next}: {read:?}");
            for mut rest in read.records.iter().map(|bytes| &bytes[..]) {
                while !rest.is_empty() {
                    let record = RecordView::parse(rest).unwrap();
                    shown.push((record.physical_offset(), record.queue_offset(), record.body().to_vec()));
                    rest = &rest[record.size()..];
                }
            }
            next = read.next_offset;
        }
        let damaged = damage.filter(|damage| messages.iter().any(|message| message.physical == damage.physical));
        let is_optional = |message: &&&Message| damaged.is_some_and(|damage| damage.physical == message.physical);
        let served = shown.len() == messages.len();
        assert!(
            !(served && damaged.is_some_and(|damage| damage.certain)),
            "a damaged message of {topic}/{queue} is served"
        );
        let expected = messages.iter().filter(|message| served || !is_optional(message));
        let expected: Vec<_> =
            expected.map(|message| (message.physical, message.offset, message.body.clone())).collect();
        assert!(
            expected == shown,
            "{topic}/{queue} shows {:?}",
            shown.iter().map(|(at, offset, _)| (at, offset)).collect::<Vec<_>>()
        );
    }
}

/// Offset, place in the log and body of all messages that a queue shows.
fn read_all(store: &Store, topic: &str, queue: QueueId) -> Vec<(i64, PhysicalOffset, Vec<u8>)> {
    let (mut shown, mut next) = (Vec::new(), QueueOffset(0));
    while next < store.max_offset(topic, queue).unwrap() {
        let limits = ReadLimits { max_messages: 5, max_bytes: 1_000 };
        let read = store.read_queue_blocking(topic, queue, next, limits, &|_| true).unwrap();
        assert!(read.next_offset > next, "{topic}/{queue} at {next}: {read:?}");
        for mut rest in read.records.iter().map(|bytes| &bytes[..]) {
            while !rest.is_empty() {
                let record = RecordView::parse(rest).unwrap();
                assert_eq!((record.topic(), record.queue()), (topic, queue));
                shown.push((record.queue_offset().0, record.physical_offset(), record.body().to_vec()));
                rest = &rest[record.size()..];
            }
        }
        next = read.next_offset;
    }
    shown
}
