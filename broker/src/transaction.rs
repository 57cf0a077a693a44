//! Transactions. A half message waits on a system topic until its producer says how its transaction ended (request 37); what ended is
//! noted on a second one, in op messages. Producers that say nothing are asked (request 39). State lives in these two topics and in
//! the offsets of a system group, in Apache's format; what is in memory is rebuilt from them.

mod check;
mod half;
pub mod ledger;
pub mod operation;
pub mod ranges;
mod requests;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bolide_store::record::properties::push;
use bolide_store::{NewMessage, PhysicalOffset, QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::message::records;
use crate::transaction::ledger::{Ledger, Progress};
use crate::transaction::operation::Operation;

pub(crate) use half::prepare;
pub(crate) use requests::*;

/// The topic of half messages.
pub const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
/// The topic of op messages.
pub const OP_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// The topic of half messages that were given up.
pub const GIVEN_UP_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
/// The group whose offsets say how far the two topics are done with.
pub const GROUP: &str = "CID_RMQ_SYS_TRANS";
/// The one queue that the topics have.
pub const QUEUE: QueueId = QueueId(0);

/// How many messages are read at once.
const BATCH: ReadLimits = ReadLimits { max_messages: 256, max_bytes: 1 << 20 };

/// The open transactions of a broker.
#[derive(Default)]
pub(crate) struct Transactions {
    ledger: Mutex<Ledger>,
    /// Told when an op message has grown to its size.
    operation_full: Notify,
    /// Producers are asked in turn.
    turn: AtomicUsize,
}

/// Rebuilds the books from what the topics hold. Must come before the first request; waits for the disk.
pub(crate) fn recover(broker: &Broker) -> Result<(), ReadError> {
    let saved = |topic| {
        let offset = broker.offsets.read().query(GROUP, topic, QUEUE.0).map(QueueOffset);
        offset.or_else(|| broker.store.min_offset(topic, QUEUE)).unwrap_or_default().0
    };
    let end = broker.store.max_offset(HALF_TOPIC, QUEUE).unwrap_or_default().0;
    // After a crash of the machine the offsets may be ahead of what is left of the queues.
    let op_end = broker.store.max_offset(OP_TOPIC, QUEUE).unwrap_or_default().0;
    let progress = Progress { half: saved(HALF_TOPIC).min(end), op: saved(OP_TOPIC).min(op_end) };
    let mut ledger = Ledger::new(progress, end);
    let mut next = QueueOffset(progress.op);
    while let Some(read) = read(broker, OP_TOPIC, &mut next)? {
        for (_, view) in records(&read.records) {
            let is_removal = view.properties().get_str("TAGS") == Some(operation::REMOVE_TAG);
            let body = if is_removal { view.body() } else { &[] };
            ledger.replay(view.queue_offset().0, operation::offsets(body));
        }
    }
    *broker.transactions.ledger.lock() = ledger;
    check::scan(broker)
}

/// Asks producers and writes op messages, for as long as the broker runs.
pub(crate) async fn run(broker: Arc<Broker>) {
    tokio::join!(write_operations(&broker), check::run(&broker));
}

async fn write_operations(broker: &Arc<Broker>) {
    loop {
        let interval_ms = broker.config.get().transaction_op_batch_interval_ms;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(interval_ms.unsigned_abs())) => {}
            () = broker.transactions.operation_full.notified() => {}
        }
        let writer = broker.clone();
        // A panic has been logged with its reason.
        let _ = tokio::task::spawn_blocking(move || store_operations(&writer)).await;
    }
}

/// How many transactions are open, by the topic that their messages are for.
pub(crate) fn open_by_topic(broker: &Broker) -> BTreeMap<Arc<str>, usize> {
    broker.transactions.ledger.lock().open_by_topic()
}

/// Writes what the op topic lacks, and notes how far both topics are done with.
pub(crate) fn store_operations(broker: &Broker) {
    let max_bytes = broker.config.get().transaction_op_msg_max_size_bytes.unsigned_abs() as usize;
    loop {
        let Some(operation) = broker.transactions.ledger.lock().take_operation(max_bytes) else { break };
        match store_operation(broker, &operation) {
            Ok(offset) => broker.transactions.ledger.lock().operation_stored(offset, &operation),
            Err(error) => {
                tracing::error!("ended transactions are not noted, tried again in a moment: {error}");
                broker.transactions.ledger.lock().operation_failed(operation);
                break;
            }
        }
    }
    broker.store.dispatch();
    let progress = broker.transactions.ledger.lock().advance();
    for (topic, offset) in [(HALF_TOPIC, progress.half), (OP_TOPIC, progress.op)] {
        let known = broker.offsets.read().query(GROUP, topic, QUEUE.0);
        // Queues that nobody has used get no entry.
        if known.unwrap_or_default() != offset {
            broker.offsets.write().commit(GROUP, topic, QUEUE.0, offset);
        }
    }
}

fn store_operation(broker: &Broker, operation: &Operation) -> Result<i64, bolide_store::PutError> {
    let now_ms = broker.clock.now_ms();
    let mut properties = Vec::new();
    push(&mut properties, "TAGS", operation::REMOVE_TAG);
    push(&mut properties, "WAIT", "true");
    let put = broker.store.put_again(&NewMessage {
        topic: OP_TOPIC,
        queue: QUEUE,
        flag: 0,
        sys_flag: 0,
        born_ms: now_ms,
        born_host: broker.store_host,
        store_host: broker.store_host,
        reconsume_times: 0,
        prepared_offset: 0,
        body: operation.body.as_bytes(),
        properties: &properties,
    })?;
    Ok(put.queue_offset.0)
}

/// Stores open half messages before `before` again, so that their segment may go; says whether all of them could be.
pub(crate) fn release(broker: &Broker, before: PhysicalOffset) -> Result<bool, Box<dyn Error>> {
    check::scan(broker)?;
    let end = broker.store.offset_from(HALF_TOPIC, QUEUE, before)?;
    let open = {
        let mut ledger = broker.transactions.ledger.lock();
        match ledger.next_to_scan() {
            Some(next) if next >= end.0 => ledger.lying_before(before.0),
            _ => return Ok(false),
        }
    };
    for half in &open {
        check::renew(broker, half)?;
    }
    if !open.is_empty() {
        store_operations(broker);
    }
    Ok(broker.transactions.ledger.lock().lying_before(before.0).is_empty())
}

/// Reads a topic's queue from `next` on, which is moved past what was read or what is gone; `None`: the end has been reached.
fn read(broker: &Broker, topic: &str, next: &mut QueueOffset) -> Result<Option<QueueRead>, ReadError> {
    loop {
        let read = broker.store.read_queue_blocking(topic, QUEUE, *next, BATCH, &|_| true)?;
        let target = match read.status {
            ReadStatus::Found => {
                *next = read.next_offset;
                return Ok(Some(read));
            }
            ReadStatus::TooSmall => read.min_offset,
            ReadStatus::OverflowBadly => read.max_offset,
            ReadStatus::Removed | ReadStatus::NoMatched => read.next_offset,
            ReadStatus::NoMessage | ReadStatus::OverflowOne | ReadStatus::NoSuchQueue => return Ok(None),
        };
        if target == *next {
            return Ok(None);
        }
        *next = target;
    }
}
