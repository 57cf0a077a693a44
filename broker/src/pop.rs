//! Consuming by POP: the broker hands messages out for a while, to any member of the group, and remembers who has what. A message
//! that is not acknowledged in time is delivered again, from a retry topic; after too many attempts it goes to the dead letters.
//!
//! What is in flight is decided in [`in_flight`] (and in [`order`] for POP in order), plain state machines; every change is appended
//! to the journal ([`journal`], [`entry`]: Apache's revive topic) before it is answered, so that a start finds everything again. A
//! group's offset moves as soon as the checkpoint is in the journal, as with Apache: a broker that goes on with these files delivers
//! nothing twice that is in flight.

mod acknowledge;
mod assignment;
mod check;
pub mod entry;
pub mod handle;
pub mod in_flight;
mod journal;
mod lite;
mod modes;
mod notification;
pub mod order;
mod peek;
mod receipt;
mod recipient;
mod relabel;
mod release;
mod renew;
pub mod renewal;
mod request;
pub mod retry_topic;
mod revive;
mod routes;
mod take;
pub mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use bolide_remoting::{Reply, Request};
use bolide_store::light::is_light;
use bolide_store::{Arrival, Disk, QueueId};
use parking_lot::Mutex;

pub(crate) use acknowledge::{acknowledge, acknowledge_batch, change_invisible_time, write_acknowledged};
pub(crate) use assignment::{modes, query_assignment, set_mode};
pub(crate) use check::{Subject, check, subscription};
pub(crate) use lite::wake as wake_lite;
pub(crate) use notification::{notification, polling_info};
pub(crate) use peek::peek;
pub(crate) use receipt::{Receipt, ReceiptError};
pub(crate) use recipient::{Popped, receive};
pub(crate) use release::release;
pub(crate) use request::{pop, pop_lite};
pub(crate) use revive::run;
pub(crate) use take::{Batch, Taken, Wanted};

use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::config_file::{ConfigFile, ConfigFileError};
use entry::Entry;
use in_flight::{Checkpoint, DeliveryKey, InFlight, Place};
use modes::Modes;
use notification::HeldNotification;
use order::{OrderFile, OrderTable};
use request::HeldPop;
use waiting::{Scope, WaitingPops};

/// The group whose offsets tell how far the journal is no longer needed: the last such entry of each queue.
const REVIVE_GROUP: &str = "CID_RMQ_SYS_REVIVE_GROUP";
/// How many queues are popped side by side; two that fall on one number take turns.
const TURNS: usize = 256;

/// The topic that holds the journal.
fn revive_topic(config: &BrokerConfig) -> String {
    format!("rmq_sys_REVIVE_LOG_{}", config.broker_cluster_name)
}

/// Who has which messages.
#[derive(Debug, Default)]
struct PopState {
    in_flight: InFlight,
    order: OrderTable,
    /// What is acknowledged and not in the journal yet: its queue, the POP, and the messages.
    unwritten: Vec<(i32, DeliveryKey, Vec<i64>)>,
}

/// What POP keeps for as long as the broker runs.
pub(crate) struct Pop {
    state: Mutex<PopState>,
    /// Whether something is acknowledged that is not in the journal yet.
    has_unwritten: AtomicBool,
    /// The last entry could not be written.
    journal_fails: AtomicBool,
    order_file: ConfigFile,
    modes: Modes,
    pops: Mutex<WaitingPops<HeldPop>>,
    /// Those of lite topics, which wait by their clients.
    lite_pops: Mutex<WaitingPops<HeldPop>>,
    notifications: Mutex<WaitingPops<HeldNotification>>,
    /// One POP at a time reads a queue for a group and moves the group's offset.
    turns: Vec<Mutex<()>>,
    /// Distributes checkpoints over the journal's queues.
    counter: AtomicU32,
    /// Distributes POPs over queues and topics. Apart from the other, so that neither skips what the other takes.
    lots: AtomicU32,
    /// What was popped since is known here, in milliseconds since 1970.
    started_ms: i64,
    /// When what clients hold was looked at last, in milliseconds since 1970.
    renewed_ms: AtomicI64,
}

impl Pop {
    /// Takes over what the files kept. The journal is read by [`recover`], once there is a broker.
    pub(crate) fn load(
        config: &BrokerConfig,
        root: &Path,
        disk: &Arc<dyn Disk>,
        started_ms: i64,
    ) -> Result<Self, ConfigFileError> {
        let file = |name| ConfigFile::new(root, name, disk.clone());
        let order_file = file("consumerOrderInfo.json");
        let mut state = PopState::default();
        state.order.restore(order_file.load::<OrderFile>()?.unwrap_or_default());
        let limit = config.max_pop_polling_size.unsigned_abs() as usize;
        let limit_of_scope = config.pop_polling_size.unsigned_abs() as usize;
        Ok(Pop {
            state: Mutex::new(state),
            has_unwritten: AtomicBool::new(false),
            journal_fails: AtomicBool::new(false),
            order_file,
            modes: Modes::load(file("messageRequestMode.json"))?,
            pops: Mutex::new(WaitingPops::new(limit, limit_of_scope)),
            lite_pops: Mutex::new(WaitingPops::new(limit, limit_of_scope)),
            notifications: Mutex::new(WaitingPops::new(limit, limit_of_scope)),
            turns: std::iter::repeat_with(Mutex::default).take(TURNS).collect(),
            counter: AtomicU32::new(0),
            lots: AtomicU32::new(0),
            started_ms,
            renewed_ms: AtomicI64::new(0),
        })
    }

    /// The queue of the journal that the next checkpoint goes to, out of that many.
    fn next_journal_queue(&self, queues: i32) -> i32 {
        let queues = queues.max(1).unsigned_abs();
        (self.counter.fetch_add(1, Ordering::Relaxed) % queues).cast_signed()
    }

    /// A number from 0 to 99, each as often as the others, by which POPs differ.
    fn next_lot(&self) -> i32 {
        (self.lots.fetch_add(1, Ordering::Relaxed) % 100).cast_signed()
    }

    /// The moment from which on the groups' offsets, saved now, may lack a checkpoint; notes how far the journal is dealt with and
    /// writes what is not in the journal. Waits for the disk. To be called right before the groups' offsets are saved.
    pub(crate) fn save(&self, broker: &Broker) -> Result<i64, ConfigFileError> {
        let topic = revive_topic(&broker.config.get());
        let (now_ms, order) = {
            let mut state = self.state.lock();
            let mut offsets = broker.offsets.write();
            for queue in broker.store.queues(&topic) {
                let done = state.in_flight.done(queue.0);
                if done >= 0 {
                    offsets.commit(REVIVE_GROUP, &topic, queue.0, done);
                }
            }
            // Read while nobody can write a checkpoint: the offsets know of each one before.
            let now_ms = broker.clock.now_ms();
            (now_ms, state.order.changed(now_ms))
        };
        if let Some(order) = order {
            self.order_file.save(&order).inspect_err(|_| self.state.lock().order.touch())?;
        }
        Ok(now_ms)
    }
}

/// Takes in what the last run left in the journal. Waits for the disk.
pub(crate) fn recover(broker: &Broker) -> Result<(), bolide_store::ReadError> {
    journal::recover(broker)?;
    revive::complete(broker);
    renew::await_clients(broker);
    Ok(())
}

/// How many popped messages are neither acknowledged nor due.
pub(crate) fn in_flight(broker: &Broker) -> usize {
    broker.pop.state.lock().in_flight.len()
}

/// Of each queue of the journal: how many of its entries are still needed, and how late the oldest delivery is that is due, in
/// milliseconds. What is due is looked for in all queues together, so that all are as late as the latest.
pub(crate) fn journal_progress(broker: &Broker) -> Vec<(i32, i64, i64)> {
    let config = broker.config.get();
    let topic = revive_topic(&config);
    let state = broker.pop.state.lock();
    let now_ms = broker.clock.now_ms();
    let late_ms = state.in_flight.due(now_ms, 1).first().map_or(0, |due| (now_ms - due.delivery.due_ms).max(0));
    let queues = (0..config.revive_queue_num).filter_map(|queue| {
        let end = broker.store.max_offset(&topic, QueueId(queue))?;
        Some((queue, (end.0 - 1 - state.in_flight.done(queue)).max(0), late_ms))
    });
    queues.collect()
}

/// Messages have arrived: those who wait for them go on.
pub(crate) fn wake(broker: &Arc<Broker>, arrivals: &[Arrival]) {
    for arrival in arrivals {
        if is_light(&arrival.topic) {
            lite::wake(broker, &arrival.topic, None);
        }
        for _ in 0..arrival.messages {
            if !request::wake(broker, arrival) {
                break;
            }
        }
        for _ in 0..arrival.messages {
            if !notification::wake(broker, arrival) {
                break;
            }
        }
    }
}

/// Answers those whose patience has ended, and wakes those whose queue is open again.
pub(crate) fn expire(broker: &Arc<Broker>, now_ms: i64) {
    let opened = broker.pop.state.lock().order.opened(now_ms);
    for place in opened {
        wake_place(broker, &place);
    }
    request::expire(broker, now_ms);
    notification::expire(broker, now_ms);
}

/// POP_ROLLBACK: an operator wants what is in flight in Apache's files rather than in its RocksDB. Here it always is.
pub(crate) fn roll_back(_: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    reply.ok(&());
}

/// Answers everything that waits, for the broker stops.
pub(crate) fn drain(broker: &Arc<Broker>) {
    request::drain(broker);
    notification::drain(broker);
}

/// Forgets everything about a topic that is removed.
pub(crate) fn forget_topic(broker: &Broker, topic: &str) {
    forget(broker, |place| &*place.topic == topic || retry_topic::original(&place.topic, &place.group) == topic);
}

/// Forgets everything about a group that is removed.
pub(crate) fn forget_group(broker: &Broker, group: &str) {
    forget(broker, |place| &*place.group == group);
}

/// A topic or group that is created again under the same name shall not get what belonged to the old one.
fn forget(broker: &Broker, is_gone: impl Fn(&Place) -> bool) {
    let mut state = broker.pop.state.lock();
    state.order.forget(&is_gone);
    for (at, checkpoint) in state.in_flight.forget(&is_gone) {
        let Checkpoint { place, start, pop_ms, offsets, .. } = checkpoint;
        let entry = Entry::Ack { key: DeliveryKey { place, start, pop_ms }, offsets };
        if let Err(error) = journal::append(broker, &mut state, at.queue, &entry) {
            tracing::error!("what was in flight of a removed topic or group is not noted as done: {error}");
            return;
        }
    }
}

/// A queue has become open to a group.
fn wake_place(broker: &Arc<Broker>, place: &Place) {
    if is_light(&place.topic) {
        lite::wake(broker, &place.topic, Some(&place.group));
    }
    let scope = Scope { topic: place.topic.to_string(), group: place.group.to_string() };
    request::wake_one(broker, &scope, place.queue);
    notification::wake_one(broker, &scope, place.queue);
}

/// In how many lite topics somebody was handed messages that are not all acknowledged.
pub(crate) fn lite_orders(broker: &Broker) -> usize {
    let state = broker.pop.state.lock();
    state.order.places().filter(|place| crate::lite::parts(&place.topic).is_some()).count()
}
