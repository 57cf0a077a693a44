//! Light queues: messages that are in several queues at once, found by their topics' names alone.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, number, pop_form, pull_form, records, send_form};

use crate::broker;

const ON: &[(&str, &str)] = &[("enableLmq", "true"), ("enableMultiDispatch", "true")];

#[tokio::test]
async fn a_message_is_pulled_from_each_of_its_queues_before_and_after_a_restart() {
    let folder = Folder::new("light-queues");
    let mut server = broker(&folder, ON);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b"], "both").await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%b", "INNER_MULTI_QUEUE_OFFSET=99"], "one").await;
    wire.send("parent", &[], "none").await;
    let commit = Form::of(&[("consumerGroup", "%LMQ%g"), ("topic", "%LMQ%b"), ("queueId", "0"), ("commitOffset", "1")]);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit, Body::Empty).await;
    for restarted in [false, true] {
        if restarted {
            server.stop();
            let offsets = folder.path().join("store/config/lmqConsumerOffset.json");
            let offsets = std::fs::read_to_string(offsets).unwrap();
            assert!(offsets.contains(r#""lmqOffsetTable":{"%LMQ%b@%LMQ%g":1}"#), "{offsets}");
            server.start_again();
        }
        let wire = Wire::connect(&server).await;
        assert_eq!(bodies(&wire.pull("parent", 0, 0).await), ["both", "one", "none"]);
        assert_eq!(bodies(&wire.pull("%LMQ%a", 0, 0).await), ["both"]);
        let pulled = wire.pull("%LMQ%b", 0, 1).await;
        assert_eq!(bodies(&pulled), ["one"]);
        assert_eq!((number(&pulled, "minOffset"), number(&pulled, "maxOffset")), (0, 2));
        assert_eq!(number(&pulled, "nextBeginOffset"), 2);
        assert_eq!(wire.offset(RequestCode::GET_MAX_OFFSET, "%LMQ%b", 0).await, 2);
        assert_eq!(wire.offset(RequestCode::GET_MIN_OFFSET, "%LMQ%b", 0).await, 0);
        let query = Form::of(&[("consumerGroup", "%LMQ%g"), ("topic", "%LMQ%b"), ("queueId", "0")]);
        let committed = wire.succeed(RequestCode::QUERY_CONSUMER_OFFSET, &query, Body::Empty).await;
        assert_eq!(number(&committed, "offset"), 1);
        let list = wire.succeed(RequestCode::GET_ALL_TOPIC_CONFIG, &Form::of(&[]), Body::Empty).await;
        assert!(!String::from_utf8_lossy(&list.body).contains("%LMQ%"), "light queues are in no list");
    }
}

#[tokio::test]
async fn a_waiting_pull_of_a_light_queue_is_woken() {
    let folder = Folder::new("light-wait");
    let server = broker(&folder, ON);
    let (waiter, wire) = (Wire::connect(&server).await, Wire::connect(&server).await);
    wire.send("parent", &[], "before").await;
    let form = pull_form("consumers", "%LMQ%a", 0, 0).with("sysFlag", 6).with("suspendTimeoutMillis", 25_000);
    let waiting = tokio::spawn(async move { waiter.ask(RequestCode::PULL_MESSAGE, &form, Body::Empty).await });
    // Whether the pull waits already or comes later makes no difference to what it must answer.
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a"], "now").await;
    assert_eq!(bodies(&waiting.await.unwrap()), ["now"]);
}

#[tokio::test]
async fn a_light_queue_can_be_popped_and_acknowledged() {
    let folder = Folder::new("light-pop");
    let server = broker(&folder, ON);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &[], "elsewhere").await;
    for body in ["first", "second"] {
        wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%other,%LMQ%a"], body).await;
    }
    let popped = wire.succeed(RequestCode::POP_MESSAGE, &pop_form("poppers", "%LMQ%a"), Body::Empty).await;
    assert_eq!(bodies(&popped), ["first", "second"]);
    assert_eq!(popped.fields.get("startOffsetInfo"), Some("0 0 0"));
    assert_eq!(popped.fields.get("msgOffsetInfo"), Some("0 0 0,1"), "their offsets in the light queue");
    let handle = format!(
        "0 {} 60000 {} 0 broker 0 0",
        popped.fields.get("popTime").unwrap(),
        popped.fields.get("reviveQid").unwrap()
    );
    let ack = Form::of(&[
        ("consumerGroup", "poppers"),
        ("topic", "%LMQ%a"),
        ("queueId", "0"),
        ("offset", "0"),
        ("extraInfo", &handle),
    ]);
    wire.succeed(RequestCode::ACK_MESSAGE, &ack, Body::Empty).await;
    let nothing = wire.ask(RequestCode::POP_MESSAGE, &pop_form("poppers", "%LMQ%a"), Body::Empty).await;
    assert_eq!(nothing.code, ResponseCode::POLLING_TIMEOUT);
}

#[tokio::test]
async fn a_delayed_message_enters_its_light_queue_when_it_is_delivered() {
    let folder = Folder::new("light-delay");
    let server = broker(&folder, &[ON[0], ON[1], ("messageDelayLevel", "1s")]);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a", "DELAY=1"], "later").await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a"], "at once").await;
    assert_eq!(bodies(&wire.pull("%LMQ%a", 0, 0).await), ["at once"]);
    let form = pull_form("consumers", "%LMQ%a", 0, 1).with("sysFlag", 6).with("suspendTimeoutMillis", 25_000);
    let pulled = wire.ask(RequestCode::PULL_MESSAGE, &form, Body::Empty).await;
    assert_eq!(bodies(&pulled), ["later"]);
    let record = &records(&pulled)[0];
    let offset: i64 = record.properties().get_str("INNER_MULTI_QUEUE_OFFSET").unwrap().parse().unwrap();
    assert_eq!((record.topic(), offset), ("parent", 1));
}

#[tokio::test]
async fn a_lite_topic_is_a_light_queue_of_its_topic() {
    let folder = Folder::new("lite");
    let server = broker(&folder, ON);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &["__LITE_TOPIC=room-1", "INNER_MULTI_DISPATCH=%LMQ%forged"], "hello").await;
    assert_eq!(bodies(&wire.pull("%LMQ%$parent$room-1", 0, 0).await), ["hello"]);
    assert_eq!(wire.pull("%LMQ%forged", 0, 0).await.code, ResponseCode::PULL_NOT_FOUND);
}

#[tokio::test]
async fn too_many_light_queues_and_impossible_names_are_refused() {
    let folder = Folder::new("light-quota");
    let server = broker(&folder, &[ON[0], ON[1], ("enableLmqQuota", "true"), ("maxLmqConsumeQueueNum", "1")]);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a"], "fits").await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a"], "fits, too").await;
    let form = send_form("parent", &["INNER_MULTI_DISPATCH=%LMQ%a,%LMQ%b"]);
    let refused = wire.ask(RequestCode::SEND_MESSAGE, &form, vec![b'x']).await;
    assert_eq!(refused.code, ResponseCode::LMQ_QUOTA_EXCEEDED);
    let remark = "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded.";
    assert_eq!(refused.remark.as_deref(), Some(remark));
    wire.succeed(RequestCode::DELETE_TOPIC_IN_BROKER, &Form::of(&[("topic", "%LMQ%a")]), Body::Empty).await;
    let form = send_form("parent", &["INNER_MULTI_DISPATCH=%LMQ%a/b"]);
    let refused = wire.ask(RequestCode::SEND_MESSAGE, &form, vec![b'x']).await;
    assert_eq!(refused.code, ResponseCode::MESSAGE_ILLEGAL, "{:?}", refused.remark);
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%b"], "in its place").await;
    assert_eq!(bodies(&wire.pull("parent", 0, 0).await), ["fits", "fits, too", "in its place"]);
}

#[tokio::test]
async fn without_the_setting_there_are_no_light_queues_and_no_offset_is_lost_when_it_changes() {
    let folder = Folder::new("light-off");
    let mut server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.send("parent", &["INNER_MULTI_DISPATCH=%LMQ%a"], "plain").await;
    assert_eq!(wire.pull("%LMQ%a", 0, 0).await.code, ResponseCode::TOPIC_NOT_EXIST);
    let commit =
        Form::of(&[("consumerGroup", "TOOLS_CONSUMER"), ("topic", "parent"), ("queueId", "0"), ("commitOffset", "1")]);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit, Body::Empty).await;
    server.stop();
    server.reconfigure(|text| text + "enableLmq=true\nenableMultiDispatch=true\n");
    server.start_again();
    let wire = Wire::connect(&server).await;
    let query = Form::of(&[("consumerGroup", "TOOLS_CONSUMER"), ("topic", "parent"), ("queueId", "0")]);
    let committed = wire.succeed(RequestCode::QUERY_CONSUMER_OFFSET, &query, Body::Empty).await;
    assert_eq!(number(&committed, "offset"), 1);
    assert_eq!(wire.pull("%LMQ%a", 0, 0).await.code, ResponseCode::PULL_NOT_FOUND);
}
