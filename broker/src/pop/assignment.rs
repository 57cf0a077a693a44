//! QUERY_ASSIGNMENT: which queues a client of a group is to consume, and how (by pulling or by POP); and what operators set about the
//! latter (SET_MESSAGE_REQUEST_MODE and its list). Which queue goes to whom is decided by pure functions, with Apache's results.

use std::sync::Arc;

use bolide_remoting::body::{
    MessageModel, MessageQueue, MessageQueueAssignment, MessageRequestMode, QueryAssignmentRequest,
    QueryAssignmentResponse, SetMessageRequestModeRequest, encode,
};
use bolide_remoting::{Body, Reply, Request, ResponseCode};

use bolide_store::light::{self, LIGHT_QUEUE};

use super::routes;
use crate::broker::Broker;
use crate::name;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};

/// The strategies that clients may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// Neighbouring queues, as many to each client as to the next.
    Averagely,
    /// One queue to each client in turn.
    ByCircle,
}

impl Strategy {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "AVG" => Some(Strategy::Averagely),
            "AVG_BY_CIRCLE" => Some(Strategy::ByCircle),
            _ => None,
        }
    }

    /// The queues of one client; none for a client that is not in the list.
    fn allocate(self, queues: &[MessageQueue], clients: &[String], client: &str) -> Vec<MessageQueue> {
        let Some(index) = clients.iter().position(|known| known == client) else { return Vec::new() };
        let count = clients.len();
        match self {
            Strategy::ByCircle => queues.iter().skip(index).step_by(count).cloned().collect(),
            Strategy::Averagely => {
                let (each, more) = (queues.len() / count, queues.len() % count);
                let start = index * each + index.min(more);
                let length = each + usize::from(index < more);
                queues[start..start + length].to_vec()
            }
        }
    }
}

/// The queues that a client pops. `share`: how many clients after it have their queues shared with it; all, where that is not less
/// than there are others.
fn allocate_for_pop(
    strategy: Strategy,
    queues: &[MessageQueue],
    clients: &[String],
    client: &str,
    share: i32,
) -> Vec<MessageQueue> {
    let share = usize::try_from(share).unwrap_or(0);
    if share == 0 || share + 1 >= clients.len() {
        // Each broker once: queue −1 stands for all of its queues.
        let mut all: Vec<MessageQueue> =
            queues.iter().map(|queue| MessageQueue { queue_id: -1, ..queue.clone() }).collect();
        all.dedup();
        return all;
    }
    let Some(index) = clients.iter().position(|known| known == client) else { return Vec::new() };
    if clients.len() > queues.len() {
        // Each client has one queue at least.
        return queues.get(index % queues.len().max(1)).cloned().into_iter().collect();
    }
    let sharing = (0..=share).map(|step| &clients[(index + step) % clients.len()]);
    sharing.flat_map(|other| strategy.allocate(queues, clients, other)).collect()
}

/// QUERY_ASSIGNMENT. Name servers may be asked, so that the answer comes later.
pub(crate) fn query_assignment(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let question: QueryAssignmentRequest = match json_body(request) {
        Ok(question) => question,
        Err(refusal) => return reply.refuse(refusal),
    };
    let (broker, reply) = (broker.clone(), reply.park());
    tokio::spawn(async move {
        let assignments = assign(&broker, &question).await;
        let body = match assignments {
            Some(message_queue_assignments) => encode(&QueryAssignmentResponse { message_queue_assignments }),
            // Clients keep what they have.
            None => bytes::Bytes::from_static(b"{}"),
        };
        reply.respond(ResponseCode::SUCCESS, None, &(), Body::One(body));
    });
}

/// `None`: the client shall keep what it has.
async fn assign(broker: &Broker, question: &QueryAssignmentRequest) -> Option<Vec<MessageQueueAssignment>> {
    let QueryAssignmentRequest { topic, consumer_group: group, client_id, .. } = question;
    let mode = broker.pop.modes.get(topic, group).unwrap_or_else(|| default_mode(broker, topic, group));
    let all = if broker.config.get().enable_lmq && light::is_light(topic) {
        // No name server knows it: it is where its messages are.
        let broker_name = broker.config.get().broker_name.clone();
        vec![MessageQueue { topic: topic.clone(), broker_name, queue_id: LIGHT_QUEUE.0 }]
    } else {
        routes::queues(broker, topic).await?
    };
    let is_shared =
        question.message_model == MessageModel::Clustering && broker.config.get().server_load_balancer_enable;
    let queues = if is_shared {
        let mut clients: Vec<String> = {
            let registry = broker.clients.read();
            let members = registry.consumer_group(group)?.members.values();
            members.map(|member| member.introduction.client_id.clone()).collect()
        };
        clients.sort();
        clients.dedup();
        let strategy = Strategy::parse(&question.strategy_name)?;
        match mode.mode {
            MessageRequestMode::Pop => allocate_for_pop(strategy, &all, &clients, client_id, mode.pop_share_queue_num),
            MessageRequestMode::Pull => strategy.allocate(&all, &clients, client_id),
        }
    } else {
        all
    };
    let assigned = |message_queue| MessageQueueAssignment { message_queue, mode: mode.mode, attachments: None };
    Some(queues.into_iter().map(assigned).collect())
}

fn default_mode(broker: &Broker, topic: &str, group: &str) -> SetMessageRequestModeRequest {
    let config = broker.config.get();
    let pops = config.default_message_request_mode == crate::config::RequestMode::Pop && !name::is_retry_topic(topic);
    SetMessageRequestModeRequest {
        topic: topic.to_owned(),
        consumer_group: group.to_owned(),
        mode: if pops { MessageRequestMode::Pop } else { MessageRequestMode::Pull },
        pop_share_queue_num: config.default_pop_share_queue_num,
    }
}

/// SET_MESSAGE_REQUEST_MODE.
pub(crate) fn set_mode(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let mode: SetMessageRequestModeRequest = match json_body(request) {
        Ok(mode) => mode,
        Err(refusal) => return reply.refuse(refusal),
    };
    if let Err(refusal) = may_set(broker, &mode) {
        return reply.refuse(refusal);
    }
    broker.on_blocking_thread(reply, move |broker, reply| {
        reply.give(broker.pop.modes.set(mode).map_err(Refusal::from));
    });
}

fn may_set(broker: &Broker, mode: &SetMessageRequestModeRequest) -> Result<(), Refusal> {
    if name::is_retry_topic(&mode.topic) {
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, "retry topic is not allowed to set mode"));
    }
    if broker.topics.get(&mode.topic).is_none() {
        let remark = format!("topic[{}] not exist", mode.topic);
        return Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark));
    }
    if broker.groups.find(&mode.consumer_group).is_none() {
        let remark = "subscription group does not exist";
        return Err(Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
    }
    Ok(())
}

/// GET_ALL_MESSAGE_REQUEST_MODE.
pub(crate) fn modes(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    reply.give_body(Ok(encode(&broker.pop.modes.all())));
}

#[cfg(test)]
mod tests;
