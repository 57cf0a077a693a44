//! Topics that say which messages they are for, and messages that come by priority.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, number, pop_form, records};

use crate::broker;

#[tokio::test]
async fn a_topics_type_is_kept_but_refuses_nothing_over_remoting() {
    let folder = Folder::new("message-types");
    let mut server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    let created = wire.create_topic("typed", 4, "+message.type=FIFO").await;
    assert_eq!(created.code, ResponseCode::SUCCESS, "{:?}", created.remark);
    wire.send("typed", &[], "normal").await;
    wire.send("typed", &["_SYS_MSG_PRIORITY_=0"], "urgent").await;
    assert_eq!(bodies(&wire.pull("typed", 0, 0).await), ["normal", "urgent"]);
    let refused = wire.create_topic("mixed", 4, "+message.type=MIXED").await;
    assert_eq!(refused.code, ResponseCode::INVALID_PARAMETER);
    assert_eq!(refused.remark.as_deref(), Some("MIXED message type is not supported."));
    let refused = wire.create_topic("other", 4, "+message.type=fifo").await;
    assert_eq!(refused.code, ResponseCode::SYSTEM_ERROR);
    assert!(refused.remark.unwrap().starts_with("value is not in set: ["));
    for missing in ["mixed", "other"] {
        let form = Form::of(&[("topic", missing)]);
        let shown = wire.ask(RequestCode::GET_TOPIC_CONFIG, &form, Body::Empty).await;
        assert_eq!(shown.code, ResponseCode::TOPIC_NOT_EXIST, "{missing}");
    }
    server.stop();
    server.reconfigure(|text| text + "enableMixedMessageType=true\n");
    server.start_again();
    let wire = Wire::connect(&server).await;
    let created = wire.create_topic("mixed", 4, "+message.type=MIXED").await;
    assert_eq!(created.code, ResponseCode::SUCCESS, "{:?}", created.remark);
    let form = Form::of(&[("topic", "typed")]);
    let shown = wire.succeed(RequestCode::GET_TOPIC_CONFIG, &form, Body::Empty).await;
    assert!(String::from_utf8_lossy(&shown.body).contains(r#""message.type":"FIFO""#), "it survives a restart");
}

#[tokio::test]
async fn priority_picks_the_queue_and_the_most_urgent_is_popped_first() {
    let folder = Folder::new("priority");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("urgency", 4, "+message.type=PRIORITY").await;
    let cases = [("low", 0, 0), ("middle", 2, 2), ("highest", 3, 3), ("beyond", 9, 3), ("one", 1, 1)];
    for (body, priority, queue) in cases {
        let property = format!("_SYS_MSG_PRIORITY_={priority}");
        let answer = wire.send("urgency", &[&property], body).await;
        assert_eq!(number(&answer, "queueId"), queue, "{body}");
    }
    let mut popped = Vec::new();
    for _ in 0..cases.len() {
        let form = pop_form("urgent-consumers", "urgency").with("maxMsgNums", 1);
        popped.extend(bodies(&wire.succeed(RequestCode::POP_MESSAGE, &form, Body::Empty).await));
    }
    assert_eq!(popped, ["highest", "beyond", "middle", "one", "low"]);
}

#[tokio::test]
async fn with_retry_queues_of_their_own_messages_come_again_by_priority() {
    let folder = Folder::new("priority-again");
    let server = broker(&folder, &[("useSeparateRetryQueue", "true"), ("popFromRetryProbabilityForPriority", "100")]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("urgency", 3, "+message.type=PRIORITY").await;
    for priority in ["0", "2", "1"] {
        wire.send("urgency", &[&format!("_SYS_MSG_PRIORITY_={priority}")], priority).await;
    }
    let retry = "%RETRY%g_urgency";
    let got = async |queue, count| while wire.offset(RequestCode::GET_MAX_OFFSET, retry, queue).await < count {};
    for count in 1..=2 {
        let form = pop_form("g", "urgency").with("invisibleTime", 1_000);
        let popped = bodies(&wire.succeed(RequestCode::POP_MESSAGE, &form, Body::Empty).await);
        assert_eq!(popped, ["2", "1", "0"]);
        // The retry topic follows.
        wire.create_topic("urgency", 5, "").await;
        for queue in 0..3 {
            got(queue, count).await;
        }
    }
    let shown = wire.succeed(RequestCode::GET_TOPIC_CONFIG, &Form::of(&[("topic", retry)]), Body::Empty).await;
    assert!(String::from_utf8_lossy(&shown.body).contains(r#""readQueueNums":5,"writeQueueNums":5"#), "{shown:?}");
}

#[tokio::test]
async fn a_message_of_another_kind_loses_its_priority() {
    let folder = Folder::new("no-priority");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("urgency", 4, "+message.type=PRIORITY").await;
    let answer = wire.send("urgency", &["__SHARDINGKEY=k", "_SYS_MSG_PRIORITY_=3", "KEYS=a"], "in order").await;
    assert_eq!(number(&answer, "queueId"), 0);
    let nonsense = wire.send("urgency", &["_SYS_MSG_PRIORITY_=high"], "nonsense").await;
    assert_eq!(number(&nonsense, "queueId"), 0);
    let pulled = wire.pull("urgency", 0, 0).await;
    let [first, second] = records(&pulled)[..] else { panic!("{pulled:?}") };
    assert_eq!(first.properties().get_str("_SYS_MSG_PRIORITY_"), None);
    assert_eq!(first.properties().get_str("KEYS"), Some("a"));
    assert_eq!(second.properties().get_str("_SYS_MSG_PRIORITY_"), Some("high"));
}
