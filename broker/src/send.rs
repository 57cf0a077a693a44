//! Producing: one message (requests 10 and 310) or a batch of them (320). Checks the request, stamps the properties, stores, and
//! answers: at once, or when the disk has the message (`SYNC_FLUSH`), or when the name servers know the topic that it created.

mod check;
pub mod flush_wait;
mod light;
pub(crate) mod properties;
mod receipt;
pub mod unique_id;
mod waiter;

use std::cell::RefCell;
use std::sync::Arc;

use bolide_remoting::body::TopicConfig;
use bolide_remoting::header::SendMessageRequest;
use bolide_remoting::version::Version;
use bolide_remoting::{Reply, Request, RequestCode, ResponseCode};
use bolide_store::record::properties::{Properties, push};
use bolide_store::record::sys_flag;
use bolide_store::{FlushMode, NewMessage, PhysicalOffset, Put, QueueId};
use tokio::sync::oneshot;

use crate::broker::Broker;
use crate::message::Message;
use crate::quota::Party;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::send::check::Target;
use crate::send::properties::{Known, Stamp, key};
use crate::send::receipt::Receipt;
use crate::send::waiter::Waiter;
use crate::statistics::topic_rows::Finished;
use crate::topic::message_type::MessageType;
use crate::{delay, name, retry, timer, transaction};

pub(crate) use waiter::{Sending, Sent};

/// A topic's name must fit one length byte in a batch, as with Apache.
const BATCH_TOPIC_MAX_BYTES: usize = 127;

thread_local! {
    /// The stamped properties of the message that this thread handles; kept between messages for its capacity.
    static STAMPED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A stored message whose producer waits for the disk.
pub(crate) struct WaitingSend {
    waiter: Waiter,
    receipt: Receipt<'static>,
}

/// A message as a front door hands it over, beside its header.
#[derive(Clone, Copy)]
pub(crate) struct Parcel<'a> {
    /// The body.
    pub(crate) body: &'a [u8],
    /// Who sent it.
    pub(crate) party: Party<&'a str>,
    /// The producer knows about `maxReconsumeTimes`; older ones send nonsense there.
    pub(crate) honours_limit: bool,
}

/// SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE.
pub(crate) fn send(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let fields = &request.header.fields;
    let decoded = match request.code() {
        RequestCode::SEND_MESSAGE => SendMessageRequest::decode(fields),
        _ => SendMessageRequest::decode_v2(fields),
    };
    let header = match decoded {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let parcel = Parcel {
        body: request.body,
        party: Party::of(broker, request),
        honours_limit: request.header.version >= Version::V3_4_9,
    };
    let target = match check::check(broker, parcel, &header) {
        Ok(target) => target,
        Err(refusal) => return reply.refuse(refusal),
    };
    STAMPED.with_borrow_mut(|stamped| {
        // The C++ client says "1", which is no to Java: Apache's broker keeps its batch as one message that nobody can read.
        let is_batch = header.batch
            || request.code() == RequestCode::SEND_BATCH_MESSAGE
            || request.code() == RequestCode::SEND_MESSAGE && fields.get("batch") == Some("1");
        let store = if is_batch { store_batch } else { store_one };
        match store(broker, parcel, &header, target, stamped) {
            Ok(stored) => finish(broker, stored, reply),
            Err(refusal) => reply.refuse(refusal),
        }
    });
}

/// A message, or a batch, that is in the commit log.
struct Stored<'a> {
    receipt: Receipt<'a>,
    end: PhysicalOffset,
    /// The producer waits for the disk where the broker flushes synchronously.
    waits: bool,
    /// Topics that this message created.
    created: Vec<Arc<TopicConfig>>,
}

fn store_one<'a>(
    broker: &Broker,
    parcel: Parcel<'_>,
    header: &SendMessageRequest<'a>,
    mut target: Target,
    stamped: &mut Vec<u8>,
) -> Result<Stored<'a>, Refusal> {
    let known = stamp(broker, header, stamped);
    heed_priority(&known, &mut target, stamped);
    light::enter(broker, header.topic, &known, stamped)?;
    let unique_key = match known.unique_key {
        Some(key) => receipt::UniqueKey::Sent(key),
        None => {
            let id = broker.unique_ids.next(broker.clock.now_ms());
            push(stamped, key::UNIQUE_KEY, id.as_str());
            receipt::UniqueKey::Made(id)
        }
    };
    let is_half = is_half(header, &known);
    check_kind(header, &known, is_half)?;
    let mut message = message(broker, parcel, header, &target, stamped);
    let mut created = Vec::from_iter(target.created.clone());
    let mut recall_handle = None;
    if !is_half {
        message.sys_flag &= !sys_flag::TRANSACTION_MASK;
    }
    let put = if is_half {
        store_half(broker, &message)?
    } else if known.is_at_once() && !name::is_retry_topic(header.topic) {
        broker.store.put(&message)?
    } else {
        let mut message = Message::from(&message);
        created.extend(retry::admit(broker, header, parcel.honours_limit, &mut message)?);
        if let Some(level) = message.properties.number(key::DELAY_LEVEL).filter(|level| *level > 0) {
            timer::timing::yield_to_level(&mut message.properties);
            delay::redirect(broker, &mut message, level);
        } else if known.timed_by.is_some() {
            recall_handle = timer::redirect(broker, &mut message)?;
        }
        let put = message.put(broker)?;
        if let Some(out_ms) = message.properties.number::<i64>(timer::timing::OUT_MS) {
            let seconds = (out_ms - message.born_ms).max(0).unsigned_abs() / 1_000;
            broker.statistics.finished(header.topic, Finished::Timed { seconds }, put.store_ms);
        }
        put
    };
    note_sent(broker, header.topic, &known, 1, put.size.into(), put.store_ms);
    let receipt = Receipt::one(broker, target.queue, &put, unique_key).with_recall_handle(recall_handle);
    Ok(Stored { receipt, end: put.end(), waits: !known.no_wait, created })
}

/// A message of some priority goes to the queue of that number, or the last one. A message that is of another kind by its other
/// properties loses its priority. Neither depends on what the topic is meant for.
fn heed_priority(known: &Known<'_>, target: &mut Target, stamped: &mut Vec<u8>) {
    let Some(priority) = known.priority else { return };
    if known.message_type() == MessageType::Priority {
        target.queue = QueueId(priority.min(target.write_queues - 1));
        return;
    }
    let all = std::mem::take(stamped);
    Properties(&all).copy_without(&[key::PRIORITY], stamped);
}

/// A message whose `sysFlag` contradicts its properties would never reach a consumer, or one that cannot read it.
fn check_kind(header: &SendMessageRequest<'_>, known: &Known<'_>, is_half: bool) -> Result<(), Refusal> {
    if header.sys_flag & (sys_flag::NEED_UNWRAP | sys_flag::INNER_BATCH) != 0 || known.claims_to_be_batch {
        return Err(Refusal::illegal(
            "the message claims to be a batch in one record, which only a broker makes (INNER_NUM)",
        ));
    }
    if !sys_flag::enters_queue(header.sys_flag) && !is_half && !known.is_half {
        return Err(Refusal::illegal(
            "sysFlag says that the message belongs to a transaction, its property TRAN_MSG does not",
        ));
    }
    Ok(())
}

/// Whether a message belongs to a transaction. Clients before 4.6.1 leave the mark on what they send to their retry topics.
fn is_half(header: &SendMessageRequest<'_>, known: &Known<'_>) -> bool {
    known.is_half && !(header.reconsume_times > 0 && known.delay_level.is_some())
}

fn store_half(broker: &Broker, message: &NewMessage<'_>) -> Result<Put, Refusal> {
    let config = broker.config.get();
    if config.reject_transaction_message {
        let remark = format!("the broker[{}] sending transaction message is forbidden", config.broker_ip1);
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    let mut message = Message::from(message);
    timer::check(broker, &message)?;
    transaction::prepare(&mut message);
    Ok(message.put(broker)?)
}

fn store_batch<'a>(
    broker: &Broker,
    parcel: Parcel<'_>,
    header: &SendMessageRequest<'a>,
    target: Target,
    stamped: &mut Vec<u8>,
) -> Result<Stored<'a>, Refusal> {
    if header.topic.len() > BATCH_TOPIC_MAX_BYTES {
        let remark = format!("message topic length too long {}", header.topic.len());
        return Err(Refusal::illegal(remark));
    }
    if name::is_retry_topic(header.topic) {
        return Err(Refusal::illegal(format!("batch request does not support retry group {}", header.topic)));
    }
    let known = stamp(broker, header, stamped);
    if let (Some(property), None) = (known.timed_by, known.delay_level) {
        return Err(Refusal::illegal(format!("a batch cannot wait for a time of its own (property {property})")));
    }
    if known.is_half {
        return Err(Refusal::illegal("a batch cannot belong to a transaction (property TRAN_MSG)"));
    }
    let puts = broker.store.put_batch(&message(broker, parcel, header, &target, stamped))?;
    let Some(last) = puts.last() else {
        return Err(Refusal::illegal("the batch holds no message"));
    };
    let bytes = puts.iter().map(|put| u64::from(put.size)).sum();
    note_sent(broker, header.topic, &known, puts.len() as u64, bytes, last.store_ms);
    let receipt = Receipt::batch(broker, target.queue, &puts, known.unique_key);
    let created = Vec::from_iter(target.created.clone());
    Ok(Stored { receipt, end: last.end(), waits: !known.no_wait, created })
}

/// Counts what a producer sent; what consumers send back does not count, as with Apache.
fn note_sent(broker: &Broker, topic: &str, known: &Known<'_>, messages: u64, bytes: u64, now_ms: i64) {
    if !name::is_retry_topic(topic) {
        broker.statistics.sent(topic, known.message_type(), messages, bytes, now_ms);
    }
}

/// Stamps the properties.
fn stamp<'a>(broker: &Broker, header: &SendMessageRequest<'a>, out: &mut Vec<u8>) -> Known<'a> {
    let config = broker.config.get();
    let stamp = Stamp { region: &config.region_id, trace_on: config.trace_on, cluster: &config.broker_cluster_name };
    properties::stamp(header.properties.unwrap_or_default(), stamp, out)
}

fn message<'a>(
    broker: &Broker,
    parcel: Parcel<'a>,
    header: &SendMessageRequest<'a>,
    target: &Target,
    properties: &'a [u8],
) -> NewMessage<'a> {
    NewMessage {
        topic: header.topic,
        queue: target.queue,
        flag: header.flag,
        sys_flag: header.sys_flag | target.sys_flag,
        born_ms: header.born_timestamp,
        born_host: parcel.party.peer,
        store_host: broker.store_host,
        reconsume_times: header.reconsume_times,
        prepared_offset: 0,
        body: parcel.body,
        properties,
    }
}

/// Answers a stored message as soon as all that its producer may rely on is true.
fn finish(broker: &Arc<Broker>, stored: Stored<'_>, reply: Reply<'_>) {
    let flush_to = (stored.waits && broker.flush_mode == FlushMode::Sync).then_some(stored.end);
    if stored.created.is_empty() && flush_to.is_none() {
        return stored.receipt.answer(broker, reply);
    }
    let receipt = stored.receipt.into_owned();
    hold(broker, receipt, stored.created, flush_to, Waiter::Remoting(reply.park()));
}

/// Stores one message that came over gRPC, under a topic that exists.
pub(crate) fn store(
    broker: &Arc<Broker>,
    header: &SendMessageRequest<'_>,
    parcel: Parcel<'_>,
) -> Result<Sending, Refusal> {
    let target = check::check(broker, parcel, header)?;
    STAMPED.with_borrow_mut(|stamped| {
        let stored = store_one(broker, parcel, header, target, stamped)?;
        let flush_to = (stored.waits && broker.flush_mode == FlushMode::Sync).then_some(stored.end);
        if stored.created.is_empty() && flush_to.is_none() {
            return Ok(Sending::Done(stored.receipt.sent(true)));
        }
        let (tell, told) = oneshot::channel();
        hold(broker, stored.receipt.into_owned(), stored.created, flush_to, Waiter::Grpc(tell));
        Ok(Sending::Waits(told))
    })
}

/// Lets a producer wait until the name servers know the topics that its message created, and then for the disk.
fn hold(
    broker: &Arc<Broker>,
    receipt: Receipt<'static>,
    created: Vec<Arc<TopicConfig>>,
    flush_to: Option<PhysicalOffset>,
    waiter: Waiter,
) {
    if created.is_empty() {
        return await_disk(broker, receipt, flush_to, waiter);
    }
    // The producer's next step may be to start a consumer, which asks a name server.
    let announcer = broker.clone();
    let then = move || await_disk(&announcer, receipt, flush_to, waiter);
    broker.registrar.announce(created, Box::new(then));
}

fn await_disk(broker: &Arc<Broker>, receipt: Receipt<'static>, flush_to: Option<PhysicalOffset>, waiter: Waiter) {
    let Some(end) = flush_to else {
        return waiter.tell(broker, receipt, true);
    };
    let deadline_ms = broker.clock.now_ms() + i64::from(broker.config.get().sync_flush_timeout_ms);
    broker.waiting_sends.lock().hold(end, deadline_ms, WaitingSend { waiter, receipt });
    broker.store.request_flush(end);
    // The disk may have got there before the answer began to wait.
    let flushed = broker.store.flushed_offset();
    if flushed >= end {
        self::flushed(broker, flushed);
    } else if broker.store.health().refusal.is_some() {
        refused(broker, "the commit log cannot be synced");
    }
}

/// The disk has the commit log up to `up_to`: answers who waited for that.
pub(crate) fn flushed(broker: &Broker, up_to: PhysicalOffset) {
    let done = broker.waiting_sends.lock().flushed(up_to);
    for WaitingSend { waiter, receipt } in done {
        waiter.tell(broker, receipt, true);
    }
}

/// No sync will come any more: tells who waited for one.
pub(crate) fn refused(broker: &Broker, reason: &str) {
    let waiting = broker.waiting_sends.lock().drain();
    for WaitingSend { waiter, .. } in waiting {
        waiter.refuse(Refusal::unavailable(format!("the message may not be on the disk: {reason}")));
    }
}

/// Answers sends that have waited for the disk for too long; clients take that for sent, with a status.
pub(crate) fn expire(broker: &Broker, now_ms: i64) {
    let late = broker.waiting_sends.lock().expired(now_ms);
    for WaitingSend { waiter, receipt } in late {
        waiter.tell(broker, receipt, false);
    }
}
