//! Offsets that an operator sets, with nobody online, and passed on to those who are; and those that consumers tell of.

use std::sync::Arc;

use bolide_remoting::{Body, Reply, Request, RequestCode, ResponseCode, Service};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, number, pull_form};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::broker;

fn reset_form(timestamp_ms: i64, is_forced: bool) -> Form {
    Form::of(&[("topic", "t"), ("group", "g")]).with("timestamp", timestamp_ms).with("isForce", is_forced)
}

async fn create_group(wire: &Wire) {
    let group = br#"{"groupName":"g"}"#.to_vec();
    wire.succeed(RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, &Form::of(&[]), group).await;
}

async fn commit(wire: &Wire, offset: i64) -> Option<String> {
    let form = Form::of(&[("consumerGroup", "g"), ("topic", "t"), ("queueId", "0")]).with("commitOffset", offset);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &form, Body::Empty).await.remark
}

async fn committed(wire: &Wire) -> i64 {
    let form = Form::of(&[("consumerGroup", "g"), ("topic", "t"), ("queueId", "0")]);
    number(&wire.succeed(RequestCode::QUERY_CONSUMER_OFFSET, &form, Body::Empty).await, "offset")
}

#[tokio::test]
async fn nobody_need_be_online_for_a_reset() {
    let folder = Folder::new("reset-offline");
    let mut server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 1, "").await;
    for body in ["1", "2", "3"] {
        wire.send("t", &[], body).await;
    }
    create_group(&wire).await;
    commit(&wire, 3).await;
    let answer = wire.succeed(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &reset_form(0, true), Body::Empty).await;
    assert!(String::from_utf8_lossy(&answer.body).ends_with("}:0}}"), "{:?}", answer.body);
    assert_eq!(committed(&wire).await, 0);
    assert_eq!(commit(&wire, 3).await.as_deref(), Some("Offset has been previously reset"));
    let told = wire.ask(RequestCode::PULL_MESSAGE, &pull_form("g", "t", 0, 3), Body::Empty).await;
    assert_eq!((told.code, told.remark.as_deref()), (ResponseCode::PULL_OFFSET_MOVED, Some("OFFSET_RESET")));
    assert_eq!(number(&told, "nextBeginOffset"), 0);
    let again = wire.ask(RequestCode::PULL_MESSAGE, &pull_form("g", "t", 0, 0), Body::Empty).await;
    assert_eq!(bodies(&again), ["1", "2", "3"]);
    assert_eq!(commit(&wire, 2).await, None);
    let to_place = reset_form(-1, true).with("queueId", 0).with("offset", 1);
    wire.succeed(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &to_place, Body::Empty).await;
    server.stop();
    server.start_again();
    assert_eq!(committed(&Wire::connect(&server).await).await, 1, "the reset survives a restart");
}

#[tokio::test]
async fn a_waiting_pull_learns_of_a_reset_at_once() {
    let folder = Folder::new("reset-waiting");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 1, "").await;
    wire.send("t", &[], "1").await;
    create_group(&wire).await;
    commit(&wire, 1).await;
    let [mine, other] = ["g", "other"].map(|group| pull_form(group, "t", 0, 1).with("suspendTimeoutMillis", 3_600_000));
    let (mine, other) = (mine.with("sysFlag", 6), other.with("sysFlag", 6));
    let told = tokio::select! {
        biased;
        told = wire.ask(RequestCode::PULL_MESSAGE, &mine, Body::Empty) => told,
        answer = wire.ask(RequestCode::PULL_MESSAGE, &other, Body::Empty) => panic!("it should wait: {answer:?}"),
        // Asked on the same connection, and so once the pulls wait.
        () = async {
            wire.succeed(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &reset_form(0, true), Body::Empty).await;
            std::future::pending().await
        } => unreachable!("it never ends"),
    };
    assert_eq!((told.code, told.remark.as_deref()), (ResponseCode::PULL_OFFSET_MOVED, Some("OFFSET_RESET")));
    assert_eq!(number(&told, "nextBeginOffset"), 0);
}

#[tokio::test]
async fn impossible_resets_are_refused() {
    let folder = Folder::new("reset-refused");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 1, "").await;
    wire.send("t", &[], "1").await;
    let form = || reset_form(0, true).with("group", "TOOLS_CONSUMER");
    let cases = [
        (form().with("topic", "missing"), ResponseCode::TOPIC_NOT_EXIST, "Topic missing does not exist"),
        (reset_form(0, true), ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, "Group g does not exist"),
        (
            form().with("queueId", 0).with("offset", 3),
            ResponseCode::SYSTEM_ERROR,
            "Target offset 3 not in consume queue range [0-1]",
        ),
        (form().without("topic"), ResponseCode::SYSTEM_ERROR, "the request's header is not usable"),
    ];
    for (form, code, remark) in cases {
        let refused = wire.ask(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &form, Body::Empty).await;
        assert_eq!(refused.code, code, "{form:?}");
        assert!(
            refused.remark.as_deref().is_some_and(|text| text.starts_with(remark)),
            "{form:?}: {:?}",
            refused.remark
        );
    }
}

/// Takes down what a broker asks of a client.
struct Asked(UnboundedSender<(i32, String, String)>);

impl Service for Asked {
    fn handle(&self, request: Request<'_>, _reply: Reply<'_>) {
        let timestamp = request.header.fields.get("timestamp").unwrap_or_default().to_owned();
        // Nobody listens any more when a test has ended.
        let _ = self.0.send((request.header.code, timestamp, String::from_utf8_lossy(request.body).into_owned()));
    }
}

const HEARTBEAT: &str = r#"{"clientID":"c","producerDataSet":[],"consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{"classFilterMode":false,"topic":"t","subString":"*","tagsSet":[],"codeSet":[],"subVersion":1,"expressionType":"TAG"}],"unitMode":false}]}"#;

#[tokio::test]
async fn consumers_that_are_online_are_told_where_the_broker_shall_not_do_it_itself() {
    let folder = Folder::new("reset-online");
    let server = broker(&folder, &[("useServerSideResetOffset", "false")]);
    let operator = Wire::connect(&server).await;
    operator.create_topic("t", 1, "").await;
    for body in ["1", "2"] {
        operator.send("t", &[], body).await;
    }
    let code = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
    let refused = operator.ask(code, &reset_form(0, true), Body::Empty).await;
    assert_eq!(refused.remark.as_deref(), Some("THe consumer group <g> not exist"));
    create_group(&operator).await;
    commit(&operator, 1).await;
    let refused = operator.ask(code, &reset_form(0, true), Body::Empty).await;
    assert_eq!(refused.code, ResponseCode::CONSUMER_NOT_ONLINE);
    let remark = "Consumer not online, so can not reset offset, Group: g Topic: t Timestamp: 0";
    assert_eq!(refused.remark.as_deref(), Some(remark));

    let (sender, mut asked) = unbounded_channel();
    let consumer = Wire::connect_with(&server, Arc::new(Asked(sender))).await;
    consumer.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), HEARTBEAT.as_bytes().to_vec()).await;
    let mut in_cpp = TcpStream::connect(server.address()).await.unwrap();
    let header = r#"{"code":34,"flag":0,"language":"CPP","opaque":1,"version":63,"extFields":{}}"#;
    let heartbeat = HEARTBEAT.replace(r#""clientID":"c""#, r#""clientID":"cpp""#);
    in_cpp.write_all(&((4 + header.len() + heartbeat.len()) as u32).to_be_bytes()).await.unwrap();
    in_cpp.write_all(&(header.len() as u32).to_be_bytes()).await.unwrap();
    in_cpp.write_all((header.to_owned() + &heartbeat).as_bytes()).await.unwrap();
    // Its answer: the broker knows the client.
    assert!(frame(&mut in_cpp).await.contains("IS_SUPPORT_HEART_BEAT_V2"));

    let answer = operator.succeed(code, &reset_form(-1, false), Body::Empty).await;
    let table = r#"{"offsetTable":{{"topic":"t","brokerName":"broker","queueId":0}:1}}"#;
    assert_eq!(String::from_utf8_lossy(&answer.body), table, "not forward without force");
    let told = loop {
        let (code, timestamp, body) = asked.recv().await.unwrap();
        // The other consumer's arrival is told, too.
        if code == RequestCode::RESET_CONSUMER_CLIENT_OFFSET.0 {
            break (timestamp, body);
        }
    };
    assert_eq!(told, ("-1".to_owned(), table.to_owned()));
    let list = r#"{"offsetTable":[{"topic":"t","brokerName":"broker","queueId":0,"offset":1}]}"#;
    loop {
        let told = frame(&mut in_cpp).await;
        if told.contains(r#""code":220"#) {
            assert!(told.ends_with(list), "{told}");
            break;
        }
    }
    assert_eq!(committed(&operator).await, 1, "the offset is the consumer's to commit");
}

#[tokio::test]
async fn a_pull_whose_client_is_gone_does_not_take_the_reset_from_those_who_are_there() {
    let folder = Folder::new("reset-gone");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 1, "").await;
    wire.send("t", &[], "1").await;
    let gone = Wire::connect(&server).await;
    gone.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), HEARTBEAT.as_bytes().to_vec()).await;
    let form = pull_form("g", "t", 0, 1).with("sysFlag", 2).with("suspendTimeoutMillis", 3_600_000);
    tokio::select! {
        biased;
        answer = gone.ask(RequestCode::PULL_MESSAGE, &form, Body::Empty) => panic!("it should wait: {answer:?}"),
        // Asked on the same connection, and so answered when the pull waits.
        _ = gone.offset(RequestCode::GET_MAX_OFFSET, "t", 0) => {}
    }
    drop(gone);
    let group = Form::of(&[("consumerGroup", "g")]);
    while wire.ask(RequestCode::GET_CONSUMER_LIST_BY_GROUP, &group, Body::Empty).await.code == ResponseCode::SUCCESS {}
    wire.succeed(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &reset_form(0, true), Body::Empty).await;
    wire.send("t", &[], "2").await;
    let told = wire.ask(RequestCode::PULL_MESSAGE, &pull_form("g", "t", 0, 2).with("sysFlag", 6), Body::Empty).await;
    assert_eq!((told.code, told.remark.as_deref()), (ResponseCode::PULL_OFFSET_MOVED, Some("OFFSET_RESET")));
}

/// The next frame, as text.
async fn frame(stream: &mut TcpStream) -> String {
    let length = stream.read_u32().await.unwrap();
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.unwrap();
    String::from_utf8_lossy(&frame).into_owned()
}

#[tokio::test]
async fn a_member_that_is_not_there_has_no_offsets_to_tell() {
    let folder = Folder::new("consumer-status");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    let code = RequestCode::INVOKE_BROKER_TO_GET_CONSUMER_STATUS;
    let form = Form::of(&[("topic", "t"), ("group", "g"), ("clientAddr", "another")]);
    let refused = wire.ask(code, &form, Body::Empty).await;
    assert_eq!(refused.remark.as_deref(), Some("No Any Consumer online in the consumer group: [g]"));
    wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), HEARTBEAT.as_bytes().to_vec()).await;
    let status = wire.succeed(code, &form, Body::Empty).await;
    assert_eq!(String::from_utf8_lossy(&status.body), r#"{"consumerTable":{}}"#);
}
