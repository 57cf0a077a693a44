//! ACK_MESSAGE, BATCH_ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME: what consumers do with the handles of popped messages.
//!
//! Acknowledging is idempotent: a handle that is no longer valid is answered like one that is, and nothing is stored. Changing the
//! time of a message that is not in flight under the handle is refused (NO_MESSAGE): it has been acknowledged, or handed out again.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bolide_remoting::body::{BatchAck, BatchAckMessageRequest};
use bolide_remoting::header::{AckMessageRequest, ChangeInvisibleTimeRequest, ChangeInvisibleTimeResponse};
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::{PutError, QueueId};

use super::entry::Entry;
use super::handle::{BadHandle, Handle, ORDERED};
use super::in_flight::{Checkpoint, DeliveryKey, Place};
use super::order::Committed;
use super::retry_topic::TopicKind;
use super::{PopState, check, journal, take, wake_place};
use crate::broker::Broker;
use crate::lite;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// How long an acknowledgement waits for a checkpoint that an Apache broker still has among its timers.
const EARLY_PATIENCE_MS: i64 = 60_000;

impl From<BadHandle> for Refusal {
    fn from(error: BadHandle) -> Self {
        Refusal::invalid(error.to_string())
    }
}

/// Where the message of a topic is, or of a lite topic below it.
fn place_of<'a>(topic: &'a str, lite_topic: Option<&str>) -> Cow<'a, str> {
    let lite_topic = lite_topic.filter(|name| !name.trim().is_empty());
    lite_topic.map_or(topic.into(), |lite_topic| lite::queue_of(topic, lite_topic).into())
}

/// ACK_MESSAGE.
pub(crate) fn acknowledge(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let acknowledged = || -> Result<(), Refusal> {
        let header = AckMessageRequest::decode(&request.header.fields)?;
        let peer = request.connection.peer();
        let topic = &*place_of(header.topic, header.lite_topic);
        check::check_handed_out(broker, peer, topic, header.queue_id)?;
        let (min, max) = bounds(broker, topic, header.queue_id);
        if !(min..=max).contains(&header.offset) {
            let AckMessageRequest { queue_id, offset, .. } = header;
            let remark = format!("offset is illegal, key:{topic}@{queue_id}, commit:{offset}, store:{min}~{max}");
            return Err(Refusal::new(ResponseCode::NO_MESSAGE, remark));
        }
        let handle = Handle::parse(header.extra_info)?;
        let place = Place::new(topic, header.consumer_group, header.queue_id);
        if handle.is_ordered() {
            return acknowledge_ordered(broker, peer, &place, header.offset, handle.pop_ms);
        }
        let key = DeliveryKey { place, start: handle.start, pop_ms: handle.pop_ms };
        acknowledge_all(broker, &key, &[header.offset], handle.revive_queue, handle.due_ms())
    };
    reply.give(acknowledged());
}

/// BATCH_ACK_MESSAGE.
pub(crate) fn acknowledge_batch(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let acknowledged = || -> Result<(), Refusal> {
        let body: Option<BatchAckMessageRequest> =
            if request.body.is_empty() { None } else { Some(json_body(request)?) };
        let acks = body.map(|body| body.acks).unwrap_or_default();
        if acks.is_empty() {
            return Err(Refusal::new(ResponseCode::NO_MESSAGE, "the batch holds no acknowledgement"));
        }
        let peer = request.connection.peer();
        acks.iter().try_for_each(|ack| acknowledge_one_of_batch(broker, peer, ack))
    };
    reply.give(acknowledged());
}

fn acknowledge_one_of_batch(broker: &Arc<Broker>, peer: SocketAddr, ack: &BatchAck) -> Result<(), Refusal> {
    let kind = TopicKind::parse(&ack.retry)
        .ok_or_else(|| Refusal::invalid(format!("the kind of topic is {:?}, none of 0, 1 and 2", ack.retry)))?;
    let topic = kind.topic(&ack.topic, &ack.consumer_group);
    if broker.store.max_offset(&topic, QueueId(ack.queue_id)).is_none() {
        // Nothing was ever handed out from there.
        return Ok(());
    }
    let (min, max) = bounds(broker, &topic, ack.queue_id);
    let distances = ack.bit_set.iter().filter_map(|distance| i64::try_from(distance).ok());
    let offsets: Vec<i64> = distances
        .map(|distance| ack.start_offset.saturating_add(distance))
        .filter(|offset| (min..=max).contains(offset))
        .collect();
    let place = Place::new(&topic, &ack.consumer_group, ack.queue_id);
    if ack.revive_queue_id == ORDERED {
        return offsets.iter().try_for_each(|offset| acknowledge_ordered(broker, peer, &place, *offset, ack.pop_time));
    }
    let key = DeliveryKey { place, start: ack.start_offset, pop_ms: ack.pop_time };
    let due_ms = ack.pop_time.saturating_add(ack.invisible_time);
    acknowledge_all(broker, &key, &offsets, ack.revive_queue_id, due_ms)
}

/// Acknowledges messages of one POP. `due_ms` is what their handles say. It is in the journal when this is done.
pub(super) fn acknowledge_all(
    broker: &Broker,
    key: &DeliveryKey,
    offsets: &[i64],
    revive_queue: i32,
    due_ms: i64,
) -> Result<(), Refusal> {
    let mut state = broker.pop.state.lock();
    acknowledge_in(broker, &mut state, key, offsets, (revive_queue, due_ms))?;
    Ok(write_soon(broker, &mut state)?)
}

/// The same, but in the journal only when [`write_acknowledged`] is done. So those of one POP that come together are one entry.
pub(super) fn acknowledge_soon(
    broker: &Broker,
    key: &DeliveryKey,
    offset: i64,
    revive_queue: i32,
    due_ms: i64,
) -> Result<(), Refusal> {
    if broker.pop.journal_fails.load(Ordering::Relaxed) {
        return acknowledge_all(broker, key, &[offset], revive_queue, due_ms);
    }
    let mut state = broker.pop.state.lock();
    acknowledge_in(broker, &mut state, key, &[offset], (revive_queue, due_ms))?;
    broker.pop.has_unwritten.store(!state.unwritten.is_empty(), Ordering::Release);
    Ok(())
}

/// Brings what was acknowledged into the journal, which whoever has acknowledged something must do before the client is told. Where that
/// fails, it is tried again with the next acknowledgement, which is refused if it fails once more; the messages come again after a restart
/// that is before that.
pub(crate) fn write_acknowledged(broker: &Broker) {
    if broker.pop.has_unwritten.load(Ordering::Acquire)
        && let Err(error) = write_soon(broker, &mut broker.pop.state.lock())
    {
        tracing::error!(
            "messages that were acknowledged come again after a restart, unless a later one can be kept: {error}"
        );
    }
}

fn write_soon(broker: &Broker, state: &mut PopState) -> Result<(), PutError> {
    let mut written = Ok(());
    // Until they are in the journal they stay, so that no second acknowledgement of the same message counts as kept.
    while let Some((queue, key, offsets)) = state.unwritten.last().cloned() {
        written = journal::append(broker, state, queue, &Entry::Ack { key, offsets }).map(drop);
        if written.is_err() {
            break;
        }
        state.unwritten.pop();
    }
    broker.pop.journal_fails.store(written.is_err(), Ordering::Relaxed);
    // Last: whoever finds nothing left to write may tell its client.
    broker.pop.has_unwritten.store(false, Ordering::Release);
    written
}

fn acknowledge_in(
    broker: &Broker,
    state: &mut PopState,
    key: &DeliveryKey,
    offsets: &[i64],
    (revive_queue, due_ms): (i32, i64),
) -> Result<(), Refusal> {
    let now_ms = broker.clock.now_ms();
    let in_flight: Vec<i64> =
        offsets.iter().copied().filter(|offset| state.in_flight.find(key, *offset).is_some()).collect();
    broker.statistics.acknowledged(&key.place.topic, &key.place.group, in_flight.len(), now_ms);
    if let Some(first) = in_flight.first().and_then(|first| state.in_flight.find(key, *first)) {
        let queue = first.at.queue;
        for offset in &in_flight {
            state.in_flight.acknowledge(key, *offset);
        }
        match state.unwritten.iter_mut().rev().find(|(_, known, _)| known == key) {
            Some((_, _, offsets)) => offsets.extend(&in_flight),
            None => state.unwritten.push((queue, key.clone(), in_flight.clone())),
        }
    }
    let others: Vec<i64> = offsets.iter().copied().filter(|offset| !in_flight.contains(offset)).collect();
    let is_journal_queue = (0..broker.config.get().revive_queue_num).contains(&revive_queue);
    // What this run handed out is known: these have been acknowledged, or handed out again. Of what was handed out before it, an
    // Apache broker may have a checkpoint among its timers still, which comes when its time is up.
    let may_come = key.pop_ms < broker.pop.started_ms && due_ms > now_ms && is_journal_queue;
    if may_come && !others.is_empty() {
        let entry = Entry::Ack { key: key.clone(), offsets: others.clone() };
        // Once for us, who may have to know it before, and once for an Apache broker, should one go on with these files.
        journal::append_at(broker, revive_queue, &entry, due_ms)?;
        let at = journal::append(broker, state, revive_queue, &entry)?;
        let until_ms = due_ms.saturating_add(EARLY_PATIENCE_MS);
        state.in_flight.keep(at, until_ms);
        for offset in others {
            state.in_flight.acknowledge_early(key.clone(), offset, until_ms);
        }
    }
    Ok(())
}

/// Acknowledges a message that was popped in order.
pub(super) fn acknowledge_ordered(
    broker: &Arc<Broker>,
    peer: SocketAddr,
    place: &Place,
    offset: i64,
    pop_ms: i64,
) -> Result<(), Refusal> {
    let (topic, group, queue) = (&*place.topic, &*place.group, place.queue);
    let is_open = {
        let mut state = broker.pop.state.lock();
        let committed = broker.offsets.read().query(group, topic, queue).unwrap_or(-1);
        if offset < committed {
            return Ok(());
        }
        match state.order.acknowledge(place, offset, pop_ms) {
            Committed::Next(next) => {
                if !broker.offsets.read().has_reset(group, topic, queue) {
                    broker.offsets.write().commit(group, topic, queue, next);
                }
                if lite::parts(topic).is_some() {
                    // There may be very many of them.
                    state.order.clear_done(place);
                }
                take::append_order(broker, &mut state, place, next)?;
                !state.order.is_blocked(place, None, broker.clock.now_ms())
            }
            Committed::Stale => false,
            Committed::Unknown => {
                let remark = format!(
                    "offset is illegal, key:{topic}@{group}@{queue}, old:{committed}, commit:{offset}, next:-1, {peer}"
                );
                return Err(Refusal::illegal(remark));
            }
        }
    };
    broker.statistics.acknowledged(topic, group, 1, broker.clock.now_ms());
    if is_open {
        wake_place(broker, place);
    }
    Ok(())
}

/// What is to become of a message in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) offset: i64,
    /// For how long it is hidden, from now on, in milliseconds.
    pub(crate) invisible_ms: i64,
    /// The consumer was not ready rather than unable: another delivery does not count as an attempt.
    pub(crate) suspended: bool,
}

/// The delivery that a changed message belongs to from then on, as its new handle tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) start: i64,
    pub(crate) pop_ms: i64,
    pub(crate) invisible_ms: i64,
    pub(crate) revive_queue: i32,
}

/// CHANGE_MESSAGE_INVISIBLETIME.
pub(crate) fn change_invisible_time(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let changed = || -> Result<ChangeInvisibleTimeResponse, Refusal> {
        let header = ChangeInvisibleTimeRequest::decode(&request.header.fields)?;
        let topic = &*place_of(header.topic, header.lite_topic);
        check::check_handed_out(broker, request.connection.peer(), topic, header.queue_id)?;
        let Handle { start, pop_ms, revive_queue, .. } = Handle::parse(header.extra_info)?;
        let place = Place::new(topic, header.consumer_group, header.queue_id);
        let key = DeliveryKey { place, start, pop_ms };
        let change = Change { offset: header.offset, invisible_ms: header.invisible_time, suspended: header.suspend };
        let Changed { pop_ms, invisible_ms, revive_queue, .. } = change_any(broker, &key, revive_queue, change)?;
        Ok(ChangeInvisibleTimeResponse { pop_time: pop_ms, invisible_time: invisible_ms, revive_qid: revive_queue })
    };
    match changed() {
        Ok(answer) => reply.give(Ok(answer)),
        Err(refusal) => {
            // Java's client reads the header before it looks at the code.
            let nothing = ChangeInvisibleTimeResponse { pop_time: 0, invisible_time: 0, revive_qid: 0 };
            reply.respond(refusal.code, Some(&refusal.remark), &nothing, Body::Empty);
        }
    }
}

/// Changes the time of a message that was popped, in order or not, as the handle's journal queue tells.
pub(super) fn change_any(
    broker: &Broker,
    key: &DeliveryKey,
    revive_queue: i32,
    change: Change,
) -> Result<Changed, Refusal> {
    let (min, max) = bounds(broker, &key.place.topic, key.place.queue);
    if !(min..max).contains(&change.offset) {
        return Err(no_message(&key.place, change.offset));
    }
    if revive_queue == ORDERED { change_ordered(broker, key, change) } else { self::change(broker, key, change) }
}

/// Changes the time of a message that was not popped in order; its handle is stale from then on.
pub(super) fn change(broker: &Broker, key: &DeliveryKey, change: Change) -> Result<Changed, Refusal> {
    let Change { offset, invisible_ms, suspended } = change;
    let mut state = broker.pop.state.lock();
    let found = state.in_flight.find(key, offset).map(|delivery| (delivery.pop_ms, delivery.at.queue));
    let Some((popped_ms, queue)) = found else { return Err(no_message(&key.place, offset)) };
    // Later than the POP that it takes the place of, so that the two can be told apart.
    let pop_ms = broker.clock.now_ms().max(popped_ms + 1);
    let checkpoint = Checkpoint {
        place: key.place.clone(),
        start: offset,
        pop_ms,
        invisible_ms: invisible_ms.max(0),
        offsets: vec![offset],
        suspended,
        holder: None,
    };
    let at = journal::append(broker, &mut state, queue, &Entry::Checkpoint(checkpoint.clone()))?;
    state.in_flight.take(&checkpoint, at);
    // For Apache's broker; here the later checkpoint has taken the place of the earlier one already.
    journal::append(broker, &mut state, queue, &Entry::Ack { key: key.clone(), offsets: vec![offset] })?;
    Ok(Changed { start: offset, pop_ms, invisible_ms: checkpoint.invisible_ms, revive_queue: queue })
}

/// Changes the time of a message that was popped in order; its handle stays valid.
pub(super) fn change_ordered(broker: &Broker, key: &DeliveryKey, change: Change) -> Result<Changed, Refusal> {
    let place = &key.place;
    let mut state = broker.pop.state.lock();
    let committed = broker.offsets.read().query(&place.group, &place.topic, place.queue).unwrap_or(-1);
    let visible_ms = broker.clock.now_ms().saturating_add(change.invisible_ms.max(0));
    if change.offset < committed || !state.order.change(place, change.offset, key.pop_ms, visible_ms) {
        return Err(no_message(place, change.offset));
    }
    take::append_order(broker, &mut state, place, committed)?;
    let invisible_ms = visible_ms - key.pop_ms;
    Ok(Changed { start: key.start, pop_ms: key.pop_ms, invisible_ms, revive_queue: ORDERED })
}

fn no_message(place: &Place, offset: i64) -> Refusal {
    let Place { topic, queue, .. } = place;
    let remark = format!("message {offset} of {topic}@{queue} is not in flight under this handle");
    Refusal::new(ResponseCode::NO_MESSAGE, remark)
}

pub(super) fn bounds(broker: &Broker, topic: &str, queue: i32) -> (i64, i64) {
    let min = broker.store.min_offset(topic, QueueId(queue)).unwrap_or_default();
    let max = broker.store.max_offset(topic, QueueId(queue)).unwrap_or_default();
    (min.0, max.0)
}
