//! Opening a store.

use std::sync::Arc;

use parking_lot::Mutex;

use super::threads::{self, Signals};
use super::{Inner, Store};
use crate::checkpoint::CheckpointFile;
use crate::clock::Clock;
use crate::derived::Derived;
use crate::disk::Disk;
use crate::dispatch::Dispatcher;
use crate::error::StoreError;
use crate::events::StoreEvents;
use crate::index::Index;
use crate::log::Log;
use crate::options::StoreOptions;
use crate::queue::{CONSUME_QUEUES, Queues};
use crate::record::BLANK_BYTES;
use crate::recovery::Recovery;

/// Exists while a store is open, and after a crash.
pub(super) const ABORT: &str = "abort";
const LOCK: &str = "lock";
const CHECKPOINT: &str = "checkpoint";

/// Room for what a record holds besides the body.
const MAX_RECORD_OVERHEAD_BYTES: u64 = 64 << 10;

impl Store {
    /// Opens the store in `options.root`, creating what is missing, and recovers from whatever stopped it last. Waits for
    /// the disk, after a crash for as long as it takes to look through the last segments.
    pub fn open(
        options: StoreOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        events: Arc<dyn StoreEvents>,
    ) -> Result<Self, StoreError> {
        check(&options)?;
        let root = &options.root;
        disk.create_dir(root).map_err(StoreError::io("create", root))?;
        let lock_path = root.join(LOCK);
        let lock = disk.lock(&lock_path).map_err(StoreError::io("lock", &lock_path))?;
        let lock = lock.ok_or(StoreError::Locked { path: lock_path })?;

        let abort = root.join(ABORT);
        let crashed = disk.exists(&abort).map_err(StoreError::io("look for", &abort))?;
        let checkpoint = CheckpointFile::open(&*disk, root.join(CHECKPOINT))?;
        let log = Log::open(&options, Arc::clone(&disk))?;
        let crashed_after_ms = crashed.then_some(checkpoint.get().index_ms);
        let index =
            options.index_enabled.then(|| Index::open(&options, Arc::clone(&disk), crashed_after_ms)).transpose()?;
        let queue_dir = root.join(CONSUME_QUEUES);
        if !disk.exists(&queue_dir).map_err(StoreError::io("look for", &queue_dir))? {
            // Somebody wants the queues rebuilt: what the checkpoint says of them is void, from before they come back.
            checkpoint.save(|saved| (saved.queue_ms, saved.queue_physical) = (0, 0))?;
        }
        let queues = Queues::open(&options, &disk, crashed)?;
        let derived = Derived {
            queues,
            index,
            delay_levels_ms: options.delay_levels_ms.clone(),
            light_queues: options.light_queues,
        };
        let checkpointed = checkpoint.get();
        let recovery = Recovery {
            log: &log,
            derived: &derived,
            checkpoint: checkpointed,
            clean: !crashed,
            now_ms: clock.now_ms(),
        };
        // From here on files change: what fails now counts as a crash.
        let pid = std::process::id().to_string();
        disk.replace(&abort, pid.as_bytes(), false).map_err(StoreError::io("write", &abort))?;
        let recovered = recovery.run()?;
        log.start(recovered.end, recovered.durable)?;
        log.prepare();
        let dispatcher = Dispatcher::new(log.end(), recovered.point, recovered.busy);
        let inner = Arc::new(Inner {
            options,
            disk,
            clock,
            events,
            log,
            derived,
            dispatcher,
            checkpoint,
            incomplete: Mutex::new(None),
            nearly_full: Default::default(),
            retention: Mutex::default(),
            checkpointing: Mutex::new(()),
            signals: Signals::default(),
            counters: Default::default(),
            _lock: lock,
        });
        if crashed {
            // What recovery found need not be found again.
            inner.settle_recovery(recovered.point.store_ms)?;
        }
        let threads = threads::start(&inner).map_err(StoreError::io("start the threads of", &inner.options.root))?;
        Ok(Self { inner, threads: Mutex::new(threads) })
    }
}

impl Inner {
    /// Brings what was recovered to the disk.
    fn settle_recovery(&self, last_store_ms: i64) -> Result<(), StoreError> {
        if !self.flush_log() {
            return Err(StoreError::Refused(self.log.refusal().unwrap_or(crate::PutError::Closed)));
        }
        self.counters.log_ms.fetch_max(last_store_ms, std::sync::atomic::Ordering::Relaxed);
        self.take_checkpoint()
    }
}

/// Refuses sizes that cannot work.
fn check(options: &StoreOptions) -> Result<(), StoreError> {
    let bad = |key, value: u64, reason| Err(StoreError::BadOption { key, value: value.to_string(), reason });
    if options.segment_bytes <= BLANK_BYTES as u64 || options.segment_bytes > i32::MAX as u64 {
        return bad("mappedFileSizeCommitLog", options.segment_bytes, "a segment has between 9 bytes and 2 GiB");
    }
    if options.max_body_bytes as u64 > i32::MAX as u64 - MAX_RECORD_OVERHEAD_BYTES {
        return bad("maxMessageSize", options.max_body_bytes as u64, "a record must stay below 2 GiB");
    }
    if options.queue_file_units == 0 || options.queue_file_bytes() > i32::MAX as u64 {
        return bad(
            "mappedFileSizeConsumeQueue",
            options.queue_file_units,
            "a queue file has between 20 bytes and 2 GiB",
        );
    }
    if options.index_slots == 0 || options.index_slots > i32::MAX as u32 / 4 {
        return bad(
            "maxHashSlotNum",
            options.index_slots.into(),
            "an index file has at least one slot and stays below 2 GiB of them",
        );
    }
    if options.index_units < 2 || options.index_units > i32::MAX as u32 {
        return bad("maxIndexNum", options.index_units.into(), "an index file has at least two entries");
    }
    Ok(())
}
