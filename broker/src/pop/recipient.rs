//! Where a POP's answer goes: to a client that speaks remoting, or to whoever awaits it in this process, which is the gRPC front door.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::acknowledge::{Change, change_any};
use super::in_flight::DeliveryKey;
use super::request::{self, HeldPop};
use super::take::{Taken, Wanted};
use crate::broker::Broker;
use crate::flow;
use crate::recipient::Recipient;
use crate::refusal::Refusal;

/// For how long messages stay hidden that were taken for somebody who is no longer there, in milliseconds: Apache's time.
const GIVEN_BACK_MS: i64 = 1_000;

/// What a POP came to.
#[derive(Debug)]
pub(crate) enum Popped {
    /// Messages, or none after as long a wait as was wanted.
    Taken(Taken),
    /// Too many wait already.
    Full,
}

impl Recipient<Popped> {
    /// Hands over what was taken.
    pub(super) fn give(self, broker: &Broker, wanted: &Wanted, taken: Taken) {
        match self {
            Recipient::Remoting(reply) => request::answer(broker, wanted, &taken, reply),
            Recipient::Caller(caller) => {
                if let Err(Ok(Popped::Taken(taken))) = caller.send(Ok(Popped::Taken(taken))) {
                    give_back(broker, &taken);
                }
            }
        }
    }

    /// Says that too many wait already.
    pub(super) fn give_full(self, broker: &Broker, wanted: &Wanted, nothing: Taken) {
        match self {
            Recipient::Remoting(reply) => request::answer_full(broker, wanted, &nothing, reply),
            // Whoever is gone misses nothing.
            Recipient::Caller(caller) => drop(caller.send(Ok(Popped::Full))),
        }
    }
}

/// Takes messages, waiting for some where there are none. Whoever stops waiting costs no message.
///
/// # Errors
/// When nothing can be read or noted.
pub(crate) async fn receive(broker: &Arc<Broker>, wanted: Wanted) -> Result<Popped, Refusal> {
    let (caller, popped) = oneshot::channel();
    let reply = Recipient::Caller(caller);
    flow::check_memory(broker, reply.pending_bytes())?;
    request::begin(broker, HeldPop { wanted, reply });
    // What was noted in the journal becomes visible to those who read it.
    broker.store.dispatch();
    popped.await.unwrap_or_else(|_| Err(Refusal::unavailable("the broker stops")))
}

/// Messages were taken for somebody who went away meanwhile: others get them in a moment, and it does not count as an attempt.
fn give_back(broker: &Broker, taken: &Taken) {
    for batch in &taken.batches {
        let key = DeliveryKey { place: batch.place.clone(), start: batch.start, pop_ms: taken.pop_ms };
        for &offset in &batch.offsets {
            let change = Change { offset, invisible_ms: GIVEN_BACK_MS, suspended: true };
            if let Err(refusal) = change_any(broker, &key, taken.revive_queue, change) {
                tracing::warn!(topic = %key.place.topic, offset, "not given back: {}", refusal.remark);
            }
        }
    }
}
