//! Random histories of puts, restarts and crashes against a model that is a list of messages for each queue.

use std::collections::BTreeMap;

use super::random::{Random, for_seeds, seeds};
use super::{Machine, message};
use crate::disk::Disk;
use crate::offset::{PhysicalOffset, QueueId, QueueOffset};
use crate::read::{ReadLimits, ReadStatus};
use crate::record::{RecordView, properties};
use crate::store::Store;

/// Histories per run; `BOLIDE_SEED=n` runs that one only.
const HISTORIES: u64 = 150;
const STEPS: usize = 60;

struct Message {
    body: Vec<u8>,
    key: String,
    physical: PhysicalOffset,
}

type Model = BTreeMap<(String, i32), Vec<Message>>;

struct History {
    random: Random,
    machine: Machine,
    model: Model,
    keys: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), machine: Machine::new(), model: Model::new(), keys: 0 }
    }

    fn topic(&mut self) -> String {
        ["Orders", "%RETRY%group", "a|b"][self.random.below(3)].to_owned()
    }

    fn put(&mut self, store: &Store) {
        let (topic, queue) = (self.topic(), self.random.below(3) as i32);
        let length = self.random.below(600);
        let body: Vec<u8> = (0..length).map(|_| self.random.below(256) as u8).collect();
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        let mut text = Vec::new();
        properties::push(&mut text, properties::KEYS, &key);
        properties::push(&mut text, properties::TAGS, "T");
        let put = store.put(&message(&topic, queue, &body, &text)).unwrap();
        let messages = self.model.entry((topic, queue)).or_default();
        assert_eq!(put.queue_offset.0, messages.len() as i64, "queue offsets are dense");
        messages.push(Message { body, key, physical: put.physical_offset });
    }

    fn put_batch(&mut self, store: &Store) {
        let (topic, queue) = (self.topic(), self.random.below(3) as i32);
        let mut batch = Vec::new();
        let mut added = Vec::new();
        for _ in 0..1 + self.random.below(5) {
            let body = vec![b'b'; self.random.below(100)];
            self.keys += 1;
            let key = format!("key-{}", self.keys);
            let mut text = Vec::new();
            properties::push(&mut text, properties::KEYS, &key);
            let size = (22 + body.len() + text.len()) as i32;
            for number in [size, 0, 0, 7, body.len() as i32] {
                batch.extend(number.to_be_bytes());
            }
            batch.extend(&body);
            batch.extend((text.len() as i16).to_be_bytes());
            batch.extend(&text);
            added.push((body, key));
        }
        let puts = store.put_batch(&message(&topic, queue, &batch, b"")).unwrap();
        let messages = self.model.entry((topic, queue)).or_default();
        for (put, (body, key)) in puts.iter().zip(added) {
            assert_eq!(put.queue_offset.0, messages.len() as i64);
            messages.push(Message { body, key, physical: put.physical_offset });
        }
    }

    fn step(&mut self, store: Store) -> Store {
        self.machine.clock.advance(self.random.below(400) as i64);
        match self.random.below(40) {
            0..20 => self.put(&store),
            20..24 => self.put_batch(&store),
            24..29 => store.dispatch(),
            29..31 => drop(store.inner.dispatcher.settle(&store.inner.surroundings()).unwrap()),
            31..33 => store.checkpoint_now(),
            33 => {
                let topic = self.topic();
                let known = store.delete_topic(&topic).unwrap();
                let before = self.model.len();
                self.model.retain(|(name, _), _| *name != topic);
                assert_eq!(known, self.model.len() < before);
            }
            34..36 => {
                store.close().unwrap();
                drop(store);
                return self.reopened();
            }
            _ => {
                self.machine.crash(store);
                match self.random.below(4) {
                    0 => self.tear_tail(),
                    1 => self.lose_queue_tails(),
                    _ => {}
                }
                return self.reopened();
            }
        }
        store
    }

    /// The process died while it copied a record.
    fn tear_tail(&mut self) {
        let log = self.machine.path("commitlog");
        let end = self.model.values().flatten().map(|message| message.physical.0).max().unwrap_or(-1);
        let segments = self.machine.disk.list(&log).unwrap();
        let segment_bytes = self.machine.options.segment_bytes as i64;
        let Some(segment) =
            segments.iter().find(|entry| entry.name == format!("{:020}", end.max(0) / segment_bytes * segment_bytes))
        else {
            return;
        };
        let file = self.machine.disk.open(&log.join(&segment.name)).unwrap();
        let mut size = [0; 4];
        let last = end.max(0) % segment_bytes;
        let tail = if end < 0 {
            0
        } else {
            file.read_at(last as u64, &mut size).unwrap();
            last + i64::from(u32::from_be_bytes(size))
        };
        let mut next = [0; 8];
        file.read_at(tail as u64, &mut next).unwrap();
        if next == [0; 8] {
            let torn: Vec<u8> = (0..self.random.below(100)).map(|at| if at < 4 { 0 } else { 0xDA }).collect();
            let torn = &torn[..torn.len().min((segment_bytes - tail) as usize)];
            file.write_at(tail as u64, torn).unwrap();
        }
    }

    /// Units that came after the checkpoint never reached the disk.
    fn lose_queue_tails(&mut self) {
        let mut safe = [0; 8];
        self.machine.disk.open(&self.machine.path("checkpoint")).unwrap().read_at(40, &mut safe).unwrap();
        let safe = i64::from_be_bytes(safe);
        for (topic, queue) in self.model.keys() {
            let dir = self.machine.path("consumequeue").join(topic).join(queue.to_string());
            let files = self.machine.disk.list(&dir).unwrap();
            if let Some(last) = files.last()
                && self.random.below(2) == 0
            {
                let file = self.machine.disk.open(&dir.join(&last.name)).unwrap();
                let mut units = vec![0; file.bytes() as usize];
                file.read_at(0, &mut units).unwrap();
                let is_safe = |unit: &&[u8; 20]| {
                    i64::from_be_bytes(*unit.first_chunk().unwrap()) <= safe && unit[8..12] != [0; 4]
                };
                let from = units.as_chunks().0.iter().take_while(is_safe).count() * 20;
                file.write_at(from as u64, &vec![0; units.len() - from]).unwrap();
            }
        }
    }

    fn reopened(&self) -> Store {
        let store = self.machine.open();
        assert!(store.topics().len() <= 3);
        self.check(&store);
        store
    }

    fn check(&self, store: &Store) {
        while store.dispatched_offset() < store.max_physical_offset() {
            store.dispatch_all().unwrap();
        }
        for ((topic, queue), messages) in &self.model {
            let queue = QueueId(*queue);
            assert_eq!(store.max_offset(topic, queue), Some(QueueOffset(messages.len() as i64)), "{topic}/{queue}");
            assert_eq!(store.next_offset(topic, queue).0, messages.len() as i64);
            let mut next = 0;
            for message in messages {
                if next == 0 || next % 7 == 0 {
                    next = self.check_read(store, topic, queue, messages, next);
                }
                let bytes = store.message_at(message.physical).unwrap();
                assert_eq!(RecordView::parse(&bytes).unwrap().body(), message.body);
                let found = store.query_index(topic, &message.key, 64, 0, i64::MAX).unwrap();
                assert!(found.contains(&message.physical), "{} of {topic}/{queue} is not in the index", message.key);
            }
        }
        for topic in store.topics() {
            for queue in store.queues(&topic) {
                let known = self.model.contains_key(&(topic.to_string(), queue.0));
                assert!(known, "{topic}/{queue} came from nowhere");
            }
        }
    }

    /// Reads from `from` to the end and returns the end.
    fn check_read(&self, store: &Store, topic: &str, queue: QueueId, messages: &[Message], from: usize) -> usize {
        let mut next = from;
        while next < messages.len() {
            let limits = ReadLimits { max_messages: 5, max_bytes: 1_000 };
            let read = store.read_queue_blocking(topic, queue, QueueOffset(next as i64), limits, &|_| true).unwrap();
            assert_eq!(read.status, ReadStatus::Found);
            let mut count = 0;
            for mut rest in read.records.iter().map(|bytes| &bytes[..]) {
                while !rest.is_empty() {
                    let record = RecordView::parse(rest).unwrap();
                    record.verify(messages[next].physical).unwrap();
                    assert_eq!((record.topic(), record.queue(), record.queue_offset().0), (topic, queue, next as i64));
                    assert_eq!(record.body(), messages[next].body);
                    rest = &rest[record.size()..];
                    next += 1;
                    count += 1;
                }
            }
            assert_eq!(count, read.count);
            assert_eq!(read.next_offset.0, next as i64);
        }
        next
    }
}

#[test]
fn histories() {
    for_seeds("histories", &seeds(HISTORIES), |seed| {
        let mut history = History::new(seed);
        let mut store = history.machine.open();
        for _ in 0..STEPS {
            store = history.step(store);
        }
        history.check(&store);
    });
}
