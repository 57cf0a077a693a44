//! The journal of POP: writing entries to the revive topic, and reading again what lies there: everything that is not dealt with,
//! when the broker starts, and later what others wrote (Apache's broker kept checkpoints among its timers, from where they come when
//! their time is up).

use bolide_store::record::RecordView;
use bolide_store::record::properties::{TAGS, push};
use bolide_store::{NewMessage, PutError, QueueId, QueueOffset, ReadError, ReadLimits, ReadStatus};

use super::entry::Entry;
use super::in_flight::{JournalPosition, Place};
use super::{PopState, REVIVE_GROUP, revive_topic};
use crate::broker::Broker;
use crate::message::{Message, records};
use crate::send::properties::key;
use crate::timer;
use crate::timer::timing;

/// How many entries are read at once.
const BATCH: ReadLimits = ReadLimits { max_messages: 32, max_bytes: 1 << 20 };
/// How long acknowledgements that a start finds wait for checkpoints that are still among the timers, where Apache's broker keeps them.
const PATIENCE_MS: i64 = 600_000;
/// As much room as the properties of most entries take.
const TYPICAL_PROPERTIES_BYTES: usize = 192;

/// Appends an entry to a queue of the journal. The caller holds the state, so that nobody takes the entry for somebody else's.
pub(super) fn append(
    broker: &Broker,
    state: &mut PopState,
    queue: i32,
    entry: &Entry,
) -> Result<JournalPosition, PutError> {
    let put = with_message(broker, queue, entry, |message| broker.store.put_again(message))?;
    let at = JournalPosition { queue, offset: put.queue_offset.0 };
    state.in_flight.note(at);
    Ok(at)
}

/// Has the timers append an entry at `due_ms`, so that it comes after one that is to come before that: Apache's broker looks for the
/// messages that an acknowledgement means among the checkpoints before it only. Nothing where that is now, or the timers are off.
pub(super) fn append_at(broker: &Broker, queue: i32, entry: &Entry, due_ms: i64) -> Result<(), PutError> {
    let mut message = with_message(broker, queue, entry, |message| Message::from(message));
    if timer::redirect_at(broker, &mut message, due_ms) {
        message.put_again(broker)?;
    }
    Ok(())
}

/// Does something with the message of the revive topic that holds an entry.
fn with_message<T>(broker: &Broker, queue: i32, entry: &Entry, act: impl FnOnce(&NewMessage<'_>) -> T) -> T {
    let config = broker.config.get();
    let now_ms = broker.clock.now_ms();
    let mut properties = Vec::with_capacity(TYPICAL_PROPERTIES_BYTES);
    push(&mut properties, TAGS, entry.tag());
    push(&mut properties, key::UNIQUE_KEY, entry.unique_key(&config.broker_name));
    // Apache's broker takes the latest of these for the time up to which it knows everything.
    push(&mut properties, timing::DELIVER_MS, now_ms.to_string());
    act(&NewMessage {
        topic: &revive_topic(&config),
        queue: QueueId(queue),
        flag: 0,
        sys_flag: 0,
        born_ms: now_ms,
        born_host: broker.store_host,
        store_host: broker.store_host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: &entry.encode(&config.broker_name),
        properties: &properties,
    })
}

/// Takes in everything that the last run left in the journal.
pub(super) fn recover(broker: &Broker) -> Result<(), ReadError> {
    let topic = revive_topic(&broker.config.get());
    let since_ms = broker.offsets.kept_ms();
    let patience_ms = broker.clock.now_ms().saturating_add(PATIENCE_MS);
    let configured = broker.config.get().revive_queue_num;
    let present = broker.store.queues(&topic).into_iter().map(|queue| queue.0 + 1).max().unwrap_or(0);
    for queue in 0..configured.max(present) {
        let done = broker.offsets.read().query(REVIVE_GROUP, &topic, queue).unwrap_or(-1);
        broker.pop.state.lock().in_flight.follow(queue, done + 1);
        read_on(broker, &topic, queue, Some(Recovering { since_ms, patience_ms }))?;
    }
    let state = broker.pop.state.lock();
    if !state.in_flight.is_empty() {
        tracing::info!(messages = state.in_flight.len(), "messages are in flight from before the start");
    }
    Ok(())
}

/// Takes in what others have written to the journal.
pub(super) fn catch_up(broker: &Broker) -> Result<(), ReadError> {
    let topic = revive_topic(&broker.config.get());
    for queue in broker.store.queues(&topic) {
        let unread = broker.pop.state.lock().in_flight.unread(queue.0);
        if broker.store.max_offset(&topic, queue).is_some_and(|max| max.0 > unread) {
            read_on(broker, &topic, queue.0, None)?;
        }
    }
    Ok(())
}

/// What is different while the broker starts.
#[derive(Clone, Copy)]
struct Recovering {
    /// When the groups' offsets were last saved: they know nothing of checkpoints from then on.
    since_ms: i64,
    /// Until when an acknowledgement waits for its checkpoint.
    patience_ms: i64,
}

fn read_on(broker: &Broker, topic: &str, queue: i32, recovering: Option<Recovering>) -> Result<(), ReadError> {
    let mut offset = broker.pop.state.lock().in_flight.unread(queue);
    loop {
        let read = broker.store.read_queue_blocking(topic, QueueId(queue), QueueOffset(offset), BATCH, &|_| true)?;
        match read.status {
            ReadStatus::Found => {
                for (_, view) in records(&read.records) {
                    take_in(broker, queue, &view, recovering);
                }
                offset = read.next_offset.0;
            }
            // Retention removed the entries between.
            ReadStatus::TooSmall | ReadStatus::Removed if read.next_offset.0.max(read.min_offset.0) > offset => {
                offset = read.next_offset.0.max(read.min_offset.0);
                broker.pop.state.lock().in_flight.follow(queue, offset);
            }
            _ => return Ok(()),
        }
    }
}

fn take_in(broker: &Broker, queue: i32, view: &RecordView<'_>, recovering: Option<Recovering>) {
    let at = JournalPosition { queue, offset: view.queue_offset().0 };
    let mut state = broker.pop.state.lock();
    if state.in_flight.is_known(at) {
        return;
    }
    let tag = view.properties().get_str(TAGS).unwrap_or_default();
    let is_newer = recovering.is_some_and(|recovering| view.store_ms() >= recovering.since_ms);
    match Entry::decode(tag, view.body()) {
        Ok(Entry::Checkpoint(checkpoint)) => {
            if let Some(last) = checkpoint.offsets.iter().max().filter(|_| is_newer) {
                raise(broker, &checkpoint.place, last + 1);
            }
            state.in_flight.take(&checkpoint, at);
        }
        Ok(Entry::Ack { key, offsets }) => {
            let patience_ms = recovering.map_or_else(|| broker.clock.now_ms(), |recovering| recovering.patience_ms);
            for offset in offsets {
                if !state.in_flight.acknowledge(&key, offset) && recovering.is_some() {
                    state.in_flight.acknowledge_early(key.clone(), offset, patience_ms);
                }
            }
        }
        Ok(Entry::Order(order)) => {
            let place = Place::new(&order.topic, &order.group, order.queue);
            if is_newer {
                raise(broker, &place, order.committed);
            }
            state.order.put(place, order.info);
        }
        Err(error) => tracing::warn!(queue, offset = at.offset, "an entry of the POP journal is passed over: {error}"),
    }
    state.in_flight.note(at);
}

/// The group has got further than the saved offset says.
fn raise(broker: &Broker, place: &Place, offset: i64) {
    let mut offsets = broker.offsets.write();
    if offsets.query(&place.group, &place.topic, place.queue).is_none_or(|known| known < offset) {
        offsets.commit(&place.group, &place.topic, place.queue, offset);
    }
}
