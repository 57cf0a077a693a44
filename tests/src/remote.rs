//! A broker as a client sees it over the bare protocol: the calls that several tests make, of Apache's brokers as well as ours. A call
//! that fails ends the test.

use std::time::{Duration, Instant};

use bolide_remoting::header::{PopMessageResponse, SendMessageResponse};
use bolide_remoting::{Body, Message, RequestCode, ResponseCode};
use bolide_store::record::{RecordView, decode_message_id};
use bytes::Bytes;

use crate::server::Server;
use crate::wire::{Form, Wire, now_ms, number, pop_form, pull_form, records, send_form};

/// How long anything is waited for.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// The group that producers of transactions belong to.
pub const PRODUCERS: &str = "producers";

/// A connection to a broker.
pub struct Remote {
    wire: Wire,
}

/// Where a message was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its offset in the queue.
    pub offset: i64,
    /// Where its record starts in the commit log; the first one's of a batch.
    pub physical: i64,
    /// The handle with which it can be taken back, if it waits among the timers.
    pub recall_handle: Option<String>,
}

/// A message as a consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Got {
    /// Its offset in the queue.
    pub offset: i64,
    /// Its body.
    pub body: String,
    /// Its topic.
    pub topic: String,
    /// Where its record starts.
    pub physical: i64,
    /// Its properties' text.
    pub properties: String,
    /// How often it was delivered before.
    pub attempts: i32,
}

/// Messages that were popped, with what it takes to acknowledge them.
#[derive(Clone, Debug)]
pub struct Popped {
    /// The messages.
    pub messages: Vec<Got>,
    handle: String,
}

impl Remote {
    /// Connects to a broker.
    pub async fn connect(broker: &Server) -> Self {
        Remote { wire: Wire::connect(broker).await }
    }

    /// Tells the broker that there is a producer, so that it may take part in transactions.
    pub async fn introduce(&self) {
        let heartbeat =
            format!(r#"{{"clientID":"c","producerDataSet":[{{"groupName":"{PRODUCERS}"}}],"consumerDataSet":[]}}"#);
        self.wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), Bytes::from(heartbeat)).await;
    }

    /// Sends a message, its properties in the form `name=value`, and answers what the broker did.
    pub async fn try_send(&self, topic: &str, queue: i32, body: &str, properties: &[&str]) -> Message {
        let form = send_form(topic, properties).with("queueId", queue);
        let is_half = properties.contains(&"TRAN_MSG=true");
        let form = if is_half { form.with("sysFlag", 4) } else { form };
        self.wire.ask(RequestCode::SEND_MESSAGE, &form, Bytes::copy_from_slice(body.as_bytes())).await
    }

    /// Sends a message.
    pub async fn send(&self, topic: &str, queue: i32, body: &str, properties: &[&str]) -> Sent {
        sent(&self.try_send(topic, queue, body, properties).await)
    }

    /// Sends several messages with one request.
    pub async fn send_batch(&self, topic: &str, queue: i32, bodies: &[&str]) -> Sent {
        let mut batch = Vec::new();
        for body in bodies {
            let size = 4 * 5 + body.len() + 2;
            for word in [size as u32, 0, 0, 0, body.len() as u32] {
                batch.extend(word.to_be_bytes());
            }
            batch.extend(body.as_bytes());
            batch.extend(0u16.to_be_bytes());
        }
        // A batch has the short names of SEND_MESSAGE_V2.
        let form = Form::of(&[("a", "producers"), ("b", topic), ("c", "TBW102"), ("d", "4"), ("f", "0"), ("h", "0")]);
        let form = form.with("e", queue).with("g", now_ms()).with("k", false).with("m", true);
        sent(&self.wire.ask(RequestCode::SEND_BATCH_MESSAGE, &form, batch).await)
    }

    /// Sends a message that is visible once [`Remote::commit`] was called.
    pub async fn prepare(&self, topic: &str, body: &str) -> Sent {
        let (group, id) = (format!("PGROUP={PRODUCERS}"), format!("UNIQ_KEY={}", unique_key(body)));
        self.send(topic, 0, body, &["TRAN_MSG=true", &group, &id]).await
    }

    /// Commits what [`Remote::prepare`] sent.
    pub async fn commit(&self, topic: &str, body: &str, half: &Sent) {
        let id = unique_key(body);
        let form = Form::of(&[
            ("topic", topic),
            ("producerGroup", PRODUCERS),
            ("commitOrRollback", "8"),
            ("fromTransactionCheck", "false"),
            ("msgId", &id),
            ("transactionId", &id),
        ]);
        let form = form.with("tranStateTableOffset", half.offset).with("commitLogOffset", half.physical);
        self.wire.succeed(RequestCode::END_TRANSACTION, &form, Body::Empty).await;
    }

    /// Pulls from an offset on: the answer's code, where to go on, the queue's lowest offset, and the messages.
    pub async fn pull(&self, topic: &str, queue: i32, offset: i64) -> (ResponseCode, i64, i64, Vec<Got>) {
        let form = pull_form("judge", topic, queue, offset);
        let answer = self.wire.ask(RequestCode::PULL_MESSAGE, &form, Body::Empty).await;
        if answer.fields.get("nextBeginOffset").is_none() {
            return (answer.code, offset, 0, Vec::new());
        }
        (answer.code, number(&answer, "nextBeginOffset"), number(&answer, "minOffset"), messages(&answer))
    }

    /// All messages that a queue has, from its lowest offset on.
    pub async fn all(&self, topic: &str, queue: i32) -> Vec<Got> {
        let (mut all, mut next) = (Vec::new(), 0);
        loop {
            let (code, begin, _, mut messages) = self.pull(topic, queue, next).await;
            all.append(&mut messages);
            if begin <= next || code == ResponseCode::PULL_NOT_FOUND {
                return all;
            }
            next = begin;
        }
    }

    /// Waits until a queue has this many messages.
    pub async fn await_all(&self, topic: &str, queue: i32, count: usize) -> Vec<Got> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let all = self.all(topic, queue).await;
            if all.len() >= count {
                return all;
            }
            assert!(Instant::now() < deadline, "{topic} has only {all:?} of {count}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The offset after a queue's last message.
    pub async fn max_offset(&self, topic: &str, queue: i32) -> i64 {
        self.wire.offset(RequestCode::GET_MAX_OFFSET, topic, queue).await
    }

    /// A queue's lowest offset.
    pub async fn min_offset(&self, topic: &str, queue: i32) -> i64 {
        self.wire.offset(RequestCode::GET_MIN_OFFSET, topic, queue).await
    }

    /// The messages that a key leads to.
    pub async fn query(&self, topic: &str, key: &str) -> Vec<Got> {
        let form = Form::of(&[("topic", topic), ("key", key), ("maxNum", "32"), ("beginTimestamp", "0")]);
        let form = form.with("endTimestamp", i64::MAX);
        messages(&self.wire.ask(RequestCode::QUERY_MESSAGE, &form, Body::Empty).await)
    }

    /// Sets a group's offset.
    pub async fn set_offset(&self, group: &str, topic: &str, queue: i32, offset: i64) {
        let form = Form::of(&[("consumerGroup", group), ("topic", topic)]);
        let form = form.with("queueId", queue).with("commitOffset", offset);
        self.wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &form, Body::Empty).await;
    }

    /// A group's offset; `None`: it has none.
    pub async fn offset(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        let form = Form::of(&[("consumerGroup", group), ("topic", topic), ("setZeroIfNotFound", "false")]);
        let answer = self.wire.ask(RequestCode::QUERY_CONSUMER_OFFSET, &form.with("queueId", queue), Body::Empty).await;
        (answer.code == ResponseCode::SUCCESS).then(|| number(&answer, "offset"))
    }

    /// Creates or changes a topic with this many queues.
    pub async fn create_topic(&self, topic: &str, queues: i32) {
        let answer = self.wire.create_topic(topic, queues, "").await;
        assert_eq!(answer.code, ResponseCode::SUCCESS, "{:?}", answer.remark);
    }

    /// All topics with their settings, as JSON.
    pub async fn topics(&self) -> String {
        let answer = self.wire.succeed(RequestCode::GET_ALL_TOPIC_CONFIG, &Form::of(&[]), Body::Empty).await;
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    /// Changes the broker's configuration.
    pub async fn configure(&self, properties: &str) {
        let body = Bytes::copy_from_slice(properties.as_bytes());
        self.wire.succeed(RequestCode::UPDATE_BROKER_CONFIG, &Form::of(&[]), body).await;
    }

    /// Has a message delivered to a group again, after a delay of this level.
    pub async fn send_back(&self, group: &str, message: &Got, level: i32) {
        let form = Form::of(&[("group", group), ("originTopic", &message.topic), ("unitMode", "false")]);
        let form = form.with("offset", message.physical).with("delayLevel", level).with("maxReconsumeTimes", 16);
        self.wire.succeed(RequestCode::CONSUMER_SEND_MSG_BACK, &form, Body::Empty).await;
    }

    /// Pops messages of one queue for a while; `None`: there are none.
    pub async fn pop(&self, group: &str, topic: &str, queue: i32, count: i32, invisible: Duration) -> Option<Popped> {
        let form = pop_form(group, topic).with("queueId", queue).with("maxMsgNums", count);
        let form = form.with("invisibleTime", invisible.as_millis());
        let answer = self.wire.ask(RequestCode::POP_MESSAGE, &form, Body::Empty).await;
        if answer.code != ResponseCode::SUCCESS {
            return None;
        }
        let fields = answer.fields.fields();
        let header = PopMessageResponse::decode(&fields).expect("a complete answer to a POP");
        // As clients make it of what lies in the topic itself; each message's offset completes it.
        let starts = header.start_offset_info.unwrap_or_default();
        let start = starts.split(';').find(|entry| entry.starts_with("0 ")).and_then(|entry| entry.rsplit(' ').next());
        let PopMessageResponse { pop_time, invisible_time, revive_qid, .. } = header;
        let handle = format!("{} {pop_time} {invisible_time} {revive_qid} 0 broker-a {queue}", start.unwrap_or("0"));
        Some(Popped { messages: messages(&answer), handle })
    }

    /// Acknowledges one message that was popped from the topic itself.
    pub async fn acknowledge(&self, group: &str, topic: &str, queue: i32, popped: &Popped, message: &Got) {
        let form = Form::of(&[("consumerGroup", group), ("topic", topic)]).with("queueId", queue);
        let form =
            form.with("extraInfo", format!("{} {}", popped.handle, message.offset)).with("offset", message.offset);
        self.wire.succeed(RequestCode::ACK_MESSAGE, &form, Body::Empty).await;
    }
}

fn unique_key(body: &str) -> String {
    format!("id-{body}")
}

fn sent(answer: &Message) -> Sent {
    assert_eq!(answer.code, ResponseCode::SUCCESS, "a send: {:?}", answer.remark);
    let fields = answer.fields.fields();
    let receipt = SendMessageResponse::decode(&fields).expect("a complete answer to a send");
    let id = receipt.msg_id.split(',').next().unwrap_or_default();
    let physical = decode_message_id(id).expect("a message id").1.0;
    Sent { offset: receipt.queue_offset, physical, recall_handle: receipt.recall_handle.map(str::to_owned) }
}

fn messages(answer: &Message) -> Vec<Got> {
    let sound = |record: &RecordView<'_>| record.verify(record.physical_offset()).expect("the record is sound");
    records(answer).iter().inspect(|record| sound(record)).map(got).collect()
}

fn got(record: &RecordView<'_>) -> Got {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Got {
        offset: record.queue_offset().0,
        body: text(record.body()),
        topic: record.topic().to_owned(),
        physical: record.physical_offset().0,
        properties: text(record.properties().0),
        attempts: record.reconsume_times(),
    }
}
