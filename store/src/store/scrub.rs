//! The scrub's hands: reads segments as [`scrub`](crate::scrub) decides, keeps their checksums in a folder of our own, and tells
//! what is damaged.
//!
//! Nothing is locked while the disk is read that anybody but the scrub waits for, and no file is kept open from one step to
//! the next, so that retention may remove segments at any time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Inner, Store};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::record::RecordView;
use crate::scrub::{
    BLOCK_BYTES, CHECKED_AT, CHECKSUMS, Candidate, Damage, Examination, Findings, Next, SUMS_HEAD_BYTES, ScrubProgress,
    ScrubRules, Sums, SumsHead, next,
};

/// What is read in one step, unless that is more than a second's worth.
const STEP_BYTES: u64 = 1 << 20;
/// How long to rest while nothing is to be read at all.
const IDLE_MS: u64 = 10_000;

/// What the scrub remembers from one step to the next.
#[derive(Default)]
pub(super) struct Scrub {
    /// The full segments, and when they were read last; `None`: nobody has looked which there are.
    segments: Option<BTreeMap<i64, Option<i64>>>,
    current: Option<Examination>,
    damages: BTreeMap<i64, Vec<Damage>>,
}

impl Store {
    /// Reads on in the full segments of the log, for a moment, and answers in how many milliseconds it wants to be called again. To
    /// be called by one thread at a time. Waits for the disk. What it finds goes to the log and to [`Store::scrub_progress`].
    pub fn scrub(&self, rules: &ScrubRules) -> u64 {
        if rules.bytes_per_second == 0 {
            return IDLE_MS;
        }
        let inner = &*self.inner;
        let mut scrub = inner.scrub.lock();
        inner.update_segments(&mut scrub);
        if scrub.current.is_none() {
            let known = scrub.segments.iter().flatten();
            let candidates = known.map(|(&start, &checked_ms)| Candidate { start, checked_ms });
            match next(candidates, rules.interval_ms, inner.clock.now_ms()) {
                Next::Rest(pause_ms) => return pause_ms,
                Next::Read(start) => scrub.current = Some(inner.examination(start)),
            }
        }
        let read_bytes = inner.read_on(&mut scrub, rules.bytes_per_second.min(STEP_BYTES));
        inner.scrub_progress.lock().read_bytes += read_bytes;
        if scrub.current.as_ref().is_some_and(|current| current.next().is_none())
            && let Some(current) = scrub.current.take()
        {
            let start = current.start();
            inner.conclude(&mut scrub, start, current.finish());
        }
        read_bytes * 1_000 / rules.bytes_per_second
    }

    /// What the scrub did so far, and what is wrong.
    pub fn scrub_progress(&self) -> ScrubProgress {
        self.inner.scrub_progress.lock().clone()
    }
}

impl Inner {
    /// Brings the list of full segments up to date with the log, and forgets what is known of those that are gone.
    fn update_segments(&self, scrub: &mut Scrub) {
        let sealed = self.log.sealed();
        let known = scrub.segments.get_or_insert_default();
        let gone: Vec<i64> = known.keys().copied().filter(|start| sealed.binary_search(start).is_err()).collect();
        for start in gone {
            known.remove(&start);
            scrub.damages.remove(&start);
            self.drop_sums(start);
        }
        for start in sealed {
            known.entry(start).or_insert_with(|| self.checked_ms(start));
        }
        if scrub.current.as_ref().is_some_and(|current| !known.contains_key(&current.start())) {
            scrub.current = None;
        }
        let mut progress = self.scrub_progress.lock();
        progress.segments = known.len() as u64;
        progress.known_segments = known.values().flatten().count() as u64;
        let is_complete = progress.segments == progress.known_segments;
        progress.oldest_check_ms = known.values().flatten().min().copied().filter(|_| is_complete);
        progress.damages = scrub.damages.values().map(|damages| damages.len() as u64).sum();
    }

    fn examination(&self, start: i64) -> Examination {
        let path = sums_path(&self.options.root, start);
        let known = match self.disk.read(&path) {
            Ok(bytes) => {
                let known = Sums::decode(&bytes, start, self.log.segment_bytes());
                if known.is_none() {
                    tracing::warn!("{} is damaged; the checksums are taken anew", path.display());
                }
                known
            }
            Err(_) => None,
        };
        Examination::new(start, self.log.segment_bytes(), known)
    }

    /// Reads at most `limit` bytes, but at least one block; answers how many.
    fn read_on(&self, scrub: &mut Scrub, limit: u64) -> u64 {
        let Some(current) = &mut scrub.current else { return 0 };
        let path = self.log.segment_path(current.start());
        let file = match self.disk.open(&path) {
            Ok(file) => Some(file),
            // Removed a moment ago.
            Err(_) if !self.log.sealed().contains(&current.start()) => return 0,
            Err(error) => {
                tracing::warn!("the scrub cannot open {}: {error}", path.display());
                None
            }
        };
        let mut block = vec![0; BLOCK_BYTES];
        let mut read_bytes = 0;
        while let Some((position, length)) = current.next()
            && (read_bytes == 0 || read_bytes + length as u64 <= limit)
        {
            let block = &mut block[..length];
            match file.as_ref().map(|file| file.read_through(position, block)) {
                Some(Ok(())) => current.feed(block),
                Some(Err(error)) => {
                    tracing::warn!("the scrub cannot read {} at {position}: {error}", path.display());
                    current.unreadable();
                }
                None => current.unreadable(),
            }
            read_bytes += length as u64;
        }
        read_bytes
    }

    /// Keeps and tells what a look came to.
    fn conclude(&self, scrub: &mut Scrub, start: i64, findings: Findings) {
        let now_ms = self.clock.now_ms();
        let path = self.log.segment_path(start);
        if findings.rewritten {
            tracing::info!("{} was written on by another broker; its checksums are taken anew", path.display());
        }
        for damage in &findings.damages {
            tracing::error!("{} is damaged: {damage}{}", path.display(), self.message_of(damage));
        }
        let kept = match &findings.sums {
            Some(sums) => self.keep_sums(start, &sums.encode(now_ms)),
            // Where something is damaged a restart looks again at once, so that it is told again.
            None if findings.damages.is_empty() => self.note_checked(start, now_ms),
            None => Ok(()),
        };
        if let Err(error) = kept {
            tracing::warn!("checksums of {} cannot be kept: {error}; they are taken again later", path.display());
        }
        let mut progress = self.scrub_progress.lock();
        progress.checked_segments += 1;
        if let Some(damage) = findings.damages.last() {
            progress.last_damage = Some(format!("{}: {damage}", path.display()));
        }
        drop(progress);
        scrub.damages.insert(start, findings.damages);
        if let Some(known) = &mut scrub.segments {
            known.insert(start, Some(now_ms));
        }
        self.update_segments(scrub);
    }

    /// Whose message is damaged, as far as that can still be told.
    fn message_of(&self, damage: &Damage) -> String {
        let Ok(bytes) = self.log.record(damage.record, true) else { return String::new() };
        let Ok(record) = RecordView::parse(&bytes) else { return String::new() };
        format!(" (message {} of {}, queue {})", record.queue_offset(), record.topic(), record.queue())
    }

    fn keep_sums(&self, start: i64, contents: &[u8]) -> io::Result<()> {
        self.disk.create_dir_durably(&self.options.root.join(CHECKSUMS))?;
        self.disk.replace(&sums_path(&self.options.root, start), contents, false)
    }

    /// Notes in a segment's file that it was read now. Not synced: what is lost is read again earlier.
    fn note_checked(&self, start: i64, now_ms: i64) -> io::Result<()> {
        self.disk.open(&sums_path(&self.options.root, start))?.write_at(CHECKED_AT as u64, &now_ms.to_be_bytes())
    }

    /// When a segment was read last; `None`: there are no checksums of it.
    fn checked_ms(&self, start: i64) -> Option<i64> {
        let file = self.disk.open(&sums_path(&self.options.root, start)).ok()?;
        let mut head = [0; SUMS_HEAD_BYTES];
        file.read_at(0, &mut head).ok()?;
        SumsHead::decode(&head, start, self.log.segment_bytes()).map(|head| head.checked_ms)
    }

    /// Removes the checksums of a segment that is gone. A file that stays is removed by the next start.
    fn drop_sums(&self, start: i64) {
        let _ = self.disk.remove_file(&sums_path(&self.options.root, start));
    }
}

/// Removes the checksums of what is no full segment of a log from `begin` to `end`: it is gone, or will be written on.
pub(super) fn forget_outside(disk: &dyn Disk, root: &Path, begin: i64, end: i64, bytes: u64) -> Result<(), StoreError> {
    let dir = root.join(CHECKSUMS);
    let mut is_changed = false;
    for entry in disk.list(&dir).map_err(StoreError::io("list", &dir))? {
        let start: Option<i64> = entry.name.parse().ok();
        let is_sealed = start.is_some_and(|start| begin <= start && start.saturating_add_unsigned(bytes) <= end);
        if !is_sealed {
            let path = dir.join(&entry.name);
            disk.remove_file(&path).map_err(StoreError::io("remove", &path))?;
            is_changed = true;
        }
    }
    if is_changed { disk.sync_dir(&dir).map_err(StoreError::io("sync", &dir)) } else { Ok(()) }
}

fn sums_path(root: &Path, start: i64) -> PathBuf {
    root.join(CHECKSUMS).join(format!("{start:020}"))
}
