//! The whole store on a disk in memory, against naive models.

mod faults;
mod flush;
mod history;
mod light;
mod lock;
mod random;
mod read;
mod retain;
mod scrub;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Store;
use crate::clock::ManualClock;
use crate::disk::FakeDisk;
use crate::error::StoreError;
use crate::events::{Arrival, StoreEvents};
use crate::message::NewMessage;
use crate::offset::{PhysicalOffset, QueueId};
use crate::options::StoreOptions;

pub(crate) const HOST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10911);

/// Files of a few KiB, so that everything rolls all the time.
pub(crate) fn small_options(root: impl Into<PathBuf>) -> StoreOptions {
    StoreOptions {
        segment_bytes: 8 << 10,
        queue_file_units: 16,
        index_slots: 7,
        index_units: 50,
        max_body_bytes: 2_000,
        hot_window_bytes: 4 << 10,
        max_open_queue_files: 2,
        ..StoreOptions::new(root)
    }
}

/// A message without frills.
pub(crate) fn message<'a>(topic: &'a str, queue: i32, body: &'a [u8], properties: &'a [u8]) -> NewMessage<'a> {
    NewMessage {
        topic,
        queue: QueueId(queue),
        flag: 3,
        sys_flag: 0,
        born_ms: 1_700_000_000_000,
        born_host: HOST,
        store_host: HOST,
        reconsume_times: 0,
        prepared_offset: 0,
        body,
        properties,
    }
}

/// Remembers all news.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) arrivals: Mutex<Vec<Arrival>>,
    pub(crate) flushed: Mutex<Vec<PhysicalOffset>>,
    pub(crate) refusals: Mutex<Vec<String>>,
    changed: parking_lot::Condvar,
}

impl Recorder {
    /// Waits until everything before `up_to` was reported as flushed.
    pub(crate) fn wait_flushed(&self, up_to: PhysicalOffset) {
        let mut flushed = self.flushed.lock();
        while flushed.iter().all(|&end| end < up_to) {
            self.changed.wait(&mut flushed);
        }
    }

    /// Waits until a refusal was reported.
    pub(crate) fn wait_refused(&self) {
        let mut refusals = self.refusals.lock();
        while refusals.is_empty() {
            self.changed.wait(&mut refusals);
        }
    }
}

impl StoreEvents for Recorder {
    fn arrived(&self, arrivals: &[Arrival]) {
        self.arrivals.lock().extend_from_slice(arrivals);
    }

    fn flushed(&self, up_to: PhysicalOffset) {
        self.flushed.lock().push(up_to);
        self.changed.notify_all();
    }

    fn refused(&self, reason: &str) {
        self.refusals.lock().push(reason.to_owned());
        self.changed.notify_all();
    }
}

/// A disk with a clock.
pub(crate) struct Machine {
    pub(crate) disk: FakeDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) events: Arc<Recorder>,
    pub(crate) options: StoreOptions,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            disk: FakeDisk::new(),
            clock: Arc::new(ManualClock::new(1_700_000_000_000)),
            events: Arc::default(),
            options: small_options("/store"),
        }
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.options.clone(), Arc::new(self.disk.clone()), self.clock.clone(), self.events.clone())
    }

    /// Kills the process that has `store` open.
    pub(crate) fn crash(&mut self, store: Store) {
        // First the copy: what the store's threads do until they have stopped must not count.
        let after = self.disk.fork();
        drop(store);
        self.disk = after;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new("/store").join(name)
    }
}

impl Store {
    /// Takes a checkpoint now, the log included.
    pub(crate) fn checkpoint_now(&self) {
        assert!(self.inner.flush_log());
        self.inner.take_checkpoint().unwrap();
    }
}
