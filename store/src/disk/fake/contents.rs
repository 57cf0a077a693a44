//! One file of the disk in memory: its pages, and for those that changed since the last sync what the platter has.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Choose, Sector};

const PAGE_BYTES: u64 = 4096;
const SMALL_SECTOR_BYTES: usize = 512;

type Page = [u8; PAGE_BYTES as usize];

/// A file's bytes; pages never written are zeros and take no memory.
pub(super) struct Contents {
    pub(super) bytes: u64,
    state: RwLock<State>,
}

#[derive(Clone, Default)]
struct State {
    pages: BTreeMap<u64, Arc<Page>>,
    behind: BTreeMap<u64, Behind>,
    /// Whether the file's length is on the platter.
    has_length: bool,
    /// Whether all blocks are there.
    reserved: bool,
}

/// A page whose platter is behind.
#[derive(Clone)]
struct Behind {
    /// What the platter has.
    page: Option<Arc<Page>>,
    /// Whether the next sync brings it up to date: not after one that failed.
    dirty: bool,
}

impl State {
    /// The page, about to be changed.
    fn touch(&mut self, number: u64) -> &mut Page {
        let page = self.pages.get(&number).cloned();
        self.behind.entry(number).or_insert_with(|| Behind { page, dirty: true }).dirty = true;
        Arc::make_mut(self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])))
    }
}

impl Contents {
    pub(super) fn new(bytes: u64, reserved: bool) -> Self {
        Self { bytes, state: RwLock::new(State { reserved, ..State::default() }) }
    }

    /// A small file, on the platter.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let contents = Self::new(bytes.len() as u64, true);
        contents.write(0, bytes);
        contents.sync(true);
        contents
    }

    pub(super) fn fork(&self) -> Self {
        Self { bytes: self.bytes, state: RwLock::new(self.state.read().clone()) }
    }

    pub(super) fn is_reserved(&self) -> bool {
        self.state.read().reserved
    }

    pub(super) fn reserve(&self) {
        self.state.write().reserved = true;
    }

    pub(super) fn read(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if position + buffer.len() as u64 > self.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let state = self.state.read();
        for_pages(position, buffer.len(), |page, at, range| match state.pages.get(&page) {
            Some(page) => buffer[range.clone()].copy_from_slice(&page[at..at + range.len()]),
            None => buffer[range].fill(0),
        });
        Ok(())
    }

    pub(super) fn write(&self, position: u64, bytes: &[u8]) {
        assert!(position + bytes.len() as u64 <= self.bytes, "a write stays within the file");
        let mut state = self.state.write();
        for_pages(position, bytes.len(), |page, at, range| {
            state.touch(page)[at..at + range.len()].copy_from_slice(&bytes[range]);
        });
    }

    /// How many of `length` bytes at `position` can be written without further blocks.
    pub(super) fn room(&self, position: u64, length: usize) -> usize {
        let state = self.state.read();
        let mut room = 0;
        for_pages(position, length, |page, _, range| {
            if room == range.start && (state.reserved || state.pages.contains_key(&page)) {
                room = range.end;
            }
        });
        room
    }

    /// Says whether anything changed.
    pub(super) fn zero_from(&self, position: u64) -> bool {
        let mut state = self.state.write();
        let first = position / PAGE_BYTES;
        let from = |number| if number == first { (position % PAGE_BYTES) as usize } else { 0 };
        let has_data =
            |(number, page): (&u64, &Arc<Page>)| page[from(*number)..].iter().any(|byte| *byte != 0).then_some(*number);
        let pages: Vec<u64> = state.pages.range(first..).filter_map(has_data).collect();
        for &number in &pages {
            state.touch(number)[from(number)..].fill(0);
        }
        !pages.is_empty()
    }

    /// Brings everything to the platter. A sync that failed leaves it where it was, and forgets that it was to be brought.
    pub(super) fn sync(&self, succeeds: bool) {
        let mut state = self.state.write();
        if succeeds {
            state.has_length = true;
            state.behind.retain(|_, behind| !behind.dirty);
        } else {
            state.behind.values_mut().for_each(|behind| behind.dirty = false);
        }
    }

    /// Brings some pages to the platter.
    pub(super) fn write_back(&self, choose: &mut Choose<'_>) {
        let mut state = self.state.write();
        state.behind.retain(|_, behind| !behind.dirty || choose(2) == 0);
    }

    /// What is left when the power fails; `None`: not even the length.
    pub(super) fn power_cut(&self, sector: Sector, choose: &mut Choose<'_>) -> Self {
        let mut state = self.state.read().clone();
        if !state.has_length && choose(3) == 0 {
            return Self::new(0, false);
        }
        state.has_length = true;
        for (number, behind) in std::mem::take(&mut state.behind) {
            let old = behind.page.as_deref().unwrap_or(&[0; PAGE_BYTES as usize]);
            match choose(3) {
                0 => {}
                1 if sector == Sector::Small => {
                    let page = state.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE_BYTES as usize]));
                    let sectors = Arc::make_mut(page).chunks_mut(SMALL_SECTOR_BYTES);
                    for (new, old) in sectors.zip(old.chunks(SMALL_SECTOR_BYTES)) {
                        if choose(2) == 0 {
                            new.copy_from_slice(old);
                        }
                    }
                }
                _ => drop(state.pages.insert(number, Arc::new(*old))),
            }
        }
        Self { bytes: self.bytes, state: RwLock::new(state) }
    }

    /// Turns a bit wherever it is kept.
    pub(super) fn flip(&self, bit: u64) {
        let (page, at) = (bit / 8 / PAGE_BYTES, (bit / 8 % PAGE_BYTES) as usize);
        let turn = |page: &mut Arc<Page>| Arc::make_mut(page)[at] ^= 1 << (bit % 8);
        let mut state = self.state.write();
        turn(state.pages.entry(page).or_insert_with(|| Arc::new([0; PAGE_BYTES as usize])));
        state.behind.get_mut(&page).and_then(|behind| behind.page.as_mut()).map(turn);
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
