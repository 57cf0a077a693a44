//! Requests that change several topics at once (18, 5002), and the one that removes what no topic needs any more (316).

use std::sync::Arc;

use bolide_remoting::body::{CreateTopicListRequest, DeleteTopicListRequest, TopicConfig};
use bolide_remoting::{Reply, Request};

use super::requests::{check_changeable, check_config, try_delete};
use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::reply::{Respond, json_body};
use crate::topic::table::Lookup;

/// UPDATE_AND_CREATE_TOPIC_LIST. Answers when the name servers know the topics. Nothing is changed if a name or a number of
/// queues is refused; a wrong attribute is found only at its topic, when those before it are changed already, though not announced.
pub(crate) fn update(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    match try_update(broker, request) {
        Ok(changed) if changed.is_empty() => reply.ok(&()),
        Ok(changed) => {
            let reply = reply.park();
            broker.registrar.announce(changed, Box::new(move || reply.ok(&())));
        }
        Err(refusal) => reply.refuse(refusal),
    }
}

fn try_update(broker: &Broker, request: &Request<'_>) -> Result<Vec<Arc<TopicConfig>>, Refusal> {
    let wanted: CreateTopicListRequest = json_body(request)?;
    for topic in &wanted.topic_config_list {
        check_changeable(broker, &topic.topic_name)?;
        check_config(broker, topic)?;
    }
    let mut changed = Vec::new();
    for topic in wanted.topic_config_list {
        if let Lookup::Created(topic) = broker.topics.update(topic)? {
            changed.push(topic);
        }
    }
    Ok(changed)
}

/// DELETE_TOPIC_IN_BROKER_LIST.
pub(crate) fn delete(broker: &Arc<Broker>, request: &Request<'_>, reply: Reply<'_>) {
    let checked = json_body(request).and_then(|wanted: DeleteTopicListRequest| {
        wanted.topic_list.iter().try_for_each(|topic| check_changeable(broker, topic))?;
        Ok(wanted.topic_list)
    });
    match checked {
        Ok(topics) => broker.on_blocking_thread(reply, move |broker, reply| {
            reply.give(topics.iter().try_for_each(|topic| try_delete(broker, topic)));
        }),
        Err(refusal) => reply.refuse(refusal),
    }
}

/// CLEAN_UNUSED_TOPIC: removes the queues of topics that are not there any more.
pub(crate) fn clean_unused(broker: &Arc<Broker>, _: &Request<'_>, reply: Reply<'_>) {
    broker.on_blocking_thread(reply, |broker, reply| {
        let mut unused = broker.store.topics();
        unused.retain(|topic| broker.topics.get(topic).is_none() && !broker.topics.is_system_topic(topic));
        let removed = unused.iter().try_for_each(|topic| broker.store.delete_topic(topic).map(drop));
        tracing::info!(topics = ?unused, "queues of topics that are gone were asked to be removed");
        reply.give(removed.map_err(Refusal::from));
    });
}
