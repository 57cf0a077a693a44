//! The disk as a parameter: files of fixed length that are read and written at positions, mapped windows onto
//! them for the hot end of the commit log, and the few folder operations a store needs. [`RealDisk`] is the
//! machine's, [`FakeDisk`] lives in memory and misbehaves when told to.

mod fake;
mod real;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

pub use fake::{Choose, FakeDisk, Sector};
pub use real::RealDisk;

/// Whether a new file gets its blocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// All blocks are allocated, so that no later write can run out of room.
    Reserved,
    /// Blocks come with the writes; the rest reads as zeros.
    Sparse,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// The file's length; 0 for a folder.
    pub bytes: u64,
}

/// How full a file system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What files take.
    pub used_bytes: u64,
    /// What is left for an ordinary user.
    pub available_bytes: u64,
}

impl Space {
    /// Whether more than this percentage is used.
    pub fn exceeds(&self, percent: u32) -> bool {
        let all = u128::from(self.used_bytes) + u128::from(self.available_bytes);
        u128::from(self.used_bytes) * 100 > u128::from(percent) * all
    }

    /// The percentage that is used, rounded up as `df` does.
    pub fn used_percent(&self) -> u32 {
        let all = u128::from(self.used_bytes) + u128::from(self.available_bytes);
        (u128::from(self.used_bytes) * 100).div_ceil(all.max(1)) as u32
    }
}

/// Folders and whole files.
pub trait Disk: Send + Sync {
    /// Creates a file of `bytes` zeros. It fails if the file exists; after a failure nothing is left behind. The
    /// entry in the folder is durable after [`Disk::sync_dir`].
    fn create(&self, path: &Path, bytes: u64, allocation: Allocation) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// What is in a folder, sorted by name; nothing if there is no such folder.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Whether the file or folder exists.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Creates a folder and its parents, unless they exist. Their entries are durable after [`Disk::sync_dir`] of each
    /// one's parent.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Like [`Disk::create_dir`], but durable on return.
    fn create_dir_durably(&self, dir: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for dir in dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()) {
            if self.exists(dir)? {
                break;
            }
            missing.push(dir);
        }
        self.create_dir(dir)?;
        missing.into_iter().filter_map(Path::parent).try_for_each(|parent| self.sync_dir(parent))
    }

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with all that is in it.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// How full the file system is that a folder lies on. A disk that cannot tell counts as empty.
    fn space(&self, _dir: &Path) -> io::Result<Space> {
        Ok(Space::default())
    }

    /// Reads a small file whole.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Replaces a small file so that a crash leaves the old or the new contents, never a mixture; durable on return.
    /// With `keep_backup` the old contents stay as `NAME.bak`, as Apache keeps them.
    fn replace(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()>;

    /// The same for a file, and a backup, that only their owner may read.
    fn replace_private(&self, path: &Path, contents: &[u8], keep_backup: bool) -> io::Result<()> {
        self.replace(path, contents, keep_backup)
    }

    /// Locks a file against other processes (Java's `FileChannel.lock` included) and other callers in this one;
    /// `None`: somebody else holds it. The lock ends when it is dropped.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// A held lock; see [`Disk::lock`].
pub trait DiskLock: Send + Sync {}

/// A file of fixed length.
pub trait DiskFile: Send + Sync {
    /// Its length.
    fn bytes(&self) -> u64;

    /// Allocates the blocks that are still missing, so that writes cannot run out of room.
    fn reserve(&self) -> io::Result<()>;

    /// Fills `buffer` from `position` on, waiting for the disk if need be.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Like [`DiskFile::read_at`], but fails with `WouldBlock` where it would have to wait.
    fn read_cached_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Like [`DiskFile::read_at`] for one who reads a whole file once: what was not in memory before is not kept there. The
    /// handle reads nothing ahead from then on.
    fn read_through(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_at(position, buffer)
    }

    /// Writes `bytes` at `position`.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything from `position` on read as zeros, with blocks behind them or not. Says whether anything changed;
    /// with [`Allocation::Reserved`] it does not look, and says so.
    fn zero_from(&self, position: u64, allocation: Allocation) -> io::Result<bool>;

    /// Brings `range` into memory, so that a window's first access to it need not. Only a hint.
    fn prefetch(&self, _range: Range<u64>) {}

    /// Keeps reads through this handle from reading ahead: of a sparse file that fills memory with zeros. Only a hint.
    fn expect_no_sequence(&self) {}

    /// Makes all that was written, through windows too, durable.
    fn sync(&self) -> io::Result<()>;

    /// Maps the whole file. Only for files whose blocks are reserved: a write into a hole of a full disk would be a
    /// signal, not an error.
    fn window(&self) -> io::Result<Arc<dyn Window>>;
}

/// A mapped file.
pub trait Window: Send + Sync {
    /// Copies `record` to `position`, its first four bytes last, so that a process killed meanwhile leaves nothing
    /// that looks like a record. One writer at a time; nobody may read the place before this has returned, and it is
    /// never written again while the window exists.
    fn write(&self, position: u64, record: &[u8]);

    /// The bytes at `position`, without a copy. They must have been written before.
    fn read(&self, position: u64, length: usize) -> Bytes;

    /// Lets go of the memory behind `from..to`; the bytes stay readable.
    fn forget(&self, from: u64, to: u64);
}

/// Reads `length` bytes into a buffer of their own.
pub(crate) fn read_bytes(file: &dyn DiskFile, position: u64, length: usize, wait: bool) -> io::Result<Bytes> {
    let mut buffer = vec![0; length];
    if wait {
        file.read_at(position, &mut buffer)?;
    } else {
        file.read_cached_at(position, &mut buffer)?;
    }
    Ok(buffer.into())
}

/// `path` with `suffix` appended to its last component.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
