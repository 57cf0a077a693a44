//! A client that speaks the bare protocol to one broker: what no client library would send can be sent with it, field by field.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bolide_remoting::signing::{ACCESS_KEY, Credentials, SIGNATURE};
use bolide_remoting::version::Version;
use bolide_remoting::{Body, Client, ClientOptions, ConnectionOptions, Message, RequestCode, ResponseCode, Service};
use bolide_store::record::RecordView;

use crate::server::Server;

/// How long a broker may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A request's header fields.
#[derive(Clone, Debug)]
pub struct Form(Vec<(&'static str, String)>);

impl Form {
    /// Fields with these values.
    pub fn of(fields: &[(&'static str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    /// The same with another value of one field.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.to_string()));
        self
    }

    /// The same, signed by a user who sends it with this body.
    pub fn signed(mut self, user: &Credentials, body: &Body) -> Self {
        let signed = user.signed(&self.0.as_slice(), body);
        for field in [ACCESS_KEY, SIGNATURE] {
            let (_, value) = signed.iter().find(|(name, _)| name == field).unwrap();
            self = self.with(field, value);
        }
        self
    }

    /// The same without a field.
    pub fn without(mut self, name: &'static str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }
}

/// The fields of a SEND_MESSAGE to queue 0, with properties in the form `name=value`.
pub fn send_form(topic: &str, properties: &[&str]) -> Form {
    let pair = |text: &&str| text.split_once('=').map(|(name, value)| format!("{name}\u{1}{value}\u{2}"));
    let properties: String = properties.iter().filter_map(pair).collect();
    Form::of(&[
        ("producerGroup", "producers"),
        ("topic", topic),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("queueId", "0"),
        ("sysFlag", "0"),
        ("flag", "0"),
        ("properties", &properties),
        ("reconsumeTimes", "0"),
        ("unitMode", "false"),
        ("batch", "false"),
    ])
    .with("bornTimestamp", now_ms())
}

/// The fields of a PULL_MESSAGE of everything from an offset on, which does not wait.
pub fn pull_form(group: &str, topic: &str, queue: i32, offset: i64) -> Form {
    Form::of(&[
        ("consumerGroup", group),
        ("topic", topic),
        ("maxMsgNums", "32"),
        ("sysFlag", "4"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", "*"),
        ("subVersion", "0"),
        ("expressionType", "TAG"),
    ])
    .with("queueId", queue)
    .with("queueOffset", offset)
}

/// The fields of a POP_MESSAGE of any queue, from the oldest message on, which does not wait.
pub fn pop_form(group: &str, topic: &str) -> Form {
    Form::of(&[
        ("consumerGroup", group),
        ("topic", topic),
        ("queueId", "-1"),
        ("maxMsgNums", "32"),
        ("invisibleTime", "60000"),
        ("pollTime", "0"),
        ("initMode", "0"),
        ("expType", "TAG"),
        ("exp", "*"),
        ("order", "false"),
    ])
    .with("bornTime", now_ms())
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("it is before the year 292 million")
}

/// A connection to a broker.
#[derive(Debug)]
pub struct Wire(Client);

impl Wire {
    /// Dials the broker.
    pub async fn connect(broker: &Server) -> Self {
        Self::connect_with(broker, Arc::new(())).await
    }

    /// Dials this address.
    pub async fn connect_to(address: &str) -> Self {
        Self(Client::connect(address, ClientOptions::default(), Arc::new(())).await.unwrap())
    }

    /// Dials the broker; the service answers what it asks.
    pub async fn connect_with<S: Service>(broker: &Server, service: Arc<S>) -> Self {
        Self(Client::connect(&broker.address(), ClientOptions::default(), service).await.unwrap())
    }

    /// Dials a broker by its address, as a client of this version.
    pub async fn dial_as(address: &str, version: Version) -> Self {
        let connection = ConnectionOptions { version, ..ConnectionOptions::default() };
        let options = ClientOptions { connection, ..ClientOptions::default() };
        Self(Client::connect(address, options, Arc::new(())).await.unwrap())
    }

    /// Dials a broker by its address.
    pub async fn dial(address: &str) -> Self {
        Self::dial_with(address, Arc::new(())).await
    }

    /// Dials a broker by its address; the service answers what it asks.
    pub async fn dial_with<S: Service>(address: &str, service: Arc<S>) -> Self {
        Self(Client::connect(address, ClientOptions::default(), service).await.unwrap())
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&self, code: RequestCode, form: &Form, body: impl Into<Body>) -> Message {
        self.0.request(code, &form.0.as_slice(), body, LIMIT).await.unwrap()
    }

    /// Asks, and waits for the answer; `None`: the connection broke first.
    pub async fn try_ask(&self, code: RequestCode, form: &Form, body: impl Into<Body>) -> Option<Message> {
        self.0.request(code, &form.0.as_slice(), body, LIMIT).await.ok()
    }

    /// Asks for what must succeed.
    pub async fn succeed(&self, code: RequestCode, form: &Form, body: impl Into<Body>) -> Message {
        let answer = self.ask(code, form, body).await;
        assert_eq!(answer.code, ResponseCode::SUCCESS, "{code} {form:?}: {:?}", answer.remark);
        answer
    }

    /// Creates or changes a topic with that many queues.
    pub async fn create_topic(&self, topic: &str, queues: i32, attributes: &str) -> Message {
        let form = Form::of(&[
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("perm", "6"),
            ("topicFilterType", "SINGLE_TAG"),
            ("topicSysFlag", "0"),
            ("order", "false"),
            ("attributes", attributes),
        ]);
        let form = form.with("readQueueNums", queues).with("writeQueueNums", queues);
        self.ask(RequestCode::UPDATE_AND_CREATE_TOPIC, &form, Body::Empty).await
    }

    /// Sends a message to queue 0, or where its properties want it.
    pub async fn send(&self, topic: &str, properties: &[&str], body: &str) -> Message {
        let body = body.as_bytes().to_vec();
        self.succeed(RequestCode::SEND_MESSAGE, &send_form(topic, properties), body).await
    }

    /// What a queue holds, however soon after its sending it is asked for.
    pub async fn pull(&self, topic: &str, queue: i32, offset: i64) -> Message {
        self.ask(RequestCode::PULL_MESSAGE, &pull_form("consumers", topic, queue, offset), Body::Empty).await
    }

    /// The offset that a request of the kind `code` answers about a queue.
    pub async fn offset(&self, code: RequestCode, topic: &str, queue: i32) -> i64 {
        let form = Form::of(&[("topic", topic), ("committed", "false")]).with("queueId", queue);
        number(&self.succeed(code, &form, Body::Empty).await, "offset")
    }
}

/// A number in an answer.
pub fn number(answer: &Message, field: &str) -> i64 {
    let text = answer.fields.get(field).unwrap_or_else(|| panic!("no field {field} in {answer:?}"));
    text.parse().unwrap_or_else(|_| panic!("{field} is {text}"))
}

/// The messages in an answer, by their bodies.
pub fn bodies(answer: &Message) -> Vec<String> {
    records(answer).iter().map(|record| String::from_utf8_lossy(record.body()).into_owned()).collect()
}

/// The messages in an answer.
pub fn records(answer: &Message) -> Vec<RecordView<'_>> {
    let mut rest = &answer.body[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let record = RecordView::parse(rest).unwrap();
        rest = &rest[record.size()..];
        records.push(record);
    }
    records
}
