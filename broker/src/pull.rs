//! Consuming by pull (requests 11 and 361): checks, the read from the store, long polling, and the answer.
//! How long polling keeps its books is in [`waiting`]; which messages a group wants is in [`crate::filter`].

mod check;
mod recipient;
mod scan;
pub mod waiting;

use std::sync::Arc;

use bolide_remoting::header::PullMessageResponse;
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::{Arrival, QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};

use crate::broker::Broker;
use crate::filter::Subscription;
use crate::flow;
use crate::quota::{self, Party, Traffic};
use crate::recipient::Recipient;
use crate::reply::Respond;
use crate::statistics::Got;
pub(crate) use recipient::{Asked, Pulled, receive};

/// Id of the broker that clients are told to pull from next: the master, for there are no slaves.
const MASTER_ID: i64 = 0;

/// A pull that has passed all checks. `S` is `&str` while it is handled where it was decoded, `String` while it waits.
#[derive(Debug, Clone)]
pub(crate) struct Pull<S> {
    party: Party<S>,
    group: S,
    topic: S,
    queue: QueueId,
    offset: QueueOffset,
    limits: ReadLimits,
    subscription: Arc<Subscription>,
    topic_sys_flag: i32,
    group_sys_flag: i32,
}

impl Pull<&str> {
    fn into_owned(self) -> Pull<String> {
        Pull {
            party: self.party.into_owned(),
            group: self.group.to_owned(),
            topic: self.topic.to_owned(),
            queue: self.queue,
            offset: self.offset,
            limits: self.limits,
            subscription: self.subscription,
            topic_sys_flag: self.topic_sys_flag,
            group_sys_flag: self.group_sys_flag,
        }
    }
}

/// A pull that waits for a message, with what it takes to answer it.
pub(crate) struct HeldPull {
    pull: Pull<String>,
    reply: Recipient<Pulled>,
    /// Until when it waits, in milliseconds.
    deadline_ms: i64,
}

/// PULL_MESSAGE and LITE_PULL_MESSAGE.
pub(crate) fn pull(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let checked = match check::check(broker, request) {
        Ok(checked) => checked,
        Err(denied) => return denied.answer(reply),
    };
    let check::Checked { pull, commit, patience_ms } = checked;
    if let Some(offset) = commit {
        broker.offsets.write().commit(pull.group, pull.topic, pull.queue.0, offset);
    }
    if let Some(offset) = take_reset(broker, &pull) {
        return answer_reset(broker, &pull, offset, reply);
    }
    match read(broker, &pull) {
        Ok(read) if patience_ms > 0 && is_at_end(&pull, &read) => {
            let deadline_ms = broker.clock.now_ms() + patience_ms;
            hold(broker, HeldPull { pull: pull.into_owned(), reply: reply.park().into(), deadline_ms });
        }
        Ok(read) => {
            note_progress(broker, &pull, &read);
            let (code, header) = outcome(&pull, &read);
            reply.respond(code, Some(read.status.name()), &header, Body::Many(read.records));
        }
        Err(ReadError::Cold) => read_on_blocking_thread(broker, pull.into_owned(), reply.park().into()),
        Err(error) => reply.refuse(error),
    }
}

/// Messages have arrived: pulls that waited for them go on.
pub(crate) fn wake(broker: &Arc<Broker>, arrivals: &[Arrival]) {
    if broker.waiting_pulls.lock().is_empty() {
        return;
    }
    for arrival in arrivals {
        let wanted = |held: &HeldPull| held.pull.subscription.accepts(arrival.tags_code);
        let ready = broker.waiting_pulls.lock().arrived(&arrival.topic, arrival.queue, arrival.max_offset, wanted);
        resume(broker, ready);
    }
}

/// An operator has set another offset for a group: its pull of that queue goes on if one waits.
pub(crate) fn wake_group(broker: &Arc<Broker>, group: &str, topic: &str, queue: QueueId) {
    let of_group = |held: &HeldPull| held.pull.group == group;
    let ready = broker.waiting_pulls.lock().arrived(topic, queue, QueueOffset(i64::MAX), of_group);
    resume(broker, ready);
}

/// Answers pulls whose patience has ended.
pub(crate) fn expire(broker: &Arc<Broker>, now_ms: i64) {
    let expired = broker.waiting_pulls.lock().expired(now_ms);
    resume(broker, expired);
}

/// Answers all waiting pulls, for the broker stops.
pub(crate) fn drain(broker: &Arc<Broker>) {
    let waiting = broker.waiting_pulls.lock().drain();
    resume(broker, waiting.into_iter().map(|held| HeldPull { deadline_ms: 0, ..held }).collect());
}

fn resume(broker: &Arc<Broker>, pulls: Vec<HeldPull>) {
    let now_ms = broker.clock.now_ms();
    for HeldPull { mut pull, reply, deadline_ms } in pulls {
        if !reply.is_open() {
            // Nobody is there: what was read for them would count as pulled, and an operator's reset be lost to those who are.
            reply.forget();
            continue;
        }
        if let Some(offset) = take_reset(broker, &pull) {
            reply.give_reset(broker, &pull, offset);
            continue;
        }
        match read(broker, &pull) {
            Err(ReadError::Cold) => read_on_blocking_thread(broker, pull, reply),
            // What came does not meet the group's condition: wait for what comes next, rather than have the client ask again.
            Ok(read) if read.status == ReadStatus::NoMatched && now_ms < deadline_ms => {
                pull.offset = read.next_offset;
                hold(broker, HeldPull { pull, reply, deadline_ms });
            }
            result => answer_parked(broker, &pull, result, reply),
        }
    }
}

fn read<S: AsRef<str>>(broker: &Broker, pull: &Pull<S>) -> Result<QueueRead, ReadError> {
    let accepts = |tags_code| pull.subscription.accepts(tags_code);
    let topic = pull.topic.as_ref();
    scan::scan(pull, |from| broker.store.read_queue(topic, pull.queue, from, pull.limits, &accepts))
}

/// The data is on disk only: a thread that may wait reads it, so that a slow disk stalls no connection.
fn read_on_blocking_thread(broker: &Arc<Broker>, pull: Pull<String>, reply: Recipient<Pulled>) {
    let turn = match flow::begin_slow(broker) {
        Ok(turn) => turn,
        Err(refusal) => return reply.refuse(refusal),
    };
    let broker = broker.clone();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if let Err(refusal) = flow::check_memory(&broker, reply.pending_bytes()) {
            return reply.refuse(refusal);
        }
        let accepts = |tags_code| pull.subscription.accepts(tags_code);
        let read = |from| broker.store.read_queue_blocking(&pull.topic, pull.queue, from, pull.limits, &accepts);
        let begun_ms = broker.clock.now_ms();
        let result = scan::scan(&pull, read);
        if let Ok(read) = &result {
            let now_ms = broker.clock.now_ms();
            broker.statistics.waited_for_disk(got(&pull, read), now_ms - begun_ms, now_ms);
        }
        answer_parked(&broker, &pull, result, reply);
    });
}

fn answer_parked(broker: &Broker, pull: &Pull<String>, result: Result<QueueRead, ReadError>, reply: Recipient<Pulled>) {
    match result {
        Ok(read) => {
            note_progress(broker, pull, &read);
            reply.give(pull, read);
        }
        Err(error) => reply.refuse(error),
    }
}

fn hold(broker: &Arc<Broker>, held: HeldPull) {
    let Pull { group, topic, queue, offset, .. } = &held.pull;
    let (group, topic, queue, offset) = (group.clone(), topic.clone(), *queue, *offset);
    let deadline_ms = held.deadline_ms;
    let refused = broker.waiting_pulls.lock().hold(&topic, queue, offset, deadline_ms, held).err();
    if let Some(held) = refused {
        return answer_parked(broker, &held.pull, read(broker, &held.pull), held.reply);
    }
    // A message, or an operator's reset, may have come between the read and now, when nobody was waiting for it yet.
    let max_offset = broker.store.max_offset(&topic, queue).unwrap_or_default();
    let missed = broker.waiting_pulls.lock().arrived(&topic, queue, max_offset, |_| true);
    resume(broker, missed);
    if broker.offsets.read().has_reset(&group, &topic, queue.0) {
        wake_group(broker, &group, &topic, queue);
    }
}

/// Whether there is nothing at the pull's offset yet, so that waiting makes sense.
fn is_at_end<S>(pull: &Pull<S>, read: &QueueRead) -> bool {
    let nothing = matches!(read.status, ReadStatus::NoMessage | ReadStatus::NoSuchQueue);
    read.status == ReadStatus::OverflowOne || (nothing && pull.offset == QueueOffset(0))
}

fn outcome<S>(pull: &Pull<S>, read: &QueueRead) -> (ResponseCode, PullMessageResponse) {
    let code = match read.status {
        ReadStatus::Found => ResponseCode::SUCCESS,
        ReadStatus::NoMatched | ReadStatus::Removed => ResponseCode::PULL_RETRY_IMMEDIATELY,
        ReadStatus::OverflowOne => ResponseCode::PULL_NOT_FOUND,
        ReadStatus::NoMessage | ReadStatus::NoSuchQueue if pull.offset == QueueOffset(0) => {
            ResponseCode::PULL_NOT_FOUND
        }
        ReadStatus::NoMessage | ReadStatus::NoSuchQueue => ResponseCode::PULL_OFFSET_MOVED,
        ReadStatus::OverflowBadly | ReadStatus::TooSmall => ResponseCode::PULL_OFFSET_MOVED,
    };
    (code, header(pull, read.next_offset, read.min_offset, read.max_offset))
}

fn header<S>(pull: &Pull<S>, next: QueueOffset, min: QueueOffset, max: QueueOffset) -> PullMessageResponse {
    PullMessageResponse {
        suggest_which_broker_id: MASTER_ID,
        next_begin_offset: next.0,
        min_offset: min.0,
        max_offset: max.0,
        topic_sys_flag: Some(pull.topic_sys_flag),
        group_sys_flag: Some(pull.group_sys_flag),
        offset_delta: None,
        forbidden_type: None,
    }
}

fn got<'a, S: AsRef<str>>(pull: &'a Pull<S>, read: &QueueRead) -> Got<'a> {
    Got { topic: pull.topic.as_ref(), group: pull.group.as_ref(), messages: read.count, bytes: read.bytes }
}

fn note_progress<S: AsRef<str>>(broker: &Broker, pull: &Pull<S>, read: &QueueRead) {
    let (group, topic) = (pull.group.as_ref(), pull.topic.as_ref());
    broker.offsets.write().pulled(group, topic, pull.queue.0, read.next_offset.0);
    broker.statistics.got(got(pull, read), broker.clock.now_ms());
    quota::charge(broker, &pull.party, Traffic::Read { group, topic }, read.count, read.bytes);
}

/// An operator has set another offset: takes it, so that this pull answers with it.
fn take_reset<S: AsRef<str>>(broker: &Broker, pull: &Pull<S>) -> Option<i64> {
    let (group, topic) = (pull.group.as_ref(), pull.topic.as_ref());
    if !broker.offsets.read().has_reset(group, topic, pull.queue.0) {
        return None;
    }
    broker.offsets.write().take_reset(group, topic, pull.queue.0)
}

fn answer_reset<S: AsRef<str>>(broker: &Broker, pull: &Pull<S>, offset: i64, reply: impl Respond) {
    let topic = pull.topic.as_ref();
    let min = broker.store.min_offset(topic, pull.queue).unwrap_or_default();
    let max = broker.store.max_offset(topic, pull.queue).unwrap_or_default();
    let header = header(pull, QueueOffset(offset), min, max);
    reply.respond(ResponseCode::PULL_OFFSET_MOVED, Some("OFFSET_RESET"), &header, Body::Empty);
}
