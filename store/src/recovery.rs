//! Opening a store: finds the log's end, cuts off what a crash left half written, and gives queues and index what
//! they lack. Works on folders that Apache's broker wrote, too.
//!
//! After a clean stop the walk begins at the last record that the checkpoint names. After a crash it begins with the
//! newest segment that log, queues and index were all known to have on the disk; and whenever a queue turns out to
//! lack older messages, it begins anew one segment, then two, four… further back. Data is never taken for lost as long
//! as the log has it.

mod damage;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::clock::Clock;
use crate::derived::Derived;
use crate::dispatch::DispatchPoint;
use crate::error::{ReadError, StoreError};
use crate::index::Keys;
use crate::log::{Checks, Log, Walk};
use crate::offset::PhysicalOffset;
use crate::progress::Progress;
use crate::queue::{Applied, Queue};
use crate::record::{HEAD_BYTES, RecordError, RecordView, Step, step};

/// Timestamps of the checkpoint are taken to be this much older, as Apache does.
const CHECKPOINT_SLACK_MS: i64 = 3_000;
/// How much of the log is looked at between two looks at the time.
const PROGRESS_BYTES: i64 = 4 << 20;

/// What recovery works on.
pub(crate) struct Recovery<'a> {
    pub(crate) log: &'a Log,
    pub(crate) derived: &'a Derived,
    pub(crate) checkpoint: Checkpoint,
    /// Whether the store was closed properly.
    pub(crate) clean: bool,
    pub(crate) now_ms: i64,
    pub(crate) clock: &'a dyn Clock,
}

/// What recovery found.
pub(crate) struct Recovered {
    /// The log's end.
    pub(crate) end: PhysicalOffset,
    /// What lies before was certainly on the disk.
    pub(crate) durable: PhysicalOffset,
    /// The last record.
    pub(crate) point: DispatchPoint,
    /// Queues that got units.
    pub(crate) busy: Vec<Arc<Queue>>,
    /// Whether queues were damaged although the store was closed properly.
    pub(crate) mended: bool,
}

/// What a walk over the log found out and did.
struct Replay {
    busy: Vec<Arc<Queue>>,
    point: DispatchPoint,
}

/// Why a walk was broken off.
enum Stop {
    /// A queue lacks messages before this one.
    NeedsOlder,
    /// Parts of a record never reached the disk.
    Torn,
    /// A queue or the index could not be written.
    Io(io::Error),
}

impl Recovery<'_> {
    /// Recovers log, queues and index.
    pub(crate) fn run(&self) -> Result<Recovered, StoreError> {
        let starts = self.log.segment_starts();
        let Some(&first) = starts.first() else {
            return self.finish(PhysicalOffset(0), PhysicalOffset(0), Replay::new());
        };
        let mut begin = if self.clean { self.begin_after_stop(&starts) } else { self.begin_after_crash(&starts) };
        let mut step_back = 1;
        // Kept when the walk begins anew: queues that got units still have to write them.
        let mut replay = Replay::new();
        loop {
            tracing::info!(
                "recovering the commit log from {begin} on, after a {}",
                if self.clean { "clean stop" } else { "crash" }
            );
            match self.replay(PhysicalOffset(begin), begin == first, &mut replay)? {
                Some(end) => {
                    if let Some(lacking) = self.cut_damaged_ends(end)? {
                        begin = segment_of(&starts, lacking);
                        continue;
                    }
                    tracing::info!("the commit log ends at {end}");
                    let durable = if self.clean { end } else { PhysicalOffset(begin) };
                    return self.finish(end, durable, replay);
                }
                None => {
                    let index = starts.partition_point(|&start| start < begin);
                    begin = starts[index.saturating_sub(step_back)];
                    step_back *= 2;
                    tracing::info!("queues lack older messages");
                }
            }
        }
    }

    /// Where to begin after a clean stop: with the last record that the queues are known to have.
    fn begin_after_stop(&self, starts: &[i64]) -> i64 {
        if self.derived.queues.damaged_from < i64::MAX {
            return segment_of(starts, self.derived.queues.damaged_from);
        }
        let newest_unit = self.derived.queues.all().iter().map(|queue| queue.max_physical()).max().unwrap_or(-1);
        let named = PhysicalOffset(self.checkpoint.queue_physical);
        if named.0 > 0 && newest_unit > named.0 && self.is_sound(named) {
            return named.0;
        }
        let index = starts.partition_point(|&start| start < newest_unit).saturating_sub(1);
        starts[index]
    }

    /// Where to begin after a crash: with the newest segment before whose first record everything is known to be safe.
    fn begin_after_crash(&self, starts: &[i64]) -> i64 {
        let index = self.derived.index.as_ref();
        let index_end = index.map_or(i64::MAX, |index| index.covered().map_or(0, |covered| covered.0));
        let index_complete = index.is_none_or(|index| index.is_complete());
        let Checkpoint { log_ms, queue_ms, index_ms, queue_physical, .. } = self.checkpoint;
        let is_safe = |start: i64| {
            let Some(store_ms) = self.store_ms(PhysicalOffset(start)) else {
                return false;
            };
            if start > self.derived.queues.damaged_from {
                return false;
            }
            // Checkpoints of Apache 4.x do not name an offset.
            let queues_have = if queue_physical > 0 { start <= queue_physical } else { store_ms <= queue_ms };
            let index_has = start <= index_end || index_complete && store_ms <= index_ms - CHECKPOINT_SLACK_MS;
            queues_have && index_has && store_ms <= log_ms.min(queue_ms) - CHECKPOINT_SLACK_MS
        };
        let safe = starts.iter().rev().copied().find(|&start| is_safe(start));
        safe.unwrap_or(starts[0])
    }

    /// After a clean stop no queue is ahead of the log: where one seems to be, its last units are damaged. Cuts them off, and
    /// says from where on the log is to give them back.
    fn cut_damaged_ends(&self, end: PhysicalOffset) -> Result<Option<i64>, StoreError> {
        let mut lacking = None;
        let queues = if self.clean { self.derived.queues.all() } else { Vec::new() };
        for queue in queues.iter().filter(|queue| queue.max_physical() > end.0) {
            tracing::error!(
                "queue {}/{} is damaged near its end: that is made anew from the log",
                queue.topic,
                queue.id
            );
            let cut = queue.truncate(&self.derived.queues.files, end);
            cut.map_err(StoreError::io("adjust queues in", &self.derived.queues.dir()))?;
            queue.set_damaged();
            let from = queue.max_physical().max(0);
            lacking = Some(lacking.map_or(from, |lacking: i64| lacking.min(from)));
        }
        Ok(lacking)
    }

    /// Walks from `begin` on, filling queues and index. Returns the log's end; `None`: queues need older records first.
    fn replay(
        &self,
        begin: PhysicalOffset,
        from_first: bool,
        replay: &mut Replay,
    ) -> Result<Option<PhysicalOffset>, StoreError> {
        let mut at = begin;
        let mut progress = Progress::begin(self.clock, "recovering the commit log");
        let mut reported = begin.0;
        loop {
            let walk = self.log.walk(at, Checks::All, |record, at| {
                if at.0 - reported >= PROGRESS_BYTES {
                    reported = at.0;
                    let all = self.log.end().0 - begin.0;
                    progress.at((at.0 - begin.0).unsigned_abs(), all.unsigned_abs());
                }
                if self.may_be_torn(at) && record.is_torn(at) {
                    return ControlFlow::Break(Stop::Torn);
                }
                match self.apply(record, at, from_first, replay) {
                    Ok(true) => ControlFlow::Continue(()),
                    Ok(false) => ControlFlow::Break(Stop::NeedsOlder),
                    Err(error) => ControlFlow::Break(Stop::Io(error)),
                }
            });
            let walk = match walk.map_err(unreadable)? {
                Walk::Broken(at, Stop::Torn) => Walk::Ended { at, problem: Some(RecordError::Torn) },
                other => other,
            };
            match walk {
                Walk::Broken(_, Stop::NeedsOlder | Stop::Torn) => return Ok(None),
                Walk::Broken(_, Stop::Io(source)) => {
                    return Err(StoreError::Io {
                        action: "rebuild queues and index in",
                        path: self.derived.queues.dir(),
                        source,
                    });
                }
                Walk::Ended { at: end, problem } => match self.after_damage(end, problem).map_err(unreadable)? {
                    Some(next) => at = next,
                    None => return Ok(Some(end)),
                },
            }
        }
    }

    /// Whether the power may have failed while the record at `offset` was on its way to the disk.
    fn may_be_torn(&self, offset: PhysicalOffset) -> bool {
        !self.clean && offset.0 >= self.checkpoint.confirmed_physical
    }

    /// Applies a record; `false`: its queue lacks older messages.
    fn apply(
        &self,
        record: &RecordView<'_>,
        at: PhysicalOffset,
        from_first: bool,
        replay: &mut Replay,
    ) -> io::Result<bool> {
        let keys = Keys::of(record);
        // A queue that does not have this message although it once had was deleted with its topic, or is damaged.
        let was_dispatched = self.checkpoint.queue_ms > 0 && at.0 <= self.checkpoint.queue_physical;
        for place in self.derived.places(record, &keys) {
            if was_dispatched && !self.derived.queues.is_damaged(place.topic, place.queue) {
                continue;
            }
            let queue = self.derived.queues.find_or_create(place.topic, place.queue);
            let mut entry = self.derived.apply_unit(&queue, record, &keys, place.offset)?;
            if entry.applied == Applied::Gap {
                // Some of what it lacks may have been passed over as known.
                let is_passed_over = self.checkpoint.queue_ms > 0 && queue.max().0 > 0 && !queue.is_damaged();
                if !from_first || is_passed_over {
                    queue.set_damaged();
                    return Ok(false);
                }
                // The log no longer has the messages before.
                queue.skip_to(&self.derived.queues.files, place.offset)?;
                entry = self.derived.apply_unit(&queue, record, &keys, place.offset)?;
            }
            if entry.applied == (Applied::Appended { first: true }) {
                replay.busy.push(queue);
            }
        }
        self.derived.apply_keys(record, &keys, self.now_ms)?;
        replay.point = DispatchPoint { physical: at.0, store_ms: record.store_ms() };
        Ok(true)
    }

    /// Makes queues agree with the log's bounds.
    fn finish(&self, end: PhysicalOffset, durable: PhysicalOffset, replay: Replay) -> Result<Recovered, StoreError> {
        let begin = self.log.begin();
        let files = &self.derived.queues.files;
        for queue in self.derived.queues.all() {
            let agree = queue
                .truncate(files, end)
                .and_then(|()| if begin.0 > 0 { queue.raise_min(files, begin) } else { Ok(()) });
            agree.map_err(StoreError::io("adjust queues in", &self.derived.queues.dir()))?;
            queue.set_next(queue.max());
        }
        let mended = self.clean && self.derived.queues.all().iter().any(|queue| queue.is_damaged());
        Ok(Recovered { end, durable, point: replay.point, busy: replay.busy, mended })
    }

    /// Whether a sound record starts at `offset`.
    fn is_sound(&self, offset: PhysicalOffset) -> bool {
        let Ok(bytes) = self.log.record(offset, true) else {
            return false;
        };
        matches!(step(&bytes), Ok(Step::Record(record)) if record.verify(offset).is_ok())
    }

    /// When the record at `offset` was stored; `None`: there is no sound one.
    fn store_ms(&self, offset: PhysicalOffset) -> Option<i64> {
        let bytes = self.log.record(offset, true).ok().filter(|bytes| bytes.len() >= HEAD_BYTES)?;
        let record = RecordView::parse(&bytes).ok()?;
        record.verify(offset).ok().map(|()| record.store_ms())
    }
}

impl Replay {
    fn new() -> Self {
        Self { busy: Vec::new(), point: DispatchPoint::default() }
    }
}

/// The first offset of the segment that `offset` lies in.
fn segment_of(starts: &[i64], offset: i64) -> i64 {
    starts[starts.partition_point(|&start| start <= offset).saturating_sub(1)]
}

fn unreadable(error: ReadError) -> StoreError {
    StoreError::Unreadable(error)
}
