//! VIEW_BROKER_STATS_DATA (315): one count over the last minute, hour and day.

use std::sync::Arc;

use bolide_remoting::body::encode;
use bolide_remoting::header::ViewBrokerStatsDataRequest;
use bolide_remoting::{Reply, Request, ResponseCode};
use bytes::Bytes;

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::Respond;

/// VIEW_BROKER_STATS_DATA.
pub(crate) fn view(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    reply.give_body(try_view(broker, request));
}

fn try_view(broker: &Broker, request: &Request<'_>) -> Result<Bytes, Refusal> {
    let header = ViewBrokerStatsDataRequest::decode(&request.header.fields)?;
    let (name, key) = (header.stats_name, header.stats_key);
    let config = broker.config.get();
    match broker.statistics.view(name, key, &config.broker_cluster_name, broker.clock.now_ms()) {
        Some(data) => Ok(encode(&data)),
        None => {
            let remark = format!("The stats <{name}> <{key}> not exist");
            Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark))
        }
    }
}
