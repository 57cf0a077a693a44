//! Prolongs the time of messages that connected clients hold, and gives back what those held who have gone. What is prolonged is the
//! same delivery: a checkpoint with a longer time is appended to the journal, and the handle that the client got stays valid, also
//! for a broker that starts again with this journal.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bolide_store::PutError;

use super::acknowledge::{Change, change};
use super::entry::Entry;
use super::in_flight::{Checkpoint, DeliveryKey, Due, Holder, Place};
use super::renewal::{AHEAD_MS, Decision, Holding, Presence, RETURN_MS};
use super::{PopState, journal, take};
use crate::broker::Broker;

/// How often the messages are looked at, in milliseconds.
const PERIOD_MS: i64 = 1_000;
/// How many messages are looked at in one go.
const BATCH: usize = 1_024;

/// After a start: clients get the time to come back and go on, however long the broker was away.
pub(super) fn await_clients(broker: &Broker) {
    let until_ms = broker.pop.started_ms.saturating_add(RETURN_MS);
    let mut state = broker.pop.state.lock();
    for due in state.in_flight.held(until_ms, usize::MAX) {
        state.in_flight.postpone(&due, until_ms);
    }
    let urgent = state.order.held().filter(|(_, info)| info.due_ms() < until_ms);
    let urgent: Vec<_> = urgent.map(|(place, info)| (place.clone(), info.renewals)).collect();
    for (place, renewals) in urgent {
        state.order.prolong(&place, until_ms, Some(renewals.unwrap_or_default()));
    }
}

/// Looks after what clients hold; does nothing if that was done a moment ago.
pub(super) fn pass(broker: &Broker) {
    let now_ms = broker.clock.now_ms();
    let last_ms = broker.pop.renewed_ms.load(Ordering::Relaxed);
    if (0..PERIOD_MS).contains(&(now_ms - last_ms)) {
        return;
    }
    broker.pop.renewed_ms.store(now_ms, Ordering::Relaxed);
    give_back(broker, now_ms);
    if let Err(error) = prolong(broker, now_ms).and_then(|()| prolong_ordered(broker, now_ms)) {
        tracing::error!("the time of messages that clients hold is not prolonged: {error}");
    }
}

fn presence(broker: &Broker, client: &str, now_ms: i64) -> Presence {
    Presence::of(broker.grpc.is_connected(client), broker.pop.started_ms, now_ms)
}

/// Others get what clients held that have gone.
fn give_back(broker: &Broker, now_ms: i64) {
    let clients: Vec<_> = broker.pop.state.lock().in_flight.clients().cloned().collect();
    for client in clients {
        if presence(broker, &client, now_ms) == Presence::Gone {
            let held = broker.pop.state.lock().in_flight.held_by(&client);
            held.iter().for_each(|due| carry_out(broker, due, now_ms));
        }
    }
}

fn carry_out(broker: &Broker, due: &Due, now_ms: i64) {
    let Some(holder) = &due.delivery.holder else { return };
    let invisible_ms = match holding(due, holder).decide(presence(broker, &holder.client, now_ms), now_ms) {
        Decision::GiveBack { after_ms } => after_ms,
        Decision::Leave | Decision::Prolong { .. } => return,
    };
    let key = key_of(due);
    if let Err(refusal) = change(broker, &key, Change { offset: due.offset, invisible_ms, suspended: false }) {
        // It may have been acknowledged just now.
        tracing::debug!(topic = %key.place.topic, offset = due.offset, "not given back: {}", refusal.remark);
    }
}

fn prolong(broker: &Broker, now_ms: i64) -> Result<(), PutError> {
    loop {
        let urgent = broker.pop.state.lock().in_flight.held(now_ms.saturating_add(AHEAD_MS), BATCH);
        let mut longer: BTreeMap<(DeliveryKey, i64, u32), Vec<Due>> = BTreeMap::new();
        for due in &urgent {
            let Some(holder) = &due.delivery.holder else { continue };
            match holding(due, holder).decide(presence(broker, &holder.client, now_ms), now_ms) {
                Decision::Prolong { until_ms } => {
                    longer.entry((key_of(due), until_ms, holder.renewals)).or_default().push(due.clone());
                }
                _ => carry_out(broker, due, now_ms),
            }
        }
        for ((key, until_ms, renewals), messages) in longer {
            prolong_one(broker, &key, until_ms, renewals, &messages)?;
        }
        if urgent.len() < BATCH {
            return Ok(());
        }
    }
}

/// Prolongs messages of one POP.
fn prolong_one(
    broker: &Broker,
    key: &DeliveryKey,
    until_ms: i64,
    renewals: u32,
    messages: &[Due],
) -> Result<(), PutError> {
    let mut state = broker.pop.state.lock();
    // Some may have been acknowledged just now.
    let still = messages.iter().filter(|due| state.in_flight.find(key, due.offset) == Some(&due.delivery));
    let still: Vec<&Due> = still.collect();
    let Some(first) = still.first() else { return Ok(()) };
    let Some(holder) = &first.delivery.holder else { return Ok(()) };
    let checkpoint = Checkpoint {
        place: key.place.clone(),
        start: key.start,
        pop_ms: key.pop_ms,
        invisible_ms: until_ms.saturating_sub(key.pop_ms),
        offsets: still.iter().map(|due| due.offset).collect(),
        suspended: first.delivery.suspended,
        holder: Some(Holder { client: holder.client.clone(), renewals: renewals.saturating_add(1) }),
    };
    let at = journal::append(broker, &mut state, first.delivery.at.queue, &Entry::Checkpoint(checkpoint.clone()))?;
    state.in_flight.take(&checkpoint, at);
    Ok(())
}

fn prolong_ordered(broker: &Broker, now_ms: i64) -> Result<(), PutError> {
    let mut state = broker.pop.state.lock();
    let held = state.order.held().filter_map(|(place, info)| {
        let client = info.client.as_deref()?;
        let renewals = info.renewals.unwrap_or_default();
        let holding = Holding { pop_ms: info.pop_ms, due_ms: info.due_ms(), renewals };
        let decision = holding.decide(presence(broker, client, now_ms), now_ms);
        (decision != Decision::Leave).then(|| (place.clone(), decision, renewals))
    });
    let held: Vec<_> = held.collect();
    for (place, decision, renewals) in held {
        let (until_ms, renewals) = match decision {
            Decision::Leave => continue,
            Decision::Prolong { until_ms } => (until_ms, Some(renewals.saturating_add(1))),
            Decision::GiveBack { after_ms } => (now_ms.saturating_add(after_ms), None),
        };
        state.order.prolong(&place, until_ms, renewals);
        note(broker, &mut state, &place)?;
    }
    Ok(())
}

fn note(broker: &Broker, state: &mut PopState, place: &Place) -> Result<(), PutError> {
    let committed = broker.offsets.read().query(&place.group, &place.topic, place.queue).unwrap_or(0);
    take::append_order(broker, state, place, committed)
}

fn holding(due: &Due, holder: &Holder) -> Holding {
    Holding { pop_ms: due.delivery.pop_ms, due_ms: due.delivery.due_ms, renewals: holder.renewals }
}

fn key_of(due: &Due) -> DeliveryKey {
    DeliveryKey { place: due.place.clone(), start: due.delivery.start, pop_ms: due.delivery.pop_ms }
}
