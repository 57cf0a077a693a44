//! The store as its owner sees it.

mod entries;
mod open;
mod put;
mod read;
mod rebuild;
mod retain;
mod scrub;
mod statistics;
#[cfg(test)]
pub(crate) mod tests;
mod threads;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::checkpoint::CheckpointFile;
use crate::clock::Clock;
use crate::derived::Derived;
use crate::disk::{Disk, DiskLock};
use crate::dispatch::{Dispatcher, Surroundings};
use crate::error::{PutError, StoreError};
use crate::events::StoreEvents;
use crate::log::Log;
use crate::offset::{PhysicalOffset, QueueId};
use crate::options::StoreOptions;
use crate::scrub::ScrubProgress;
pub use retain::Retained;
use retain::Retention;
use scrub::Scrub;
use statistics::Counters;
pub use statistics::{Health, PUT_TIMES_MS, Statistics};
use threads::Signals;

/// An open store. All methods may be called from any thread; unless a method says that it may wait for the disk, it
/// does not, and may be called from an async runtime.
///
/// Dropping a store leaves its folder as a crash would: only [`Store::close`] marks it as closed cleanly.
pub struct Store {
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the store's own threads share with its callers.
struct Inner {
    options: StoreOptions,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    events: Arc<dyn StoreEvents>,
    log: Log,
    derived: Derived,
    dispatcher: Dispatcher,
    checkpoint: CheckpointFile,
    /// Queues or index could not be brought to the disk: the checkpoint stays where it is until they are.
    incomplete: Mutex<Option<String>>,
    /// How full the disk is, in percent, while that is too much for producers' messages; else 0.
    nearly_full: AtomicU32,
    retention: Mutex<Retention>,
    scrub: Mutex<Scrub>,
    scrub_progress: Mutex<ScrubProgress>,
    /// Held while the log is brought to the disk.
    flushing: Mutex<()>,
    /// Held while a checkpoint is taken.
    checkpointing: Mutex<()>,
    signals: Signals,
    counters: Counters,
    _lock: Box<dyn DiskLock>,
}

impl Inner {
    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { log: &self.log, derived: &self.derived, events: &*self.events, now_ms: self.clock.now_ms() }
    }
}

impl Store {
    /// Brings queues and index up to the log's end on the calling thread, unless another thread is doing that: then it
    /// takes over the new records too. What is readable afterwards is told through [`StoreEvents::arrived`].
    pub fn dispatch(&self) {
        if !self.inner.dispatcher.run(&self.inner.surroundings()) {
            self.inner.signals.wake_keeper();
        }
    }

    /// Brings queues and index up to the log's end, and waits for whoever is at it: everything stored before can be read then.
    pub fn dispatch_all(&self) -> Result<(), StoreError> {
        let done = self.inner.dispatcher.run_to_end(&self.inner.surroundings());
        done.map_err(|reason| StoreError::Incomplete { reason })
    }

    /// Asks for a sync that covers the log up to `up_to`; one sync serves all who ask meanwhile. Does not wait: the end
    /// is told through [`StoreEvents::flushed`]. Who may have come too late for that looks at [`Store::flushed_offset`]
    /// after asking.
    pub fn request_flush(&self, up_to: PhysicalOffset) {
        self.inner.signals.request_flush(up_to);
    }

    /// Removes a topic's queues; its records stay in the log until their segments go. Says whether there were any
    /// queues. May wait for the disk.
    pub fn delete_topic(&self, topic: &str) -> Result<bool, StoreError> {
        self.delete_topic_if(topic, || true)
    }

    /// The same if nothing speaks against it, which is asked while nothing is stored.
    pub fn delete_topic_if(&self, topic: &str, may_go: impl Fn() -> bool) -> Result<bool, StoreError> {
        let inner = &*self.inner;
        // New records of the topic must not bring its queues back: none is on its way while both locks are held.
        let queues = loop {
            let around = inner.surroundings();
            let mut work = inner.dispatcher.lock_at_end(&around).map_err(|reason| StoreError::Incomplete { reason })?;
            let taken = inner.log.exclusively(|| {
                let is_quiet = inner.log.end() == inner.dispatcher.position();
                is_quiet.then(|| may_go().then(|| inner.derived.queues.take(topic)))
            });
            match taken {
                None => {}
                Some(None) => {
                    drop(work);
                    self.dispatch();
                    return Ok(false);
                }
                Some(Some(queues)) => {
                    work.forget_removed();
                    let removed = inner.derived.queues.remove_files(topic, &queues);
                    removed.map_err(StoreError::io("remove queues in", &inner.derived.queues.dir()))?;
                    break queues;
                }
            }
        };
        // So that a recovery does not take the missing queues for a loss.
        inner.take_checkpoint()?;
        Ok(!queues.is_empty())
    }

    /// All topics that have queues, in no particular order.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.inner.derived.queues.topics()
    }

    /// The queues of a topic, ascending.
    pub fn queues(&self, topic: &str) -> Vec<QueueId> {
        self.inner.derived.queues.of_topic(topic).iter().map(|queue| queue.id).collect()
    }

    /// How many light queues there are.
    pub fn light_queue_count(&self) -> usize {
        self.inner.derived.queues.light()
    }

    /// The first offset that the log still has.
    pub fn min_physical_offset(&self) -> PhysicalOffset {
        self.inner.log.begin()
    }

    /// The log's end.
    pub fn max_physical_offset(&self) -> PhysicalOffset {
        self.inner.log.end()
    }

    /// Up to where the log is on the disk.
    pub fn flushed_offset(&self) -> PhysicalOffset {
        self.inner.log.flushed()
    }

    /// Up to where queues and index show the log.
    pub fn dispatched_offset(&self) -> PhysicalOffset {
        self.inner.dispatcher.position()
    }

    /// Whether the store works.
    pub fn health(&self) -> Health {
        let inner = &*self.inner;
        let (end, flushed, dispatched) = (inner.log.end().0, inner.log.flushed().0, inner.dispatcher.position().0);
        Health {
            refusal: inner.log.refusal().or_else(|| inner.log.failure(inner.clock.now_ms())),
            nearly_full: inner.nearly_full(),
            dispatch_error: inner.dispatcher.error().or_else(|| inner.incomplete.lock().clone()),
            dispatch_behind_bytes: (end - dispatched).max(0) as u64,
            flush_behind_bytes: (end - flushed).max(0) as u64,
        }
    }

    /// What the store did so far.
    pub fn statistics(&self) -> Statistics {
        self.inner.counters.get()
    }

    /// The longest wait of a put for its place in the log, in ms, since this was last asked.
    pub fn take_longest_put_ms(&self) -> i64 {
        self.inner.counters.put_max_ms.swap(0, std::sync::atomic::Ordering::Relaxed)
    }

    /// Refuses further writes, brings everything to the disk and marks the folder as closed cleanly. If that is not
    /// possible, the folder stays marked as crashed, and the next start repairs what is missing. May wait for the disk.
    pub fn close(&self) -> Result<(), StoreError> {
        let inner = &*self.inner;
        inner.log.refuse(PutError::Closed);
        self.stop_threads();
        match inner.log.refusal() {
            None | Some(PutError::Closed) => {}
            Some(refusal) => return Err(StoreError::Refused(refusal)),
        }
        if !inner.flush_log() {
            return Err(StoreError::Refused(inner.log.refusal().unwrap_or(PutError::Closed)));
        }
        self.dispatch_all()?;
        inner.take_checkpoint()?;
        inner.checkpoint.unseal()?;
        let abort = inner.options.root.join(open::ABORT);
        if inner.disk.exists(&abort).map_err(StoreError::io("look for", &abort))? {
            inner.disk.remove_file(&abort).map_err(StoreError::io("remove", &abort))?;
            inner.disk.sync_dir(&inner.options.root).map_err(StoreError::io("sync", &inner.options.root))?;
        }
        Ok(())
    }

    fn stop_threads(&self) {
        self.inner.signals.stop();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has said so; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop_threads();
    }
}
