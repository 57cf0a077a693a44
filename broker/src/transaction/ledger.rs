//! The books of open transactions: a plain state machine, rebuilt from the half and the op queue at each start. It is told what the
//! half queue holds, which transactions ended, and which half messages were stored again; it answers which producers to ask, what to
//! give up, what to write to the op queue, and how far both queues are done with. No I/O, no clock.
//!
//! A half message that is checked is stored again, at a new offset. All copies belong to one transaction, which is known by the offset
//! of the first (its origin); only the latest copy counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::transaction::operation::{Operation, PendingOperations};
use crate::transaction::ranges::OffsetRanges;

/// How many open transactions are kept in mind; the half queue is not read further until some have ended.
const MAX_OPEN: usize = 500_000;
/// How many ranges of ended transactions are kept in mind. Once as many lie ahead of the oldest open one, no more may end.
const MAX_RANGES: usize = 500_000;
/// How many ranges are kept of those that no queue needs any more, to recognize requests that come twice.
const KEPT_RANGES: usize = 65_536;
/// An open half message that lies further behind than this is stored again, so that the queues' progress is not held up.
const MAX_LAG: i64 = 100_000;

/// The latest copy of an open transaction's half message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// The producer group, any member of which may be asked.
    pub group: Arc<str>,
    /// The topic that the message is for.
    pub topic: Arc<str>,
    /// Its offset in the half queue.
    pub offset: i64,
    /// Where its record lies in the commit log.
    pub physical: i64,
    /// The offset of the first copy.
    pub origin: i64,
    /// When the producer made the message, by its own clock.
    pub born_ms: i64,
    /// When this copy was stored, which is when a producer was last asked, if any was.
    pub stored_ms: i64,
    /// How long the producer wants to be left alone; `None`: as long as the broker's configuration says.
    pub immunity_ms: Option<i64>,
    /// How often producers have been asked.
    pub checks: i32,
}

/// The part of the configuration that rules checks.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a producer is left alone that does not say so itself (`transactionTimeOut`).
    pub timeout_ms: i64,
    /// How long producers are left to answer before they are asked again (`transactionCheckInterval`).
    pub interval_ms: i64,
    /// How often producers are asked before the transaction is given up (`transactionCheckMax`).
    pub max_checks: i32,
    /// After this time a transaction is given up without more ado (`fileReservedTime`).
    pub reserved_ms: i64,
}

/// What to do about an open transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Store the half message again with one more check, and ask a producer.
    Check,
    /// Store the half message again, for the queue's sake.
    Renew,
    /// Give the transaction up.
    Discard,
}

/// Whether a transaction may be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Yes: [`Ledger::settle`] or [`Ledger::release`] must follow.
    Granted,
    /// It ended before.
    Over,
    /// It is being ended right now.
    UnderWay,
    /// Too many have ended that lie behind open ones.
    Full,
}

/// How far the two queues are done with: the offsets of the next messages that are still needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// In the half queue.
    pub half: i64,
    /// In the op queue.
    pub op: i64,
}

/// Open transactions, and ended ones as far as they are remembered.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Half messages below this offset have been seen.
    scanned: i64,
    /// Open transactions by the offset of their latest copy.
    open: BTreeMap<i64, Half>,
    /// The latest copies of those that were stored again, by origin.
    moved: HashMap<i64, i64>,
    /// Half messages whose transactions ended, or that op messages from before the start name: all that lie ahead of `scanned`, and
    /// many before.
    ended: OffsetRanges,
    /// Origins of the transactions that are being ended right now.
    claimed: HashSet<i64>,
    /// What the op queue lacks.
    pending: PendingOperations,
    /// The op messages that may still be needed, with the highest half offset that each names.
    operations: BTreeMap<i64, i64>,
    /// The op queue's next offset.
    next_operation: i64,
    /// Half messages below this offset are read even if they are done with: a later copy tells that an earlier one is obsolete.
    read_all_to: i64,
}

impl Ledger {
    /// Empty books that begin where the queues' saved progress ends. `half_end` is the half queue's next offset.
    pub fn new(progress: Progress, half_end: i64) -> Self {
        Ledger { scanned: progress.half, next_operation: progress.op, read_all_to: half_end, ..Ledger::default() }
    }

    /// Takes in an op message from before the start.
    pub fn replay(&mut self, op_offset: i64, halves: impl IntoIterator<Item = i64>) {
        let mut highest = i64::MIN;
        for half in halves {
            self.ended.insert(half);
            highest = highest.max(half);
        }
        self.keep_operation(op_offset, highest);
    }

    /// An op message has been stored.
    pub fn operation_stored(&mut self, op_offset: i64, operation: &Operation) {
        self.keep_operation(op_offset, operation.offsets.iter().copied().max().unwrap_or(i64::MIN));
    }

    fn keep_operation(&mut self, op_offset: i64, highest: i64) {
        self.next_operation = self.next_operation.max(op_offset + 1);
        self.operations.insert(op_offset, highest);
    }

    /// The next offset of the half queue to read; `None`: there is no room for more open transactions.
    pub fn next_to_scan(&mut self) -> Option<i64> {
        if self.scanned >= self.read_all_to {
            self.scanned = self.ended.end_of_run(self.scanned);
        }
        (self.open.len() < MAX_OPEN).then_some(self.scanned)
    }

    /// The half queue holds nothing up to `offset`, exclusive.
    pub fn skip_to(&mut self, offset: i64) {
        self.scanned = offset;
    }

    /// Takes in the next half message of the queue.
    pub fn saw(&mut self, half: Half) {
        self.scanned = half.offset + 1;
        let known = self.latest(half.origin);
        if known.is_some_and(|known| known >= half.offset) {
            // Stored again by this process before it was read.
            return;
        }
        // An earlier copy is obsolete, whatever has become of this one.
        if let Some(older) = self.forget(half.origin) {
            self.pending.push(older);
        }
        if !self.ended.contains(half.offset) {
            self.remember(half);
        }
    }

    /// Asks to end a transaction, by any copy of its half message. One that was given up may still be ended.
    pub fn claim(&mut self, offset: i64, origin: i64) -> Claim {
        let is_open = self.latest(origin).is_some();
        if !is_open && (self.ended.contains(offset) || self.ended.contains(origin)) {
            return Claim::Over;
        }
        if self.ended.range_count() >= MAX_RANGES {
            return Claim::Full;
        }
        if self.claimed.insert(origin) { Claim::Granted } else { Claim::UnderWay }
    }

    /// The claimed transaction could not be ended: it stays open.
    pub fn release(&mut self, origin: i64) {
        self.claimed.remove(&origin);
    }

    /// The claimed transaction has ended.
    pub fn settle(&mut self, offset: i64, origin: i64) {
        self.claimed.remove(&origin);
        let latest = self.forget(origin);
        for copy in [Some(origin), Some(offset), latest].into_iter().flatten() {
            self.end(copy);
        }
        self.ended.forget_lowest(KEPT_RANGES, self.half_progress());
    }

    /// What is due at `now_ms`, at most `max` actions, oldest first. `can_ask` tells whether a group has a live producer; without one
    /// a transaction waits, and nothing counts as a check.
    pub fn due(&self, now_ms: i64, rules: Rules, can_ask: &dyn Fn(&str) -> bool, max: usize) -> Vec<(Half, Action)> {
        let waiting = self.open.values().filter(|half| !self.claimed.contains(&half.origin));
        let due = waiting.filter_map(|half| Some((half.clone(), self.action(half, now_ms, rules, can_ask)?)));
        due.take(max).collect()
    }

    fn action(&self, half: &Half, now_ms: i64, rules: Rules, can_ask: &dyn Fn(&str) -> bool) -> Option<Action> {
        if half.checks > 0 && (0..rules.interval_ms).contains(&(now_ms - half.stored_ms)) {
            return None;
        }
        if half.checks >= rules.max_checks || now_ms - half.born_ms > rules.reserved_ms {
            return Some(Action::Discard);
        }
        // A producer whose clock runs ahead is asked late, not never; after our own was set back, early rather than never.
        let age_ms = now_ms - half.born_ms.min(half.stored_ms);
        let is_ripe = age_ms > half.immunity_ms.unwrap_or(rules.timeout_ms) || age_ms < 0;
        if is_ripe && can_ask(&half.group) {
            return Some(Action::Check);
        }
        (self.scanned - half.offset > MAX_LAG).then_some(Action::Renew)
    }

    /// A half message was stored again as `copy`. Answers whether its transaction is still open, so that asking makes sense.
    pub fn moved(&mut self, from: i64, copy: Half) -> bool {
        let is_first = self.open.first_key_value().is_some_and(|(first, _)| *first == from);
        let is_open = self.open.remove(&from).is_some();
        if is_open {
            // Progress passes the first by itself; another one would be taken for open after a restart.
            if !is_first {
                self.pending.push(from);
            }
            self.remember(copy);
        } else {
            self.end(copy.offset);
        }
        is_open
    }

    /// A half message is not looked at any more: it was given up, or is gone.
    pub fn drop_half(&mut self, half: &Half) {
        let is_first = self.open.first_key_value().is_some_and(|(first, _)| *first == half.offset);
        if self.open.remove(&half.offset).is_some() {
            self.moved.remove(&half.origin);
            if !is_first {
                self.pending.push(half.offset);
            }
        }
    }

    /// Takes out what the next op message is to hold; see [`PendingOperations::take`].
    pub fn take_operation(&mut self, max_bytes: usize) -> Option<Operation> {
        self.pending.take(max_bytes)
    }

    /// An op message could not be stored: it is tried again.
    pub fn operation_failed(&mut self, operation: Operation) {
        operation.offsets.into_iter().for_each(|offset| self.pending.push(offset));
    }

    /// How long the next op message's body would be.
    pub fn pending_bytes(&self) -> usize {
        self.pending.size_bytes()
    }

    /// How far the queues are done with.
    pub fn progress(&self) -> Progress {
        let half = self.half_progress();
        let needed = self.operations.iter().find(|(_, highest)| **highest >= half);
        Progress { half, op: needed.map_or(self.next_operation, |(op_offset, _)| *op_offset) }
    }

    fn half_progress(&self) -> i64 {
        self.open.first_key_value().map_or(self.scanned, |(first, _)| self.scanned.min(*first))
    }

    /// Like [`Ledger::progress`], and forgets the op messages before it.
    pub fn advance(&mut self) -> Progress {
        let progress = self.progress();
        self.operations = self.operations.split_off(&progress.op);
        progress
    }

    /// The open half messages whose latest copy lies before this offset of the commit log.
    pub fn lying_before(&self, physical: i64) -> Vec<Half> {
        self.open.values().filter(|half| half.physical < physical).cloned().collect()
    }

    /// The latest copy of an open transaction's half message, by the offset of its first.
    pub fn latest_copy(&self, origin: i64) -> Option<&Half> {
        self.latest(origin).and_then(|copy| self.open.get(&copy))
    }

    /// How many transactions are known to be open.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many there are of each topic.
    pub fn open_by_topic(&self) -> BTreeMap<Arc<str>, usize> {
        let mut counts = BTreeMap::new();
        for half in self.open.values() {
            *counts.entry(half.topic.clone()).or_default() += 1;
        }
        counts
    }

    fn latest(&self, origin: i64) -> Option<i64> {
        let copy = self.moved.get(&origin).copied().unwrap_or(origin);
        self.open.contains_key(&copy).then_some(copy)
    }

    fn remember(&mut self, half: Half) {
        if half.offset != half.origin {
            self.moved.insert(half.origin, half.offset);
        }
        self.open.insert(half.offset, half);
    }

    /// Takes a transaction out of the open ones; answers the offset of its latest copy.
    fn forget(&mut self, origin: i64) -> Option<i64> {
        let latest = self.latest(origin)?;
        self.moved.remove(&origin);
        self.open.remove(&latest);
        Some(latest)
    }

    /// Notes, here and for the op queue, that a copy's transaction has ended.
    fn end(&mut self, copy: i64) {
        if self.ended.insert(copy) {
            self.pending.push(copy);
        }
    }
}

#[cfg(test)]
mod tests;
