//! Topics: which there are, where their queues lie, what is in them, and changing them.

use std::collections::BTreeMap;

use bolide_remoting::body::{GroupList, MessageQueue, TopicConfig, TopicList, TopicOffset, TopicStatsTable};
use bolide_remoting::header::{
    CreateTopicRequest, DeleteTopicFromNamesrvRequest, GetKvConfigResponse, GetTopicsByClusterRequest, KvConfigRequest,
    TopicRequest,
};
use bolide_remoting::{Body, RequestCode, ResponseCode};
use serde_json::json;

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, commands};
use crate::failure::Failure;
use crate::name_server::{delete_value, put_value};
use crate::progress::Progress;
use crate::report::{Cell, Report};
use crate::row;
use crate::session::{Broker, Session, tell_all};
use crate::table::Column;

/// The topic's name.
pub(crate) const TOPIC: Flag = Flag::text('t', "topic", "The topic").required();
const DEFAULT_QUEUES: i32 = 8;
const READ_WRITE: i32 = 6;
/// Where name servers keep the order of topics' queues.
const ORDER_NAMESPACE: &str = "ORDER_TOPIC_CONFIG";
/// Bits of a topic's system flag.
const UNIT: i32 = 1;
const UNIT_SUBSCRIPTION: i32 = 2;

commands! {
    "topicList": "List topics", [Flag::switch('c', "clusterModel", "With clusters and consumer groups")],
        list() -> "[TOPIC], with -c [{cluster, topic, group}]";
    "topicRoute": "Show the brokers and queues of a topic", [TOPIC, Flag::switch('l', "list", "As a table")],
        route()
            -> "{queueDatas, brokerDatas, …} as name servers answer it, with -l [{cluster, broker, addresses, readQueues, writeQueues, perm}]";
    "topicStatus": "Show the offsets of a topic's queues",
        [TOPIC, Flag::text('c', "cluster", "Only brokers of this cluster")],
        status() -> "{queues: [{broker, queue, minOffset, maxOffset, lastUpdated}], putTps}";
    "topicClusterList": "List the clusters that have a topic", [TOPIC],
        clusters() -> "[CLUSTER]";
    "updateTopic": "Create a topic, or change it", [
        BROKER,
        CLUSTER,
        TOPIC,
        Flag::text('a', "attributes", "Changes of attributes, +NAME=VALUE,-NAME"),
        Flag::number('r', "readQueueNums", "Queues to read; 8"),
        Flag::number('w', "writeQueueNums", "Queues to write; 8"),
        Flag::number('p', "perm", "2 write, 4 read, 6 both; 6"),
        Flag::truth('o', "order", "Whether the queues' order is kept at the name servers"),
        Flag::truth('u', "unit", "Whether it is the topic of a unit"),
        Flag::truth('s', "hasUnitSub", "Whether units subscribe to it"),
    ],
        update();
    "updateTopicPerm": "Change who may read and write a topic",
        [BROKER, CLUSTER, TOPIC, Flag::number('p', "perm", "2 write, 4 read, 6 both").required()],
        update_permission();
    "deleteTopic": "Remove a topic from a cluster's brokers and the name servers",
        [TOPIC, Flag::text('c', "clusterName", "The cluster").required()],
        delete();
    "updateOrderConf": "Show, set or remove the order of a topic's queues", [
        TOPIC,
        Flag::text('v', "orderConf", "BROKER:QUEUES[;BROKER:QUEUES…], for put"),
        Flag::text('m', "method", "get, put or delete").required(),
    ],
        order() -> "{topic, orderConf} for get";
    "allocateMQ": "Show how the queues of a topic would be shared among consumers",
        [TOPIC, Flag::text('i', "ipList", "The consumers, with commas between them").required()],
        allocate() -> "{CONSUMER: [{topic, brokerName, queueId}]}";
}

/// All topics that the name servers know.
pub(crate) async fn all(session: &Session) -> Result<Vec<String>, Failure> {
    let answer = session.ask_name_server(RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER, &()).await?;
    let mut topics = answer.body::<TopicList>()?.topic_list;
    topics.sort();
    Ok(topics)
}

/// The groups that consume a topic, or have.
pub(crate) async fn groups_of(session: &Session, topic: &str, brokers: &[Broker]) -> Result<Vec<String>, Failure> {
    let mut groups = Vec::new();
    for broker in brokers {
        let request = TopicRequest { topic };
        let answer =
            session.ask(&broker.address, RequestCode::QUERY_TOPIC_CONSUME_BY_WHO, &request, Body::Empty).await?;
        groups.extend(answer.body::<GroupList>()?.group_list);
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Topics that are a group's own, for what it could not handle.
pub(crate) fn is_of_a_group(topic: &str) -> bool {
    topic.starts_with("%RETRY%") || topic.starts_with("%DLQ%")
}

const CONSUMED: &[Column] = &[("#Cluster Name", "cluster"), ("#Topic", "topic"), ("#Consumer Group", "group")];

async fn list(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    if !arguments.has("clusterModel") {
        return Ok(Report::names(all(session).await?));
    }
    let info = session.cluster_info().await?;
    let mut rows = Vec::new();
    for cluster in info.cluster_addr_table.keys() {
        let request = GetTopicsByClusterRequest { cluster };
        let answer = session.ask_name_server(RequestCode::GET_TOPICS_BY_CLUSTER, &request).await?;
        let mut topics = answer.body::<TopicList>()?.topic_list;
        topics.retain(|topic| !is_of_a_group(topic));
        topics.sort();
        let progress = Progress::new("topics", topics.len());
        for (done, topic) in topics.iter().enumerate() {
            progress.at(done);
            let brokers = session.brokers_of(topic).await?;
            let groups = groups_of(session, topic, &brokers).await?;
            rows.extend(groups.iter().map(|group| row![cluster, topic, group]));
            if groups.is_empty() {
                rows.push(row![cluster, topic, ""]);
            }
        }
    }
    Ok(Report::table(CONSUMED, rows))
}

const ROUTE: &[Column] = &[
    ("#ClusterName", "cluster"),
    ("#BrokerName", "broker"),
    ("#BrokerAddrs", "addresses"),
    ("#ReadQueue", "readQueues"),
    ("#WriteQueue", "writeQueues"),
    ("#Perm", "perm"),
];

async fn route(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let route = session.route(arguments.text("topic")).await?;
    if !arguments.has("list") {
        return Ok(Report::raw(json!(route)));
    }
    let rows = route.broker_datas.iter().filter_map(|data| {
        let queues = route.queue_datas.iter().find(|queues| queues.broker_name == data.broker_name)?;
        let addresses = data.broker_addrs.iter().map(|(id, address)| (id.to_string(), address.clone()));
        let addresses: BTreeMap<_, _> = addresses.collect();
        let (read, write) = (queues.read_queue_nums, queues.write_queue_nums);
        Some(row![&data.cluster, &data.broker_name, addresses, read, write, queues.perm])
    });
    Ok(Report::table(ROUTE, rows.collect()))
}

const QUEUES: &[Column] = &[
    ("#Broker Name", "broker"),
    ("#QID", "queue"),
    ("#Min Offset", "minOffset"),
    ("#Max Offset", "maxOffset"),
    ("#Last Updated", "lastUpdated"),
];

/// The ends of a topic's queues on these brokers, and how many messages come in a second.
pub(crate) async fn offsets(
    session: &Session,
    topic: &str,
    brokers: &[Broker],
) -> Result<(BTreeMap<MessageQueue, TopicOffset>, f64), Failure> {
    let (mut queues, mut tps) = (BTreeMap::new(), 0.0);
    for broker in brokers {
        let request = TopicRequest { topic };
        let answer = session.ask(&broker.address, RequestCode::GET_TOPIC_STATS_INFO, &request, Body::Empty).await?;
        let table: TopicStatsTable = answer.body()?;
        queues.extend(table.offset_table);
        tps += table.topic_put_tps;
    }
    Ok((queues, tps))
}

async fn status(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    let mut brokers = session.brokers_of(topic).await?;
    if let Some(cluster) = arguments.optional("cluster") {
        brokers.retain(|broker| broker.cluster == cluster);
    }
    let (queues, tps) = offsets(session, topic, &brokers).await?;
    let rows = queues.iter().map(|(queue, ends)| {
        let updated = Cell::Time(ends.last_update_timestamp);
        row![&queue.broker_name, queue.queue_id, ends.min_offset, ends.max_offset, updated]
    });
    Ok(Report::default().with_table("queues", QUEUES, rows.collect()).with("putTps", "Topic Put TPS", tps))
}

async fn clusters(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let brokers = session.brokers_of(arguments.text("topic")).await?;
    let mut clusters: Vec<String> = brokers.into_iter().map(|broker| broker.cluster).collect();
    clusters.sort();
    clusters.dedup();
    Ok(Report::names(clusters))
}

async fn update(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let flag = |name, bit| if arguments.optional_truth(name) == Some(true) { bit } else { 0 };
    let config = TopicConfig {
        topic_name: arguments.text("topic").to_owned(),
        read_queue_nums: arguments.optional_int("readQueueNums").unwrap_or(DEFAULT_QUEUES),
        write_queue_nums: arguments.optional_int("writeQueueNums").unwrap_or(DEFAULT_QUEUES),
        perm: arguments.optional_int("perm").unwrap_or(READ_WRITE),
        topic_sys_flag: flag("unit", UNIT) | flag("hasUnitSub", UNIT_SUBSCRIPTION),
        order: arguments.optional_truth("order") == Some(true),
        ..TopicConfig::default()
    };
    let brokers = session.place(arguments).await?;
    let mut report = set(session, &config, arguments.optional("attributes"), &brokers).await?;
    if config.order {
        let named = named(session, &brokers).await?;
        let order: Vec<String> = named.iter().map(|name| format!("{name}:{}", config.write_queue_nums)).collect();
        let order = order.join(";");
        put_value(session, ORDER_NAMESPACE, &config.topic_name, &order).await?;
        report = report.with_done(format!("set orderConf of topic [{}] to [{order}]", config.topic_name));
    }
    Ok(report)
}

/// The names of brokers, even of one whose address was given.
async fn named(session: &Session, brokers: &[Broker]) -> Result<Vec<String>, Failure> {
    let all = session.brokers(None).await?;
    let of = |broker: &Broker| all.iter().find(|known| known.address == broker.address).map(|known| known.name.clone());
    Ok(brokers.iter().filter_map(of).collect())
}

async fn set(
    session: &Session,
    config: &TopicConfig,
    attributes: Option<&str>,
    brokers: &[Broker],
) -> Result<Report, Failure> {
    let request = CreateTopicRequest {
        topic: &config.topic_name,
        default_topic: "TBW102",
        read_queue_nums: config.read_queue_nums,
        write_queue_nums: config.write_queue_nums,
        perm: config.perm,
        topic_filter_type: config.topic_filter_type.name(),
        topic_sys_flag: Some(config.topic_sys_flag),
        order: config.order,
        attributes: Some(attributes.unwrap_or_default()),
        force: false,
    };
    let line = |broker: &Broker| format!("create topic to {} success.", broker.address);
    tell_all(session, brokers, RequestCode::UPDATE_AND_CREATE_TOPIC, &request, Body::Empty, line).await
}

async fn update_permission(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (topic, perm) = (arguments.text("topic"), arguments.optional_int("perm").unwrap_or(READ_WRITE));
    let mut report = Report::default();
    for broker in session.place(arguments).await? {
        let request = TopicRequest { topic };
        let answer = session.ask(&broker.address, RequestCode::GET_TOPIC_CONFIG, &request, Body::Empty).await?;
        let mut config: TopicConfig = answer.body()?;
        let before = std::mem::replace(&mut config.perm, perm);
        set(session, &config, None, std::slice::from_ref(&broker)).await?;
        report = report.with_done(format!("update topic perm from {before} to {perm} in {} success.", broker.address));
    }
    Ok(report)
}

async fn delete(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    delete_from(session, arguments.text("topic"), arguments.text("clusterName")).await
}

/// Removes a topic from a cluster's brokers and from the name servers.
pub(crate) async fn delete_from(session: &Session, topic: &str, cluster: &str) -> Result<Report, Failure> {
    for broker in session.masters(cluster).await? {
        let request = TopicRequest { topic };
        session.ask(&broker.address, RequestCode::DELETE_TOPIC_IN_BROKER, &request, Body::Empty).await?;
    }
    for server in session.name_servers() {
        let request = DeleteTopicFromNamesrvRequest { topic, cluster_name: Some(cluster) };
        session.ask(server, RequestCode::DELETE_TOPIC_IN_NAMESRV, &request, Body::Empty).await?;
    }
    Ok(Report::done(format!("delete topic [{topic}] from cluster [{cluster}] success."))
        .with_done(format!("delete topic [{topic}] from NameServer success.")))
}

async fn order(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topic = arguments.text("topic");
    match arguments.text("method") {
        "get" => {
            let request = KvConfigRequest { namespace: ORDER_NAMESPACE, key: topic };
            let answer = session.ask_name_server(RequestCode::GET_KV_CONFIG, &request).await;
            let order = match &answer {
                Ok(answer) => answer.header(GetKvConfigResponse::decode)?.value.unwrap_or_default(),
                Err(failure) if failure.code() == Some(ResponseCode::QUERY_NOT_FOUND) => {
                    return Err(Failure::usage(format!("the order of topic {topic} is not set; -m put sets it")));
                }
                Err(_) => return Err(answer.err().unwrap_or_else(|| Failure::usage("no answer"))),
            };
            Ok(Report::pairs([("topic", topic), ("orderConf", order)]))
        }
        "put" => {
            let Some(order) = arguments.optional("orderConf") else {
                return Err(Failure::usage("put needs the order: -v BROKER:QUEUES[;BROKER:QUEUES…]"));
            };
            put_value(session, ORDER_NAMESPACE, topic, order).await?;
            Ok(Report::done(format!("update orderConf success. topic=[{topic}], orderConf=[{order}]")))
        }
        "delete" => {
            delete_value(session, ORDER_NAMESPACE, topic).await?;
            Ok(Report::done(format!("delete orderConf success. topic=[{topic}]")))
        }
        other => Err(Failure::usage(format!("-m is {other:?}, but must be get, put or delete"))),
    }
}

/// The queues of a topic that can be read, by broker and number.
pub(crate) async fn queues(session: &Session, topic: &str) -> Result<Vec<MessageQueue>, Failure> {
    let route = session.route(topic).await?;
    let mut queues: Vec<MessageQueue> = Vec::new();
    for data in route.queue_datas {
        queues.extend((0..data.read_queue_nums).map(|queue_id| MessageQueue {
            topic: topic.to_owned(),
            broker_name: data.broker_name.clone(),
            queue_id,
        }));
    }
    queues.sort();
    Ok(queues)
}

async fn allocate(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let queues = queues(session, arguments.text("topic")).await?;
    let consumers = arguments.list("ipList");
    let shares = consumers.iter().enumerate().map(|(at, consumer)| {
        let queues: Vec<_> = share(&queues, at, consumers.len()).to_vec();
        (consumer.clone(), json!(queues))
    });
    Ok(Report::raw(serde_json::Value::Object(shares.collect())))
}

/// What the consumer at place `at` of `of` gets, as Java's clients share by default: each a run of queues, the first ones one more.
fn share<T>(queues: &[T], at: usize, of: usize) -> &[T] {
    let (least, more) = (queues.len() / of, queues.len() % of);
    let start = at * least + at.min(more);
    &queues[start..start + least + usize::from(at < more)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_shared_in_runs() {
        let queues = [0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(
            [share(&queues, 0, 3), share(&queues, 1, 3), share(&queues, 2, 3)],
            [&[0, 1, 2][..], &[3, 4, 5], &[6, 7]]
        );
        assert_eq!(share(&queues, 9, 10), &[0; 0]);
    }
}
