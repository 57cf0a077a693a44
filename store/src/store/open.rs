//! Opening a store.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::scrub::forget_outside;
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
use crate::offset::PhysicalOffset;
use crate::options::StoreOptions;
use crate::queue::{CONSUME_QUEUES, Queues, Trust};
use crate::record::BLANK_BYTES;
use crate::recovery::Recovery;

/// Exists while a store is open, and after a crash.
pub(super) const ABORT: &str = "abort";
const ABORT_BYTES: usize = 64;
/// Precedes, within that file, the offset from which on the log is in doubt.
const DOUBT: &str = "\nlog in doubt from ";
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
        let store = Self::open_idle(options, disk, clock, events)?;
        let inner = &store.inner;
        let threads = threads::start(inner).map_err(StoreError::io("start the threads of", &inner.options.root))?;
        *store.threads.lock() = threads;
        Ok(store)
    }

    /// Opens the store without its threads: nothing happens in it unasked.
    pub(super) fn open_idle(
        options: StoreOptions,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        events: Arc<dyn StoreEvents>,
    ) -> Result<Self, StoreError> {
        check(&options)?;
        let root = &options.root;
        disk.create_dir_durably(root).map_err(StoreError::io("create", root))?;
        let lock_path = root.join(LOCK);
        let lock = disk.lock(&lock_path).map_err(StoreError::io("lock", &lock_path))?;
        let lock = lock.ok_or(StoreError::Locked { path: lock_path })?;

        let abort = root.join(ABORT);
        let crashed = disk.exists(&abort).map_err(StoreError::io("look for", &abort))?;
        let doubtful = if crashed { read_doubt(&*disk, &abort) } else { None };
        let ours = crashed && is_our_mark(&*disk, &abort);
        let checkpoint = CheckpointFile::open(&*disk, root.join(CHECKPOINT), ours)?;
        let log = Log::open(&options, Arc::clone(&disk))?;
        if log.segment_starts().is_empty() && checkpoint.get().log_ms > 0 {
            // Going on would cut the queues down to nothing.
            return Err(StoreError::MissingLog { log: options.commit_log.clone(), checkpoint: root.join(CHECKPOINT) });
        }
        let crashed_after = crashed.then(|| checkpoint.get());
        let index =
            options.index_enabled.then(|| Index::open(&options, Arc::clone(&disk), crashed_after)).transpose()?;
        let queue_dir = root.join(CONSUME_QUEUES);
        if !disk.exists(&queue_dir).map_err(StoreError::io("look for", &queue_dir))? {
            // Somebody wants the queues rebuilt: what the checkpoint says of them is void, from before they come back.
            checkpoint.save(|saved| (saved.queue_ms, saved.queue_physical) = (0, 0))?;
        }
        let checkpointed = checkpoint.get();
        let trust = match checkpointed.dispatched() {
            _ if !crashed => Trust::All,
            Some(last) => Trust::UpTo(last),
            None => Trust::Unknown,
        };
        let queues = Queues::open(&options, &disk, trust, &*clock)?;
        let derived = Derived {
            queues,
            index,
            delay_levels_ms: options.delay_levels_ms.clone(),
            light_queues: options.light_queues,
        };
        let recovery = Recovery {
            log: &log,
            derived: &derived,
            checkpoint: checkpointed,
            clean: !crashed,
            now_ms: clock.now_ms(),
            clock: &*clock,
        };
        if !ours {
            // Our mark stands for our checksum.
            checkpoint.save(|_| {})?;
        }
        // From here on files change: what fails now counts as a crash.
        note_open(&*disk, &abort, doubtful).map_err(StoreError::io("write", &abort))?;
        let recovered = recovery.run()?;
        log.start(recovered.end, recovered.durable)?;
        forget_outside(&*disk, root, log.begin().0, log.end().0, log.segment_bytes())?;
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
            scrub: Mutex::default(),
            scrub_progress: Mutex::default(),
            flushing: Mutex::new(()),
            checkpointing: Mutex::new(()),
            signals: Signals::default(),
            counters: Default::default(),
            _lock: lock,
        });
        if let Some(doubtful) = doubtful {
            inner.log.rewrite(doubtful)?;
        }
        if crashed || recovered.mended {
            // What recovery found need not be found again.
            inner.settle_recovery(recovered.point.store_ms)?;
        }
        if doubtful.is_some() {
            note_open(&*inner.disk, &abort, None).map_err(StoreError::io("write", &abort))?;
        }
        Ok(Self { inner, threads: Mutex::default() })
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

/// Marks the folder as open. `doubtful` is where a failed sync left the log in doubt, if one did: what a system has in
/// memory after that need not be on the disk, even if a later sync succeeds.
fn note_open(disk: &dyn Disk, abort: &Path, doubtful: Option<PhysicalOffset>) -> io::Result<()> {
    disk.replace(abort, &abort_text(doubtful), false)
}

/// Notes in the folder's mark that the log is in doubt from `offset` on. Needs no room on the disk.
pub(super) fn note_doubt(disk: &dyn Disk, abort: &Path, offset: PhysicalOffset) -> io::Result<()> {
    let file = disk.open(abort)?;
    file.write_at(0, &abort_text(Some(offset)))?;
    file.sync()
}

/// A process id, as Apache writes it, and the doubt; always as long.
fn abort_text(doubtful: Option<PhysicalOffset>) -> [u8; ABORT_BYTES] {
    let doubt = doubtful.map_or(String::new(), |offset| format!("{DOUBT}{offset}"));
    let text = format!("{}{doubt}", std::process::id());
    let mut bytes = [b'\n'; ABORT_BYTES];
    bytes.iter_mut().zip(text.bytes()).for_each(|(byte, new)| *byte = new);
    bytes
}

/// Whether the mark is one of [`note_open`]'s rather than Apache's, which is as long as its number.
fn is_our_mark(disk: &dyn Disk, abort: &Path) -> bool {
    disk.read(abort).is_ok_and(|mark| mark.len() == ABORT_BYTES)
}

/// What [`note_open`] noted. Apache writes a process id only.
fn read_doubt(disk: &dyn Disk, abort: &Path) -> Option<PhysicalOffset> {
    let text = String::from_utf8(disk.read(abort).ok()?).ok()?;
    let (_, offset) = text.split_once(DOUBT)?;
    offset.trim().parse().ok().map(PhysicalOffset)
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
