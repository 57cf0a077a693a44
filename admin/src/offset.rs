//! Moving groups: to a time, to an offset, past what has piled up, or to where another group is.

use bolide_remoting::body::ResetOffsetBody;
use bolide_remoting::header::{CloneGroupOffsetRequest, ResetOffsetRequest, UpdateConsumerOffsetRequest};
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::print::offset_at;
use crate::report::Report;
use crate::row;
use crate::session::{Session, tell_all};
use crate::table::Column;
use crate::time;
use crate::topic::TOPIC;

const GROUP: Flag = Flag::text('g', "group", "The consumer group").required();
const FORCE: Flag = Flag::truth('f', "force", "Whether to move it even backwards; true");
const CLUSTER: Flag = Flag::text('c', "cluster", "Only brokers of this cluster");
/// The time that stands for a queue's end.
const END: i64 = -1;

commands! {
    "resetOffsetByTime": "Move a group to a time, in all queues or in one", [
        GROUP,
        TOPIC,
        Flag::text('s', "timestamp", "now, milliseconds since 1970, or 2026-03-01#17:05:09:123").required(),
        FORCE,
        CLUSTER,
        Flag::text('b', "broker", "The broker's address, for one queue"),
        Flag::number('q', "queue", "The queue, with -b"),
        Flag::number('o', "offset", "This offset instead of a time, with -q"),
    ],
        reset() -> "[{broker, queue, offset}]";
    "skipAccumulatedMessage": "Move a group to the end of all queues", [GROUP, TOPIC, FORCE, CLUSTER],
        reset_all(END) -> "[{broker, queue, offset}]";
    "cloneGroupOffset": "Move a group to where another one is", [
        Flag::text('s', "srcGroup", "The group whose offsets are taken").required(),
        Flag::text('d', "destGroup", "The group that is moved").required(),
        TOPIC,
        Flag::truth('o', "offline", "Whether the first group or the topic is offline"),
    ],
        clone();
}

const COLUMNS: &[Column] = &[("#brokerName", "broker"), ("#queueId", "queue"), ("#offset", "offset")];

async fn reset(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let timestamp = time::parse(arguments.text("timestamp"))?;
    match (arguments.optional("broker"), arguments.optional_int("queue")) {
        (Some(address), Some(queue)) => reset_queue(session, arguments, address, queue, timestamp).await,
        (None, None) => reset_all(session, arguments, timestamp).await,
        _ => Err(Failure::usage("-b and -q belong together: they name one queue")),
    }
}

/// Has the brokers of a topic move a group, and tell its members.
async fn reset_all(session: &Session, arguments: &Arguments, timestamp: i64) -> Result<Report, Failure> {
    let (group, topic) = (arguments.text("group"), arguments.text("topic"));
    let is_force = arguments.optional_truth("force").unwrap_or(true);
    let cluster = arguments.optional("cluster");
    let mut rows = Vec::new();
    for broker in session.brokers_of(topic).await? {
        if cluster.is_none_or(|cluster| cluster == broker.cluster) {
            let request = ResetOffsetRequest { topic, group, queue_id: -1, offset: None, timestamp, is_force };
            let code = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
            let answer = session.ask(&broker.address, code, &request, Body::Empty).await?;
            let moved = answer.body::<ResetOffsetBody>()?.offset_table;
            rows.extend(moved.iter().map(|(queue, offset)| row![&queue.broker_name, queue.queue_id, *offset]));
        }
    }
    Ok(Report::table(COLUMNS, rows))
}

async fn reset_queue(
    session: &Session,
    arguments: &Arguments,
    address: &str,
    queue_id: i32,
    timestamp: i64,
) -> Result<Report, Failure> {
    let (group, topic) = (arguments.text("group"), arguments.text("topic"));
    let offset = match arguments.optional_number("offset") {
        Some(offset) => offset,
        None => offset_at(session, address, topic, queue_id, timestamp).await?,
    };
    let request = UpdateConsumerOffsetRequest { consumer_group: group, topic, queue_id, commit_offset: offset };
    session.ask(address, RequestCode::UPDATE_CONSUMER_OFFSET, &request, Body::Empty).await?;
    // And the members, and what is handed out by POP.
    let request = ResetOffsetRequest { topic, group, queue_id, offset: Some(offset), timestamp: 0, is_force: true };
    session.ask(address, RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &request, Body::Empty).await?;
    Ok(Report::table(COLUMNS, vec![row![address, queue_id, offset]]))
}

async fn clone(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (source, destination) = (arguments.text("srcGroup"), arguments.text("destGroup"));
    let topic = arguments.text("topic");
    let request = CloneGroupOffsetRequest {
        src_group: source,
        dest_group: destination,
        topic: Some(topic),
        offline: arguments.optional_truth("offline") == Some(true),
    };
    let brokers = session.brokers_of(topic).await?;
    tell_all(session, &brokers, RequestCode::CLONE_GROUP_OFFSET, &request, Body::Empty, |broker| {
        format!(
            "clone group offset success. srcGroup[{source}], destGroup=[{destination}], topic[{topic}], broker[{}]",
            broker.address
        )
    })
    .await
}
