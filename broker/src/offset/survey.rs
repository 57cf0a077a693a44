//! Requests about many groups' offsets: all of them (43), and how far a topic has been consumed by everybody (308).

use std::collections::BTreeMap;
use std::sync::Arc;

use bolide_remoting::body::{ConsumerOffsetSerializeWrapper, QueryCorrectionOffsetResponse, encode};
use bolide_remoting::header::QueryCorrectionOffsetRequest;
use bolide_remoting::{Reply, Request};
use bolide_store::QueueId;

use crate::broker::Broker;
use crate::reply::Respond;

/// GET_ALL_CONSUMER_OFFSET.
pub(crate) fn all(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    let offset_table = broker.offsets.read().committed();
    reply.ok_body(&(), encode(&ConsumerOffsetSerializeWrapper { offset_table, data_version: None }));
}

/// QUERY_CORRECTION_OFFSET: for each queue of a topic the least offset that any group has committed; the largest number where the
/// group that it is compared with is behind that. Groups listed in `filterGroups` are left out (Apache deletes their offsets).
pub(crate) fn correction(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let header = match QueryCorrectionOffsetRequest::decode(&request.header.fields) {
        Ok(header) => header,
        Err(error) => return reply.refuse(error),
    };
    let topic = header.topic;
    let left_out: Vec<&str> = header.filter_groups.unwrap_or_default().split(',').collect();
    let mut least = BTreeMap::new();
    let offsets = broker.offsets.read();
    for group in offsets.groups_of_topic(topic) {
        if left_out.contains(&group.as_str()) {
            continue;
        }
        for (queue, offset) in offsets.of_group(&group, topic) {
            let min = broker.store.min_offset(topic, QueueId(queue)).unwrap_or_default();
            if offset >= min.0 {
                let known = least.entry(queue).or_insert(offset);
                *known = offset.min(*known);
            }
        }
    }
    for (queue, offset) in offsets.of_group(header.compare_group, topic) {
        if let Some(least) = least.get_mut(&queue).filter(|least| **least > offset) {
            *least = i64::MAX;
        }
    }
    reply.ok_body(&(), encode(&QueryCorrectionOffsetResponse { correction_offsets: least }));
}
