//! A walk over the status codes that clients branch on: each is provoked by the situation in which they expect it. What only clients
//! say (`VERIFY_FIFO_MESSAGE_UNSUPPORTED`, `FAILED_TO_CONSUME_MESSAGE`), what Apache's proxy never says either (`PAYMENT_REQUIRED`,
//! `NOT_FOUND`, `REQUEST_TIMEOUT` and the like), what only a proxy can say (`PROXY_TIMEOUT`), and what needs a slave is not in it.
//! `UNAUTHORIZED` is in the tests of `auth`; `MASTER_PERSISTENCE_TIMEOUT` and `INTERNAL_SERVER_ERROR` need a disk that is slow or fails,
//! which the broker's own tests of `grpc::send` have.
//!
//! Where Apache's proxy 5.5.0 says something else, the row says what.

use std::time::Duration;

use bolide_proto::Timestamp;
use bolide_proto::v2::messaging_service_server::SERVICE_NAME;
use bolide_proto::v2::{
    AckMessageEntry, AckMessageRequest, ChangeInvisibleDurationRequest, ClientType, Code, Digest, DigestType,
    EndTransactionRequest, FilterExpression, FilterType, ForwardMessageToDeadLetterQueueRequest, GetOffsetRequest,
    HeartbeatRequest, LiteSubscriptionAction, Message, MessageQueue, MessageType, PullMessageRequest,
    QueryAssignmentRequest, QueryOffsetRequest, RecallMessageRequest, ReceiveMessageRequest, SendMessageRequest,
    SyncLiteSubscriptionRequest, SystemProperties, TransactionResolution, UpdateOffsetRequest,
};
use bolide_remoting::body::{SubscriptionGroupConfig, encode};
use bolide_remoting::{Body, RequestCode};
use bolide_tests::binaries::apache_version;
use bolide_tests::cluster::{Cluster, ORDINARY};
use bolide_tests::wire::{Form, Wire, now_ms};
use tokio::task::JoinSet;
use tonic::codegen::Service;

use crate::channel::{Channel, Client, call};
use crate::receive::{answers, seconds};
use crate::telemetry::{Telemetry, consumer};
use crate::{LIMIT, code, message, resource};

const CLIENT: &str = "walker";
/// In what time a message is taken, or refused; Apache's proxy does not answer everything.
const SOON: Duration = Duration::from_secs(20);
/// How long the client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen so far.
struct Walk {
    client: Client,
    is_apache: bool,
    wrong: Vec<String>,
}

/// The code of an answer to a call; `Unspecified` where none comes in time.
macro_rules! ask {
    ($walk:ident.$method:ident($request:expr)) => {
        match tokio::time::timeout(SOON, $walk.client.$method(call(CLIENT, $request))).await {
            Ok(answer) => code(answer.unwrap().into_inner().status),
            Err(_) => Code::Unspecified,
        }
    };
}

impl Walk {
    /// Notes an answer to a situation.
    fn expect(&mut self, situation: &str, expected: Code, seen: Code) {
        if expected != seen {
            self.wrong.push(format!("{situation}: {expected:?} expected, {seen:?} seen"));
        }
    }

    /// The same, where Apache's proxy says something else.
    fn expect_unlike(&mut self, situation: &str, expected: Code, of_apache: Code, seen: Code) {
        self.expect(situation, if self.is_apache { of_apache } else { expected }, seen);
    }

    async fn send(&mut self, messages: Vec<Message>) -> Code {
        ask!(self.send_message(SendMessageRequest { messages }))
    }

    async fn receive(&mut self, request: ReceiveMessageRequest) -> Code {
        receive(&mut self.client, request).await.0
    }
}

async fn receive(client: &mut Client, request: ReceiveMessageRequest) -> (Code, Vec<Message>) {
    let mut request = call(CLIENT, request);
    request.set_timeout(PATIENCE);
    let heard = tokio::time::timeout(PATIENCE, answers(client, request)).await;
    heard.unwrap_or((Code::Unspecified, Vec::new()))
}

fn queue(topic: &str) -> Option<MessageQueue> {
    let broker = Some(bolide_proto::v2::Broker { name: ORDINARY.to_owned(), ..Default::default() });
    Some(MessageQueue { topic: resource(topic), broker, ..MessageQueue::default() })
}

fn wanted(topic: &str, group: &str) -> ReceiveMessageRequest {
    ReceiveMessageRequest {
        group: resource(group),
        message_queue: queue(topic),
        filter_expression: Some(FilterExpression { r#type: FilterType::Tag.into(), expression: "*".to_owned() }),
        batch_size: 1,
        invisible_duration: Some(seconds(60)),
        long_polling_timeout: Some(seconds(5)),
        ..ReceiveMessageRequest::default()
    }
}

fn with(change: impl FnOnce(&mut SystemProperties)) -> Message {
    let mut changed = message("plain", "x", SystemProperties::default());
    change(changed.system_properties.as_mut().unwrap());
    changed
}

async fn create_topic(wire: &Wire, topic: &str, perm: i32, kind: &str) {
    let form = Form::of(&[
        ("topic", topic),
        ("defaultTopic", "TBW102"),
        ("readQueueNums", "1"),
        ("writeQueueNums", "1"),
        ("topicFilterType", "SINGLE_TAG"),
        ("topicSysFlag", "0"),
        ("order", "false"),
    ]);
    let form = form.with("perm", perm).with("attributes", format!("+message.type={kind}"));
    wire.succeed(RequestCode::UPDATE_AND_CREATE_TOPIC, &form, Body::Empty).await;
}

async fn create_group(wire: &Wire, group: &str, consume_enable: bool, attributes: &[(&str, &str)]) {
    let attributes = attributes.iter().map(|(name, value)| (format!("+{name}"), (*value).to_owned()));
    let group = SubscriptionGroupConfig {
        group_name: group.to_owned(),
        consume_enable,
        attributes: attributes.collect(),
        ..SubscriptionGroupConfig::default()
    };
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    wire.succeed(code, &Form::of(&[]), Body::One(encode(&group))).await;
}

/// A cluster with a topic and a group of each kind that the walk needs.
async fn stage() -> (Cluster, Channel, Walk) {
    let cluster = Cluster::new("grpc-codes");
    let settings = [
        ("autoCreateSubscriptionGroup", "false"),
        ("autoCreateTopicEnable", "false"),
        ("recallMessageEnable", "true"),
        ("enableLmq", "true"),
        ("enableMultiDispatch", "true"),
        ("enableLmqQuota", "true"),
        ("maxLmqConsumeQueueNum", "1"),
        ("popPollingSize", "1"),
    ];
    cluster.start_grpc_broker(ORDINARY, "DefaultCluster", &settings);
    let wire = Wire::dial(&cluster.address(ORDINARY)).await;
    for (topic, perm, kind) in [
        ("plain", 6, "NORMAL"),
        ("empty", 6, "NORMAL"),
        ("passing", 6, "NORMAL"),
        ("later", 6, "DELAY"),
        ("ordered", 6, "FIFO"),
        ("read-only", 4, "NORMAL"),
        ("write-only", 2, "NORMAL"),
        ("rooms", 6, "LITE"),
    ] {
        create_topic(&wire, topic, perm, kind).await;
    }
    create_group(&wire, "g", true, &[]).await;
    create_group(&wire, "closed", false, &[]).await;
    create_group(&wire, "guests", true, &[("lite.bind.topic", "rooms"), ("lite.sub.client.quota", "1")]).await;
    let channel = Channel::plain(&cluster.endpoint(ORDINARY)).await;
    let walk = Walk { client: channel.clone().client(), is_apache: apache_version().is_some(), wrong: Vec::new() };
    (cluster, channel, walk)
}

/// What is wrong with a message.
async fn sending(walk: &mut Walk) {
    let late = Timestamp { seconds: now_ms() / 1_000 + 2 * 86_400, nanos: 0 };
    let digest = Digest { r#type: DigestType::Crc32.into(), checksum: "DEADBEEF".to_owned() };
    let many = (0..129).map(|number| (format!("name-{number}"), "x".to_owned())).collect();
    let named =
        |name: &str, size| Message { user_properties: [(name.to_owned(), "x".repeat(size))].into(), ..with(|_| {}) };
    let to = |topic: &str| message(topic, "x", SystemProperties::default());
    let rows = [
        ("no message", vec![], Code::MessageCorrupted),
        ("two topics", vec![to("plain"), to("empty")], Code::MessageCorrupted),
        ("a topic's bad name", vec![to("no/topic")], Code::IllegalTopic),
        ("no topic's name", vec![to("")], Code::IllegalTopic),
        ("a topic of the system's", vec![to("RMQ_SYS_TRANS_HALF_TOPIC")], Code::IllegalTopic),
        ("a topic that is read only", vec![to("read-only")], Code::Forbidden),
        ("an empty body", vec![message("plain", "", SystemProperties::default())], Code::MessageBodyEmpty),
        ("a bar in the tag", vec![with(|it| it.tag = Some("a|b".into()))], Code::IllegalMessageTag),
        ("a blank tag", vec![with(|it| it.tag = Some("  ".into()))], Code::IllegalMessageTag),
        ("a line's end in the tag", vec![with(|it| it.tag = Some("a\nb".into()))], Code::IllegalMessageTag),
        ("a blank key", vec![with(|it| it.keys = vec![" ".into()])], Code::IllegalMessageKey),
        ("a line's end in a key", vec![with(|it| it.keys = vec!["a\nb".into()])], Code::IllegalMessageKey),
        ("a blank group", vec![with(|it| it.message_group = Some(" ".into()))], Code::IllegalMessageGroup),
        ("a long group", vec![with(|it| it.message_group = Some("g".repeat(64)))], Code::IllegalMessageGroup),
        ("a name of the system's", vec![named("TAGS", 1)], Code::IllegalMessagePropertyKey),
        ("a line's end in a name", vec![named("a\nb", 1)], Code::IllegalMessagePropertyKey),
        ("large properties", vec![named("name", 16 * 1_024)], Code::MessagePropertiesTooLarge),
        ("many properties", vec![Message { user_properties: many, ..with(|_| {}) }], Code::MessagePropertiesTooLarge),
        ("no message id", vec![with(|it| it.message_id = String::new())], Code::IllegalMessageId),
        ("a late delivery", vec![with(|it| it.delivery_timestamp = Some(late))], Code::IllegalDeliveryTime),
        ("another type", vec![with(|it| it.message_group = Some("g".into()))], Code::MessagePropertyConflictWithType),
        (
            "a large body",
            vec![Message { body: vec![b'x'; 4 * 1_024 * 1_024 + 1].into(), ..with(|_| {}) }],
            Code::MessageBodyTooLarge,
        ),
        ("several messages", vec![to("plain"), to("plain")], Code::Ok),
    ];
    for (situation, messages, expected) in rows {
        let seen = walk.send(messages).await;
        walk.expect(situation, expected, seen);
    }
    let seen = walk.send(vec![to("nowhere")]).await;
    walk.expect_unlike("an unknown topic", Code::TopicNotFound, Code::MessagePropertyConflictWithType, seen);
    for (situation, unknown) in [
        ("an encoding of the future", with(|it| it.body_encoding = 99)),
        ("a type of the future", with(|it| it.message_type = 99)),
    ] {
        let seen = walk.send(vec![unknown]).await;
        walk.expect_unlike(situation, Code::NotImplemented, Code::Ok, seen);
    }
    let seen = walk.send(vec![with(|it| it.body_digest = Some(digest))]).await;
    walk.expect_unlike("a wrong digest", Code::MessageCorrupted, Code::Ok, seen);
    let slow = with(|it| {
        it.message_type = MessageType::Transaction.into();
        it.orphaned_transaction_recovery_duration = Some(seconds(2 * 3_600));
    });
    let seen = walk.send(vec![slow]).await;
    walk.expect("a transaction that is asked about late", Code::BadRequest, seen);
    let nameless = bolide_proto::v2::SendMessageRequest { messages: vec![to("plain")] };
    let seen = code(walk.client.send_message(nameless).await.unwrap().into_inner().status);
    walk.expect("no client id", Code::ClientIdRequired, seen);
}

/// Ends of transactions, and messages taken back.
async fn ending(walk: &mut Walk) {
    let commit = i32::from(TransactionResolution::Commit);
    for (transaction_id, resolution, expected, of_apache) in [
        ("", commit, Code::InvalidTransactionId, Code::InvalidTransactionId),
        ("nonsense", commit, Code::InvalidTransactionId, Code::InternalServerError),
        ("0-0-x", 99, Code::NotImplemented, Code::InternalServerError),
    ] {
        let request = EndTransactionRequest {
            topic: resource("plain"),
            message_id: "01-x".to_owned(),
            transaction_id: transaction_id.to_owned(),
            resolution,
            ..EndTransactionRequest::default()
        };
        let seen = ask!(walk.end_transaction(request));
        walk.expect_unlike(&format!("the transaction id {transaction_id:?}"), expected, of_apache, seen);
    }
    for (topic, of_apache) in [("later", Code::InternalServerError), ("plain", Code::MessagePropertyConflictWithType)] {
        let request = RecallMessageRequest { topic: resource(topic), recall_handle: "nonsense".to_owned() };
        let seen = ask!(walk.recall_message(request));
        walk.expect_unlike("a handle of no message that waits", Code::BadRequest, of_apache, seen);
    }
}

/// What is wrong with a consumer's question.
async fn receiving(walk: &mut Walk) {
    let filter = |kind: FilterType, expression: &str| {
        Some(FilterExpression { r#type: kind.into(), expression: expression.to_owned() })
    };
    let plain = || wanted("plain", "g");
    let rows = [
        ("a topic's bad name", wanted("no/topic", "g"), Code::IllegalTopic),
        ("a group's bad name", wanted("plain", "no/group"), Code::IllegalConsumerGroup),
        ("a group of the system's", wanted("plain", "CID_RMQ_SYS_TRANS"), Code::IllegalConsumerGroup),
        ("a topic that is written only", wanted("write-only", "g"), Code::Forbidden),
        (
            "a short time",
            ReceiveMessageRequest { invisible_duration: Some(seconds(5)), ..plain() },
            Code::IllegalInvisibleTime,
        ),
        (
            "a long time",
            ReceiveMessageRequest { invisible_duration: Some(seconds(43_201)), ..plain() },
            Code::IllegalInvisibleTime,
        ),
        ("nothing there", wanted("empty", "g"), Code::MessageNotFound),
    ];
    for (situation, request, expected) in rows {
        let seen = walk.receive(request).await;
        walk.expect(situation, expected, seen);
    }
    // To all of these Apache's proxy says that something is wrong inside; clients then ask again, and again.
    let nonsense = ReceiveMessageRequest { filter_expression: filter(FilterType::Sql, "a = = b"), ..plain() };
    let rows = [
        ("an unknown topic", wanted("nowhere", "g"), Code::TopicNotFound),
        ("an unknown group", wanted("plain", "strangers"), Code::ConsumerGroupNotFound),
        ("a group that may not consume", wanted("plain", "closed"), Code::Forbidden),
        ("an SQL of no sense", nonsense, Code::IllegalFilterExpression),
    ];
    for (situation, request, expected) in rows {
        let seen = walk.receive(request).await;
        walk.expect_unlike(situation, expected, Code::InternalServerError, seen);
    }
    // Clients of before 5.0.3 do not know the first of them.
    for (version, expected) in [("5.2.0", Code::IllegalPollingTime), ("5.0.2", Code::BadRequest)] {
        let mut request = call(CLIENT, plain());
        request.set_timeout(Duration::from_secs(2));
        request.metadata_mut().insert("x-mq-client-version", version.parse().unwrap());
        let (seen, _) = answers(&mut walk.client, request).await;
        walk.expect("no time to wait", expected, seen);
    }
    // One waits, the others are too many; which is which does not matter.
    let mut waiting = JoinSet::new();
    for _ in 0..4 {
        let mut client = walk.client.clone();
        let patient = ReceiveMessageRequest { long_polling_timeout: Some(seconds(20)), ..wanted("empty", "g") };
        waiting.spawn(async move { receive(&mut client, patient).await.0 });
    }
    let first = tokio::time::timeout(LIMIT, waiting.join_next()).await.unwrap().unwrap().unwrap();
    walk.expect("many that wait", Code::TooManyRequests, first);
}

/// What is wrong with a receipt handle.
async fn settling(walk: &mut Walk) {
    let (_, messages) = receive(&mut walk.client, wanted("plain", "g")).await;
    let handles = messages.into_iter().filter_map(|message| message.system_properties?.receipt_handle);
    let good: Vec<String> = handles.collect();
    assert_eq!(good.len(), 1);
    let entry = |handle: &str| AckMessageEntry { receipt_handle: handle.to_owned(), ..AckMessageEntry::default() };
    let of = |handles: &[&str]| AckMessageRequest {
        group: resource("g"),
        topic: resource("plain"),
        entries: handles.iter().map(|handle| entry(handle)).collect(),
    };
    let many = vec!["nonsense"; 1_025];
    let rows = [
        ("a handle of no message", vec!["nonsense"], Code::InvalidReceiptHandle, Code::InternalServerError),
        (
            "one handle of a message, one of none",
            vec![&good[0], "nonsense"],
            Code::MultipleResults,
            Code::MultipleResults,
        ),
        ("no handle", vec![], Code::BadRequest, Code::InternalServerError),
        ("many handles", many, Code::PayloadTooLarge, Code::InternalServerError),
    ];
    for (situation, handles, expected, of_apache) in rows {
        let seen = ask!(walk.ack_message(of(&handles)));
        walk.expect_unlike(situation, expected, of_apache, seen);
    }
    let changing = ChangeInvisibleDurationRequest {
        group: resource("g"),
        topic: resource("plain"),
        receipt_handle: "nonsense".to_owned(),
        invisible_duration: Some(seconds(60)),
        ..ChangeInvisibleDurationRequest::default()
    };
    let seen = walk.client.change_invisible_duration(call(CLIENT, changing.clone())).await.unwrap().into_inner().status;
    let text = seen.as_ref().map_or("", |status| &status.message);
    assert!(
        walk.is_apache || text.starts_with("INVALID_RECEIPT_HANDLE: "),
        "clients show no name for the code: {text}"
    );
    walk.expect_unlike("a change of nothing", Code::InvalidReceiptHandle, Code::InternalServerError, code(seen));
    let long = ChangeInvisibleDurationRequest { invisible_duration: Some(seconds(43_201)), ..changing };
    let seen = ask!(walk.change_invisible_duration(long));
    walk.expect("a change to a long time", Code::IllegalInvisibleTime, seen);
    let forward = ForwardMessageToDeadLetterQueueRequest {
        group: resource("g"),
        topic: resource("plain"),
        receipt_handle: "nonsense".to_owned(),
        ..ForwardMessageToDeadLetterQueueRequest::default()
    };
    let seen = ask!(walk.forward_message_to_dead_letter_queue(forward));
    walk.expect_unlike("a dead letter of nothing", Code::InvalidReceiptHandle, Code::InternalServerError, seen);
}

/// A receipt handle whose time is over: the message has been handed out again.
async fn expiring(walk: &mut Walk) {
    let sent = walk.send(vec![message("passing", "x", SystemProperties::default())]).await;
    assert_eq!(sent, Code::Ok);
    let brief = || ReceiveMessageRequest {
        invisible_duration: Some(seconds(10)),
        long_polling_timeout: Some(seconds(20)),
        ..wanted("passing", "g")
    };
    let (_, first) = receive(&mut walk.client, brief()).await;
    let mut again = Vec::new();
    let deadline = std::time::Instant::now() + LIMIT;
    while again.is_empty() && std::time::Instant::now() < deadline {
        (_, again) = receive(&mut walk.client, brief()).await;
    }
    assert_eq!((first.len(), again.len()), (1, 1));
    let receipt_handle = first[0].system_properties.as_ref().and_then(|system| system.receipt_handle.clone()).unwrap();
    let (group, topic) = (resource("g"), resource("passing"));
    let entries = vec![AckMessageEntry { receipt_handle: receipt_handle.clone(), ..AckMessageEntry::default() }];
    let late = AckMessageRequest { group: group.clone(), topic: topic.clone(), entries };
    let seen = ask!(walk.ack_message(late));
    walk.expect("a late acknowledgement", Code::InvalidReceiptHandle, seen);
    let invisible_duration = Some(seconds(60));
    let late =
        ChangeInvisibleDurationRequest { group, topic, receipt_handle, invisible_duration, ..Default::default() };
    let seen = ask!(walk.change_invisible_duration(late));
    walk.expect("a late change", Code::InvalidReceiptHandle, seen);
}

/// Calls that nobody serves; the status is the call's own, for there is no message to put one into.
async fn calling(channel: &mut Channel) {
    for service in [SERVICE_NAME, "apache.rocketmq.v3.MessagingService"] {
        let request = http::Request::post(format!("http://localhost/{service}/Unheard"));
        let request = request.header("content-type", "application/grpc").body(tonic::body::Body::empty());
        let answer = tokio::time::timeout(SOON, channel.call(request.unwrap())).await.expect("it is answered").unwrap();
        assert_eq!(answer.headers()["grpc-status"], "12", "{service}: UNIMPLEMENTED");
    }
}

/// Who asks, and for what there is.
async fn asking(walk: &mut Walk) {
    let beat = HeartbeatRequest { client_type: ClientType::PushConsumer.into(), group: resource("g") };
    let seen = code(walk.client.heartbeat(call("stranger", beat)).await.unwrap().into_inner().status);
    walk.expect("a heartbeat before any settings", Code::UnrecognizedClientType, seen);
    for (topic, expected) in [("plain", Code::Ok), ("nowhere", Code::TopicNotFound), ("no/topic", Code::IllegalTopic)] {
        let seen = code(crate::route(&mut walk.client, topic, endpoints()).await.status);
        walk.expect(&format!("the route of {topic}"), expected, seen);
    }
    for (topic, expected) in [("plain", Code::Ok), ("write-only", Code::Forbidden), ("nowhere", Code::TopicNotFound)] {
        let request = QueryAssignmentRequest { topic: resource(topic), group: resource("g"), endpoints: endpoints() };
        let seen = ask!(walk.query_assignment(request));
        walk.expect(&format!("the assignment of {topic}"), expected, seen);
    }
}

fn endpoints() -> Option<bolide_proto::v2::Endpoints> {
    let addresses = vec![bolide_proto::v2::Address { host: "127.0.0.1".into(), port: 8_081 }];
    Some(bolide_proto::v2::Endpoints { scheme: bolide_proto::v2::AddressScheme::IPv4.into(), addresses })
}

/// Offsets, which Apache's proxy does not serve.
async fn reading(walk: &mut Walk) {
    let known = GetOffsetRequest { group: resource("guests"), message_queue: queue("empty") };
    let seen = ask!(walk.get_offset(known));
    walk.expect("an offset that nobody has set", Code::OffsetNotFound, seen);
    let update = UpdateOffsetRequest { group: resource("g"), message_queue: queue("empty"), offset: -1 };
    let seen = ask!(walk.update_offset(update));
    walk.expect("a negative offset", Code::IllegalOffset, seen);
    let far = PullMessageRequest {
        group: resource("g"),
        message_queue: queue("plain"),
        offset: 1_000,
        batch_size: 1,
        ..PullMessageRequest::default()
    };
    let query = QueryOffsetRequest { query_offset_policy: 99, message_queue: queue("plain"), timestamp: None };
    let seen = ask!(walk.query_offset(query));
    walk.expect("a policy of the future", Code::NotImplemented, seen);
    let mut answers = walk.client.pull_message(call(CLIENT, far)).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().and_then(|answer| answer.content);
    let Some(bolide_proto::v2::pull_message_response::Content::Status(status)) = first else { panic!("{first:?}") };
    walk.expect("an offset behind the end", Code::IllegalOffset, status.code());
}

/// Lite topics, which Apache's proxy does not serve in local mode.
async fn lite(walk: &mut Walk) {
    let said = |lite_topic: &str| {
        let system = SystemProperties {
            lite_topic: Some(lite_topic.to_owned()),
            message_type: MessageType::Lite.into(),
            ..SystemProperties::default()
        };
        vec![message("rooms", "x", system)]
    };
    for (lite_topic, expected) in
        [("a$b", Code::IllegalLiteTopic), ("one", Code::Ok), ("two", Code::LiteTopicQuotaExceeded)]
    {
        let seen = walk.send(said(lite_topic)).await;
        walk.expect(&format!("a message to the lite topic {lite_topic}"), expected, seen);
    }
    let future = SyncLiteSubscriptionRequest {
        action: 99,
        topic: resource("rooms"),
        group: resource("guests"),
        ..SyncLiteSubscriptionRequest::default()
    };
    let seen = ask!(walk.sync_lite_subscription(future));
    walk.expect("an action of the future", Code::NotImplemented, seen);
    let rows = [
        ("rooms", "guests", "a b", Code::IllegalLiteTopic),
        ("rooms", "guests", "one", Code::Ok),
        ("rooms", "guests", "two", Code::LiteSubscriptionQuotaExceeded),
        ("plain", "guests", "one", Code::IllegalTopic),
        ("rooms", "g", "one", Code::IllegalTopic),
        ("rooms", "strangers", "one", Code::IllegalConsumerGroup),
    ];
    for (topic, group, lite_topic, expected) in rows {
        let request = SyncLiteSubscriptionRequest {
            action: LiteSubscriptionAction::PartialAdd.into(),
            topic: resource(topic),
            group: resource(group),
            lite_topic_set: vec![lite_topic.to_owned()],
            ..SyncLiteSubscriptionRequest::default()
        };
        let seen = ask!(walk.sync_lite_subscription(request));
        walk.expect(&format!("{group} subscribes to {lite_topic} of {topic}"), expected, seen);
    }
}

#[tokio::test]
async fn each_code_is_seen_in_the_situation_in_which_clients_expect_it() {
    let (cluster, mut channel, mut walk) = stage().await;
    calling(&mut channel).await;
    let (_telemetry, _) = Telemetry::open(&mut walk.client, CLIENT, consumer("g", "plain")).await;
    sending(&mut walk).await;
    ending(&mut walk).await;
    receiving(&mut walk).await;
    settling(&mut walk).await;
    expiring(&mut walk).await;
    asking(&mut walk).await;
    if !walk.is_apache {
        reading(&mut walk).await;
        lite(&mut walk).await;
    }
    assert!(walk.wrong.is_empty(), "{:#?}\n{}", walk.wrong, cluster.log_tails());
}
