//! Producers: who sends.

use bolide_remoting::body::{ProducerConnection, ProducerTableInfo};
use bolide_remoting::header::GetProducerConnectionListRequest;
use bolide_remoting::version::Version;
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::command::{Flag, commands};
use crate::consumer::clients;
use crate::failure::Failure;
use crate::report::{Cell, Report};
use crate::row;
use crate::session::Session;
use crate::table::Column;
use crate::topic::TOPIC;

commands! {
    "producerConnection": "List the members of a group of producers",
        [Flag::text('g', "producerGroup", "The group of producers").required(), TOPIC],
        connections() -> "[{clientId, address, language, version}]";
    "producer": "List all producers that a broker knows",
        [Flag::text('b', "broker", "The broker's address").required()],
        all() -> "[{group, clientId, address, language, version, lastUpdate}]";
}

async fn connections(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let producer_group = arguments.text("producerGroup");
    let (mut found, mut refused) = (Vec::new(), None);
    for broker in session.brokers_of(arguments.text("topic")).await? {
        let request = GetProducerConnectionListRequest { producer_group };
        match session.ask(&broker.address, RequestCode::GET_PRODUCER_CONNECTION_LIST, &request, Body::Empty).await {
            Ok(answer) => found.extend(answer.body::<ProducerConnection>()?.connection_set),
            // A producer is connected only where it has sent to.
            Err(failure @ Failure::Refused { .. }) => refused = Some(failure),
            Err(other) => return Err(other),
        }
    }
    found.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    found.dedup_by(|one, other| one.client_id == other.client_id);
    match refused {
        Some(failure) if found.is_empty() => Err(failure),
        _ => Ok(clients(&found)),
    }
}

const COLUMNS: &[Column] = &[
    ("#Group", "group"),
    ("#ClientId", "clientId"),
    ("#ClientAddr", "address"),
    ("#Language", "language"),
    ("#Version", "version"),
    ("#Last Update", "lastUpdate"),
];

async fn all(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let address = arguments.text("broker");
    let answer = session.ask(address, RequestCode::GET_ALL_PRODUCER_INFO, &(), Body::Empty).await?;
    let mut rows = Vec::new();
    for (group, producers) in answer.body::<ProducerTableInfo>()?.data {
        rows.extend(producers.iter().map(|producer| {
            row![
                &group,
                &producer.client_id,
                &producer.remote_ip,
                producer.language.name(),
                Version(producer.version).to_string(),
                Cell::Time(producer.last_update_timestamp),
            ]
        }));
    }
    Ok(Report::table(COLUMNS, rows))
}
