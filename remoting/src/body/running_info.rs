//! What a consumer tells of itself when a broker passes an operator's question on to it.

use std::collections::BTreeMap;

use super::bodies;
use super::heartbeat::SubscriptionData;
use super::message_queue::MessageQueue;

bodies! {
    /// The answer to GET_CONSUMER_RUNNING_INFO (307). Of the queues those that are pulled are known here.
    #[derive(Default)]
    ConsumerRunningInfo {
        /// The client's settings, `PROP_CONSUME_TYPE` and its kin among them.
        properties: BTreeMap<String, String>,
        subscription_set: Vec<SubscriptionData>,
        mq_table: BTreeMap<MessageQueue, ProcessQueueInfo>,
        /// By topic.
        status_table: BTreeMap<String, ConsumeStatus>,
        /// The stacks of its threads, if they were asked for.
        jstack: Option<String>,
    }

    /// What a consumer holds of one queue.
    #[derive(Default)]
    ProcessQueueInfo {
        commit_offset: i64,
        cached_msg_min_offset: i64,
        cached_msg_max_offset: i64,
        cached_msg_count: i32,
        locked: bool,
        /// The queue is another consumer's by now. Spelt so on the wire.
        droped: bool,
        /// Milliseconds since 1970.
        last_pull_timestamp: i64,
        /// Milliseconds since 1970.
        last_consume_timestamp: i64,
    }

    /// How fast a consumer works on one topic.
    #[derive(Default)]
    ConsumeStatus {
        /// Milliseconds.
        #[serde(rename = "pullRT")]
        pull_rt: f64,
        #[serde(rename = "pullTPS")]
        pull_tps: f64,
        /// Milliseconds.
        #[serde(rename = "consumeRT")]
        consume_rt: f64,
        #[serde(rename = "consumeOKTPS")]
        consume_ok_tps: f64,
        #[serde(rename = "consumeFailedTPS")]
        consume_failed_tps: f64,
        /// In the last hour.
        consume_failed_msgs: i64,
    }

    /// The answer to CONSUME_MESSAGE_DIRECTLY (309).
    #[derive(Default)]
    ConsumeMessageDirectlyResult {
        order: bool,
        auto_commit: bool,
        /// `CR_SUCCESS`, `CR_LATER` and so on.
        consume_result: Option<String>,
        remark: Option<String>,
        spent_time_mills: i64,
    }
}
