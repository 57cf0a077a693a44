//! The handle of a popped message (`extraInfo`, the property `POP_CK`), and the fields of an answer from which clients make handles.
//! Text, separated by spaces: where the POP began to read, when it was, for how long, the journal's queue, the kind of topic, the
//! broker, the queue and the message's offset. The last is absent where a handle stands for a whole POP.

use std::fmt::Write;

use super::retry_topic::TopicKind;

/// The journal queue that handles of ordered POPs name: there is no checkpoint.
pub const ORDERED: i32 = 999;

/// A handle, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle<'a> {
    /// Where the POP began to read.
    pub start: i64,
    /// When it was, in milliseconds since 1970.
    pub pop_ms: i64,
    /// For how long its messages are hidden, in milliseconds.
    pub invisible_ms: i64,
    /// The queue of the journal, or [`ORDERED`].
    pub revive_queue: i32,
    /// The broker that handed the message out.
    pub broker: &'a str,
}

/// Text that is no handle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "extraInfo is malformed: {0:?}; a handle reads \"start popTime invisibleTime reviveQueue kind broker queue offset\""
)]
pub struct BadHandle(pub String);

impl<'a> Handle<'a> {
    /// Reads a handle. What it says about topic and queue is left out: requests name both themselves.
    pub fn parse(text: &'a str) -> Result<Self, BadHandle> {
        let bad = || BadHandle(text.to_owned());
        let mut parts = text.split(' ');
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or_else(bad);
        let (start, pop_ms, invisible_ms) = (number()?, number()?, number()?);
        let revive_queue = i32::try_from(number()?).map_err(|_| bad())?;
        let (_kind, broker) = (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        Ok(Handle { start, pop_ms, invisible_ms, revive_queue, broker })
    }

    /// Whether the message was popped in order.
    pub fn is_ordered(&self) -> bool {
        self.revive_queue == ORDERED
    }

    /// Until when the handle is valid.
    pub fn due_ms(&self) -> i64 {
        self.pop_ms.saturating_add(self.invisible_ms)
    }

    /// The text for a message.
    pub fn write(&self, kind: TopicKind, queue: i32, offset: i64) -> String {
        let Handle { start, pop_ms, invisible_ms, revive_queue, broker } = self;
        format!("{start} {pop_ms} {invisible_ms} {revive_queue} {kind} {broker} {queue} {offset}")
    }
}

/// The fields `startOffsetInfo`, `msgOffsetInfo` and `orderCountInfo` of an answer: entries separated by semicolons.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OffsetInfo {
    /// For each queue where the POP began to read.
    pub start: String,
    /// For each queue the offsets of its messages.
    pub messages: String,
    /// How often messages were delivered before, in ordered POPs.
    pub order_counts: String,
}

impl OffsetInfo {
    /// Adds what was taken from a queue.
    pub fn add(&mut self, kind: TopicKind, queue: i32, start: i64, offsets: &[i64]) {
        entry(&mut self.start, format_args!("{kind} {queue} {start}"));
        entry(&mut self.messages, format_args!("{kind} {queue} "));
        for (index, offset) in offsets.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(self.messages, "{}{offset}", if index == 0 { "" } else { "," });
        }
    }

    /// Adds how often messages of a queue were delivered before; clients of old look only at the queue's own entry, which tells the
    /// least of its messages'.
    pub fn add_counts(&mut self, kind: TopicKind, queue: i32, counts: &[(i64, i32)], least: i32) {
        for (offset, count) in counts {
            entry(&mut self.order_counts, format_args!("{kind} qo{queue}%{offset} {count}"));
        }
        entry(&mut self.order_counts, format_args!("{kind} {queue} {least}"));
    }
}

fn entry(out: &mut String, text: std::fmt::Arguments<'_>) {
    if !out.is_empty() {
        out.push(';');
    }
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests;
