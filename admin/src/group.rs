//! Consumer groups: their configuration, and how they get messages.

use std::collections::BTreeMap;

use bolide_remoting::body::{
    MessageRequestMode, SetMessageRequestModeRequest, SubscriptionGroupConfig, SubscriptionGroupWrapper, encode,
};
use bolide_remoting::header::DeleteSubscriptionGroupRequest;
use bolide_remoting::{Body, RequestCode, java_json};
use serde_json::json;

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::session::{Session, retry_topic, tell_all};
use crate::topic::{TOPIC, delete_from};

const GROUP: Flag = Flag::text('g', "groupName", "The consumer group").required();

commands! {
    "updateSubGroup": "Create a consumer group, or change it", [
        BROKER,
        CLUSTER,
        GROUP,
        Flag::truth('s', "consumeEnable", "Whether it may consume; true"),
        Flag::truth('m', "consumeFromMinEnable", "Whether it may begin with the oldest messages; false"),
        Flag::truth('d', "consumeBroadcastEnable", "Whether it may consume by broadcasting; false"),
        Flag::truth('o', "consumeMessageOrderly", "Whether its messages are handed out in order; false"),
        Flag::number('q', "retryQueueNums", "Queues of its retry topic; 1"),
        Flag::number('r', "retryMaxTimes", "How often a message is tried again; 16"),
        Flag::text(
            'p',
            "groupRetryPolicy",
            "When it is tried again, as JSON: {\"type\":\"CUSTOMIZED\",\"customizedRetryPolicy\":{\"next\":[1000,5000]}}",
        ),
        Flag::number('i', "brokerId", "The id of the broker to consume from; 0"),
        Flag::number('w', "whichBrokerWhenConsumeSlowly", "The id of the broker for who is far behind; 1"),
        Flag::truth('a', "notifyConsumerIdsChanged", "Whether members hear of each other at once; true"),
        Flag::text(' ', "attributes", "Changes of attributes, +NAME=VALUE,-NAME").only_long(),
    ],
        update();
    "deleteSubGroup": "Remove a consumer group; of a whole cluster with its retry topic and dead letters",
        [BROKER, CLUSTER, GROUP, Flag::truth('r', "removeOffset", "Whether its offsets go, too; false")],
        delete();
    "getConsumerConfig": "Show a consumer group's configuration on each broker", [GROUP],
        configuration() -> "{BROKER: {groupName, consumeEnable, retryMaxTimes, …}} as brokers keep it";
    "setConsumeMode": "Have a group's members pull or pop a topic's messages", [
        BROKER,
        CLUSTER,
        TOPIC,
        GROUP,
        Flag::text('m', "mode", "PULL or POP").required(),
        Flag::number('q', "popShareQueueNum", "With how many others a member shares a queue; 0"),
    ],
        set_mode();
}

async fn update(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let built_in = SubscriptionGroupConfig::default();
    let truth = |flag, otherwise| arguments.optional_truth(flag).unwrap_or(otherwise);
    let policy = match arguments.optional("groupRetryPolicy") {
        Some(text) => java_json::from_slice(text.as_bytes()).map_err(|error| {
            Failure::usage(format!("-p is no retry policy: {error}; `mqadmin help updateSubGroup` shows one"))
        })?,
        None => built_in.group_retry_policy,
    };
    // What Apache's tool leaves out of a new group is forbidden, other than in the broker's own default.
    let config = SubscriptionGroupConfig {
        group_name: arguments.text("groupName").to_owned(),
        consume_enable: truth("consumeEnable", true),
        consume_from_min_enable: truth("consumeFromMinEnable", false),
        consume_broadcast_enable: truth("consumeBroadcastEnable", false),
        consume_message_orderly: truth("consumeMessageOrderly", false),
        retry_queue_nums: arguments.optional_int("retryQueueNums").unwrap_or(built_in.retry_queue_nums),
        retry_max_times: arguments.optional_int("retryMaxTimes").unwrap_or(built_in.retry_max_times),
        group_retry_policy: policy,
        broker_id: arguments.optional_number("brokerId").unwrap_or(built_in.broker_id),
        which_broker_when_consume_slowly: arguments
            .optional_number("whichBrokerWhenConsumeSlowly")
            .unwrap_or(built_in.which_broker_when_consume_slowly),
        notify_consumer_ids_changed_enable: truth("notifyConsumerIdsChanged", true),
        attributes: attributes(arguments)?,
        ..SubscriptionGroupConfig::default()
    };
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, &(), encode(&config), |broker| {
        format!("create subscription group to {} success.", broker.address)
    })
    .await
}

/// `+NAME=VALUE,-NAME` as brokers take it: the signs stay with the names.
fn attributes(arguments: &Arguments) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |change: String| match (change.split_once('='), change.starts_with('-')) {
        (Some((name, value)), false) if name.starts_with('+') => Ok((name.to_owned(), value.to_owned())),
        (None, true) => Ok((change, String::new())),
        _ => Err(Failure::usage(format!("--attributes has {change:?}, but must have +NAME=VALUE or -NAME"))),
    };
    arguments.list("attributes").into_iter().map(pair).collect()
}

async fn delete(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let group_name = arguments.text("groupName");
    let clean_offset = arguments.optional_truth("removeOffset") == Some(true);
    let request = DeleteSubscriptionGroupRequest { group_name, clean_offset };
    let brokers = session.place(arguments).await?;
    let line = |address: &str| format!("delete subscription group [{group_name}] from broker [{address}] success.");
    let mut report =
        tell_all(session, &brokers, RequestCode::DELETE_SUBSCRIPTIONGROUP, &request, Body::Empty, |broker| {
            line(&broker.address)
        })
        .await?;
    if let Some(cluster) = arguments.optional("clusterName") {
        for topic in [retry_topic(group_name), format!("%DLQ%{group_name}")] {
            report = report.and(delete_from(session, &topic, cluster).await?);
        }
    }
    Ok(report)
}

async fn configuration(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let group = arguments.text("groupName");
    let mut found = serde_json::Map::new();
    for broker in session.brokers(None).await?.into_iter().filter(|broker| broker.id == 0) {
        let request = RequestCode::GET_ALL_SUBSCRIPTIONGROUP_CONFIG;
        let answer = session.ask(&broker.address, request, &(), Body::Empty).await?;
        let groups: SubscriptionGroupWrapper = answer.body()?;
        if let Some(config) = groups.subscription_group_table.get(group) {
            found.insert(broker.name, json!(config));
        }
    }
    if found.is_empty() {
        return Err(Failure::usage(format!("no broker knows the consumer group {group}; updateSubGroup creates it")));
    }
    Ok(Report::raw(found.into()))
}

async fn set_mode(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mode = match arguments.text("mode") {
        "PULL" => MessageRequestMode::Pull,
        "POP" => MessageRequestMode::Pop,
        other => return Err(Failure::usage(format!("-m is {other:?}, but must be PULL or POP"))),
    };
    let request = SetMessageRequestModeRequest {
        topic: arguments.text("topic").to_owned(),
        consumer_group: arguments.text("groupName").to_owned(),
        mode,
        pop_share_queue_num: arguments.optional_int("popShareQueueNum").unwrap_or_default(),
    };
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, RequestCode::SET_MESSAGE_REQUEST_MODE, &(), encode(&request), |broker| {
        format!("set consume mode to {} success.", broker.address)
    })
    .await
}
