//! One look at one segment, block by block: its checksums, and what differs from those that were taken before.

use super::records::Records;
use super::sums::{NO_RECORD, RecordMark};
use super::{BLOCK_BYTES, Damage, Sums};
use crate::offset::PhysicalOffset;
use crate::record::RecordError;

/// How many damages of a kind are kept of one segment.
const MAX_DAMAGES: usize = 100;

/// The polynomial of CRC-32, as the register holds it.
const POLYNOMIAL: u32 = 0xEDB8_8320;

const BIT: &str = "one bit has changed";
const BLOCK: &str = "it is not what was written";
const UNREADABLE: &str = "the disk cannot read it";

/// A look that is under way.
pub(crate) struct Examination {
    /// The segment's checksums so far.
    sums: Sums,
    known: Option<Sums>,
    /// Records that fail a check of their own.
    unsound: Vec<Damage>,
    /// Blocks that cannot be read or are not what they were.
    changed: Vec<Damage>,
    is_readable: bool,
    records: Records,
}

/// What a look came to.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Checksums to keep; `None`: those that are known stay, or a block could not be read.
    pub(crate) sums: Option<Sums>,
    /// Whether the known ones are void, for another broker cut the log off within the segment and wrote on.
    pub(crate) rewritten: bool,
    /// What is damaged, in the order of the log; the first two hundred places.
    pub(crate) damages: Vec<Damage>,
}

impl Examination {
    /// Begins with the segment at `start`. `known` are checksums that were taken before.
    pub(crate) fn new(start: i64, bytes: u64, known: Option<Sums>) -> Self {
        Self {
            sums: Sums { start, bytes, tail: [NO_RECORD; 2], blocks: Vec::new() },
            known,
            unsound: Vec::new(),
            changed: Vec::new(),
            is_readable: true,
            records: Records::new(start, start + bytes as i64),
        }
    }

    /// The segment's first offset.
    pub(crate) fn start(&self) -> i64 {
        self.sums.start
    }

    /// The position of the next block and its length; `None`: the segment is over.
    pub(crate) fn next(&self) -> Option<(u64, usize)> {
        let position = self.sums.blocks.len() as u64 * BLOCK_BYTES as u64;
        let length = self.sums.bytes.saturating_sub(position).min(BLOCK_BYTES as u64);
        (length > 0).then_some((position, length as usize))
    }

    /// Takes the next block.
    pub(crate) fn feed(&mut self, block: &[u8]) {
        let Some((position, _)) = self.next() else { return };
        let offset = self.sums.start + position as i64;
        let unsound = &mut self.unsound;
        self.records.feed(block, &mut |at, error| note_unsound(unsound, at, &error));
        let sum = crc32fast::hash(block);
        let known = self.known.as_ref().and_then(|known| known.blocks.get(self.sums.blocks.len()));
        if let Some(change) = known.map(|known| known ^ sum).filter(|change| *change != 0) {
            let (place, bytes, problem) = match flipped_byte(change, block.len()) {
                Some(byte) => (offset + byte as i64, 1, BIT),
                None => (offset, block.len() as u64, BLOCK),
            };
            self.change(place, bytes, problem);
        }
        self.sums.blocks.push(sum);
    }

    /// The next block cannot be read.
    pub(crate) fn unreadable(&mut self) {
        let Some((position, length)) = self.next() else { return };
        self.change(self.sums.start + position as i64, length as u64, UNREADABLE);
        self.records.skip(length as u64);
        self.is_readable = false;
        self.sums.blocks.push(0);
    }

    /// The segment is over.
    pub(crate) fn finish(mut self) -> Findings {
        let unsound = &mut self.unsound;
        self.records.finish(&mut |at, error| note_unsound(unsound, at, &error));
        self.sums.tail = self.records.tail();
        let is_sound = self.unsound.is_empty() && self.is_readable;
        let rewritten = is_sound && self.known.as_ref().is_some_and(|known| is_rewritten(known.tail, self.sums.tail));
        if rewritten {
            self.changed.clear();
        }
        let is_new = self.known.is_none() || rewritten;
        let sums = (is_new && self.is_readable).then_some(self.sums);
        Findings { sums, rewritten, damages: merged(self.changed, self.unsound) }
    }

    fn change(&mut self, offset: i64, bytes: u64, problem: &'static str) {
        let record = PhysicalOffset(self.records.record_at(offset));
        note(&mut self.changed, Damage { offset: PhysicalOffset(offset), bytes, record, problem });
    }
}

fn note(damages: &mut Vec<Damage>, damage: Damage) {
    if damages.len() < MAX_DAMAGES {
        damages.push(damage);
    }
}

fn note_unsound(damages: &mut Vec<Damage>, at: i64, error: &RecordError) {
    let at = PhysicalOffset(at);
    note(damages, Damage { offset: at, bytes: 0, record: at, problem: error.problem() });
}

/// Whether somebody wrote the end of a segment anew that is sound: both its last records are others than before.
fn is_rewritten(before: [RecordMark; 2], now: [RecordMark; 2]) -> bool {
    before[1] != NO_RECORD && now[0] != NO_RECORD && !before.contains(&now[0]) && !before.contains(&now[1])
}

/// All damages in the order of the log; of a record's own only those that no checksum of a block has told already.
fn merged(changed: Vec<Damage>, unsound: Vec<Damage>) -> Vec<Damage> {
    let mut all = changed;
    for damage in unsound {
        match all.iter_mut().find(|known| known.record == damage.record) {
            Some(known) if known.problem == BLOCK => known.problem = damage.problem,
            Some(_) => {}
            None => all.push(damage),
        }
    }
    all.sort_by_key(|damage| damage.offset);
    all
}

/// Which byte of a block has changed, if `change`, the difference of its checksums, is what a single bit makes. CRC-32 gives a
/// different one for each bit.
fn flipped_byte(change: u32, length: usize) -> Option<usize> {
    // The last bit that goes into the register, then the ones before it.
    let mut difference = POLYNOMIAL;
    for bit in 0..length * 8 {
        if difference == change {
            return Some(length - 1 - bit / 8);
        }
        difference = if difference & 1 == 0 { difference >> 1 } else { difference >> 1 ^ POLYNOMIAL };
    }
    None
}
