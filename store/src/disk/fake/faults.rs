//! The switches that make a disk misbehave.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(super) struct Faults {
    switches: Mutex<Switches>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct Switches {
    pub(super) full: bool,
    /// What is used, of 100 bytes.
    pub(super) used_percent: u64,
    pub(super) cold: bool,
    pub(super) failing_sync: Option<PathBuf>,
    pub(super) failing_write: Option<PathBuf>,
    pub(super) failing_read: Option<PathBuf>,
    pub(super) syncs_held: bool,
    syncs: u64,
}

impl Faults {
    pub(super) fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.switches.lock());
        self.changed.notify_all();
    }

    pub(super) fn is_cold(&self) -> bool {
        self.switches.lock().cold
    }

    pub(super) fn used_percent(&self) -> u64 {
        self.switches.lock().used_percent
    }

    /// Fails on a full disk.
    pub(super) fn needs_room(&self) -> io::Result<()> {
        if self.switches.lock().full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(super) fn read_of(&self, path: &Path) -> io::Result<()> {
        strikes(self.switches.lock().failing_read.as_deref(), path)
    }

    pub(super) fn write_to(&self, path: &Path) -> io::Result<()> {
        strikes(self.switches.lock().failing_write.as_deref(), path)
    }

    /// The sync of a folder, or of a file that is replaced.
    pub(super) fn sync_of(&self, path: &Path) -> io::Result<()> {
        strikes(self.switches.lock().failing_sync.as_deref(), path)
    }

    /// The sync of a file, which may be held up.
    pub(super) fn sync_begins(&self, path: &Path) -> io::Result<()> {
        let mut switches = self.switches.lock();
        switches.syncs += 1;
        self.changed.notify_all();
        while switches.syncs_held {
            self.changed.wait(&mut switches);
        }
        strikes(switches.failing_sync.as_deref(), path)
    }

    pub(super) fn syncs(&self) -> u64 {
        self.switches.lock().syncs
    }

    pub(super) fn wait_for_syncs(&self, count: u64) {
        let mut switches = self.switches.lock();
        while switches.syncs < count {
            self.changed.wait(&mut switches);
        }
    }
}

fn strikes(failing: Option<&Path>, path: &Path) -> io::Result<()> {
    match failing {
        Some(failing) if path.starts_with(failing) => Err(io::Error::other("injected fault")),
        _ => Ok(()),
    }
}
