//! A disk in memory for tests: as sparse as a real one, killed and cut off from power as often as wanted, and made to
//! fail on demand.
//!
//! It keeps apart what was written and what is certain to be on the platter: pages count once their file is synced,
//! entries of folders once their folder is.

mod contents;
mod faults;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Allocation, Disk, DiskFile, DiskLock, Entry, Space, Window, with_suffix};
use contents::Contents;
use faults::Faults;
use tree::Tree;

/// Decides what chance decides: a number below the one that is passed.
pub type Choose<'a> = dyn FnMut(usize) -> usize + 'a;

/// How much of a page reaches the platter or does not, when the power fails while it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector {
    /// 512 bytes: of a page some sectors are new and some old.
    Small,
    /// 4096 bytes: a page is new or old.
    Page,
}

/// The disk. Clones share everything; [`FakeDisk::fork`] copies it.
#[derive(Clone, Default)]
pub struct FakeDisk {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    tree: Mutex<Tree>,
    faults: Arc<Faults>,
}

impl FakeDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a process finds that starts after this one was killed: everything written so far, no locks, no faults. What
    /// was not on the platter still is not.
    pub fn fork(&self) -> Self {
        let copy = self.inner.tree.lock().fork();
        Self { inner: Arc::new(Inner { tree: Mutex::new(copy), faults: Arc::default() }) }
    }

    /// What a machine finds that starts after its power failed: what is on the platter, and of the rest whatever `choose`
    /// wants, in any combination. No locks, no faults.
    pub fn power_cut(&self, sector: Sector, choose: &mut Choose<'_>) -> Self {
        let rest = self.inner.tree.lock().power_cut(sector, choose);
        Self { inner: Arc::new(Inner { tree: Mutex::new(rest), faults: Arc::default() }) }
    }

    /// Brings some of what was written to the platter without being asked, as systems do from time to time.
    pub fn write_back(&self, choose: &mut Choose<'_>) {
        self.inner.tree.lock().files().for_each(|contents| contents.write_back(choose));
    }

    /// Turns one bit of a file, on the platter and in every cache. `bit` counts from the file's start.
    pub fn flip(&self, path: &Path, bit: u64) -> io::Result<()> {
        self.inner.tree.lock().file(path)?.flip(bit);
        Ok(())
    }

    /// Whether there is no room: nothing that needs blocks of its own can be written.
    pub fn set_full(&self, full: bool) {
        self.inner.faults.set(|switches| switches.full = full);
    }

    /// Makes the disk say that it is this full.
    pub fn set_used_percent(&self, percent: u64) {
        self.inner.faults.set(|switches| switches.used_percent = percent);
    }

    /// Whether nothing counts as cached, so that every read has to wait.
    pub fn set_cold(&self, cold: bool) {
        self.inner.faults.set(|switches| switches.cold = cold);
    }

    /// Makes syncs of files and folders under `path` fail; `None` ends it. What a failed sync was to bring to the platter
    /// counts as brought, and is not, until it is written again: so do Linux's file systems.
    pub fn fail_syncs(&self, path: Option<&Path>) {
        self.inner.faults.set(|switches| switches.failing_sync = path.map(Path::to_owned));
    }

    /// Makes writes to files under `path` fail; `None` ends it.
    pub fn fail_writes(&self, path: Option<&Path>) {
        self.inner.faults.set(|switches| switches.failing_write = path.map(Path::to_owned));
    }

    /// Makes reads of files under `path` fail, but for those through windows; `None` ends it.
    pub fn fail_reads(&self, path: Option<&Path>) {
        self.inner.faults.set(|switches| switches.failing_read = path.map(Path::to_owned));
    }

    /// Whether syncs wait until this is switched off again.
    pub fn hold_syncs(&self, held: bool) {
        self.inner.faults.set(|switches| switches.syncs_held = held);
    }

    /// How many syncs of files have begun.
    pub fn syncs(&self) -> u64 {
        self.inner.faults.syncs()
    }

    /// Waits until `count` syncs have begun.
    pub fn wait_for_syncs(&self, count: u64) {
        self.inner.faults.wait_for_syncs(count);
    }

    fn handle(&self, path: &Path, contents: Arc<Contents>) -> Arc<dyn DiskFile> {
        Arc::new(FakeFile { path: path.to_owned(), contents, faults: Arc::clone(&self.inner.faults) })
    }
}

impl Disk for FakeDisk {
    fn create(&self, path: &Path, bytes: u64, allocation: Allocation) -> io::Result<Arc<dyn DiskFile>> {
        let reserved = allocation == Allocation::Reserved;
        if reserved {
            self.inner.faults.needs_room()?;
        }
        let contents = Arc::new(Contents::new(bytes, reserved));
        self.inner.tree.lock().create(path, Arc::clone(&contents))?;
        Ok(self.handle(path, contents))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let contents = self.inner.tree.lock().file(path)?;
        Ok(self.handle(path, contents))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        Ok(self.inner.tree.lock().list(dir))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.inner.tree.lock().exists(path))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.tree.lock().create_dir(dir);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.tree.lock().remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.tree.lock().remove_dir(dir);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.faults.sync_of(dir)?;
        self.inner.tree.lock().sync_dir(dir);
        Ok(())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let used_bytes = self.inner.faults.used_percent();
        Ok(Space { used_bytes, available_bytes: 100 - used_bytes.min(100) })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut contents = vec![0; file.bytes() as usize];
        file.read_at(0, &mut contents)?;
        Ok(contents)
    }

    fn replace(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()> {
        self.inner.faults.needs_room()?;
        self.inner.faults.write_to(path)?;
        self.inner.faults.sync_of(path)?;
        let new = Arc::new(Contents::of(contents));
        let mut tree = self.inner.tree.lock();
        if let (true, Ok(old)) = (keep_backup, tree.file(path)) {
            tree.replace(&with_suffix(path, ".bak"), old);
        }
        tree.replace(path, new);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let free = self.inner.tree.lock().lock(path);
        Ok(free.then(|| Box::new(FakeLock { disk: self.clone(), path: path.to_owned() }) as Box<dyn DiskLock>))
    }
}

struct FakeLock {
    disk: FakeDisk,
    path: PathBuf,
}

impl DiskLock for FakeLock {}

impl Drop for FakeLock {
    fn drop(&mut self) {
        self.disk.inner.tree.lock().unlock(&self.path);
    }
}

struct FakeFile {
    path: PathBuf,
    contents: Arc<Contents>,
    faults: Arc<Faults>,
}

impl DiskFile for FakeFile {
    fn bytes(&self) -> u64 {
        self.contents.bytes
    }

    fn reserve(&self) -> io::Result<()> {
        if !self.contents.is_reserved() {
            self.faults.needs_room()?;
            self.contents.reserve();
        }
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.faults.read_of(&self.path)?;
        self.contents.read(position, buffer)
    }

    fn read_cached_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.faults.is_cold() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.read_at(position, buffer)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.faults.write_to(&self.path)?;
        let room = match self.faults.needs_room() {
            Ok(()) => bytes.len(),
            // What lies in blocks that exist already is written, as by a system.
            Err(_) => self.contents.room(position, bytes.len()),
        };
        self.contents.write(position, &bytes[..room]);
        if room < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn zero_from(&self, position: u64, allocation: Allocation) -> io::Result<bool> {
        Ok(self.contents.zero_from(position) || allocation == Allocation::Reserved)
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.faults.sync_begins(&self.path);
        self.contents.sync(synced.is_ok());
        synced
    }

    fn window(&self) -> io::Result<Arc<dyn Window>> {
        Ok(Arc::new(FakeWindow(Arc::clone(&self.contents))))
    }
}

struct FakeWindow(Arc<Contents>);

impl Window for FakeWindow {
    fn write(&self, position: u64, record: &[u8]) {
        self.0.write(position, record);
    }

    fn read(&self, position: u64, length: usize) -> Bytes {
        let mut buffer = vec![0; length];
        if self.0.read(position, &mut buffer).is_err() {
            buffer.clear();
        }
        buffer.into()
    }

    fn forget(&self, _: u64, _: u64) {}
}
