//! Subscriptions to lite topics.

use serde::{Deserialize, Serialize};

use super::bodies;

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
