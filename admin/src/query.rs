//! Finding messages by what is known of them: an id, a key, a place.

use bolide_remoting::header::{ConsumeMessageDirectlyRequest, QueryMessageRequest, ViewMessageRequest};
use bolide_remoting::{Body, RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::consumer;
use crate::failure::Failure;
use crate::message::{Charset, in_answer, in_full};
use crate::print::pull;
use crate::record::{StoredMessage, UNIQUE_KEY, parse_offset_id};
use crate::report::{Cell, Report};
use crate::row;
use crate::running_info::ConsumeMessageDirectlyResult;
use crate::send;
use crate::session::{Broker, Session};
use crate::table::Column;
use crate::topic::{self, TOPIC};

const ID: Flag = Flag::text('i', "msgId", "The message's id: a producer's, or an offset id").required();
const GROUP: Flag = Flag::text('g', "consumerGroup", "Have a member of this group consume it, with -d");
const CLIENT: Flag = Flag::text('d', "clientId", "The member that is to consume it, with -g");
const AT_CLUSTER: Flag = Flag::text('c', "cluster", "Only brokers of this cluster");
const FORMAT: Flag = Flag::text('f', "bodyFormat", "The body's charset; UTF-8");

commands! {
    "queryMsgById": "Show a message by its id; or have it sent, or consumed, again", [
        TOPIC,
        ID,
        GROUP,
        CLIENT,
        Flag::truth('s', "sendMessage", "Whether to send it once more"),
        Flag::text('u', "unitName", "Without meaning here"),
        FORMAT,
        AT_CLUSTER,
    ],
        by_id() -> "{message: {offsetId, …} as printMsg, consumers: [{group, online, state}]}";
    "queryMsgByUniqueKey": "Show a message by the id that its producer gave it", [
        ID,
        GROUP,
        CLIENT,
        TOPIC,
        Flag::switch('a', "showAll", "All messages with this id, 32 at most"),
        AT_CLUSTER,
        Flag::number('s', "startTime", "Not older, in milliseconds since 1970"),
        Flag::number('e', "endTime", "Not newer, in milliseconds since 1970"),
    ],
        by_unique_key() -> "as queryMsgById, with -a [{id, queue, offset, stored}]";
    "queryMsgByKey": "List messages by one of their keys, or their tag", [
        TOPIC,
        Flag::text('k', "msgKey", "The key").required(),
        Flag::number('b', "beginTimestamp", "Not older, in milliseconds since 1970"),
        Flag::number('e', "endTimestamp", "Not newer, in milliseconds since 1970"),
        Flag::number('m', "maxNum", "How many at most; 64"),
        AT_CLUSTER,
        Flag::text('p', "keyType", "K for keys, T for tags; K"),
        Flag::text('l', "lastKey", "Where the last list ended"),
    ],
        by_key() -> "[{id, queue, offset, stored}]";
    "queryMsgByOffset": "Show a message by its place in a queue", [
        TOPIC,
        Flag::text('b', "brokerName", "The broker's name").required(),
        Flag::number('i', "queueId", "The queue").required(),
        Flag::number('o', "offset", "The offset in the queue").required(),
        FORMAT,
        Flag::text('r', "routeTopic", "Without meaning here: the broker is found by its name"),
    ],
        by_offset() -> "as queryMsgById";
}

const DEFAULT_COUNT: i32 = 64;
/// What a query for one id may find.
const MOST_OF_AN_ID: i32 = 32;

async fn brokers(session: &Session, arguments: &Arguments, topic: &str) -> Result<Vec<Broker>, Failure> {
    let mut brokers = session.brokers_of(topic).await?;
    if let Some(cluster) = arguments.optional("cluster") {
        brokers.retain(|broker| broker.cluster == cluster);
    }
    Ok(brokers)
}

/// What an index finds on these brokers. It goes by hashes, so that the caller has to look once more.
async fn indexed(
    session: &Session,
    brokers: &[Broker],
    request: &QueryMessageRequest<'_>,
) -> Result<Vec<StoredMessage>, Failure> {
    let mut found = Vec::new();
    for broker in brokers {
        let answer = session.request(&broker.address, RequestCode::QUERY_MESSAGE, request, Body::Empty).await?;
        if answer.code() != ResponseCode::QUERY_NOT_FOUND {
            found.extend(in_answer(&answer.success()?)?);
        }
    }
    Ok(found)
}

/// All messages with an id that producers gave.
async fn with_unique_key(
    session: &Session,
    brokers: &[Broker],
    topic: &str,
    id: &str,
    (begin_timestamp, end_timestamp): (i64, i64),
) -> Result<Vec<StoredMessage>, Failure> {
    let request = QueryMessageRequest {
        topic,
        key: id,
        max_num: MOST_OF_AN_ID,
        begin_timestamp,
        end_timestamp,
        index_type: None,
        last_key: None,
        unique_key_query: true,
    };
    let mut found = indexed(session, brokers, &request).await?;
    found.retain(|message| message.properties.get(UNIQUE_KEY).is_some_and(|key| key == id));
    found.sort_by_key(|message| message.store_ms);
    Ok(found)
}

/// The message of an id of either kind, and where it is stored.
async fn find(session: &Session, brokers: &[Broker], topic: &str, id: &str) -> Result<StoredMessage, Failure> {
    // An id that a producer gave may look like an offset id: only a known broker is asked.
    let place = parse_offset_id(id).map(|(host, offset)| (host.to_string(), offset));
    if let Some((address, offset)) =
        place.filter(|(address, _)| brokers.iter().any(|broker| broker.address == *address))
    {
        let request = ViewMessageRequest { topic: Some(topic), offset };
        let answer = session.ask(&address, RequestCode::VIEW_MESSAGE_BY_ID, &request, Body::Empty).await?;
        if let Some(message) = in_answer(&answer)?.into_iter().next() {
            return Ok(message);
        }
    }
    let found = with_unique_key(session, brokers, topic, id, (0, i64::MAX)).await?;
    found.into_iter().next_back().ok_or_else(|| {
        Failure::usage(format!(
            "there is no message {id} in topic {topic}; it may have expired, or be of another topic"
        ))
    })
}

async fn by_id(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    let charset = Charset::named(arguments.optional("bodyFormat"))?;
    let brokers = brokers(session, arguments, topic).await?;
    let mut report = Report::default();
    for id in arguments.list("msgId") {
        let message = find(session, &brokers, topic, &id).await?;
        report = report.and(match (arguments.optional("consumerGroup"), arguments.optional("clientId")) {
            (Some(group), Some(client)) => consume(session, &brokers, group, client, &message).await?,
            _ if arguments.optional_truth("sendMessage") == Some(true) => {
                let body = message.body.clone();
                let sent = send::send(session, topic, body, message.properties, None).await?;
                Report::done(format!("resend {id} success, it is {} now", sent.id))
            }
            _ => with_consumers(session, &brokers, &message, charset).await?,
        });
    }
    Ok(report)
}

async fn by_unique_key(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (topic, id) = (arguments.text("topic"), arguments.text("msgId"));
    let brokers = brokers(session, arguments, topic).await?;
    let begin = arguments.optional_number("startTime").unwrap_or(0);
    let end = arguments.optional_number("endTime").unwrap_or(i64::MAX);
    let found = with_unique_key(session, &brokers, topic, id, (begin, end)).await?;
    let Some(message) = found.last() else {
        return Err(Failure::usage(format!("there is no message {id} in topic {topic}; it may have expired")));
    };
    match (arguments.optional("consumerGroup"), arguments.optional("clientId")) {
        (Some(group), Some(client)) => consume(session, &brokers, group, client, message).await,
        _ if arguments.has("showAll") => Ok(listed(&found)),
        _ => with_consumers(session, &brokers, message, Charset::Utf8).await,
    }
}

const LISTED: &[Column] =
    &[("#Message ID", "id"), ("#QID", "queue"), ("#Offset", "offset"), ("#Store Timestamp", "stored")];

fn listed(messages: &[StoredMessage]) -> Report {
    let row = |message: &StoredMessage| {
        row![message.id(), message.queue_id, message.queue_offset, Cell::Time(message.store_ms)]
    };
    Report::table(LISTED, messages.iter().map(row).collect())
}

async fn by_key(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (topic, key) = (arguments.text("topic"), arguments.text("msgKey"));
    let kind = arguments.optional("keyType").unwrap_or("K");
    if kind != "K" && kind != "T" {
        return Err(Failure::usage(format!("-p is {kind:?}, but must be K for keys or T for tags")));
    }
    let request = QueryMessageRequest {
        topic,
        key,
        max_num: arguments.optional_int("maxNum").unwrap_or(DEFAULT_COUNT),
        begin_timestamp: arguments.optional_number("beginTimestamp").unwrap_or(0),
        end_timestamp: arguments.optional_number("endTimestamp").unwrap_or(i64::MAX),
        index_type: Some(kind),
        last_key: arguments.optional("lastKey"),
        unique_key_query: false,
    };
    let brokers = brokers(session, arguments, topic).await?;
    let mut found = indexed(session, &brokers, &request).await?;
    found.retain(|message| match kind {
        "T" => message.tags().is_some_and(|tags| tags == key),
        _ => message.keys().is_some_and(|keys| keys.split(' ').any(|known| known == key)) || message.id() == key,
    });
    found.sort_by_key(|message| message.store_ms);
    Ok(listed(&found))
}

async fn by_offset(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    let charset = Charset::named(arguments.optional("bodyFormat"))?;
    let broker = session.broker_named(arguments.text("brokerName")).await?;
    let queue = arguments.optional_int("queueId").unwrap_or_default();
    let offset = arguments.optional_number("offset").unwrap_or_default();
    let pulled = pull(session, &broker, topic, queue, offset, "*").await?;
    let Some(message) = pulled.messages.iter().find(|message| message.queue_offset == offset) else {
        return Err(Failure::usage(format!(
            "queue {queue} of topic {topic} on {} has no message at offset {offset}; it has {} to {}",
            broker.name,
            pulled.min_offset,
            pulled.max_offset - 1
        )));
    };
    with_consumers(session, std::slice::from_ref(&broker), message, charset).await
}

const CONSUMERS: &[Column] = &[("#Consumer Group", "group"), ("#Online", "online"), ("#State", "state")];

/// A message with the groups that consume its topic, and whether they have consumed it.
async fn with_consumers(
    session: &Session,
    brokers: &[Broker],
    message: &StoredMessage,
    charset: Charset,
) -> Result<Report, Failure> {
    let groups = topic::groups_of(session, &message.topic, brokers).await?;
    let mut rows = Vec::new();
    for group in groups {
        let is_online = consumer::members(session, &group, brokers).await?.is_some();
        let stats = consumer::stats(session, &group, Some(&message.topic), brokers).await?;
        let address = message.store_host.to_string();
        let name = brokers.iter().find(|broker| broker.address == address).map(|broker| broker.name.as_str());
        let queue = stats
            .offset_table
            .iter()
            .find(|(queue, _)| queue.queue_id == message.queue_id && name.is_none_or(|name| name == queue.broker_name));
        let state = match queue {
            Some((_, offsets)) if offsets.consumer_offset > message.queue_offset => "CONSUMED",
            Some(_) => "NOT_CONSUME_YET",
            None => "UNKNOWN",
        };
        rows.push(row![group, is_online, state]);
    }
    Ok(in_full("message", message, charset).with_table("consumers", CONSUMERS, rows))
}

/// Has a member of a group consume a message, whatever the group's offsets are.
async fn consume(
    session: &Session,
    brokers: &[Broker],
    group: &str,
    client: &str,
    message: &StoredMessage,
) -> Result<Report, Failure> {
    let address = message.store_host.to_string();
    let id = message.offset_id();
    let request = ConsumeMessageDirectlyRequest {
        consumer_group: group,
        client_id: Some(client),
        msg_id: Some(&id),
        broker_name: brokers.iter().find(|broker| broker.address == address).map(|broker| broker.name.as_str()),
        topic: Some(&message.topic),
        topic_sys_flag: None,
        group_sys_flag: None,
    };
    let answer = session.ask(&address, RequestCode::CONSUME_MESSAGE_DIRECTLY, &request, Body::Empty).await?;
    let result: ConsumeMessageDirectlyResult = answer.body()?;
    Ok(Report::pairs([
        ("consumeResult", Cell::from(result.consume_result)),
        ("remark", Cell::from(result.remark)),
        ("spentTimeMs", Cell::from(result.spent_time_mills)),
    ]))
}
