//! Whether a message may be sent where it asks to go, and where that is: permissions, names, the topic (created by its first
//! message where the configuration allows), and the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bolide_remoting::ResponseCode;
use bolide_remoting::body::{TopicConfig, TopicFilterType};
use bolide_remoting::header::SendMessageRequest;
use bolide_store::QueueId;
use bolide_store::record::sys_flag;

use crate::broker::Broker;
use crate::flow;
use crate::name;
use crate::quota::{self, Traffic};
use crate::refusal::Refusal;
use crate::send::Parcel;
use crate::topic::table::Lookup;
use crate::topic::{self, permission};

/// Where a message goes.
pub(super) struct Target {
    pub(super) queue: QueueId,
    /// How many queues the topic has for writing; at least 1.
    pub(super) write_queues: i32,
    /// Bits that the topic adds to the message's `sysFlag`.
    pub(super) sys_flag: i32,
    /// The topic, if this message created it.
    pub(super) created: Option<Arc<TopicConfig>>,
}

pub(super) fn check(broker: &Broker, parcel: Parcel<'_>, header: &SendMessageRequest<'_>) -> Result<Target, Refusal> {
    let config = broker.config.get();
    let open_from_ms = config.start_accept_send_request_timestamp_ms;
    if broker.clock.now_ms() < open_from_ms {
        let remark = format!("broker unable to service, until {open_from_ms} ms since 1970");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    flow::check_waiting_sends(broker)?;
    let traffic = Traffic::Send { topic: header.topic };
    quota::admit(broker, &parcel.party, traffic)?;
    quota::charge(broker, &parcel.party, traffic, 1, parcel.body.len());
    let lookup = find_topic(broker, header)?;
    let topic = lookup.config();
    if !permission::is_writable(config.broker_permission) && topic.order {
        let remark = format!("the broker[{}] sending message is forbidden", config.broker_ip1);
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    let queues = topic.write_queue_nums.max(topic.read_queue_nums);
    if header.queue_id >= queues || topic.write_queue_nums <= 0 {
        return Err(Refusal::invalid(format!(
            "request queueId[{}] is illegal, the topic {} has {} write queues, Producer: {}",
            header.queue_id, header.topic, topic.write_queue_nums, parcel.party.peer
        )));
    }
    let queue = if header.queue_id < 0 { any_queue(topic.write_queue_nums) } else { header.queue_id };
    let multi_tags = if topic.topic_filter_type == TopicFilterType::MultiTag { sys_flag::MULTI_TAGS } else { 0 };
    let write_queues = topic.write_queue_nums;
    let created = match lookup {
        Lookup::Known(_) => None,
        Lookup::Created(topic) => Some(topic),
    };
    Ok(Target { queue: QueueId(queue), write_queues, sys_flag: multi_tags, created })
}

fn find_topic(broker: &Broker, header: &SendMessageRequest<'_>) -> Result<Lookup, Refusal> {
    let topic = header.topic;
    if !name::is_send_allowed(topic) {
        let remark = format!("Sending message to topic[{topic}] is forbidden.");
        return Err(Refusal::new(ResponseCode::NO_PERMISSION, remark));
    }
    if let Some(known) = broker.topics.get(topic) {
        return Ok(Lookup::Known(known));
    }
    name::check_topic(topic)?;
    let sys_flag = match (header.unit_mode, name::is_retry_topic(topic)) {
        (false, _) => 0,
        (true, false) => topic::sys_flag::UNIT,
        (true, true) => topic::sys_flag::UNIT_SUBSCRIPTION,
    };
    let created = broker.topics.for_message(topic, header.default_topic, header.default_topic_queue_nums, sys_flag);
    match created {
        Some(lookup) => Ok(lookup),
        None if name::is_retry_topic(topic) => Ok(broker.topics.for_group(topic, 1, false, sys_flag)),
        None => Err(Refusal::no_topic(topic)),
    }
}

/// Some queue, a different one each time: for producers that leave the choice to the broker.
fn any_queue(queues: i32) -> i32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    (NEXT.fetch_add(1, Ordering::Relaxed) % queues.unsigned_abs().max(1)) as i32
}
