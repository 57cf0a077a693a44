//! What is counted of one topic: its row, its groups' rows, and what only monitoring asks for.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::RwLock;

use super::histogram::{Counted, Histogram};
use super::names::{group, topic};
use super::row::Row;
use crate::topic::message_type::MessageType;

/// Upper ends of the classes of records' sizes, in bytes: Apache's.
pub(crate) const SIZE_ENDS: [u64; 6] = [1 << 10, 4 << 10, 512 << 10, 1 << 20, 2 << 20, 4 << 20];
/// Upper ends of the classes of transactions' and timed messages' times, in seconds: Apache's.
pub(crate) const COMMIT_ENDS: [u64; 6] = [5, 60, 600, 3_600, 43_200, 86_400];
/// The same, of timed messages.
pub(crate) const DELAY_ENDS: [u64; 6] = [60, 600, 3_600, 43_200, 86_400, 259_200];

/// The kinds of messages there are, in the order in which they are counted.
const KINDS: [MessageType; 6] = [
    MessageType::Normal,
    MessageType::Fifo,
    MessageType::Delay,
    MessageType::Transaction,
    MessageType::Priority,
    MessageType::Lite,
];

/// What came to an end, or further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finished {
    /// A transaction was committed, so many seconds after its message was made.
    Commit { seconds: u64 },
    /// A transaction was rolled back.
    Rollback,
    /// A message began to wait for a time so many seconds after it was made.
    Timed { seconds: u64 },
    /// A timed message was delivered.
    Delivered,
}

/// The counts of a topic.
#[derive(Debug)]
pub(crate) struct TopicRows {
    broker: usize,
    name: Box<str>,
    /// These are not the topic's rows any more.
    is_gone: AtomicBool,
    pub(super) row: Row<{ topic::ALL }>,
    pub(super) groups: RwLock<HashMap<Box<str>, Row<{ group::ALL }>>>,
    /// Sizes of records that producers sent, by kind; most topics have one.
    sizes: [OnceLock<Box<Histogram<7>>>; KINDS.len()],
    commits: OnceLock<Box<Histogram<7>>>,
    timed: OnceLock<Box<Histogram<7>>>,
    rollbacks: AtomicU64,
    delivered: AtomicU64,
}

/// What came to a topic since it is counted.
pub(crate) struct TopicTraffic {
    /// The topic.
    pub(crate) name: String,
    /// Sizes of the records that producers sent, by kind.
    pub(crate) sizes: Vec<(MessageType, Counted)>,
    /// How many seconds transactions were open that were committed.
    pub(crate) commits: Option<Counted>,
    /// How many were rolled back.
    pub(crate) rollbacks: u64,
    /// How many seconds ahead messages were timed.
    pub(crate) timed: Option<Counted>,
    /// How many of them were delivered.
    pub(crate) delivered: u64,
    /// What its groups did.
    pub(crate) groups: Vec<GroupTraffic>,
}

/// What a group did with a topic since it is counted.
pub(crate) struct GroupTraffic {
    /// The group.
    pub(crate) name: String,
    /// Messages handed out.
    pub(crate) messages: u64,
    /// Bytes of their records.
    pub(crate) bytes: u64,
    /// Acknowledgements of popped messages.
    pub(crate) acks: u64,
    /// Checkpoints of popped messages.
    pub(crate) checkpoints: u64,
    /// Popped messages that were stored for another delivery.
    pub(crate) revived: u64,
    /// Messages that it gave up.
    pub(crate) dead_letters: u64,
}

impl TopicRows {
    pub(super) fn new(broker: usize, name: &str, now_ms: i64) -> Self {
        TopicRows {
            broker,
            name: name.into(),
            is_gone: AtomicBool::new(false),
            row: Row::new(now_ms),
            groups: RwLock::default(),
            sizes: Default::default(),
            commits: OnceLock::new(),
            timed: OnceLock::new(),
            rollbacks: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
        }
    }

    /// Are these the rows of that broker's topic?
    pub(super) fn is(&self, broker: usize, name: &str) -> bool {
        self.broker == broker && &*self.name == name && !self.is_gone.load(Relaxed)
    }

    /// The topic is not counted here any more; answers how many groups were.
    pub(super) fn remove(&self) -> usize {
        self.is_gone.store(true, Relaxed);
        std::mem::take(&mut *self.groups.write()).len()
    }

    pub(super) fn sent(&self, kind: MessageType, messages: u64, bytes: u64) {
        let place = KINDS.iter().position(|known| *known == kind).unwrap_or(0);
        if let Some(size) = bytes.checked_div(messages) {
            self.sizes[place].get_or_init(Box::default).add(&SIZE_ENDS, size, messages);
        }
    }

    pub(super) fn finished(&self, what: Finished) {
        match what {
            Finished::Commit { seconds } => self.commits.get_or_init(Box::default).add(&COMMIT_ENDS, seconds, 1),
            Finished::Timed { seconds } => self.timed.get_or_init(Box::default).add(&DELAY_ENDS, seconds, 1),
            Finished::Rollback => drop(self.rollbacks.fetch_add(1, Relaxed)),
            Finished::Delivered => drop(self.delivered.fetch_add(1, Relaxed)),
        }
    }

    pub(super) fn traffic(&self) -> TopicTraffic {
        let groups = self.groups.read();
        let groups = groups.iter().map(|(name, row)| {
            let counts = row.counts();
            GroupTraffic {
                name: name.to_string(),
                messages: counts[group::MESSAGES],
                bytes: counts[group::BYTES],
                acks: counts[group::ACKS],
                checkpoints: counts[group::CHECKPOINTS],
                revived: counts[group::REVIVED],
                dead_letters: counts[group::DEAD_LETTERS],
            }
        });
        let counted = |histogram: &OnceLock<Box<Histogram<7>>>| histogram.get().map(|histogram| histogram.counted());
        let sizes = KINDS.into_iter().zip(&self.sizes);
        TopicTraffic {
            name: self.name.to_string(),
            sizes: sizes.filter_map(|(kind, sizes)| Some((kind, counted(sizes)?))).collect(),
            commits: counted(&self.commits),
            rollbacks: self.rollbacks.load(Relaxed),
            timed: counted(&self.timed),
            delivered: self.delivered.load(Relaxed),
            groups: groups.collect(),
        }
    }
}
