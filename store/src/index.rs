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

use crate::disk::Disk;
use crate::error::{ReadError, StoreError};
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
    /// Oldest first; entries go to the last one.
    files: RwLock<Vec<Arc<IndexFile>>>,
    /// A record some of whose keys are in while the others met an error: how many are.
    partial: Mutex<Option<(PhysicalOffset, usize)>>,
}

/// Entries and slots are on the disk, headers are not yet.
pub(crate) struct Uncommitted {
    /// When the newest message was stored that the index will show, 0 without any.
    pub(crate) end_ms: i64,
    files: Vec<(Arc<IndexFile>, header::Header)>,
}

impl Index {
    /// Finds the index files. After a crash those go that the checkpoint does not vouch for, and the last one is mended.
    pub(crate) fn open(
        options: &StoreOptions,
        disk: Arc<dyn Disk>,
        crashed_after_ms: Option<i64>,
    ) -> Result<Self, StoreError> {
        let dir = options.root.join("index");
        let sizes = Sizes { slots: options.index_slots, units: options.index_units };
        disk.create_dir(&dir).map_err(StoreError::io("create", &dir))?;
        let mut files = Vec::new();
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
            if crashed_after_ms.is_some_and(|covered| file.header().end_ms > covered) {
                tracing::info!(
                    "removing {}, which may be incomplete since the crash; it will be rebuilt",
                    path.display()
                );
                disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
                continue;
            }
            files.push(Arc::new(file));
        }
        // Names are local times of whoever made them; offsets cannot go wrong.
        files.sort_by_key(|file| file.header().begin_physical);
        if let Some(last) = files.last().filter(|_| crashed_after_ms.is_some()) {
            last.mend().map_err(StoreError::io("mend", &dir.join(&last.name)))?;
        }
        let max_results = options.max_query_results;
        Ok(Self { disk, dir, sizes, max_results, files: RwLock::new(files), partial: Mutex::new(None) })
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
        if keys.is_empty() || rolled_back || self.knows(offset) {
            return Ok(());
        }
        let done = self.partial.lock().take().map_or(0, |(partial, done)| if partial == offset { done } else { 0 });
        let topic_hash = hash::extend_bytes(hash::extend_bytes(0, record.topic().as_bytes()), b"#");
        let mut entered = 0;
        let result = keys.for_each(|kind, key| {
            if entered >= done {
                let hash = key_hash(hash::extend_bytes(hash::extend_bytes(topic_hash, kind), key));
                self.enter(hash, offset, record.store_ms(), now_ms)?;
            }
            entered += 1;
            Ok(())
        });
        if result.is_err() {
            *self.partial.lock() = Some((offset, entered));
        }
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

    /// Writes the headers. The checkpoint has been saved meanwhile: a header newer than it would cost the file its life
    /// at the next start after a crash.
    pub(crate) fn commit(&self, uncommitted: Uncommitted) -> io::Result<()> {
        for (file, header) in &uncommitted.files {
            file.commit(header)?;
        }
        Ok(())
    }

    /// Whether the keys of the record at `offset` have been entered before.
    fn knows(&self, offset: PhysicalOffset) -> bool {
        if self.partial.lock().is_some_and(|(partial, _)| partial == offset) {
            return false;
        }
        let files = self.files.read();
        let Some(header) = files.last().map(|file| file.header()) else {
            return false;
        };
        // The record at the border between two files may have keys in both.
        let border = header.is_empty() || header.is_full(self.sizes.units);
        offset.0 < header.end_physical || offset.0 == header.end_physical && !border
    }

    fn enter(&self, hash: i32, offset: PhysicalOffset, store_ms: i64, now_ms: i64) -> io::Result<()> {
        let last = self.files.read().last().cloned();
        if let Some(file) = &last
            && file.put(hash, offset, store_ms)?
        {
            return Ok(());
        }
        let previous = last.as_ref().map(|file| (file.name.as_str(), file.header()));
        let name = name::after(now_ms, previous.map(|(name, _)| name));
        let file = IndexFile::create(&*self.disk, &self.dir, name, self.sizes, previous.map(|(_, header)| header))?;
        file.put(hash, offset, store_ms)?;
        self.files.write().push(Arc::new(file));
        Ok(())
    }
}

/// The keys of a record, in Apache's order.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    unique: Option<&'a [u8]>,
    keys: Option<&'a [u8]>,
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
            }
        }
        keys
    }

    fn is_empty(&self) -> bool {
        self.unique.is_none() && self.keys.is_none() && self.tag.is_none()
    }

    /// Calls `each` with the kind's prefix and the key.
    fn for_each(&self, mut each: impl FnMut(&[u8], &[u8]) -> io::Result<()>) -> io::Result<()> {
        if let Some(unique) = self.unique {
            each(b"", unique)?;
        }
        let keys = self.keys.unwrap_or_default();
        for key in keys.split(|&byte| byte == b' ').filter(|key| !key.is_empty()) {
            each(b"", key)?;
        }
        match self.tag {
            Some(tag) => each(b"T#", tag),
            None => Ok(()),
        }
    }
}

/// The hash that an entry holds: never negative.
fn key_hash(java_hash: i32) -> i32 {
    java_hash.checked_abs().unwrap_or(0)
}
