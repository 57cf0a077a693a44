//! A disk in memory for tests: as sparse as a real one, cloned to play a crash, and made to fail on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};

use super::{Allocation, Disk, DiskFile, DiskLock, Entry, Space, Window, with_suffix};

const PAGE_BYTES: u64 = 4096;

type Page = Box<[u8; PAGE_BYTES as usize]>;

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

#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<Contents>>,
    dirs: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Faults {
    switches: Mutex<Switches>,
    changed: Condvar,
}

#[derive(Default)]
struct Switches {
    full: bool,
    /// What is used, of 100 bytes.
    used_percent: u64,
    cold: bool,
    failing_sync: Option<PathBuf>,
    failing_write: Option<PathBuf>,
    syncs_held: bool,
    syncs: u64,
}

impl FakeDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a process finds that starts after this one was killed: everything written so far, no locks, no faults.
    pub fn fork(&self) -> Self {
        let tree = self.inner.tree.lock();
        let files = tree.files.iter().map(|(path, contents)| (path.clone(), Arc::new(contents.copy()))).collect();
        let copy = Tree { files, dirs: tree.dirs.clone(), locked: BTreeSet::new() };
        Self { inner: Arc::new(Inner { tree: Mutex::new(copy), faults: Arc::default() }) }
    }

    /// Whether reserving blocks fails for want of room.
    pub fn set_full(&self, full: bool) {
        self.inner.faults.switches.lock().full = full;
    }

    /// Makes the disk say that it is this full.
    pub fn set_used_percent(&self, percent: u64) {
        self.inner.faults.switches.lock().used_percent = percent;
    }

    /// Whether nothing counts as cached, so that every read has to wait.
    pub fn set_cold(&self, cold: bool) {
        self.inner.faults.switches.lock().cold = cold;
    }

    /// Makes syncs of files under `path` fail; `None` ends it.
    pub fn fail_syncs(&self, path: Option<&Path>) {
        self.inner.faults.switches.lock().failing_sync = path.map(Path::to_owned);
    }

    /// Makes writes to files under `path` fail; `None` ends it.
    pub fn fail_writes(&self, path: Option<&Path>) {
        self.inner.faults.switches.lock().failing_write = path.map(Path::to_owned);
    }

    /// Whether syncs wait until this is switched off again.
    pub fn hold_syncs(&self, held: bool) {
        self.inner.faults.switches.lock().syncs_held = held;
        self.inner.faults.changed.notify_all();
    }

    /// How many syncs of files have begun.
    pub fn syncs(&self) -> u64 {
        self.inner.faults.switches.lock().syncs
    }

    /// Waits until `count` syncs have begun.
    pub fn wait_for_syncs(&self, count: u64) {
        let mut switches = self.inner.faults.switches.lock();
        while switches.syncs < count {
            self.inner.faults.changed.wait(&mut switches);
        }
    }

    fn file(&self, path: &Path, contents: &Arc<Contents>) -> Arc<dyn DiskFile> {
        Arc::new(FakeFile {
            path: path.to_owned(),
            contents: Arc::clone(contents),
            faults: Arc::clone(&self.inner.faults),
        })
    }
}

impl Disk for FakeDisk {
    fn create(&self, path: &Path, bytes: u64, allocation: Allocation) -> io::Result<Arc<dyn DiskFile>> {
        if allocation == Allocation::Reserved && self.inner.faults.switches.lock().full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut tree = self.inner.tree.lock();
        if tree.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|dir| tree.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let contents = Arc::new(Contents::new(bytes));
        tree.files.insert(path.to_owned(), Arc::clone(&contents));
        Ok(self.file(path, &contents))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let tree = self.inner.tree.lock();
        tree.files.get(path).map(|contents| self.file(path, contents)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let tree = self.inner.tree.lock();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let children = |path: &&PathBuf| path.parent() == Some(dir);
        let dirs = tree.dirs.iter().filter(children).map(|path| Entry { name: name(path), is_dir: true, bytes: 0 });
        let files = tree.files.iter().filter(|(path, _)| path.parent() == Some(dir));
        let files = files.map(|(path, contents)| Entry { name: name(path), is_dir: false, bytes: contents.bytes });
        let mut entries: Vec<_> = dirs.chain(files).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let tree = self.inner.tree.lock();
        Ok(tree.files.contains_key(path) || tree.dirs.contains(path))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.tree.lock().dirs.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.tree.lock().files.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut tree = self.inner.tree.lock();
        tree.files.retain(|path, _| !path.starts_with(dir));
        tree.dirs.retain(|path| !path.starts_with(dir));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let used_bytes = self.inner.faults.switches.lock().used_percent;
        Ok(Space { used_bytes, available_bytes: 100 - used_bytes.min(100) })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut contents = vec![0; file.bytes() as usize];
        file.read_at(0, &mut contents)?;
        Ok(contents)
    }

    fn replace(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()> {
        let new = Contents::new(contents.len() as u64);
        new.write(0, contents);
        let old = self.inner.tree.lock().files.insert(path.to_owned(), Arc::new(new));
        if let (true, Some(old)) = (keep_backup, old) {
            self.inner.tree.lock().files.insert(with_suffix(path, ".bak"), old);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let free = self.inner.tree.lock().locked.insert(path.to_owned());
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
        self.disk.inner.tree.lock().locked.remove(&self.path);
    }
}

/// A file's bytes; pages never written are zeros and take no memory.
struct Contents {
    bytes: u64,
    pages: RwLock<BTreeMap<u64, Page>>,
}

impl Contents {
    fn new(bytes: u64) -> Self {
        Self { bytes, pages: RwLock::default() }
    }

    fn copy(&self) -> Self {
        Self { bytes: self.bytes, pages: RwLock::new(self.pages.read().clone()) }
    }

    fn read(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if position + buffer.len() as u64 > self.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let pages = self.pages.read();
        for_pages(position, buffer.len(), |page, at, range| match pages.get(&page) {
            Some(page) => buffer[range.clone()].copy_from_slice(&page[at..at + range.len()]),
            None => buffer[range].fill(0),
        });
        Ok(())
    }

    fn write(&self, position: u64, bytes: &[u8]) {
        assert!(position + bytes.len() as u64 <= self.bytes, "a write stays within the file");
        let mut pages = self.pages.write();
        for_pages(position, bytes.len(), |page, at, range| {
            let page = pages.entry(page).or_insert_with(|| Box::new([0; PAGE_BYTES as usize]));
            page[at..at + range.len()].copy_from_slice(&bytes[range]);
        });
    }
}

/// Calls `each` with page number, place in the page and range of the buffer for every page that a range touches.
fn for_pages(position: u64, length: usize, mut each: impl FnMut(u64, usize, std::ops::Range<usize>)) {
    let mut done = 0;
    while done < length {
        let here = position + done as u64;
        let at = (here % PAGE_BYTES) as usize;
        let part = (PAGE_BYTES as usize - at).min(length - done);
        each(here / PAGE_BYTES, at, done..done + part);
        done += part;
    }
}

struct FakeFile {
    path: PathBuf,
    contents: Arc<Contents>,
    faults: Arc<Faults>,
}

impl FakeFile {
    fn fails(&self, path: Option<&PathBuf>) -> io::Result<()> {
        match path {
            Some(path) if self.path.starts_with(path) => Err(io::Error::other("injected fault")),
            _ => Ok(()),
        }
    }
}

impl DiskFile for FakeFile {
    fn bytes(&self) -> u64 {
        self.contents.bytes
    }

    fn reserve(&self) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.contents.read(position, buffer)
    }

    fn read_cached_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.faults.switches.lock().cold {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.read_at(position, buffer)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.fails(self.faults.switches.lock().failing_write.as_ref())?;
        self.contents.write(position, bytes);
        Ok(())
    }

    fn zero_from(&self, position: u64, _: Allocation) -> io::Result<()> {
        let mut pages = self.contents.pages.write();
        pages.split_off(&position.div_ceil(PAGE_BYTES));
        if let Some(page) = pages.get_mut(&(position / PAGE_BYTES)) {
            page[(position % PAGE_BYTES) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut switches = self.faults.switches.lock();
        switches.syncs += 1;
        self.faults.changed.notify_all();
        while switches.syncs_held {
            self.faults.changed.wait(&mut switches);
        }
        self.fails(switches.failing_sync.as_ref())
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
