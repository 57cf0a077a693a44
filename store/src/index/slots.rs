//! The hash slots of an index file in memory: pages that are read when they are first needed and shared with a
//! flush that is under way, so that neither waits for the other.

use std::io;
use std::sync::Arc;

use super::header::HEADER_BYTES;
use crate::disk::DiskFile;

const SLOT_BYTES: usize = 4;
const PAGE_BYTES: usize = 4096;
const PAGE_SLOTS: usize = PAGE_BYTES / SLOT_BYTES;
/// Neighbouring pages are written together, up to this many.
const RUN_PAGES: usize = 64;

type Page = [u8; PAGE_BYTES];

/// The slots that have been touched since the file was opened.
#[derive(Default)]
pub(super) struct Slots {
    pages: Vec<Option<Touched>>,
    /// Nothing was written to the file yet: its slots need not be read.
    fresh: bool,
}

#[derive(Clone)]
struct Touched {
    page: Arc<Page>,
    dirty: bool,
}

/// Pages to be written.
pub(super) struct DirtyPages(Vec<(usize, Arc<Page>)>);

impl Slots {
    /// The slots of a file; `fresh`: of a new one.
    pub(super) fn new(fresh: bool) -> Self {
        Self { fresh, ..Self::default() }
    }

    pub(super) fn get(&mut self, file: &dyn DiskFile, count: u32, slot: usize) -> io::Result<i32> {
        let page = &self.touch(file, count, slot / PAGE_SLOTS)?.page;
        let at = slot % PAGE_SLOTS * SLOT_BYTES;
        Ok(i32::from_be_bytes(std::array::from_fn(|byte| page[at + byte])))
    }

    /// Changes a slot and says what it held.
    pub(super) fn replace(&mut self, file: &dyn DiskFile, count: u32, slot: usize, value: i32) -> io::Result<i32> {
        let touched = self.touch(file, count, slot / PAGE_SLOTS)?;
        touched.dirty = true;
        let (slots, _) = Arc::make_mut(&mut touched.page).as_chunks_mut();
        let before = std::mem::replace(&mut slots[slot % PAGE_SLOTS], value.to_be_bytes());
        Ok(i32::from_be_bytes(before))
    }

    /// The changed pages, which count as unchanged from now on.
    pub(super) fn take_dirty(&mut self) -> DirtyPages {
        let mut dirty = Vec::new();
        for (number, touched) in self.pages.iter_mut().enumerate() {
            if let Some(touched) = touched.as_mut().filter(|touched| touched.dirty) {
                touched.dirty = false;
                dirty.push((number, Arc::clone(&touched.page)));
            }
        }
        DirtyPages(dirty)
    }

    /// Gives back pages that could not be written.
    pub(super) fn put_back(&mut self, pages: &DirtyPages) {
        for (number, _) in &pages.0 {
            if let Some(touched) = &mut self.pages[*number] {
                touched.dirty = true;
            }
        }
    }

    fn touch(&mut self, file: &dyn DiskFile, count: u32, number: usize) -> io::Result<&mut Touched> {
        if self.pages.len() <= number {
            self.pages.resize(number + 1, None);
        }
        match &mut self.pages[number] {
            Some(touched) => Ok(touched),
            untouched => {
                let mut page = [0; PAGE_BYTES];
                if !self.fresh {
                    let rest = count as usize * SLOT_BYTES - number * PAGE_BYTES;
                    file.read_at(position(number), &mut page[..rest.min(PAGE_BYTES)])?;
                }
                Ok(untouched.insert(Touched { page: Arc::new(page), dirty: false }))
            }
        }
    }
}

impl DirtyPages {
    /// Writes the pages of a file with `count` slots.
    pub(super) fn write(&self, file: &dyn DiskFile, count: u32) -> io::Result<()> {
        let end = HEADER_BYTES as u64 + u64::from(count) * SLOT_BYTES as u64;
        let mut run = Vec::with_capacity(RUN_PAGES * PAGE_BYTES);
        for neighbours in self.0.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
            for part in neighbours.chunks(RUN_PAGES) {
                run.clear();
                part.iter().for_each(|(_, page)| run.extend_from_slice(&page[..]));
                let from = position(part[0].0);
                // The last page may reach beyond the last slot.
                run.truncate((end - from) as usize);
                file.write_at(from, &run)?;
            }
        }
        Ok(())
    }
}

fn position(page: usize) -> u64 {
    (HEADER_BYTES + page * PAGE_BYTES) as u64
}
