//! Static topics: how their logical queues lie on physical ones.

use std::collections::BTreeMap;

use super::bodies;

bodies! {
    /// What a broker tells of its part of a static topic.
    #[derive(Default, Eq)]
    TopicQueueMappingInfo {
        topic: String,
        scope: Option<String>,
        total_queues: i32,
        /// The broker's name.
        bname: String,
        epoch: i64,
        dirty: bool,
        /// Physical queue by logical queue.
        curr_id_map: BTreeMap<i32, i32>,
    }

    /// A broker's part of a static topic with its history.
    #[derive(Default, Eq)]
    TopicQueueMappingDetail {
        topic: String,
        scope: Option<String>,
        total_queues: i32,
        /// The broker's name.
        bname: String,
        epoch: i64,
        dirty: bool,
        /// Physical queue by logical queue.
        curr_id_map: BTreeMap<i32, i32>,
        hosted_queues: BTreeMap<i32, Vec<LogicQueueMappingItem>>,
    }

    /// One stretch of a logical queue.
    #[derive(Default, Eq)]
    LogicQueueMappingItem {
        #[serde(rename = "gen")]
        generation: i32,
        queue_id: i32,
        /// The broker's name.
        bname: String,
        logic_offset: i64,
        start_offset: i64,
        end_offset: i64,
        time_of_start: i64,
        time_of_end: i64,
    }
}
