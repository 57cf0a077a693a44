//! Which queues a consumer receives from: all brokers, for POP shares messages out among the members of a group.

use std::sync::Arc;

use bolide_proto::v2::{Assignment, Code, MessageQueue, QueryAssignmentRequest, QueryAssignmentResponse, Resource};
use bolide_remoting::body::SubscriptionGroupConfig;

use super::route::{self, Part};
use super::{Caller, Fault, ok, resource};
use crate::broker::Broker;
use crate::lite;
use crate::topic::permission;

/// QueryAssignment: a broker as a whole, numbered −1, or each of its queues for a group that consumes in order.
pub(super) async fn query(
    broker: &Arc<Broker>,
    caller: &Caller,
    request: QueryAssignmentRequest,
) -> Result<QueryAssignmentResponse, Fault> {
    let topic = resource::topic(request.topic.as_ref())?;
    let group = resource::group(request.group.as_ref())?;
    let (parts, _) = route::parts(broker, caller, topic, request.endpoints.as_ref()).await?;
    // A client of lite topics asks a broker for all of them at once.
    let has_lite_topics = |group: &SubscriptionGroupConfig| group.attributes.contains_key(lite::BIND_TOPIC);
    let in_order =
        broker.groups.find(group).is_some_and(|group| group.consume_message_orderly && !has_lite_topics(&group));
    let assignments: Vec<Assignment> =
        parts.iter().flat_map(|part| assignments(part, request.topic.as_ref(), in_order)).collect();
    if assignments.is_empty() {
        return Err(Fault::new(Code::Forbidden, "no readable queue"));
    }
    Ok(QueryAssignmentResponse { status: ok(), assignments })
}

fn assignments(part: &Part, topic: Option<&Resource>, in_order: bool) -> Vec<Assignment> {
    let count = if permission::is_readable(part.queues.perm) { part.queues.read_queue_nums.max(0) } else { 0 };
    let ids = match (count, in_order) {
        (0, _) => 0..0,
        (_, false) => -1..0,
        (count, true) => 0..count,
    };
    let assigned = |id| MessageQueue {
        topic: topic.cloned(),
        id,
        permission: route::permission_of(part.queues.perm).into(),
        broker: Some(part.broker.clone()),
        accept_message_types: Vec::new(),
    };
    ids.map(|id| Assignment { message_queue: Some(assigned(id)) }).collect()
}

#[cfg(test)]
mod tests;
