//! What moves the timers: enters waiting messages into the files, opens slots when their time comes, delivers. It carries out what
//! [`Schedule`] decides, over [`TimerFiles`] and a [`MessageLog`]; tests run it over files in memory and a log of their own.

use std::collections::HashSet;
use std::sync::Arc;

use bolide_store::record::java_hash;
use bolide_store::record::properties::UNIQUE_KEY;
use bolide_store::{
    Disk, LoggedRecord, PhysicalOffset, PutError, ReadError, StoreError, TimerCheckpoint, TimerFiles, TimerMark,
    TimerOptions, TimerRecord,
};

use super::schedule::{Entry, Lengths, Place, Schedule, Task};
use super::{REAL_TOPIC, timing};
use crate::message::Message;

/// How long something is left alone that could not be read or stored.
const RETRY_MS: i64 = 1_000;
/// How long to wait for the commit log to reach the disk before a checkpoint is tried again.
const SYNC_WAIT_MS: i64 = 20;
/// Time between two looks for files of the timer log that nothing needs.
const CLEAN_MS: i64 = 30_000;
/// How far a master is that there is none of. Apache's broker goes on behind the timer log's last record or at this offset, whichever
/// is less: with our own offset of the last save it would enter again what came since, and deliver it twice.
const NO_MASTER: i64 = i64::MAX;
/// Deliveries after which consumers are told.
const DELIVERIES_AT_ONCE: usize = 256;

/// A message of the timers' queue, as it was stored.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) message: Message,
    pub(crate) physical: PhysicalOffset,
    pub(crate) size: i32,
    pub(crate) queue_offset: i64,
    pub(crate) store_ms: i64,
}

/// Where messages wait and where they are delivered to.
pub(crate) trait MessageLog {
    /// The time.
    fn now_ms(&self) -> i64;
    /// Messages of the timers' queue from `offset` on, as many as are convenient, and where to read on; the same offset: there are
    /// none.
    fn queued(&self, offset: i64) -> Result<(Vec<Waiting>, i64), ReadError>;
    /// The first offset of that queue, and its next.
    fn queue_range(&self) -> (i64, i64);
    /// The message of the timers' queue that starts at `physical`; `None`: it is gone, or never was there.
    fn waiting(&self, physical: PhysicalOffset) -> Result<Option<Waiting>, ReadError>;
    /// Stores a message; answers where its record ends.
    fn put(&self, message: &Message) -> Result<PhysicalOffset, PutError>;
    /// A message of this topic was delivered, so long after its time.
    fn delivered(&self, topic: &str, late_ms: i64) {
        let _ = (topic, late_ms);
    }
    /// Shows queues what was put.
    fn show(&self);
    /// Whether the disk has the commit log up to `end`; asks for it if not.
    fn is_durable(&self, end: PhysicalOffset) -> bool;
    /// Where the commit log begins.
    fn begin(&self) -> PhysicalOffset;
    /// Where it ends.
    fn end(&self) -> PhysicalOffset;
    /// Whether the broker is closing: what can wait, waits.
    fn is_closing(&self) -> bool;
}

/// What the timers cannot go on after.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// Their files.
    #[error(transparent)]
    Files(#[from] StoreError),
    /// A message that waits.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A message that is due.
    #[error("a message that is due cannot be stored: {0}")]
    Put(#[from] PutError),
}

/// Messages of the queue that are read a second time, because the timer log lost them.
#[derive(Debug, Clone, Copy)]
struct Again {
    /// They end here.
    until: i64,
    /// Slots before this one were done.
    read_ms: i64,
}

/// How far the timers are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// How long ago the slot was due that is opened next.
    pub(crate) behind_ms: i64,
    /// Messages that came to wait and are not in the files yet.
    pub(crate) unread: i64,
    /// Messages that wait in the files.
    pub(crate) waiting: i64,
}

/// The timers of a broker.
pub(crate) struct Clockwork {
    lengths: Lengths,
    files: TimerFiles,
    schedule: Schedule,
    checkpoint: TimerCheckpoint,
    again: Option<Again>,
    /// The queue's end when the timers were opened.
    inherited_end: i64,
    /// Whether the checkpoint lacks something.
    is_dirty: bool,
    saved_ms: i64,
    cleaned_ms: i64,
    flush_interval_ms: i64,
    /// Where the last message ends that was entered or delivered: the disk must have it before a checkpoint counts it.
    counted_end: PhysicalOffset,
    shown: usize,
    /// What waited in messages before this was stored again.
    released: PhysicalOffset,
    /// What was stored again beyond that.
    moved: HashSet<PhysicalOffset>,
}

impl Clockwork {
    /// Opens the files and goes on where they say the timers stopped.
    pub(crate) fn open(
        options: TimerOptions,
        lengths: Lengths,
        flush_interval_ms: i64,
        disk: Arc<dyn Disk>,
        log: &impl MessageLog,
    ) -> Result<Self, TimerError> {
        let (files, recovered) = TimerFiles::open(options, disk, log.end())?;
        let now_ms = log.now_ms();
        let checkpoint = recovered.checkpoint;
        let (min, max) = log.queue_range();
        let saved = checkpoint.queue_offset.min(checkpoint.master_queue_offset);
        let newest = recovered.last.map(|logged| log.waiting(logged.record.physical)).transpose()?.flatten();
        let next = newest.map_or(saved, |waiting| waiting.queue_offset + 1).clamp(min, max.max(min));
        let (offset, again) = match recovered.incomplete {
            true => (min, Some(Again { until: next, read_ms: checkpoint.read_ms })),
            false => (next, None),
        };
        if recovered.incomplete {
            tracing::warn!(
                "the timer log has lost records: messages {min} to {next} of the timers' queue are entered again"
            );
        }
        let schedule = Schedule::new(lengths, checkpoint.read_ms, recovered.slots, offset, now_ms);
        let mut clockwork = Clockwork {
            lengths,
            files,
            schedule,
            checkpoint,
            again,
            inherited_end: max,
            is_dirty: false,
            saved_ms: now_ms,
            cleaned_ms: now_ms,
            flush_interval_ms,
            counted_end: PhysicalOffset(0),
            shown: 0,
            released: PhysicalOffset(0),
            moved: HashSet::new(),
        };
        for logged in recovered.late {
            let recalls = clockwork.recalled_by(log, &logged)?;
            clockwork.schedule.came_late(&logged, recalls);
        }
        Ok(clockwork)
    }

    /// Does everything that is to be done by now; answers when there is more.
    pub(crate) fn turn(&mut self, log: &impl MessageLog) -> Result<Option<i64>, TimerError> {
        let mut was_stalled = false;
        while !log.is_closing() {
            self.schedule.keep_up(log.now_ms());
            let stalled = self.enter_all(log)?;
            if stalled {
                self.foresee_recalls(log)?;
            }
            if self.deliver_due(log)? {
                // What was stored again is entered before any later slot opens, which may hold its recall.
                continue;
            }
            if let Some(slot_ms) = self.schedule.next_slot(log.now_ms()) {
                self.open_slot(log, slot_ms)?;
                self.save_in_time(log)?;
            } else if !stalled {
                self.schedule.caught_up();
                break;
            } else if was_stalled {
                break;
            } else {
                was_stalled = true;
            }
        }
        self.save_in_time(log)?;
        self.clean(log)?;
        Ok(self.wake_ms(log.now_ms()))
    }

    /// Delivers what is due, but opens no further slots: a restart begins with a slot that is not done as a whole. Answers when the
    /// next message is due; `None`: the slots that were open are done.
    pub(crate) fn finish(&mut self, log: &impl MessageLog) -> Result<Option<i64>, TimerError> {
        self.deliver_due(log)?;
        Ok(self.schedule.next_due_ms())
    }

    /// Stores again what waits in messages before `before`, so that they may go from the log; says whether all of it could be.
    pub(crate) fn release(&mut self, log: &impl MessageLog, before: PhysicalOffset) -> Result<bool, TimerError> {
        if before <= self.released {
            return Ok(true);
        }
        let stalled = self.enter_all(log)?;
        // What is pending is due within a slot's length.
        if stalled || self.again.is_some() || log.is_closing() || self.schedule.is_pending_before(before) {
            return Ok(false);
        }
        for logged in self.files.records_before(before)? {
            let slot_ms = logged.record.slot_ms(self.lengths.precision_ms);
            let physical = logged.record.physical;
            if !self.schedule.is_waiting(slot_ms) || physical < self.released || self.moved.contains(&physical) {
                continue;
            }
            if let Some(waiting) = log.waiting(physical)?.filter(|waiting| waiting.size == logged.record.size) {
                let mut message = waiting.message;
                timing::roll(&mut message, logged.record.written_ms, log.now_ms());
                self.counted_end = self.counted_end.max(self.put(log, &mut message)?);
                self.moved.insert(physical);
            }
        }
        log.show();
        self.enter_all(log)?;
        (self.released, self.is_dirty) = (before, true);
        self.moved.clear();
        Ok(true)
    }

    /// How far everything is, to be shown. Looks through the whole wheel.
    pub(crate) fn progress(&self, log: &impl MessageLog) -> Result<Progress, StoreError> {
        let (_, end) = log.queue_range();
        let read_ms = self.schedule.read_ms();
        let now_ms = log.now_ms();
        let overdue_ms = |slot_ms| now_ms - slot_ms - self.lengths.precision_ms;
        Ok(Progress {
            behind_ms: self.schedule.next_slot(now_ms).map_or(0, |slot_ms| overdue_ms(slot_ms).max(0)),
            unread: (end - self.schedule.queue_offset()).max(0),
            waiting: self.files.count_from(read_ms)?,
        })
    }

    /// The slot before which everything has been delivered that waited when the timers were opened; `None`: all that is due by now.
    pub(crate) fn first_undone_ms(&self) -> Option<i64> {
        if self.schedule.queue_offset() < self.inherited_end { Some(i64::MIN) } else { self.schedule.first_undone_ms() }
    }

    /// Notes how far everything is, in a file that the next start relies on. What was entered and delivered must be on the disk.
    pub(crate) fn save(&mut self, now_ms: i64) -> Result<(), StoreError> {
        if self.is_dirty {
            self.checkpoint.read_ms = self.schedule.read_ms();
            self.checkpoint.queue_offset = self.schedule.queue_offset();
            self.checkpoint.master_queue_offset = NO_MASTER;
            self.checkpoint.changed_ms = now_ms;
            self.checkpoint.changes += 1;
            self.files.save(self.checkpoint)?;
            self.is_dirty = false;
        }
        self.saved_ms = now_ms;
        Ok(())
    }

    fn save_in_time(&mut self, log: &impl MessageLog) -> Result<(), StoreError> {
        let now_ms = log.now_ms();
        let is_time = (now_ms - self.saved_ms).unsigned_abs() >= self.flush_interval_ms.unsigned_abs();
        // While lost records are entered again, the checkpoint must go on to say that they are lost.
        if is_time && self.is_dirty && self.again.is_none() && log.is_durable(self.counted_end) {
            self.save(now_ms)?;
        }
        Ok(())
    }

    fn wake_ms(&self, now_ms: i64) -> Option<i64> {
        let save_ms = (self.saved_ms + self.flush_interval_ms).max(now_ms + SYNC_WAIT_MS);
        self.schedule.wake_ms().into_iter().chain(self.is_dirty.then_some(save_ms)).min()
    }

    fn clean(&mut self, log: &impl MessageLog) -> Result<(), StoreError> {
        let now_ms = log.now_ms();
        if (now_ms - self.cleaned_ms).abs() >= CLEAN_MS {
            self.cleaned_ms = now_ms;
            self.files.remove_before(log.begin())?;
        }
        Ok(())
    }

    /// Enters the messages that have come since the last time; says whether overdue slots must open first.
    fn enter_all(&mut self, log: &impl MessageLog) -> Result<bool, TimerError> {
        loop {
            let offset = self.schedule.queue_offset();
            let (waiting, next) = log.queued(offset)?;
            if next == offset {
                self.again = self.again.filter(|again| offset < again.until);
                return Ok(false);
            }
            for one in &waiting {
                if !self.enter(one, log.now_ms())? {
                    return Ok(true);
                }
                self.schedule.entered_up_to(one.queue_offset + 1);
            }
            self.schedule.entered_up_to(next);
            self.is_dirty = true;
        }
    }

    /// Looks for recalls among the messages that cannot be entered yet: those of overdue messages must not come too late.
    fn foresee_recalls(&mut self, log: &impl MessageLog) -> Result<(), TimerError> {
        let mut offset = self.schedule.queue_offset();
        loop {
            let (waiting, next) = log.queued(offset)?;
            if next == offset {
                return Ok(());
            }
            let keys = waiting.iter().filter_map(|one| one.message.properties.get(timing::RECALLED_KEY));
            self.schedule.foresee(keys.map(str::to_owned));
            offset = next;
        }
    }

    /// Enters a message; `false`: there is no room in the wheel yet.
    fn enter(&mut self, waiting: &Waiting, now_ms: i64) -> Result<bool, TimerError> {
        let properties = &waiting.message.properties;
        let Some(out_ms) = properties.number::<i64>(timing::OUT_MS).filter(|out_ms| *out_ms >= 0) else {
            tracing::error!(message = %waiting.physical, "a message among the timers names no time: left where it is");
            return Ok(true);
        };
        let Some(place) = self.schedule.place(out_ms, now_ms) else { return Ok(false) };
        if self.is_done_already(waiting, out_ms, &place)? {
            return Ok(true);
        }
        let recalls = properties.get(timing::RECALLED_KEY).map(str::to_owned);
        let due_ms = match place.roll {
            true => 0,
            false => self.exact_ms(waiting, out_ms),
        };
        let record = TimerRecord {
            previous: -1,
            mark: TimerMark { roll: place.roll, delete: recalls.is_some() },
            written_ms: place.written_ms,
            after_ms: i32::try_from(place.slot_ms - place.written_ms).unwrap_or(0),
            physical: waiting.physical,
            size: waiting.size,
            topic_hash: properties.get(REAL_TOPIC).map_or(0, java_hash),
            due_ms,
        };
        let position = self.files.append(&record, place.begins_slot)?;
        let end = PhysicalOffset(waiting.physical.0.saturating_add(waiting.size.into()));
        self.counted_end = self.counted_end.max(end);
        self.schedule.entered(&LoggedRecord { position, record }, recalls);
        self.is_dirty = true;
        Ok(true)
    }

    /// Whether a message that is read again was delivered before, or is still in the wheel.
    fn is_done_already(&self, waiting: &Waiting, out_ms: i64, place: &Place) -> Result<bool, TimerError> {
        let Some(again) = self.again.filter(|again| waiting.queue_offset < again.until) else { return Ok(false) };
        if self.lengths.slot_of(out_ms) < again.read_ms {
            return Ok(true);
        }
        let known = if place.begins_slot { Vec::new() } else { self.files.slot(place.slot_ms)? };
        Ok(known.iter().any(|logged| logged.record.physical == waiting.physical))
    }

    /// When a message is due exactly; its slot tells to within the slot's length.
    fn exact_ms(&self, waiting: &Waiting, out_ms: i64) -> i64 {
        let (first_ms, last_ms) = self.lengths.due_range(self.lengths.slot_of(out_ms));
        let mut properties = waiting.message.properties.clone();
        properties.remove(timing::OUT_MS);
        let asked = timing::asked_ms(&properties, waiting.store_ms).ok().flatten();
        // A delay counts from when the message came, of which the time it was stored is a millisecond's guess; a message that was
        // stored again has only its slot.
        asked.filter(|asked_ms| (first_ms..=last_ms + RETRY_MS).contains(asked_ms)).unwrap_or(last_ms).min(last_ms)
    }

    fn open_slot(&mut self, log: &impl MessageLog, slot_ms: i64) -> Result<(), TimerError> {
        let mut records = Vec::new();
        // After a crash, Apache's broker enters messages again that its log has already.
        let mut known = HashSet::new();
        for logged in self.files.slot(slot_ms)? {
            let physical = logged.record.physical;
            let is_elsewhere = physical < self.released || self.moved.contains(&physical);
            if !known.insert(physical) || is_elsewhere {
                continue;
            }
            let recalls = self.recalled_by(log, &logged)?;
            records.push((logged, recalls));
        }
        self.schedule.opened(slot_ms, records);
        self.is_dirty = true;
        Ok(())
    }

    /// The key of the message that a record takes back.
    fn recalled_by(&self, log: &impl MessageLog, logged: &LoggedRecord) -> Result<Option<String>, TimerError> {
        let TimerMark { roll, delete } = logged.record.mark;
        if roll || !delete {
            return Ok(None);
        }
        let waiting = log.waiting(logged.record.physical)?;
        Ok(waiting.and_then(|waiting| waiting.message.properties.get(timing::RECALLED_KEY).map(str::to_owned)))
    }

    /// Delivers what is due; says whether anything was stored among the timers again.
    fn deliver_due(&mut self, log: &impl MessageLog) -> Result<bool, TimerError> {
        let mut rolled = false;
        while let Some(entry) = self.schedule.due(log.now_ms()).filter(|_| !log.is_closing()) {
            if rolled && !entry.mark.roll {
                // Among what was stored again may be the recall of this one.
                break;
            }
            match log.waiting(entry.physical) {
                Ok(Some(waiting)) if self.is_meant(&waiting, &entry) => {
                    rolled |= entry.mark.roll;
                    self.deliver(log, waiting, &entry)?;
                }
                // It was stored again before its segment went.
                Ok(None) if entry.physical < log.begin() => {}
                Ok(_) => tracing::warn!(message = %entry.physical, "a timed message is gone from the commit log"),
                Err(error) => {
                    tracing::error!(message = %entry.physical, "a timed message cannot be read, tried again in a moment: {error}");
                    self.schedule.postpone(&entry, log.now_ms() + RETRY_MS);
                    continue;
                }
            }
            self.schedule.done(&entry);
            self.is_dirty = true;
        }
        if self.shown > 0 {
            log.show();
            self.shown = 0;
        }
        Ok(rolled)
    }

    /// Whether a record's message is still what lies there: after a loss of power the place may be another's.
    fn is_meant(&self, waiting: &Waiting, entry: &Entry) -> bool {
        let out_ms = waiting.message.properties.number::<i64>(timing::OUT_MS);
        let fits = |slot_ms: i64| entry.mark.roll || slot_ms <= entry.slot_ms;
        waiting.size == entry.size && out_ms.is_some_and(|out_ms| fits(self.lengths.slot_of(out_ms)))
    }

    fn deliver(&mut self, log: &impl MessageLog, waiting: Waiting, entry: &Entry) -> Result<(), TimerError> {
        let mut message = waiting.message;
        let task = self.task_of(&message, entry);
        match task {
            Task::Drop => return Ok(()),
            Task::Roll => timing::roll(&mut message, entry.entered_ms, log.now_ms()),
            Task::Deliver => {
                if !timing::restore(&mut message, entry.entered_ms, log.now_ms()) {
                    tracing::error!(message = %waiting.physical, "a timed message names no real topic and queue: left where it is");
                    return Ok(());
                }
            }
        }
        match self.put(log, &mut message) {
            Ok(end) => {
                self.counted_end = self.counted_end.max(end);
                if task == Task::Deliver {
                    log.delivered(&message.topic, log.now_ms() - entry.due_ms);
                }
            }
            Err(error) if is_passing(&error) => return Err(error.into()),
            Err(error) => tracing::error!(message = %waiting.physical, "a timed message cannot be delivered: {error}"),
        }
        self.shown += 1;
        if self.shown >= DELIVERIES_AT_ONCE {
            log.show();
            self.shown = 0;
        }
        Ok(())
    }

    /// Stores a message, without what only informs if it has become too long by that.
    fn put(&self, log: &impl MessageLog, message: &mut Message) -> Result<PhysicalOffset, PutError> {
        match log.put(message) {
            Err(PutError::PropertiesTooLong { .. }) => {
                timing::shorten(message);
                log.put(message)
            }
            put => put,
        }
    }

    fn task_of(&self, message: &Message, entry: &Entry) -> Task {
        let key = message.properties.get(UNIQUE_KEY).unwrap_or_default();
        if !self.schedule.has_recalled() {
            return self.schedule.task(entry, &[]);
        }
        // `appendTopicForTimerDeleteKey` makes the second form.
        let with_topic = format!("{}+{key}", message.properties.get(REAL_TOPIC).unwrap_or_default());
        self.schedule.task(entry, &[key, &with_topic])
    }
}

/// Whether a message that was refused may be stored later.
fn is_passing(error: &PutError) -> bool {
    matches!(
        error,
        PutError::NearlyFull { .. }
            | PutError::NoSpace
            | PutError::NoSegment { .. }
            | PutError::Poisoned { .. }
            | PutError::Closed
    )
}
