//! The store's two threads. The flusher brings the log to the disk: at intervals, or when somebody waits for it. The
//! keeper does the rest: dispatches what nobody dispatched, writes queues, takes checkpoints, makes the next segment,
//! brings its pages into memory, and gives memory back.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Inner;
use super::open::{ABORT, note_doubt};
use crate::error::{PutError, StoreError};
use crate::offset::PhysicalOffset;
use crate::options::{FlushMode, StoreOptions};

/// How long the keeper rests while messages come, and while none do.
const BUSY_REST: Duration = Duration::from_millis(5);
const IDLE_REST: Duration = Duration::from_millis(50);

const PAGE_BYTES: i64 = 4096;

/// Wakes and stops the threads.
#[derive(Default)]
pub(super) struct Signals {
    state: Mutex<State>,
    flush_wanted: Condvar,
    keeper_wanted: Condvar,
}

#[derive(Default)]
struct State {
    requested: i64,
    /// The keeper is to go round at once.
    hurry: bool,
    stop: bool,
}

impl Signals {
    pub(super) fn request_flush(&self, up_to: PhysicalOffset) {
        let mut state = self.state.lock();
        if state.requested < up_to.0 {
            state.requested = up_to.0;
            self.flush_wanted.notify_one();
        }
    }

    pub(super) fn stop(&self) {
        self.state.lock().stop = true;
        self.flush_wanted.notify_all();
        self.keeper_wanted.notify_all();
    }

    /// Lets the keeper go round at once: something was left to dispatch.
    pub(super) fn wake_keeper(&self) {
        self.state.lock().hurry = true;
        self.keeper_wanted.notify_one();
    }

    /// Waits until somebody wants more than `flushed` on the disk, or for `rest`. `None`: the store stops; else whether a
    /// flush was asked for.
    fn wait_for_flush(&self, flushed: PhysicalOffset, rest: Duration) -> Option<bool> {
        let mut state = self.state.lock();
        if !state.stop && state.requested <= flushed.0 {
            self.flush_wanted.wait_for(&mut state, rest);
        }
        (!state.stop).then_some(state.requested > flushed.0)
    }

    /// Waits for `rest`, or less if the keeper is woken; `false`: the store stops.
    fn rest(&self, rest: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stop && !state.hurry {
            self.keeper_wanted.wait_for(&mut state, rest);
        }
        state.hurry = false;
        !state.stop
    }
}

/// Starts both threads.
pub(super) fn start(inner: &Arc<Inner>) -> io::Result<Vec<JoinHandle<()>>> {
    let flusher = Arc::clone(inner);
    let keeper = Arc::clone(inner);
    Ok(vec![
        thread::Builder::new().name("store-flusher".into()).spawn(move || flusher.run_flusher())?,
        thread::Builder::new().name("store-keeper".into()).spawn(move || keeper.run_keeper())?,
    ])
}

/// Decides when the log is flushed without being asked.
struct FlushTimer {
    least_bytes: i64,
    thorough_ms: i64,
    last_ms: i64,
}

impl FlushTimer {
    fn new(options: &StoreOptions, now_ms: i64) -> Self {
        Self {
            least_bytes: options.flush_least_pages as i64 * PAGE_BYTES,
            thorough_ms: options.flush_thorough_interval_ms as i64,
            last_ms: now_ms,
        }
    }

    /// Whether `dirty_bytes` are to be flushed now.
    fn is_due(&mut self, dirty_bytes: i64, now_ms: i64) -> bool {
        let thorough = now_ms - self.last_ms >= self.thorough_ms || now_ms < self.last_ms;
        if thorough {
            self.last_ms = now_ms;
        }
        dirty_bytes > 0 && (thorough || dirty_bytes >= self.least_bytes)
    }
}

impl Inner {
    fn run_flusher(&self) {
        let rest = Duration::from_millis(self.options.flush_interval_ms);
        let mut timer = FlushTimer::new(&self.options, self.clock.now_ms());
        while let Some(asked) = self.signals.wait_for_flush(self.log.flushed(), rest) {
            let dirty = self.log.end().0 - self.log.flushed().0;
            let due = timer.is_due(dirty, self.clock.now_ms());
            let all = self.options.flush_mode == FlushMode::Sync && dirty > 0;
            if (asked || due || all) && !self.flush_log() {
                // Nothing that was not on the disk before this will ever be reported as being there.
                return;
            }
        }
    }

    /// Brings the log to the disk and says so; `false`: that failed, and the store refuses writes from now on.
    pub(super) fn flush_log(&self) -> bool {
        let alone = self.flushing.lock();
        if matches!(self.log.refusal(), Some(PutError::Poisoned { .. })) {
            // Another sync may well succeed, but not bring to the disk what this one did not.
            return false;
        }
        let begun_ms = self.clock.now_ms();
        let flushed = self.log.flush();
        self.counters.flushed(self.clock.now_ms() - begun_ms);
        drop(alone);
        match flushed {
            Ok(flushed) => {
                self.counters.log_ms.fetch_max(flushed.last_store_ms, std::sync::atomic::Ordering::Relaxed);
                self.events.flushed(flushed.end);
                true
            }
            Err((path, error)) => {
                let reason = format!("{}: {error}", path.display());
                tracing::error!("a sync of the commit log failed, writes are refused until a restart: {reason}");
                self.log.refuse(PutError::Poisoned { reason: reason.clone() });
                let abort = self.options.root.join(ABORT);
                if let Err(error) = note_doubt(&*self.disk, &abort, self.log.flushed()) {
                    tracing::error!("the failed sync cannot be noted in {}: {error}", abort.display());
                }
                self.events.refused(&reason);
                false
            }
        }
    }

    fn run_keeper(&self) {
        let mut settled_ms = self.clock.now_ms();
        let mut checkpoint_ms = settled_ms;
        let mut end = self.log.end();
        let mut rest = IDLE_REST;
        while self.signals.rest(rest) {
            self.log.prepare();
            // What is left after that is for whoever stores next, or for the next round.
            self.dispatcher.run(&self.surroundings());
            self.log.cool();
            let now_ms = self.clock.now_ms();
            if (now_ms - settled_ms).unsigned_abs() >= self.options.queue_flush_interval_ms {
                settled_ms = now_ms;
                if let Err(error) = self.dispatcher.settle(&self.surroundings()) {
                    tracing::warn!("cannot write consume queues: {error}; trying again");
                }
            }
            if (now_ms - checkpoint_ms).unsigned_abs() >= self.options.checkpoint_interval_ms {
                checkpoint_ms = now_ms;
                if let Err(error) = self.take_checkpoint() {
                    tracing::warn!("no checkpoint was taken: {error}");
                }
            }
            let moved = std::mem::replace(&mut end, self.log.end()) != end;
            if moved {
                self.log.prefetch();
            }
            rest = if moved { BUSY_REST } else { IDLE_REST };
        }
    }

    /// Brings queues and index to the disk and notes how far they are.
    pub(super) fn take_checkpoint(&self) -> Result<(), StoreError> {
        let _alone = self.checkpointing.lock();
        self.rebuild_lost()?;
        // The index first: what its headers count has entered the queues by the time these are settled, so that the checkpoint
        // vouches for it even if messages come all the while. What it does not vouch for is made anew after a crash.
        let indexed = self.dispatcher.point(&self.surroundings());
        let index = self.derived.index.as_ref();
        let uncommitted = index.map(|index| index.flush()).transpose().map_err(|error| self.incomplete(&error))?;
        let index_ms = uncommitted.as_ref().map_or(0, |uncommitted| uncommitted.end_ms);
        // A failed write stays in memory and is tried again; a failed sync may have lost what it was to write.
        let point = self
            .dispatcher
            .settle(&self.surroundings())
            .map_err(StoreError::io("write queues in", &self.derived.queues.dir()))?;
        // Queues must not be known to be ahead of the log.
        if self.log.flushed().0 <= point.physical && point.store_ms > 0 && !self.flush_log() {
            return Err(StoreError::Refused(self.log.refusal().unwrap_or(PutError::Closed)));
        }
        self.derived.queues.files.sync().map_err(|error| self.incomplete(&error))?;
        if let (Some(index), Some(uncommitted)) = (index, uncommitted) {
            index.commit(uncommitted).map_err(|error| self.incomplete(&error))?;
        }
        let log_ms = self.counters.log_ms.load(std::sync::atomic::Ordering::Relaxed);
        let end = self.log.flushed();
        self.checkpoint.save(|saved| {
            saved.log_ms = saved.log_ms.max(log_ms);
            saved.confirmed_physical = end.0;
            if point.store_ms > 0 {
                saved.queue_ms = point.store_ms;
                saved.queue_physical = point.physical;
            }
            if index.is_some() {
                saved.index_ms = index_ms.max(indexed.store_ms).max(saved.index_ms);
            }
        })?;
        *self.incomplete.lock() = None;
        Ok(())
    }

    /// Notes that queues or index could not be brought to the disk.
    fn incomplete(&self, error: &io::Error) -> StoreError {
        let reason = error.to_string();
        tracing::error!("queues or index cannot be brought to the disk: {reason}; they are written anew");
        *self.incomplete.lock() = Some(reason.clone());
        StoreError::Incomplete { reason }
    }
}
