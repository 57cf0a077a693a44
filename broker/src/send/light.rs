//! Light queues that a producer's message is to enter: whether there may be so many, and the one that stands for a lite topic.

use bolide_remoting::ResponseCode;
use bolide_store::light::{DISPATCH, LIGHT_PREFIX, LIGHT_QUEUE, is_light};
use bolide_store::record::properties::{Properties, push};

use crate::broker::Broker;
use crate::refusal::Refusal;
use crate::send::properties::Known;

/// Checks the light queues that a message names. A message of a lite topic is to enter that topic's queue and no other.
pub(super) fn enter(broker: &Broker, topic: &str, known: &Known<'_>, stamped: &mut Vec<u8>) -> Result<(), Refusal> {
    if known.light_queues.is_none() && known.lite_topic.is_none() {
        return Ok(());
    }
    let config = broker.config.get();
    if !(config.enable_lmq && config.enable_multi_dispatch) {
        return Ok(());
    }
    let of_lite_topic = known.lite_topic.map(|lite_topic| format!("{LIGHT_PREFIX}${topic}${lite_topic}"));
    let queues = of_lite_topic.as_deref().or(known.light_queues).unwrap_or_default();
    if config.enable_lmq_quota {
        check_quota(broker, config.max_lmq_consume_queue_num, queues)?;
    }
    if let Some(queue) = of_lite_topic {
        let all = std::mem::take(stamped);
        Properties(&all).copy_without(&[DISPATCH], stamped);
        push(stamped, DISPATCH, queue);
    }
    Ok(())
}

fn check_quota(broker: &Broker, most: i32, queues: &str) -> Result<(), Refusal> {
    let is_full = broker.store.light_queue_count() >= usize::try_from(most).unwrap_or(0);
    let is_new = |queue: &str| is_light(queue) && broker.store.min_offset(queue, LIGHT_QUEUE).is_none();
    if is_full && queues.split(',').any(is_new) {
        let remark = "[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]lmq consume queue num exceeded.";
        return Err(Refusal::new(ResponseCode::LMQ_QUOTA_EXCEEDED, remark));
    }
    Ok(())
}
