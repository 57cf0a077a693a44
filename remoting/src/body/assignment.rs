//! Queues distributed among a group's members by the broker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bodies;
use super::heartbeat::MessageModel;
use super::message_queue::MessageQueue;

bodies! {
    /// The body of QUERY_ASSIGNMENT (400).
    #[derive(Default)]
    QueryAssignmentRequest {
        topic: String,
        consumer_group: String,
        client_id: String,
        strategy_name: String,
        message_model: MessageModel,
    }

    /// The answer to QUERY_ASSIGNMENT.
    #[derive(Default)]
    QueryAssignmentResponse {
        message_queue_assignments: Vec<MessageQueueAssignment>,
    }

    /// One queue that a client is to consume.
    #[derive(Default)]
    MessageQueueAssignment {
        message_queue: MessageQueue,
        mode: MessageRequestMode,
        attachments: Option<BTreeMap<String, String>>,
    }

    /// The body of SET_MESSAGE_REQUEST_MODE (401).
    #[derive(Default)]
    SetMessageRequestModeRequest {
        topic: String,
        consumer_group: String,
        mode: MessageRequestMode,
        pop_share_queue_num: i32,
    }

    /// All modes that were set: `config/messageRequestMode.json`, and the answer to
    /// GET_ALL_MESSAGE_REQUEST_MODE (402).
    #[derive(Default)]
    MessageRequestModeWrapper {
        /// By topic, by group.
        message_request_mode_map: BTreeMap<String, BTreeMap<String, SetMessageRequestModeRequest>>,
    }
}

/// How a queue is to be consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageRequestMode {
    /// By pulling.
    #[default]
    Pull,
    /// By POP.
    Pop,
}
