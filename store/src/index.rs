//! The key index: for every key of a message an entry that points at it, found by the key's hash.
//!
//! Files: `index/yyyyMMddHHmmssSSS`. Each has a header, hash slots that hold the newest entry of their chain, and
//! the entries, each linked to the one before it in its chain. New entries and changed slots stay in memory until the
//! next flush, which writes the entries first, then the slots, then the header: what the header counts is complete.

mod file;
mod header;
mod name;
mod slots;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::error::{ReadError, StoreError};
use crate::light;
use crate::offset::PhysicalOffset;
use crate::options::StoreOptions;
use crate::record::{RecordView, hash, properties, sys_flag};
use file::IndexFile;
pub(crate) use file::Sizes;
pub(crate) use header::{HEADER_BYTES, Header};

/// The index.
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    sizes: Sizes,
    max_results: usize,
    complete: bool,
    /// Oldest first; entries go to the last one.
    files: RwLock<Vec<Arc<IndexFile>>>,
    growth: Mutex<Growth>,
    /// From where on keys are missing, while they are.
    missing: Mutex<Option<PhysicalOffset>>,
}

/// Where the next keys go: known to whoever enters them, so that each record asks for few locks.
struct Growth {
    /// The last file.
    newest: Option<Arc<IndexFile>>,
    /// A record some of whose keys are in while the others met an error: how many are.
    partial: Option<(PhysicalOffset, usize)>,
}

/// Entries and slots are on the disk, headers are not yet.
pub(crate) struct Uncommitted {
    /// When the newest message was stored that the index will show, 0 without any.
    pub(crate) end_ms: i64,
    files: Vec<(Arc<IndexFile>, Header)>,
}

impl Index {
    /// Finds the index files. After a crash those go that the checkpoint does not vouch for, and the last one is mended.
    pub(crate) fn open(
        options: &StoreOptions,
        disk: Arc<dyn Disk>,
        crashed_after: Option<Checkpoint>,
    ) -> Result<Self, StoreError> {
        let dir = options.root.join("index");
        let sizes = Sizes { slots: options.index_slots, units: options.index_units };
        disk.create_dir_durably(&dir).map_err(StoreError::io("create", &dir))?;
        let (mut files, mut complete) = (Vec::new(), true);
        for entry in disk.list(&dir).map_err(StoreError::io("list", &dir))? {
            let path = dir.join(&entry.name);
            if entry.is_dir || !name::is_valid(&entry.name) {
                continue;
            }
            if entry.bytes == 0 {
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                continue;
            }
            if entry.bytes != sizes.file_bytes() {
                return Err(StoreError::WrongLength {
                    path,
                    found: entry.bytes,
                    expected: sizes.file_bytes(),
                    key: "maxHashSlotNum and maxIndexNum",
                });
            }
            let file = disk
                .open(&path)
                .and_then(|file| IndexFile::open(entry.name, file, sizes))
                .map_err(StoreError::io("read", &path))?;
            if crashed_after.is_some_and(|checkpoint| !is_covered(&file.header(), &checkpoint)) {
                tracing::info!(
                    "removing {}, which may be incomplete since the crash; it will be rebuilt",
                    path.display()
                );
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                complete = false;
                continue;
            }
            files.push(Arc::new(file));
        }
        // Names are local times of whoever made them; offsets cannot go wrong.
        files.sort_by_key(|file| file.header().begin_physical);
        if !complete {
            disk.sync_dir(&dir).map_err(StoreError::io("sync", &dir))?;
        }
        if let Some(last) = files.last().filter(|_| crashed_after.is_some()) {
            last.mend().map_err(StoreError::io("mend", &dir.join(&last.name)))?;
        }
        let max_results = options.max_query_results;
        complete &= !files.is_empty();
        Ok(Self {
            disk,
            dir,
            sizes,
            max_results,
            complete,
            growth: Mutex::new(Growth { newest: files.last().cloned(), partial: None }),
            files: RwLock::new(files),
            missing: Mutex::new(None),
        })
    }

    /// Whether the files had everything that the checkpoint says when they were opened.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The last record whose keys are in, as far as is known.
    pub(crate) fn covered(&self) -> Option<PhysicalOffset> {
        self.files.read().last().map(|file| PhysicalOffset(file.header().end_physical))
    }

    /// Enters the keys of a record: its unique key, each of its KEYS, and its tag. Records come in the order of the
    /// log, possibly repeatedly.
    pub(crate) fn apply(&self, record: &RecordView<'_>, keys: &Keys<'_>, now_ms: i64) -> io::Result<()> {
        let offset = record.physical_offset();
        let rolled_back = record.sys_flag() & sys_flag::TRANSACTION_MASK == sys_flag::ROLLBACK;
        if keys.is_empty() || rolled_back {
            return Ok(());
        }
        let mut growth = self.growth.lock();
        let partial = growth.partial.filter(|(partial, _)| *partial == offset);
        let mut entered = partial.map_or(0, |(_, entered)| entered);
        let mut hashes = keys.hashes(record.topic()).skip(entered).peekable();
        let result = loop {
            if let Some(newest) = &growth.newest {
                let mut newest = newest.lock();
                if entered == 0 && newest.knows(offset) {
                    return Ok(());
                }
                let put = newest.put(offset, record.store_ms(), &mut hashes, &mut entered);
                if put.is_err() || hashes.peek().is_none() {
                    break put;
                }
            }
            if let Err(error) = self.grow(&mut growth, now_ms) {
                break Err(error);
            }
        };
        growth.partial = result.is_err().then_some((offset, entered));
        result
    }

    /// Offsets of messages that may have `key`, newest file first as Apache has it.
    pub(crate) fn query(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<PhysicalOffset>, ReadError> {
        let max = max.min(self.max_results);
        let hash = [topic.as_bytes(), b"#", key.as_bytes()].iter().fold(0, |hash, part| hash::extend_bytes(hash, part));
        let mut found = Vec::new();
        let files: Vec<_> = self.files.read().iter().rev().cloned().collect();
        for file in files {
            let header = file.header();
            if header.overlaps(begin_ms, end_ms) {
                file.find(key_hash(hash), begin_ms, end_ms, max, &mut found)
                    .map_err(|source| ReadError::Io { what: "the key index", source })?;
            }
            if header.begin_ms < begin_ms || found.len() >= max {
                break;
            }
        }
        Ok(found)
    }

    /// Removes the files, except the last, all of whose messages lie before `begin` of the log.
    pub(crate) fn remove_before(&self, begin: PhysicalOffset) -> io::Result<()> {
        loop {
            let oldest = match &self.files.read()[..] {
                [oldest, _, ..] if oldest.header().end_physical < begin.0 => Arc::clone(oldest),
                _ => return Ok(()),
            };
            self.disk.remove_file(&self.dir.join(&oldest.name))?;
            self.files.write().retain(|file| !Arc::ptr_eq(file, &oldest));
        }
    }

    /// Brings entries and slots to the disk. [`Index::commit`] makes them count.
    pub(crate) fn flush(&self) -> io::Result<Uncommitted> {
        let files: Vec<_> = self.files.read().clone();
        let end_ms = files.last().map_or(0, |file| file.header().end_ms);
        let mut flushed = Vec::new();
        for file in files {
            if let Some(header) = file.flush()? {
                flushed.push((file, header));
            }
        }
        Ok(Uncommitted { end_ms, files: flushed })
    }

    /// Writes the headers. The checkpoint is to follow: a header newer than it costs the file its life at the next start
    /// after a crash.
    pub(crate) fn commit(&self, uncommitted: Uncommitted) -> io::Result<()> {
        uncommitted.files.iter().try_for_each(|(file, header)| file.commit(header))
    }

    /// From where in the log on keys are missing, since a file's sync failed: nobody knows what it has.
    pub(crate) fn missing_from(&self) -> Option<PhysicalOffset> {
        let files = self.files.read();
        let lost = files.iter().find(|file| file.is_lost()).map(|file| PhysicalOffset(file.header().begin_physical));
        let missing = *self.missing.lock();
        lost.into_iter().chain(missing).min()
    }

    /// Removes the files that may have keys from `begin` on, which are to be entered anew.
    pub(crate) fn remove_from(&self, begin: PhysicalOffset) -> io::Result<()> {
        *self.missing.lock() = Some(begin);
        let mut growth = self.growth.lock();
        let mut files = self.files.write();
        let first = files.partition_point(|file| file.header().begin_physical < begin.0);
        let removed = files.split_off(first);
        *growth = Growth { newest: files.last().cloned(), partial: None };
        for file in removed {
            self.disk.remove_file(&self.dir.join(&file.name))?;
        }
        self.disk.sync_dir(&self.dir)
    }

    /// Says that the missing keys have been entered.
    pub(crate) fn complete(&self) {
        *self.missing.lock() = None;
    }

    /// Makes the next file.
    fn grow(&self, growth: &mut Growth, now_ms: i64) -> io::Result<()> {
        let previous = growth.newest.as_ref().map(|file| file.header());
        // A damaged header may have put the newest name elsewhere than last.
        let greatest = self.files.read().iter().map(|file| file.name.clone()).max();
        let name = name::after(now_ms, greatest.as_deref());
        let file = IndexFile::create(&*self.disk, &self.dir, name, self.sizes, previous)?;
        let file = growth.newest.insert(Arc::new(file));
        self.files.write().push(Arc::clone(file));
        Ok(())
    }
}

/// Whether everything that a file counts was on the disk when the checkpoint was taken: headers are written before it.
fn is_covered(header: &Header, checkpoint: &Checkpoint) -> bool {
    let covered = match checkpoint.dispatched() {
        Some(last) => header.end_physical <= last.0,
        None => header.end_ms <= checkpoint.index_ms,
    };
    covered && !header.is_empty()
}

/// What the properties of a record say of where it is to be found: its keys, in Apache's order, its tag, and whether it names light
/// queues. Gathered in one go, since every record passes here.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    unique: Option<&'a [u8]>,
    keys: Option<&'a [u8]>,
    /// Whether the record names light queues.
    pub(crate) has_lights: bool,
    /// The tag, which also has a place in the queue.
    pub(crate) tag: Option<&'a [u8]>,
}

impl<'a> Keys<'a> {
    /// Picks the keys from a record's properties.
    pub(crate) fn of(record: &RecordView<'a>) -> Self {
        let mut keys = Self::default();
        for (name, value) in record.properties().iter() {
            if name == properties::UNIQUE_KEY.as_bytes() {
                keys.unique = Some(value);
            } else if name == properties::KEYS.as_bytes() {
                keys.keys = Some(value);
            } else if name == properties::TAGS.as_bytes() {
                keys.tag = Some(value);
            } else if name == light::DISPATCH.as_bytes() {
                keys.has_lights = true;
            }
        }
        keys
    }

    fn is_empty(&self) -> bool {
        self.unique.is_none() && self.keys.is_none() && self.tag.is_none()
    }

    /// The hashes under which the record's keys are found.
    fn hashes(&self, topic: &str) -> impl Iterator<Item = i32> + use<'a> {
        let topic_hash = hash::extend_bytes(hash::extend_bytes(0, topic.as_bytes()), b"#");
        let keys = self.keys.unwrap_or_default().split(|&byte| byte == b' ').filter(|key| !key.is_empty());
        let plain = self.unique.into_iter().chain(keys).map(move |key| (topic_hash, key));
        let tag = self.tag.map(|tag| (hash::extend_bytes(topic_hash, b"T#"), tag));
        plain.chain(tag).map(|(prefix_hash, key)| key_hash(hash::extend_bytes(prefix_hash, key)))
    }
}

/// The hash that an entry holds: never negative.
fn key_hash(java_hash: i32) -> i32 {
    java_hash.checked_abs().unwrap_or(0)
}
