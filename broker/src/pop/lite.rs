//! POP of lite topics: a client takes from the light queues that it has subscribed to, each consumed in order, and waits by its own
//! name for something to be in one of them.

use std::sync::Arc;

use bolide_store::light::LIGHT_QUEUE;

use super::handle::ORDERED;
use super::in_flight::Place;
use super::request;
use super::take::{Reading, TakeError, Taken, Wanted, take_from};
use super::waiting::Scope;
use crate::broker::Broker;

/// By what a client's POP waits.
pub(super) fn scope(client: &str, group: &str) -> Scope {
    Scope { topic: client.to_owned(), group: group.to_owned() }
}

/// Takes messages out of the queues in which there may be something for the client.
pub(super) fn take(broker: &Broker, wanted: &Wanted, client: &str, reading: Reading) -> Result<Taken, TakeError> {
    let mut taken = Taken { pop_ms: broker.clock.now_ms(), revive_queue: ORDERED, ..Taken::default() };
    let mut later = Vec::new();
    while taken.count < wanted.max_messages {
        let Some(queue) = broker.lite.next(client) else { break };
        // An attempt may take the same messages again, which is meant for another call: so each queue once.
        if taken.batches.iter().any(|batch| batch.place.topic == queue) {
            later.push(queue);
            continue;
        }
        let place = Place::new(&queue, &wanted.scope.group, LIGHT_QUEUE.0);
        if let Err(error) = take_from(broker, wanted, &place, reading, &mut taken) {
            broker.lite.put_back(client, &queue);
            if taken.count > 0 {
                break;
            }
            return Err(error);
        }
    }
    later.iter().for_each(|queue| broker.lite.put_back(client, queue));
    // What is left is noted with the client; nobody else is to be woken for it.
    taken.rest = 0;
    Ok(taken)
}

/// There may be something in a queue, for a group or for all: those go on who wait for it.
pub(crate) fn wake(broker: &Arc<Broker>, queue: &str, group: Option<&str>) {
    for who in broker.lite.mark(queue, group) {
        let waiting = broker.pop.lite_pops.lock().first(&scope(&who.client, &who.group), LIGHT_QUEUE.0);
        if let Some(held) = waiting {
            request::resume(broker, held, request::LOOKS);
        }
    }
}
