//! One broker, or all masters of a cluster: configuration, cleaning up, slaves.

use bolide_remoting::body::HaRuntimeInfo;
use bolide_remoting::properties::Properties;
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, INTERVAL, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::row;
use crate::session::{Session, tell_all};
use crate::table::Column;

const CLEANED_CLUSTER: Flag = Flag::text('c', "cluster", "The cluster: all its masters").one_of();

commands! {
    "getBrokerConfig": "Show a broker's configuration", [BROKER, CLUSTER],
        configuration() -> "{KEY: VALUE}, of several brokers {ADDRESS: {KEY: VALUE}}; all values are texts";
    "updateBrokerConfig": "Change one key of a broker's configuration", [
        BROKER,
        CLUSTER,
        Flag::truth('a', "updateAllBroker", "Whether to tell the cluster's slaves, too"),
        Flag::text('k', "key", "The key").required(),
        Flag::text('v', "value", "The new value").required(),
    ],
        update();
    "haStatus": "Show how far a master's slaves are", [BROKER, CLUSTER, INTERVAL],
        slaves()
            -> "{brokers: [{broker, master, maxOffset, slavesInSync}], slaves: [{broker, slave, ackOffset, behindBytes, inSync, bytesPerSecond}]}";
    "cleanExpiredCQ": "Remove files of queues whose messages are gone", [BROKER, CLEANED_CLUSTER],
        clean(RequestCode::CLEAN_EXPIRED_CONSUMEQUEUE);
    "deleteExpiredCommitLog": "Remove segments of the commit log that have expired, now", [BROKER, CLEANED_CLUSTER],
        clean(RequestCode::DELETE_EXPIRED_COMMITLOG);
    "cleanUnusedTopic": "Remove queues of topics that are gone", [BROKER, CLEANED_CLUSTER],
        clean(RequestCode::CLEAN_UNUSED_TOPIC);
}

async fn configuration(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut report = Report::default();
    for broker in session.place(arguments).await? {
        let answer = session.ask(&broker.address, RequestCode::GET_BROKER_CONFIG, &(), Body::Empty).await?;
        let key = if broker.name.is_empty() { "" } else { broker.address.as_str() };
        report = report.with_pairs(key, settings(&answer.text(), &broker.address)?);
    }
    Ok(report)
}

/// Reads a configuration as servers send it.
pub(crate) fn settings(text: &str, server: &str) -> Result<Vec<(String, String)>, Failure> {
    let properties = Properties::parse(text)
        .map_err(|error| Failure::usage(format!("the configuration of {server} cannot be read: {error}")))?;
    let mut pairs: Vec<_> = properties.iter().map(|property| (property.key.clone(), property.value.clone())).collect();
    pairs.sort();
    Ok(pairs)
}

/// One setting as servers read it.
pub(crate) fn setting(arguments: &Arguments) -> String {
    let mut properties = Properties::default();
    properties.set(arguments.text("key"), arguments.text("value"));
    properties.to_string()
}

async fn update(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let brokers = match arguments.optional("clusterName") {
        Some(cluster) if arguments.optional_truth("updateAllBroker") == Some(true) => {
            session.brokers(Some(cluster)).await?
        }
        _ => session.place(arguments).await?,
    };
    let line = |address: &str| format!("update broker config success, {address}");
    tell_all(session, &brokers, RequestCode::UPDATE_BROKER_CONFIG, &(), setting(arguments).into_bytes(), |broker| {
        line(&broker.address)
    })
    .await
}

const MASTERS: &[Column] = &[
    ("#Broker", "broker"),
    ("#Master", "master"),
    ("#MasterCommitLogMaxOffset", "maxOffset"),
    ("#InSyncSlaves", "slavesInSync"),
];
const SLAVES: &[Column] = &[
    ("#Broker", "broker"),
    ("#Slave", "slave"),
    ("#SlaveAckOffset", "ackOffset"),
    ("#Behind(bytes)", "behindBytes"),
    ("#InSync", "inSync"),
    ("#Bytes/s", "bytesPerSecond"),
];

async fn slaves(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (mut masters, mut slaves) = (Vec::new(), Vec::new());
    for broker in session.place(arguments).await? {
        let answer = session.ask(&broker.address, RequestCode::GET_BROKER_HA_STATUS, &(), Body::Empty).await?;
        let info: HaRuntimeInfo = answer.body()?;
        masters.push(row![&broker.address, info.master, info.master_commit_log_max_offset, info.in_sync_slave_nums]);
        slaves.extend(info.ha_connection_info.iter().map(|slave| {
            row![
                &broker.address,
                &slave.addr,
                slave.slave_ack_offset,
                slave.diff,
                slave.in_sync,
                slave.transferred_byte_in_second
            ]
        }));
    }
    Ok(Report::default().with_table("brokers", MASTERS, masters).with_table("slaves", SLAVES, slaves))
}

async fn clean(session: &Session, arguments: &Arguments, request: RequestCode) -> Result<Report, Failure> {
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, request, &(), Body::Empty, |broker| format!("success, {}", broker.address)).await
}
