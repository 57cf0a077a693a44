//! QUERY_CONSUME_QUEUE (321): the entries of a queue, as they are in its file.

use std::sync::Arc;

use bolide_remoting::body::{ConsumeQueueData, QueryConsumeQueueResponse, SubscriptionData, encode};
use bolide_remoting::header::QueryConsumeQueueRequest;
use bolide_remoting::{Body, Reply, Request, ResponseCode};
use bolide_store::{QueueEntry, QueueId, QueueOffset};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// The most entries of one answer; they are meant for people's eyes.
const MOST_ENTRIES: i32 = 10_000;

/// What is asked for.
struct Query {
    topic: String,
    queue: QueueId,
    first: QueueOffset,
    count: usize,
    /// Whose subscription is to be shown, too.
    group: Option<String>,
}

/// QUERY_CONSUME_QUEUE.
pub(crate) fn list(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match QueryConsumeQueueRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let query = Query {
        topic: header.topic.to_owned(),
        queue: QueueId(header.queue_id),
        first: QueueOffset(header.index),
        count: header.count.clamp(0, MOST_ENTRIES).unsigned_abs() as usize,
        group: header.consumer_group.map(str::to_owned),
    };
    broker.on_blocking_thread(reply, move |broker, reply| match try_list(broker, &query) {
        Ok(body) => {
            // Apache's remark where the queue has no such entry.
            let Query { topic, queue, first, .. } = &query;
            let missing = || format!("Index {first} of {}@{topic} is not exist!", queue.0);
            let remark = body.queue_data.is_empty().then(missing);
            reply.respond(ResponseCode::SUCCESS, remark.as_deref(), &(), Body::from(encode(&body)));
        }
        Err(refusal) => reply.refuse(refusal),
    });
}

fn try_list(broker: &Broker, query: &Query) -> Result<QueryConsumeQueueResponse, Refusal> {
    let (topic, queue) = (&query.topic, query.queue);
    let entries = broker.store.queue_entries(topic, queue, query.first, query.count)?.ok_or_else(|| {
        let remark = format!("{}@{topic} is not exist!", queue.0);
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    })?;
    let offset = |offset: Option<QueueOffset>| offset.unwrap_or_default().0;
    let clients = broker.clients.read();
    let subscription = query.group.as_ref().and_then(|group| clients.subscription(group, topic));
    let offline = |group: &String| format!("{group}@{topic} is not online!");
    Ok(QueryConsumeQueueResponse {
        subscription_data: subscription.map(|subscription| SubscriptionData::from(&**subscription)),
        filter_data: query.group.as_ref().filter(|_| subscription.is_none()).map(offline),
        queue_data: entries.iter().map(data).collect(),
        max_queue_index: offset(broker.store.max_offset(topic, queue)),
        min_queue_index: offset(broker.store.min_offset(topic, queue)),
    })
}

fn data(entry: &QueueEntry) -> ConsumeQueueData {
    ConsumeQueueData {
        physic_offset: entry.physical.0,
        physic_size: entry.bytes,
        tags_code: entry.tags_code,
        ..ConsumeQueueData::default()
    }
}
