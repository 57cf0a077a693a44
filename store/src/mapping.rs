//! Mapped files: the only `unsafe` code of the workspace.
//!
//! A mapping is written by one thread at a time at places nobody has read yet, and read at places that are never
//! written again: the log's published end, stored with release after the copy and loaded with acquire before a
//! read, is the border between the two. Files are preallocated, so that touching a page cannot run out of disk.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use bytes::Bytes;
use memmap2::{MmapOptions, MmapRaw, UncheckedAdvice};

use crate::disk::Window;

/// How many bytes of a record are written last.
const FIRST_WORD_BYTES: usize = 4;

/// A whole file, mapped shared and writable.
pub(crate) struct Mapping {
    raw: Arc<MmapRaw>,
    /// The same bytes for readers; each read is a slice of it and keeps the mapping alive.
    whole: Bytes,
}

impl Mapping {
    /// Maps the first `bytes` of `file`, which must be that long.
    pub(crate) fn new(file: &File, bytes: u64) -> io::Result<Self> {
        let length = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let raw = Arc::new(MmapOptions::new().len(length).map_raw(file)?);
        let whole = Bytes::from_owner(Readable(Arc::clone(&raw)));
        Ok(Self { raw, whole })
    }
}

struct Readable(Arc<MmapRaw>);

impl AsRef<[u8]> for Readable {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the pointer and the length are those of a live mapping, which `self` keeps alive. `Bytes` calls this
        // once, when the mapping is made, and keeps the pointer only; slices of it are read where the module's
        // border allows, so no byte is read while it is written, and none changes after it was read.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), self.0.len()) }
    }
}

impl Window for Mapping {
    fn write(&self, position: u64, record: &[u8]) {
        let position = position as usize;
        assert!(record.len() >= FIRST_WORD_BYTES, "a record has a first word");
        assert!(
            position.checked_add(record.len()).is_some_and(|end| end <= self.raw.len()),
            "a record stays within its segment"
        );
        let (first, rest) = record.split_at(FIRST_WORD_BYTES);
        // SAFETY: both ranges lie within the mapping (asserted above) and do not overlap `record`, which is ordinary
        // memory. Nobody else accesses them: there is one writer (it holds the log's lock), and readers stay below
        // the published end. The first word goes in one store, after all else, so that a kill cannot split the two.
        unsafe {
            let to = self.raw.as_mut_ptr().add(position);
            std::ptr::copy_nonoverlapping(rest.as_ptr(), to.add(FIRST_WORD_BYTES), rest.len());
            fence(Ordering::Release);
            let word = first.as_ptr().cast::<u32>().read_unaligned();
            to.cast::<u32>().write_unaligned(word);
        }
    }

    fn read(&self, position: u64, length: usize) -> Bytes {
        let position = position as usize;
        self.whole.slice(position..position + length)
    }

    fn forget(&self, from: u64, to: u64) {
        let to = to.min(self.raw.len() as u64);
        if from < to {
            // SAFETY: for a shared file mapping this only drops page-table entries; the next access finds the same
            // bytes in the page cache or on the disk. A failure costs memory only.
            let _ = unsafe {
                self.raw.unchecked_advise_range(UncheckedAdvice::DontNeed, from as usize, (to - from) as usize)
            };
        }
    }
}
