//! Taking messages for a POP: out of a topic's queues and of the group's retries, noting in the journal who has them.

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::TopicConfig;
use bolide_store::light::offset_in;
use bolide_store::{PutError, QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;
use parking_lot::MutexGuard;

use super::entry::{Entry, OrderEntry};
use super::handle::ORDERED;
use super::in_flight::{Checkpoint, Holder, Place};
use super::order::{DeliveryCounts, OrderedPop};
use super::retry_topic::{self, TopicKind};
use super::waiting::Scope;
use super::{journal, lite, revive_topic};
use crate::broker::Broker;
use crate::filter::Subscription;
use crate::message::records;
use crate::quota::{self, Party, Traffic};
use crate::refusal::Refusal;
use crate::statistics::Got;
use crate::topic::message_type::MessageType;

/// How long a POP waits on its connection's task for another one that reads the same queue.
const TURN_PATIENCE: Duration = Duration::from_micros(500);
/// How many reads one POP makes of a queue in search of a message that meets the group's condition.
const MAX_READS: usize = 32;

/// A POP that has passed all checks.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) party: Party<String>,
    pub(crate) scope: Scope,
    /// Negative: any queue.
    pub(crate) queue: i32,
    pub(crate) max_messages: usize,
    pub(crate) invisible_ms: i64,
    /// Until when it may wait.
    pub(crate) deadline_ms: i64,
    pub(crate) may_wait: bool,
    pub(crate) from_oldest: bool,
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) ordered: bool,
    pub(crate) attempt: Option<String>,
    /// The client for which the broker renews what it takes, where that is wanted.
    pub(crate) holder: Option<Arc<str>>,
    /// The client that takes from the lite topics it has subscribed to, and from no queue of the topic itself.
    pub(crate) lite_client: Option<Arc<str>>,
}

/// Where messages may be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// From memory: the thread must not wait.
    Memory,
    /// From the disk, too.
    Disk,
}

/// Why nothing could be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Put(#[from] PutError),
}

impl From<TakeError> for Refusal {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Read(error) => error.into(),
            TakeError::Put(error) => error.into(),
        }
    }
}

/// What one POP has taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) pop_ms: i64,
    pub(crate) revive_queue: i32,
    pub(crate) batches: Vec<Batch>,
    pub(crate) count: usize,
    /// How many messages are left in the queues that were looked at.
    pub(crate) rest: i64,
}

/// Messages that one POP has taken from one queue.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) place: Place,
    /// Where the read began.
    pub(crate) start: i64,
    pub(crate) offsets: Vec<i64>,
    /// As they are stored.
    pub(crate) records: Vec<Bytes>,
    /// How often they were delivered before, where they are consumed in order.
    pub(crate) counts: Option<DeliveryCounts>,
}

/// Whether there is a message for the group that nobody has yet, apart from what it wants to see.
pub(super) fn has_message(broker: &Broker, scope: &Scope, queue: i32, attempt: Option<&str>) -> bool {
    let config = broker.config.get();
    let has = |topic: &TopicConfig, queue: i32| {
        let place = Place::new(&topic.topic_name, &scope.group, queue);
        let committed = broker.offsets.read().query(&scope.group, &topic.topic_name, queue);
        let offset = committed
            .unwrap_or_else(|| broker.store.min_offset(&topic.topic_name, QueueId(queue)).unwrap_or_default().0);
        broker.store.max_offset(&topic.topic_name, QueueId(queue)).is_some_and(|max| max.0 > offset)
            && !broker.pop.state.lock().order.is_blocked(&place, attempt, broker.clock.now_ms())
            && !has_too_many(&config, broker, &place)
    };
    let topic = broker.topics.get(&scope.topic);
    let retries = [retry_topic::v1(&scope.topic, &scope.group), retry_topic::v2(&scope.topic, &scope.group)];
    let retries = retries.iter().filter_map(|topic| broker.topics.get(topic));
    topic.is_some_and(|topic| match queue {
        0.. => has(&topic, queue),
        _ => (0..topic.read_queue_nums).any(|queue| has(&topic, queue)),
    }) || retries.into_iter().any(|topic| (0..topic.read_queue_nums).any(|queue| has(&topic, queue)))
}

/// Whether the group must first acknowledge some of what it has.
fn has_too_many(config: &crate::config::BrokerConfig, broker: &Broker, place: &Place) -> bool {
    let limit = usize::try_from(config.pop_inflight_message_threshold).unwrap_or(usize::MAX);
    config.enable_pop_message_threshold && broker.pop.state.lock().in_flight.count(place) > limit
}

/// Takes messages for a POP. An error after something was taken only ends the taking.
pub(super) fn take(broker: &Broker, wanted: &Wanted, reading: Reading) -> Result<Taken, TakeError> {
    if let Some(client) = &wanted.lite_client {
        return lite::take(broker, wanted, client, reading);
    }
    let config = broker.config.get();
    let lot = broker.pop.next_lot();
    let revive_queue = if wanted.ordered { ORDERED } else { broker.pop.next_journal_queue(config.revive_queue_num) };
    let mut taken = Taken { pop_ms: broker.clock.now_ms(), revive_queue, ..Taken::default() };
    let mut retried = None;
    for (topic, queue) in queues_in_turn(broker, &wanted.scope, wanted.queue, wanted.ordered, lot) {
        let kind = TopicKind::of(&topic.topic_name);
        // A client tells messages that come again from others, but not the two kinds of topics that they come from.
        let is_other_kind = |first: TopicKind| first != kind;
        if kind != TopicKind::Normal && retried.is_some_and(is_other_kind) {
            continue;
        }
        let (place, before) = (Place::new(&topic.topic_name, &wanted.scope.group, queue), taken.count);
        match take_from(broker, wanted, &place, reading, &mut taken) {
            Ok(()) => {}
            Err(_) if taken.count > 0 => break,
            Err(error) => return Err(error),
        }
        if kind != TopicKind::Normal && taken.count > before {
            retried = Some(kind);
        }
    }
    Ok(taken)
}

/// The queues that a POP looks into, the first one first. `lot` is a number below 100 by which POPs differ.
pub(super) fn queues_in_turn(
    broker: &Broker,
    scope: &Scope,
    queue: i32,
    ordered: bool,
    lot: i32,
) -> Vec<(Arc<TopicConfig>, i32)> {
    let config = broker.config.get();
    let topic = broker.topics.get(&scope.topic);
    let retries = if ordered { Vec::new() } else { retry_topics(broker, scope, lot) };
    let by_priority = !ordered && topic.as_ref().is_some_and(|topic| goes_by_priority(broker, scope, topic, lot));
    let (first_lot, retry_percent) = match by_priority {
        true => (0, config.pop_from_retry_probability_for_priority),
        false => (lot, config.pop_from_retry_probability),
    };
    let retry_first = lot < retry_percent;
    let all = |topic: &Arc<TopicConfig>| {
        let (topic, queues) = (topic.clone(), topic.read_queue_nums.max(0));
        let from_last = config.priority_order_asc;
        let place = move |index| if from_last { queues - 1 - index } else { index };
        (0..queues).map(move |index| (topic.clone(), (place(index) + first_lot) % queues))
    };
    let mut turns = Vec::new();
    turns.extend(retries.iter().filter(|_| retry_first).flat_map(&all));
    match (&topic, queue) {
        (Some(topic), 0..) => turns.push((topic.clone(), queue)),
        (topic, _) => turns.extend(topic.iter().flat_map(&all)),
    }
    turns.extend(retries.iter().filter(|_| !retry_first).flat_map(&all));
    turns
}

/// Whether a POP looks for the most urgent message first: on topics that are meant for that, as often as the group wants
/// (its attribute `priority.factor`, a percentage).
fn goes_by_priority(broker: &Broker, scope: &Scope, topic: &TopicConfig, lot: i32) -> bool {
    if MessageType::of_topic(topic) != MessageType::Priority {
        return false;
    }
    let group = broker.groups.get(&scope.group);
    let factor = group.and_then(|group| group.attributes.get("priority.factor")?.parse().ok());
    lot < factor.unwrap_or(100)
}

/// The retry topics that a POP looks into: with the second naming in use also those of the first, which come before the others
/// every other time.
fn retry_topics(broker: &Broker, scope: &Scope, lot: i32) -> Vec<Arc<TopicConfig>> {
    let config = broker.config.get();
    let Scope { topic, group } = scope;
    let mut names = vec![retry_topic::v1(topic, group)];
    if config.enable_retry_topic_v2 {
        if !config.retrieve_message_from_pop_retry_topic_v1 {
            names.clear();
        }
        names.insert(if lot % 2 == 0 { names.len() } else { 0 }, retry_topic::v2(topic, group));
    }
    names.iter().filter_map(|name| broker.topics.get(name)).collect()
}

pub(super) fn take_from(
    broker: &Broker,
    wanted: &Wanted,
    place: &Place,
    reading: Reading,
    taken: &mut Taken,
) -> Result<(), TakeError> {
    let _turn = turn(broker, place, reading)?;
    let (topic, group, queue) = (&*place.topic, &*place.group, QueueId(place.queue));
    let reset = reset_offset(broker, place);
    // Asked before the offset is: an acknowledgement in between opens the queue and moves the offset, and what it acknowledged must
    // not be handed out once more.
    if wanted.ordered
        && broker.pop.state.lock().order.is_blocked(place, wanted.attempt.as_deref(), broker.clock.now_ms())
    {
        return Ok(());
    }
    let mut offset = reset.unwrap_or_else(|| first_offset(broker, wanted, place));
    let room = wanted.max_messages.saturating_sub(taken.count);
    if room == 0 || has_too_many(&broker.config.get(), broker, place) {
        let max = broker.store.max_offset(topic, queue).unwrap_or_default();
        taken.rest += (max.0 - offset).max(0);
        return Ok(());
    }
    let mut found = read(broker, wanted, place, offset, room, reading)?;
    if matches!(found.status, ReadStatus::TooSmall | ReadStatus::OverflowBadly | ReadStatus::Removed) {
        // Retention removed what the group had not got to, or an operator set an offset that the queue does not have.
        offset = found.next_offset.0;
        broker.offsets.write().commit(group, topic, place.queue, offset);
        found = read(broker, wanted, place, offset, room, reading)?;
    }
    let mut wanted_records = matching(&wanted.subscription, &found);
    for _ in 0..MAX_READS {
        if found.status != ReadStatus::Found || !wanted_records.is_empty() {
            break;
        }
        // None of these meets the group's condition: on to the next.
        let next = found.next_offset.0;
        broker.offsets.write().commit(group, topic, place.queue, next);
        offset = next;
        found = read(broker, wanted, place, offset, room, reading)?;
        wanted_records = matching(&wanted.subscription, &found);
    }
    match found.status {
        ReadStatus::Found if !wanted_records.is_empty() => {
            let source = Source { place, start: offset, next: found.next_offset.0 };
            hand_out(broker, wanted, &source, wanted_records, taken)?;
        }
        ReadStatus::Found | ReadStatus::NoMatched => {
            broker.offsets.write().commit(group, topic, place.queue, found.next_offset.0);
        }
        _ => return Ok(()),
    }
    taken.rest += (found.max_offset.0 - found.next_offset.0).max(0);
    Ok(())
}

/// The slices of a read that the group wants to see; neighbours stay together where all of them do.
fn matching(subscription: &Subscription, found: &QueueRead) -> Vec<Bytes> {
    if !subscription.looks_at_messages() {
        return found.records.clone();
    }
    let wanted = records(&found.records).filter(|(_, view)| subscription.matches(view));
    wanted.map(|(record, _)| record).collect()
}

/// Where messages come from.
struct Source<'a> {
    place: &'a Place,
    /// Where the read began.
    start: i64,
    /// Where the next one begins.
    next: i64,
}

/// Waits until no other POP reads the queue for the group.
fn turn<'a>(broker: &'a Broker, place: &Place, reading: Reading) -> Result<MutexGuard<'a, ()>, ReadError> {
    let hash = bolide_store::record::java_hash(&place.topic)
        ^ bolide_store::record::java_hash(&place.group).rotate_left(7)
        ^ place.queue;
    let turn = &broker.pop.turns[hash.unsigned_abs() as usize % broker.pop.turns.len()];
    match reading {
        Reading::Memory => turn.try_lock_for(TURN_PATIENCE).ok_or(ReadError::Cold),
        Reading::Disk => Ok(turn.lock()),
    }
}

/// Where an operator set the group's offset since the last POP; what the group had is forgotten then.
fn reset_offset(broker: &Broker, place: &Place) -> Option<i64> {
    let (topic, group, queue) = (&*place.topic, &*place.group, place.queue);
    if !broker.offsets.read().has_reset(group, topic, queue) {
        return None;
    }
    let reset = broker.offsets.write().take_reset(group, topic, queue);
    reset.inspect(|_| broker.pop.state.lock().order.clear(place))
}

/// Where to begin: where the group has got to, else by the client's wish.
fn first_offset(broker: &Broker, wanted: &Wanted, place: &Place) -> i64 {
    let (topic, group, queue) = (&*place.topic, &*place.group, place.queue);
    if let Some(offset) = broker.offsets.read().query(group, topic, queue) {
        return offset;
    }
    let min = broker.store.min_offset(topic, QueueId(queue)).unwrap_or_default();
    let max = broker.store.max_offset(topic, QueueId(queue)).unwrap_or_default();
    let all_in_memory = || {
        broker.config.get().init_pop_offset_by_check_msg_in_mem
            && min.0 <= 0
            && broker.store.is_in_memory(topic, QueueId(queue), QueueOffset(0))
    };
    let offset = if wanted.from_oldest || TopicKind::of(topic) != TopicKind::Normal {
        min.0
    } else if all_in_memory() {
        0
    } else {
        (max.0 - 1).max(0)
    };
    broker.offsets.write().commit(group, topic, queue, offset);
    offset
}

fn read(
    broker: &Broker,
    wanted: &Wanted,
    place: &Place,
    offset: i64,
    room: usize,
    reading: Reading,
) -> Result<QueueRead, ReadError> {
    let accepts = |tags_code| wanted.subscription.accepts(tags_code);
    let limits = ReadLimits { max_messages: room, max_bytes: usize::MAX };
    let (topic, queue, offset) = (&*place.topic, QueueId(place.queue), QueueOffset(offset));
    match reading {
        Reading::Memory => broker.store.read_queue(topic, queue, offset, limits, &accepts),
        Reading::Disk => broker.store.read_queue_blocking(topic, queue, offset, limits, &accepts),
    }
}

/// Notes in the journal who has the messages, moves the group's offset, and adds them to what was taken.
fn hand_out(
    broker: &Broker,
    wanted: &Wanted,
    source: &Source<'_>,
    records: Vec<Bytes>,
    taken: &mut Taken,
) -> Result<(), PutError> {
    let &Source { place, start, next } = source;
    let offsets: Vec<i64> = self::records(&records).map(|(_, view)| offset_in(&view, &place.topic).0).collect();
    let counts = if wanted.ordered {
        Some(note_ordered(broker, wanted, place, start, &offsets, taken.pop_ms)?)
    } else {
        let checkpoint = Checkpoint {
            place: place.clone(),
            start,
            pop_ms: taken.pop_ms,
            invisible_ms: wanted.invisible_ms,
            offsets: offsets.clone(),
            suspended: false,
            holder: wanted.holder.clone().map(Holder::new),
        };
        let mut state = broker.pop.state.lock();
        let at = journal::append(broker, &mut state, taken.revive_queue, &Entry::Checkpoint(checkpoint.clone()))?;
        state.in_flight.take(&checkpoint, at);
        broker.statistics.noted_checkpoint(&place.topic, &place.group, taken.pop_ms);
        broker.offsets.write().commit(&place.group, &place.topic, place.queue, next);
        None
    };
    taken.count += offsets.len();
    let bytes = records.iter().map(Bytes::len).sum();
    let got = Got { topic: &place.topic, group: &place.group, messages: offsets.len(), bytes };
    broker.statistics.got(got, taken.pop_ms);
    let traffic = Traffic::Read { group: &wanted.scope.group, topic: &wanted.scope.topic };
    quota::charge(broker, &wanted.party, traffic, got.messages, got.bytes);
    taken.batches.push(Batch { place: place.clone(), start, offsets, records, counts });
    Ok(())
}

fn note_ordered(
    broker: &Broker,
    wanted: &Wanted,
    place: &Place,
    start: i64,
    offsets: &[i64],
    pop_ms: i64,
) -> Result<DeliveryCounts, PutError> {
    let pop = OrderedPop {
        attempt: wanted.attempt.as_deref(),
        pop_ms,
        invisible_ms: wanted.invisible_ms,
        holder: wanted.holder.as_deref(),
    };
    let mut state = broker.pop.state.lock();
    let counts = state.order.take(place, &pop, offsets, broker.clock.now_ms());
    if let Err(error) = append_order(broker, &mut state, place, start) {
        state.order.clear(place);
        return Err(error);
    }
    broker.offsets.write().commit(&place.group, &place.topic, place.queue, start);
    Ok(counts)
}

/// Notes in the journal where an ordered POP stands. Entries of one place all go to one queue, so that they keep their order.
pub(super) fn append_order(
    broker: &Broker,
    state: &mut super::PopState,
    place: &Place,
    committed: i64,
) -> Result<(), PutError> {
    let order = OrderEntry {
        topic: place.topic.to_string(),
        group: place.group.to_string(),
        queue: place.queue,
        committed,
        info: state.order.get(place).cloned(),
    };
    let queues = broker.topics.get(&revive_topic(&broker.config.get())).map_or(1, |topic| topic.write_queue_nums);
    let hash = bolide_store::record::java_hash(&format!("{}@{}@{}", place.topic, place.group, place.queue));
    journal::append(broker, state, hash.rem_euclid(queues.max(1)), &Entry::Order(order)).map(drop)
}

#[cfg(test)]
pub(super) mod tests;
