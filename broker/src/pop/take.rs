//! POP_MESSAGE: takes messages out of a topic's queues and of the group's retries, and waits for some where there are none.

use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::TopicConfig;
use bolide_remoting::header::{PopMessageRequest, PopMessageResponse};
use bolide_remoting::{Body, Parked, Reply, Request, ResponseCode};
use bolide_store::{Arrival, PutError, QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;
use parking_lot::MutexGuard;

use super::check::{self, Subject};
use super::entry::{Entry, OrderEntry};
use super::handle::{Handle, ORDERED, OffsetInfo};
use super::in_flight::{Checkpoint, Place};
use super::order::OrderedPop;
use super::retry_topic::{self, TopicKind};
use super::waiting::{Full, Scope};
use super::{journal, relabel, revive_topic};
use crate::broker::Broker;
use crate::filter::Subscription;
use crate::message::records;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::send::properties::key;

/// How many messages one POP may take: as many as a checkpoint has bits for.
const MAX_MESSAGES: i32 = 32;
/// How much later than it wanted to wait a client's request may come; it has given up then.
const MAX_LATE_MS: i64 = 500;
/// How long a POP waits on its connection's task for another one that reads the same queue.
const TURN_PATIENCE: Duration = Duration::from_micros(500);
/// How many reads one POP makes of a queue in search of a message that meets the group's condition.
const MAX_READS: usize = 32;
/// How often a POP that is about to wait looks whether a message has come meanwhile.
const LOOKS: usize = 3;

/// A POP that has passed all checks.
#[derive(Debug)]
struct Wanted {
    scope: Scope,
    /// Negative: any queue.
    queue: i32,
    max_messages: usize,
    invisible_ms: i64,
    /// Until when it may wait.
    deadline_ms: i64,
    may_wait: bool,
    from_oldest: bool,
    subscription: Arc<Subscription>,
    ordered: bool,
    attempt: Option<String>,
}

/// A POP that waits for a message, with what it takes to answer it.
pub(super) struct HeldPop {
    wanted: Wanted,
    reply: Parked,
}

/// Where messages may be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// From memory: the thread must not wait.
    Memory,
    /// From the disk, too.
    Disk,
}

/// Why nothing could be taken.
#[derive(Debug, thiserror::Error)]
enum TakeError {
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
struct Taken {
    pop_ms: i64,
    revive_queue: i32,
    info: OffsetInfo,
    records: Vec<Bytes>,
    count: usize,
    /// How many messages are left in the queues that were looked at.
    rest: i64,
}

/// POP_MESSAGE.
pub(crate) fn pop(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let wanted = match checked(broker, request) {
        Ok(wanted) => wanted,
        Err(refusal) => return reply.refuse(refusal),
    };
    match take(broker, &wanted, Reading::Memory) {
        Ok(taken) if taken.count > 0 => {
            let more = taken.rest > 0;
            answer(&wanted, taken, reply);
            if more {
                wake_one(broker, &wanted.scope, wanted.queue);
            }
        }
        Ok(taken) => hold(broker, HeldPop { wanted, reply: reply.park() }, &taken, LOOKS),
        Err(TakeError::Read(ReadError::Cold)) => take_from_disk(broker, HeldPop { wanted, reply: reply.park() }),
        Err(error) => reply.refuse(error),
    }
}

fn checked(broker: &Broker, request: &Request<'_>) -> Result<Wanted, Refusal> {
    let header = PopMessageRequest::decode(&request.header.fields)?;
    let now_ms = broker.clock.now_ms();
    let born_ms = if header.born_time == 0 { now_ms } else { header.born_time };
    let address = &broker.config.get().broker_ip1;
    if now_ms.saturating_sub(born_ms).saturating_sub(header.poll_time) > MAX_LATE_MS {
        let remark = format!("the broker[{address}] pop message is timeout too much");
        return Err(Refusal::new(ResponseCode::POLLING_TIMEOUT, remark));
    }
    if header.max_msg_nums > MAX_MESSAGES {
        return Err(Refusal::invalid(format!("the broker[{address}] pop message's num is greater than {MAX_MESSAGES}")));
    }
    let subject = Subject { group: header.consumer_group, topic: header.topic, queue: header.queue_id };
    check::check(broker, request, "pop message", subject)?;
    Ok(Wanted {
        scope: Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() },
        queue: header.queue_id,
        max_messages: usize::try_from(header.max_msg_nums).unwrap_or(0).max(1),
        invisible_ms: header.invisible_time.max(0),
        deadline_ms: born_ms.saturating_add(header.poll_time),
        may_wait: header.poll_time > 0,
        from_oldest: header.init_mode == 0,
        subscription: check::subscription(broker, header.topic, header.exp, header.exp_type)?,
        ordered: header.order.unwrap_or(false),
        attempt: header.attempt_id.filter(|attempt| !attempt.is_empty()).map(str::to_owned),
    })
}

fn answer(wanted: &Wanted, taken: Taken, reply: impl Respond) {
    let (code, remark) = match taken.count {
        0 => (ResponseCode::POLLING_TIMEOUT, ReadStatus::NoMessage.name()),
        _ => (ResponseCode::SUCCESS, ReadStatus::Found.name()),
    };
    respond(wanted, taken, code, remark, reply);
}

fn respond(wanted: &Wanted, taken: Taken, code: ResponseCode, remark: &str, reply: impl Respond) {
    let header = PopMessageResponse {
        pop_time: taken.pop_ms,
        invisible_time: wanted.invisible_ms,
        revive_qid: taken.revive_queue,
        rest_num: taken.rest,
        start_offset_info: Some(&taken.info.start),
        msg_offset_info: Some(&taken.info.messages),
        order_count_info: wanted.ordered.then_some(&taken.info.order_counts),
    };
    reply.respond(code, Some(remark), &header, Body::Many(taken.records));
}

/// Lets a POP that found nothing wait, if it may.
fn hold(broker: &Arc<Broker>, held: HeldPop, found: &Taken, looks: usize) {
    let nothing = |found: &Taken| Taken { pop_ms: found.pop_ms, revive_queue: found.revive_queue, ..Taken::default() };
    let wanted = &held.wanted;
    if !wanted.may_wait || wanted.deadline_ms <= broker.clock.now_ms() {
        return answer(wanted, nothing(found), held.reply);
    }
    let (scope, queue, deadline_ms) = (wanted.scope.clone(), wanted.queue, wanted.deadline_ms);
    let retries = [retry_topic::v1(&scope.topic, &scope.group), retry_topic::v2(&scope.topic, &scope.group)];
    let refused = broker.pop.pops.lock().hold(&scope, queue, retries, deadline_ms, held).err();
    if let Some(Full(HeldPop { wanted, reply })) = refused {
        return respond(&wanted, nothing(found), ResponseCode::POLLING_FULL, ReadStatus::NoMessage.name(), reply);
    }
    // A message may have come between the read and now, when nobody was waiting for it yet.
    if looks > 0 && has_message(broker, &scope, queue, None) {
        let missed = broker.pop.pops.lock().first(&scope, queue);
        if let Some(held) = missed {
            resume(broker, held, looks - 1);
        }
    }
}

/// Goes on with a POP that waited, or was set aside. Answers whether it took something and left more.
fn resume(broker: &Arc<Broker>, held: HeldPop, looks: usize) -> bool {
    if !held.reply.connection().is_open() {
        // Nobody is there: another one shall have the message.
        held.reply.forget();
        return true;
    }
    match take(broker, &held.wanted, Reading::Memory) {
        Ok(taken) if taken.count > 0 => {
            let more = taken.rest > 0;
            answer(&held.wanted, taken, held.reply);
            return more;
        }
        Ok(taken) => hold(broker, held, &taken, looks),
        Err(TakeError::Read(ReadError::Cold)) => take_from_disk(broker, held),
        Err(error) => held.reply.refuse(error),
    }
    false
}

/// The data is on disk only, or another POP has its turn: a thread that may wait takes over.
fn take_from_disk(broker: &Arc<Broker>, held: HeldPop) {
    let broker = broker.clone();
    tokio::task::spawn_blocking(move || match take(&broker, &held.wanted, Reading::Disk) {
        Ok(taken) if taken.count > 0 => {
            let more = taken.rest > 0;
            answer(&held.wanted, taken, held.reply);
            if more {
                wake_one(&broker, &held.wanted.scope, held.wanted.queue);
            }
        }
        Ok(taken) => hold(&broker, held, &taken, LOOKS),
        Err(error) => held.reply.refuse(error),
    });
}

/// A message has arrived.
pub(super) fn wake(broker: &Arc<Broker>, arrival: &Arrival) {
    if broker.pop.pops.lock().is_empty() {
        return;
    }
    let wants = |held: &HeldPop| held.wanted.subscription.accepts(arrival.tags_code);
    let ready = broker.pop.pops.lock().arrived(&arrival.topic, arrival.queue.0, wants);
    for held in ready {
        let (scope, queue) = (held.wanted.scope.clone(), held.wanted.queue);
        if resume(broker, held, LOOKS) {
            wake_one(broker, &scope, queue);
        }
    }
}

/// There is something left for others who wait for the same.
pub(super) fn wake_one(broker: &Arc<Broker>, scope: &Scope, queue: i32) {
    loop {
        let next = broker.pop.pops.lock().first(scope, queue);
        let Some(held) = next else { return };
        if !resume(broker, held, LOOKS) {
            return;
        }
    }
}

/// Answers POPs whose patience has ended, with what there is by now.
pub(super) fn expire(broker: &Arc<Broker>, now_ms: i64) {
    let expired = broker.pop.pops.lock().expired(now_ms);
    for held in expired {
        resume(broker, held, 0);
    }
}

/// Answers all POPs that wait, for the broker stops.
pub(super) fn drain(broker: &Broker) {
    let waiting = broker.pop.pops.lock().drain();
    for HeldPop { wanted, reply } in waiting {
        let taken = Taken { pop_ms: broker.clock.now_ms(), ..Taken::default() };
        answer(&wanted, taken, reply);
    }
}

/// Whether there is a message for the group that nobody has yet, apart from what it wants to see.
pub(super) fn has_message(broker: &Broker, scope: &Scope, queue: i32, attempt: Option<&str>) -> bool {
    let config = broker.config.get();
    let has = |topic: &TopicConfig, queue: i32| {
        let place = Place::new(&topic.topic_name, &scope.group, queue);
        let committed = broker.offsets.read().query(&scope.group, &topic.topic_name, queue);
        let offset =
            committed.unwrap_or_else(|| broker.store.min_offset(&topic.topic_name, QueueId(queue)).unwrap_or_default().0);
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
fn take(broker: &Broker, wanted: &Wanted, reading: Reading) -> Result<Taken, TakeError> {
    let config = broker.config.get();
    let lot = broker.pop.count(100);
    let revive_queue = if wanted.ordered { ORDERED } else { broker.pop.count(config.revive_queue_num) };
    let mut taken = Taken { pop_ms: broker.clock.now_ms(), revive_queue, ..Taken::default() };
    let retry = if wanted.ordered { None } else { retry_topic_for(broker, wanted, lot) };
    let retry_first = lot < config.pop_from_retry_probability;
    let topic = broker.topics.get(&wanted.scope.topic);
    let mut steps: Vec<(Arc<TopicConfig>, i32)> = Vec::new();
    let all = |topic: &Arc<TopicConfig>| {
        let (topic, queues) = (topic.clone(), topic.read_queue_nums.max(0));
        (0..queues).map(move |index| (topic.clone(), (index + lot) % queues))
    };
    steps.extend(retry.iter().filter(|_| retry_first).flat_map(&all));
    match (&topic, wanted.queue) {
        (Some(topic), queue @ 0..) => steps.push((topic.clone(), queue)),
        (topic, _) => steps.extend(topic.iter().flat_map(&all)),
    }
    steps.extend(retry.iter().filter(|_| !retry_first).flat_map(&all));
    for (topic, queue) in steps {
        let place = Place::new(&topic.topic_name, &wanted.scope.group, queue);
        match take_from(broker, wanted, &place, reading, &mut taken) {
            Ok(()) => {}
            Err(_) if taken.count > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// The retry topic that this POP looks into: with the second naming in use, the first one's every other time.
fn retry_topic_for(broker: &Broker, wanted: &Wanted, lot: i32) -> Option<Arc<TopicConfig>> {
    let config = broker.config.get();
    let Scope { topic, group } = &wanted.scope;
    let second = config.enable_retry_topic_v2 && !(config.retrieve_message_from_pop_retry_topic_v1 && lot % 2 == 0);
    let name = if second { retry_topic::v2(topic, group) } else { retry_topic::v1(topic, group) };
    broker.topics.get(&name)
}

fn take_from(
    broker: &Broker,
    wanted: &Wanted,
    place: &Place,
    reading: Reading,
    taken: &mut Taken,
) -> Result<(), TakeError> {
    let _turn = turn(broker, place, reading)?;
    let (topic, group, queue) = (&*place.topic, &*place.group, QueueId(place.queue));
    let mut offset = first_offset(broker, wanted, place);
    if wanted.ordered
        && broker.pop.state.lock().order.is_blocked(place, wanted.attempt.as_deref(), broker.clock.now_ms())
    {
        return Ok(());
    }
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
            hand_out(broker, wanted, &source, &wanted_records, taken)?;
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

/// Where to begin: where an operator set the group's offset, else where the group has got to, else by the client's wish.
fn first_offset(broker: &Broker, wanted: &Wanted, place: &Place) -> i64 {
    let (topic, group, queue) = (&*place.topic, &*place.group, place.queue);
    if broker.offsets.read().has_reset(group, topic, queue) {
        let reset = broker.offsets.write().take_reset(group, topic, queue);
        if let Some(offset) = reset {
            broker.pop.state.lock().order.clear(place);
            return offset;
        }
    }
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

/// Notes in the journal who has the messages, moves the group's offset, and adds them to the answer.
fn hand_out(
    broker: &Broker,
    wanted: &Wanted,
    source: &Source<'_>,
    found: &[Bytes],
    taken: &mut Taken,
) -> Result<(), PutError> {
    let &Source { place, start, next } = source;
    let offsets: Vec<i64> = records(found).map(|(_, view)| view.queue_offset().0).collect();
    let kind = TopicKind::of(&place.topic);
    if wanted.ordered {
        let counts = note_ordered(broker, wanted, place, start, &offsets, taken.pop_ms)?;
        taken.info.add_counts(kind, place.queue, &counts.counts, counts.least);
    } else {
        let checkpoint = Checkpoint {
            place: place.clone(),
            start,
            pop_ms: taken.pop_ms,
            invisible_ms: wanted.invisible_ms,
            offsets: offsets.clone(),
            suspended: false,
        };
        let mut state = broker.pop.state.lock();
        let at = journal::append(broker, &mut state, taken.revive_queue, &Entry::Checkpoint(checkpoint.clone()))?;
        state.in_flight.take(&checkpoint, at);
        broker.offsets.write().commit(&place.group, &place.topic, place.queue, next);
    }
    taken.info.add(kind, place.queue, start, &offsets);
    taken.count += offsets.len();
    let as_stored = kind == TopicKind::Normal || broker.config.get().pop_response_return_actual_retry_topic;
    if as_stored {
        taken.records.extend(found.iter().cloned());
    } else {
        let relabelled = relabelled(broker, wanted, source, found, taken);
        taken.records.push(relabelled);
    }
    Ok(())
}

fn note_ordered(
    broker: &Broker,
    wanted: &Wanted,
    place: &Place,
    start: i64,
    offsets: &[i64],
    pop_ms: i64,
) -> Result<super::order::DeliveryCounts, PutError> {
    let pop = OrderedPop { attempt: wanted.attempt.as_deref(), pop_ms, invisible_ms: wanted.invisible_ms };
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

/// Retries, with the topic that the client asked for and their handles.
fn relabelled(broker: &Broker, wanted: &Wanted, source: &Source<'_>, found: &[Bytes], taken: &Taken) -> Bytes {
    let config = broker.config.get();
    let handle = Handle {
        start: source.start,
        pop_ms: taken.pop_ms,
        invisible_ms: wanted.invisible_ms,
        revive_queue: taken.revive_queue,
        broker: &config.broker_name,
    };
    let mut out = Vec::new();
    for (_, view) in records(found) {
        let text = handle.write(TopicKind::of(&source.place.topic), source.place.queue, view.queue_offset().0);
        if !relabel::relabel(&view, &wanted.scope.topic, (key::POP_CHECKPOINT, &text), &mut out) {
            // Clients make the handle themselves from the other fields; they only see the retry topic's name.
            out.extend_from_slice(view.bytes());
        }
    }
    Bytes::from(out)
}
