//! Consumers: how far groups are, who their members are, and what members say of themselves.

use std::collections::BTreeMap;

use bolide_remoting::body::{
    ClientConnection, ConsumeStats, ConsumeStatsList, ConsumerConnection, MessageQueue, OffsetWrapper,
};
use bolide_remoting::header::{
    ConsumerGroupRequest, GetBrokerConsumeStatsRequest, GetConsumeStatsRequest, GetConsumerRunningInfoRequest,
};
use bolide_remoting::version::Version;
use bolide_remoting::{Body, RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::{Cell, Report};
use crate::row;
use crate::running_info::ConsumerRunningInfo;
use crate::session::{Broker, Session};
use crate::table::Column;
use crate::topic;

const GROUP: Flag = Flag::text('g', "consumerGroup", "The consumer group").required();
const CLIENT: Flag = Flag::text('i', "clientId", "Only this member, in full");
const AT_BROKER: Flag = Flag::text('b', "brokerAddr", "Only members that this broker knows");
const STACKS: Flag = Flag::switch('s', "jstack", "The stacks of its threads, too");

commands! {
    "consumerProgress": "Show how far groups are, or one group queue by queue", [
        Flag::text('g', "groupName", "The group; without it all groups are listed"),
        Flag::text('t', "topicName", "Only this topic"),
        Flag::truth('s', "showClientIP", "Whether to show which member has each queue"),
        Flag::text('c', "cluster", "Only brokers of this cluster"),
    ],
        progress()
            -> "{queues: [{topic, broker, queue, brokerOffset, consumerOffset, client, diff, inflight, lastTime}], consumeTps, diffTotal, \
             inflightTotal}, without -g [{group, count, version, type, model, tps, diffTotal}]";
    "brokerConsumeStats": "Show how far all groups of a broker are", [
        Flag::text('b', "brokerAddr", "The broker's address").required(),
        Flag::number('t', "timeoutMillis", "How long the broker may take, in ms; as --timeoutMs"),
        Flag::number('l', "level", "Only queues in which a group is behind by so many messages"),
        Flag::truth('o', "order", "Whether to show only groups that consume in order"),
    ],
        of_broker() -> "{queues: [{topic, group, broker, queue, brokerOffset, consumerOffset, diff, lastTime}], diffTotal}";
    "consumerConnection": "List the members of a group and what they want", [GROUP, AT_BROKER],
        connections()
            -> "{members: [{clientId, address, language, version}], subscriptions: [{topic, expression}], consumeType, messageModel, \
             consumeFromWhere}";
    "consumerStatus": "Show what the members of a group say of themselves", [GROUP, CLIENT, AT_BROKER, STACKS],
        status()
            -> "{members: [{clientId, version, queues, cachedMessages}], sameSubscription}, with -i {properties, subscriptions, queues, topics, \
             jstack}";
    "consumer": "As consumerStatus, of all members", [GROUP, STACKS],
        status() -> "as consumerStatus";
}

/// How far a group is, in all its queues on these brokers or in those of one topic.
pub(crate) async fn stats(
    session: &Session,
    group: &str,
    topic: Option<&str>,
    brokers: &[Broker],
) -> Result<ConsumeStats, Failure> {
    let mut all = ConsumeStats::default();
    for broker in brokers {
        let request = GetConsumeStatsRequest { consumer_group: group, topic, topic_list: None };
        let answer = session.ask(&broker.address, RequestCode::GET_CONSUME_STATS, &request, Body::Empty).await?;
        let stats: ConsumeStats = answer.body()?;
        all.offset_table.extend(stats.offset_table);
        all.consume_tps += stats.consume_tps;
    }
    Ok(all)
}

/// How many messages a group has still to consume.
pub(crate) fn behind(stats: &ConsumeStats) -> i64 {
    stats.offset_table.values().map(diff).sum()
}

fn diff(offsets: &OffsetWrapper) -> i64 {
    offsets.broker_offset - offsets.consumer_offset
}

fn inflight(offsets: &OffsetWrapper) -> i64 {
    (offsets.pull_offset - offsets.consumer_offset).max(0)
}

const QUEUES: &[Column] = &[
    ("#Topic", "topic"),
    ("#Broker Name", "broker"),
    ("#QID", "queue"),
    ("#Broker Offset", "brokerOffset"),
    ("#Consumer Offset", "consumerOffset"),
    ("#Client IP", "client"),
    ("#Diff", "diff"),
    ("#Inflight", "inflight"),
    ("#LastTime", "lastTime"),
];

async fn progress(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let Some(group) = arguments.optional("groupName") else {
        return groups(session, arguments.optional("cluster")).await;
    };
    let topic = arguments.optional("topicName");
    let mut brokers = match topic {
        Some(topic) => session.brokers_of(topic).await?,
        None => session.brokers_of_group(group).await?,
    };
    retain(&mut brokers, arguments.optional("cluster"));
    let stats = stats(session, group, topic, &brokers).await?;
    let holders = match arguments.optional_truth("showClientIP") {
        Some(true) => holders(session, group, &brokers).await?,
        _ => BTreeMap::new(),
    };
    let rows = stats.offset_table.iter().map(|(queue, offsets)| {
        row![
            &queue.topic,
            &queue.broker_name,
            queue.queue_id,
            offsets.broker_offset,
            offsets.consumer_offset,
            holders.get(queue).cloned(),
            diff(offsets),
            inflight(offsets),
            Cell::Time(offsets.last_timestamp),
        ]
    });
    let inflight: i64 = stats.offset_table.values().map(inflight).sum();
    Ok(Report::default()
        .with_table("queues", QUEUES, rows.collect())
        .with("consumeTps", "Consume TPS", stats.consume_tps)
        .with("diffTotal", "Consume Diff Total", behind(&stats))
        .with("inflightTotal", "Consume Inflight Total", inflight))
}

fn retain(brokers: &mut Vec<Broker>, cluster: Option<&str>) {
    brokers.retain(|broker| cluster.is_none_or(|cluster| broker.cluster == cluster));
}

/// Which member has each queue, by what the members say.
async fn holders(
    session: &Session,
    group: &str,
    brokers: &[Broker],
) -> Result<BTreeMap<MessageQueue, String>, Failure> {
    let mut holders = BTreeMap::new();
    for (id, member) in members(session, group, brokers).await?.map(|found| found.members).unwrap_or_default() {
        let info = running_info(session, group, &id, false, brokers).await?;
        let ip = member.client_addr.rsplit_once(':').map_or(member.client_addr.as_str(), |(ip, _)| ip).to_owned();
        holders.extend(info.mq_table.into_keys().map(|queue| (queue, ip.clone())));
    }
    Ok(holders)
}

const GROUPS: &[Column] = &[
    ("#Group", "group"),
    ("#Count", "count"),
    ("#Version", "version"),
    ("#Type", "type"),
    ("#Model", "model"),
    ("#TPS", "tps"),
    ("#Diff Total", "diffTotal"),
];

async fn groups(session: &Session, cluster: Option<&str>) -> Result<Report, Failure> {
    let topics = topic::all(session).await?;
    let groups: Vec<&str> = topics.iter().filter_map(|topic| topic.strip_prefix("%RETRY%")).collect();
    let progress = Progress::new("groups", groups.len());
    let mut rows = Vec::new();
    for (done, group) in groups.into_iter().enumerate() {
        progress.at(done);
        let mut brokers = session.brokers_of_group(group).await?;
        retain(&mut brokers, cluster);
        let (tps, diff) = match stats(session, group, None, &brokers).await {
            Ok(stats) => (stats.consume_tps, behind(&stats)),
            // Its retry topic is left, the group is not.
            Err(Failure::Refused { .. }) => continue,
            Err(other) => return Err(other),
        };
        let found = members(session, group, &brokers).await?.unwrap_or_default();
        let oldest = found.members.values().map(|member| member.version).min();
        let version = oldest.map_or_else(|| "OFFLINE".to_owned(), |version| Version(version).to_string());
        let (kind, model) = (word(&found.connection.consume_type), word(&found.connection.message_model));
        rows.push(row![group, found.members.len(), version, kind, model, tps, diff]);
    }
    Ok(Report::table(GROUPS, rows))
}

/// An enum's name on the wire.
fn word(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

const OF_BROKER: &[Column] = &[
    ("#Topic", "topic"),
    ("#Group", "group"),
    ("#Broker Name", "broker"),
    ("#QID", "queue"),
    ("#Broker Offset", "brokerOffset"),
    ("#Consumer Offset", "consumerOffset"),
    ("#Diff", "diff"),
    ("#LastTime", "lastTime"),
];

async fn of_broker(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let request = GetBrokerConsumeStatsRequest { is_order: arguments.optional_truth("order") == Some(true) };
    let address = arguments.text("brokerAddr");
    let answer = session.ask(address, RequestCode::GET_BROKER_CONSUME_STATS, &request, Body::Empty).await?;
    let list: ConsumeStatsList = answer.body()?;
    let level = arguments.optional_number("level").unwrap_or_default();
    let mut rows = Vec::new();
    for (group, stats) in list.consume_stats_list.iter().flatten() {
        let queues = stats.iter().flat_map(|stats| &stats.offset_table).filter(|(_, offsets)| diff(offsets) >= level);
        rows.extend(queues.map(|(queue, offsets)| {
            row![
                &queue.topic,
                group,
                &queue.broker_name,
                queue.queue_id,
                offsets.broker_offset,
                offsets.consumer_offset,
                diff(offsets),
                Cell::Time(offsets.last_timestamp),
            ]
        }));
    }
    Ok(Report::default().with_table("queues", OF_BROKER, rows).with("diffTotal", "Diff Total", list.total_diff))
}

/// The members of a group, by id, and what they want.
#[derive(Default)]
pub(crate) struct Members {
    pub(crate) members: BTreeMap<String, ClientConnection>,
    pub(crate) connection: ConsumerConnection,
}

/// Who of a group is connected to any of these brokers; `None` when nobody is.
pub(crate) async fn members(session: &Session, group: &str, brokers: &[Broker]) -> Result<Option<Members>, Failure> {
    let mut found: Option<Members> = None;
    for broker in brokers {
        let request = ConsumerGroupRequest { consumer_group: group };
        let code = RequestCode::GET_CONSUMER_CONNECTION_LIST;
        let answer = session.request(&broker.address, code, &request, Body::Empty).await?;
        if answer.code() == ResponseCode::CONSUMER_NOT_ONLINE {
            continue;
        }
        let connection: ConsumerConnection = answer.success()?.body()?;
        let found = found.get_or_insert_default();
        let members = connection.connection_set.iter().map(|member| (member.client_id.clone(), member.clone()));
        found.members.extend(members);
        found.connection = connection;
    }
    Ok(found)
}

/// The brokers to ask about a group, and its members there.
async fn members_for(session: &Session, arguments: &Arguments) -> Result<(Vec<Broker>, Members), Failure> {
    let group = arguments.text("consumerGroup");
    let brokers = match arguments.optional("brokerAddr") {
        Some(_) => session.place(arguments).await?,
        None => session.brokers_of_group(group).await?,
    };
    let members = members(session, group, &brokers).await?;
    let members = members.ok_or_else(|| Failure::usage(format!("no member of the group {group} is connected")))?;
    Ok((brokers, members))
}

const MEMBERS: &[Column] =
    &[("#ClientId", "clientId"), ("#ClientAddr", "address"), ("#Language", "language"), ("#Version", "version")];
const SUBSCRIPTIONS: &[Column] = &[("#Topic", "topic"), ("#SubExpression", "expression")];

/// A client as a row of [`MEMBERS`].
fn client_row(client: &ClientConnection) -> Vec<Cell> {
    let version = Version(client.version).to_string();
    row![&client.client_id, &client.client_addr, client.language.name(), version]
}

async fn connections(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (_, Members { members, connection }) = members_for(session, arguments).await?;
    let wanted = connection.subscription_table.values().map(|wanted| row![&wanted.topic, &wanted.sub_string]);
    Ok(Report::default()
        .with_table("members", MEMBERS, members.values().map(client_row).collect())
        .with_table("subscriptions", SUBSCRIPTIONS, wanted.collect())
        .with("consumeType", "ConsumeType", word(&connection.consume_type))
        .with("messageModel", "MessageModel", word(&connection.message_model))
        .with("consumeFromWhere", "ConsumeFromWhere", word(&connection.consume_from_where)))
}

/// A table of clients, for producers too.
pub(crate) fn clients(clients: &[ClientConnection]) -> Report {
    Report::table(MEMBERS, clients.iter().map(client_row).collect())
}

/// What a member says of itself, asked through the broker that it is connected to.
async fn running_info(
    session: &Session,
    group: &str,
    client_id: &str,
    jstack_enable: bool,
    brokers: &[Broker],
) -> Result<ConsumerRunningInfo, Failure> {
    let mut last = None;
    for broker in brokers {
        let request = GetConsumerRunningInfoRequest { consumer_group: group, client_id, jstack_enable };
        let code = RequestCode::GET_CONSUMER_RUNNING_INFO;
        match session.ask(&broker.address, code, &request, Body::Empty).await {
            Err(failure @ Failure::Refused { .. }) => last = Some(failure),
            other => return other?.body(),
        }
    }
    Err(last.unwrap_or_else(|| Failure::usage(format!("no broker knows the consumer group {group}"))))
}

const STATES: &[Column] = &[
    ("#ClientId", "clientId"),
    ("#Version", "version"),
    ("#Queues", "queues"),
    ("#Cached Messages", "cachedMessages"),
];

async fn status(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (group, jstack) = (arguments.text("consumerGroup"), arguments.has("jstack"));
    let (brokers, Members { members, .. }) = members_for(session, arguments).await?;
    if let Some(client) = arguments.optional("clientId") {
        return Ok(in_full(&running_info(session, group, client, jstack, &brokers).await?));
    }
    let (mut rows, mut subscriptions, mut stacks) = (Vec::new(), Vec::new(), Vec::new());
    for (id, member) in &members {
        let info = running_info(session, group, id, jstack, &brokers).await?;
        let cached: i32 = info.mq_table.values().map(|queue| queue.cached_msg_count).sum();
        rows.push(row![id, Version(member.version).to_string(), info.mq_table.len(), cached]);
        let wanted = info.subscription_set.iter().map(|wanted| (wanted.topic.clone(), wanted.sub_string.clone()));
        subscriptions.push(wanted.collect::<std::collections::BTreeSet<_>>());
        stacks.extend(info.jstack.map(|stack| (id.clone(), stack)));
    }
    let same = subscriptions.windows(2).all(|pair| pair[0] == pair[1]);
    let report = Report::default().with_table("members", STATES, rows).with(
        "sameSubscription",
        "Same subscription in the same group of consumer",
        same,
    );
    Ok(if stacks.is_empty() { report } else { report.with_pairs("jstack", stacks) })
}

const HELD: &[Column] = &[
    ("#Topic", "topic"),
    ("#Broker Name", "broker"),
    ("#QID", "queue"),
    ("#Consumer Offset", "consumerOffset"),
    ("#Cached", "cachedMessages"),
    ("#Locked", "locked"),
    ("#Dropped", "dropped"),
    ("#Last Pull", "lastPull"),
    ("#Last Consume", "lastConsume"),
];
const SPEEDS: &[Column] = &[
    ("#Topic", "topic"),
    ("#Pull RT(ms)", "pullRtMs"),
    ("#Pull TPS", "pullTps"),
    ("#Consume RT(ms)", "consumeRtMs"),
    ("#ConsumeOK TPS", "consumeOkTps"),
    ("#ConsumeFailed TPS", "consumeFailedTps"),
    ("#ConsumeFailedMsgsInHour", "consumeFailedInHour"),
];

fn in_full(info: &ConsumerRunningInfo) -> Report {
    let wanted = info.subscription_set.iter().map(|wanted| row![&wanted.topic, &wanted.sub_string]);
    let held = info.mq_table.iter().map(|(queue, held)| {
        row![
            &queue.topic,
            &queue.broker_name,
            queue.queue_id,
            held.commit_offset,
            held.cached_msg_count,
            held.locked,
            held.dropped,
            Cell::Time(held.last_pull_timestamp),
            Cell::Time(held.last_consume_timestamp),
        ]
    });
    let speeds = info.status_table.iter().map(|(topic, status)| {
        row![
            topic,
            status.pull_rt,
            status.pull_tps,
            status.consume_rt,
            status.consume_ok_tps,
            status.consume_failed_tps,
            status.consume_failed_msgs,
        ]
    });
    let report = Report::default()
        .with_pairs("properties", info.properties.clone())
        .with_table("subscriptions", SUBSCRIPTIONS, wanted.collect())
        .with_table("queues", HELD, held.collect())
        .with_table("topics", SPEEDS, speeds.collect());
    match &info.jstack {
        Some(stacks) => report.with("jstack", "Stacks", stacks),
        None => report,
    }
}
