//! The requests: END_TRANSACTION (37) and RESUME_CHECK_HALF_MESSAGE (323).

use std::sync::Arc;

use bolide_remoting::header::{EndTransactionRequest, ResumeCheckHalfMessageRequest};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::record::{RecordView, decode_message_id};
use bolide_store::{PhysicalOffset, QueueOffset};
use bytes::Bytes;

use crate::broker::Broker;
use crate::delay;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::statistics::topic_rows::Finished;
use crate::timer;
use crate::transaction::half::{self, key};
use crate::transaction::ledger::Claim;
use crate::transaction::{GIVEN_UP_TOPIC, HALF_TOPIC, QUEUE};

/// How a producer ends a transaction.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) is_commit: bool,
    pub(crate) producer_group: String,
    pub(crate) queue_offset: QueueOffset,
    pub(crate) physical: PhysicalOffset,
    /// The producer was asked.
    pub(crate) from_check: bool,
}

/// END_TRANSACTION. Most producers do not wait for the answer.
pub(crate) fn end(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match EndTransactionRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let is_commit = match header.commit_or_rollback {
        EndTransactionRequest::COMMIT => true,
        EndTransactionRequest::ROLLBACK => false,
        // The producer does not know yet: it is asked later.
        0 => return reply.ok(&()),
        other => {
            let remark = format!("commitOrRollback is {other}; 8 commits, 12 rolls back, 0 leaves it open");
            return reply.refuse(Refusal::invalid(remark));
        }
    };
    let ending = Ending {
        is_commit,
        producer_group: header.producer_group.to_owned(),
        queue_offset: QueueOffset(header.tran_state_table_offset),
        physical: PhysicalOffset(header.commit_log_offset),
        from_check: header.from_transaction_check,
    };
    if broker.store.is_in_memory(HALF_TOPIC, QUEUE, ending.queue_offset) {
        return reply.give(finish(broker, &ending));
    }
    broker.on_blocking_thread(reply, move |broker, reply| {
        let finished = finish(broker, &ending);
        broker.store.dispatch();
        reply.give(finished);
    });
}

/// Ends a transaction, for who can wait for the disk.
pub(crate) async fn end_now_or_on_blocking_thread(broker: &Arc<Broker>, ending: Ending) -> Result<(), Refusal> {
    if broker.store.is_in_memory(HALF_TOPIC, QUEUE, ending.queue_offset) {
        return finish(broker, &ending);
    }
    let worker = broker.clone();
    let finished = tokio::task::spawn_blocking(move || {
        let finished = finish(&worker, &ending);
        worker.store.dispatch();
        finished
    });
    finished.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn finish(broker: &Broker, ending: &Ending) -> Result<(), Refusal> {
    let wrong = |remark: &'static str| Refusal::new(ResponseCode::SYSTEM_ERROR, remark);
    let (record, moved) = find(broker, ending).ok_or_else(|| wrong("Find prepared transaction message failed"))?;
    let ending = moved.as_ref().unwrap_or(ending);
    let view = RecordView::parse(&record).ok().filter(|view| view.topic() == HALF_TOPIC);
    let view = view.ok_or_else(|| wrong("Find prepared transaction message failed"))?;
    if is_too_late(broker, ending, &view) {
        let remark = "the time that CHECK_IMMUNITY_TIME_IN_SECONDS asks for is over: wait for the check";
        return Err(Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark));
    }
    if view.properties().get_str(key::PRODUCER_GROUP) != Some(&ending.producer_group) {
        return Err(wrong("The producer group wrong"));
    }
    if view.queue_offset() != ending.queue_offset {
        return Err(wrong("The transaction state table offset wrong"));
    }
    if view.physical_offset() != ending.physical {
        return Err(wrong("The commit log offset wrong"));
    }
    let (offset, origin) = (view.queue_offset().0, half::origin(&view));
    match broker.transactions.ledger.lock().claim(offset, origin) {
        Claim::Granted => {}
        Claim::Over => return Ok(()),
        Claim::UnderWay => return Err(busy("the transaction is just being ended")),
        Claim::Full => return Err(busy("too many transactions ended while older ones are open")),
    }
    if ending.is_commit
        && let Err(refusal) = deliver(broker, &record, &view)
    {
        broker.transactions.ledger.lock().release(origin);
        return Err(refusal);
    }
    let now_ms = broker.clock.now_ms();
    let seconds = (now_ms - view.born_ms()).max(0).unsigned_abs() / 1_000;
    let what = if ending.is_commit { Finished::Commit { seconds } } else { Finished::Rollback };
    if let Some(topic) = view.properties().get_str(delay::REAL_TOPIC) {
        broker.statistics.finished(topic, what, now_ms);
    }
    let pending_bytes = {
        let mut ledger = broker.transactions.ledger.lock();
        ledger.settle(offset, origin);
        ledger.pending_bytes()
    };
    if pending_bytes >= broker.config.get().transaction_op_msg_max_size_bytes.unsigned_abs() as usize {
        broker.transactions.operation_full.notify_one();
    }
    Ok(())
}

/// The half message that a producer means: where it says, or, if the segment is gone, its latest copy, and where that is.
fn find(broker: &Broker, ending: &Ending) -> Option<(Bytes, Option<Ending>)> {
    if let Ok(record) = broker.store.message_at(ending.physical) {
        return Some((record, None));
    }
    if !(0..broker.store.min_physical_offset().0).contains(&ending.physical.0) {
        return None;
    }
    let copy = broker.transactions.ledger.lock().latest_copy(ending.queue_offset.0).cloned()?;
    let physical = PhysicalOffset(copy.physical);
    let moved = Ending { queue_offset: QueueOffset(copy.offset), physical, ..ending.clone() };
    Some((broker.store.message_at(physical).ok()?, Some(moved)))
}

fn busy(remark: &'static str) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_BUSY, remark)
}

/// Whether the producer let the time go by that it asked for: from then on only answers to checks count.
fn is_too_late(broker: &Broker, ending: &Ending, view: &RecordView<'_>) -> bool {
    let Some(asked) = view.properties().get_str(key::IMMUNITY_SECONDS).filter(|asked| !asked.is_empty()) else {
        return false;
    };
    let immunity_ms = asked.parse().map_or(0, |seconds: i64| seconds.saturating_mul(1_000));
    let allowed_ms = immunity_ms.max(broker.config.get().transaction_timeout_ms);
    !ending.from_check && broker.clock.now_ms() - view.born_ms() > allowed_ms
}

/// Stores the message of a committed transaction where consumers see it, or where it waits for its delay.
fn deliver(broker: &Broker, record: &Bytes, view: &RecordView<'_>) -> Result<(), Refusal> {
    let unusable = || Refusal::new(ResponseCode::SYSTEM_ERROR, "the half message does not say where it belongs");
    let mut message = half::commit(record, view).ok_or_else(unusable)?;
    if let Some(level) = message.properties.number(delay::LEVEL).filter(|level| *level > 0) {
        timer::timing::yield_to_level(&mut message.properties);
        delay::redirect(broker, &mut message, level);
    } else {
        timer::redirect_checked(broker, &mut message);
    }
    message.put_again(broker)?;
    Ok(())
}

/// RESUME_CHECK_HALF_MESSAGE: a half message that was given up is checked again as if it never had been.
pub(crate) fn resume_check(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match ResumeCheckHalfMessageRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let id = header.msg_id.unwrap_or_default();
    let offset = match decode_message_id(id) {
        Ok((_, offset)) => offset,
        Err(error) => {
            let remark = format!("msgId {id:?}: {error}");
            return reply.refuse(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
        }
    };
    broker.on_blocking_thread(reply, move |broker, reply| reply.give(resume(broker, offset)));
}

fn resume(broker: &Broker, offset: PhysicalOffset) -> Result<(), Refusal> {
    let record = broker.store.message_at(offset)?;
    let no_half = || Refusal::new(ResponseCode::SYSTEM_ERROR, format!("there is no half message at {offset}"));
    let view = RecordView::parse(&record).map_err(|_| no_half())?;
    let mut message = Message::of(&record, &view);
    if ![HALF_TOPIC, GIVEN_UP_TOPIC].contains(&view.topic()) || half::real_target(&message).is_none() {
        return Err(no_half());
    }
    message.topic = HALF_TOPIC.to_owned();
    message.queue = QUEUE;
    message.properties.set(key::CHECK_TIMES, "0");
    message.put_again(broker)?;
    broker.store.dispatch();
    Ok(())
}
