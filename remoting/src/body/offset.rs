//! Tables of offsets.

use std::collections::BTreeMap;

use super::bodies;
use super::data_version::DataVersion;
use super::message_queue::MessageQueue;

bodies! {
    /// All groups' offsets: `config/consumerOffset.json`, and the answer to GET_ALL_CONSUMER_OFFSET (43).
    #[derive(Default)]
    ConsumerOffsetSerializeWrapper {
        /// By queue, by `topic@group`.
        offset_table: BTreeMap<String, BTreeMap<i32, i64>>,
        data_version: Option<DataVersion>,
    }

    /// The body of RESET_CONSUMER_CLIENT_OFFSET (220) and the answer to INVOKE_BROKER_TO_RESET_OFFSET
    /// (222).
    #[derive(Default)]
    ResetOffsetBody {
        offset_table: BTreeMap<MessageQueue, i64>,
    }

    /// The body of RESET_CONSUMER_CLIENT_OFFSET (220) for clients in C++, which cannot read the other.
    #[derive(Default)]
    ResetOffsetBodyForC {
        offset_table: Vec<MessageQueueForC>,
    }

    /// One queue's offset.
    #[derive(Default)]
    MessageQueueForC {
        topic: String,
        broker_name: String,
        queue_id: i32,
        offset: i64,
    }

    /// The answer to GET_CONSUMER_STATUS_FROM_CLIENT (221) and INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223).
    #[derive(Default)]
    GetConsumerStatusBody {
        message_queue_table: Option<BTreeMap<MessageQueue, i64>>,
        /// By client.
        consumer_table: Option<BTreeMap<String, BTreeMap<MessageQueue, i64>>>,
    }

    /// The answer to QUERY_CORRECTION_OFFSET (308).
    #[derive(Default)]
    QueryCorrectionOffsetResponse {
        /// By queue.
        correction_offsets: BTreeMap<i32, i64>,
    }
}
