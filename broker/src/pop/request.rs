//! POP_MESSAGE and POP_LITE_MESSAGE: takes messages, and waits for some where there are none.

use std::sync::Arc;

use bolide_remoting::header::{PopLiteMessageRequest, PopLiteMessageResponse, PopMessageRequest, PopMessageResponse};
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::light::LIGHT_QUEUE;
use bolide_store::{Arrival, ReadError, ReadStatus};
use bytes::Bytes;

use super::check::{self, Subject};
use super::handle::{Handle, OffsetInfo};
use super::recipient::Popped;
use super::retry_topic::{self, TopicKind};
use super::take::{Batch, Reading, TakeError, Taken, Wanted, has_message, take};
use super::waiting::{Full, Scope};
use super::{lite, relabel};
use crate::broker::Broker;
use crate::flow;
use crate::lite as lite_topics;
use crate::message::records;
use crate::quota::Party;
use crate::recipient::Recipient;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::send::properties::key;

/// How many messages one POP may take: as many as a checkpoint has bits for.
const MAX_MESSAGES: i32 = 32;
/// How much later than it wanted to wait a client's request may come; it has given up then.
const MAX_LATE_MS: i64 = 500;
/// How often a POP that is about to wait looks whether a message has come meanwhile.
pub(super) const LOOKS: usize = 3;

/// A POP that waits for a message, with what it takes to answer it.
pub(super) struct HeldPop {
    pub(super) wanted: Wanted,
    pub(super) reply: Recipient<Popped>,
}

impl HeldPop {
    fn answer(self, broker: &Broker, taken: Taken) {
        self.reply.give(broker, &self.wanted, taken);
    }
}

/// POP_MESSAGE.
pub(crate) fn pop(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    serve(broker, checked(broker, request), reply);
}

/// POP_LITE_MESSAGE: from the lite topics that a client has subscribed to. Apache's proxy asks so for its clients.
pub(crate) fn pop_lite(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    serve(broker, checked_lite(broker, request), reply);
}

fn serve(broker: &Arc<Broker>, wanted: Result<Wanted, Refusal>, reply: Reply<'_>) {
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(refusal) => return reply.refuse(refusal),
    };
    match take(broker, &wanted, Reading::Memory) {
        Ok(taken) if taken.count > 0 => {
            let more = taken.rest > 0;
            answer(broker, &wanted, &taken, reply);
            if more {
                wake_one(broker, &wanted.scope, wanted.queue);
            }
        }
        Ok(taken) => hold(broker, HeldPop { wanted, reply: reply.park().into() }, &taken, LOOKS),
        Err(TakeError::Read(ReadError::Cold)) => take_from_disk(broker, HeldPop { wanted, reply: reply.park().into() }),
        Err(error) => reply.refuse(error),
    }
}

fn checked(broker: &Broker, request: &Request<'_>) -> Result<Wanted, Refusal> {
    let header = PopMessageRequest::decode(&request.header.fields)?;
    let deadline_ms = deadline_ms(broker, header.born_time, header.poll_time, header.max_msg_nums)?;
    let subject = Subject { group: header.consumer_group, topic: header.topic, queue: header.queue_id };
    let party = Party::of(broker, request);
    check::check(broker, party, "pop message", subject)?;
    Ok(Wanted {
        party: party.into_owned(),
        scope: Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() },
        queue: header.queue_id,
        max_messages: usize::try_from(header.max_msg_nums).unwrap_or(0).max(1),
        invisible_ms: header.invisible_time.max(0),
        deadline_ms,
        may_wait: header.poll_time > 0,
        from_oldest: header.init_mode == 0,
        subscription: check::subscription(broker, header.topic, header.exp, header.exp_type)?,
        ordered: header.order.unwrap_or(false),
        attempt: header.attempt_id.filter(|attempt| !attempt.is_empty()).map(str::to_owned),
        holder: None,
        lite_client: None,
    })
}

fn checked_lite(broker: &Broker, request: &Request<'_>) -> Result<Wanted, Refusal> {
    let header = PopLiteMessageRequest::decode(&request.header.fields)?;
    let deadline_ms = deadline_ms(broker, header.born_time, header.poll_time, header.max_msg_num)?;
    let subject = Subject { group: header.consumer_group, topic: header.topic, queue: -1 };
    let party = Party::of(broker, request);
    check::check(broker, party, "pop message", subject)?;
    lite_topics::check(broker, header.topic, header.consumer_group)?;
    Ok(Wanted {
        party: party.into_owned(),
        scope: Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() },
        queue: -1,
        max_messages: usize::try_from(header.max_msg_num).unwrap_or(0).max(1),
        invisible_ms: header.invisible_time.max(0),
        deadline_ms,
        may_wait: header.poll_time > 0,
        from_oldest: false,
        subscription: check::subscription(broker, header.topic, None, None)?,
        ordered: true,
        attempt: header.attempt_id.filter(|attempt| !attempt.is_empty()).map(str::to_owned),
        holder: None,
        lite_client: Some(header.client_id.into()),
    })
}

/// Until when a POP may wait that is neither too late nor asks for too many messages.
fn deadline_ms(broker: &Broker, born_ms: i64, poll_ms: i64, max_messages: i32) -> Result<i64, Refusal> {
    let now_ms = broker.clock.now_ms();
    let born_ms = if born_ms == 0 { now_ms } else { born_ms };
    let address = &broker.config.get().broker_ip1;
    if now_ms.saturating_sub(born_ms).saturating_sub(poll_ms) > MAX_LATE_MS {
        let remark = format!("the broker[{address}] pop message is timeout too much");
        return Err(Refusal::new(ResponseCode::POLLING_TIMEOUT, remark));
    }
    if max_messages > MAX_MESSAGES {
        return Err(Refusal::invalid(format!(
            "the broker[{address}] pop message's num is greater than {MAX_MESSAGES}"
        )));
    }
    Ok(born_ms.saturating_add(poll_ms))
}

/// Answers a client that speaks remoting.
pub(super) fn answer(broker: &Broker, wanted: &Wanted, taken: &Taken, reply: impl Respond) {
    let (code, remark) = match taken.count {
        0 => (ResponseCode::POLLING_TIMEOUT, ReadStatus::NoMessage.name()),
        _ => (ResponseCode::SUCCESS, ReadStatus::Found.name()),
    };
    respond(broker, wanted, taken, code, remark, reply);
}

/// Tells a client that speaks remoting that too many wait already.
pub(super) fn answer_full(broker: &Broker, wanted: &Wanted, taken: &Taken, reply: impl Respond) {
    respond(broker, wanted, taken, ResponseCode::POLLING_FULL, ReadStatus::NoMessage.name(), reply);
}

fn respond(broker: &Broker, wanted: &Wanted, taken: &Taken, code: ResponseCode, remark: &str, reply: impl Respond) {
    if wanted.lite_client.is_some() {
        return respond_lite(wanted, taken, code, remark, reply);
    }
    let mut info = OffsetInfo::default();
    let mut out = Vec::new();
    for batch in &taken.batches {
        let kind = TopicKind::of(&batch.place.topic);
        info.add(kind, batch.place.queue, batch.start, &batch.offsets);
        if let Some(counts) = &batch.counts {
            info.add_counts(kind, batch.place.queue, &counts.counts, counts.least);
        }
        if kind == TopicKind::Normal || broker.config.get().pop_response_return_actual_retry_topic {
            out.extend(batch.records.iter().cloned());
        } else {
            out.push(relabelled(broker, wanted, taken, batch));
        }
    }
    let header = PopMessageResponse {
        pop_time: taken.pop_ms,
        invisible_time: wanted.invisible_ms,
        revive_qid: taken.revive_queue,
        rest_num: taken.rest,
        start_offset_info: Some(&info.start),
        msg_offset_info: Some(&info.messages),
        order_count_info: wanted.ordered.then_some(&info.order_counts),
    };
    reply.respond(code, Some(remark), &header, Body::Many(out));
}

/// The messages say themselves from which lite topic they are; the header tells for each how often it was delivered before.
fn respond_lite(wanted: &Wanted, taken: &Taken, code: ResponseCode, remark: &str, reply: impl Respond) {
    let counts = taken.batches.iter().flat_map(|batch| {
        let count = |offset: &i64| batch.counts.as_ref().map_or(0, |counts| counts.of(*offset)).to_string();
        batch.offsets.iter().map(count)
    });
    let counts = counts.collect::<Vec<_>>().join(";");
    let header = PopLiteMessageResponse {
        pop_time: taken.pop_ms,
        invisible_time: wanted.invisible_ms,
        revive_qid: taken.revive_queue,
        start_offset_info: None,
        msg_offset_info: None,
        order_count_info: Some(&counts),
    };
    let records = taken.batches.iter().flat_map(|batch| batch.records.iter().cloned());
    reply.respond(code, Some(remark), &header, Body::Many(records.collect()));
}

/// Retries, with the topic that the client asked for and their handles.
fn relabelled(broker: &Broker, wanted: &Wanted, taken: &Taken, batch: &Batch) -> Bytes {
    let config = broker.config.get();
    let handle = Handle {
        start: batch.start,
        pop_ms: taken.pop_ms,
        invisible_ms: wanted.invisible_ms,
        revive_queue: taken.revive_queue,
        broker: &config.broker_name,
    };
    let mut out = Vec::new();
    for (_, view) in records(&batch.records) {
        let text = handle.write(TopicKind::of(&batch.place.topic), batch.place.queue, view.queue_offset().0);
        if !relabel::relabel(&view, &wanted.scope.topic, (key::POP_CHECKPOINT, &text), &mut out) {
            // Clients make the handle themselves from the other fields; they only see the retry topic's name.
            out.extend_from_slice(view.bytes());
        }
    }
    Bytes::from(out)
}

/// Lets a POP that found nothing wait, if it may.
fn hold(broker: &Arc<Broker>, held: HeldPop, found: &Taken, looks: usize) {
    let nothing = |found: &Taken| Taken { pop_ms: found.pop_ms, revive_queue: found.revive_queue, ..Taken::default() };
    let wanted = &held.wanted;
    if !wanted.may_wait || wanted.deadline_ms <= broker.clock.now_ms() {
        let nothing = nothing(found);
        return held.answer(broker, nothing);
    }
    if let Some(client) = wanted.lite_client.clone() {
        return hold_lite(broker, held, &client, nothing(found), looks);
    }
    let (scope, queue, deadline_ms) = (wanted.scope.clone(), wanted.queue, wanted.deadline_ms);
    let retries = [retry_topic::v1(&scope.topic, &scope.group), retry_topic::v2(&scope.topic, &scope.group)];
    let refused = broker.pop.pops.lock().hold(&scope, queue, retries, deadline_ms, held).err();
    if let Some(Full(HeldPop { wanted, reply })) = refused {
        return reply.give_full(broker, &wanted, nothing(found));
    }
    // A message may have come between the read and now, when nobody was waiting for it yet.
    if looks > 0 && has_message(broker, &scope, queue, None) {
        let missed = broker.pop.pops.lock().first(&scope, queue);
        if let Some(held) = missed {
            resume(broker, held, looks - 1);
        }
    }
}

/// Lets a POP of lite topics wait.
fn hold_lite(broker: &Arc<Broker>, held: HeldPop, client: &str, nothing: Taken, looks: usize) {
    let scope = lite::scope(client, &held.wanted.scope.group);
    let deadline_ms = held.wanted.deadline_ms;
    // Lite topics have no retry topics.
    let refused = broker.pop.lite_pops.lock().hold(&scope, LIGHT_QUEUE.0, Default::default(), deadline_ms, held).err();
    if let Some(Full(HeldPop { wanted, reply })) = refused {
        return reply.give_full(broker, &wanted, nothing);
    }
    // As with others: it may have been noted when nobody was waiting yet.
    if looks > 0 && broker.lite.has_next(client) {
        let missed = broker.pop.lite_pops.lock().first(&scope, LIGHT_QUEUE.0);
        if let Some(held) = missed {
            resume(broker, held, looks - 1);
        }
    }
}

/// Begins a POP that did not come in a request of remoting.
pub(super) fn begin(broker: &Arc<Broker>, held: HeldPop) {
    let (scope, queue) = (held.wanted.scope.clone(), held.wanted.queue);
    if resume(broker, held, LOOKS) {
        wake_one(broker, &scope, queue);
    }
}

/// Goes on with a POP that waited, or was set aside. Answers whether it took something and left more.
pub(super) fn resume(broker: &Arc<Broker>, held: HeldPop, looks: usize) -> bool {
    if !held.reply.is_open() {
        // Nobody is there: another one shall have the message.
        held.reply.forget();
        return true;
    }
    match take(broker, &held.wanted, Reading::Memory) {
        Ok(taken) if taken.count > 0 => {
            let more = taken.rest > 0;
            held.answer(broker, taken);
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
    let turn = match flow::begin_slow(broker) {
        Ok(turn) => turn,
        Err(refusal) => return held.reply.refuse(refusal),
    };
    let broker = broker.clone();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if let Err(refusal) = flow::check_memory(&broker, held.reply.pending_bytes()) {
            return held.reply.refuse(refusal);
        }
        match take(&broker, &held.wanted, Reading::Disk) {
            Ok(taken) if taken.count > 0 => {
                let more = taken.rest > 0;
                let (scope, queue) = (held.wanted.scope.clone(), held.wanted.queue);
                held.answer(&broker, taken);
                if more {
                    wake_one(&broker, &scope, queue);
                }
            }
            Ok(taken) => hold(&broker, held, &taken, LOOKS),
            Err(error) => held.reply.refuse(error),
        }
    });
}

/// A message has arrived; `false`: nobody waited for it.
pub(super) fn wake(broker: &Arc<Broker>, arrival: &Arrival) -> bool {
    if broker.pop.pops.lock().is_empty() {
        return false;
    }
    let wants = |held: &HeldPop| held.wanted.subscription.accepts(arrival.tags_code);
    let ready = broker.pop.pops.lock().arrived(&arrival.topic, arrival.queue.0, wants);
    let is_awaited = !ready.is_empty();
    for held in ready {
        let (scope, queue) = (held.wanted.scope.clone(), held.wanted.queue);
        if resume(broker, held, LOOKS) {
            wake_one(broker, &scope, queue);
        }
    }
    is_awaited
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
    let mut expired = broker.pop.pops.lock().expired(now_ms);
    expired.extend(broker.pop.lite_pops.lock().expired(now_ms));
    for held in expired {
        resume(broker, held, 0);
    }
}

/// Answers all POPs that wait, for the broker stops.
pub(super) fn drain(broker: &Broker) {
    let mut waiting = broker.pop.pops.lock().drain();
    waiting.extend(broker.pop.lite_pops.lock().drain());
    for held in waiting {
        let taken = Taken { pop_ms: broker.clock.now_ms(), ..Taken::default() };
        held.answer(broker, taken);
    }
}
