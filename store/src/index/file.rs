//! One index file: header, slots, entries. An entry is i32 hash, i64 log offset, i32 seconds since the file's
//! begin, i32 number of the entry before it in its chain.

use std::io;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::header::{HEADER_BYTES, Header};
use super::slots::Slots;
use crate::disk::{Allocation, Disk, DiskFile};
use crate::offset::PhysicalOffset;

/// Bytes of an entry.
const ENTRY_BYTES: usize = 20;
/// Entries are written once there are this many bytes of them.
const WRITE_BYTES: usize = 256 << 10;

/// How many slots and entries a file has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(super) slots: u32,
    pub(super) units: u32,
}

impl Sizes {
    /// Length of a file.
    pub(super) fn file_bytes(self) -> u64 {
        self.entry_position(self.units)
    }

    fn entry_position(self, number: u32) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.slots) * 4 + u64::from(number) * ENTRY_BYTES as u64
    }

    fn slot(self, hash: i32) -> usize {
        (hash as u32 % self.slots) as usize
    }
}

/// An index file. Sealed ones keep nothing in memory.
pub(super) struct IndexFile {
    pub(super) name: String,
    file: Arc<dyn DiskFile>,
    sizes: Sizes,
    state: Mutex<State>,
    /// Whether a sync failed.
    lost: AtomicBool,
}

struct State {
    header: Header,
    slots: Slots,
    /// Entries that are not in the file yet; the last of them is the last of all.
    unwritten: Vec<u8>,
    /// Whether anything is in memory that the file's header does not count.
    changed: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    hash: i32,
    offset: PhysicalOffset,
    seconds: i32,
    previous: i32,
}

impl Entry {
    fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..4].copy_from_slice(&self.hash.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.offset.0.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[16..].copy_from_slice(&self.previous.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let int = |at: usize| i32::from_be_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let offset = PhysicalOffset(i64::from_be_bytes(std::array::from_fn(|byte| bytes[4 + byte])));
        Self { hash: int(0), offset, seconds: int(12), previous: int(16) }
    }
}

impl State {
    /// Number of the first entry that is not in the file.
    fn first_unwritten(&self) -> i32 {
        self.header.next - (self.unwritten.len() / ENTRY_BYTES) as i32
    }

    fn write_entries(&mut self, file: &dyn DiskFile, sizes: Sizes) -> io::Result<()> {
        if !self.unwritten.is_empty() {
            file.write_at(sizes.entry_position(self.first_unwritten() as u32), &self.unwritten)?;
            self.unwritten.clear();
        }
        Ok(())
    }
}

/// A file that only its holder touches.
pub(super) struct Locked<'a> {
    file: &'a IndexFile,
    state: MutexGuard<'a, State>,
}

impl Locked<'_> {
    /// Whether the keys of the record at `offset` have been entered before.
    pub(super) fn knows(&self, offset: PhysicalOffset) -> bool {
        let header = &self.state.header;
        // The record at the border between two files may have keys in both.
        let border = header.is_empty() || header.is_full(self.file.sizes.units);
        offset.0 < header.end_physical || offset.0 == header.end_physical && !border
    }

    /// Adds entries for a record until the file is full, counting them in `entered`. A hash leaves the iterator once it is in.
    pub(super) fn put(
        &mut self,
        offset: PhysicalOffset,
        store_ms: i64,
        hashes: &mut Peekable<impl Iterator<Item = i32>>,
        entered: &mut usize,
    ) -> io::Result<()> {
        let IndexFile { file, sizes, .. } = self.file;
        while let Some(&hash) = hashes.peek()
            && !self.state.header.is_full(sizes.units)
        {
            if self.state.unwritten.len() >= WRITE_BYTES {
                // Entries beyond the header's count do no harm.
                self.state.write_entries(&**file, *sizes)?;
            }
            let State { header, slots, unwritten, changed } = &mut *self.state;
            let previous = slots.replace(&**file, sizes.slots, sizes.slot(hash), header.next)?;
            let previous = if previous > 0 && previous < header.next { previous } else { 0 };
            let entry = Entry { hash, offset, seconds: header.seconds_to(store_ms), previous };
            unwritten.extend_from_slice(&entry.encode());
            header.count(offset, store_ms, previous == 0);
            *changed = true;
            *entered += 1;
            hashes.next();
        }
        Ok(())
    }
}

impl IndexFile {
    /// Creates a file that follows one with the header `previous`.
    pub(super) fn create(
        disk: &dyn Disk,
        dir: &Path,
        name: String,
        sizes: Sizes,
        previous: Option<Header>,
    ) -> io::Result<Self> {
        let path = dir.join(&name);
        let file = disk.create(&path, sizes.file_bytes(), Allocation::Sparse)?;
        if let Err(error) = disk.sync_dir(dir) {
            disk.remove_file(&path)?;
            return Err(error);
        }
        let header = Header::after(previous);
        let state = State { header, slots: Slots::new(true), unwritten: Vec::new(), changed: false };
        Ok(Self { name, file, sizes, state: Mutex::new(state), lost: AtomicBool::new(false) })
    }

    /// Opens an existing file.
    pub(super) fn open(name: String, file: Arc<dyn DiskFile>, sizes: Sizes) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        file.read_at(0, &mut header)?;
        let state =
            State { header: Header::decode(&header), slots: Slots::new(false), unwritten: Vec::new(), changed: false };
        Ok(Self { name, file, sizes, state: Mutex::new(state), lost: AtomicBool::new(false) })
    }

    pub(super) fn header(&self) -> Header {
        self.state.lock().header
    }

    /// Keeps everybody else from it.
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { file: self, state: self.state.lock() }
    }

    /// Appends to `found` what the chain of `hash` has between the two times, up to `max` offsets in all.
    pub(super) fn find(
        &self,
        hash: i32,
        begin_ms: i64,
        end_ms: i64,
        max: usize,
        found: &mut Vec<PhysicalOffset>,
    ) -> io::Result<()> {
        let (header, mut number) = {
            let mut state = self.state.lock();
            let number = self.slot_value(&mut state, self.sizes.slot(hash))?;
            (state.header, number)
        };
        while number > 0 && number < header.next && found.len() < max {
            let entry = self.entry(number)?;
            let store_ms = header.begin_ms + i64::from(entry.seconds) * 1_000;
            if entry.seconds < 0 {
                break;
            }
            if entry.hash == hash && (begin_ms..=end_ms).contains(&store_ms) && !found.contains(&entry.offset) {
                found.push(entry.offset);
            }
            // Chains lead backwards; anything else is damage.
            if entry.previous >= number || store_ms < begin_ms {
                break;
            }
            number = entry.previous;
        }
        Ok(())
    }

    /// Brings entries and slots to the disk and returns the header that counts them; `None`: nothing changed.
    pub(super) fn flush(&self) -> io::Result<Option<Header>> {
        let (header, pages) = {
            let mut state = self.state.lock();
            if !state.changed {
                return Ok(None);
            }
            state.write_entries(&*self.file, self.sizes)?;
            (state.header, state.slots.take_dirty())
        };
        let written = self.sync().and_then(|()| pages.write(&*self.file, self.sizes.slots)).and_then(|()| self.sync());
        let mut state = self.state.lock();
        match written {
            Err(error) => {
                state.slots.put_back(&pages);
                Err(error)
            }
            Ok(()) => {
                if header.is_full(self.sizes.units) {
                    state.slots = Slots::new(false);
                }
                Ok(Some(header))
            }
        }
    }

    /// Writes a header that [`IndexFile::flush`] returned.
    pub(super) fn commit(&self, header: &Header) -> io::Result<()> {
        self.file.write_at(0, &header.encode())?;
        self.sync()?;
        let mut state = self.state.lock();
        // Entries may have come since the flush.
        state.changed = state.header != *header;
        Ok(())
    }

    /// Whether a sync failed, so that nobody knows what is on the disk.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync().inspect_err(|_| self.lost.store(true, Ordering::Release))
    }

    /// Leads slots that point beyond what the header counts back to the entries it does count: a crash came between the
    /// slots and the header.
    pub(super) fn mend(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let next = state.header.next;
        let mut bytes = vec![0; 64 << 10];
        let mut slot = 0;
        while slot < self.sizes.slots as usize {
            let count = (bytes.len() / 4).min(self.sizes.slots as usize - slot);
            self.file.read_at((HEADER_BYTES + slot * 4) as u64, &mut bytes[..count * 4])?;
            for (at, value) in bytes[..count * 4].as_chunks().0.iter().enumerate() {
                let mut number = i32::from_be_bytes(*value);
                if number < next {
                    continue;
                }
                while number >= next {
                    let previous =
                        if number as u32 >= self.sizes.units { 0 } else { self.stored_entry(number)?.previous };
                    number = if previous < number { previous } else { 0 };
                }
                state.slots.replace(&*self.file, self.sizes.slots, slot + at, number.max(0))?;
                state.changed = true;
            }
            slot += count;
        }
        Ok(())
    }

    fn slot_value(&self, state: &mut State, slot: usize) -> io::Result<i32> {
        if state.header.is_full(self.sizes.units) && !state.changed {
            // A sealed file: do not fill the memory with its slots.
            let mut value = [0; 4];
            self.file.read_at((HEADER_BYTES + slot * 4) as u64, &mut value)?;
            return Ok(i32::from_be_bytes(value));
        }
        state.slots.get(&*self.file, self.sizes.slots, slot)
    }

    fn entry(&self, number: i32) -> io::Result<Entry> {
        let state = self.state.lock();
        if let Ok(index) = usize::try_from(number - state.first_unwritten())
            && let Some(bytes) = state.unwritten.get(index * ENTRY_BYTES..).and_then(|rest| rest.first_chunk())
        {
            return Ok(Entry::decode(bytes));
        }
        drop(state);
        self.stored_entry(number)
    }

    fn stored_entry(&self, number: i32) -> io::Result<Entry> {
        let mut bytes = [0; ENTRY_BYTES];
        self.file.read_at(self.sizes.entry_position(number as u32), &mut bytes)?;
        Ok(Entry::decode(&bytes))
    }
}
