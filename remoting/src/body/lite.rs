//! Lite topics: subscriptions to them, and what operators are told.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{OffsetWrapper, TopicOffset, bodies};

bodies! {
    /// The body of LITE_SUBSCRIPTION_CTL (200071).
    #[derive(Default)]
    LiteSubscriptionCtl {
        subscription_set: Vec<LiteSubscription>,
    }

    /// What one client says about its lite topics.
    #[derive(Default)]
    LiteSubscription {
        action: LiteSubscriptionAction,
        client_id: String,
        group: String,
        /// The topic whose lite topics are meant.
        topic: String,
        lite_topic_set: Vec<String>,
        /// Where a new subscriber begins; where its group has got to, if there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        offset_option: Option<LiteOffset>,
        version: i64,
    }

    /// An offset in a lite topic.
    #[derive(Default)]
    LiteOffset {
        /// What `value` counts.
        #[serde(rename = "type")]
        kind: LiteOffsetKind,
        value: i64,
    }

    /// The answer to GET_BROKER_LITE_INFO (200074).
    #[derive(Default)]
    BrokerLiteInfo {
        store_type: String,
        max_lmq_num: i32,
        current_lmq_num: usize,
        lite_subscription_count: usize,
        order_info_count: usize,
        cq_table_size: usize,
        offset_table_size: usize,
        /// Clients for which something may have come.
        event_map_size: usize,
        /// After how many minutes a parent's lite topics go; −1: never.
        topic_meta: BTreeMap<String, i32>,
        /// The groups that consume a parent's lite topics.
        group_meta: BTreeMap<String, BTreeSet<String>>,
    }

    /// The answer to GET_PARENT_TOPIC_INFO (200075).
    #[derive(Default)]
    ParentTopicInfo {
        topic: String,
        /// After how many minutes its lite topics go; −1: never.
        ttl: i32,
        groups: BTreeSet<String>,
        lmq_num: usize,
        lite_topic_count: usize,
    }

    /// The answer to GET_LITE_TOPIC_INFO (200076).
    #[derive(Default)]
    LiteTopicInfo {
        parent_topic: String,
        lite_topic: String,
        subscriber: Vec<ClientGroup>,
        topic_offset: TopicOffset,
        /// Whether this is the broker that its messages are sent to.
        sharding_to_broker: bool,
    }

    /// One client of a group; `*` stands for all of a group that wants every lite topic.
    #[derive(Default)]
    ClientGroup {
        client_id: String,
        group: String,
    }

    /// The answer to GET_LITE_CLIENT_INFO (200077).
    #[derive(Default)]
    LiteClientInfo {
        parent_topic: String,
        group: String,
        client_id: String,
        /// When the client was last heard of, in milliseconds since 1970; −1: never.
        last_access_time: i64,
        last_consume_time: i64,
        /// −1 where the client is not known.
        lite_topic_count: i64,
        lite_topic_set: Option<BTreeSet<String>>,
    }

    /// The answer to GET_LITE_GROUP_INFO (200078): about one lite topic, or about those that are furthest behind.
    #[derive(Default)]
    LiteGroupInfo {
        group: String,
        parent_topic: String,
        lite_topic: Option<String>,
        /// Milliseconds since 1970; −1: nothing is left.
        earliest_unconsumed_timestamp: i64,
        total_lag_count: i64,
        lite_topic_offset_wrapper: Option<OffsetWrapper>,
        lag_count_top_k: Vec<LiteLagInfo>,
        lag_timestamp_top_k: Vec<LiteLagInfo>,
    }

    /// How far a group is behind in a lite topic.
    #[derive(Default)]
    LiteLagInfo {
        lite_topic: String,
        lag_count: i64,
        /// Milliseconds since 1970; −1: not known.
        earliest_unconsumed_timestamp: i64,
    }
}

/// What is to become of a client's subscriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LiteSubscriptionAction {
    /// These are added.
    #[default]
    PartialAdd,
    /// These are given up.
    PartialRemove,
    /// These are all.
    CompleteAdd,
    /// All are given up.
    CompleteRemove,
}

/// What an offset in a lite topic counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LiteOffsetKind {
    /// 0: where the group has got to, 1: the first message, 2: what comes from now on.
    #[default]
    Policy,
    /// The offset itself.
    Offset,
    /// Messages before the place that the group has got to.
    TailN,
    /// Milliseconds since 1970.
    Timestamp,
}
