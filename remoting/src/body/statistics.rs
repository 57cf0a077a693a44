//! How far consumers are, and how much goes on.

use std::collections::BTreeMap;

use super::bodies;
use super::heartbeat::SubscriptionData;
use super::message_queue::MessageQueue;

bodies! {
    /// The answer to GET_CONSUME_STATS (208).
    #[derive(Default)]
    ConsumeStats {
        offset_table: BTreeMap<MessageQueue, OffsetWrapper>,
        consume_tps: f64,
    }

    /// How far a group is in one queue.
    #[derive(Default)]
    OffsetWrapper {
        broker_offset: i64,
        consumer_offset: i64,
        pull_offset: i64,
        /// When the last consumed message was stored, in milliseconds since 1970.
        last_timestamp: i64,
    }

    /// The answer to GET_BROKER_CONSUME_STATS (317).
    #[derive(Default)]
    ConsumeStatsList {
        /// By group.
        consume_stats_list: Vec<BTreeMap<String, Vec<ConsumeStats>>>,
        broker_addr: String,
        total_diff: i64,
        total_inflight_diff: i64,
    }

    /// The answer to GET_TOPIC_STATS_INFO (202).
    #[derive(Default)]
    TopicStatsTable {
        topic_put_tps: f64,
        offset_table: BTreeMap<MessageQueue, TopicOffset>,
    }

    /// The ends of one queue.
    #[derive(Default)]
    TopicOffset {
        min_offset: i64,
        max_offset: i64,
        /// When the last message was stored, in milliseconds since 1970.
        last_update_timestamp: i64,
    }

    /// The answer to VIEW_BROKER_STATS_DATA (315).
    #[derive(Default)]
    BrokerStatsData {
        stats_minute: BrokerStatsItem,
        stats_hour: BrokerStatsItem,
        stats_day: BrokerStatsItem,
    }

    /// One statistic over one span of time.
    #[derive(Default)]
    BrokerStatsItem {
        sum: i64,
        tps: f64,
        /// Average per time.
        avgpt: f64,
    }

    /// The answer to QUERY_CONSUME_TIME_SPAN (303).
    #[derive(Default)]
    QueryConsumeTimeSpanResponse {
        consume_time_span_set: Vec<QueueTimeSpan>,
    }

    /// The times of one queue's messages, in milliseconds since 1970.
    #[derive(Default)]
    QueueTimeSpan {
        message_queue: MessageQueue,
        min_time_stamp: i64,
        max_time_stamp: i64,
        consume_time_stamp: i64,
        /// Milliseconds.
        delay_time: i64,
    }

    /// The answer to QUERY_CONSUME_QUEUE (321).
    #[derive(Default)]
    QueryConsumeQueueResponse {
        subscription_data: Option<SubscriptionData>,
        filter_data: Option<String>,
        queue_data: Vec<ConsumeQueueData>,
        max_queue_index: i64,
        min_queue_index: i64,
    }

    /// One entry of a consume queue.
    #[derive(Default)]
    ConsumeQueueData {
        physic_offset: i64,
        physic_size: i32,
        tags_code: i64,
        extend_data_json: Option<String>,
        bit_map: Option<String>,
        eval: bool,
        msg: Option<String>,
    }
}
