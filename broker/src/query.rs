//! Finding messages that were stored earlier: by their place in the commit log (33), by key or by unique key (12).

pub(crate) mod consume_queue;

use std::sync::Arc;

use bolide_remoting::header::{QueryMessageRequest, QueryMessageResponse, ViewMessageRequest};
use bolide_remoting::{Reply, Request, ResponseCode};
use bolide_store::record::RecordView;
use bolide_store::record::properties::{KEYS, UNIQUE_KEY};
use bolide_store::{PhysicalOffset, ReadError};
use bytes::Bytes;

use crate::broker::Broker;
use crate::delay::{self, SCHEDULE_TOPIC};
use crate::refusal::Refusal;
use crate::reply::Respond;
use crate::timer::{TIMER_TOPIC, timing};

/// Where messages wait for their time; they are found under the topic that they are for.
const WAITING_TOPICS: [&str; 2] = [TIMER_TOPIC, SCHEDULE_TOPIC];

/// VIEW_MESSAGE_BY_ID.
pub(crate) fn view(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match ViewMessageRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let (offset, topic) = (PhysicalOffset(header.offset), header.topic.map(str::to_owned));
    broker.on_blocking_thread(reply, move |broker, reply| {
        let record = broker.store.message_at(offset).map_err(|error| not_viewable(offset, error));
        reply.give_with_body(record.and_then(|record| match topic {
            Some(topic) if !belongs_to(&record, &topic) => {
                let remark = format!("the message at offset {offset} does not belong to topic {topic}");
                Err(Refusal::new(ResponseCode::NO_PERMISSION, remark))
            }
            _ => Ok(((), record)),
        }));
    });
}

fn not_viewable(offset: PhysicalOffset, error: ReadError) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, format!("can not find message by the offset, {offset}: {error}"))
}

/// What a query by key asks for.
struct Query {
    topic: String,
    key: String,
    by_unique_key: bool,
    max: usize,
    begin_ms: i64,
    end_ms: i64,
}

/// QUERY_MESSAGE.
pub(crate) fn query(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match QueryMessageRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    if header.index_type == Some("T") {
        return reply.refuse(Refusal::not_supported("a query by tag (indexType=T)"));
    }
    let config = broker.config.get();
    let by_unique_key = header.unique_key_query || header.index_type == Some("U");
    let limit =
        if by_unique_key { config.default_query_max_num } else { header.max_num.min(config.max_msgs_num_batch) };
    let query = Query {
        topic: header.topic.to_owned(),
        key: header.key.to_owned(),
        by_unique_key,
        max: usize::try_from(limit).unwrap_or(0),
        begin_ms: header.begin_timestamp,
        end_ms: header.end_timestamp,
    };
    broker.on_blocking_thread(reply, move |broker, reply| reply.give_with_body(find(broker, &query)));
}

fn find(broker: &Broker, query: &Query) -> Result<(QueryMessageResponse, Vec<Bytes>), Refusal> {
    let mut found = find_on(broker, query, &query.topic)?;
    for topic in WAITING_TOPICS {
        if found.is_empty() {
            found = find_on(broker, query, topic)?;
            if query.by_unique_key {
                // One that waits for long has been stored several times.
                found.truncate(1);
            }
        }
    }
    if found.is_empty() {
        let remark = "can not find message, maybe time range not correct";
        return Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark));
    }
    let header = QueryMessageResponse {
        index_last_update_timestamp: broker.clock.now_ms(),
        index_last_update_phyoffset: broker.store.max_physical_offset().0,
    };
    Ok((header, found))
}

/// Messages that lie on `topic`, which is the query's or one on which messages wait for their time; newest first.
fn find_on(broker: &Broker, query: &Query, topic: &str) -> Result<Vec<Bytes>, ReadError> {
    let candidates = broker.store.query_index(topic, &query.key, query.max, query.begin_ms, query.end_ms)?;
    let mut found = Vec::with_capacity(candidates.len());
    for offset in candidates {
        match broker.store.message_at(offset) {
            Ok(record) if is_meant(&record, query) => found.push(record),
            // Another message whose key has the same hash, or one that has been deleted since.
            Ok(_) | Err(ReadError::NoRecord(_)) => {}
            Err(error) => tracing::warn!(%offset, "a query passes over a message: {error}"),
        }
    }
    Ok(found)
}

fn is_meant(record: &[u8], query: &Query) -> bool {
    let Ok(view) = RecordView::parse(record) else {
        return false;
    };
    let properties = view.properties();
    let has_key = if query.by_unique_key {
        properties.get_str(UNIQUE_KEY) == Some(&query.key)
    } else {
        let tokens = properties.get_str(KEYS).unwrap_or_default().split(' ');
        tokens.chain(properties.get_str(UNIQUE_KEY)).any(|token| token == query.key)
    };
    has_key && is_for(&view, &query.topic)
}

fn belongs_to(record: &[u8], topic: &str) -> bool {
    RecordView::parse(record).is_ok_and(|view| is_for(&view, topic))
}

/// Whether a message lies on this topic, or will when its time has come.
fn is_for(view: &RecordView<'_>, topic: &str) -> bool {
    let waits = || {
        let properties = view.properties();
        WAITING_TOPICS.contains(&view.topic())
            && properties.get_str(delay::REAL_TOPIC) == Some(topic)
            && properties.get(timing::RECALLED_KEY).is_none()
    };
    view.topic() == topic || waits()
}
