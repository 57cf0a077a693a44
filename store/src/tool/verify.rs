//! `verify`: walks everything and names each damage.

use std::collections::BTreeSet;
use std::io::Write;

use super::folder::{Folder, FolderError};
use super::index_check;
use super::progress::Progress;
use super::queue_check::QueueChecks;
use super::settings::settings;
use super::sums_check;
use super::timer_check::Timers;
use super::walk::{Met, walk};

/// What a walk over everything came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Sound records.
    pub records: u64,
    /// Queues looked at.
    pub queues: u64,
    /// Index entries looked at.
    pub index_entries: u64,
    /// Records of the timer log looked at.
    pub timer_records: u64,
    /// Damages named.
    pub damages: u64,
}

/// Looks at every record, every byte that the scrub has taken checksums of, every queue unit, every index entry and every timer, and whether the files under `config/` can be read; writes one line for each damage to `out` and a summary.
///
/// # Errors
/// When a file cannot be read or `out` not written; damage is no error.
pub fn verify(folder: &Folder, index_slots: u32, out: &mut dyn Write) -> Result<Verified, FolderError> {
    let mut verified = Verified::default();
    let mut queues = QueueChecks::open(folder)?;
    verified.queues = queues.len() as u64;
    let first = folder.segments.first().map_or(0, |segment| segment.start);
    let mut progress = Progress::begin("commit log", first as u64, first as u64 + folder.log_bytes());
    let mut report = |problem: &str| writeln!(out, "DAMAGE {problem}").map_err(FolderError::Output);
    let (mut records, mut damages) = (0, 0);
    let mut named = BTreeSet::new();
    let end = walk(folder, first, &mut progress, |met| match met {
        Met::Record(record) => {
            records += 1;
            let Some(problem) = queues.record(&record)? else { return Ok(()) };
            damages += 1;
            report(&problem)
        }
        Met::Damage { offset, problem, next } => {
            damages += 1;
            named.insert(offset);
            report(&format!("commit log at {offset}: {problem}; {} bytes are skipped", next - offset))
        }
    })?;
    drop(progress);
    for segment in &folder.segments {
        for damage in sums_check::check(folder, segment)? {
            // What its record tells itself has been told.
            if !named.contains(&damage.record.0) {
                damages += 1;
                report(&format!("commit log: {damage}"))?;
            }
        }
    }
    let (problems, without_queue) = queues.finish(end)?;
    for problem in &problems {
        report(problem)?;
    }
    damages += problems.len() as u64;
    let files = folder.index_files()?;
    let mut progress = Progress::begin("index", 0, files.len() as u64);
    for (number, file) in files.into_iter().enumerate() {
        progress.at(number as u64);
        let (entries, problems) = index_check::check(folder, &file, index_slots, end)?;
        verified.index_entries += entries;
        for problem in &problems {
            report(&format!("index {problem}"))?;
        }
        damages += problems.len() as u64;
    }
    drop(progress);
    let timers = Timers::open(folder)?.check(folder, end)?;
    verified.timer_records = timers.records;
    let unreadable = settings(folder)?.into_iter().filter_map(|setting| setting.problem);
    for problem in timers.problems.into_iter().chain(unreadable) {
        damages += 1;
        report(&problem)?;
    }
    (verified.records, verified.damages) = (records, damages);
    if without_queue > 0 {
        let line = "messages have no queue: their topics were deleted, or the queues are to be rebuilt";
        writeln!(out, "{without_queue} {line}").map_err(FolderError::Output)?;
    }
    let Verified { records, queues, index_entries, timer_records, damages } = verified;
    writeln!(
        out,
        "{records} records up to {end}, {queues} queues, {index_entries} index entries, {timer_records} timers, {damages} damages"
    )
    .map_err(FolderError::Output)?;
    Ok(verified)
}
