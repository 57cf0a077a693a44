//! The name of one queue.

use serde::{Deserialize, Serialize};

/// One queue of a topic on one broker. Also the key of maps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueue {
    /// The topic.
    pub topic: String,
    /// The broker.
    pub broker_name: String,
    /// The queue's number on the broker.
    pub queue_id: i32,
}
