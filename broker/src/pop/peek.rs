//! PEEK_MESSAGE: shows messages that a POP could take, and takes none.

use std::sync::Arc;

use bolide_remoting::header::{PeekMessageRequest, PopMessageResponse};
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::{QueueId, QueueOffset, QueueRead, ReadError, ReadLimits, ReadStatus};
use bytes::Bytes;

use super::check::{self, Subject};
use super::take::{Reading, queues_in_turn};
use super::waiting::Scope;
use crate::broker::Broker;
use crate::quota::Party;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// How many messages one look shows.
const MAX_MESSAGES: usize = 32;

/// A look that has passed all checks.
struct Look {
    scope: Scope,
    /// Negative: any queue.
    queue: i32,
    max_messages: usize,
}

/// What a look showed.
#[derive(Default)]
struct Seen {
    records: Vec<Bytes>,
    count: usize,
    /// How many messages the group has not got yet, those shown included.
    rest: i64,
}

/// PEEK_MESSAGE.
pub(crate) fn peek(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let look = match checked(broker, request) {
        Ok(look) => look,
        Err(refusal) => return reply.refuse(refusal),
    };
    match see(broker, &look, Reading::Memory) {
        Ok(seen) => answer(seen, reply),
        Err(ReadError::Cold) => {
            broker.on_blocking_thread(reply, move |broker, reply| match see(broker, &look, Reading::Disk) {
                Ok(seen) => answer(seen, reply),
                Err(error) => reply.refuse(error),
            });
        }
        Err(error) => reply.refuse(error),
    }
}

fn checked(broker: &Broker, request: &Request<'_>) -> Result<Look, Refusal> {
    let header = PeekMessageRequest::decode(&request.header.fields)?;
    let subject = Subject { group: header.consumer_group, topic: header.topic, queue: header.queue_id };
    check::check(broker, Party::of(broker, request), "peeking message", subject)?;
    Ok(Look {
        scope: Scope { topic: header.topic.to_owned(), group: header.consumer_group.to_owned() },
        queue: header.queue_id,
        max_messages: usize::try_from(header.max_msg_nums).unwrap_or(0).clamp(1, MAX_MESSAGES),
    })
}

fn see(broker: &Broker, look: &Look, reading: Reading) -> Result<Seen, ReadError> {
    let mut seen = Seen::default();
    let lot = broker.pop.next_lot();
    for (topic, queue) in queues_in_turn(broker, &look.scope, look.queue, false, lot) {
        let (topic, queue) = (topic.topic_name.as_str(), QueueId(queue));
        let committed = broker.offsets.read().query(&look.scope.group, topic, queue.0).map(QueueOffset);
        let min = broker.store.min_offset(topic, queue).unwrap_or_default();
        let max = broker.store.max_offset(topic, queue).unwrap_or_default();
        let offset = committed.unwrap_or(min);
        seen.rest += (max.0 - offset.0).max(0);
        let room = look.max_messages - seen.count;
        if room == 0 {
            continue;
        }
        let mut found = read(broker, topic, queue, offset, room, reading)?;
        if matches!(found.status, ReadStatus::TooSmall | ReadStatus::OverflowBadly | ReadStatus::Removed) {
            found = read(broker, topic, queue, found.next_offset, room, reading)?;
        }
        seen.count += found.count;
        seen.records.append(&mut found.records);
    }
    Ok(seen)
}

fn read(
    broker: &Broker,
    topic: &str,
    queue: QueueId,
    offset: QueueOffset,
    room: usize,
    reading: Reading,
) -> Result<QueueRead, ReadError> {
    let limits = ReadLimits { max_messages: room, max_bytes: usize::MAX };
    match reading {
        Reading::Memory => broker.store.read_queue(topic, queue, offset, limits, &|_| true),
        Reading::Disk => broker.store.read_queue_blocking(topic, queue, offset, limits, &|_| true),
    }
}

fn answer(seen: Seen, reply: impl Respond) {
    let header = PopMessageResponse {
        pop_time: 0,
        invisible_time: 0,
        revive_qid: 0,
        rest_num: seen.rest,
        start_offset_info: None,
        msg_offset_info: None,
        order_count_info: None,
    };
    let (code, status) = match seen.count {
        0 => (ResponseCode::PULL_NOT_FOUND, ReadStatus::NoMessage),
        _ => (ResponseCode::SUCCESS, ReadStatus::Found),
    };
    reply.respond(code, Some(status.name()), &header, Body::Many(seen.records));
}
