//! Walks the log's files record by record, past whatever is damaged.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, Piece};
use super::progress::Progress;
use crate::offset::PhysicalOffset;
use crate::record::{BLANK_BYTES, HEAD_BYTES, MAGIC_V1, MAGIC_V2, RecordError, RecordView, Step, step};

/// How much is read at once, unless a record is longer.
const CHUNK_BYTES: u64 = 1 << 20;

/// What a walk meets.
pub(super) enum Met<'a> {
    /// A sound record.
    Record(RecordView<'a>),
    /// Something else; the walk goes on at `next`.
    Damage { offset: i64, problem: String, next: i64 },
}

/// A file with the part of it that was read last.
struct Window {
    file: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The bytes from `position` on, `wanted` of them or up to the end.
    fn at(&mut self, piece: &Piece, position: u64, wanted: u64) -> Result<&[u8], FolderError> {
        let wanted = wanted.min(piece.bytes - position);
        let held = self.start + self.bytes.len() as u64;
        if position < self.start || position + wanted > held {
            let length = wanted.max(CHUNK_BYTES).min(piece.bytes - position);
            self.bytes.resize(length as usize, 0);
            self.start = position;
            self.file.read_exact_at(&mut self.bytes, position).map_err(FolderError::io(&piece.path))?;
        }
        Ok(&self.bytes[(position - self.start) as usize..])
    }
}

/// Calls `each` with everything from `from` on; answers where the log ends.
pub(super) fn walk(
    folder: &Folder,
    from: i64,
    progress: &mut Progress,
    mut each: impl FnMut(Met<'_>) -> Result<(), FolderError>,
) -> Result<i64, FolderError> {
    let mut end = folder.segments.first().map_or(0, |segment| segment.start);
    let mut expected = None;
    for (index, segment) in folder.segments.iter().enumerate() {
        if let Some(missing) = expected.filter(|expected| *expected != segment.start) {
            let problem = "segments are missing".to_owned();
            each(Met::Damage { offset: missing, problem, next: segment.start })?;
        }
        expected = Some(segment.end());
        if segment.end() <= from {
            continue;
        }
        let begin = (from - segment.start).max(0) as u64;
        let is_last = index + 1 == folder.segments.len();
        end = walk_segment(segment, begin, is_last, progress, &mut each)?;
        if end < segment.end() && !is_last && is_empty_from(folder, index + 1)? {
            // The next segment was made before it was needed.
            return Ok(end);
        }
    }
    Ok(end)
}

fn is_empty_from(folder: &Folder, index: usize) -> Result<bool, FolderError> {
    let Some(segment) = folder.segments.get(index) else { return Ok(true) };
    let mut head = [0; BLANK_BYTES];
    segment.open()?.read_exact_at(&mut head, 0).map_err(FolderError::io(&segment.path))?;
    Ok(head == [0; BLANK_BYTES])
}

fn walk_segment(
    segment: &Piece,
    mut position: u64,
    is_last: bool,
    progress: &mut Progress,
    each: &mut impl FnMut(Met<'_>) -> Result<(), FolderError>,
) -> Result<i64, FolderError> {
    let mut window = Window { file: segment.open()?, start: 0, bytes: Vec::new() };
    let mut wanted = HEAD_BYTES as u64;
    while position < segment.bytes {
        progress.at(segment.start as u64 + position);
        let offset = segment.start + position as i64;
        let (length, problem) = match step(window.at(segment, position, wanted)?) {
            Ok(Step::Record(record)) => {
                let size = record.size();
                match record.verify(PhysicalOffset(offset)) {
                    Ok(()) => {
                        each(Met::Record(record))?;
                        (size as u64, None)
                    }
                    Err(problem) => (size as u64, Some(problem)),
                }
            }
            Ok(Step::Blank { size }) if position + size as u64 == segment.bytes => return Ok(segment.end()),
            Ok(Step::Blank { .. }) => (0, Some(RecordError::Lengths)),
            Err(RecordError::Incomplete { needed })
                if position + needed as u64 <= segment.bytes && needed as u64 > wanted =>
            {
                wanted = needed as u64;
                continue;
            }
            Err(problem) => (0, Some(problem)),
        };
        wanted = HEAD_BYTES as u64;
        let Some(problem) = problem else {
            position += length;
            continue;
        };
        let next = match length {
            0 => search(&mut window, segment, position + 1)?,
            _ => Some(position + length),
        };
        match next {
            None if is_last && problem == RecordError::Unwritten => return Ok(offset),
            None if problem == RecordError::Unwritten => {
                each(Met::Damage {
                    offset,
                    problem: "nothing is written from here to the segment's end".to_owned(),
                    next: segment.end(),
                })?;
                return Ok(offset);
            }
            _ => {}
        }
        let next = next.unwrap_or(segment.bytes);
        each(Met::Damage { offset, problem: problem.to_string(), next: segment.start + next as i64 })?;
        position = next;
    }
    Ok(segment.end())
}

/// The first sound record of a segment from `from` on.
fn search(window: &mut Window, segment: &Piece, from: u64) -> Result<Option<u64>, FolderError> {
    let mut position = from;
    while position + HEAD_BYTES as u64 <= segment.bytes {
        let bytes = window.at(segment, position, CHUNK_BYTES)?;
        let length = bytes.len() as u64;
        let candidates: Vec<u64> = bytes
            .windows(BLANK_BYTES)
            .enumerate()
            .filter(|(_, window)| {
                matches!(u32::from_be_bytes([window[4], window[5], window[6], window[7]]), MAGIC_V1 | MAGIC_V2)
            })
            .map(|(at, _)| position + at as u64)
            .collect();
        for candidate in candidates {
            let size = u64::from(u32::from_be_bytes(first_word(window.at(segment, candidate, 4)?)));
            let bytes = window.at(segment, candidate, size)?;
            let offset = PhysicalOffset(segment.start + candidate as i64);
            if RecordView::parse(bytes).is_ok_and(|record| record.verify(offset).is_ok()) {
                return Ok(Some(candidate));
            }
        }
        // A magic may lie across the border.
        position += length.saturating_sub(BLANK_BYTES as u64 - 1).max(1);
    }
    Ok(None)
}

fn first_word(bytes: &[u8]) -> [u8; 4] {
    bytes.first_chunk().copied().unwrap_or_default()
}
