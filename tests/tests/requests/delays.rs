//! When delayed messages come, and those that a consumer sent back: by the broker's own levels, or by the group's policy.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use bolide_remoting::{Body, RequestCode};
use bolide_store::record::RecordView;
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, now_ms, pull_form, records};

use crate::broker;

/// Waits for the message at an offset of queue 0.
async fn first(wire: &Wire, topic: &str, offset: i64, look: impl FnOnce(&RecordView<'_>)) {
    let form = pull_form("g", topic, 0, offset).with("sysFlag", 6).with("suspendTimeoutMillis", 25_000);
    let pulled = wire.succeed(RequestCode::PULL_MESSAGE, &form, Body::Empty).await;
    look(records(&pulled).first().unwrap());
}

/// Sends a message back that lies in queue 0; answers when.
async fn send_back(wire: &Wire, topic: &str, offset: i64, level: i32) -> i64 {
    let mut place = 0;
    first(wire, topic, offset, |record| place = record.physical_offset().0).await;
    let form = Form::of(&[("group", "g"), ("originTopic", "t"), ("unitMode", "false")]);
    let sent_ms = now_ms();
    let form = form.with("offset", place).with("delayLevel", level);
    wire.succeed(RequestCode::CONSUMER_SEND_MSG_BACK, &form, Body::Empty).await;
    sent_ms
}

/// The message must not have come before its time.
fn waited(record: &RecordView<'_>, sent_ms: i64, at_least_ms: i64) {
    let waited_ms = record.store_ms() - sent_ms;
    assert!(waited_ms >= at_least_ms, "it came after {waited_ms} ms");
}

#[tokio::test]
async fn levels_are_the_brokers_own_and_the_last_one_stands_for_all_above() {
    let folder = Folder::new("levels");
    let server = broker(&folder, &[("messageDelayLevel", "1s 2s")]);
    let wire = Wire::connect(&server).await;
    let sent_ms = now_ms();
    wire.send("t", &["DELAY=99", "KEYS=k"], "above").await;
    first(&wire, "t", 0, |record| {
        waited(record, sent_ms, 2_000);
        assert_eq!(record.properties().get_str("KEYS"), Some("k"));
        assert_eq!(record.properties().get_str("DELAY"), Some("2"));
    })
    .await;
    wire.send("t", &["DELAY=-1"], "at once").await;
    // The first retry asks for the third level.
    let back_ms = send_back(&wire, "t", 1, 0).await;
    first(&wire, "%RETRY%g", 0, |record| waited(record, back_ms, 2_000)).await;
}

#[tokio::test]
async fn a_group_with_a_retry_policy_waits_as_that_says() {
    let folder = Folder::new("retry-policy");
    // A level that no test would live to see.
    let server = broker(&folder, &[("messageDelayLevel", "1s 1d")]);
    let wire = Wire::connect(&server).await;
    let group = br#"{"groupName":"g","retryQueueNums":1,"retryMaxTimes":3,"groupRetryPolicy":{"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[0,1500]}}}"#;
    wire.succeed(RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, &Form::of(&[]), group.to_vec()).await;
    wire.send("t", &["DELAY=1", "KEYS=k"], "again").await;
    send_back(&wire, "t", 0, 0).await;
    first(&wire, "%RETRY%g", 0, |record| {
        assert_eq!(record.reconsume_times(), 1);
        assert_eq!(record.properties().get_str("DELAY"), None);
    })
    .await;
    for attempt in [1, 2] {
        let sent_ms = send_back(&wire, "%RETRY%g", attempt - 1, 0).await;
        first(&wire, "%RETRY%g", attempt, |record| {
            waited(record, sent_ms, 1_500);
            assert_eq!(i64::from(record.reconsume_times()), attempt + 1);
            let properties = record.properties();
            assert_eq!((properties.get_str("RETRY_TOPIC"), properties.get_str("KEYS")), (Some("t"), Some("k")));
        })
        .await;
    }
    send_back(&wire, "%RETRY%g", 2, 0).await;
    first(&wire, "%DLQ%g", 0, |record| assert_eq!(record.body(), b"again")).await;
}

#[tokio::test]
async fn a_recall_that_names_the_topic_leaves_another_topics_message_with_the_same_id_alone() {
    let folder = Folder::new("recall");
    let server = broker(&folder, &[("appendTopicForTimerDeleteKey", "true")]);
    let wire = Wire::connect(&server).await;
    let at = |ms: i64| format!("TIMER_DELIVER_MS={}", now_ms() + ms);
    let sent = wire.send("t", &[&at(3_000), "UNIQ_KEY=kept"], "kept").await;
    let gone = wire.send("t", &[&at(3_000), "UNIQ_KEY=gone"], "gone").await;
    wire.create_topic("u", 1, "").await;
    let [sent, gone] = [&sent, &gone].map(|sent| sent.fields.get("recallHandle").unwrap());
    let handle = BASE64.decode(sent).unwrap();
    let others = BASE64.encode(String::from_utf8(handle).unwrap().replace(" t ", " u "));
    for (topic, handle) in [("u", &*others), ("t", gone)] {
        let form = Form::of(&[("producerGroup", "p"), ("topic", topic), ("recallHandle", handle)]);
        let recalled = wire.succeed(RequestCode::RECALL_MESSAGE, &form, Body::Empty).await;
        assert_eq!(recalled.fields.get("MSG_REGION"), Some("DefaultRegion"));
    }
    wire.send("t", &[&at(5_000)], "last").await;
    first(&wire, "t", 0, |record| assert_eq!(record.body(), b"kept")).await;
    first(&wire, "t", 1, |record| assert_eq!(record.body(), b"last")).await;
}
