//! Sending messages, and measuring how long that takes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bolide_remoting::header::{SendMessageRequest, SendMessageResponse};
use bolide_remoting::{RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::record::UNIQUE_KEY;
use crate::report::Report;
use crate::row;
use crate::session::{Answer, Session};
use crate::table::Column;
use crate::time::now_ms;
use crate::topic::TOPIC;

/// The group that tools send as.
const PRODUCERS: &str = "TOOLS_PRODUCER";
const DEFAULT_AMOUNT: i64 = 100;
const DEFAULT_SIZE: i64 = 128;
/// What brokers take at most, unless they are told otherwise.
const MAX_SIZE: i64 = 4 << 20;
const WRITE: i32 = 2;

commands! {
    "sendMessage": "Send a message", [
        TOPIC,
        Flag::text('p', "body", "The message").required(),
        Flag::text('k', "key", "Its keys, with blanks between them"),
        Flag::text('c', "tags", "Its tag"),
        Flag::text('b', "broker", "The name of the broker to send to"),
        Flag::number('i', "qid", "The queue, with -b"),
        Flag::truth('m', "msgTraceEnable", "Without meaning here: no traces are sent"),
    ],
        send_one() -> "[{broker, queue, result, id, offsetId, offset}]";
    "checkMsgSendRT": "Send messages to one queue after the other and show how long each took", [
        TOPIC,
        Flag::number('a', "amount", "How many; 100"),
        Flag::number('s', "size", "How many bytes each has; 128"),
    ],
        measure() -> "{sends: [{broker, queue, success, ms}], averageMs}";
}

/// One queue to send to.
struct Target {
    broker: String,
    address: String,
    queue_id: i32,
}

/// What became of a message.
pub(crate) struct Sent {
    pub(crate) id: String,
    broker: String,
    queue_id: i32,
    result: &'static str,
    offset_id: String,
    offset: i64,
}

/// The queues of a topic that can be written.
async fn targets(session: &Session, topic: &str) -> Result<Vec<Target>, Failure> {
    let route = session.route(topic).await?;
    let mut targets = Vec::new();
    for queues in route.queue_datas.iter().filter(|queues| queues.perm & WRITE != 0) {
        let data = route.broker_datas.iter().find(|data| data.broker_name == queues.broker_name);
        if let Some(address) = data.and_then(|data| data.broker_addrs.get(&0)) {
            targets.extend((0..queues.write_queue_nums).map(|queue_id| Target {
                broker: queues.broker_name.clone(),
                address: address.clone(),
                queue_id,
            }));
        }
    }
    if targets.is_empty() {
        return Err(Failure::usage(format!("topic {topic} has no queue that can be written; topicRoute shows why")));
    }
    targets.sort_by(|one, other| (&one.broker, one.queue_id).cmp(&(&other.broker, other.queue_id)));
    Ok(targets)
}

/// Sends a message to a queue; `place` is a broker's name and a queue, if it is to go there.
pub(crate) async fn send(
    session: &Session,
    topic: &str,
    body: Vec<u8>,
    properties: BTreeMap<String, String>,
    place: Option<(&str, Option<i32>)>,
) -> Result<Sent, Failure> {
    let mut targets = targets(session, topic).await?;
    if let Some((broker, queue)) = place {
        targets.retain(|target| target.broker == broker && queue.is_none_or(|queue| queue == target.queue_id));
    }
    // Any queue will do, not always the same.
    let at = now_ms() as usize % targets.len().max(1);
    let Some(target) = targets.get(at) else {
        return Err(Failure::usage(format!("topic {topic} has no such queue to write; topicRoute shows which it has")));
    };
    send_to(session, topic, body, properties, target).await
}

async fn send_to(
    session: &Session,
    topic: &str,
    body: Vec<u8>,
    mut properties: BTreeMap<String, String>,
    target: &Target,
) -> Result<Sent, Failure> {
    // The broker writes these itself; a message that is sent again must not have them from the first time.
    properties.retain(|name, _| !["MSG_REGION", "TRACE_ON", "CLUSTER", "__CRC32#"].contains(&name.as_str()));
    let id = unique_key(target.address.parse().ok());
    properties.insert(UNIQUE_KEY.to_owned(), id.clone());
    properties.insert("WAIT".to_owned(), "true".to_owned());
    let text: String = properties.iter().map(|(name, value)| format!("{name}\u{1}{value}\u{2}")).collect();
    let request = SendMessageRequest {
        producer_group: PRODUCERS,
        topic,
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: target.queue_id,
        sys_flag: 0,
        born_timestamp: now_ms(),
        flag: 0,
        properties: Some(&text),
        reconsume_times: 0,
        unit_mode: false,
        batch: false,
        max_reconsume_times: None,
        broker_name: Some(&target.broker),
    };
    let answer = session.request(&target.address, RequestCode::SEND_MESSAGE, &request, body).await?;
    let result = match answer.code() {
        ResponseCode::SUCCESS => "SEND_OK",
        ResponseCode::FLUSH_DISK_TIMEOUT => "FLUSH_DISK_TIMEOUT",
        ResponseCode::FLUSH_SLAVE_TIMEOUT => "FLUSH_SLAVE_TIMEOUT",
        ResponseCode::SLAVE_NOT_AVAILABLE => "SLAVE_NOT_AVAILABLE",
        _ => return Err(answer.refusal()),
    };
    sent(&answer, id, target, result)
}

fn sent(answer: &Answer, id: String, target: &Target, result: &'static str) -> Result<Sent, Failure> {
    let response = answer.header(SendMessageResponse::decode)?;
    let (offset_id, offset) = (response.msg_id.to_owned(), response.queue_offset);
    Ok(Sent { id, broker: target.broker.clone(), queue_id: response.queue_id, result, offset_id, offset })
}

/// An id that no other message has, in the form that clients give: 32 hexadecimal digits of an address, a process, a time and a
/// count. The address is the server's: that this process has one of its own is not sure.
fn unique_key(server: Option<SocketAddr>) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let ip = match server.map(|address| address.ip()) {
        Some(IpAddr::V4(ip)) => u32::from(ip),
        _ => 0,
    };
    let count = COUNT.fetch_add(1, Ordering::Relaxed) as u16;
    format!("{ip:08X}{:04X}{:016X}{count:04X}", std::process::id() as u16, now_ms())
}

const SENT: &[Column] = &[
    ("#Broker Name", "broker"),
    ("#QID", "queue"),
    ("#Send Result", "result"),
    ("#MsgId", "id"),
    ("#OffsetID", "offsetId"),
    ("#Offset", "offset"),
];

async fn send_one(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let given = [("KEYS", arguments.optional("key")), ("TAGS", arguments.optional("tags"))];
    let properties = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    let (broker, queue) = (arguments.optional("broker"), arguments.optional_int("qid"));
    if broker.is_none() && queue.is_some() {
        return Err(Failure::usage("-i needs the broker's name, -b"));
    }
    let body = arguments.text("body").as_bytes().to_vec();
    let place = broker.map(|broker| (broker, queue));
    let sent = send(session, arguments.text("topic"), body, properties, place).await?;
    let row = row![sent.broker, sent.queue_id, sent.result, sent.id, sent.offset_id, sent.offset];
    Ok(Report::table(SENT, vec![row]))
}

const SENDS: &[Column] =
    &[("#Broker Name", "broker"), ("#QID", "queue"), ("#Send Result", "success"), ("#RT(ms)", "ms")];

async fn measure(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    let amount = arguments.optional_number("amount").unwrap_or(DEFAULT_AMOUNT).max(1) as usize;
    let size = arguments.optional_number("size").unwrap_or(DEFAULT_SIZE).clamp(0, MAX_SIZE) as usize;
    let targets = targets(session, topic).await?;
    let progress = Progress::new("messages", amount);
    let (mut rows, mut total_ms) = (Vec::new(), 0.0);
    for (at, target) in targets.iter().cycle().take(amount).enumerate() {
        progress.at(at);
        let start = Instant::now();
        let success = match send_to(session, topic, vec![b'a'; size], BTreeMap::new(), target).await {
            Ok(_) => true,
            Err(Failure::Refused { .. }) => false,
            Err(other) => return Err(other),
        };
        let ms = start.elapsed().as_secs_f64() * 1e3;
        // The first one pays for the connection.
        total_ms += if at == 0 { 0.0 } else { ms };
        rows.push(row![&target.broker, target.queue_id, success, ms]);
    }
    let average = total_ms / amount.saturating_sub(1).max(1) as f64;
    Ok(Report::default().with_table("sends", SENDS, rows).with("averageMs", "Avg RT", average))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_clients_and_differ() {
        let ids = [unique_key("127.0.0.1:1".parse().ok()), unique_key(None)];
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())), "{ids:?}");
        assert!(ids[0].starts_with("7F000001"));
        assert_ne!(ids[0][28..], ids[1][28..]);
    }
}
