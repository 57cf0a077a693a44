//! A member of a consumer group, for what operators ask of members: connected over the bare protocol, with messages sent, pulled and
//! committed, and with answers to questions that brokers pass on.

use std::sync::Arc;

use bolide_remoting::{Body, Reply, Request, RequestCode, Service};

use crate::wire::{Form, Wire, pull_form};

/// The topic, with two queues.
pub const TOPIC: &str = "orders";
/// The group.
pub const GROUP: &str = "billing";
/// The member's id.
pub const CLIENT: &str = "127.0.0.1@member";
/// The group of producers that it belongs to, too.
pub const PRODUCERS: &str = "shop";
/// How many messages there are, all in queue 0.
pub const SENT: i64 = 12;
/// How many have the tag `new`, and were pulled; the others have the tag `old`.
pub const NEW: i64 = 8;
/// How many were consumed.
pub const CONSUMED: i64 = 5;

struct Member;

impl Service for Member {
    fn handle(&self, request: Request<'_>, reply: Reply<'_>) {
        match request.code() {
            RequestCode::GET_CONSUMER_RUNNING_INFO => reply.ok_body(&(), RUNNING_INFO.as_bytes().to_vec()),
            RequestCode::CONSUME_MESSAGE_DIRECTLY => reply.ok_body(&(), CONSUMED_DIRECTLY.as_bytes().to_vec()),
            _ => reply.ok(&()),
        }
    }
}

const RUNNING_INFO: &str = r#"{"mqTable":{{"brokerName":"broker-a","queueId":1,"topic":"orders"}:{"cachedMsgCount":3,"commitOffset":7,"locked":true}},
"properties":{"PROP_CONSUME_TYPE":"CONSUME_PASSIVELY","PROP_CONSUMEORDERLY":"false","PROP_CLIENT_VERSION":"V5_5_0","PROP_CONSUMER_START_TIMESTAMP":"1700000000000",
"PROP_NAMESERVER_ADDR":"127.0.0.1:9876","PROP_THREADPOOL_CORE_SIZE":"20"},"statusTable":{"orders":{"consumeOKTPS":1.5}},
"subscriptionSet":[{"topic":"orders","subString":"new"}]}"#;
const CONSUMED_DIRECTLY: &str = r#"{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":2}"#;

/// Sends the messages, pulls and commits, and stays connected until what it answers is dropped.
///
/// # Panics
/// When the broker refuses anything.
pub async fn join(address: &str) -> Wire {
    let wire = Wire::dial_with(address, Arc::new(Member)).await;
    wire.create_topic(TOPIC, 2, "").await;
    let heartbeat = format!(
        r#"{{"clientID":"{CLIENT}","producerDataSet":[{{"groupName":"{PRODUCERS}"}}],"consumerDataSet":[{{"groupName":"{GROUP}","consumeType":"CONSUME_PASSIVELY",
"messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{{"topic":"{TOPIC}","subString":"new","tagsSet":["new"]}}]}}]}}"#
    );
    wire.succeed(RequestCode::HEART_BEAT, &Form::of(&[]), heartbeat.into_bytes()).await;
    for number in 0..SENT {
        let tag = if number < NEW { "TAGS=new" } else { "TAGS=old" };
        let (key, id) = (format!("KEYS=order-{number}"), format!("UNIQ_KEY={}", unique_key(number)));
        wire.send(TOPIC, &[tag, &key, &id], &format!("order {number:02}")).await;
    }
    wire.succeed(RequestCode::PULL_MESSAGE, &pull_form(GROUP, TOPIC, 0, 0).with("maxMsgNums", NEW), Body::Empty).await;
    let commit = Form::of(&[("consumerGroup", GROUP), ("topic", TOPIC), ("queueId", "0")]);
    wire.succeed(RequestCode::UPDATE_CONSUMER_OFFSET, &commit.with("commitOffset", CONSUMED), Body::Empty).await;
    wire
}

/// The id of the message with this number, as a producer would give it.
pub fn unique_key(number: i64) -> String {
    format!("{number:032X}")
}
