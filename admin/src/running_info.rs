//! What a consumer tells of itself when a broker passes an operator's question on to it. Brokers hand it through as it is; only who asked
//! reads it. Names on the wire are Apache's.

use std::collections::BTreeMap;

use bolide_remoting::body::{MessageQueue, SubscriptionData};
use serde::Deserialize;

/// The answer to GET_CONSUMER_RUNNING_INFO (307). Of the queues those that are pulled are known here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConsumerRunningInfo {
    /// The client's settings, `PROP_CONSUME_TYPE` and its kin among them.
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) subscription_set: Vec<SubscriptionData>,
    pub(crate) mq_table: BTreeMap<MessageQueue, ProcessQueueInfo>,
    /// By topic.
    pub(crate) status_table: BTreeMap<String, ConsumeStatus>,
    /// The stacks of its threads, if they were asked for.
    pub(crate) jstack: Option<String>,
}

/// What a consumer holds of one queue.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ProcessQueueInfo {
    pub(crate) commit_offset: i64,
    pub(crate) cached_msg_count: i32,
    pub(crate) locked: bool,
    /// The queue is another consumer's by now.
    #[serde(rename = "droped")]
    pub(crate) dropped: bool,
    /// Milliseconds since 1970.
    pub(crate) last_pull_timestamp: i64,
    /// Milliseconds since 1970.
    pub(crate) last_consume_timestamp: i64,
}

/// How fast a consumer works on one topic. Times are milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConsumeStatus {
    #[serde(rename = "pullRT")]
    pub(crate) pull_rt: f64,
    #[serde(rename = "pullTPS")]
    pub(crate) pull_tps: f64,
    #[serde(rename = "consumeRT")]
    pub(crate) consume_rt: f64,
    #[serde(rename = "consumeOKTPS")]
    pub(crate) consume_ok_tps: f64,
    #[serde(rename = "consumeFailedTPS")]
    pub(crate) consume_failed_tps: f64,
    /// In the last hour.
    #[serde(rename = "consumeFailedMsgs")]
    pub(crate) consume_failed_msgs: i64,
}

/// The answer to CONSUME_MESSAGE_DIRECTLY (309).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ConsumeMessageDirectlyResult {
    /// `CR_SUCCESS`, `CR_LATER` and so on.
    pub(crate) consume_result: Option<String>,
    pub(crate) remark: Option<String>,
    pub(crate) spent_time_mills: i64,
}
