//! Flow control: how much may wait inside the broker before clients are told to come back later, in Apache's words, which make them
//! back off or go to another broker. A request is refused because too many wait, never because it waited for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolide_store::FlushMode;

use crate::broker::Broker;
use crate::refusal::Refusal;

/// The requests that have been handed to a thread that may wait for the disk, and are not done.
#[derive(Debug, Default)]
pub(crate) struct SlowRequests(Arc<AtomicUsize>);

/// One such request's place; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct SlowTurn(Arc<AtomicUsize>);

impl SlowRequests {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes a place, unless `most` are taken.
    fn enter(&self, most: usize) -> Option<SlowTurn> {
        let turn = SlowTurn(self.0.clone());
        // Counted first: of two that come at the same time for the last place, at most one gets it.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (before < most).then_some(turn)
    }
}

impl Drop for SlowTurn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place among the requests that wait for a thread which may wait for the disk.
///
/// # Errors
/// When `pullThreadPoolQueueCapacity` are waiting.
pub(crate) fn begin_slow(broker: &Broker) -> Result<SlowTurn, Refusal> {
    let most = broker.config.get().pull_thread_pool_queue_capacity;
    broker.slow_requests.enter(usize::try_from(most).unwrap_or(0)).ok_or_else(Refusal::overload)
}

/// Whether the messages that were copied from the disk's files for clients, which have not read them yet, take too much memory.
pub(crate) fn is_short_of_memory(broker: &Broker) -> bool {
    let copied = broker.store.copied_bytes();
    copied > 0 && copied as u64 > broker.config.get().max_pending_bytes_on_message_in_disk.unsigned_abs()
}

/// Whether messages may be copied for a client for which so much waits already. Who reads what they get is served in any case.
///
/// # Errors
/// When memory is short and the client has not read what it asked for before.
pub(crate) fn check_memory(broker: &Broker, pending_bytes: usize) -> Result<(), Refusal> {
    if pending_bytes > 0 && is_short_of_memory(broker) { Err(Refusal::overload()) } else { Ok(()) }
}

/// Whether another message may be stored whose producer waits for the disk.
///
/// # Errors
/// When the broker flushes synchronously and `sendThreadPoolQueueCapacity` producers wait for that.
pub(crate) fn check_waiting_sends(broker: &Broker) -> Result<(), Refusal> {
    if broker.flush_mode == FlushMode::Async {
        return Ok(());
    }
    let most = broker.config.get().send_thread_pool_queue_capacity;
    let is_full = broker.waiting_sends.lock().len() >= usize::try_from(most).unwrap_or(0);
    if is_full { Err(Refusal::overload()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
