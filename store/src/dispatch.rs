//! The dispatcher: makes queues and index follow the log, on whichever thread asks for it.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering, fence};

use parking_lot::{Mutex, MutexGuard};

use crate::derived::Derived;
use crate::error::ReadError;
use crate::events::{Arrival, StoreEvents};
use crate::index::Keys;
use crate::log::{Checks, Log, Walk};
use crate::offset::{PhysicalOffset, QueueOffset};
use crate::queue::{Applied, Queue};
use crate::record::RecordView;

/// How many runs in a row one thread makes before it leaves the rest to the next caller: it has other work, too.
const MAX_RUNS: usize = 8;

/// Follows the log. Whoever gets the lock does the work of all; the others go on with theirs.
pub(crate) struct Dispatcher {
    /// Queues and index show everything before.
    position: AtomicI64,
    work: Mutex<Work>,
    error: Mutex<Option<String>>,
}

/// What only the dispatching thread touches.
pub(crate) struct Work {
    last: Option<Arc<Queue>>,
    arrivals: Vec<Arrival>,
    /// Queues with units in memory.
    busy: Vec<Arc<Queue>>,
    point: DispatchPoint,
}

/// The last record that queues and index show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DispatchPoint {
    /// Where it starts.
    pub(crate) physical: i64,
    /// When it was stored, 0 without any.
    pub(crate) store_ms: i64,
}

/// What the dispatcher needs of the store.
pub(crate) struct Surroundings<'a> {
    pub(crate) log: &'a Log,
    pub(crate) derived: &'a Derived,
    pub(crate) events: &'a dyn StoreEvents,
    pub(crate) now_ms: i64,
}

impl Dispatcher {
    /// Goes on after `position`; `busy` are queues that recovery left with units in memory.
    pub(crate) fn new(position: PhysicalOffset, point: DispatchPoint, busy: Vec<Arc<Queue>>) -> Self {
        let work = Work { last: None, arrivals: Vec::new(), busy, point };
        Self { position: AtomicI64::new(position.0), work: Mutex::new(work), error: Mutex::new(None) }
    }

    /// Up to where queues and index show the log.
    pub(crate) fn position(&self) -> PhysicalOffset {
        PhysicalOffset(self.position.load(Ordering::Acquire))
    }

    /// What stops the dispatcher, if something does.
    pub(crate) fn error(&self) -> Option<String> {
        self.error.lock().clone()
    }

    /// Sets or clears what stops the dispatcher.
    fn report(&self, result: Result<(), String>) {
        let mut error = self.error.lock();
        match result {
            Err(reason) if error.as_ref() != Some(&reason) => {
                tracing::error!("queues and index cannot follow the log: {reason}");
                *error = Some(reason);
            }
            Err(_) => {}
            Ok(()) => *error = None,
        }
    }

    /// Brings queues and index up to the log's end, unless another thread has the lock: then that one does so. `false`: there
    /// is more after [`MAX_RUNS`] runs, and those who left it to this thread may have gone.
    pub(crate) fn run(&self, around: &Surroundings<'_>) -> bool {
        for _ in 0..MAX_RUNS {
            // Either this thread gets the lock, or its holder, who comes by here afterwards, sees the new end.
            fence(Ordering::SeqCst);
            if self.position() == around.log.end() {
                return true;
            }
            let Some(work) = self.work.try_lock() else {
                return true;
            };
            if self.run_locked(work, around).is_err() {
                return true;
            }
        }
        self.position() == around.log.end()
    }

    /// Brings queues and index up to the log's end, whoever is at it.
    pub(crate) fn run_to_end(&self, around: &Surroundings<'_>) -> Result<(), String> {
        drop(self.lock_at_end(around)?);
        self.run(around);
        Ok(())
    }

    /// Has the lock for a moment, and does afterwards what others left to its holder.
    pub(crate) fn glance<T>(&self, around: &Surroundings<'_>, look: impl FnOnce(&mut Work) -> T) -> T {
        let seen = look(&mut self.work.lock());
        self.run(around);
        seen
    }

    /// Takes the lock after bringing everything up to the log's end. Who lets go of it calls [`Dispatcher::run`].
    pub(crate) fn lock_at_end(&self, around: &Surroundings<'_>) -> Result<MutexGuard<'_, Work>, String> {
        loop {
            let work = self.work.lock();
            if self.position() == around.log.end() {
                return Ok(work);
            }
            self.run_locked(work, around)?;
        }
    }

    /// The last record that has entered queues and index.
    pub(crate) fn point(&self, around: &Surroundings<'_>) -> DispatchPoint {
        self.glance(around, |work| work.point)
    }

    /// Writes what queues hold in memory and says up to which record their files are complete.
    pub(crate) fn settle(&self, around: &Surroundings<'_>) -> io::Result<DispatchPoint> {
        let (point, mut busy) = self.glance(around, |work| (work.point, std::mem::take(&mut work.busy)));
        let mut result = Ok(point);
        busy.retain(|queue| {
            queue.settle(&around.derived.queues.files).unwrap_or_else(|error| {
                result = Err(error);
                true
            })
        });
        self.glance(around, |work| work.busy.append(&mut busy));
        result
    }

    fn run_locked(&self, mut work: MutexGuard<'_, Work>, around: &Surroundings<'_>) -> Result<(), String> {
        let result = self.advance(&mut work, around);
        let mut arrivals = std::mem::take(&mut work.arrivals);
        drop(work);
        self.report(result.clone());
        if !arrivals.is_empty() {
            around.events.arrived(&arrivals);
            arrivals.clear();
            // The next run may use the memory again.
            if let Some(mut work) = self.work.try_lock()
                && work.arrivals.capacity() == 0
            {
                work.arrivals = arrivals;
            }
        }
        result
    }

    fn advance(&self, work: &mut Work, around: &Surroundings<'_>) -> Result<(), String> {
        let from = self.position();
        let walk = around.log.walk(from, Checks::Structure, |record, at| match work.apply(record, at, around) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        });
        let (at, result) = match walk {
            Ok(Walk::Ended { at, problem: None }) => (at, Ok(())),
            Ok(Walk::Ended { at, problem: Some(problem) }) => {
                (at, Err(format!("the record at {at} of the log is damaged: {problem}")))
            }
            Ok(Walk::Broken(at, error)) => (at, Err(format!("a write failed: {error}"))),
            Err(ReadError::NoRecord(at)) => (from, Err(format!("the log has nothing at {at}"))),
            Err(error) => (from, Err(error.to_string())),
        };
        self.position.store(at.0, Ordering::Release);
        result
    }
}

impl Work {
    /// Forgets queues that were deleted.
    pub(crate) fn forget_removed(&mut self) {
        self.last = None;
        self.busy.retain(|queue| !queue.is_removed());
    }

    fn apply(&mut self, record: &RecordView<'_>, at: PhysicalOffset, around: &Surroundings<'_>) -> io::Result<()> {
        let keys = Keys::of(record);
        for place in around.derived.places(record, &keys) {
            let queue = match &mut self.last {
                Some(known) if known.id == place.queue && *known.topic == *place.topic => known,
                other => other.insert(around.derived.queues.find_or_create(place.topic, place.queue)),
            };
            let mut entry = around.derived.apply_unit(queue, record, &keys, place.offset)?;
            if entry.applied == Applied::Gap {
                queue.skip_to(&around.derived.queues.files, place.offset)?;
                entry = around.derived.apply_unit(queue, record, &keys, place.offset)?;
            }
            if let Applied::Appended { first } = entry.applied {
                note_arrival(&mut self.arrivals, queue, record, place.offset, entry.unit.tags_code);
                if first {
                    self.busy.push(Arc::clone(queue));
                }
            }
        }
        around.derived.apply_keys(record, &keys, around.now_ms)?;
        self.point = DispatchPoint { physical: at.0, store_ms: record.store_ms() };
        Ok(())
    }
}

/// Adds a message to the news, to those of its queue and tag if they came right before it.
fn note_arrival(
    arrivals: &mut Vec<Arrival>,
    queue: &Queue,
    record: &RecordView<'_>,
    offset: QueueOffset,
    tags_code: i64,
) {
    let (max_offset, bytes) = (QueueOffset(offset.0 + 1), record.size() as u64);
    match arrivals.last_mut() {
        Some(last)
            if last.tags_code == tags_code && last.queue == queue.id && Arc::ptr_eq(&last.topic, &queue.topic) =>
        {
            last.max_offset = max_offset;
            last.messages += 1;
            last.bytes += bytes;
        }
        _ => arrivals.push(Arrival {
            topic: Arc::clone(&queue.topic),
            queue: queue.id,
            max_offset,
            tags_code,
            store_ms: record.store_ms(),
            messages: 1,
            bytes,
        }),
    }
}
