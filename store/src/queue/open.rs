//! Opens all queues of a folder: topic by topic, on several threads where there are many, for what takes long then are some system
//! calls for each queue.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use parking_lot::Mutex;

use super::extent::Trust;
use super::table::Queues;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::offset::QueueId;
use crate::progress::Progress;

/// A topic counts so much in what is said of a long start, divided among its queues.
const PARTS: usize = 1_000;
/// Threads for each processor: where the folder is not in memory yet they mostly wait for the disk.
const THREADS_OF_PROCESSOR: usize = 4;
/// A thread is worth its while with so many topics.
const TOPICS_OF_THREAD: usize = 16;

/// Opens the queues on the disk, as far as they can be trusted. Answers where in the log the first message lies that a queue lacks
/// because its file is damaged; `i64::MAX`: none does.
pub(super) fn open_all(queues: &Queues, trust: Trust, clock: &dyn Clock) -> Result<i64, StoreError> {
    let topics = subdirs(queues, &queues.files.dir)?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = (processors * THREADS_OF_PROCESSOR).min(topics.len() / TOPICS_OF_THREAD).max(1);
    let progress = Mutex::new(Progress::begin(clock, "opening the consume queues"));
    let work = Work { queues, topics, trust, next: AtomicUsize::new(0), progress };
    let results: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work.run())).collect();
        let own = work.run();
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|cause| panic::resume_unwind(cause)));
        std::iter::once(own).chain(others).collect()
    });
    results.into_iter().try_fold(i64::MAX, |first, result| Ok(first.min(result?)))
}

/// What the threads share.
struct Work<'a> {
    queues: &'a Queues,
    topics: Vec<String>,
    trust: Trust,
    /// The topic that is to be opened next.
    next: AtomicUsize,
    progress: Mutex<Progress<'a>>,
}

impl Work<'_> {
    /// Opens topics for as long as there are any. Answers as [`open_all`].
    fn run(&self) -> Result<i64, StoreError> {
        let mut damaged_from = i64::MAX;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(topic) = self.topics.get(number) else { return Ok(damaged_from) };
            let found = self.open_topic(number, topic).inspect_err(|_| {
                // The others need not go on.
                self.next.store(self.topics.len(), Ordering::Relaxed);
            })?;
            damaged_from = damaged_from.min(found);
        }
    }

    fn open_topic(&self, number: usize, topic: &str) -> Result<i64, StoreError> {
        let dir = self.queues.files.dir.join(topic);
        let names = subdirs(self.queues, &dir)?;
        let mut damaged_from = i64::MAX;
        for (place, name) in names.iter().enumerate() {
            if let Some(mut progress) = self.progress.try_lock() {
                let done = number * PARTS + place * PARTS / names.len();
                progress.at(done as u64, (self.topics.len() * PARTS) as u64);
            }
            let Ok(id) = name.parse() else {
                continue;
            };
            let extent = self.queues.files.extent(&dir.join(name), self.trust)?;
            damaged_from = damaged_from.min(extent.damaged_from());
            self.queues.insert(topic, QueueId(id), extent);
        }
        Ok(damaged_from)
    }
}

fn subdirs(queues: &Queues, dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = queues.files.disk.list(dir).map_err(StoreError::io("list", dir))?;
    Ok(entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect())
}
