//! NOTIFICATION: whether there is something to pop, waiting for it if need be, without taking it. And POLLING_INFO: how many POPs
//! wait for a queue.

use std::sync::Arc;

use bolide_remoting::header::{NotificationRequest, NotificationResponse, PollingInfoRequest, PollingInfoResponse};
use bolide_remoting::{Body, Parked, Reply, Request, ResponseCode};
use bolide_store::Arrival;

use super::check::{self, Subject};
use super::retry_topic;
use super::take::has_message;
use super::waiting::{Full, Scope};
use crate::broker::Broker;
use crate::filter::Subscription;
use crate::quota::Party;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// What is asked.
#[derive(Debug, Clone)]
struct Question {
    scope: Scope,
    /// Negative: any queue.
    queue: i32,
    deadline_ms: i64,
    may_wait: bool,
    attempt: Option<String>,
    subscription: Arc<Subscription>,
}

/// A question that waits for a message, with what it takes to answer it.
pub(super) struct HeldNotification {
    question: Question,
    reply: Parked,
}

/// NOTIFICATION.
pub(crate) fn notification(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let question = match asked(broker, request) {
        Ok(question) => question,
        Err(refusal) => return reply.refuse(refusal),
    };
    if is_there(broker, &question) {
        return answer(reply, true, false);
    }
    if !question.may_wait || question.deadline_ms <= broker.clock.now_ms() {
        return answer(reply, false, false);
    }
    hold(broker, HeldNotification { question, reply: reply.park() });
}

fn asked(broker: &Broker, request: &Request<'_>) -> Result<Question, Refusal> {
    let header = NotificationRequest::decode(&request.header.fields)?;
    let subject = Subject { group: header.consumer_group, topic: header.topic, queue: header.queue_id };
    check::check(broker, Party::of(broker, request), "peeking message", subject)?;
    let born_ms = if header.born_time == 0 { broker.clock.now_ms() } else { header.born_time };
    Ok(Question {
        scope: Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() },
        queue: header.queue_id,
        deadline_ms: born_ms.saturating_add(header.poll_time),
        may_wait: header.poll_time > 0,
        attempt: header.attempt_id.map(str::to_owned),
        subscription: check::subscription(broker, header.topic, header.exp, header.exp_type)?,
    })
}

fn is_there(broker: &Broker, question: &Question) -> bool {
    has_message(broker, &question.scope, question.queue, question.attempt.as_deref())
}

fn answer(reply: impl Respond, has_msg: bool, polling_full: bool) {
    reply.respond(ResponseCode::SUCCESS, None, &NotificationResponse { has_msg, polling_full }, Body::Empty);
}

fn hold(broker: &Broker, held: HeldNotification) {
    let Question { scope, queue, deadline_ms, .. } = held.question.clone();
    let retries = [retry_topic::v1(&scope.topic, &scope.group), retry_topic::v2(&scope.topic, &scope.group)];
    let refused = broker.pop.notifications.lock().hold(&scope, queue, retries, deadline_ms, held).err();
    if let Some(Full(HeldNotification { reply, .. })) = refused {
        return answer(reply, false, true);
    }
    // A message may have come between the look and now, when nobody was waiting for it yet.
    if has_message(broker, &scope, queue, None)
        && let Some(held) = broker.pop.notifications.lock().first(&scope, queue)
    {
        answer(held.reply, true, false);
    }
}

/// A message has arrived; `false`: nobody asked for it.
pub(super) fn wake(broker: &Broker, arrival: &Arrival) -> bool {
    if broker.pop.notifications.lock().is_empty() {
        return false;
    }
    let wants = |held: &HeldNotification| held.question.subscription.accepts(arrival.tags_code);
    let ready = broker.pop.notifications.lock().arrived(&arrival.topic, arrival.queue.0, wants);
    let is_awaited = !ready.is_empty();
    for held in ready {
        go_on(broker, held);
    }
    is_awaited
}

/// A queue has become open to a group.
pub(super) fn wake_one(broker: &Broker, scope: &Scope, queue: i32) {
    let next = broker.pop.notifications.lock().first(scope, queue);
    if let Some(held) = next {
        go_on(broker, held);
    }
}

/// A POP may have been quicker: the question waits on, then.
fn go_on(broker: &Broker, held: HeldNotification) {
    if is_there(broker, &held.question) { answer(held.reply, true, false) } else { hold(broker, held) }
}

/// Answers questions whose patience has ended.
pub(super) fn expire(broker: &Broker, now_ms: i64) {
    let expired = broker.pop.notifications.lock().expired(now_ms);
    for HeldNotification { question, reply } in expired {
        answer(reply, is_there(broker, &question), false);
    }
}

/// Answers all questions that wait, for the broker stops.
pub(super) fn drain(broker: &Broker) {
    let waiting = broker.pop.notifications.lock().drain();
    for HeldNotification { reply, .. } in waiting {
        answer(reply, false, false);
    }
}

/// POLLING_INFO.
pub(crate) fn polling_info(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let counted = || -> Result<PollingInfoResponse, Refusal> {
        let header = PollingInfoRequest::decode(&request.header.fields)?;
        let subject = Subject { group: header.consumer_group, topic: header.topic, queue: header.queue_id };
        check::check(broker, Party::of(broker, request), "peeking message", subject)?;
        let scope = Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() };
        let waiting = broker.pop.pops.lock().count(&scope, header.queue_id);
        Ok(PollingInfoResponse { polling_num: i32::try_from(waiting).unwrap_or(i32::MAX) })
    };
    reply.give(counted());
}
