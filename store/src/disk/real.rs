//! The machine's disk.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{Advice, FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::{Errno, ReadWriteFlags};

use super::{Allocation, Disk, DiskFile, DiskLock, Entry, Space, Window, with_suffix};
use crate::mapping::Mapping;

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, bytes: u64, allocation: Allocation) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        // The length is set last: a crash before leaves an empty file, which Apache and we remove, never a short one.
        let created = match allocation {
            Allocation::Reserved => allocate(&file, 0, bytes),
            Allocation::Sparse => Ok(()),
        }
        .and_then(|()| file.set_len(bytes));
        match created {
            Ok(()) => Ok(Arc::new(RealFile { file, bytes })),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Arc::new(RealFile { file, bytes }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let listing = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut entries = Vec::new();
        for entry in listing {
            let entry = entry?;
            let is_dir = entry.file_type()?.is_dir();
            // Names that are not UTF-8 are none of ours.
            if let Ok(name) = entry.file_name().into_string() {
                let bytes = if is_dir { 0 } else { entry.metadata()?.len() };
                entries.push(Entry { name, is_dir, bytes });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir)?.sync_all()
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let found = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space {
            used_bytes: bytes(found.f_blocks.saturating_sub(found.f_bfree)),
            available_bytes: bytes(found.f_bavail),
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn replace(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()> {
        replace(path, contents, keep_backup, PUBLIC)?;
        self.sync_dir(path.parent().unwrap_or(Path::new("")))
    }

    fn replace_private(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()> {
        replace(path, contents, keep_backup, PRIVATE)?;
        self.sync_dir(path.parent().unwrap_or(Path::new("")))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        // fcntl locks are what Java takes, but they do not keep out other callers of the same process, and closing
        // any descriptor of the file lets them go: hence the list of our own, looked at before the file is opened.
        let place = LockPlace::of(path)?;
        let mut held = HELD.lock();
        if held.contains(&place) {
            return Ok(None);
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                file.write_all_at(b"lock", 0)?;
                held.insert(place.clone());
                Ok(Some(Box::new(FileLock { place, file: Some(file) })))
            }
            Err(Errno::ACCESS | Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Files that this process has locked.
static HELD: Mutex<BTreeSet<LockPlace>> = Mutex::new(BTreeSet::new());

/// A file's place, however its path is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LockPlace {
    device: u64,
    /// The number of its folder.
    inode: u64,
    name: OsString,
}

impl LockPlace {
    fn of(path: &Path) -> io::Result<Self> {
        let dir = fs::metadata(path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        Ok(Self { device: dir.dev(), inode: dir.ino(), name: path.file_name().unwrap_or_default().to_owned() })
    }
}

struct FileLock {
    place: LockPlace,
    /// Closing it ends the lock; taken on drop so that this happens before the place leaves [`HELD`].
    file: Option<File>,
}

impl DiskLock for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        let mut held = HELD.lock();
        self.file = None;
        held.remove(&self.place);
    }
}

struct RealFile {
    file: File,
    bytes: u64,
}

impl DiskFile for RealFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn reserve(&self) -> io::Result<()> {
        allocate(&self.file, 0, self.bytes)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, position)
    }

    fn read_cached_at(&self, mut position: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let read =
                rustix::io::preadv2(&self.file, &mut [IoSliceMut::new(buffer)], position, ReadWriteFlags::NOWAIT);
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    position += read as u64;
                    buffer = &mut buffer[read..];
                }
                Err(Errno::INTR) => {}
                // A file system that cannot tell counts as one that would have to wait.
                Err(Errno::OPNOTSUPP) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_through(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        // What the system read ahead could not be told from what somebody else wants in memory.
        self.expect_no_sequence();
        match self.read_cached_at(position, buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            cached => return cached,
        }
        self.read_at(position, buffer)?;
        if let Some(length) = NonZeroU64::new(buffer.len() as u64) {
            let _ = rustix::fs::fadvise(&self.file, position, Some(length), Advice::DontNeed);
        }
        Ok(())
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, position)
    }

    fn zero_from(&self, position: u64, allocation: Allocation) -> io::Result<bool> {
        let length = self.bytes.saturating_sub(position);
        if length == 0 || allocation == Allocation::Sparse && !self.has_data(position)? {
            return Ok(false);
        }
        let how = match allocation {
            Allocation::Reserved => FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE,
            Allocation::Sparse => FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
        };
        match rustix::fs::fallocate(&self.file, how, position, length) {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP) => write_zeros(&self.file, position, length).map(|()| true),
            Err(error) => Err(error.into()),
        }
    }

    fn prefetch(&self, range: Range<u64>) {
        // Without it the first write to a page reads ahead in the page fault: milliseconds, under the log's lock.
        let length = NonZeroU64::new(range.end.saturating_sub(range.start));
        if length.is_some() {
            let _ = rustix::fs::fadvise(&self.file, range.start, length, Advice::WillNeed);
        }
    }

    fn expect_no_sequence(&self) {
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::Random);
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn window(&self) -> io::Result<Arc<dyn Window>> {
        Ok(Arc::new(Mapping::new(&self.file, self.bytes)?))
    }
}

impl RealFile {
    /// Whether anything but holes and, up to the end of a block, zeros lies behind `position`.
    fn has_data(&self, position: u64) -> io::Result<bool> {
        const BLOCK_BYTES: u64 = 4096;
        let mut block = [0; BLOCK_BYTES as usize];
        let rest = (BLOCK_BYTES - position % BLOCK_BYTES).min(self.bytes - position);
        let block = &mut block[..rest as usize];
        self.read_at(position, block)?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
        match rustix::fs::seek(&self.file, SeekFrom::Data(position + rest)) {
            Ok(_) => Ok(true),
            Err(Errno::NXIO) => Ok(false),
            // A file system without holes may have anything there.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Gives `file` its blocks without touching its length or what it holds.
fn allocate(file: &File, position: u64, bytes: u64) -> io::Result<()> {
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, position, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // Some file systems have no preallocation; writing zeros does the same, but only where nothing is yet.
            Err(Errno::OPNOTSUPP) if file.metadata()?.len() == 0 => return write_zeros(file, position, bytes),
            Err(Errno::OPNOTSUPP) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_zeros(file: &File, mut position: u64, mut length: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 20];
    while length > 0 {
        let part = length.min(zeros.len() as u64);
        file.write_all_at(&zeros[..part as usize], position)?;
        position += part;
        length -= part;
    }
    Ok(())
}

/// Who may read a file: what the process' mask leaves, or its owner only.
const PUBLIC: u32 = 0o666;
const PRIVATE: u32 = 0o600;

fn replace(path: &Path, contents: &[u8], keep_backup: bool, mode: u32) -> io::Result<()> {
    let temporary = with_suffix(path, ".tmp");
    write_durably(&temporary, contents, mode)?;
    if keep_backup && let Ok(old) = fs::read(path) {
        // The backup is replaced the same way: at no moment are both damaged.
        let temporary_backup = with_suffix(path, ".bak.tmp");
        write_durably(&temporary_backup, &old, mode)?;
        fs::rename(&temporary_backup, with_suffix(path, ".bak"))?;
    }
    fs::rename(&temporary, path)
}

fn write_durably(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    if mode == PRIVATE {
        // One that was left behind may be open to others.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all_at(contents, 0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
