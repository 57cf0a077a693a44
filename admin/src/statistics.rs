//! How much comes and goes, by topic and group.

use bolide_remoting::body::BrokerStatsData;
use bolide_remoting::header::ViewBrokerStatsDataRequest;
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::consumer;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::row;
use crate::session::{Broker, Session};
use crate::table::Column;
use crate::topic;

commands! {
    "statsAll": "Show what topics take in and groups take out", [
        Flag::switch('a', "activeTopic", "Only where something came or went today"),
        Flag::text('t', "topic", "Only this topic"),
    ],
        all()
            -> "[{topic, group, accumulation, inTps, outTps, inMessages24h, outMessages24h}]; group is null where nobody consumes";
}

const COLUMNS: &[Column] = &[
    ("#Topic", "topic"),
    ("#Consumer Group", "group"),
    ("#Accumulation", "accumulation"),
    ("#InTPS", "inTps"),
    ("#OutTPS", "outTps"),
    ("#InMsg24Hour", "inMessages24h"),
    ("#OutMsg24Hour", "outMessages24h"),
];

/// Per second, and in a day.
#[derive(Default)]
struct Traffic {
    tps: f64,
    day: i64,
}

async fn traffic(session: &Session, brokers: &[Broker], stats_name: &str, stats_key: &str) -> Result<Traffic, Failure> {
    let mut traffic = Traffic::default();
    for broker in brokers {
        let request = ViewBrokerStatsDataRequest { stats_name, stats_key };
        // A broker on which nothing of the kind happened yet has no such statistic.
        match session.ask(&broker.address, RequestCode::VIEW_BROKER_STATS_DATA, &request, Body::Empty).await {
            Ok(answer) => {
                let data: BrokerStatsData = answer.body()?;
                traffic.tps += data.stats_minute.tps;
                let sums = [data.stats_day.sum, data.stats_hour.sum, data.stats_minute.sum];
                traffic.day += sums.into_iter().find(|sum| *sum != 0).unwrap_or_default();
            }
            Err(Failure::Refused { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(traffic)
}

async fn all(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let topics = match arguments.optional("topic") {
        Some(topic) => vec![topic.to_owned()],
        None => topic::all(session).await?.into_iter().filter(|topic| !topic::is_of_a_group(topic)).collect(),
    };
    let only_active = arguments.has("activeTopic");
    let progress = Progress::new("topics", topics.len());
    let mut rows = Vec::new();
    for (done, topic) in topics.iter().enumerate() {
        progress.at(done);
        let mut brokers = session.brokers_of(topic).await?;
        brokers.retain(|broker| broker.id == 0);
        let came = traffic(session, &brokers, "TOPIC_PUT_NUMS", topic).await?;
        let groups = topic::groups_of(session, topic, &brokers).await?;
        for group in &groups {
            let went = traffic(session, &brokers, "GROUP_GET_NUMS", &format!("{topic}@{group}")).await?;
            if only_active && came.day == 0 && went.day == 0 {
                continue;
            }
            let stats = consumer::stats(session, group, Some(topic), &brokers).await?;
            let behind = consumer::behind(&stats).max(0);
            rows.push(row![topic, group, behind, came.tps, went.tps, came.day, went.day]);
        }
        if groups.is_empty() && (!only_active || came.day > 0) {
            rows.push(row![topic, None::<String>, 0, came.tps, None::<f64>, came.day, None::<i64>]);
        }
    }
    Ok(Report::table(COLUMNS, rows))
}
