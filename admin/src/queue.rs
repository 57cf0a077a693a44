//! Queues from inside: entries of consume queues.

use bolide_remoting::body::QueryConsumeQueueResponse;
use bolide_remoting::header::QueryConsumeQueueRequest;
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::row;
use crate::session::Session;
use crate::table::Column;
use crate::topic::TOPIC;

commands! {
    "queryCq": "Show entries of a consume queue", [
        TOPIC,
        Flag::number('q', "queue", "The queue").required(),
        Flag::number('i', "index", "The first entry").required(),
        Flag::number('c', "count", "How many; 10"),
        Flag::text('b', "broker", "The broker's address; without it the topic's first"),
        Flag::text('g', "consumer", "A group, whose filter is tried"),
    ],
        entries() -> "{entries: [{index, physicalOffset, size, tagsCode, matches, message}], minIndex, maxIndex}";
}

const DEFAULT_COUNT: i32 = 10;

const ENTRIES: &[Column] = &[
    ("#Index", "index"),
    ("#Physical Offset", "physicalOffset"),
    ("#Size", "size"),
    ("#Tags Code", "tagsCode"),
    ("#Matches", "matches"),
    ("#Message", "message"),
];

async fn entries(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    let index = arguments.optional_number("index").unwrap_or_default();
    let request = QueryConsumeQueueRequest {
        topic,
        queue_id: arguments.optional_int("queue").unwrap_or_default(),
        index,
        count: arguments.optional_int("count").unwrap_or(DEFAULT_COUNT),
        consumer_group: arguments.optional("consumer"),
    };
    let address = match arguments.optional("broker") {
        Some(address) => address.to_owned(),
        None => {
            let brokers = session.brokers_of(topic).await?;
            let first = brokers.into_iter().next();
            first.ok_or_else(|| Failure::usage(format!("no broker has topic {topic}")))?.address
        }
    };
    let answer = session.ask(&address, RequestCode::QUERY_CONSUME_QUEUE, &request, Body::Empty).await?;
    let queue: QueryConsumeQueueResponse = answer.body()?;
    let rows = queue.queue_data.iter().zip(index..).map(|(entry, index)| {
        row![index, entry.physic_offset, entry.physic_size, entry.tags_code, entry.eval, entry.msg.clone()]
    });
    Ok(Report::default()
        .with_table("entries", ENTRIES, rows.collect())
        .with("minIndex", "Min", queue.min_queue_index)
        .with("maxIndex", "Max", queue.max_queue_index))
}
