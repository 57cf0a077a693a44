//! Walks the records of a segment that comes block by block, with every check that a record carries, and finds its way again
//! behind damage.

use super::sums::{NO_RECORD, RecordMark};
use crate::offset::PhysicalOffset;
use crate::record::{BLANK_BYTES, HEAD_BYTES, MAGIC_BLANK, RecordError, RecordView, Step, step};

/// What is longer is damage: no broker takes a frame of that size. It bounds what is kept in memory.
const MAX_RECORD_BYTES: usize = 32 << 20;

/// A walk through one segment.
pub(super) struct Records {
    /// Where `pending` begins in the log.
    at: i64,
    end: i64,
    /// What has been read and not been walked through.
    pending: Vec<u8>,
    state: State,
    /// Where the records start that lie in the last block, in part at least.
    starts: Vec<i64>,
    tail: [RecordMark; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A record is to start here.
    Sound,
    /// The next sound one is looked for.
    Lost,
    /// Up to the end there is nothing.
    Filler,
}

impl Records {
    /// Walks from `start` to `end`, the bounds of a segment.
    pub(super) fn new(start: i64, end: i64) -> Self {
        let state = State::Sound;
        Self { at: start, end, pending: Vec::new(), state, starts: vec![start], tail: [NO_RECORD; 2] }
    }

    /// The last record but one, and the last, of those that are sound.
    pub(super) fn tail(&self) -> [RecordMark; 2] {
        self.tail
    }

    /// The record that `offset` in the last block belongs to.
    pub(super) fn record_at(&self, offset: i64) -> i64 {
        let after = self.starts.partition_point(|&start| start <= offset);
        after.checked_sub(1).map_or(offset, |last| self.starts[last])
    }

    /// Goes on with the block that follows; `damaged` is told what is no sound record, and why.
    pub(super) fn feed(&mut self, block: &[u8], damaged: &mut impl FnMut(i64, RecordError)) {
        // The one that reaches into this block stays.
        self.starts.drain(..self.starts.len().saturating_sub(1));
        if self.state == State::Filler {
            return;
        }
        self.pending.extend_from_slice(block);
        let mut done = 0;
        loop {
            let moved = match self.state {
                State::Sound => self.step(done, damaged),
                State::Lost => self.search(done),
                State::Filler => None,
            };
            match moved {
                Some(moved) => done += moved,
                None => break,
            }
        }
        self.pending.drain(..done);
        self.at += done as i64;
    }

    /// A block of `bytes` cannot be read: what lies in it is not known.
    pub(super) fn skip(&mut self, bytes: u64) {
        if self.state != State::Filler {
            self.starts = vec![self.at + self.pending.len() as i64];
            self.at += (self.pending.len() as u64 + bytes) as i64;
            self.pending.clear();
            self.state = State::Lost;
        }
    }

    /// The segment is over.
    pub(super) fn finish(&mut self, damaged: &mut impl FnMut(i64, RecordError)) {
        if self.state == State::Sound && !self.pending.is_empty() {
            damaged(self.at, RecordError::Incomplete { needed: self.pending.len() + 1 });
        }
    }

    /// Looks at the record at `done`; answers how far to go on, `None`: more is needed first.
    fn step(&mut self, done: usize, damaged: &mut impl FnMut(i64, RecordError)) -> Option<usize> {
        let at = self.at + done as i64;
        let rest = &self.pending[done..];
        let room = (self.end - at) as usize;
        if room == 0 || rest.is_empty() {
            return None;
        }
        let problem = match step(rest) {
            Ok(Step::Record(record)) if record.size() + BLANK_BYTES <= room => {
                let (size, mark) = (record.size(), (at, record.store_ms()));
                match record.verify(PhysicalOffset(at)) {
                    Ok(()) => self.tail = [self.tail[1], mark],
                    // Where the next one starts is known all the same, unless this is no record at all.
                    Err(problem @ RecordError::Elsewhere(_)) => return Some(self.lose(at, problem, damaged)),
                    Err(problem) => damaged(at, problem),
                }
                self.starts.push(at + size as i64);
                return Some(size);
            }
            Ok(Step::Blank { size }) if size == room => {
                self.state = State::Filler;
                return Some(rest.len());
            }
            Ok(_) => RecordError::Lengths,
            Err(RecordError::Incomplete { needed }) if needed <= room.min(MAX_RECORD_BYTES) => return None,
            Err(problem) => problem,
        };
        Some(self.lose(at, problem, damaged))
    }

    fn lose(&mut self, at: i64, problem: RecordError, damaged: &mut impl FnMut(i64, RecordError)) -> usize {
        damaged(at, problem);
        self.state = State::Lost;
        // The same place would only lead here again.
        1
    }

    /// Looks for a record that was written for the place where it lies, or for the filler.
    fn search(&mut self, done: usize) -> Option<usize> {
        let at = self.at + done as i64;
        let rest = &self.pending[done..];
        let is_start = |place: usize| {
            let here = at + place as i64;
            is_head(&rest[place..], here) || is_filler(&rest[place..], (self.end - here) as usize)
        };
        let heads = 0..rest.len().saturating_sub(HEAD_BYTES);
        match heads.clone().find(|&place| is_start(place)) {
            Some(place) => {
                self.state = State::Sound;
                self.starts.push(at + place as i64);
                Some(place)
            }
            None => Some(heads.len()).filter(|&moved| moved > 0),
        }
    }
}

fn is_head(bytes: &[u8], offset: i64) -> bool {
    match RecordView::parse(bytes) {
        Ok(record) => record.physical_offset().0 == offset,
        Err(RecordError::Incomplete { needed }) if needed > HEAD_BYTES && needed <= MAX_RECORD_BYTES => {
            bytes.get(28..36).is_some_and(|place| place == offset.to_be_bytes())
        }
        Err(_) => false,
    }
}

fn is_filler(bytes: &[u8], room: usize) -> bool {
    bytes
        .get(..BLANK_BYTES)
        .is_some_and(|head| head[..4] == (room as u32).to_be_bytes() && head[4..] == MAGIC_BLANK.to_be_bytes())
}
