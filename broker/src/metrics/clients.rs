//! Who is connected, by kind of client.

use std::collections::BTreeMap;

use bolide_remoting::body::ConsumeType;
use bolide_remoting::version::Version;

use super::collect::truth;
use super::exposition::{Exposition, Kind};
use crate::broker::Broker;
use crate::client::handle::ClientHandle;
use crate::client::registry::Introduction;
use crate::name;

/// How a client is counted: language, version, and over which protocol it speaks.
type ClientKind = (String, String, &'static str);

fn client_kind(who: &Introduction<ClientHandle>) -> ClientKind {
    let protocol = if who.connection.connection().is_some() { "remoting" } else { "grpc" };
    let version = Version(who.version).to_string().to_lowercase();
    (who.language.to_string().to_lowercase(), version, protocol)
}

pub(super) fn put_clients(page: &mut Exposition, broker: &Broker) {
    let (mut producers, mut consumers) = (BTreeMap::<ClientKind, u64>::new(), BTreeMap::<_, u64>::new());
    {
        let clients = broker.clients.read();
        // A producer that is in several groups is one connection.
        let members = clients.producer_groups().flat_map(|(_, members)| members);
        let producing: BTreeMap<_, _> = members.map(|(id, member)| (*id, client_kind(&member.introduction))).collect();
        for kind in producing.into_values() {
            *producers.entry(kind).or_default() += 1;
        }
        for (group, members) in clients.consumer_groups() {
            for member in members.members.values() {
                let key = (group.clone(), consume_mode(members.consume_type), client_kind(&member.introduction));
                *consumers.entry(key).or_default() += 1;
            }
        }
    }
    let refused = broker.connections.refused();
    let mut family = page.family("bolide_connections_refused_total", Kind::Counter, "Connections beyond a limit");
    for (limit, count) in [("total", refused.total), ("address", refused.address), ("user", refused.user)] {
        family.sample(&[("limit", limit)], count as f64);
    }
    let mut family = page.family("rocketmq_producer_connections", Kind::Gauge, "Producer connections");
    for ((language, version, protocol), count) in producers {
        family.sample(&[("language", &language), ("version", &version), ("protocol_type", protocol)], count as f64);
    }
    let mut family = page.family("rocketmq_consumer_connections", Kind::Gauge, "Consumer connections");
    for ((group, mode, (language, version, protocol)), count) in consumers {
        let labels = [
            ("consumer_group", group.as_str()),
            ("consume_mode", mode),
            ("language", &language),
            ("version", &version),
            ("protocol_type", protocol),
            ("is_system", truth(name::is_system_group(&group))),
        ];
        family.sample(&labels, count as f64);
    }
}

fn consume_mode(kind: ConsumeType) -> &'static str {
    match kind {
        ConsumeType::Actively => "pull",
        ConsumeType::Passively => "push",
        ConsumeType::Pop => "pop",
    }
}
