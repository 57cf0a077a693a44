//! Which timer goes where and is due when: a plain state machine. It knows slots, due times, which messages were taken back, and how
//! far the queue of timers has been entered; it reads no clock and touches no file.
//!
//! A slot holds the timers of one `timerPrecisionMs`, its messages due after its start and at its end at the latest. The wheel has
//! them until the slot *opens* (at its start); from then on they are *pending* here, each until its exact time. A slot that is
//! neither in [`Schedule::slots`] nor pending is empty, whatever the file still says.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bolide_store::{LoggedRecord, PhysicalOffset, TIMER_SLOTS, TimerMark};

/// Slots are opened ahead of deliveries only while fewer messages than this are pending. One slot's messages are taken in whole.
const MAX_PENDING: usize = 100_000;
/// Slots that the wheel keeps free between what lies ahead and what lies behind (Apache's `TIMER_BLANK_SLOTS`).
const BLANK_SLOTS: i64 = 60;

/// Lengths, all in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// Of a slot.
    pub(crate) precision_ms: i64,
    /// How far ahead a slot may lie: what is due later is stored again meanwhile.
    pub(crate) window_ms: i64,
}

impl Lengths {
    /// `window_slots` is `timerRollWindowSlot`; a value that the wheel cannot serve stands for the largest one it can.
    /// Messages must be stored again before `kept_ms` (their retention) have passed, with a third to spare.
    pub(crate) fn new(precision_ms: i64, window_slots: i64, kept_ms: i64) -> Self {
        let largest = TIMER_SLOTS / 2 - BLANK_SLOTS;
        let asked = if (2..=largest).contains(&window_slots) { window_slots } else { largest };
        let kept = (kept_ms / 3 * 2 / precision_ms).max(2);
        Lengths { precision_ms, window_ms: asked.min(kept) * precision_ms }
    }

    fn floor(self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.precision_ms) * self.precision_ms
    }

    /// The slot of a message whose `TIMER_OUT_MS` is given.
    pub(crate) fn slot_of(self, out_ms: i64) -> i64 {
        self.floor(out_ms)
    }

    /// The first millisecond at which a message of a slot may be due, and the last.
    pub(crate) fn due_range(self, slot_ms: i64) -> (i64, i64) {
        (slot_ms + 1, slot_ms + self.precision_ms)
    }

    /// How much time the wheel spans.
    fn ring_ms(self) -> i64 {
        TIMER_SLOTS * self.precision_ms
    }
}

/// Where a message is to be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The slot.
    pub(crate) slot_ms: i64,
    /// Whether the message is stored again then, rather than delivered.
    pub(crate) roll: bool,
    /// Whether the slot is empty so far.
    pub(crate) begins_slot: bool,
    /// The time that the record is to carry.
    pub(crate) written_ms: i64,
}

/// A message whose slot has opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When something is to happen.
    pub(crate) due_ms: i64,
    /// The place of its record in the timer log.
    pub(crate) position: i64,
    /// Its slot.
    pub(crate) slot_ms: i64,
    /// What is to happen.
    pub(crate) mark: TimerMark,
    /// When it was entered.
    pub(crate) entered_ms: i64,
    /// Where the message lies, and its length there.
    pub(crate) physical: PhysicalOffset,
    pub(crate) size: i32,
}

/// What to do with a message that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Store it where it belongs.
    Deliver,
    /// Store it among the timers again.
    Roll,
    /// It was taken back.
    Drop,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Schedule {
    lengths: Lengths,
    /// The newest slot that has opened. Slots open in the order of time.
    open_ms: i64,
    /// Slots that have not opened; all within one turn of the wheel after `open_ms`.
    slots: BTreeSet<i64>,
    pending: BTreeMap<(i64, i64), Entry>,
    /// How many of the pending belong to each slot.
    pending_of: BTreeMap<i64, usize>,
    /// Keys of messages that were taken back, with the slot that says so; kept while messages of that slot are pending.
    recalled: HashMap<String, i64>,
    /// Those slots: they have records though nothing of them may be pending.
    recalled_in: BTreeSet<i64>,
    /// Keys whose recalls are still in the queue, behind a message for which the wheel has no room yet.
    foreseen: HashSet<String>,
    /// Messages wait for room in the wheel, and others behind them: no recall may be forgotten before that is over.
    is_catching_up: bool,
    queue_offset: i64,
}

impl Schedule {
    /// Goes on where a broker stopped: `read_ms` is the first slot that is not done (0: unknown), `slots` hold records.
    pub(crate) fn new(lengths: Lengths, read_ms: i64, slots: BTreeSet<i64>, queue_offset: i64, now_ms: i64) -> Self {
        let first = if read_ms > 0 { read_ms } else { slots.first().copied().unwrap_or(now_ms) };
        Schedule {
            lengths,
            open_ms: lengths.floor(first) - lengths.precision_ms,
            slots,
            pending: BTreeMap::new(),
            pending_of: BTreeMap::new(),
            recalled: HashMap::new(),
            recalled_in: BTreeSet::new(),
            foreseen: HashSet::new(),
            is_catching_up: false,
            queue_offset,
        }
    }

    /// The next message of the timers' queue to enter.
    pub(crate) fn queue_offset(&self) -> i64 {
        self.queue_offset
    }

    /// The messages before `offset` have been entered.
    pub(crate) fn entered_up_to(&mut self, offset: i64) {
        self.queue_offset = offset;
    }

    /// The first slot that is not done: a restart begins there.
    pub(crate) fn read_ms(&self) -> i64 {
        let next = self.open_ms + self.lengths.precision_ms;
        self.pending_of.keys().next().map_or(next, |oldest| next.min(*oldest))
    }

    /// Where a message belongs whose `TIMER_OUT_MS` is given; `None`: the wheel has no room until overdue slots have opened.
    pub(crate) fn place(&self, out_ms: i64, now_ms: i64) -> Option<Place> {
        let written_ms = self.lengths.floor(now_ms);
        let asked_ms = self.lengths.slot_of(out_ms);
        let (mut slot_ms, roll) = match asked_ms.saturating_sub(written_ms) {
            ahead_ms if ahead_ms >= self.lengths.window_ms => (written_ms + self.roll_after(ahead_ms), true),
            _ => (asked_ms, false),
        };
        if slot_ms < self.open_ms && !self.pending_of.contains_key(&slot_ms) {
            // Late. Its own place in the ring may be another slot's by now.
            slot_ms = self.open_ms;
        }
        let begin_ms = self.pending_of.keys().next().map_or(self.open_ms, |oldest| self.open_ms.min(*oldest));
        if slot_ms >= begin_ms + self.lengths.ring_ms() {
            return None;
        }
        let in_memory = self.pending_of.contains_key(&slot_ms) || self.recalled_in.contains(&slot_ms);
        let begins_slot = !in_memory && !self.slots.contains(&slot_ms);
        // A record tells its slot by the distance, which is short enough except for messages that are weeks late.
        let written_ms = if i32::try_from(slot_ms - written_ms).is_ok() { written_ms } else { slot_ms };
        Some(Place { slot_ms, roll, begins_slot, written_ms })
    }

    /// As Apache: after half a window where a whole one would leave little for the next.
    fn roll_after(&self, ahead_ms: i64) -> i64 {
        let Lengths { precision_ms, window_ms } = self.lengths;
        let slots = window_ms / precision_ms;
        if ahead_ms - window_ms < slots / 3 * precision_ms { slots / 2 * precision_ms } else { window_ms }
    }

    /// A record was logged in its slot. `recalls`: the key of the message that it takes back.
    pub(crate) fn entered(&mut self, logged: &LoggedRecord, recalls: Option<String>) {
        let slot_ms = logged.record.slot_ms(self.lengths.precision_ms);
        if slot_ms > self.open_ms && !self.pending_of.contains_key(&slot_ms) {
            self.slots.insert(slot_ms);
        } else {
            self.take_in(slot_ms, logged, recalls);
        }
    }

    /// Whether a slot has records and has not opened.
    pub(crate) fn is_waiting(&self, slot_ms: i64) -> bool {
        self.slots.contains(&slot_ms)
    }

    /// Whether a message before `physical` is pending.
    pub(crate) fn is_pending_before(&self, physical: PhysicalOffset) -> bool {
        self.pending.values().any(|entry| entry.physical < physical)
    }

    /// The slot to open now, if there is one.
    pub(crate) fn next_slot(&self, now_ms: i64) -> Option<i64> {
        let slot_ms = *self.slots.first()?;
        (slot_ms <= now_ms && self.pending.len() < MAX_PENDING).then_some(slot_ms)
    }

    /// A slot has opened: these are its records, each with the key of the message that it takes back, if it does.
    pub(crate) fn opened(&mut self, slot_ms: i64, records: impl IntoIterator<Item = (LoggedRecord, Option<String>)>) {
        self.slots.remove(&slot_ms);
        self.open_ms = self.open_ms.max(slot_ms);
        for (logged, recalls) in records {
            self.take_in(slot_ms, &logged, recalls);
        }
        self.forget_recalled();
    }

    /// Takes in a record whose slot a checkpoint already counted as done.
    pub(crate) fn came_late(&mut self, logged: &LoggedRecord, recalls: Option<String>) {
        self.take_in(logged.record.slot_ms(self.lengths.precision_ms), logged, recalls);
    }

    fn take_in(&mut self, slot_ms: i64, logged: &LoggedRecord, recalls: Option<String>) {
        let record = &logged.record;
        if record.mark.delete && !record.mark.roll {
            self.recalled.extend(recalls.map(|key| (key, slot_ms)));
            self.recalled_in.insert(slot_ms);
            return;
        }
        let end_ms = slot_ms + self.lengths.precision_ms;
        let due_ms = match (record.mark.roll, record.due_ms) {
            (true, _) => slot_ms,
            (false, 0) => end_ms,
            (false, exact_ms) => exact_ms.min(end_ms),
        };
        let entry = Entry {
            due_ms,
            position: logged.position,
            slot_ms,
            mark: record.mark,
            entered_ms: record.written_ms,
            physical: record.physical,
            size: record.size,
        };
        if self.pending.insert((due_ms, logged.position), entry).is_none() {
            *self.pending_of.entry(slot_ms).or_default() += 1;
        }
    }

    /// The next message that is due.
    pub(crate) fn due(&self, now_ms: i64) -> Option<Entry> {
        self.pending.first_key_value().map(|(_, entry)| *entry).filter(|entry| entry.due_ms <= now_ms)
    }

    /// The first slot that holds something; `None`: none does.
    pub(crate) fn first_undone_ms(&self) -> Option<i64> {
        let pending = self.pending_of.keys().next().copied();
        self.slots.first().copied().into_iter().chain(pending).min()
    }

    /// Messages with these keys are taken back by recalls that cannot be entered yet.
    pub(crate) fn foresee(&mut self, keys: impl IntoIterator<Item = String>) {
        self.is_catching_up = true;
        self.foreseen.extend(keys);
    }

    /// Everything has been entered, and everything overdue is done.
    pub(crate) fn caught_up(&mut self) {
        self.is_catching_up = false;
        self.foreseen = HashSet::new();
        self.forget_recalled();
    }

    /// Whether any message was taken back that may be pending.
    pub(crate) fn has_recalled(&self) -> bool {
        !self.recalled.is_empty() || !self.foreseen.is_empty()
    }

    /// What to do with a message that is due. `keys` are those by which a recall may mean it.
    pub(crate) fn task(&self, entry: &Entry, keys: &[&str]) -> Task {
        if entry.mark.roll {
            Task::Roll
        } else if keys.iter().any(|key| self.recalled.contains_key(*key) || self.foreseen.contains(*key)) {
            Task::Drop
        } else {
            Task::Deliver
        }
    }

    /// A message has been dealt with.
    pub(crate) fn done(&mut self, entry: &Entry) {
        if self.pending.remove(&(entry.due_ms, entry.position)).is_none() {
            return;
        }
        if let Some(count) = self.pending_of.get_mut(&entry.slot_ms) {
            *count -= 1;
            if *count == 0 {
                self.pending_of.remove(&entry.slot_ms);
                self.forget_recalled();
            }
        }
    }

    /// A message cannot be dealt with now: it is due again at `until_ms`.
    pub(crate) fn postpone(&mut self, entry: &Entry, until_ms: i64) {
        if let Some(entry) = self.pending.remove(&(entry.due_ms, entry.position)) {
            self.pending.insert((until_ms, entry.position), Entry { due_ms: until_ms, ..entry });
        }
    }

    /// All slots up to now have opened: keeps up with the clock, also with one that was set back.
    pub(crate) fn keep_up(&mut self, now_ms: i64) {
        if self.slots.first().is_none_or(|slot_ms| *slot_ms > now_ms) {
            self.open_ms = self.lengths.floor(now_ms);
        }
    }

    /// When the next message is due of those whose slots have opened.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.pending.keys().next().map(|(due_ms, _)| *due_ms)
    }

    /// When there is something to do next.
    pub(crate) fn wake_ms(&self) -> Option<i64> {
        self.next_due_ms().into_iter().chain(self.slots.first().copied()).min()
    }

    /// A recall is stored after its message: once no message of its slot is pending, it has done what it can.
    fn forget_recalled(&mut self) {
        if self.is_catching_up {
            return;
        }
        let oldest = self.pending_of.keys().next().copied().unwrap_or(i64::MAX);
        self.recalled.retain(|_, slot_ms| *slot_ms >= oldest);
        self.recalled_in.retain(|slot_ms| *slot_ms >= oldest);
    }
}
