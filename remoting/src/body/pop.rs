//! POP acknowledgements.

use serde::{Deserialize, Serialize};

use super::bit_set::BitSet;
use super::bodies;

bodies! {
    /// The body of BATCH_ACK_MESSAGE (200151).
    #[derive(Default)]
    BatchAckMessageRequest {
        broker_name: String,
        acks: Vec<BatchAck>,
    }
}

/// Acknowledgements of messages that one POP took from one queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchAck {
    /// The consumer group.
    #[serde(rename = "c")]
    pub consumer_group: String,
    /// The topic.
    #[serde(rename = "t")]
    pub topic: String,
    /// Which topic the messages came from: `0` the topic, `1` its retry topic, `2` the newer kind.
    #[serde(rename = "r")]
    pub retry: String,
    /// The first offset that the POP took.
    #[serde(rename = "so")]
    pub start_offset: i64,
    /// The queue.
    #[serde(rename = "q")]
    pub queue_id: i32,
    /// The queue of the revive topic.
    #[serde(rename = "rq")]
    pub revive_queue_id: i32,
    /// When the POP was, in milliseconds since 1970.
    #[serde(rename = "pt")]
    pub pop_time: i64,
    /// For how long, in milliseconds.
    #[serde(rename = "it")]
    pub invisible_time: i64,
    /// The messages, as distances from the first offset.
    #[serde(rename = "b")]
    pub bit_set: BitSet,
}
