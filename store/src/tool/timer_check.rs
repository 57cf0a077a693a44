//! The timers' files: records of `timerlog/` must follow each other and lead to messages that the log has, and the slots of
//! `timerwheel` must lead to records. After a crash they need not agree: the next start sees to that.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, Piece, pieces};
use super::index_check::Records;
use super::progress::Progress;
use crate::timer::{RECORD_BYTES, TIMER_SLOTS, Unit};

/// Records read at once.
const RECORDS_AT_ONCE: usize = 1_024;
const SLOT_BYTES: usize = 32;
/// Slots read at once.
const SLOTS_AT_ONCE: usize = 2_048;

/// The timers' files.
pub(super) struct Timers {
    /// Those of the log, ascending.
    pub(super) log: Vec<Piece>,
    /// `config/timercheck`: the first slot that is not done (ms), the log's end, the queue's next message.
    pub(super) checkpoint: Option<[i64; 3]>,
    wheel: Option<File>,
    /// Whether a broker runs, or was not stopped cleanly.
    is_open: bool,
}

/// What a look at them found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) records: u64,
    pub(super) problems: Vec<String>,
}

impl Timers {
    pub(super) fn open(folder: &Folder) -> Result<Self, FolderError> {
        let path = folder.root.join("timerwheel");
        let wheel = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.map_err(FolderError::io(&path))?),
        };
        let path = folder.root.join("config").join("timercheck");
        let checkpoint = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other.map_err(FolderError::io(&path))?),
        };
        let number = |bytes: &[u8], at: usize| {
            bytes.get(at * 8..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| i64::from_be_bytes(*bytes))
        };
        Ok(Timers {
            log: pieces(&folder.root.join("timerlog"))?,
            checkpoint: checkpoint.map(|bytes| std::array::from_fn(|at| number(&bytes, at))),
            wheel,
            is_open: folder.root.join("abort").exists(),
        })
    }

    /// Looks at every record and every slot. `end` is the commit log's.
    pub(super) fn check(&self, folder: &Folder, end: i64) -> Result<Checked, FolderError> {
        let mut checked = Checked::default();
        let log_end = self.check_log(folder, end, &mut checked)?;
        if let Some([_, flushed, _]) = self.checkpoint.filter(|_| !self.is_open)
            && flushed > log_end
        {
            checked.problems.push(format!("timer log ends at {log_end}, but its checkpoint says {flushed}"));
        }
        self.check_wheel(folder, log_end, &mut checked)?;
        Ok(checked)
    }

    /// Answers where the log ends.
    fn check_log(&self, folder: &Folder, end: i64, checked: &mut Checked) -> Result<i64, FolderError> {
        let (first, last) = (self.log.first().map_or(0, |file| file.start), self.log.last().map_or(0, Piece::end));
        let mut progress = Progress::begin("timer log", first as u64, last as u64);
        let begin = folder.segments.first().map_or(0, |segment| segment.start);
        let mut messages = Records::new(folder);
        let (mut log_end, mut lost) = (first, 0_u64);
        for (number, piece) in self.log.iter().enumerate() {
            if number > 0 && piece.start != log_end {
                checked.problems.push(format!("timer log breaks off at {log_end} and goes on at {}", piece.start));
            }
            log_end = walk(piece, &mut progress, |physical| {
                checked.records += 1;
                let is_lost = physical >= begin && (physical >= end || !messages.has(physical)?);
                lost += u64::from(is_lost);
                Ok(())
            })?;
        }
        if lost > 0 {
            checked.problems.push(format!("timer log: {lost} of {} records lead to no message", checked.records));
        }
        Ok(log_end)
    }

    fn check_wheel(&self, folder: &Folder, log_end: i64, checked: &mut Checked) -> Result<(), FolderError> {
        let Some(wheel) = &self.wheel else { return Ok(()) };
        let path = folder.root.join("timerwheel");
        let length = wheel.metadata().map_err(FolderError::io(&path))?.len();
        let expected = TIMER_SLOTS as u64 * SLOT_BYTES as u64;
        if length != expected {
            checked.problems.push(format!("timer wheel has {length} bytes instead of {expected}"));
            return Ok(());
        }
        let mut bytes = vec![0; SLOTS_AT_ONCE * SLOT_BYTES];
        let mut position = 0;
        while position < expected {
            let length = (expected - position).min(bytes.len() as u64) as usize;
            wheel.read_exact_at(&mut bytes[..length], position).map_err(FolderError::io(&path))?;
            for slot in bytes[..length].chunks_exact(SLOT_BYTES) {
                let long = |at: usize| i64::from_be_bytes(std::array::from_fn(|byte| slot[at + byte]));
                let (first, last) = (long(8), long(16));
                if first > last || last >= log_end.max(1) && !self.is_open {
                    let number = long(0);
                    checked
                        .problems
                        .push(format!("timer wheel: slot {number} leads to {first} to {last} of the timer log"));
                }
            }
            position += length as u64;
        }
        Ok(())
    }
}

/// Tells `each` where the messages of a file's records lie; answers where the records end, or the file if it is full.
fn walk(
    piece: &Piece,
    progress: &mut Progress,
    mut each: impl FnMut(i64) -> Result<(), FolderError>,
) -> Result<i64, FolderError> {
    let file = piece.open()?;
    let mut bytes = vec![0; RECORDS_AT_ONCE * RECORD_BYTES];
    let mut position = 0;
    while position < piece.bytes {
        let length = (piece.bytes - position).min(bytes.len() as u64) as usize;
        file.read_exact_at(&mut bytes[..length], position).map_err(FolderError::io(&piece.path))?;
        for chunk in bytes[..length].chunks(RECORD_BYTES) {
            match Unit::decode(chunk) {
                Unit::Record(record) => each(record.physical.0)?,
                Unit::Blank => return Ok(piece.end()),
                Unit::Nothing => return Ok(piece.start + position as i64),
            }
            position += chunk.len() as u64;
        }
        progress.at((piece.start as u64) + position);
    }
    Ok(piece.end())
}
