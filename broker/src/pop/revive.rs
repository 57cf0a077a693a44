//! Another delivery for messages whose time is up: a copy goes to the group's retry topic, or, after the last attempt, to its dead
//! letters. The copy is stored before the journal says so; the one copy that a crash may leave in between is recognised at the next
//! start, so that no message is delivered twice for that.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::TopicConfig;
use bolide_store::record::RecordView;
use bolide_store::{PutError, QueueId, QueueOffset, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;

use super::entry::Entry;
use super::in_flight::{DeliveryKey, Due, Place};
use super::{journal, renew, retry_topic};
use crate::broker::Broker;
use crate::message::{Message, records};
use crate::name::DEAD_LETTER_PREFIX;
use crate::retry;
use crate::send::properties::key;
use crate::timer;

/// How often to look for messages whose time is up.
const PERIOD: Duration = Duration::from_millis(100);
/// How many messages are dealt with in one go.
const BATCH: usize = 256;
/// How long to leave a message alone that could not be stored.
const RETRY_MS: i64 = 1_000;
/// A checkpoint that is this many entries behind the end of its journal queue is written again, so that a start need not read
/// everything since.
const MAX_LAG: i64 = 100_000;
/// How many messages a start looks at that became due before it.
const MAX_COMPLETED: usize = 10_000;
/// The property that tells when the message was popped first, in milliseconds.
const FIRST_POP_TIME: &str = "1ST_POP_TIME";
/// The property that names the group of a message on a retry topic.
const ORIGIN_GROUP: &str = "ORIGIN_GROUP";
/// The property that keeps the topic that the message was first sent to.
const RETRY_TOPIC: &str = "RETRY_TOPIC";

/// What tells a copy from other messages of its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    unique_key: String,
    born_ms: i64,
    attempts: i32,
    /// The message itself, for it may be its own queue's last.
    at: (String, i64),
}

impl Copy {
    fn of(message: &Message, at: (String, i64)) -> Self {
        Copy {
            unique_key: message.properties.get(key::UNIQUE_KEY).unwrap_or_default().to_owned(),
            born_ms: message.born_ms,
            attempts: message.reconsume_times,
            at,
        }
    }

    fn is_same_as(&self, other: &Copy) -> bool {
        let Copy { unique_key, born_ms, attempts, at } = self;
        (unique_key, born_ms, attempts) == (&other.unique_key, &other.born_ms, &other.attempts) && *at != other.at
    }
}

/// Delivers again what is due, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let worker = broker.clone();
        // A pass that panicked has been logged with its reason; the next one may get further.
        let _ = tokio::task::spawn_blocking(move || pass(&worker)).await;
    }
}

pub(super) fn pass(broker: &Broker) {
    if let Err(error) = journal::catch_up(broker) {
        tracing::error!("the POP journal cannot be read: {error}");
    }
    // First: what is prolonged is not due.
    renew::pass(broker);
    loop {
        let now_ms = broker.clock.now_ms();
        let due = broker.pop.state.lock().in_flight.due(now_ms, BATCH);
        let (due, waiting) = await_timers(broker, due);
        let mut created = Vec::new();
        for message in &due {
            if let Err(problem) = deliver_again(broker, message, &mut created) {
                tracing::error!(
                    topic = %message.place.topic,
                    queue = message.place.queue,
                    offset = message.offset,
                    "a popped message is not delivered again yet: {problem}"
                );
                broker.pop.state.lock().in_flight.postpone(message, now_ms + RETRY_MS);
            }
        }
        if !due.is_empty() {
            broker.store.dispatch();
        }
        if !created.is_empty() {
            broker.registrar.announce(created, Box::new(|| {}));
        }
        if waiting > 0 || due.len() < BATCH {
            break;
        }
    }
    tidy(broker);
}

/// Takes in the acknowledgements that an Apache broker left among the timers, where it keeps them until their messages are due. Messages
/// that were popped before the start wait until the timers have got so far: answers the others, and how many do.
fn await_timers(broker: &Broker, mut due: Vec<Due>) -> (Vec<Due>, usize) {
    let is_earlier = |message: &Due| message.delivery.pop_ms < broker.pop.started_ms;
    if !due.iter().any(is_earlier) {
        return (due, 0);
    }
    let until_ms = timer::delivered_until_ms(broker);
    let before = due.len();
    due.retain(|message| !is_earlier(message) || message.delivery.due_ms < until_ms);
    if let Err(error) = journal::catch_up(broker) {
        tracing::error!("the POP journal cannot be read: {error}");
    }
    let waiting = before - due.len();
    (due, waiting)
}

/// Keeps the journal short, and forgets acknowledgements whose checkpoint never came.
fn tidy(broker: &Broker) {
    let mut state = broker.pop.state.lock();
    state.in_flight.forget_early(broker.clock.now_ms());
    for (at, checkpoint) in state.in_flight.lagging(MAX_LAG) {
        match journal::append(broker, &mut state, at.queue, &Entry::Checkpoint(checkpoint.clone())) {
            Ok(again) => state.in_flight.take(&checkpoint, again),
            Err(error) => return tracing::error!("a checkpoint is not written again: {error}"),
        }
    }
}

/// Why a message could not be delivered again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReviveError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Put(#[from] PutError),
}

/// Stores a message for another delivery, unless it is not in flight any more.
pub(super) fn deliver_again(
    broker: &Broker,
    due: &Due,
    created: &mut Vec<Arc<TopicConfig>>,
) -> Result<(), ReviveError> {
    let record = read_one(broker, &due.place.topic, due.place.queue, due.offset)?;
    let Due { place, offset, delivery } = due;
    let key = key_of(due);
    let mut state = broker.pop.state.lock();
    let still = state.in_flight.find(&key, *offset) == Some(delivery);
    if !still {
        return Ok(());
    }
    match record.as_ref().and_then(|record| copy_of(broker, due, record, created)) {
        Some(copy) => {
            copy.put_again(broker)?;
            broker.statistics.revived(&place.topic, &place.group, broker.clock.now_ms());
        }
        None => tracing::warn!(
            topic = %place.topic, group = %place.group, queue = place.queue, offset,
            "a popped message is gone, or its topic or group is: it is not delivered again"
        ),
    }
    journal::append(broker, &mut state, delivery.at.queue, &Entry::Ack { key: key.clone(), offsets: vec![*offset] })?;
    state.in_flight.acknowledge(&key, *offset);
    Ok(())
}

/// The message as it is stored for another delivery; `None` where nobody can get it any more.
pub(super) fn copy_of(
    broker: &Broker,
    due: &Due,
    record: &Bytes,
    created: &mut Vec<Arc<TopicConfig>>,
) -> Option<Message> {
    let view = RecordView::parse(record).ok()?;
    let group = broker.groups.find(&due.place.group)?;
    let original = retry_topic::original(&due.place.topic, &due.place.group);
    let topic = broker.topics.get(original)?;
    let mut copy = Message::of(record, &view);
    copy.born_host = broker.store_host;
    copy.prepared_offset = 0;
    if !due.delivery.suspended {
        copy.reconsume_times = view.reconsume_times() + 1;
    }
    if view.reconsume_times() == 0 || copy.properties.get(FIRST_POP_TIME).is_none() {
        copy.properties.set(FIRST_POP_TIME, due.delivery.pop_ms.to_string());
    }
    copy.properties.set(ORIGIN_GROUP, due.place.group.to_string());
    if group.retry_max_times >= 0 && copy.reconsume_times > group.retry_max_times {
        if copy.properties.get(RETRY_TOPIC).is_none() {
            copy.properties.set(RETRY_TOPIC, original.to_owned());
        }
        created.extend(retry::to_dead_letters(broker, &due.place.group, &mut copy));
        return Some(copy);
    }
    if original == &*due.place.topic {
        let second = broker.config.get().enable_retry_topic_v2;
        let named = if second { retry_topic::v2 } else { retry_topic::v1 };
        copy.topic = named(original, &due.place.group);
    }
    let (queue, queues) = match broker.config.get().use_separate_retry_queue {
        true => (due.place.queue, topic.write_queue_nums.max(due.place.queue + 1)),
        false => (0, 1),
    };
    copy.queue = QueueId(queue);
    let lookup = broker.topics.for_group(&copy.topic, queues, false, 0);
    let known = lookup.config().clone();
    created.extend(retry::created(lookup));
    if known.write_queue_nums < queues {
        // The topic of the messages has got more queues since.
        let (name, attributes) = (known.topic_name.clone(), BTreeMap::new());
        let wider = TopicConfig { read_queue_nums: queues, write_queue_nums: queues, attributes, ..(*known).clone() };
        match broker.topics.update(wider) {
            Ok(lookup) => created.extend(retry::created(lookup)),
            Err(error) => tracing::error!(topic = name, "it cannot get more queues: {error}"),
        }
    }
    let offsets = broker.offsets.read().query(&due.place.group, &copy.topic, queue);
    if offsets.is_none() {
        broker.offsets.write().commit(&due.place.group, &copy.topic, queue, 0);
    }
    Some(copy)
}

/// Notes in the journal that the copy is stored which the last run stored last, should it not have come to that: it is the last
/// message of its queue, for one thread stores one copy after the other, and nobody else writes to these topics, except to the dead
/// letters. To be called when the journal has been read, before anything is delivered again.
pub(super) fn complete(broker: &Broker) {
    let mut tails = tails(broker);
    let due = broker.pop.state.lock().in_flight.due(broker.clock.now_ms(), MAX_COMPLETED);
    for message in due {
        if tails.is_empty() {
            return;
        }
        if let Err(error) = complete_one(broker, &message, &mut tails) {
            tracing::error!(topic = %message.place.topic, offset = message.offset, "cannot tell whether it is copied: {error}");
        }
    }
}

fn complete_one(broker: &Broker, due: &Due, tails: &mut HashMap<(String, i32), Copy>) -> Result<(), ReviveError> {
    let Some(record) = read_one(broker, &due.place.topic, due.place.queue, due.offset)? else { return Ok(()) };
    let Some(copy) = copy_of(broker, due, &record, &mut Vec::new()) else { return Ok(()) };
    let wanted = Copy::of(&copy, (due.place.topic.to_string(), due.offset));
    let queue = (copy.topic, copy.queue.0);
    if tails.get(&queue).is_some_and(|tail| tail.is_same_as(&wanted)) {
        tails.remove(&queue);
        let key = key_of(due);
        let mut state = broker.pop.state.lock();
        let entry = Entry::Ack { key: key.clone(), offsets: vec![due.offset] };
        journal::append(broker, &mut state, due.delivery.at.queue, &entry)?;
        state.in_flight.acknowledge(&key, due.offset);
    }
    Ok(())
}

/// The last message of each queue that messages in flight may have been copied to.
fn tails(broker: &Broker) -> HashMap<(String, i32), Copy> {
    let mut queues = HashSet::new();
    for Place { topic, group, .. } in broker.pop.state.lock().in_flight.places() {
        let original = retry_topic::original(topic, group);
        let dead_letters = format!("{DEAD_LETTER_PREFIX}{group}");
        let topics = [retry_topic::v1(original, group), retry_topic::v2(original, group), dead_letters];
        // As many as there are with useSeparateRetryQueue.
        let count = broker.topics.get(original).map_or(1, |topic| topic.write_queue_nums);
        queues.extend(topics.iter().flat_map(|topic| (0..count).map(|queue| (topic.clone(), queue))));
    }
    let mut tails = HashMap::new();
    for (topic, queue) in queues {
        let last = broker.store.max_offset(&topic, QueueId(queue)).map_or(-1, |max| max.0 - 1);
        match read_one(broker, &topic, queue, last) {
            Ok(Some(record)) => {
                if let Ok(view) = RecordView::parse(&record) {
                    let copy = Copy::of(&Message::of(&record, &view), (topic.clone(), last));
                    tails.insert((topic, queue), copy);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(topic, "the last message cannot be read: {error}"),
        }
    }
    tails
}

fn key_of(due: &Due) -> DeliveryKey {
    DeliveryKey { place: due.place.clone(), start: due.delivery.start, pop_ms: due.delivery.pop_ms }
}

pub(super) fn read_one(broker: &Broker, topic: &str, queue: i32, offset: i64) -> Result<Option<Bytes>, ReadError> {
    const ONE: ReadLimits = ReadLimits { max_messages: 1, max_bytes: usize::MAX };
    let read = broker.store.read_queue_blocking(topic, QueueId(queue), QueueOffset(offset), ONE, &|_| true)?;
    let found = read.status == ReadStatus::Found;
    let record =
        found.then(|| records(&read.records).next().map(|(record, view)| (record.clone(), view.queue_offset())));
    Ok(record.flatten().filter(|(_, at)| at.0 == offset).map(|(record, _)| record))
}
