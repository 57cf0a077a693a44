//! Questions to queues and their answers.

use bytes::Bytes;

use crate::offset::{PhysicalOffset, QueueOffset};

/// How much one read may return. The store's own limits apply too.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Most messages.
    pub max_messages: usize,
    /// Most bytes, except that a single message is returned whatever its length.
    pub max_bytes: usize,
}

/// What a queue has at the offset that was asked for, in Apache's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadStatus {
    /// Messages.
    Found,
    /// Only messages that the filter did not accept (`NO_MATCHED_MESSAGE`).
    NoMatched,
    /// The queue never had a message (`NO_MESSAGE_IN_QUEUE`).
    NoMessage,
    /// The offset is the next one to be written (`OFFSET_OVERFLOW_ONE`).
    OverflowOne,
    /// The offset lies beyond that (`OFFSET_OVERFLOW_BADLY`).
    OverflowBadly,
    /// The offset lies before the queue's first message (`OFFSET_TOO_SMALL`).
    TooSmall,
    /// Nobody ever wrote to this queue (`NO_MATCHED_LOGIC_QUEUE`).
    NoSuchQueue,
    /// The messages are gone from the commit log, or damaged (`MESSAGE_WAS_REMOVING`).
    Removed,
}

impl ReadStatus {
    /// Apache's name of the status, which its brokers put into remarks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "FOUND",
            Self::NoMatched => "NO_MATCHED_MESSAGE",
            Self::NoMessage => "NO_MESSAGE_IN_QUEUE",
            Self::OverflowOne => "OFFSET_OVERFLOW_ONE",
            Self::OverflowBadly => "OFFSET_OVERFLOW_BADLY",
            Self::TooSmall => "OFFSET_TOO_SMALL",
            Self::NoSuchQueue => "NO_MATCHED_LOGIC_QUEUE",
            Self::Removed => "MESSAGE_WAS_REMOVING",
        }
    }
}

/// The answer to a read.
#[derive(Clone, Debug)]
pub struct QueueRead {
    /// What was found.
    pub status: ReadStatus,
    /// Where to read next.
    pub next_offset: QueueOffset,
    /// The queue's first offset.
    pub min_offset: QueueOffset,
    /// The queue's next offset to be written.
    pub max_offset: QueueOffset,
    /// The records, verbatim and in order; neighbours in the log share one slice.
    pub records: Vec<Bytes>,
    /// How many messages `records` holds.
    pub count: usize,
    /// How many bytes `records` holds.
    pub bytes: usize,
    /// Whether the reader is so far behind that Apache would send it to a slave.
    pub far_behind: bool,
}

/// One entry of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// Where the message lies in the commit log.
    pub physical: PhysicalOffset,
    /// The length of its record.
    pub bytes: i32,
    /// The hash of its tag, 0 without one; the delivery time on the schedule topic.
    pub tags_code: i64,
}

/// Which end of the messages that share a store time, or surround it, is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// The first message stored at that time, else the first one after.
    Lower,
    /// The last message stored at that time, else the last one before.
    Upper,
}
