//! Reading queues from one end to the other, without a consumer group of one's own. Messages are written as they come.

use std::collections::BTreeMap;

use bolide_remoting::body::MessageQueue;
use bolide_remoting::header::{
    GetMaxOffsetRequest, GetMinOffsetRequest, OffsetResponse, PullMessageRequest, PullMessageResponse,
    SearchOffsetRequest,
};
use bolide_remoting::{Body, RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::message::{Charset, in_answer, write_line};
use crate::record::StoredMessage;
use crate::report::Report;
use crate::row;
use crate::session::{Broker, Session};
use crate::table::Column;
use crate::time;
use crate::topic::{self, TOPIC};

/// The group that tools read as; every broker knows it.
const TOOLS: &str = "TOOLS_CONSUMER";
const BATCH: i32 = 32;
const DEFAULT_COUNT: i64 = 128;

const CHARSET: Flag = Flag::text('c', "charsetName", "The bodies' charset; UTF-8");
const EXPRESSION: Flag = Flag::text('s', "subExpression", "Only these tags: TagA || TagB");
const BEGIN: Flag = Flag::text('b', "beginTimestamp", "Not older: milliseconds, or 2026-03-01#17:05:09:123");
const END: Flag = Flag::text('e', "endTimestamp", "Not newer");
const BODY: Flag = Flag::truth('d', "printBody", "Whether to show bodies; true");

commands! {
    "printMsg": "Write a topic's messages", [
        TOPIC,
        CHARSET,
        EXPRESSION,
        BEGIN,
        END,
        BODY,
        Flag::text('l', "lmqParentTopic", "The topic with the queues of a light queue"),
    ],
        print()
            -> "one object a line: {offsetId, uniqueKey, topic, tags, keys, queueId, queueOffset, commitLogOffset, reconsumeTimes, \
             bornTimestamp, storeTimestamp, bornHost, storeHost, systemFlag, flag, properties, body}";
    "printMsgByQueue": "Write a queue's messages, or count them by tag", [
        TOPIC,
        Flag::text('a', "brokerName", "The broker's name").required(),
        Flag::number('i', "queueId", "The queue").required(),
        CHARSET,
        EXPRESSION,
        BEGIN,
        END,
        Flag::truth('p', "printMsg", "Whether to write the messages; false"),
        Flag::truth('d', "printBody", "Whether to show bodies; false"),
        Flag::truth('f', "calculate", "Whether to count them by tag; false"),
    ],
        print_queue() -> "one object a line as printMsg, then with -f true [{tag, count}]";
    "consumeMessage": "Write some of a topic's oldest messages, without moving any group", [
        TOPIC,
        Flag::text('b', "brokerName", "The broker's name"),
        Flag::number('i', "queueId", "The queue, with -b"),
        Flag::number('o', "offset", "Begin with this one, with -i"),
        Flag::text('g', "consumerGroup", "The group to read as"),
        Flag::text('s', "beginTimestamp", "Not older: milliseconds, or 2026-03-01#17:05:09:123"),
        END,
        Flag::number('c', "MessageNumber", "How many at most; 128"),
    ],
        consume() -> "one object a line as printMsg";
}

/// What one pull answered.
pub(crate) struct Pulled {
    pub(crate) messages: Vec<StoredMessage>,
    pub(crate) next: i64,
    pub(crate) min_offset: i64,
    pub(crate) max_offset: i64,
}

/// Pulls from an offset on, as the tools' group, without waiting.
pub(crate) async fn pull(
    session: &Session,
    broker: &Broker,
    topic: &str,
    queue_id: i32,
    queue_offset: i64,
    expression: &str,
) -> Result<Pulled, Failure> {
    pull_as(session, TOOLS, broker, topic, queue_id, queue_offset, expression).await
}

async fn pull_as(
    session: &Session,
    consumer_group: &str,
    broker: &Broker,
    topic: &str,
    queue_id: i32,
    queue_offset: i64,
    expression: &str,
) -> Result<Pulled, Failure> {
    let request = PullMessageRequest {
        consumer_group,
        topic,
        lite_topic: None,
        queue_id,
        queue_offset,
        max_msg_nums: BATCH,
        sys_flag: PullMessageRequest::SUBSCRIPTION,
        commit_offset: 0,
        suspend_timeout_millis: 0,
        subscription: Some(expression),
        sub_version: 0,
        expression_type: Some("TAG"),
        max_msg_bytes: None,
        request_source: None,
        proxy_forward_client_id: None,
    };
    let answer = session.request(&broker.address, RequestCode::PULL_MESSAGE, &request, Body::Empty).await?;
    let nothing = [ResponseCode::PULL_NOT_FOUND, ResponseCode::PULL_RETRY_IMMEDIATELY, ResponseCode::PULL_OFFSET_MOVED];
    let messages = match answer.code() {
        ResponseCode::SUCCESS => in_answer(&answer)?,
        code if nothing.contains(&code) => Vec::new(),
        _ => return Err(answer.refusal()),
    };
    let response = answer.header(PullMessageResponse::decode)?;
    Ok(Pulled {
        messages,
        next: response.next_begin_offset,
        min_offset: response.min_offset,
        max_offset: response.max_offset,
    })
}

/// What to read of queues.
struct Reading<'a> {
    group: &'a str,
    topic: &'a str,
    expression: &'a str,
    begin_ms: Option<i64>,
    end_ms: Option<i64>,
    /// Before any time: this offset.
    from: Option<i64>,
    limit: i64,
}

impl<'a> Reading<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self, Failure> {
        Ok(Self {
            group: arguments.optional("consumerGroup").unwrap_or(TOOLS),
            topic: arguments.text("topic"),
            expression: arguments.optional("subExpression").unwrap_or("*"),
            begin_ms: arguments.optional("beginTimestamp").map(time::parse).transpose()?,
            end_ms: arguments.optional("endTimestamp").map(time::parse).transpose()?,
            from: None,
            limit: i64::MAX,
        })
    }

    /// Is it wanted? Brokers compare hashes of tags.
    fn wants(&self, message: &StoredMessage) -> bool {
        let mut tags = self.expression.split("||").map(str::trim);
        self.expression.trim() == "*" || tags.any(|tag| message.tags().is_some_and(|known| known == tag))
    }

    /// Visits what is wanted of a queue, in order.
    async fn queue(
        &mut self,
        session: &Session,
        broker: &Broker,
        queue_id: i32,
        mut visit: impl FnMut(&StoredMessage) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut offset, end) = self.range(session, broker, queue_id).await?;
        while offset < end && self.limit > 0 {
            let pulled = pull_as(session, self.group, broker, self.topic, queue_id, offset, self.expression).await?;
            for message in &pulled.messages {
                if message.queue_offset < end && self.limit > 0 && self.wants(message) {
                    self.limit -= 1;
                    visit(message)?;
                }
            }
            if pulled.next <= offset {
                break;
            }
            offset = pulled.next;
        }
        Ok(())
    }

    async fn range(&self, session: &Session, broker: &Broker, queue_id: i32) -> Result<(i64, i64), Failure> {
        let topic = self.topic;
        let min = async {
            let request = GetMinOffsetRequest { topic, queue_id };
            let answer = session.ask(&broker.address, RequestCode::GET_MIN_OFFSET, &request, Body::Empty).await?;
            Ok::<_, Failure>(answer.header(OffsetResponse::decode)?.offset)
        };
        let from = match (self.from, self.begin_ms) {
            (Some(from), _) => from,
            (None, Some(ms)) => offset_at(session, &broker.address, topic, queue_id, ms).await?,
            (None, None) => min.await?,
        };
        let end = match self.end_ms {
            // That one is still wanted.
            Some(ms) => offset_at(session, &broker.address, topic, queue_id, ms.saturating_add(1)).await?,
            None => {
                let request = GetMaxOffsetRequest { topic, queue_id, committed: true };
                let answer = session.ask(&broker.address, RequestCode::GET_MAX_OFFSET, &request, Body::Empty).await?;
                answer.header(OffsetResponse::decode)?.offset
            }
        };
        Ok((from, end))
    }
}

/// The offset of the first message of a queue that is not older.
pub(crate) async fn offset_at(
    session: &Session,
    address: &str,
    topic: &str,
    queue_id: i32,
    timestamp: i64,
) -> Result<i64, Failure> {
    let request = SearchOffsetRequest { topic, lite_topic: None, queue_id, timestamp, boundary_type: None };
    let answer = session.ask(address, RequestCode::SEARCH_OFFSET_BY_TIMESTAMP, &request, Body::Empty).await?;
    Ok(answer.header(OffsetResponse::decode)?.offset)
}

/// The charset for bodies; `None` when they are not wanted, which is Apache's default for one of the commands.
fn body_charset(arguments: &Arguments, otherwise: bool) -> Result<Option<Charset>, Failure> {
    let charset = Charset::named(arguments.optional("charsetName"))?;
    Ok(Some(charset).filter(|_| arguments.optional_truth("printBody").unwrap_or(otherwise)))
}

/// The queues of a topic with their brokers.
async fn queues(session: &Session, topic: &str) -> Result<Vec<(Broker, MessageQueue)>, Failure> {
    let brokers = session.brokers_of(topic).await?;
    let queues = topic::queues(session, topic).await?.into_iter();
    let with_broker = |queue: MessageQueue| {
        let broker = brokers.iter().find(|broker| broker.name == queue.broker_name)?;
        Some((broker.clone(), queue))
    };
    Ok(queues.filter_map(with_broker).collect())
}

async fn print(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut reading = Reading::new(arguments)?;
    let charset = body_charset(arguments, true)?;
    let routed = arguments.optional("lmqParentTopic").unwrap_or(reading.topic);
    for (broker, queue) in queues(session, routed).await? {
        reading.queue(session, &broker, queue.queue_id, |message| write_line(session, message, charset)).await?;
    }
    Ok(Report::default())
}

const TAGS: &[Column] = &[("#Tag", "tag"), ("#Count", "count")];

async fn print_queue(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut reading = Reading::new(arguments)?;
    let charset = body_charset(arguments, false)?;
    let print = arguments.optional_truth("printMsg") == Some(true);
    let count = arguments.optional_truth("calculate") == Some(true);
    let broker = session.broker_named(arguments.text("brokerName")).await?;
    let queue_id = arguments.optional_int("queueId").unwrap_or_default();
    let mut tags: BTreeMap<String, usize> = BTreeMap::new();
    reading
        .queue(session, &broker, queue_id, |message| {
            *tags.entry(message.tags().cloned().unwrap_or_default()).or_default() += 1;
            if print { write_line(session, message, charset) } else { Ok(()) }
        })
        .await?;
    match count {
        true => Ok(Report::table(TAGS, tags.into_iter().map(|(tag, count)| row![tag, count]).collect())),
        false => Ok(Report::default()),
    }
}

async fn consume(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut reading = Reading::new(arguments)?;
    reading.from = arguments.optional_number("offset");
    reading.limit = arguments.optional_number("MessageNumber").unwrap_or(DEFAULT_COUNT);
    let (broker_name, queue_id) = (arguments.optional("brokerName"), arguments.optional_int("queueId"));
    if (queue_id.is_some() && broker_name.is_none()) || (reading.from.is_some() && queue_id.is_none()) {
        return Err(Failure::usage("-i needs the broker's name, -b, and -o needs a queue, -i"));
    }
    for (broker, queue) in queues(session, reading.topic).await? {
        let is_meant =
            broker_name.is_none_or(|name| name == broker.name) && queue_id.is_none_or(|id| id == queue.queue_id);
        if is_meant {
            let visit = |message: &StoredMessage| write_line(session, message, Some(Charset::Utf8));
            reading.queue(session, &broker, queue.queue_id, visit).await?;
        }
    }
    Ok(Report::default())
}
