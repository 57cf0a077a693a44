//! Configurations of consumer groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bodies;
use super::data_version::DataVersion;
use super::heartbeat::SubscriptionData;

bodies! {
    /// One consumer group of a broker.
    SubscriptionGroupConfig {
        group_name: String,
        consume_enable: bool,
        consume_from_min_enable: bool,
        consume_broadcast_enable: bool,
        consume_message_orderly: bool,
        retry_queue_nums: i32,
        retry_max_times: i32,
        group_retry_policy: GroupRetryPolicy,
        broker_id: i64,
        which_broker_when_consume_slowly: i64,
        notify_consumer_ids_changed_enable: bool,
        group_sys_flag: i32,
        consume_timeout_minute: i32,
        subscription_data_set: Option<Vec<SimpleSubscriptionData>>,
        attributes: BTreeMap<String, String>,
    }

    /// When a group gets a message again that it could not handle. Without the details of its type,
    /// Java's built-in ones apply.
    #[derive(Default)]
    GroupRetryPolicy {
        #[serde(rename = "type")]
        kind: GroupRetryPolicyType,
        exponential_retry_policy: Option<ExponentialRetryPolicy>,
        customized_retry_policy: Option<CustomizedRetryPolicy>,
    }

    /// Waits that grow by a factor.
    ExponentialRetryPolicy {
        /// Milliseconds.
        initial: i64,
        /// Milliseconds.
        max: i64,
        multiplier: i64,
    }

    /// Waits from a list.
    CustomizedRetryPolicy {
        /// Milliseconds.
        next: Vec<i64>,
    }

    /// A subscription that a group has by configuration.
    #[derive(Default)]
    SimpleSubscriptionData {
        topic: String,
        expression_type: String,
        expression: String,
        version: i64,
    }

    /// All groups of a broker: `config/subscriptionGroup.json`, and the answer to
    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201).
    #[derive(Default)]
    SubscriptionGroupWrapper {
        subscription_group_table: BTreeMap<String, SubscriptionGroupConfig>,
        /// Bits of what is forbidden, by topic, by group.
        forbidden_table: BTreeMap<String, BTreeMap<String, i32>>,
        data_version: DataVersion,
    }

    /// The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225).
    #[derive(Default)]
    SubscriptionGroupList {
        group_config_list: Vec<SubscriptionGroupConfig>,
    }

    /// The body of DELETE_SUBSCRIPTION_GROUP_LIST (5003).
    #[derive(Default)]
    DeleteSubscriptionGroupListRequest {
        group_name_list: Vec<String>,
        clean_offset: bool,
    }

    /// Names of groups: the answer to QUERY_TOPIC_CONSUME_BY_WHO (300).
    #[derive(Default)]
    GroupList {
        group_list: Vec<String>,
    }

    /// The answer to UPDATE_AND_GET_GROUP_FORBIDDEN (353).
    #[derive(Default)]
    GroupForbidden {
        topic: String,
        group: String,
        readable: Option<bool>,
    }

    /// The answer to QUERY_SUBSCRIPTION_BY_CONSUMER (345).
    #[derive(Default)]
    QuerySubscriptionResponse {
        subscription_data: Option<SubscriptionData>,
        group: String,
        topic: String,
    }
}

/// Which details of a [`GroupRetryPolicy`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupRetryPolicyType {
    /// Waits that grow by a factor.
    Exponential,
    /// Waits from a list.
    #[default]
    Customized,
}

impl Default for ExponentialRetryPolicy {
    /// Java's built-in waits: 5 s, doubling up to 2 h.
    fn default() -> Self {
        Self { initial: 5_000, max: 7_200_000, multiplier: 2 }
    }
}

impl Default for CustomizedRetryPolicy {
    /// Java's built-in waits: 1 s to 2 h, the delay levels.
    fn default() -> Self {
        const SECONDS: [i64; 18] =
            [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
        Self { next: SECONDS.map(|seconds| seconds * 1_000).to_vec() }
    }
}

impl Default for SubscriptionGroupConfig {
    fn default() -> Self {
        Self {
            group_name: String::new(),
            consume_enable: true,
            consume_from_min_enable: true,
            consume_broadcast_enable: true,
            consume_message_orderly: false,
            retry_queue_nums: 1,
            retry_max_times: 16,
            group_retry_policy: GroupRetryPolicy::default(),
            broker_id: 0,
            which_broker_when_consume_slowly: 1,
            notify_consumer_ids_changed_enable: true,
            group_sys_flag: 0,
            consume_timeout_minute: 15,
            subscription_data_set: None,
            attributes: BTreeMap::new(),
        }
    }
}
