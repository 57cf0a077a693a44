//! The key index against the log: each entry must lead to a record.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, Piece};
use crate::index::{HEADER_BYTES, Header};
use crate::record::{HEAD_BYTES, RecordView};

const ENTRY_BYTES: u64 = 20;
/// Entries read at once.
const CHUNK_ENTRIES: u64 = 4_096;

/// The header of an index file.
pub(super) fn header(file: &Piece) -> Result<Option<Header>, FolderError> {
    if file.bytes < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = [0; HEADER_BYTES];
    file.open()?.read_exact_at(&mut bytes, 0).map_err(FolderError::io(&file.path))?;
    Ok(Some(Header::decode(&bytes)))
}

/// Looks at all entries of a file; answers how many there are, and what is wrong with it.
pub(super) fn check(folder: &Folder, file: &Piece, slots: u32, end: i64) -> Result<(u64, Vec<String>), FolderError> {
    let name = file.path.display();
    let Some(header) = header(file)? else { return Ok((0, vec![format!("{name}: it has no header")])) };
    let entries_at = HEADER_BYTES as u64 + u64::from(slots) * 4;
    let room = file.bytes.checked_sub(entries_at).filter(|room| room % ENTRY_BYTES == 0);
    let Some(units) = room.map(|room| room / ENTRY_BYTES) else {
        return Ok((
            0,
            vec![format!("{name}: its length does not fit {slots} slots; set --index-slots to its maxHashSlotNum")],
        ));
    };
    let count = header.next as u64;
    if count > units {
        return Ok((0, vec![format!("{name}: it counts {count} entries where {units} have room")]));
    }
    let begin = folder.segments.first().map_or(0, |segment| segment.start);
    let opened = file.open()?;
    let mut records = Records::new(folder);
    let mut bytes = Vec::new();
    let (mut number, mut lost) = (1, 0u64);
    let (mut first, mut last) = (None, None);
    let mut problems = Vec::new();
    while number < count {
        let part = (count - number).min(CHUNK_ENTRIES);
        bytes.resize((part * ENTRY_BYTES) as usize, 0);
        opened.read_exact_at(&mut bytes, entries_at + number * ENTRY_BYTES).map_err(FolderError::io(&file.path))?;
        for entry in bytes.chunks_exact(ENTRY_BYTES as usize) {
            let offset = i64::from_be_bytes(std::array::from_fn(|at| entry[4 + at]));
            first = first.or(Some(offset));
            last = Some(offset);
            let is_gone = offset < begin;
            lost += u64::from(!is_gone && (offset >= end || !records.has(offset)?));
        }
        number += part;
    }
    if lost > 0 {
        problems.push(format!("{name}: {lost} of {} entries lead to no message", count - 1));
    }
    // After a crash the header may tell of fewer entries than there are.
    let is_stopped = !folder.root.join("abort").exists();
    if is_stopped && lost == 0 {
        let mut further = [0; ENTRY_BYTES as usize];
        if count < units {
            opened
                .read_exact_at(&mut further, entries_at + count * ENTRY_BYTES)
                .map_err(FolderError::io(&file.path))?;
        }
        let mut is_right = further == [0; ENTRY_BYTES as usize]
            && used_slots(&opened, slots).map_err(FolderError::io(&file.path))? == i64::from(header.used_slots);
        for (entry, offset, ms) in
            [(first, header.begin_physical, header.begin_ms), (last, header.end_physical, header.end_ms)]
        {
            let Some(entry) = entry else { continue };
            let is_gone = entry < begin;
            is_right &= entry == offset && (is_gone || records.store_ms(entry)? == Some(ms));
        }
        if !is_right {
            problems.push(format!("{name}: its header does not fit its entries"));
        }
    }
    Ok((count - 1, problems))
}

/// How many slots hold an entry.
fn used_slots(file: &File, slots: u32) -> io::Result<i64> {
    let mut bytes = vec![0; slots as usize * 4];
    file.read_exact_at(&mut bytes, HEADER_BYTES as u64)?;
    Ok(bytes.as_chunks::<4>().0.iter().filter(|slot| **slot != [0; 4]).count() as i64)
}

/// Tells whether records start at offsets. Keeps the segment open that was asked about last: entries are in the log's order.
pub(super) struct Records<'a> {
    folder: &'a Folder,
    open: Option<(i64, File)>,
    bytes: Vec<u8>,
}

impl<'a> Records<'a> {
    pub(super) fn new(folder: &'a Folder) -> Self {
        Records { folder, open: None, bytes: Vec::new() }
    }

    /// Whether one starts at this offset.
    pub(super) fn has(&mut self, offset: i64) -> Result<bool, FolderError> {
        Ok(self.store_ms(offset)?.is_some())
    }

    /// When the one was stored that starts at this offset; `None`: there is none.
    fn store_ms(&mut self, offset: i64) -> Result<Option<i64>, FolderError> {
        let Some(segment) = self.folder.segment_at(offset) else { return Ok(None) };
        let file = match &mut self.open {
            Some((start, file)) if *start == segment.start => file,
            other => &mut other.insert((segment.start, segment.open()?)).1,
        };
        let position = (offset - segment.start) as u64;
        let room = segment.bytes - position;
        if room < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut size = [0; 4];
        file.read_exact_at(&mut size, position).map_err(FolderError::io(&segment.path))?;
        let size = u32::from_be_bytes(size);
        if u64::from(size) > room {
            return Ok(None);
        }
        self.bytes.resize(size as usize, 0);
        file.read_exact_at(&mut self.bytes, position).map_err(FolderError::io(&segment.path))?;
        let record = RecordView::parse(&self.bytes).ok().filter(|record| record.physical_offset().0 == offset);
        Ok(record.map(|record| record.store_ms()))
    }
}
