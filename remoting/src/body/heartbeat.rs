//! What clients say of themselves.

use serde::{Deserialize, Serialize};

use super::bodies;

bodies! {
    /// The body of HEART_BEAT (34).
    #[derive(Default)]
    HeartbeatData {
        #[serde(rename = "clientID")]
        client_id: String,
        producer_data_set: Vec<ProducerData>,
        consumer_data_set: Vec<ConsumerData>,
        /// Not zero: a version 2 heartbeat, with the hash of what `withoutSub` leaves out.
        heartbeat_fingerprint: i32,
        without_sub: bool,
    }

    /// A group of producers that the client has a member of.
    #[derive(Default)]
    ProducerData {
        group_name: String,
    }

    /// A group of consumers that the client has a member of.
    #[derive(Default)]
    ConsumerData {
        group_name: String,
        consume_type: ConsumeType,
        message_model: MessageModel,
        consume_from_where: ConsumeFromWhere,
        subscription_data_set: Vec<SubscriptionData>,
        unit_mode: bool,
    }

    /// What a group wants of one topic.
    SubscriptionData {
        class_filter_mode: bool,
        topic: String,
        /// The expression.
        sub_string: String,
        tags_set: Vec<String>,
        /// Java's hash codes of the tags.
        code_set: Vec<i32>,
        /// When the client made it, in milliseconds since 1970.
        sub_version: i64,
        /// `TAG` or `SQL92`.
        expression_type: String,
    }

    /// The body of CHECK_CLIENT_CONFIG (46).
    #[derive(Default)]
    CheckClientRequest {
        client_id: String,
        group: String,
        subscription_data: SubscriptionData,
        namespace: Option<String>,
    }

    /// The answer to GET_CONSUMER_LIST_BY_GROUP (38).
    #[derive(Default)]
    ConsumerList {
        consumer_id_list: Vec<String>,
    }
}

impl SubscriptionData {
    /// The type of expressions made of tags.
    pub const TAG: &'static str = "TAG";
    /// The type of expressions in SQL.
    pub const SQL92: &'static str = "SQL92";
    /// The expression that takes everything.
    pub const ALL: &'static str = "*";
}

impl Default for SubscriptionData {
    fn default() -> Self {
        Self {
            class_filter_mode: false,
            topic: String::new(),
            sub_string: String::new(),
            tags_set: Vec::new(),
            code_set: Vec::new(),
            sub_version: 0,
            expression_type: Self::TAG.to_owned(),
        }
    }
}

// The variants stand in Java's order: some clients send the position instead of the name.

/// How a group gets its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConsumeType {
    /// The application pulls.
    #[serde(rename = "CONSUME_ACTIVELY")]
    Actively,
    /// The client pulls for the application ("push").
    #[default]
    #[serde(rename = "CONSUME_PASSIVELY")]
    Passively,
    /// By POP.
    #[serde(rename = "CONSUME_POP")]
    Pop,
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageModel {
    /// Every member of the group.
    Broadcasting,
    /// One member of the group.
    #[default]
    Clustering,
    /// One member, by its lite topics.
    LiteSelective,
}

/// Where a group without offsets begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConsumeFromWhere {
    /// At the end.
    #[default]
    #[serde(rename = "CONSUME_FROM_LAST_OFFSET")]
    LastOffset,
    /// Deprecated; as [`ConsumeFromWhere::LastOffset`].
    #[serde(rename = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST")]
    LastOffsetOrMinWhenFirst,
    /// Deprecated; as [`ConsumeFromWhere::FirstOffset`].
    #[serde(rename = "CONSUME_FROM_MIN_OFFSET")]
    MinOffset,
    /// Deprecated; as [`ConsumeFromWhere::LastOffset`].
    #[serde(rename = "CONSUME_FROM_MAX_OFFSET")]
    MaxOffset,
    /// At the beginning.
    #[serde(rename = "CONSUME_FROM_FIRST_OFFSET")]
    FirstOffset,
    /// At a time that the client knows.
    #[serde(rename = "CONSUME_FROM_TIMESTAMP")]
    Timestamp,
}
