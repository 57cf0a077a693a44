//! Letting go of old segments of the commit log: checkpoints in them are written again, and messages in flight wait for their
//! acknowledgement or for another delivery first.

use std::error::Error;

use bolide_store::{PhysicalOffset, QueueId};

use super::entry::Entry;
use super::{journal, revive, revive_topic};
use crate::broker::Broker;

/// Where the disk forces a segment out, messages that are due later than this are delivered again at once rather than waited for.
const PATIENCE_MS: i64 = 60_000;

/// Makes POP independent of the messages before `before`; says whether it is.
pub(crate) fn release(broker: &Broker, before: PhysicalOffset, forced: bool) -> Result<bool, Box<dyn Error>> {
    journal::catch_up(broker)?;
    let is_free = let_messages_go(broker, before, forced)?;
    if is_free {
        write_checkpoints_again(broker, before)?;
    }
    Ok(is_free)
}

/// Whether no message before `before` is in flight; where there is no time, those are delivered again that would be so for long.
fn let_messages_go(broker: &Broker, before: PhysicalOffset, forced: bool) -> Result<bool, Box<dyn Error>> {
    let places: Vec<_> = broker.pop.state.lock().in_flight.places().cloned().collect();
    let patient_to_ms = broker.clock.now_ms().saturating_add(PATIENCE_MS);
    let mut is_free = true;
    let mut created = Vec::new();
    for place in places {
        let end = broker.store.offset_from(&place.topic, QueueId(place.queue), before)?;
        let old = broker.pop.state.lock().in_flight.before(&place, end.0);
        for message in old {
            if forced && message.delivery.due_ms > patient_to_ms {
                revive::deliver_again(broker, &message, &mut created)?;
            } else {
                is_free = false;
            }
        }
    }
    if !created.is_empty() {
        broker.registrar.announce(created, Box::new(|| {}));
    }
    Ok(is_free)
}

fn write_checkpoints_again(broker: &Broker, before: PhysicalOffset) -> Result<(), Box<dyn Error>> {
    let topic = revive_topic(&broker.config.get());
    for queue in broker.store.queues(&topic) {
        let end = broker.store.offset_from(&topic, queue, before)?;
        let mut state = broker.pop.state.lock();
        for (at, checkpoint) in state.in_flight.pinned_before(queue.0, end.0) {
            let again = journal::append(broker, &mut state, at.queue, &Entry::Checkpoint(checkpoint.clone()))?;
            state.in_flight.take(&checkpoint, again);
        }
    }
    Ok(())
}
