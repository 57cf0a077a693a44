//! Locks on queues, for consuming in order.

use super::bodies;
use super::message_queue::MessageQueue;

bodies! {
    /// The body of LOCK_BATCH_MQ (41) and UNLOCK_BATCH_MQ (42).
    #[derive(Default)]
    LockBatchRequest {
        consumer_group: String,
        client_id: String,
        only_this_broker: bool,
        mq_set: Vec<MessageQueue>,
    }

    /// The answer to LOCK_BATCH_MQ: the queues that the client now holds.
    #[derive(Default)]
    LockBatchResponse {
        #[serde(rename = "lockOKMQSet")]
        lock_ok_mq_set: Vec<MessageQueue>,
    }
}
