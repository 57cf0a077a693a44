//! Clusters as a whole: which brokers there are, and how they are doing.

use std::collections::BTreeMap;

use bolide_remoting::body::KvTable;
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, INTERVAL, commands};
use crate::failure::Failure;
use crate::report::{Cell, Report};
use crate::row;
use crate::session::{Broker, Session};
use crate::table::Column;
use crate::time::now_ms;

commands! {
    "clusterList": "List clusters and brokers", [
        Flag::switch('m', "moreStats", "How many messages came and went, instead of how the brokers are doing"),
        INTERVAL,
        Flag::text('c', "clusterName", "Only this cluster"),
    ],
        list()
            -> "[{cluster, broker, id, address, version, inTps, outTps, timerBehindMs, timerCongested, hours, space, active}], with -m \
             [{cluster, broker, id, inYesterday, outYesterday, inToday, outToday}]";
    "brokerStatus": "Show what a broker says of its state", [BROKER, CLUSTER],
        status() -> "{KEY: VALUE}, of several brokers {ADDRESS: {KEY: VALUE}}; all values are texts";
}

const STATE: &[Column] = &[
    ("#Cluster Name", "cluster"),
    ("#Broker Name", "broker"),
    ("#BID", "id"),
    ("#Addr", "address"),
    ("#Version", "version"),
    ("#InTPS", "inTps"),
    ("#OutTPS", "outTps"),
    ("#TimerBehind(ms)", "timerBehindMs"),
    ("#TimerCongested", "timerCongested"),
    ("#Hour", "hours"),
    ("#SPACE", "space"),
    ("#ACTIVATED", "active"),
];

const TOTALS: &[Column] = &[
    ("#Cluster Name", "cluster"),
    ("#Broker Name", "broker"),
    ("#BID", "id"),
    ("#InTotalYest", "inYesterday"),
    ("#OutTotalYest", "outYesterday"),
    ("#InTotalToday", "inToday"),
    ("#OutTotalToday", "outToday"),
];

/// What a broker says of itself.
struct State(BTreeMap<String, String>);

impl State {
    async fn of(session: &Session, address: &str) -> Result<Self, Failure> {
        let answer = session.ask(address, RequestCode::GET_BROKER_RUNTIME_INFO, &(), Body::Empty).await?;
        Ok(Self(answer.body::<KvTable>()?.table))
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn whole(&self, key: &str) -> i64 {
        self.text(key).parse().unwrap_or_default()
    }

    /// The first of the numbers between blanks: rates are given over 10, 60 and 600 seconds.
    fn real(&self, key: &str) -> f64 {
        self.text(key).split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }
}

async fn list(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let more = arguments.has("moreStats");
    let mut rows = Vec::new();
    for broker in session.brokers(arguments.optional("clusterName")).await? {
        // A broker that is down is listed as such, not the end of the list.
        let state = State::of(session, &broker.address).await.unwrap_or(State(BTreeMap::new()));
        rows.push(if more { totals(&broker, &state) } else { state_of(&broker, &state) });
    }
    Ok(Report::table(if more { TOTALS } else { STATE }, rows))
}

fn state_of(broker: &Broker, state: &State) -> Vec<Cell> {
    let earliest = state.whole("earliestMessageTimeStamp");
    let hours = if earliest > 0 { (now_ms() - earliest).max(0) as f64 / 3_600_000.0 } else { 0.0 };
    row![
        &broker.cluster,
        &broker.name,
        broker.id,
        &broker.address,
        state.text("brokerVersionDesc"),
        state.real("putTps"),
        state.real("getTransferredTps"),
        state.whole("timerReadBehind"),
        state.whole("timerCongestNum"),
        hours,
        state.real("commitLogDiskRatio"),
        state.text("brokerActive") == "true",
    ]
}

fn totals(broker: &Broker, state: &State) -> Vec<Cell> {
    let between = |from: &str, to: &str| state.whole(to) - state.whole(from);
    row![
        &broker.cluster,
        &broker.name,
        broker.id,
        between("msgPutTotalYesterdayMorning", "msgPutTotalTodayMorning"),
        between("msgGetTotalYesterdayMorning", "msgGetTotalTodayMorning"),
        between("msgPutTotalTodayMorning", "msgPutTotalTodayNow"),
        between("msgGetTotalTodayMorning", "msgGetTotalTodayNow"),
    ]
}

async fn status(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut report = Report::default();
    for broker in session.place(arguments).await? {
        let key = if broker.name.is_empty() { "" } else { broker.address.as_str() };
        report = report.with_pairs(key, State::of(session, &broker.address).await?.0);
    }
    Ok(report)
}
